/**
 * What stands beside a chart: figures of a bar, times, notes. Pure functions, tested under node.
 *
 * A day's bar is named by its trading day, which is the date that `days.js` finds, wherever
 * the viewer is; every other time is shown in the zone of the visitor's choice, as `format.js` names it.
 */

import { INTO_DATE } from "./days.js";
import * as format from "./format.js";
import { written, zoneName } from "./format.js";
import { difference, digitsOf } from "./photon-client.js";
import { SPANS } from "./series.js";

export const TIMEFRAMES = Object.keys(SPANS);
/** @type {Record<string, string>} */
export const STYLES = { candles: "Candles", area: "Area", line: "Line" };
/** @type {Record<string, string>} */
export const SPOKEN = { "1s": "1 second", "1m": "1 minute", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day",
  "1D": "Range of 1 day", "5D": "Range of 5 days", "1M": "Range of 1 month", YTD: "Range of this year", "1Y": "Range of 1 year", Max: "Range of all bars" };
const NEWEST = 64; // bars
const YEAR = 70, QUARTER = 65, MONTH = 60, WEEK = 55, DAY = 50, MINUTE = 20; // weights of marks on the axis
const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS, TRADING_MS = 16 * HOUR_MS; // of a day with all its sessions
const WHOLE_MS = 6.5 * HOUR_MS; // of a regular session

/** @typedef {import("./photon-client.js").Bar & {incomplete?: boolean, final?: boolean}} Bar */
/** @typedef {{session: string, from: number, to: number}} Session */

/** @param {number} ms @param {string} [zone] */
const yearOf = (ms, zone) => written("year", { year: "numeric" }, ms, zone);
/** @param {number} ms @param {string} [zone] */
export const minuteOf = (ms, zone) => written("minute", { hour: "2-digit", minute: "2-digit" }, ms, zone);

/**
 * When a bar is: "Tue, Nov 24 14:03", with seconds where they distinguish bars, and the year when it is not this one.
 * @param {number} ms @param {string} timeframe @param {string} [zone] @param {number} [now]
 */
export function timeOf(ms, timeframe, zone, now = Date.now()) {
  if (timeframe === "1d") return format.date(ms + INTO_DATE, "UTC");
  const near = yearOf(ms, zone) === yearOf(now, zone);
  return `${(near ? format.day : format.date)(ms, zone)} ${(timeframe === "1s" ? format.clock : minuteOf)(ms, zone)}`;
}

/** When a bar is, with the zone where it matters. @param {number} ms @param {string} timeframe @param {string} [zone] @param {number} [now] */
export const whenOf = (ms, timeframe, zone, now) => timeOf(ms, timeframe, zone, now) + (timeframe === "1d" ? "" : ` ${zoneName(zone, ms)}`);

/** @param {number} ms @param {string} [zone] */
const dayMark = (ms, zone) => written("mark", { month: "short", day: "numeric" }, ms, zone);
const DATE_LENGTH = Math.max(...Array.from({ length: 12 }, (_, month) => dayMark(Date.UTC(2026, month, 27), "UTC").length)); // "Nov 27", "27. Sept."
export const MARK_ROOM = Math.max(57, 12 + 5.5 * DATE_LENGTH); // pixels

/** A mark on the time axis, by its weight: the year, the month, the day, the minute, the second. @param {number} ms @param {number} weight @param {string} timeframe @param {string} [zone] */
export function markOf(ms, weight, timeframe, zone) {
  const [at, where] = /** @type {[number, string]} */ (timeframe === "1d" ? [ms + INTO_DATE, "UTC"] : [ms, zone]);
  if (weight >= YEAR) return yearOf(at, where);
  if (weight >= MONTH) return written("month", { month: "short" }, at, where);
  if (weight >= DAY || timeframe === "1d") return dayMark(at, where);
  return weight >= MINUTE || timeframe !== "1s" ? minuteOf(at, where) : format.clock(at, where);
}

/** @type {Map<string, number>} */
const offsets = new Map();
/** How far a zone's wall clock is ahead of UTC, ms. Bound: hours of which there are bars, twice `series.js`'s most. @param {number} ms @param {string} [zone] */
function offsetOf(ms, zone = "exchange") {
  const key = `${Math.floor(ms / HOUR_MS)} ${zone}`;
  let found = offsets.get(key);
  if (found === undefined) {
    if (offsets.size > 20_000) offsets.clear();
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(written("offset", { timeZoneName: "longOffset" }, ms, zone)) ?? [];
    found = sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000 : 0;
    offsets.set(key, found);
  }
  return found;
}

/** Milliseconds of the wall clock that the axis follows, so that its days begin at midnight there. @param {number} ms @param {string} timeframe @param {string} [zone] */
export const wallOf = (ms, timeframe, zone) => ms + (timeframe === "1d" ? INTO_DATE : offsetOf(ms, zone));

/** @type {[number, number][]} */
const STEPS = [
  [43_200_000, 33], [21_600_000, 32], [10_800_000, 31], [3_600_000, 30], [1_800_000, 23], [900_000, 22], [300_000, 21],
  [60_000, MINUTE], [30_000, 13], [15_000, 12], [5_000, 11], [1_000, 10],
];
const weekOf = (/** @type {number} */ wall) => Math.floor((Math.floor(wall / DAY_MS) + 3) / 7); // from Monday on
/** How much a mark matters that follows another, both by the wall clock: the heavier are shown first. @param {number} wall @param {number} before */
export function weightOf(wall, before) {
  const [now, then] = [new Date(wall), new Date(before)];
  if (now.getUTCFullYear() !== then.getUTCFullYear()) return YEAR;
  if (now.getUTCMonth() !== then.getUTCMonth()) return now.getUTCMonth() % 3 ? MONTH : QUARTER;
  if (now.getUTCDate() !== then.getUTCDate()) return weekOf(wall) === weekOf(before) ? DAY : WEEK;
  return STEPS.find(([ms]) => Math.floor(wall / ms) !== Math.floor(before / ms))?.[1] ?? 0;
}

