/**
 * How figures are written: pure functions from numbers to text, null and undefined to a dash.
 *
 * Used by the live parts and tested under node. Decimals are those of a symbol, not of a price, so that
 * a column does not move when a price does; spaces before units do not break.
 *
 * Separators, and the order and names of dates, are those of the browser's first language that it knows. Digits are
 * 0 to 9 and years those of the Gregorian calendar in each of them: only these digits have one width in the page's font,
 * and only these years are those of the bars. Words, units and times of day (14:02:31) are the same for all.
 */

import { digitsOf } from "./photon-client.js";

export const DASH = "—";
const NBSP = "\u00a0";
const MINUS = "\u2212";
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** The browser's language; a list of languages may hold anything. */
export const LOCALE = (() => {
  try { return Intl.DateTimeFormat.supportedLocalesOf(navigator.languages)[0] ?? "en-US"; } catch { return "en-US"; }
})();
const LATIN = { numberingSystem: "latn" };

const REMEMBERED = 2_000; // texts of a kind of number; then they begin anew

/** A formatter that remembers: formatting is dear, and most figures of a page come again. @param {Intl.NumberFormat} formatter */
function remembering(formatter) {
  /** @type {Map<number, string>} */
  const texts = new Map();
  return {
    /** @param {number} value @returns {string} */
    format(value) {
      let text = texts.get(value);
      if (text === undefined) {
        if (texts.size >= REMEMBERED) texts.clear();
        texts.set(value, (text = formatter.format(value)));
      }
      return text;
    },
  };
}

/** @typedef {number | null | undefined} Figure */

/** @type {Map<number, ReturnType<typeof remembering>>} */
const numbers = new Map();
/** @param {number} digits */
function number(digits) {
  let found = numbers.get(digits);
  if (!found) numbers.set(digits, (found = remembering(new Intl.NumberFormat(LOCALE, { ...LATIN, minimumFractionDigits: digits, maximumFractionDigits: digits }))));
  return found;
}

/** @param {unknown} value @returns {value is number} */
export const known = (value) => Number.isFinite(value);

/** A price with decimals that are given. @param {number} value @param {number} digits */
export const fixed = (value, digits) => number(digits).format(value);

/** A price with the decimals of its symbol; where they are not known, those that it shows by itself. @param {Figure} value @param {number} [digits] */
export const price = (value, digits) => (known(value) ? fixed(value, digits ?? digitsOf(value)) : DASH);

const everyDigit = remembering(new Intl.NumberFormat(LOCALE, { ...LATIN, maximumFractionDigits: 20, useGrouping: false }));
/** A number with all its digits, in full. @param {Figure} value */
export const exact = (value) => (known(value) ? everyDigit.format(value) : DASH);

/** @param {number} value @param {string} text */
const signed = (value, text) => (value > 0 ? `+${text}` : value < 0 ? `${MINUS}${text}` : text);

/** A change with its sign, in the decimals of the symbol that it belongs to. @param {Figure} value @param {number} [digits] */
export const change = (value, digits = 2) => (known(value) ? signed(value, fixed(Math.abs(value), digits)) : DASH);

/** @param {Figure} value */
export const percent = (value) => (known(value) ? `${signed(value, number(2).format(Math.abs(value)))}${NBSP}%` : DASH);

/** @param {Figure} value */
export const arrow = (value) => (known(value) && value !== 0 ? (value > 0 ? "▲" : "▼") : "");

/** @param {Figure} value */
export const direction = (value) => (known(value) && value !== 0 ? (value > 0 ? "up" : "down") : "flat");

/** @type {[number, string][]} */
const UNITS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];
/** 41.2 K, 48.7 M: three digits at most before the unit. @param {Figure} value */
export const volume = (value) => {
  if (!known(value)) return DASH;
  for (const [size, unit] of UNITS) {
    if (value >= size * 0.99995) return `${number(value >= size * 99.95 ? 0 : 1).format(value / size)}${NBSP}${unit}`;
  }
  if (Number.isInteger(value) || value >= 100) return number(0).format(value);
  return number(Math.max(2, Math.min(8, -Math.floor(Math.log10(Math.abs(value))) + 1))).format(value);
};

const grouped = new Intl.NumberFormat(LOCALE, LATIN);
/** How many were traded, whole where that is short: 25,000, 1.2 M, 0.035. @param {Figure} value */
export const size = (value) => (known(value) && Number.isInteger(value) && value < 1e6 ? grouped.format(value) : volume(value));

