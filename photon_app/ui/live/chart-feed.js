/**
 * What a chart shows: one symbol's bars in one timeframe, loaded, live, and older ones on demand.
 *
 * Owns the question under way (an overtaken one is ended), the subscription of bars and the retry
 * after a failure; remembers the last few series so that going back to one paints at once. A price is in the
 * running bar as it comes, so that the newest close is the price beside the chart; the bars channel corrects
 * the bar four times a second. Nothing here touches the page: `changed` gets what to paint. A new epoch or a connection that is back loads
 * the history again, while what is shown stays.
 */

import { Series } from "./series.js";

/** @typedef {import("./series.js").Message} Message @typedef {import("./photon-client.js").Quote} Quote */
/** @typedef {{symbol: string, timeframe: string, series: Series}} Shown */

export const PAGE = 500;
const REMEMBERED = 20;
const PAUSE_MS = 5_000; // after a page that could not be had
const YOUNG = { bars: 3, ms: 2_000 }; // a symbol that is new to the server: its past may only be being looked up
const RETRY_MS = { first: 1_000, most: 15_000 };

export class ChartFeed {
  #client; #changed; #timers; #stop; #failures = 0;
  #remembered = /** @type {Map<string, Series>} */ (new Map());
  #question = /** @type {?AbortController} */ (null); #paging = /** @type {?AbortController} */ (null);
  #retry = /** @type {any} */ (null); #pause = /** @type {any} */ (null);
  #status = /** @type {any} */ (null); // what was heard of it last
  #wanted = /** @type {any} */ (null); // what is to be shown, with its key in the memory and how to stop it
  #mended = /** @type {?number} */ (null); #young = /** @type {?string} */ (null);
  #seq = /** @type {?number} */ (null); #early = /** @type {?Message} */ (null); // of the newest price; a message that is ahead of it
  /** What is painted; null before there was anything. @type {?Shown} */
  shown = null;
  /** Why there is nothing newer to see, in a sentence; empty while all is well. */
  failure = "";

  /**
   * @param {import("./photon-client.js").Photon} client
   * @param {(what: "anew" | "again" | "older" | "last" | "earlier" | "all" | "state", bar?: object) => void} changed
   * @param {{setTimeout: Function, clearTimeout: Function}} [timers]
   */
  constructor(client, changed, timers = globalThis) {
    this.#client = client;
    this.#changed = changed;
    this.#timers = timers;
    this.#stop = client.onStatus((/** @type {any} */ status) => this.#heardStatus(status));
  }

