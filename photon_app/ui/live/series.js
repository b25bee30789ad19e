/**
 * The bars of one chart: a history with what came since folded in; pure, tested under node.
 *
 * Bars are kept in order of time, one a time, at most `MOST`; beyond that the oldest go. Nothing
 * here asks for anything or touches the page.
 */

export const MOST = 10_000;
const SLACK = 1_000; // dropped at once, so that not every new bar moves all others
const PENDING = 16;
const FINAL_MS = 10_000; // a bar is sent as final 2 s after its end

/** The place of the first bar at or after a time; as many as there are bars when there is none. */
export function placeOf(bars, time) {
  let low = 0, high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sessions of two answers in order, one a beginning. */
function joined(one = [], other = []) {
  const all = new Map([...one, ...other].map((session) => [session.from, session]));
  return [...all.values()].sort((a, b) => a.from - b.from).slice(-MOST);
}

/**
 * Which bars lie outside the regular session: `[{session, first, last}]` by place.
 * @param {{time: number}[]} bars
 * @param {{session: string, from: number, to: number}[]} sessions
 */
export function bands(bars, sessions) {
  return sessions
    .filter(({ session }) => session !== "regular")
    .map(({ session, from, to }) => ({ session, first: placeOf(bars, from), last: placeOf(bars, to) - 1 }))
    .filter(({ first, last }) => last >= first);
}

export class Series {
  /** @type {object[]} oldest first, each with `final` */
  bars = [];
  sessions = [];
  /** Of what the bars are: simulated, finnhub or replay:… */
  source = "";
  /** When the oldest bar on disk begins; null when there is none. */
  since = null;
  /** Whether nothing older can be had. */
  complete = false;
  /** Whether the database did not answer: older bars may be missing. */
  partial = false;
  #pending = new Map();
  #loaded = false;

  get newest() { return this.bars.at(-1); }

  /**
   * The time of a bar that should be final by now and is not: what a connection that is too slow leaves,
   * which gets the newest bars only. Null when there is none.
   */
  get torn() {
    const { bars } = this;
    for (let at = bars.length - 2; at >= Math.max(0, bars.length - 8); at -= 1) {
      if (!bars[at].final && bars[at + 1].time + FINAL_MS <= this.newest.time) return bars[at].time;
    }
    return null;
  }

  /** Messages that come before the history are kept for it: of the newest few bars. */
  wait() {
    this.#loaded = false;
    this.#pending.clear();
  }

  /**
   * Begin with an answer of `/api/bars`, or begin again after a pause of the connection.
   * @param {object} answer
   * @param {number} limit  how many bars were asked for
   * @param {boolean} [again]  the same epoch: older bars that were loaded stay, if there is no gap
   */
  load(answer, limit, again = false) {
    const first = answer.bars[0]?.time;
    const gapless = again && first !== undefined && this.newest?.time >= first && this.bars[0].time < first;
    const older = gapless ? this.bars.slice(0, placeOf(this.bars, first)) : [];
    this.bars = [...older, ...answer.bars];
    this.sessions = joined(gapless ? this.sessions : [], answer.sessions);
    this.source = answer.source;
    this.since = answer.since ?? null;
    if (!gapless) this.#judge(answer, limit);
    this.#loaded = true;
    for (const message of [...this.#pending.values()].sort((a, b) => a.bar.time - b.bar.time)) this.fold(message);
    this.#pending.clear();
  }

  /** Put older bars in front; returns how many. */
  prepend(answer, limit) {
    const room = Math.max(0, MOST - this.bars.length);
    const end = placeOf(answer.bars, this.bars[0]?.time ?? Infinity);
    const older = answer.bars.slice(Math.max(0, end - room), end);
    this.bars = [...older, ...this.bars];
    this.sessions = joined(answer.sessions, this.sessions);
    this.#judge(answer, limit);
    if (this.bars.length >= MOST || (older.length === 0 && !this.partial)) this.complete = true;
    return older.length;
  }

  #judge(answer, limit) {
    const first = this.bars[0];
    this.partial = answer.partial === true;
    this.complete = !this.partial && (answer.bars.length < limit || (this.since !== null && first.time <= this.since));
  }

  /**
   * Take in a message of the bars channel.
   * @returns {"" | "last" | "earlier" | "all"} what changed: nothing, the newest bar (or there is a
   *   newer one), an earlier one in its place, or the places of the bars
   */
  fold({ bar, final, corrected }) {
    if (!this.#loaded) return this.#keep({ bar, final, corrected });
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

  #keep(message) {
    this.#pending.delete(message.bar.time);
    this.#pending.set(message.bar.time, message);
    if (this.#pending.size > PENDING) this.#pending.delete(this.#pending.keys().next().value);
    return "";
  }

  #trim() {
    if (this.bars.length <= MOST + SLACK) return false;
    this.bars.splice(0, this.bars.length - MOST);
    return true;
  }
}
