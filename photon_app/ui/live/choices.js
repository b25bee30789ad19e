/**
 * The visitor's choices: what is selected, shown and sorted, and how it looks.
 *
 * A choice takes effect at once, on this page, whether the server is there or not. It is kept in the
 * browser's storage, where all tabs of the browser share it; what is selected is the tab's own. What
 * is stored may be anything: a value that is none of a choice's counts as its default. Where nothing
 * can be stored, choices last as long as the page.
 *
 * A module on its own: no page here but its storage. Tested under node.
 */

/**
 * @typedef {object} Choice
 * @property {string} key          the name in the browser's storage
 * @property {string} initial      the value of a new visitor
 * @property {readonly string[]} [values]  all values there are; without it any text up to `LONGEST`
 * @property {boolean} [tab]       whether it is of this tab alone
 */

const LONGEST = 200; // characters of a free text

/** @type {Readonly<Record<string, Choice>>} every choice, by name */
export const CHOICES = {
  selected: { key: "photon.selected", initial: "", tab: true },
  list: { key: "photon.list", initial: "main", tab: true },
  timeframe: { key: "photon.timeframe", initial: "1m", values: ["1s", "1m", "5m", "15m", "1h", "1d"] },
  range: { key: "photon.range", initial: "", values: ["", "1D", "5D", "1M", "YTD", "1Y", "Max"] },
  style: { key: "photon.chart", initial: "candles", values: ["candles", "area", "line"] },
  scale: { key: "photon.scale", initial: "normal", values: ["normal", "log", "percent"] },
  indicators: { key: "photon.indicators", initial: "" }, // names between commas: "vwap,ma20"
  compare: { key: "photon.compare", initial: "", tab: true }, // symbols between commas, at most four
  zone: { key: "photon.zone", initial: "exchange", values: ["exchange", "local", "utc"] },
  sort: { key: "photon.sort", initial: "" }, // a column, "-" before it: descending; "": the list's own order
  columns: { key: "photon.columns", initial: "" }, // further columns between commas
  density: { key: "photon.density", initial: "normal", values: ["normal", "compact"] },
  width: { key: "photon.width", initial: "" }, // of the list, in CSS pixels
  rail: { key: "photon.rail", initial: "trades", values: ["trades", "day", "about"] },
  pill: { key: "photon.pill", initial: "percent", values: ["percent", "change", "volume"] },
  pair: { key: "photon.pair", initial: "green-red", values: ["green-red", "blue-orange"] },
};

/** @type {Map<string, string>} what was chosen or read, by name */
const known = new Map();
/** @type {Map<string, Set<() => void>>} */
const listeners = new Map();
let listening = false;

/** @param {Choice} choice */
function storageOf({ tab }) {
  return tab ? globalThis.sessionStorage : globalThis.localStorage;
}

/** @param {Choice} choice @param {unknown} text @returns {string} */
function valid({ initial, values }, text) {
  if (typeof text !== "string") return initial;
  return (values ? values.includes(text) : text.length <= LONGEST) ? text : initial;
}

/** @param {string} name @returns {string} what is stored, or the default */
function read(name) {
  const choice = CHOICES[name];
  try {
    return valid(choice, storageOf(choice)?.getItem(choice.key));
  } catch {
    return choice.initial; // no storage, as in some private windows
  }
}

/** Tell the listeners of a choice. @param {string} name */
function tell(name) {
  for (const listener of [...(listeners.get(name) ?? [])]) listener();
}

/** Another tab chose: its browser tells the others. @param {StorageEvent} event */
function heard({ key, storageArea }) {
  for (const [name, choice] of Object.entries(CHOICES)) {
    if (choice.tab || (key !== null && key !== choice.key) || (storageArea && storageArea !== storageOf(choice))) continue;
    const value = read(name);
    if (value === chosen(name)) continue;
    known.set(name, value);
    tell(name);
  }
}

/** @param {string} name of `CHOICES` @returns {string} the value that is chosen */
export function chosen(name) {
  if (!known.has(name)) known.set(name, read(name));
  return /** @type {string} */ (known.get(name));
}

/** Choose; a value that is none of the choice's is its default. @param {string} name @param {string} value */
export function choose(name, value) {
  const choice = CHOICES[name];
  const wanted = valid(choice, value);
  if (wanted === chosen(name)) return;
  known.set(name, wanted);
  try { storageOf(choice)?.setItem(choice.key, wanted); } catch { /* it lasts as long as the page */ }
  tell(name);
}

/** Whether a name is among names between commas. @param {string} names @param {string} name */
export const among = (names, name) => names.split(",").includes(name);

/** Names between commas with another one, or without it where it is among them. @param {string} names @param {string} name */
export function toggled(names, name) {
  const all = names.split(",").filter(Boolean);
  return (all.includes(name) ? all.filter((one) => one !== name) : [...all, name]).join(",");
}

/** Call back on each change of a choice. @param {string} name @param {() => void} listener @returns {() => void} */
export function onChoice(name, listener) {
  if (!listening) {
    listening = true;
    globalThis.addEventListener?.("storage", heard);
  }
  chosen(name); // what another tab chooses is compared with it
  if (!listeners.has(name)) listeners.set(name, new Set());
  /** @type {Set<() => void>} */ (listeners.get(name)).add(listener);
  return () => { listeners.get(name)?.delete(listener); };
}
