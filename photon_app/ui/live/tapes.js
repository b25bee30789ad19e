/**
 * The trades of one symbol, the newest first, and which of them a tape shows. Pure, tested under node.
 *
 * A live trade is a last price and has a `seq`. Loaded trades are as they were printed, with what became
 * of each, and include all up to the `seq` of their answer. A skipped price (a slow connection) and a
 * figure that changed without a price (a late trade) are not made up: the tape is `doubtful` then.
 * The conditions of live trades come only with the next answer: until then it is `unread`.
 *
 * Bounds: `DEPTH` trades are kept and `SHOWN` of them shown; the oldest are dropped.
 */

export const DEPTH = 1_000; // as many as the server keeps
export const SHOWN = 200;
export const SIZES = [0, 100, 1_000, 10_000]; // the smallest trade that is shown

/**
 * A print is a trade of `/api/trades`. A row has its way against the last price before, what is said of it in
 * two words and in full, and whether it was no last price; `seq` is 0 for a loaded one.
 * @typedef {import("./photon-client.js").Quote} Quote
 * @typedef {{time: number, price: number, volume: number, conditions: string[], counted: boolean, why: string}} Print
 * @typedef {{time: number, price: number, volume: number, direction: number, remark: string, title: string, quiet: boolean, counted: boolean, seq: number}} Row
 */

/** @type {Map<unknown, string>} shorter names of the usual conditions */
const SHORT = new Map(Object.entries({
  "Intermarket sweep": "ISO sweep", "Average price": "avg price", "Form T, extended hours": "extended", "Derivatively priced": "derivative",
  "Extended hours, sold out of sequence": "extended, late", "Sold out of sequence": "out of order", "Qualified contingent": "contingent",
  "Market center official close": "official close", "Market center official open": "official open",
}));

/** @type {Record<string, [string, string, string]>} what the server's `why` means: its word, for what the price did not count, a sentence */
export const FATES = {
  late: ["late", "not last", "Came late: in volume, high and low"],
  "range only": ["", "not last", "By its condition no last price: in volume, high and low"],
  "volume only": ["", "volume", "By its condition in the volume only"],
  repeat: ["repeat", "no", "Repeats an earlier trade"],
  held: ["outlier", "held", "Far from the last price: waits for a second trade like it"],
  outlier: ["outlier", "no", "Far from the last price, and no second trade confirmed it"],
  confirmed: ["outlier", "confirmed", "Confirmed by a second trade: in volume, high and low"],
  "earlier day": ["earlier day", "no", "Its day is over"],
  corrected: ["corrected", "", "Corrects an earlier price"],
  "outside the sessions": ["off hours", "no", "Outside the sessions of its market"],
  "bad price": ["bad price", "no", "Its price cannot be one"],
  "bad volume": ["bad volume", "no", "Its volume cannot be one"],
  "bad time": ["bad time", "no", "Its time cannot be right"],
};

/** Whether a print was the last price: only such have a direction. @param {Print} print */
const wasLast = ({ counted, why }) => counted && (why === "" || why === "corrected" || why === "outside the sessions");

/** @param {string} name of a condition; the code of an unknown one */
const short = (name) => SHORT.get(name) ?? (name.length > 3 ? name.toLowerCase() : name);

/** What became of a print, and its conditions without the usual one. @param {Print} print */
export function remarks(print) {
  const names = print.conditions.filter((name) => name !== "Regular"), words = names.map(short);
  if (wasLast(print)) return { remark: words.join(", ").replace(" sweep,", ","), title: names.join(", ") };
  const [word, effect, sentence] = (Object.hasOwn(FATES, print.why) && FATES[print.why]) || [print.why, "", ""];
  const remark = [word || words[0], effect].filter(Boolean).join(" · ");
  return { remark, title: [names.join(", "), sentence].filter(Boolean).join(". ") };
}


export class TradeTape {
  /** @type {Row[]} the newest first */
  rows = [];
  loaded = false;
  doubtful = false;
  unread = false;
  /** @type {?string} */ #epoch = null;
  /** @type {?number} */ #seq = null;
  /** @type {?Quote} */ #heard = null;

