/**
 * The search box without its page: what to ask for, when, what to offer, and which symbols were used.
 *
 * `Lookup` asks at most once a pause in typing and ends the question before when another is asked,
 * so that an old answer never stands under a new text. A search that fails finds nothing: what was
 * typed can be sent to the server all the same, which adds only what it knows. No page here but its
 * storage; tested under node.
 *
 * @typedef {{symbol: string, name: string, type: string}} Listing
 * @typedef {Listing & {kind: "symbol" | "list" | "typed"}} Option
 *   `symbol`: what to add; of a list all of its text
 */

import { SYMBOL } from "./lists.js";

export const PAUSE_MS = 120;
export const ENTER_MS = 300; // how long Enter waits for suggestions
const MOST = 10;
const LONGEST = 64; // of a query
export const MOST_CHARS = 4_000; // of a text
const MOST_SHOWN = 4; // unknown entries that are named
const MOST_RECENT = 8;
const MOST_NAMES = 1_000;
const MOST_STORED = 4_000; // characters of the recent ones
const RECENT = "photon.recent";
const SEPARATOR = /[,;\n\r\t\u2028\u2029，；、]/;
const TYPES = new Map([["Common Stock", "Stock"], ["ETP", "ETF"]]);

/** @type {Map<string, string>} the names that this page has shown */
const names = new Map();

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value : "");

/** What is being typed: all of it, or what follows the last comma. @param {string} typed */
export const asked = (typed) => text(typed.split(SEPARATOR).at(-1)).trim().slice(0, LONGEST);

/** The text with a symbol in the place of what is being typed. @param {string} typed @param {string} symbol */
export const completed = (typed, symbol) => [...typed.split(SEPARATOR).slice(0, -1).map((part) => part.trim()), symbol].join(", ");

/** The lines and cells of a pasted text as a list: a field of one line would join them. @param {string} clip */
export const lines = (clip) => clip.trim().replace(/\s*[\n\r\t\u2028\u2029]+\s*/g, ", ");

/** The place `step` further, through none (-1), around both ends. @param {number} place @param {number} count @param {number} step */
export const moved = (place, count, step) => ((place + 1 + step + (count + 1)) % (count + 1)) - 1;

/** The usable suggestions of an answer, whatever it is. @param {any} answer @returns {Listing[]} */
export function suggestions(answer) {
  const results = Array.isArray(answer?.results) ? answer.results : [];
  const usable = results.filter((/** @type {any} */ one) => one && text(one.symbol) && text(one.symbol).length <= 32);
  return usable.slice(0, MOST).map((/** @type {any} */ { symbol, name, type }) => ({
    symbol, name: text(name), type: TYPES.get(type) ?? text(type),
  }));
}

/** A symbol as anybody may write it: no exchange, no separators. @param {string} symbol */
const bare = (symbol) => symbol.toUpperCase().replace(/^.*:/, "").replace(/[^A-Z0-9]/g, "");

/** The entries of a text between commas and the like. @param {string} typed */
const entriesOf = (typed) => typed.split(SEPARATOR).map((entry) => entry.trim()).filter(Boolean);

/**
 * Whether a text is several symbols: it says so itself, is longer than any name, or the server found each of its words.
 * @param {string} typed  @param {readonly Listing[]} found
 */
export function listed(typed, found) {
  const words = typed.trim().split(/\s+/);
  if (entriesOf(typed).length > 1) return true;
  if (words.length < 2) return false;
  return words.length > MOST || typed.trim().length > LONGEST || words.every((word) => word.startsWith("$"))
    || words.every((word, index) => found[index] && bare(found[index].symbol) === bare(word));
}

/** Whether a text can be a symbol; one with a space only behind its exchange. @param {string} entry */
const canBe = (entry) => SYMBOL.test(entry.toUpperCase()) && (!entry.includes(" ") || entry.includes(":"));

/**
 * What is offered for a text: all of a list, what was found, and last the text itself as a symbol.
 * @param {string} typed
 * @param {?readonly Listing[]} found  null while the answer is awaited: the text itself is not offered yet
 * @param {{before?: readonly Listing[], held?: readonly string[], unknown?: string}} [also]
 *   `before`: what was found for the text before; `held`: the symbols of the list; `unknown`: entries that the server does not know
 * @returns {Option[]}
 */
export function options(typed, found, { before = [], held = [], unknown = "" } = {}) {
  const all = typed.trim(), entries = entriesOf(all), exact = all.toUpperCase();
  const row = (/** @type {Option["kind"]} */ kind, /** @type {string} */ symbol) => ({ kind, symbol, name: names.get(symbol) ?? "", type: "" });
  const rows = (found ?? before).map((one) => ({ ...row("symbol", one.symbol), ...one }));
  const known = rows.some((one) => one.symbol === exact), own = !known && held.includes(exact);
  const offered = found && entries.length > 0 && entries.every(canBe) && (entries.length > 1 ? all === unknown : !known && !own);
  return [
    ...(all !== unknown && listed(typed, found ?? []) ? [row("list", all)] : []),
    ...(own ? [row("symbol", exact)] : []),
    ...rows,
    ...(offered ? [row("typed", entries.length > 1 ? all : exact)] : []),
  ];
}

/**
 * What follows from the server's answer to a text.
 * @param {{symbols?: readonly string[], unknown?: readonly string[], notice?: string}} reply
 * @param {readonly string[]} held  the symbols of the list
 * @param {number} limit  of the list
 * @returns {{added: string[], selected: string, notice: string, rest: ?string}}  `rest`: what is left of the text; null: all of it
 */
