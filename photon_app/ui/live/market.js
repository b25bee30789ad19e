/**
 * The overview: an answer of `/api/market` made safe, its heat map, breadth and movers, and when to ask.
 *
 * Total: whatever the server answers, a figure that cannot be used is unknown. Bounded by `MOST`
 * symbols; `MarketPoll` has one request at a time and asks less often while there is no answer. No page
 * here; tested under node.
 */

import { digitsOf } from "./photon-client.js";

/**
 * A followed symbol, `value` what was traded of it in money, 0 where that is not known; and all of them,
 * `delay` in minutes, `followed` their number with those that have no price.
 * @typedef {{symbol: string, name: string, price: ?number, changePercent: ?number, value: number, decimals: number}} Listed
 * @typedef {{feed: string, delay: number, followed: number, symbols: Listed[]}} Market
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 * @typedef {"up" | "down" | "flat"} Way
 */

const MOST = 2_000; // symbols of an answer

/** @param {unknown} value @param {number} longest */
const textOf = (value, longest) => (typeof value === "string" ? value.slice(0, longest) : "");
/** @param {unknown} value */
const numberOf = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** @param {any} one @returns {Listed} */
function listed(one) {
  const price = numberOf(one.price), prevClose = numberOf(one.prev_close);
  return {
    symbol: textOf(one.symbol, 64), name: textOf(one.name, 80), price,
    changePercent: numberOf(one.change_percent) ?? (price !== null && prevClose ? (price / prevClose - 1) * 100 : null),
    value: Math.max(0, numberOf(one.turnover) ?? (numberOf(one.day_volume) ?? 0) * (price ?? 0)),
    decimals: Number.isInteger(one.decimals) ? Math.min(20, Math.max(0, one.decimals)) : digitsOf(price ?? 0),
  };
}

/** An answer of the server, whatever it is: each symbol once; null for none. @param {any} answer @returns {?Market} */
export function marketOf(answer) {
  if (!Array.isArray(answer?.symbols)) return null;
  /** @type {Map<string, Listed>} */
  const bySymbol = new Map();
  for (const one of answer.symbols.slice(0, MOST)) if (textOf(one?.symbol, 64)) bySymbol.set(one.symbol.slice(0, 64), listed(one));
  return {
    feed: textOf(answer.feed, 32), delay: Math.max(0, Math.round((numberOf(answer.delay_ms) ?? 0) / 60_000)),
    followed: Math.max(bySymbol.size, numberOf(answer.followed) ?? 0), symbols: [...bySymbol.values()],
  };
}

/** Where a change leads, as it is written with two decimals. @param {?number} percent @returns {Way} */
export const wayOf = (percent) => (percent === null || Math.abs(percent) < 0.005 ? "flat" : percent > 0 ? "up" : "down");

/** How much of its tint a change has, 0 to 1: all of it at 3 %. @param {?number} percent */
export const heatOf = (percent) => Math.min(1, Math.abs(percent ?? 0) / 3);

/** Without the exchange or the feed before the colon. @param {string} symbol */
export const shortName = (symbol) => symbol.slice(symbol.indexOf(":") + 1);

/** The page of a symbol. @param {string} symbol */
export const addressOf = (symbol) => `/s/${encodeURIComponent(symbol)}`;

/** Those with a price, the most traded first. @param {readonly Listed[]} symbols @param {number} most @returns {Listed[]} */
export const byValue = (symbols, most) =>
  symbols.filter(({ price }) => price !== null).sort((one, other) => other.value - one.value || (one.symbol < other.symbol ? -1 : 1)).slice(0, most);

const LEAST_SHARE = 0.4; // of an average tile: what a small one has at least, to be readable

/** What each symbol weighs: the square root of the value traded, but enough to be read. @param {readonly Listed[]} symbols */
export function weights(symbols) {
  const roots = symbols.map(({ value }) => Math.sqrt(value));
  const least = (roots.reduce((sum, root) => sum + root, 0) / roots.length) * LEAST_SHARE || 1;
  return roots.map((root) => Math.max(root, least));
}

/**
 * A squarified treemap: rectangles that fill a box, their areas as the weights. Rows are laid along the
 * shorter side of what is left, each as long as its tiles become squarer (Bruls, Huizing, van Wijk, 2000).
 * @param {readonly number[]} given  weights above zero, the greatest first
 * @param {number} width @param {number} height
 * @returns {Rect[]}
 */
