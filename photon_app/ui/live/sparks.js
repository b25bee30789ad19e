/**
 * The days of symbols as small lines: what is loaded when, their points, and their shapes. Pure but for
 * what it is given, tested under node.
 *
 * Lines are asked for together: all symbols that are wanted within `GATHER_MS` are one request, of at most
 * `MOST` symbols. A failure is tried again after half a minute, then more and more slowly. The newest `KEPT`
 * lines are kept, so that scrolling back asks for nothing.
 */

export const MOST = 100; // symbols a request
export const POINTS = 400; // of a line: a day of the exchange has 192 of five minutes
export const KEPT = 1_500; // lines: as many as a list may have symbols, so that a column of all rows drops none
const GATHER_MS = 50;
const YOUNG_MS = 2_000; // a symbol that is new to the server: its past may only be being looked up
const LEFT_MS = 60_000;
const AGAIN_MS = 30_000, MOST_PAUSE_MS = 300_000;

/**
 * One of `/api/sparklines`: its day, from the first session to the end of the last, in steps; UNIX ms.
 * @typedef {{symbol: string, day: ?number, from: ?number, to: ?number, step_ms: number, points: [number, number][], prev_close?: ?number, vwap?: ?number,
 *   low_52w?: ?number, high_52w?: ?number}} Answer
 */

export class DayLine {
  /** @type {?number} */ day = null;
  from = 0; to = 0; step = 300_000;
  /** @type {[number, number][]} time and price, oldest first */
  points = [];
  /** @type {?number} */ prevClose = null;
  /** @type {?number} */ low52 = null;
  /** @type {?number} */ high52 = null;
  /** @type {?number} the day's average price by volume, as of #volume */ #vwap = null;
  /** @type {?number} */ #volume = null;

