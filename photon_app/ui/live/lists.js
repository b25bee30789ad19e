/**
 * The visitor's lists of symbols: what is read from the browser's storage, and what becomes of it when
 * it is edited. Pure, tested under node.
 *
 * The first list, `main`, is stored by itself; the server reads it too (photon_app/ui/watchlist.py). The
 * others stand together in a second text. An edit names what goes and what comes, and is made on what
 * the storage holds at that moment: another tab may have edited it meanwhile. What is not named is
 * written as it was read, also what the page cannot use or does not show.
 */

export const MAIN = "main";
export const MAIN_NAME = "Watchlist";
export const SHARED = "shared"; // the list of an address, which is not stored
export const MOST_LISTS = 20;
export const LONGEST_NAME = 24;
const VERSION = 1;
const MOST_CHARS = 65_536; // of the first list: a longer text was not written here
const MOST_CHARS_OF_OTHERS = 1_200_000; // as many lists of the longest symbols as there may be fit
export const MOST_IMPORTED = 20_000; // characters
const BETWEEN = /(?:^|[\s,;|]+)\$?/, CELL_ENDS = /[,;\t]/, TITLE = /^\W*symbol\W*([,;\t]|$)/i;
export const SYMBOL = /^(?=.{1,32}$)[A-Z0-9^$#](?:[A-Z0-9 .:\-_/^=&+$!#*]*[A-Z0-9.:\-_/^=&+$!#*])?$/; // model.py

/**
 * @typedef {{id: string, name: string, symbols: string[]}} List
 * @typedef {{added?: readonly string[], removed?: readonly string[], instead?: readonly string[], anew?: boolean, before?: string}} Edit
 *   `instead`: the list to begin with where none is stored; `anew`: back to storing none; `before`: the
 *   symbol in front of which the added ones are put, else they come last
 */

/** @param {unknown} entry */
const nameOf = (entry) => (typeof entry === "string" ? entry.toUpperCase() : entry);

/** @param {unknown} text @param {number} [most] @returns {any} what a stored text says, null when it was not written here */
function parsed(text, most = MOST_CHARS) {
  if (typeof text !== "string" || text.length > most) return null;
  try {
    const stored = JSON.parse(text);
    return stored?.v === VERSION ? stored : null;
  } catch {
    return null;
  }
}

/** @param {unknown} text @returns {?unknown[]} the entries of a stored list, whatever they are */
function entriesOf(text) {
  const symbols = parsed(text)?.symbols;
  return Array.isArray(symbols) ? symbols : null;
}

/** @param {readonly unknown[]} entries @returns {string[]} the symbols among them, each once */
export const usable = (entries) => [...new Set(/** @type {string[]} */ (entries.map(nameOf).filter((name) => typeof name === "string" && SYMBOL.test(name))))];

/** The symbols in a text. @param {string} text @param {string | RegExp} [separator] */
export const symbolsIn = (text, separator = ",") => usable(text.split(separator).map((one) => one.trim()));

/** The symbols of an imported text: of a table that begins with "symbol", as CSV is exported, its first column; else all words. @param {string} text */
export function imported(text) {
  const [title, ...rows] = text.trim().split(/[\r\n]+/);
  if (!TITLE.test(title)) return symbolsIn(text, BETWEEN);
  return symbolsIn(rows.map((row) => row.split(CELL_ENDS, 1)[0].replace(/["']/g, "")).join("\n"), "\n");
}

/** A cell of CSV that no spreadsheet takes for a formula. @param {unknown} value */
export function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The symbols of the stored first list; null when none is stored. @param {unknown} text */
export const symbolsOf = (text) => {
  const entries = entriesOf(text);
  return entries && usable(entries);
};

/** Entries after an edit. @param {readonly unknown[]} entries @param {Edit} edit */
export function changed(entries, { added = [], removed = [], before }) {
  const kept = entries.filter((entry) => !removed.includes(/** @type {string} */ (nameOf(entry))));
  const names = new Set(kept.map(nameOf));
  const comes = added.filter((symbol) => !names.has(symbol));
  const place = before === undefined ? -1 : kept.findIndex((entry) => nameOf(entry) === before);
  return place < 0 ? [...kept, ...comes] : [...kept.slice(0, place), ...comes, ...kept.slice(place)];
}

/** What is written instead of a text; that text itself where it would be too long to be read again. @param {object} stored @param {unknown} text @param {number} most */
function written(stored, text, most) {
  const made = JSON.stringify({ v: VERSION, ...stored });
  return made.length > most && typeof text === "string" ? text : made;
}

/**
 * @param {unknown} text  the stored first list
 * @param {Edit} edit
 * @returns {string} what to store
 */
export function edited(text, edit) {
  if (edit.anew) return "";
  return written({ symbols: changed(entriesOf(text) ?? edit.instead ?? [], edit) }, text, MOST_CHARS);
}

/** A list's name as it is shown: printable, short, not empty. @param {unknown} name @param {string} [otherwise] */
export function named(name, otherwise = "List") {
  const text = typeof name === "string" ? name.replace(/[\p{C}\s]+/gu, " ").trim() : "";
  return [...text].slice(0, LONGEST_NAME).join("") || otherwise;
}

/** @param {unknown} text  of the others */
const othersIn = (text) => parsed(text, MOST_CHARS_OF_OTHERS);

/** The other lists of a stored text. @param {unknown} text @returns {List[]} */
export function othersOf(text) {
  const lists = othersIn(text)?.lists;
  const seen = new Set([MAIN, SHARED]);
  return (Array.isArray(lists) ? lists : []).filter((one) => {
    const fits = typeof one?.id === "string" && /^[\w-]{1,40}$/.test(one.id) && !seen.has(one.id) && Array.isArray(one.symbols);
    if (fits) seen.add(one.id);
    return fits;
  }).slice(0, MOST_LISTS - 1).map(({ id, name, symbols }) => ({ id, name: named(name), symbols: usable(symbols) }));
}

/** The name of the first list. @param {unknown} text  the text of the others */
export const mainNameOf = (text) => named(othersIn(text)?.main, MAIN_NAME);

/**
 * The text of the other lists after a change of one of them, or of the first one's name.
 * @param {unknown} text
 * @param {string} id
 * @param {{name?: string, edit?: Edit, gone?: boolean, made?: readonly string[]}} change
 *   `made`: the symbols of a list that is new
 */
export function rearranged(text, id, { name, edit, gone, made }) {
  const stored = { ...othersIn(text), main: mainNameOf(text) }, known = othersOf(text);
  const lists = Array.isArray(stored.lists) ? stored.lists : [], mine = (/** @type {any} */ one) => one?.id === id && Array.isArray(one.symbols);
  if (id === MAIN && name !== undefined) stored.main = named(name, MAIN_NAME);
  if (made && known.length < MOST_LISTS - 1 && !lists.some(mine)) lists.push({ id, name: named(name), symbols: usable(made) });
  stored.lists = lists.filter((/** @type {any} */ one) => !(gone && mine(one))).map((/** @type {any} */ one) => (!mine(one) || made ? one : {
    ...one,
    name: name === undefined ? one.name : named(name),
    symbols: edit ? changed(one.symbols, edit) : one.symbols,
  }));
  return written(stored, text, MOST_CHARS_OF_OTHERS);
}

/** The symbol in whose place another one stands after it was moved by so many places. @param {readonly string[]} symbols @param {string} symbol @param {number} by @returns {?Edit} null where it cannot move */
export function shifted(symbols, symbol, by) {
  const from = symbols.indexOf(symbol), to = Math.min(symbols.length - 1, Math.max(0, from + by));
  if (from < 0 || to === from) return null;
  const rest = symbols.filter((one) => one !== symbol);
  return { removed: [symbol], added: [symbol], ...(to < rest.length ? { before: rest[to] } : {}) };
}