export function squarify(given, width, height) {
  const sum = given.reduce((all, weight) => all + weight, 0);
  if (!(sum > 0) || !(width > 0) || !(height > 0)) return [];
  const areas = given.map((weight) => (weight / sum) * width * height);
  const left = { x: 0, y: 0, width, height };
  /** @type {Rect[]} */
  const rects = [];
  for (let from = 0; from < areas.length;) {
    const side = Math.min(left.width, left.height);
    let to = from + 1, area = areas[from];
    while (to < areas.length && longest(area + areas[to], areas[from], areas[to], side) <= longest(area, areas[from], areas[to - 1], side)) area += areas[to++];
    rects.push(...row(areas.slice(from, to), area, left, to === areas.length));
    from = to;
  }
  return rects;
}

/** The least square tile of a row: its longer side in shorter ones. @param {number} area @param {number} most @param {number} least @param {number} side */
const longest = (area, most, least, side) => Math.max((side * side * most) / (area * area), (area * area) / (side * side * least));

/** A row along the shorter side of what is left, which it is taken from. @param {number[]} areas @param {number} area @param {Rect} left @param {boolean} last */
function row(areas, area, left, last) {
  const upright = left.width >= left.height; // it stands at the left edge
  const side = upright ? left.height : left.width, rest = upright ? left.width : left.height;
  const thick = last ? rest : Math.min(rest, area / side), { x, y } = left;
  let at = 0;
  if (upright) { left.x += thick; left.width -= thick; } else { left.y += thick; left.height -= thick; }
  return areas.map((one) => {
    const long = (one / area) * side, before = at;
    at += long;
    return upright ? { x, y: y + before, width: thick, height: long } : { x: x + before, y, width: long, height: thick };
  });
}

const TILE_AREA = 5_200; // CSS pixels: an average tile has at least this, else fewer symbols are shown
const AGAIN_MS = 60_000; // a symbol keeps its place this long, though others trade more

/**
 * A tile in whole pixels; `size` of the type of its symbol, `tight` without room for more than sign and number.
 * @typedef {{symbol: string, rect: Rect, size: number, tight: boolean}} Tile
 * @typedef {{tiles: Tile[], set: string, at: number}} Arrangement
 */

/**
 * Where the tiles are: as before for a minute, so that nothing moves but what changed, and anew when
 * the box or the symbols are others.
 * @param {?Arrangement} before @param {readonly Listed[]} symbols @param {number} width @param {number} height @param {number} now  ms
 * @returns {Arrangement}
 */
export function arranged(before, symbols, width, height, now) {
  const all = byValue(symbols, MOST);
  const set = [width, height, ...all.map(({ symbol }) => symbol).sort()].join();
  if (before?.set === set && now - before.at < AGAIN_MS) return before;
  const shown = all.slice(0, Math.floor((width * height) / TILE_AREA));
  const largest = width < 1_600 ? 22 : 28;
  return { tiles: squarify(weights(shown), width, height).map((rect, at) => tile(shown[at].symbol, rect, largest)), set, at: now };
}

/** @param {string} symbol @param {Rect} exact @param {number} largest  type @returns {Tile} */
function tile(symbol, exact, largest) {
  const x = Math.round(exact.x), y = Math.round(exact.y);
  const width = Math.round(exact.x + exact.width) - x, height = Math.round(exact.y + exact.height) - y;
  const fits = Math.min(Math.sqrt(width * height) / 8, (width - 8) / (0.66 * Math.max(2, shortName(symbol).length)), (height - 6) / 2.4);
  return { symbol, rect: { x, y, width, height }, size: Math.max(10, Math.min(largest, Math.round(fits * 2) / 2)), tight: width < 72 };
}

/** Where a key leads in a list: one step with each of two keys, Home, End; null for any other. @param {string} back @param {string} on */
const inOrder = (back, on) => (/** @type {number} */ at, /** @type {string} */ key, /** @type {number} */ count) => {
  const to = { [back]: at - 1, [on]: at + 1, Home: 0, End: count - 1 }[key];
  return to === undefined ? null : Math.min(count - 1, Math.max(0, to));
};

