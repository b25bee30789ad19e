/**
 * Whose day figures are, and when trades were: words for what is not of today. Pure, tested under node.
 *
 * A day is identified by the moment at which it began (`day` of a quote, `time` of its bar); its date is the
 * one fourteen hours into it in UTC, wherever its market (from UTC+14 to UTC−9) and the viewer are. Trades are dated in
 * the zone of the visitor's choice, as the page's clock is.
 */

import { clock, date, day as dayOf, known, written } from "./format.js";
import { difference } from "./photon-client.js";

/** How far into a day, ms, the date in UTC is its own. */
export const INTO_DATE = 14 * 3_600_000;

const DAY = 86_400_000, YEAR = 300 * DAY;

/**
 * "Fri, Nov 27" for a day that is over, with the year when that is long ago; empty for today, and where
 * day or time are not known.
 * @param {?number | undefined} day  when it began, UNIX ms
 * @param {?number | undefined} now  the market's time
 */
export function dayName(day, now) {
  if (!known(day) || !known(now) || now < day + DAY) return "";
  return (now - day > YEAR ? date : dayOf)(day + INTO_DATE, "UTC");
}

/**
 * The day that most of these quotes are of, by its date: those of one date begin at other moments in other
 * markets, and the newest is meant. Of equals the newest date; null without any.
 * @param {readonly ({day?: ?number} | undefined)[]} quotes
 */
export function commonDay(quotes) {
  /** @type {Map<number, {day: number, count: number}>} */
  const dates = new Map();
  for (const quote of quotes) {
    const its = quote?.day;
    if (!known(its)) continue;
    const date = Math.floor((its + INTO_DATE) / DAY);
    const { day, count } = dates.get(date) ?? { day: its, count: 0 };
    dates.set(date, { day: Math.max(day, its), count: count + 1 });
  }
  return [...dates.values()].sort((one, other) => other.count - one.count || other.day - one.day)[0]?.day ?? null;
}

/** What stands over the days of a list: "Today", or the date of the day that most of it shows. @param {Parameters<typeof commonDay>[0]} quotes @param {?number} now */
export const dayTitle = (quotes, now) => dayName(commonDay(quotes), now) || "Today";

/** When a trade was: "14:02:31", with its date when that is not today's: "Nov 27 15:59:58". @param {?number | undefined} time @param {?number} now @param {string} [zone] */
export function stamp(time, now, zone = "exchange") {
  if (!known(time) || !known(now) || date(time, zone) === date(now, zone)) return clock(time, zone);
  const far = Math.abs(now - time) > YEAR;
  return `${written(`short ${far}`, { month: "short", day: "numeric", ...(far ? { year: "numeric" } : {}) }, time, zone)} ${clock(time, zone)}`;
}

/**
 * How far a price has moved since the regular session ended; null while that runs, and where its close is
 * not known.
 * @param {?import("./photon-client.js").Quote} quote
 * @returns {?{change: number, percent: number}}
 */
export function sinceClose(quote) {
  const { close = null, price, session } = quote ?? {};
  if (close === null || (session !== "post" && session !== "closed")) return null;
  const change = difference(price, close);
  return { change, percent: (change / close) * 100 };
}