/** How old: 0.2 s, 12 s, 4 m, 3 h, 40 h, 2 d. @param {Figure} ms */
export const age = (ms) => {
  if (!known(ms)) return DASH;
  const past = Math.max(0, ms);
  if (past < 9_950) return `${number(1).format(past / 1000)}${NBSP}s`;
  if (past < MINUTE) return `${Math.floor(past / 1000)}${NBSP}s`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)}${NBSP}m`;
  return past < 2 * DAY ? `${Math.floor(past / HOUR)}${NBSP}h` : `${Math.floor(past / DAY)}${NBSP}d`;
};

/** A stretch of time ahead: 2 h 14 m, 12 m, 40 s. @param {number} ms */
export const span = (ms) => {
  const left = Math.max(0, ms);
  if (left < MINUTE) return `${Math.ceil(left / 1000)}${NBSP}s`;
  const days = Math.floor(left / DAY), hours = Math.floor((left % DAY) / HOUR), minutes = Math.floor((left % HOUR) / MINUTE);
  if (days) return `${days}${NBSP}d ${hours}${NBSP}h`;
  return hours ? `${hours}${NBSP}h ${minutes}${NBSP}m` : `${minutes}${NBSP}m`;
};

/** @type {Record<string, string | undefined>} */
const ZONES = { exchange: "America/New_York", local: undefined, utc: "UTC" };

/**
 * The zone of a choice (`exchange`, `local`, `utc`) as Intl names it; undefined is this machine's. Exchange time
 * is New York's for every symbol, as the session clock's is: a page has one clock.
 * @param {string} [choice]  or a zone's own name
 * @returns {string | undefined}
 */
export const timeZone = (choice = "exchange") => (Object.hasOwn(ZONES, choice) ? ZONES[choice] : choice);

/** @type {Map<string, Intl.DateTimeFormat>} */
const made = new Map();
/**
 * One formatter of times a kind and zone: they are costly to make. Bound: the kinds in the code × the zones.
 * @param {string} kind @param {Intl.DateTimeFormatOptions} options @param {string} [choice]
 */
function formatter(kind, options, choice) {
  const key = `${kind} ${choice}`;
  let found = made.get(key);
  if (!found) {
    const locale = options.hour || options.timeZoneName ? "en-US" : LOCALE;
    made.set(key, (found = new Intl.DateTimeFormat(locale, { timeZone: timeZone(choice), calendar: "gregory", ...LATIN, hourCycle: "h23", ...options })));
  }
  return found;
}

const LEFTWARD = /[\u0590-\u08ff]/; // Hebrew, Arabic and others

/** A time as text; what is written from right to left is kept apart from what stands beside it. @param {string} kind @param {Intl.DateTimeFormatOptions} options @param {number} ms @param {string} [choice] */
export function written(kind, options, ms, choice) {
  const text = formatter(kind, options, choice).format(ms);
  return LEFTWARD.test(text) ? `\u2068${text}\u2069` : text;
}

/** What stands beside a time in the zone of a choice: "ET", "UTC", for this machine's what it is called then: "GMT+1". @param {string} [choice] @param {number} [ms] */
export function zoneName(choice = "exchange", ms = Date.now()) {
  if (choice === "exchange") return "ET";
  const parts = formatter("zone", { timeZoneName: "short" }, choice).formatToParts(ms);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

/** Time of day, 14:02:31, in the zone of a choice. @param {Figure} ms @param {string} [choice] */
export const clock = (ms, choice = "exchange") =>
  (known(ms) ? written("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }, ms, choice) : "--:--:--");

/** @type {Intl.DateTimeFormatOptions} */
const DAYS = { weekday: "short", month: "short", day: "numeric" };
/** @type {Intl.DateTimeFormatOptions} */
const DATES = { ...DAYS, year: "numeric" };
/** "Fri, Nov 27", "Fr., 27. Nov.". @param {number} ms @param {string} [choice] */
export const day = (ms, choice = "exchange") => written("day", DAYS, ms, choice);

/** "Fri, Nov 27, 2026". @param {Figure} ms @param {string} [choice] */
export const date = (ms, choice = "exchange") => (known(ms) ? written("date", DATES, ms, choice) : "");

/** Where a price stands between low and high, 0 to 1; null when that cannot be said. @param {Figure} value @param {Figure} low @param {Figure} high */
export const position = (value, low, high) => {
  if (!known(value) || !known(low) || !known(high) || high < low) return null;
  return high === low ? 0.5 : Math.min(1, Math.max(0, (value - low) / (high - low)));
};

/** @type {Record<string, string>} */
const SESSIONS = { pre: "Pre-market", regular: "Regular", post: "After hours", closed: "Closed" };
/** @param {?string} [name] */
export const session = (name) => SESSIONS[name ?? ""] ?? DASH;

/** @type {Record<string, string>} */
const CHANGES = { "pre>regular": "opens in", "closed>regular": "opens in", "regular>post": "closes in", "regular>closed": "closes in" };

/** "closes in 2 h 14 m": what the market does next, from its session, the next one and the time until then. @param {?string} now @param {?string} next @param {Figure} ms */
export const marketNext = (now, next, ms) => {
  if (!known(ms) || !next) return "";
  return `${CHANGES[`${now}>${next}`] ?? `${session(next).toLowerCase()} in`} ${span(ms)}`;
};