  /** The server's answer; what was heard meanwhile and is newer stays. @param {Answer} answer */
  load({ day, from, to, step_ms, points, prev_close = null, vwap = null, low_52w = null, high_52w = null }) {
    const newest = points.at(-1)?.[0] ?? 0;
    const since = day === this.day ? this.points.filter(([time]) => time > newest) : [];
    Object.assign(this, { day, from: from ?? 0, to: to ?? 0, step: step_ms, prevClose: prev_close, low52: low_52w, high52: high_52w });
    this.points = [...points, ...since].slice(-POINTS);
    [this.#vwap, this.#volume] = [vwap, null];
  }

  /** The day's average price by volume: the server's, and what was traded since at the price of each quote; null where it is not known. @param {{day: ?number, price: number, dayVolume: ?number} | undefined} quote */
  vwap(quote) {
    if (!quote || this.#vwap === null || (quote.day ?? this.day) !== this.day) return null;
    const { price, dayVolume } = quote;
    if (dayVolume !== null) {
      const since = dayVolume - (this.#volume ?? dayVolume);
      if (since > 0) this.#vwap += (price - this.#vwap) * (since / dayVolume);
      this.#volume = Math.max(dayVolume, this.#volume ?? 0);
    }
    return this.#vwap;
  }

  /** Take in a price of this day. @param {number} time @param {number} price @returns {boolean} whether the line is another now */
  price(time, price) {
    if (this.day === null || time < this.from || time > this.to) return false;
    const [begin, last] = this.points.at(-1) ?? [time - this.step, NaN];
    if (time < begin || (time < begin + this.step && last === price)) return false;
    if (time < begin + this.step) this.points.pop();
    this.points.push([begin + Math.floor((time - begin) / this.step) * this.step, price]);
    if (this.points.length > POINTS) this.points.shift();
    return true;
  }
}

/**
 * A line in a box as paths: itself, the previous close, and the ground between; its x is the day's clock.
 * All are empty where there is nothing to draw.
 * @param {{points: [number, number][], from: number, to: number}} day
 * @param {?number} close
 * @param {number} width
 * @param {number} height
 */
export function pathsOf({ points, from, to }, close, width, height, margin = 2) {
  if (points.length === 0 || !(to > from)) return { line: "", close: "", area: "" };
  const prices = points.map(([, price]) => price);
  const low = Math.min(...prices, close ?? Infinity), high = Math.max(...prices, close ?? -Infinity);
  /** @param {number} time */
  const x = (time) => (Math.min(1, Math.max(0, (time - from) / (to - from))) * width).toFixed(1);
  /** @param {number} price */
  const y = (price) => (high > low ? margin + ((high - price) / (high - low)) * (height - 2 * margin) : height / 2).toFixed(1);
  const corners = points.map(([time, price]) => `${x(time)},${y(price)}`).join("L");
  const line = `M${corners}${points.length === 1 ? "h0" : ""}`;
  if (close == null) return { line, close: "", area: "" };
  return { line, close: `M0,${y(close)}H${width}`, area: `M${x(points[0][0])},${y(close)}L${corners}V${y(close)}Z` };
}

/** Every symbol's line: loads those that are wanted, in batches. */
export class DayLines {
  #ask; #now; #after; #failures = 0;
  #gathering = false; // whether a request is to be made soon
  /** @type {Map<string, DayLine>} */ #lines = new Map();
  /** @type {Map<string, number>} when it may be asked for again; never, while it is good */ #due = new Map();
  /** @type {Set<string>} those that were asked for once and had nothing */ #young = new Set();
  /** @type {Map<string, number>} the day for which a line was renewed */ #days = new Map();
  /** @type {Set<string>} */ #wanted = new Set();
  /** @type {Set<string>} */ #asking = new Set();
  /** @type {Set<() => void>} */ #listeners = new Set();
  /** @type {{epoch?: ?string, market?: ?string, lost: boolean} | null} */ #status = null;

  /**
   * @param {object} environment
   * @param {(path: string) => Promise<{sparklines: Answer[]} | null>} environment.ask   null for a failure
   * @param {() => number} environment.now
   * @param {(run: () => void, ms: number) => unknown} environment.after
   */
  constructor({ ask, now, after }) { [this.#ask, this.#now, this.#after] = [ask, now, after]; }

  /** @param {string} symbol @returns {DayLine} empty before it is loaded */
  line(symbol) {
    let line = this.#lines.get(symbol);
    if (line) return line;
    this.#lines.set(symbol, (line = new DayLine()));
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > KEPT) for (const kept of [this.#lines, this.#due, this.#young, this.#days]) kept.delete(oldest);
    return line;
  }

  /** The line of a symbol, if it is kept: a price alone is no reason to keep one. @param {string} symbol */
  kept(symbol) { return this.#lines.get(symbol); }

  /** @param {() => void} listener called when lines came @returns {() => void} */
  onLoad(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Somebody looks at a line: it is loaded unless it is there, on its way, or failed a moment ago. @param {string} symbol @returns {boolean} whether it is asked for now */
  want(symbol) {
    if (this.#wanted.has(symbol) || this.#asking.has(symbol) || this.#now() < (this.#due.get(symbol) ?? 0)) return false;
    this.#wanted.add(symbol);
    this.#gather();
    return true;
  }

  /** A price of a later day came: its line is asked for again, at once and then now and then, until the answer is of it. @param {string} symbol @param {number} day */
  renew(symbol, day) {
    if (this.#due.get(symbol) !== Infinity) return;
    this.#due.set(symbol, this.#days.get(symbol) === day ? this.#now() + AGAIN_MS : 0);
    this.#days.set(symbol, day);
  }

  /** Ask again in a minute at the earliest: nobody folds prices into a line now, or it does not have all. @param {string} symbol */
  later(symbol) { if (this.#due.get(symbol) === Infinity) this.#due.set(symbol, this.#now() + LEFT_MS); }

  /** A new epoch, a connection that is back and another session each make the day another, or leave a gap in it. @param {{connection: string, epoch: ?string, market: ?string}} status */
  status({ connection, epoch, market }) {
    const before = this.#status;
    const known = { epoch: epoch ?? before?.epoch, market: market ?? before?.market };
    if (connection !== "open") { this.#status = { ...known, lost: before?.epoch != null }; return; }
    this.#status = { ...known, lost: false };
    const renewed = before?.epoch != null && epoch !== before.epoch;
    if (renewed) this.#lines.clear();
    if (renewed || before?.lost || (before?.market && market && market !== before.market)) this.#due.clear();
  }

  /** Ask soon, once for all that are wanted until then; one request at a time. */
  #gather() {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#after(() => this.#flush(), GATHER_MS);
  }

  async #flush() {
    const symbols = [...this.#wanted].slice(0, MOST);
    for (const symbol of symbols) { this.#wanted.delete(symbol); this.#asking.add(symbol); }
    const epoch = this.#status?.epoch;
    const answer = await this.#ask(`/api/sparklines?symbols=${symbols.map(encodeURIComponent).join(",")}`);
    for (const symbol of symbols) this.#asking.delete(symbol);
    if (epoch == null || epoch === this.#status?.epoch) this.#take(symbols, answer); // not of a server that is gone
    this.#gathering = false;
    if (this.#wanted.size) this.#gather();
    for (const listener of [...this.#listeners]) listener();
  }

  /** @param {string[]} symbols @param {{sparklines: Answer[]} | null} answer */
  #take(symbols, answer) {
    const found = new Map((answer?.sparklines ?? []).map((one) => [one.symbol, one]));
    this.#failures = answer ? 0 : this.#failures + 1;
    const pause = Math.min(MOST_PAUSE_MS, AGAIN_MS * 2 ** Math.max(0, Math.min(this.#failures, 8) - 1));
    for (const symbol of symbols) {
      const one = found.get(symbol);
      if (one) this.line(symbol).load(one);
      const few = answer && (one?.points.length ?? 0) < 2, young = few && !this.#young.has(symbol);
      if (young) this.#young.add(symbol);
      this.#due.set(symbol, answer && !few ? Infinity : this.#now() + (young ? YOUNG_MS : pause));
    }
  }
}
