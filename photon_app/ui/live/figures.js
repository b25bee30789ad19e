/**
 * The figures of the selected symbol as text: of its day, and what is known about it. Pure, tested under node.
 *
 * VWAP and the number of trades come with the day's bar; trades since are folded in (`DayTally`). An unknown
 * figure is a dash.
 */

import { dayName, stamp } from "./days.js";
import * as format from "./format.js";
import { minuteOf } from "./legend.js";

const EVERY_MS = 60_000, AGAIN_MS = 5_000;

/** The day's turnover and number of trades: those of its bar, and what came since. */
export class DayTally {
  /** When the day began, as its bar says. @type {?number} */
  day = null;
  /** @type {?number} */ count = null;
  #volume = 0; #turnover = 0; #stale = true; #askedAt = -Infinity;
  /** @type {?number} */ #seq = null;

  /** @returns {?number} the average price by volume; null without volume */
  get vwap() { return this.day !== null && this.#volume > 0 && Number.isFinite(this.#turnover) ? this.#turnover / this.#volume : null; }

  /** Whether to ask for the bar now: at first, in another day or epoch, and once a minute, since a late trade has no `seq`. @param {number} now  ms */
  due(now) {
    if (now - this.#askedAt < (this.#stale ? AGAIN_MS : EVERY_MS)) return false;
    this.#askedAt = now;
    return true;
  }

  /** The day's bar came. @param {import("./photon-client.js").Bar} bar @param {?import("./photon-client.js").Quote} quote the newest then */
  load(bar, quote) {
    this.day = bar.time;
    this.count = bar.count;
    this.#volume = bar.volume;
    this.#turnover = bar.vwap === null ? NaN : bar.vwap * bar.volume;
    this.#seq = quote?.seq ?? null;
    this.#stale = false;
    if (quote) this.hear(quote);
  }

  /** A quote came: what it has more of the day's volume was traded at its price, or near it. @param {import("./photon-client.js").Quote} quote */
  hear({ day, seq, price, dayVolume, polled, session }) {
    if (this.day === null || this.count === null) return;
    if ((day ?? this.day) !== this.day || seq < (this.#seq ?? seq)) { this.#stale = true; return; }
    if (!polled && session !== "closed") this.count += seq - (this.#seq ?? seq);
    this.#seq = seq;
    if (dayVolume === null || !(dayVolume > this.#volume)) return;
    this.#turnover = (this.#volume > 0 ? this.#turnover : 0) + (dayVolume - this.#volume) * price;
    this.#volume = dayVolume;
  }
}

/** @param {?number | undefined} value @param {Known} known */
const price = (value, { quote }) => format.price(value, quote?.decimals);
/** @type {Record<string, string>} */
const STATES = { live: "Each trade as it comes", polled: "Asked for now and then", waiting: "None yet", stale: "Not new: the connection is lost", rejected: "Refused" };
/** @type {Record<string, string>} */
const SOURCES = { simulated: "Simulator: invented", finnhub: "Finnhub", coinbase: "Coinbase" };

/** "04:00:00 ET", with its date when that is not today's. @param {?number | undefined} ms @param {Known} known */
const moment = (ms, { now, zone }) => (ms == null ? format.DASH : `${stamp(ms, now, zone)} ${format.zoneName(zone, ms)}`);

/**
 * What figures are made of; `kind` is what a symbol is, in the search's words.
 * @typedef {{quote?: import("./photon-client.js").Quote, state: string, source: ?string, now: ?number, zone: string,
 *   line: import("./sparks.js").DayLine, tally: DayTally, kind: string}} Known
 */

/** @type {Record<string, (known: Known) => string>} */
export const FIGURES = {
  open: (known) => price(known.quote?.open, known),
  high: (known) => price(known.quote?.high, known),
  low: (known) => price(known.quote?.low, known),
  prevClose: (known) => price(known.quote?.prevClose, known),
  vwap: (known) => price(isOfDay(known) ? known.tally.vwap : null, known),
  volume: ({ quote }) => format.volume(quote?.dayVolume),
  trades: (known) => (isOfDay(known) && known.tally.count !== null ? format.size(known.tally.count) : format.DASH),
  session: ({ quote }) => format.session(quote?.session),
  low52: (known) => price(yearOf(known)?.[0], known),
  high52: (known) => price(yearOf(known)?.[1], known),
  since: (known) => dayName(known.quote?.day ?? null, known.now) || (beganAt(known) === null ? "" : `since ${minuteOf(/** @type {number} */ (beganAt(known)), known.zone)}`),
  kind: ({ kind }) => kind || format.DASH,
  digits: ({ quote }) => (quote ? `${quote.decimals} decimals` : format.DASH),
  state: ({ state }) => STATES[state] ?? format.DASH,
  source: ({ source }) => (source ? SOURCES[source] ?? source.replace(/^replay:/, "Recording ") : format.DASH),
  began: (known) => moment(beganAt(known), known),
  last: (known) => moment(known.quote?.time, known),
};

/** @param {Known} known */
const isOfDay = ({ quote, tally }) => tally.day !== null && tally.day === (quote?.day ?? tally.day);

/** When the first session of the price's day began; null before that is known. @param {Known} known */
const beganAt = ({ quote, line }) => (line.day !== null && line.day === (quote?.day ?? line.day) ? line.from : null);

/** The year's lowest and highest price, today's among them; null where the year is not known. @param {Known} known */
function yearOf({ quote, line }) {
  if (line.low52 === null || line.high52 === null) return null;
  return [Math.min(line.low52, quote?.low ?? Infinity), Math.max(line.high52, quote?.high ?? -Infinity)];
}

/** @type {Record<string, (known: Known) => ?number>} where the price stands in a span, 0 to 1 */
export const SPANS = {
  day: ({ quote }) => format.position(quote?.price, quote?.low, quote?.high),
  year: (known) => format.position(known.quote?.price, yearOf(known)?.[0], yearOf(known)?.[1]),
};