export function outcome({ symbols = [], unknown = [], notice = "" }, held, limit) {
  const fresh = symbols.filter((symbol) => !held.includes(symbol)), old = symbols.filter((symbol) => held.includes(symbol));
  const room = Math.max(0, limit - held.length);
  const added = fresh.slice(0, room), left = fresh.slice(room);
  const shown = unknown.slice(0, MOST_SHOWN).map((entry) => (entry.length > 25 ? `${entry.slice(0, 24)}…` : entry)).join(", ");
  const told = [
    added.length ? `Added ${added.length}` : "",
    old.length ? `${old.length} already in the list` : "",
    left.length ? `${left.length} left out, since the list is full at ${limit} symbols` : "",
    unknown.length ? `${unknown.length} unknown: ${shown}${unknown.length > MOST_SHOWN ? ` and ${unknown.length - MOST_SHOWN} more` : ""}` : "",
  ];
  const alone = symbols.length + unknown.length === 1;
  const words = alone ? (left.length ? full(limit, left[0]) : "") : told.filter(Boolean).join(", ");
  const rest = [...left, ...unknown].join(", ");
  return { added, selected: added.at(-1) ?? old.at(-1) ?? "", notice: notice || words, rest: notice || (alone && left.length) ? null : rest };
}

/** @param {number} limit @param {string} symbol */
export const full = (limit, symbol) => `The list is full at ${limit} symbols: remove one to add ${symbol}`;

/** The place that Enter takes by itself: the first, unless it is the text as it was typed. @param {readonly Option[]} offered @param {string} typed */
export const preselected = (offered, typed) => (typed.trim() && offered.length > 0 && offered[0].kind !== "typed" ? 0 : -1);

/** A name in three: before what was typed, that, and after. @param {string} name @param {string} typed */
export function parts(name, typed) {
  const query = asked(typed).toLowerCase();
  const at = query ? name.toLowerCase().indexOf(query) : -1;
  return at < 0 ? [name, "", ""] : [name.slice(0, at), name.slice(at, at + query.length), name.slice(at + query.length)];
}

/** Remember names, for symbols that are used later. @param {Iterable<readonly [string, string]>} listings */
export function learn(listings) {
  if (names.size > MOST_NAMES) names.clear();
  for (const [symbol, name] of listings) if (name) names.set(symbol, name);
}

/** The symbols added or removed last, the newest first. @returns {Option[]} */
export function recent() {
  try {
    const stored = globalThis.localStorage.getItem(RECENT) ?? "";
    const entries = stored.length > MOST_STORED ? [] : JSON.parse(stored || "[]");
    const usable = entries.filter((/** @type {any} */ one) => Array.isArray(one) && SYMBOL.test(text(one[0])));
    return usable.slice(0, MOST_RECENT).map((/** @type {any} */ [symbol, name]) => ({ kind: "symbol", symbol, name: text(name).slice(0, 80), type: "" }));
  } catch {
    return []; // no storage, or something else wrote it
  }
}

/** These symbols were added or removed. @param {readonly string[]} symbols */
export function remember(symbols) {
  const before = recent();
  const known = new Map([...before.map(({ symbol, name }) => /** @type {const} */ ([symbol, name])), ...names]);
  const all = [...new Set([...[...symbols].reverse(), ...before.map(({ symbol }) => symbol)])].slice(0, MOST_RECENT);
  try {
    globalThis.localStorage.setItem(RECENT, JSON.stringify(all.map((symbol) => [symbol, known.get(symbol) ?? ""])));
  } catch { /* nothing is remembered */ }
}

export class Lookup {
  #ask; #show; #timers;
  /** @type {any} */ #timer = null;
  /** @type {?AbortController} */ #question = null;
  /** @type {?string} */ #query = null;
  /** @type {Promise<Listing[]>} */ #answer = Promise.resolve([]);

  /**
   * @param {(path: string, signal: AbortSignal) => Promise<?object>} ask  null when it failed
   * @param {(found: Listing[], query: string) => void} show
   * @param {{setTimeout: Function, clearTimeout: Function}} [timers]  replaced in tests
   */
  constructor(ask, show, timers = globalThis) {
    this.#ask = ask;
    this.#show = show;
    this.#timers = timers;
  }

  /** The text has become this: after a pause, show what fits; nothing for nothing. @param {string} typed */
  type(typed) {
    this.stop();
    const query = asked(typed);
    if (!query) { this.#show([], query); return; }
    this.#timer = this.#timers.setTimeout(() => this.#look(query), PAUSE_MS);
  }

  /**
   * What is found for this text, which is asked for at once; null when it does not come in time.
   * @param {string} typed  @param {number} [ms]
   * @returns {Promise<?Listing[]>}
   */
  settled(typed, ms = ENTER_MS) {
    const query = asked(typed);
    if (!query) return Promise.resolve([]);
    if (this.#query !== query) this.#look(query);
    return Promise.race([this.#answer, new Promise((late) => { this.#timers.setTimeout(() => late(null), ms); })]);
  }

  /** Ask and show no more until something is typed. */
  stop() {
    this.#timers.clearTimeout(this.#timer);
    this.#question?.abort();
    this.#question = this.#query = null;
  }

  /** @param {string} query */
  #look(query) {
    this.stop();
    const question = new AbortController();
    this.#question = question;
    this.#query = query;
    this.#answer = this.#ask(`/api/search?${new URLSearchParams({ q: query })}`, question.signal).then((answer) => {
      const found = suggestions(answer);
      if (this.#question === question) this.#show(found, query);
      return found;
    });
  }
}
