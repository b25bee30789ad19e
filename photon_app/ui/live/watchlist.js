/**
 * The lists of this browser as the page shows them: which one, in which order, and what is selected.
 *
 * Reads and writes the browser's storage, where all tabs share the lists. An edit takes effect here at
 * once and is then written, in turn with other tabs: what one tab writes reaches another only some
 * moments later, so each holds its turn for a moment. What cannot be written is shown in this tab, and
 * tried again with the next edit. Works while the server is away; only the list of a new visitor comes
 * from there. Listeners hear of every change once, after it.
 */

import { choose, chosen, onChoice } from "./choices.js";
import { changed, edited, MAIN, mainNameOf, MOST_LISTS, othersOf, rearranged, SHARED, shifted, symbolsOf, usable } from "./lists.js";
import { sorted } from "./sort.js";
import { remember } from "./suggest.js";

/** @typedef {import("./lists.js").List} List @typedef {import("./lists.js").Edit} Edit */
/** @typedef {{list: string, edit?: Edit, name?: string, gone?: boolean, made?: readonly string[]}} Change */

const KEYS = { main: "photon.watchlist", others: "photon.lists" };
const MOMENT_MS = 150;
const UNDO_MS = 8_000;
const SORT_MS = 2_000; // a list that is sorted by a moving figure is sorted anew
const LIMIT = 100; // symbols, before the server has said how many it allows

export class Watchlist {
  #environment; #pending = /** @type {Change[]} */ ([]); #listeners = new Set();
  #shared = /** @type {?string[]} */ (null); #defaults = /** @type {?string[]} */ (null); #limit = LIMIT;
  #lists = /** @type {?List[]} */ (null); #order = /** @type {?readonly string[]} */ (null); #shown = /** @type {?string} */ (null); // each row asks for it
  #filter = ""; #still = false; #undo = /** @type {?{symbol: string, shown: boolean, change: Change, timer: any}} */ (null);
  #began = false; #last = /** @type {readonly string[]} */ ([]);
  /** How to get a symbol's newest quote, day and name: set by the page. */
  quoteOf = /** @type {(symbol: string) => any} */ (() => undefined);
  lineOf = /** @type {(symbol: string) => any} */ (() => undefined);
  nameOf = /** @type {(symbol: string) => string} */ (() => "");

