/**
 * What stands beside a chart: figures of a bar, times in the viewer's zone, notes. Pure functions.
 *
 * A day's bar is named by its trading day, which is the date that `days.js` finds, wherever
 * the viewer is; every other time is shown in the viewer's zone.
 */

import { INTO_DATE } from "./days.js";
import * as format from "./format.js";
import { difference, digitsOf } from "./photon-client.js";

export const TIMEFRAMES = ["1s", "1m", "5m", "15m", "1h", "1d"];
export const STYLES = ["candles", "area", "line"];
export const SPOKEN = { "1s": "1 second", "1m": "1 minute", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day" };
const NEWEST = 64; // bars
const YEAR = 70, MONTH = 60, DAY = 50, MINUTE = 20; // weights of marks on the axis

const made = new Map();
/** One formatter a kind and zone: they are costly to make. */
function written(kind, options, zone) {
  const key = `${kind} ${zone ?? ""}`;
  if (!made.has(key)) made.set(key, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...options }));
  return made.get(key);
}
const clock = { hour: "2-digit", minute: "2-digit" };
const day = { weekday: "short", month: "short", day: "numeric" };

const yearOf = (ms, zone) => written("year", { year: "numeric" }, zone).format(ms);
const minuteOf = (ms, zone) => written("minute", clock, zone).format(ms);
const secondOf = (ms, zone) => written("second", { ...clock, second: "2-digit" }, zone).format(ms);
const dayOf = (ms, zone) => written("day", day, zone).format(ms);
const dateOf = (ms, zone) => written("date", { ...day, year: "numeric" }, zone).format(ms);

/** When a bar is: "Tue, Nov 24 14:03", with seconds where they distinguish bars, and the year when it is not this one. */
export function timeOf(ms, timeframe, zone, now = Date.now()) {
  if (timeframe === "1d") return dateOf(ms + INTO_DATE, "UTC");
  const near = yearOf(ms, zone) === yearOf(now, zone);
  return `${near ? dayOf(ms, zone) : dateOf(ms, zone)} ${timeframe === "1s" ? secondOf(ms, zone) : minuteOf(ms, zone)}`;
}

/** The viewer's zone at a time, short: "EST", "GMT+1". */
export function zoneOf(ms, zone) {
  const parts = written("zone", { timeZoneName: "short" }, zone).formatToParts(ms);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

/** When a bar is, with the zone where it matters. */
export const whenOf = (ms, timeframe, zone, now) => timeOf(ms, timeframe, zone, now) + (timeframe === "1d" ? "" : ` ${zoneOf(ms, zone)}`);

/** A mark on the time axis, by its weight: the year, the month, the day, the minute, the second. */
export function markOf(ms, weight, timeframe, zone) {
  const [at, where] = timeframe === "1d" ? [ms + INTO_DATE, "UTC"] : [ms, zone];
  if (weight >= YEAR) return yearOf(at, where);
  if (weight >= MONTH) return written("month", { month: "short" }, where).format(at);
  if (weight >= DAY || timeframe === "1d") return written("mark", { month: "short", day: "numeric" }, where).format(at);
  return weight >= MINUTE || timeframe !== "1s" ? minuteOf(at, where) : secondOf(at, where);
}

/** Milliseconds of the wall clock that the axis follows, so that its days begin at midnight there. */
export const wallOf = (ms, timeframe) => (timeframe === "1d" ? ms + INTO_DATE : ms - new Date(ms).getTimezoneOffset() * 60_000);

const STEPS = [
  [43_200_000, 33], [21_600_000, 32], [10_800_000, 31], [3_600_000, 30], [1_800_000, 23], [900_000, 22], [300_000, 21],
  [60_000, MINUTE], [30_000, 13], [15_000, 12], [5_000, 11], [1_000, 10],
];
/** How much a mark matters that follows another, both by the wall clock: the heavier are shown first. */
export function weightOf(wall, before) {
  const [now, then] = [new Date(wall), new Date(before)];
  if (now.getUTCFullYear() !== then.getUTCFullYear()) return YEAR;
  if (now.getUTCMonth() !== then.getUTCMonth()) return MONTH;
  if (now.getUTCDate() !== then.getUTCDate()) return DAY;
  return STEPS.find(([ms]) => Math.floor(wall / ms) !== Math.floor(before / ms))?.[1] ?? 0;
}

/** What stands at the previous close: its name, with its figure where it is above or below the view. */
export function closeName(height, view, figure) {
  const beyond = height < 0 ? "▲" : height > view ? "▼" : "";
  return beyond ? `${beyond} Prev close ${figure}` : "Prev close";
}

/** The decimals of the symbol whose bars these are, where no quote has them: the most that a recent close shows. */
export const digitsOfBars = (bars) => Math.max(0, ...bars.slice(-NEWEST).map(({ close }) => digitsOf(close)));

/** A bar's figures as text, prices in these decimals; dashes for none. The change is that against the bar before. */
export function figures(bar, before, digits) {
  const reference = before?.close ?? bar?.open;
  const change = bar ? difference(bar.close, reference) : null;
  const price = (value) => format.price(value, digits);
  return {
    open: price(bar?.open), high: price(bar?.high), low: price(bar?.low), close: price(bar?.close),
    volume: format.volume(bar?.volume),
    arrow: format.arrow(change), direction: format.direction(change),
    change: bar ? `${format.change(change, digits)} (${format.percent(reference ? (change / reference) * 100 : 0)})` : format.DASH,
  };
}

/** What is invented or recorded says so; real prices need no word. */
export const sourceOf = (source) => (source === "simulated" ? "SIMULATED" : source?.startsWith("replay:") ? "REPLAY" : "");

/** "Collecting since 14:03", with the day when it was another one. */
export function collecting(ms, now, zone) {
  const today = dateOf(ms, zone) === dateOf(now, zone);
  return `Collecting since ${today ? "" : `${dayOf(ms, zone)}, `}${minuteOf(ms, zone)}`;
}

export const INCOMPLETE = "Incomplete: the feed was down, or did not follow, for a part of it";
export const PARTIAL = "Older bars may be missing: the database does not answer";

/** AAPL-1m-2026-11-24.png: the day of the newest bar. */
export function pictureName(symbol, timeframe, ms, zone) {
  const [at, where] = timeframe === "1d" ? [ms + INTO_DATE, "UTC"] : [ms, zone];
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: where, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
  return `${symbol.replace(/[^A-Za-z0-9.=-]+/g, "_")}-${timeframe}-${date}.png`;
}