  /** A quote came; false if it is no new trade. @param {Quote} quote @param {?string} epoch */
  hear(quote, epoch) {
    if (quote === this.#heard) return false; // a new watcher
    const figures = this.#heard?.seq === quote.seq; // a late trade perhaps
    this.#heard = quote;
    if (epoch !== this.#epoch) this.#begin(epoch);
    else if (quote.seq === this.#seq) { this.doubtful ||= figures; return false; }
    else if (this.#seq !== null && quote.seq < this.#seq) return false;
    else if (this.#seq !== null && quote.seq > this.#seq + 1) this.doubtful = true;
    this.#seq = quote.seq;
    if (quote.polled) return false; // a polled price is no trade
    const before = this.rows.find((row) => !row.quiet);
    const direction = before && quote.price !== before.price ? quote.tick : 0;
    this.rows.unshift({
      time: quote.time, price: quote.price, volume: quote.volume, direction, remark: "", title: "", quiet: false, counted: true, seq: quote.seq,
    });
    this.rows.length = Math.min(this.rows.length, DEPTH);
    this.unread = true;
    return true;
  }

  /**
   * The server's answer: it has all up to its `seq`; what is newer here stays.
   * @param {{epoch: string, seq: number, trades: Print[]}} answer
   * @param {?string} [current]  the epoch of this page
   */
  load({ epoch, seq, trades }, current = epoch) {
    if (epoch !== current) return false; // of an epoch that is over, or that this page does not know yet
    if (epoch !== this.#epoch) this.#begin(epoch);
    const newer = this.rows.filter((row) => row.seq > seq);
    /** @type {Row[]} */ const loaded = [];
    /** @type {?number} */ let last = null;
    for (const trade of trades) {
      const { time, price, volume, counted } = trade, quiet = !wasLast(trade);
      const direction = quiet || last === null ? 0 : Math.sign(price - last);
      if (!quiet) last = price;
      loaded.push({ time, price, volume, direction, ...remarks(trade), quiet, counted, seq: 0 });
    }
    this.rows = [...newer, ...loaded.reverse()].slice(0, DEPTH);
    this.#seq = Math.max(this.#seq ?? 0, seq);
    this.doubtful = newer.length > 0 && newer[newer.length - 1].seq !== seq + 1;
    this.unread = newer.length > 0;
    this.loaded = true;
    return true;
  }

  /** @param {?string} epoch */
  #begin(epoch) {
    this.rows = [];
    this.#epoch = epoch;
    this.#seq = null;
    this.doubtful = this.unread = false;
  }
}

/** What of a tape is shown: the newest of a size, or, while it is held, those of then and how many came since. */
export class TapeView {
  least = 0;
  /** @type {?Row[]} the rows that stay; null while the tape moves on */
  #held = null;
  #since = SIZES.map(() => 0);

  get held() { return this.#held !== null; }

  /** How many came since it is held, of those that would be shown. */
  get fresh() { return this.#since[SIZES.indexOf(this.least)] ?? 0; }

  /** @param {Row[]} rows  those that stay */
  hold(rows) { this.#held ??= [...rows]; }

  release() {
    this.#held = null;
    this.#since.fill(0);
  }

  /** A trade came. @param {Row} row */
  count({ volume }) {
    if (this.held) SIZES.forEach((size, at) => { if (volume >= size) this.#since[at] += 1; });
  }

  /** @param {Row[]} rows  the newest first @returns {Row[]} at most `SHOWN` of them */
  of(rows) {
    /** @type {Row[]} */ const large = [];
    for (const row of this.#held ?? rows) if (row.volume >= this.least && large.push(row) === SHOWN) break;
    return large;
  }
}

/** What stands in place of trades; empty when there are some. @param {TradeTape} tape @param {number} shown @param {boolean} polled */
export function emptyWords({ loaded, rows }, shown, polled) {
  if (shown || !loaded) return "";
  if (rows.length) return `None of the newest ${rows.length} trades is that large`;
  return polled ? "This price is asked for now and then: its trades are not known" : "No trades yet";
}