  /** Whether what is wanted is not what is shown. */
  get waiting() { return this.#wanted !== null && this.shown?.series !== this.#wanted.series; }

  /**
   * Show a symbol in a timeframe; no symbol: nothing.
   * @param {string} symbol
   * @param {string} timeframe
   * @param {boolean} [trades]  whether each price moves the running bar
   */
  show(symbol, timeframe, trades = true) {
    this.#leave();
    if (!symbol) { this.#wanted = this.shown = null; this.#changed("anew"); return; }
    const key = `${symbol} ${timeframe}`;
    const series = this.#remembered.get(key) ?? new Series();
    /** @type {(() => void)[]} */
    const stops = [];
    this.#wanted = { symbol, timeframe, key, series, stop: () => stops.forEach((stop) => stop()), trades };
    series.wait();
    if (series.bars.length) this.#show();
    stops.push(this.#client.bars(symbol, timeframe, (/** @type {Message} */ message) => this.#heard(message)));
    if (trades) stops.push(this.#client.watch(symbol, (/** @type {Quote} */ quote) => this.#traded(quote)));
    this.#load();
  }

  /** Load the page before the oldest bar, one at a time, until there is none. */
  async older() {
    if (!this.shown) return;
    const { symbol, timeframe, series } = this.shown;
    if (series.complete || this.#paging || this.#question || !series.bars.length) return;
    const paging = (this.#paging = new AbortController());
    const to = series.bars[0].time;
    const answer = await this.#ask(symbol, timeframe, { to }, paging.signal).catch(() => null);
    if (paging !== this.#paging) return;
    const fits = answer && series === this.shown?.series && series.bars[0]?.time === to;
    const count = fits ? series.prepend(answer, PAGE) : 0;
    if (count || series.complete) this.#paging = null;
    else this.#pause = this.#timers.setTimeout(() => { if (this.#paging === paging) this.#paging = null; }, PAUSE_MS);
    if (count) this.#changed("older");
  }

  /** Nothing more is wanted. */
  close() {
    this.#leave();
    this.#wanted = null;
    this.#stop();
  }

  #leave() {
    this.#end();
    this.#wanted?.stop();
    this.#seq = this.#early = null;
    this.#failures = 0;
    this.failure = "";
  }

  /** End the questions under way. */
  #end() {
    this.#question?.abort();
    this.#paging?.abort();
    this.#question = this.#paging = null;
    this.#timers.clearTimeout(this.#retry);
    this.#timers.clearTimeout(this.#pause);
  }

  /** @param {string} symbol @param {string} timeframe @param {{to?: number}} range @param {AbortSignal} signal @returns {Promise<any>} */
  #ask(symbol, timeframe, range, signal) {
    return this.#client.history(symbol, { timeframe, limit: PAGE, sessions: timeframe !== "1d", signal, ...range });
  }

  async #load() {
    const { series } = this.#wanted;
    const again = series.bars.length > 0;
    const question = (this.#question = new AbortController());
    try {
      const answer = await this.#ask(this.#wanted.symbol, this.#wanted.timeframe, {}, question.signal);
      if (question !== this.#question) return;
      this.#question = null;
      this.#failures = 0;
      this.failure = "";
      series.load(answer, PAGE, again);
      this.#settle();
      this.#show();
      this.#doubt(answer.bars.length);
    } catch (error) {
      if (question !== this.#question) return;
      this.#question = null;
      this.#failed(error);
    }
  }

  /** A very short answer is asked for once more. @param {number} count */
  #doubt(count) {
    const { key } = this.#wanted;
    const doubted = count < YOUNG.bars && key !== this.#young;
    this.#young = doubted ? key : null;
    if (doubted) this.#retry = this.#timers.setTimeout(() => this.#reload(), YOUNG.ms);
  }

  /** @param {any} error */
  #failed(error) {
    this.failure = error instanceof TypeError ? "the server cannot be reached" : error.message;
    if (this.shown?.series !== this.#wanted.series) this.shown = { ...this.#wanted, series: new Series() };
    const wait = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(this.#failures++, 8));
    this.#retry = this.#timers.setTimeout(() => this.#load(), wait);
    this.#changed("state");
  }

  #show() {
    const { symbol, timeframe, key, series } = this.#wanted;
    const same = this.shown?.series === series;
    this.shown = { symbol, timeframe, series };
    this.#remembered.delete(key);
    this.#remembered.set(key, series);
    if (this.#remembered.size > REMEMBERED) this.#remembered.delete([...this.#remembered.keys()][0]);
    this.#changed(same ? "again" : "anew");
  }

  /** @param {Message} message */
  #heard(message) {
    if (this.#waits(message)) { this.#early = message; return; }
    this.#early = null;
    const { series } = this.#wanted;
    const what = series.fold(message);
    const settled = what === "last" && this.#settle();
    if (what && !this.waiting) this.#changed(settled || what, message.bar);
    if (what === "last") this.#mend(series.torn);
  }

  /** Whether a message begins a bar whose price is still on its way: it waits for that, or for the next message. @param {Message} message */
  #waits({ bar, final }) {
    const { symbol, timeframe, series, trades } = this.#wanted;
    const quote = trades && !final && this.#early?.bar.time !== bar.time ? this.#client.quote(symbol) : null;
    return quote != null && bar.time > quote.time && bar.time > (series.newest?.time ?? bar.time) && timeframe !== "1d";
  }

  /** A price came: the running bar has it at once. @param {Quote} quote */
  #traded(quote) {
    const counts = this.#seq !== null && quote.seq > this.#seq && !quote.snapshot && !quote.polled;
    this.#seq = quote.seq;
    const { series } = this.#wanted;
    const what = this.#settle(quote, counts);
    if (what && !this.waiting) this.#changed(what, series.newest);
    if (this.#early) this.#heard(this.#early);
  }

  /** The newest bar ends with the newest price. */
  #settle(quote = this.#client.quote(this.#wanted.symbol), counts = false) {
    const { series, timeframe, trades } = this.#wanted;
    return trades && quote ? series.trade(quote, timeframe, counts) : "";
  }

  /** Ask again, once, for what a slow connection left out. @param {?number} torn */
  #mend(torn) {
    if (torn === null || torn === this.#mended || this.#question) return;
    this.#mended = torn;
    this.#reload();
  }

  #reload() {
    this.#end();
    this.#wanted.series.wait();
    this.#load();
  }

  /** Load again after a gap (the connection was lost), in a new epoch, and when the market's session is another. @param {any} status */
  #heardStatus({ connection, epoch, market }) {
    const before = this.#status;
    this.#status = { connection, epoch: epoch ?? before?.epoch, market: market ?? before?.market, lost: before?.lost };
    if (connection !== "open") { this.#status.lost ||= before?.connection === "open"; return; }
    const renewed = before?.epoch != null && epoch !== before.epoch;
    const back = this.#status.lost || this.#failures > 0;
    const turned = before?.market != null && market != null && market !== before.market;
    this.#status.lost = false;
    const replaced = renewed && this.shown?.series.source?.startsWith("replay:");
    if (renewed) this.#remembered.clear();
    if (!this.#wanted || !(renewed || back || turned)) return;
    if (replaced) this.#wanted.series = new Series(); // elsewhere bars go on in a new epoch
    this.#reload();
  }
}