  /** @param {any} [environment]  localStorage, navigator, events and timers; replaced in tests */
  constructor(environment = globalThis) { this.#environment = environment; }

  /** Call back after each change. @param {() => void} listener @returns {() => void} */
  listen(listener) {
    this.#begin();
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  #begin() {
    if (this.#began) return;
    this.#began = true;
    this.#environment.addEventListener?.("storage", (/** @type {StorageEvent} */ { key }) => {
      if (key === null || Object.values(KEYS).includes(key)) this.#changed();
    });
    this.#environment.addEventListener?.("pagehide", () => this.#store()); // what waits for its turn is not lost
    for (const name of ["selected", "list", "sort"]) onChoice(name, () => this.#changed());
    this.#environment.setInterval(() => this.#resort(), SORT_MS);
  }

  #changed() {
    this.#lists = this.#order = this.#shown = null;
    for (const listener of [...this.#listeners]) listener();
  }

  /** @param {string} key @returns {?string} */
  #stored(key) {
    try { return this.#environment.localStorage.getItem(key); } catch { return null; }
  }

  /** The server has said what a new visitor sees and how long a list may be. @param {string[]} symbols @param {number} limit */
  offer(symbols, limit) {
    if (limit === this.#limit && this.#defaults?.join() === symbols.join()) return;
    [this.#defaults, this.#limit] = [symbols, limit];
    this.#changed();
  }

  /** Show the list of an address, beside the visitor's own; null: no more. @param {?string[]} symbols */
  share(symbols) {
    this.#shared = symbols?.length ? symbols.slice(0, this.#limit) : null;
    this.#changed();
  }

  /** Every list, the first one first. @returns {List[]} */
  get lists() {
    if (this.#lists) return this.#lists;
    let main = this.#stored(KEYS.main), others = this.#stored(KEYS.others);
    for (const change of this.#pending) {
      if (change.list === MAIN && change.edit) main = edited(main, change.edit);
      else others = rearranged(others, change.list, change);
    }
    const first = { id: MAIN, name: mainNameOf(others), symbols: symbolsOf(main) ?? this.#defaults ?? [] };
    const shared = this.#shared ? [{ id: SHARED, name: "Shared", symbols: this.#shared }] : [];
    this.#lists = [...shared, first, ...othersOf(others)];
    return this.#lists;
  }

  /** Whether the symbols of the list are known: a new visitor's come from the server. */
  get ready() { return this.#defaults !== null || this.list.id !== MAIN || symbolsOf(this.#stored(KEYS.main)) !== null; }

  /** The list that is shown. @returns {List} */
  get list() {
    const { lists } = this;
    return lists.find(({ id }) => id === chosen("list")) ?? lists[0];
  }

  get limit() { return this.#limit; }

  get filter() { return this.#filter; }

  set filter(text) { this.#filter = text.slice(0, 40); this.#changed(); }

  /** The symbols of the list, in its own order. @returns {string[]} */
  get symbols() { return this.list.symbols.slice(0, this.#limit); }

  /** The symbols as they are shown: sorted and filtered. @returns {readonly string[]} */
  get order() {
    if (this.#order) return this.#order;
    const wanted = this.#filter.trim().toUpperCase();
    const fits = (/** @type {string} */ symbol) => symbol.includes(wanted) || this.nameOf(symbol).toUpperCase().includes(wanted);
    const order = sorted(wanted ? this.symbols.filter(fits) : this.symbols, chosen("sort"), this.quoteOf, this.lineOf);
    this.#order = this.#last = order.join() === this.#last.join() ? this.#last : order; // the same for who compares
    return this.#order;
  }

  /** The symbol that the page shows: the chosen one if it is in the list, else the first of the list's own order, which no price moves; "" for an empty list. */
  get shown() {
    const symbol = chosen("selected");
    return (this.#shown ??= this.symbols.includes(symbol) ? symbol : this.symbols[0] ?? "");
  }

  /** Whether the order must not change now: somebody points at a row. @param {boolean} still */
  keepStill(still) { this.#still = still; }

  #resort() {
    if (this.#still || !this.#order || !chosen("sort") || this.#environment.document?.hidden) return;
    const before = this.#order;
    this.#order = null;
    if (this.order.join() === before.join()) this.#order = before;
    else for (const listener of [...this.#listeners]) listener();
  }

  /** The symbol so many rows further, stopping at the ends. @param {number} by @returns {string} */
  beside(by) {
    const { order } = this, place = order.indexOf(this.shown);
    return order[Math.min(order.length - 1, Math.max(0, place + by))] ?? "";
  }

  /** Put symbols at the end of the list, as far as there is room. @param {readonly string[]} symbols */
  add(symbols) {
    const { list } = this, room = Math.max(0, this.#limit - list.symbols.length);
    const added = symbols.filter((symbol) => !list.symbols.includes(symbol)).slice(0, room);
    if (added.length) this.change({ list: list.id, edit: { added, instead: list.symbols } });
  }

  /** Take a symbol out of the list; `undo` puts it back for some seconds. @param {string} symbol */
  remove(symbol) {
    const { list } = this, place = list.symbols.indexOf(symbol), shown = symbol === this.shown;
    if (place < 0) return;
    if (shown) choose("selected", this.beside(1) === symbol ? this.beside(-1) : this.beside(1));
    this.#forget();
    this.change({ list: list.id, edit: { removed: [symbol], instead: list.symbols } });
    remember([symbol]);
    const next = list.symbols[place + 1];
    const change = { list: list.id, edit: { added: [symbol], instead: list.symbols, ...(next ? { before: next } : {}) } };
    this.#undo = { symbol, shown, change, timer: this.#environment.setTimeout(() => { this.#forget(); this.#changed(); }, UNDO_MS) };
    this.#changed();
  }

  /** The symbol that `undo` puts back; "" when there is none. */
  get undoable() { return this.#undo?.symbol ?? ""; }

  undo() {
    const undo = this.#undo;
    if (!undo) return;
    this.#forget();
    choose("list", undo.change.list);
    this.change(undo.change);
    if (undo.shown) choose("selected", undo.symbol);
  }

  #forget() {
    this.#environment.clearTimeout(this.#undo?.timer);
    this.#undo = null;
  }

  /** Whether the list's own order is what is shown: else it has no places to move to. */
  get movable() { return !chosen("sort") && !this.#filter; }

  /** Move a symbol by so many places of the list's own order. @param {string} symbol @param {number} by */
  move(symbol, by) {
    if (!this.movable) return;
    const { list } = this, edit = shifted(list.symbols, symbol, by);
    if (edit) this.change({ list: list.id, edit: { ...edit, instead: list.symbols } });
  }

  /** Make a list and show it. @param {string} name @param {readonly string[]} [symbols] @returns {boolean} false when there are too many */
  make(name, symbols = []) {
    if (this.lists.length >= MOST_LISTS) return false;
    const list = `l${this.#environment.crypto?.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    this.change({ list, name, made: symbols });
    choose("list", list);
    return true;
  }

  /** @param {string} name */
  rename(name) { this.change({ list: this.list.id, name }); }

  /** Remove the list that is shown; the first one cannot be. */
  drop() {
    const { id } = this.list;
    if (id === MAIN) return;
    if (id === SHARED) this.share(null);
    else this.change({ list: id, gone: true });
    choose("list", MAIN);
  }

  /** Back to what a new visitor sees. */
  restore() { this.change({ list: MAIN, edit: { anew: true } }); }

  /**
   * Make a change: here at once, then in the storage.
   * @param {Change} change
   */
  change(change) {
    if (change.list === SHARED) {
      this.#shared = usable(changed(this.#shared ?? [], change.edit ?? {}));
      this.#changed();
      return;
    }
    this.#pending.push(change);
    this.#changed();
    this.#inTurn(() => this.#write());
  }

  /** @param {() => any} act */
  #inTurn(act) {
    const { locks } = this.#environment.navigator ?? {};
    return locks ? locks.request(KEYS.main, act) : act();
  }

  async #write() {
    if (this.#store()) await new Promise((resolve) => { this.#environment.setTimeout(resolve, MOMENT_MS); });
  }

  /** @returns {boolean} whether all is stored */
  #store() {
    try {
      const storage = this.#environment.localStorage;
      while (this.#pending.length) {
        const change = this.#pending[0];
        const [key, text] = change.list === MAIN && change.edit
          ? [KEYS.main, edited(storage.getItem(KEYS.main), change.edit)]
          : [KEYS.others, rearranged(storage.getItem(KEYS.others), change.list, change)];
        storage.setItem(key, text);
        this.#pending.shift();
        this.#tell(key);
      }
    } catch (error) {
      console.error("The list cannot be stored:", error);
      return false;
    }
    return true;
  }

  /** Reflex sends what is stored on the event of a change, which the browser sends to the other tabs only. @param {string} key */
  #tell(key) {
    const { Storage, StorageEvent, localStorage, dispatchEvent } = this.#environment;
    if (Storage && localStorage instanceof Storage) dispatchEvent.call(this.#environment, new StorageEvent("storage", { key, storageArea: localStorage }));
  }
}

export const watchlist = new Watchlist();