/**
 * The lightest mark for which there is room at each of its times: lighter ones would stand at odd ones.
 * @param {string} timeframe
 * @param {number} spacing  pixels from bar to bar
 * @param {number} [room]  pixels of a mark
 */
export function leastWeight(timeframe, spacing, room = MARK_ROOM) {
  const day = timeframe === "1d" ? 1 : TRADING_MS / SPANS[timeframe];
  /** @type {[number, number][]} */
  const bars = [[252 * day, YEAR], [63 * day, QUARTER], [21 * day, MONTH], [5 * day, WEEK], [day, DAY],
    ...(timeframe === "1d" ? [] : STEPS.map(([ms, weight]) => /** @type {[number, number]} */ ([ms / SPANS[timeframe], weight])))];
  return bars.findLast(([count]) => count >= 1 && count * spacing >= room)?.[1] ?? YEAR;
}

/** What stands at the previous close: its name, with its figure where it is above or below the view. @param {number} height @param {number} view @param {string} figure */
export function closeName(height, view, figure) {
  const beyond = height < 0 ? "▲" : height > view ? "▼" : "";
  return beyond ? `${beyond} Prev close ${figure}` : "Prev close";
}

/** The decimals of the symbol whose bars these are, where no quote has them: the most that a recent close shows. @param {readonly Bar[]} bars */
export const digitsOfBars = (bars) => Math.max(0, ...bars.slice(-NEWEST).map(({ close }) => digitsOf(close)));

/** A bar's figures as text, prices in these decimals; dashes for none. The change is that against the bar before. @param {Bar | undefined} bar @param {Bar | undefined} before @param {number} digits */
export function figures(bar, before, digits) {
  const reference = before?.close ?? bar?.open ?? 0;
  const change = bar ? difference(bar.close, reference) : null;
  const price = (/** @type {number | undefined} */ value) => format.price(value, digits);
  return {
    open: price(bar?.open), high: price(bar?.high), low: price(bar?.low), close: price(bar?.close),
    volume: format.volume(bar?.volume),
    arrow: format.arrow(change), direction: format.direction(change),
    change: change === null ? format.DASH : `${format.change(change, digits)} (${format.percent(reference ? (change / reference) * 100 : 0)})`,
  };
}

/** What is invented or recorded says so; real prices need no word. @param {?string} source */
export const sourceOf = (source) => (source === "simulated" ? "SIMULATED" : source?.startsWith("replay:") ? "REPLAY" : "");

/** "Collecting since 14:03", with the day when it was another one. @param {number} ms @param {number} now @param {string} [zone] */
export function collecting(ms, now, zone) {
  const today = format.date(ms, zone) === format.date(now, zone);
  return `Collecting since ${today ? "" : `${format.day(ms, zone)}, `}${minuteOf(ms, zone)}`;
}

/** "Early close at 13:00 ET" for the day of a bar; empty for a whole one. @param {readonly Session[]} sessions @param {number} time @param {string} [zone] */
export function earlyClose(sessions, time, zone) {
  const session = sessions.findLast(({ session, from }) => session === "regular" && from <= time);
  if (!session || session.to - session.from >= WHOLE_MS || time > session.from + TRADING_MS) return "";
  return `Early close at ${minuteOf(session.to, zone)} ${zoneName(zone, session.to)}`;
}

/** A session's name over the chart; an early end is said. @param {Session} session @param {string} [zone] */
export const sessionName = ({ session, from, to }, zone) =>
  format.session(session) + (session === "regular" && to - from < WHOLE_MS ? `, to ${minuteOf(to, zone)}` : "");

/**
 * What was measured from one spot of the chart to another: "+1.23 (+0.45 %)" and "14 bars · 1 h 10 m".
 * @param {{place: number, price: number}} from
 * @param {{place: number, price: number}} to
 * @param {readonly Bar[]} bars @param {number} digits
 */
export function measured(from, to, bars, digits) {
  const change = Number((to.price - from.price).toFixed(digits));
  const count = Math.abs(to.place - from.place);
  const ms = Math.abs(bars[to.place].time - bars[from.place].time);
  const percent = format.percent(from.price ? (change / from.price) * 100 : 0);
  return [`${format.change(change, digits)} (${percent})`, `${count} ${count === 1 ? "bar" : "bars"} · ${format.span(ms)}`];
}

/** How far a compared symbol moved from the first bar in view to another: "+2.13 %". @param {?number | undefined} value @param {?number | undefined} first */
export const moved = (value, first) => (value == null || !first ? format.DASH : format.percent((value / first - 1) * 100));

/** Whether a run of places is in view. @param {{first: number, last: number}} run @param {?{from: number, to: number}} seen */
export const inView = ({ first, last }, seen) => seen !== null && last >= seen.from && first <= seen.to;

export const INCOMPLETE = "Incomplete: the feed was down, or did not follow, for a part of it";
export const HATCHED = "Hatched: the feed was down, or did not follow";
export const PARTIAL = "Older bars may be missing: the database does not answer";

/** AAPL-1m-2026-11-24.png: the day of the newest bar. @param {string} symbol @param {string} timeframe @param {number} ms @param {string} [zone] */
export const pictureName = (symbol, timeframe, ms, zone) =>
  `${symbol.replace(/[^A-Za-z0-9.=-]+/g, "_")}-${timeframe}-${new Date(wallOf(ms, timeframe, zone)).toISOString().slice(0, 10)}.png`;
