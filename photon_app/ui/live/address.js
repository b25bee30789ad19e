/**
 * The page's address: what is shown, so that a link shows the same and "back" goes back.
 *
 *   /                          the list (a telephone's first screen)
 *   /s/NVDA?tf=5m&list=main    a symbol, its chart's interval and the list that it is of
 *   /?s=AAPL,MSFT&sel=AAPL     a list of its own, shown beside the visitor's lists and not stored
 *
 * Written and read here alone, with the browser's own history: a selection loads nothing. The page is
 * one for Reflex's router, which sees `/` (`begin.js`). An address is input like any other: what is no
 * symbol, interval or list is left out. `parse` and `format` are pure, tested under node.
 */

import { CHOICES, choose, chosen, onChoice } from "./choices.js";
import { MAIN, SHARED, symbolsIn } from "./lists.js";
import { watchlist } from "./watchlist.js";

/** @typedef {{symbol: string, timeframe: string, list: string, shared: string[]}} Shown */

const LONGEST = 4_096;
const WRITE_MS = 350; // browsers refuse more than 100 addresses in 30 s, as a key that is held would make

/** @param {string} text @returns {string} the text decoded; "" for what cannot be */
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return ""; }
}

/** What an address shows. @param {string} address  path and query @returns {Shown} */
export function parse(address) {
  const [path, query = ""] = address.slice(0, LONGEST).split("#")[0].split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const names = given.get("s") ?? "";
  const shared = symbolsIn(address.length > LONGEST ? names.replace(/[^,]*$/, "") : names); // half a symbol is another
  const [symbol = ""] = symbolsIn(path.startsWith("/s/") ? decoded(path.slice(3)) : given.get("sel") ?? "");
  const timeframe = given.get("tf") ?? "", list = given.get("list") ?? "";
  return {
    symbol: shared.length && !shared.includes(symbol) ? "" : symbol,
    timeframe: CHOICES.timeframe.values?.includes(timeframe) ? timeframe : "",
    list: /^[\w-]{1,40}$/.test(list) ? list : "",
    shared,
  };
}

/** @param {string} symbol  with the colons and slashes of a symbol as they are, where a path may hold them */
const inPath = (symbol) => encodeURIComponent(symbol).replace(/%3A/g, ":").replace(/%24/g, "$");

/** The address of what is shown; of a list that is too long for one, its first symbols. @param {Shown} shown */
export function format({ symbol, timeframe, list, shared }) {
  if (shared.length) {
    const sel = symbol ? `&sel=${inPath(symbol)}` : "", names = shared.map(inPath).join(","), room = LONGEST - sel.length - 4;
    return `/?s=${names.length > room ? names.slice(0, room).replace(/,[^,]*$/, "") : names}${sel}`;
  }
  if (!symbol) return "/";
  const query = [timeframe && timeframe !== CHOICES.timeframe.initial ? `tf=${timeframe}` : "", list && list !== MAIN ? `list=${list}` : ""];
  const text = query.filter(Boolean).join("&");
  return `/s/${inPath(symbol)}${text ? `?${text}` : ""}`;
}

/** Whether the page is a telephone's: it shows the list or a symbol. As in styles/phone.css. */
export const stacked = () => matchMedia("(max-width: 820px), (max-height: 520px)").matches;

class Address {
  /** Whether a symbol is shown, and not the list: a telephone shows one of them. */
  open = false;
  #listeners = new Set(); #place = 0; #moving = false; #begun = false; #waiting = /** @type {?Shown} */ (null);
  #wrote = -WRITE_MS; #later = false; // when the address was written last; whether it will be

  /** Call back when `open` is another. @param {() => void} listener @returns {() => void} */
  listen(listener) {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  /** Read the address with which the page was opened, and keep it true from now on. @returns {() => void} stops */
  begin() {
    const window = /** @type {any} */ (globalThis);
    this.#begun = true;
    this.#read(window.photonAddress ?? location.pathname + location.search);
    const moved = () => this.#read(location.pathname + location.search);
    addEventListener("photon:address", moved);
    const stops = [
      watchlist.listen(() => this.#settle()),
      ...["selected", "timeframe", "list"].map((name) => onChoice(name, () => this.#write())),
      () => removeEventListener("photon:address", moved),
    ];
    return () => { for (const stop of stops) stop(); };
  }

  /** Choose a symbol; a page beside the dashboard is left for it. @param {string} symbol */
  select(symbol) {
    choose("selected", symbol);
    if (!this.#begun) location.assign(format({ symbol, timeframe: "", list: chosen("list"), shared: [] }));
  }

  /** Show a symbol as a page of its own, to which "back" leads again. @param {string} symbol */
  show(symbol) {
    const opens = !this.open;
    if (opens) this.#place = scrollY;
    this.#moving = true;
    choose("selected", symbol);
    this.#moving = false;
    this.#set(true);
    const address = this.#address();
    if (address !== location.pathname + location.search) history.pushState({ photon: true }, "", address);
    if (opens && stacked()) scrollTo(0, 0);
  }

  /** Back to the list. */
  close() {
    if (!this.open) return;
    if (history.state?.photon) history.back();
    else {
      this.#set(false);
      history.replaceState(null, "", this.#address());
    }
  }

  /** @param {boolean} open */
  #set(open) {
    if (open === this.open) return;
    this.open = open;
    for (const listener of [...this.#listeners]) listener();
  }

  #address() {
    const { list } = watchlist;
    const shared = list.id === SHARED ? list.symbols : [];
    return format({ symbol: this.open || shared.length ? watchlist.shown : "", timeframe: chosen("timeframe"), list: list.id, shared });
  }

  #write() {
    if (this.#waiting || this.#moving || this.#later) return;
    const address = this.#address(), wait = this.#wrote + WRITE_MS - performance.now();
    if (address === location.pathname + location.search) return;
    if (wait > 0) {
      this.#later = true;
      setTimeout(() => { this.#later = false; this.#write(); }, wait);
      return;
    }
    this.#wrote = performance.now();
    history.replaceState(history.state, "", address);
  }

  /** @param {string} address */
  #read(address) {
    this.#waiting = parse(address);
    if (this.#waiting.timeframe) choose("timeframe", this.#waiting.timeframe);
    this.#set(Boolean(this.#waiting.symbol) && !this.#waiting.shared.length);
    this.#settle();
    if (!this.open) requestAnimationFrame(() => scrollTo(0, this.#place));
  }

  /** Select what an address named, as soon as the list is known. */
  #settle() {
    const wanted = this.#waiting;
    if (!wanted || !watchlist.ready) return;
    this.#waiting = null;
    /** @type {any} */ (globalThis).photonAddress = undefined;
    const { symbol, list, shared } = wanted;
    if (shared.length) watchlist.share(shared);
    if (shared.length) choose("list", SHARED);
    else if (watchlist.lists.some(({ id }) => id === list)) choose("list", list);
    if (symbol && !watchlist.symbols.includes(symbol)) {
      const holder = watchlist.lists.find(({ symbols }) => symbols.includes(symbol));
      if (!holder) watchlist.share([symbol]);
      choose("list", holder?.id ?? SHARED);
    }
    if (symbol) choose("selected", symbol);
    this.#write();
  }
}

export const address = new Address();
