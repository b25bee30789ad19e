/**
 * The trades of one symbol, the newest first: those that the server keeps, and those seen since.
 *
 * Pure, tested under node. A live trade is a last price and has a `seq`. Loaded trades are as they were
 * printed, with what became of each, and include all up to the `seq` of their answer. A skipped
 * price (a slow connection) and a figure that changed without a price (a late trade) are not made up:
 * the tape is `doubtful` then, and should be loaded again.
 *
 * Bound: `DEPTH` trades; older ones are dropped.
 */

export const DEPTH = 200;

/** Whether a print was the last price: only such have a direction. */
const wasLast = ({ counted, why }) => counted && (why === "" || why === "corrected" || why === "outside the sessions");

/** What became of a print, in a word or two; otherwise its conditions, without the usual one. */
const remark = ({ counted, why, conditions }) => {
  if (why && !(counted && wasLast({ counted, why }))) return why;
  return conditions.filter((name) => name !== "Regular").join(", ");
};

export class TradeTape {
  /** The newest first: `{time, price, volume, direction, remark, quiet, counted, seq}`. */
  rows = [];
  doubtful = false;
  #epoch = null; #seq = null; #heard = null;

  /** A quote came; false if it is no new trade. */
  hear(quote, epoch) {
    if (quote === this.#heard) return false; // a new watcher
    const figures = this.#heard?.seq === quote.seq; // a late trade perhaps
    this.#heard = quote;
    if (epoch !== this.#epoch) this.#begin(epoch);
    else if (quote.seq === this.#seq) { this.doubtful ||= figures; return false; }
    else if (quote.seq < this.#seq) return false;
    else if (this.#seq !== null && quote.seq > this.#seq + 1) this.doubtful = true;
    this.#seq = quote.seq;
    if (quote.polled) return false; // a polled price is no trade
    const before = this.rows.find((row) => !row.quiet);
    const direction = before && quote.price !== before.price ? quote.tick : 0;
    this.rows.unshift({
      time: quote.time, price: quote.price, volume: quote.volume, direction, remark: "", quiet: false, counted: true, seq: quote.seq,
    });
    this.rows.length = Math.min(this.rows.length, DEPTH);
    return true;
  }

  /** The server's answer: it has all up to its `seq`; what is newer here stays. */
  load({ epoch, seq, trades }, current = epoch) {
    if (epoch !== current) return false; // of an epoch that is over, or that this page does not know yet
    if (epoch !== this.#epoch) this.#begin(epoch);
    const newer = this.rows.filter((row) => row.seq > seq), loaded = [];
    let last = null;
    for (const trade of trades) {
      const quiet = !wasLast(trade);
      const direction = quiet || last === null ? 0 : Math.sign(trade.price - last);
      if (!quiet) last = trade.price;
      loaded.push({
        time: trade.time, price: trade.price, volume: trade.volume, direction, remark: remark(trade), quiet, counted: trade.counted, seq: 0,
      });
    }
    this.rows = [...newer, ...loaded.reverse()].slice(0, DEPTH);
    this.#seq = Math.max(this.#seq ?? 0, seq);
    this.doubtful = newer.length > 0 && newer.at(-1).seq !== seq + 1;
    return true;
  }

  #begin(epoch) {
    this.rows = [];
    this.#epoch = epoch;
    this.#seq = null;
    this.doubtful = false;
  }
}
