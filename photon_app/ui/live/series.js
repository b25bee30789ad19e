/**
 * The bars of one chart: a history with what came since folded in; pure, tested under node.
 *
 * Bars are kept in order of time, one a time, at most `MOST`; beyond that the oldest go. Nothing
 * here asks for anything or touches the page.
 */

import { INTO_DATE } from "./days.js";

/** @typedef {import("./photon-client.js").Bar & {final?: boolean}} Bar  `final`: it is over */
/** @typedef {{session: string, from: number, to: number}} Session */
/** @typedef {{bar: Bar, final: boolean, corrected?: boolean}} Message  of the bars channel */
/** @typedef {{bars: Bar[], sessions?: Session[], source: string, since?: ?number, partial?: boolean}} Answer  of `/api/bars` */

export const MOST = 10_000;
const SLACK = 1_000; // dropped at once, so that not every new bar moves all others
const PENDING = 16;
const FINAL_MS = 10_000; // a bar is sent as final 2 s after its end
const DAY = 86_400_000;
/** How long a bar is, ms; that of a day is a trading day. @type {Record<string, number>} */
export const SPANS = { "1s": 1_000, "1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "1d": DAY };
/** The ranges, each with the interval that fits it. @type {Record<string, string>} */
export const RANGES = { "1D": "5m", "5D": "15m", "1M": "1h", YTD: "1d", "1Y": "1d", Max: "1d" };

/** The place of the first bar at or after a time; as many as there are bars when there is none. @param {readonly {time: number}[]} bars @param {number} time */
export function placeOf(bars, time) {
  let low = 0, high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sessions of two answers in order, one a beginning. @param {Session[]} one @param {Session[]} other */
function joined(one, other) {
  const all = new Map([...one, ...other].map((session) => [session.from, session]));
  return [...all.values()].sort((a, b) => a.from - b.from).slice(-MOST);
}

/**
 * Which bars lie outside the regular session, or in any: `[{session, from, to, first, last}]` by place.
 * @param {{time: number}[]} bars
 * @param {{session: string, from: number, to: number}[]} sessions
 * @param {boolean} [all]  the regular ones too
 */
export function bands(bars, sessions, all = false) {
  return sessions
    .filter(({ session }) => all || session !== "regular")
    .map((session) => ({ ...session, first: placeOf(bars, session.from), last: placeOf(bars, session.to) - 1 }))
    .filter(({ first, last }) => last >= first);
}

/**
 * Runs of incomplete bars, in which the feed was down or did not follow: `[{first, last}]` by place.
 * @param {{incomplete?: boolean}[]} bars
 */
export function holes(bars) {
  /** @type {{first: number, last: number}[]} */
  const found = [];
  bars.forEach(({ incomplete }, place) => {
    const before = found.at(-1);
    if (incomplete && before?.last === place - 1) before.last = place;
    else if (incomplete) found.push({ first: place, last: place });
  });
  return found;
}

/**
 * Where the bar begins that a trade belongs to, by the rules of docs/protocol.md; null where none does: outside
 * the sessions, where they are known.
 * @param {number} time
 * @param {string} timeframe
 * @param {{from: number, to: number}[]} sessions  of US stocks; none of anything else
 * @param {?number} day  when the symbol's trading day began
 */
export function beginOf(time, timeframe, sessions, day) {
  if (timeframe === "1d") return day != null && time >= day ? day : null;
  const session = sessions.findLast(({ from, to }) => from <= time && time < to);
  if (sessions.length && !session) return null;
  const from = timeframe === "1h" && session ? session.from : 0;
  return from + Math.floor((time - from) / SPANS[timeframe]) * SPANS[timeframe];
}

/** So many months before a time, on the same day of the month or the month's last. @param {number} time @param {number} months */
function monthsBefore(time, months) {
  const then = new Date(time);
  then.setUTCMonth(then.getUTCMonth() - months);
  if (then.getUTCDate() !== new Date(time).getUTCDate()) then.setUTCDate(0);
  return then.getTime();
}

/**
 * Where a range begins that ends with the newest bar: days are trading days from the pre-market on, or 24 hours
 * of what has no sessions.
 * @param {string} range  of `RANGES`
 * @param {number} time  of the newest bar
 * @param {{session: string, from: number}[]} sessions
 */
export function rangeBegin(range, time, sessions) {
  if (range === "1M" || range === "1Y") return monthsBefore(time, range === "1M" ? 1 : 12);
  if (range === "YTD") return Date.UTC(new Date(time + INTO_DATE).getUTCFullYear(), 0) - INTO_DATE;
  if (range === "Max") return -Infinity;
  const days = range === "1D" ? 1 : 5;
  if (!sessions.length) return time - days * DAY + 1;
  return sessions.filter(({ session, from }) => session === "pre" && from <= time).at(-days)?.from ?? -Infinity;
}

export class Series {
  /** @type {Bar[]} oldest first */
  bars = [];
  /** @type {Session[]} */
  sessions = [];
  /** Of what the bars are: simulated, finnhub or replay:… */
  source = "";
  /** When the oldest bar on disk begins; null when there is none. @type {?number} */
  since = null;
  /** Whether nothing older can be had. */
  complete = false;
  /** Whether the database did not answer: older bars may be missing. */
  partial = false;
  /** @type {Map<number, Message>} */
  #pending = new Map();
  #loaded = false;

  get newest() { return this.bars.at(-1); }

  /**
   * The time of a bar that should be final by now and is not: what a connection that is too slow leaves,
   * which gets the newest bars only. Null when there is none.
   */
  get torn() {
    const { bars } = this, newest = this.newest?.time ?? 0;
    for (let at = bars.length - 2; at >= Math.max(0, bars.length - 8); at -= 1) {
      if (!bars[at].final && bars[at + 1].time + FINAL_MS <= newest) return bars[at].time;
    }
    return null;
  }

  /** Messages that come before the history are kept for it: of the newest few bars. */
  wait() {
    this.#loaded = false;
    this.#pending.clear();
  }

  /**
   * Begin with an answer, or begin again after a pause of the connection.
   * @param {Answer} answer
   * @param {number} limit  how many bars were asked for
   * @param {boolean} [again]  the same epoch: older bars that were loaded stay, if there is no gap
   */
  load(answer, limit, again = false) {
    const first = answer.bars[0]?.time ?? -Infinity;
    const gapless = again && this.newest !== undefined && this.newest.time >= first && this.bars[0].time < first;
    const older = gapless ? this.bars.slice(0, placeOf(this.bars, first)) : [];
    this.bars = [...older, ...answer.bars];
    this.sessions = joined(gapless ? this.sessions : [], answer.sessions ?? []);
    this.source = answer.source;
    this.since = answer.since ?? null;
    if (!gapless) this.#judge(answer, limit);
    this.#loaded = true;
    for (const message of [...this.#pending.values()].sort((a, b) => a.bar.time - b.bar.time)) this.fold(message);
    this.#pending.clear();
  }

  /** Put older bars in front; returns how many. @param {Answer} answer @param {number} limit */
  prepend(answer, limit) {
    const room = Math.max(0, MOST - this.bars.length);
    const end = placeOf(answer.bars, this.bars[0]?.time ?? Infinity);
    const older = answer.bars.slice(Math.max(0, end - room), end);
    this.bars = [...older, ...this.bars];
    this.sessions = joined(answer.sessions ?? [], this.sessions);
    this.#judge(answer, limit);
    if (this.bars.length >= MOST || (older.length === 0 && !this.partial)) this.complete = true;
    return older.length;
  }

  /** @param {Answer} answer @param {number} limit */
  #judge(answer, limit) {
    const first = this.bars[0];
    this.partial = answer.partial === true;
    this.complete = !this.partial && (answer.bars.length < limit || (this.since !== null && first.time <= this.since));
  }

  /**
   * Take in a message of the bars channel.
   * @param {Message} message
   * @returns {"" | "last" | "earlier" | "all"} what changed: nothing, the newest bar (or there is a
   *   newer one), an earlier one in its place, or the places of the bars
   */
  fold({ bar, final, corrected }) {
    if (!this.#loaded) {
      this.#keep({ bar, final, corrected });
      return "";
    }
    const at = placeOf(this.bars, bar.time);
    const held = this.bars[at];
    const whole = { ...bar, final };
    if (held === undefined) {
      this.bars.push(whole);
      return this.#trim() ? "all" : "last";
    }
    if (held.time === bar.time) {
      const older = (held.final && !final) || (!corrected && bar.count < held.count);
      if (older) return "";
      this.bars[at] = whole;
      return at === this.bars.length - 1 ? "last" : "earlier";
    }
    if (at === 0 && !this.complete) return "";
    this.bars.splice(at, 0, whole);
    return "all";
  }

  /**
   * Fold a price into the running bar, or begin one with it, until the bars channel says what it came to.
   * @param {Pick<import("./photon-client.js").Quote, "price" | "volume" | "time" | "day" | "session">} quote
   * @param {string} timeframe
   * @param {boolean} counts  whether it is a trade that no bar has yet: its volume counts
   * @returns {"" | "last" | "earlier" | "all"} as `fold`
   */
  trade({ price, volume, time, day, session }, timeframe, counts) {
    const { newest } = this;
    const begin = this.#loaded && session !== "closed" ? beginOf(time, timeframe, this.sessions, day) : null;
    if (begin === null || (newest && begin < newest.time)) return "";
    const held = newest?.time === begin ? newest : { time: begin, open: price, high: price, low: price, volume: 0, count: 0, vwap: null, final: false };
    const bar = { ...held, high: Math.max(held.high, price), low: Math.min(held.low, price), close: price };
    if (counts) bar.volume += volume;
    return this.fold({ bar, final: Boolean(held.final) });
  }

  /** @param {Message} message */
  #keep(message) {
    this.#pending.delete(message.bar.time);
    this.#pending.set(message.bar.time, message);
    if (this.#pending.size > PENDING) this.#pending.delete([...this.#pending.keys()][0]);
  }

  #trim() {
    if (this.bars.length <= MOST + SLACK) return false;
    this.bars.splice(0, this.bars.length - MOST);
    return true;
  }
}