/** Where a key leads in a list that stands upright. */
export const listStep = inOrder("ArrowUp", "ArrowDown");
const bySize = inOrder("PageUp", "PageDown");
/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Where a key leads in the heat map: an arrow to the nearest tile on that side; Home to the largest, End to
 * the smallest, PageUp and PageDown through all of them by size; null for any other key.
 * @param {readonly Rect[]} rects @param {number} at @param {string} key
 */
export function heatStep(rects, at, key) {
  if (!DIRECTIONS[key] || !rects[at]) return bySize(at, key, rects.length);
  const [dx, dy] = DIRECTIONS[key], here = rects[at];
  let nearest = at, least = Infinity;
  rects.forEach((there, index) => {
    const x = there.x + there.width / 2 - here.x - here.width / 2, y = there.y + there.height / 2 - here.y - here.height / 2;
    const ahead = x * dx + y * dy, far = ahead + 2 * Math.abs(x * dy + y * dx);
    if (ahead > 0 && far < least) [nearest, least] = [index, far];
  });
  return nearest;
}

/** How many symbols are up and down, and far up and down; `median` is null where no change is known. @param {readonly Listed[]} symbols */
export function breadth(symbols) {
  const changes = symbols.flatMap(({ changePercent }) => changePercent ?? []).sort((one, other) => one - other);
  const count = (/** @type {(change: number) => boolean} */ test) => changes.filter(test).length;
  const half = changes.length >> 1;
  return {
    up: count((change) => wayOf(change) === "up"), flat: count((change) => wayOf(change) === "flat"), down: count((change) => wayOf(change) === "down"),
    farUp: count((change) => change >= 1), farDown: count((change) => change <= -1),
    median: changes.length ? (changes[half] + changes[changes.length - 1 - half]) / 2 : null,
  };
}

/** Those that moved the most in one direction. @param {readonly Listed[]} symbols @param {Way} way @param {number} most */
export const movers = (symbols, way, most) =>
  byValue(symbols.filter(({ changePercent }) => wayOf(changePercent) === way), MOST)
    .sort((one, other) => Math.abs(other.changePercent ?? 0) - Math.abs(one.changePercent ?? 0)).slice(0, most);

export const EVERY_MS = 2_000;
const MOST_MS = 30_000; // between two requests that fail
const ANSWER_MS = 10_000; // for an answer

/** The newest market, asked for while somebody listens and the page is seen. */
export class MarketPoll {
  /** The same object until something is new; `lost`: the server does not answer, and this was the last. @type {{market: ?Market, lost: boolean}} */
  state = { market: null, lost: false };
  #ask; #hidden; #timers;
  #misses = 0; // answers that did not come since the last one that did
  /** @type {Set<() => void>} */ #listeners = new Set();
  /** @type {any} */ #timer = null;
  /** @type {?AbortController} */ #question = null;

  /**
   * @param {(path: string, signal: AbortSignal) => Promise<?object>} ask  null when it failed
   * @param {() => boolean} hidden  whether nobody sees the page
   * @param {{setTimeout: Function, clearTimeout: Function}} [timers]  replaced in tests
   */
  constructor(ask, hidden, timers = globalThis) {
    this.#ask = ask;
    this.#hidden = hidden;
    this.#timers = timers;
  }

  /** Call back on each new state. @param {() => void} listener @returns {() => void} */
  subscribe(listener) {
    this.#listeners.add(listener);
    this.look();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size) return;
      this.#timers.clearTimeout(this.#timer);
      this.#question?.abort();
      this.#question = null;
    };
  }

  /** Ask now, unless that is being done or nobody would see it; also when the page is seen again. */
  async look() {
    if (this.#question || this.#listeners.size === 0 || this.#hidden()) return;
    this.#timers.clearTimeout(this.#timer);
    const question = new AbortController();
    this.#question = question;
    this.#timer = this.#timers.setTimeout(() => question.abort(), ANSWER_MS);
    const market = marketOf(await this.#ask("/api/market", question.signal));
    if (this.#question !== question) return; // stopped meanwhile
    this.#question = null;
    this.#timers.clearTimeout(this.#timer);
    this.#misses = market ? 0 : this.#misses + 1;
    this.#timer = this.#timers.setTimeout(() => this.look(), Math.min(MOST_MS, EVERY_MS * 2 ** Math.min(this.#misses, 8)));
    this.state = market ? { market, lost: false } : { ...this.state, lost: true };
    for (const listener of [...this.#listeners]) listener();
  }
}
