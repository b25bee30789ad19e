/**
 * What is drawn over the prices: moving averages, the day's average price, other symbols. Pure, tested under node.
 *
 * A study gives one value a bar, from a place on, and null where it has none: so that a new trade costs one
 * value. Nothing here is kept.
 */

/** @typedef {import("./photon-client.js").Bar} Bar */
/** @typedef {{session: string, from: number, to: number}} Session */
/** @typedef {{sessions?: Session[], timeframe?: string}} Around  where bars stand */
/** @typedef {{name: string, label: string, color: string, dashed: boolean, symbol?: string, values?: typeof vwap}} Line */

import { INTO_DATE } from "./days.js";
import { symbolsIn } from "./lists.js";
import { placeOf } from "./series.js";

const DAY = 86_400_000;
export const MOST = 4; // compared symbols

/** The average close of the last `count` bars. @param {number} count @returns {(bars: Bar[], from?: number) => (number | null)[]} */
export const average = (count) => (bars, from = 0) => {
  const first = Math.max(0, from - count + 1);
  /** @type {(number | null)[]} */
  const values = [];
  let sum = 0;
  for (let place = first; place < bars.length; place += 1) {
    sum += bars[place].close;
    if (place - count >= first) sum -= bars[place - count].close;
    if (place >= from) values.push(place + 1 < count ? null : sum / count);
  }
  return values;
};

/** Where the days of these bars begin that an average price is of: with the regular session, else at midnight UTC. @param {number} time @param {Session[]} sessions */
function days(time, sessions) {
  if (!sessions.length) return Math.floor(time / DAY);
  const session = sessions.findLast(({ session, from }) => from <= time && session !== "post");
  return session?.session === "regular" ? session.from : null; // none before it opens
}

/**
 * The average price of the day so far, weighted by volume: begun anew in each regular session, or each day UTC of what
 * has none. Bars of a whole day have none.
 * @param {Bar[]} bars @param {number} [from] @param {Around} [around] @returns {(number | null)[]}
 */
export function vwap(bars, from = 0, { sessions = [], timeframe = "1m" } = {}) {
  if (timeframe === "1d") return bars.slice(from).map(() => null);
  let first = from;
  const day = days(bars[from]?.time, sessions);
  if (day !== null) while (first > 0 && days(bars[first - 1].time, sessions) === day) first -= 1;
  /** @type {(number | null)[]} */
  const values = [];
  let running = /** @type {number | null} */ (null), volume = 0, turnover = 0;
  for (let place = first; place < bars.length; place += 1) {
    const bar = bars[place], its = days(bar.time, sessions);
    if (its !== running) [running, volume, turnover] = [its, 0, 0];
    volume += bar.volume;
    turnover += bar.volume * (bar.vwap ?? bar.close);
    if (place >= from) values.push(its === null || volume === 0 ? null : turnover / volume);
  }
  return values;
}

/** Every study by name; colours are tokens. @type {Record<string, Omit<Line, "name">>} */
export const STUDIES = {
  vwap: { label: "VWAP", color: "study-1", dashed: false, values: vwap },
  ma20: { label: "MA 20", color: "study-2", dashed: true, values: average(20) },
  ma50: { label: "MA 50", color: "study-2", dashed: false, values: average(50) },
  ma200: { label: "MA 200", color: "study-1", dashed: true, values: average(200) },
};
const COLORS = ["study-1", "study-2", "brand", "muted"];

/** The names in a choice of studies, in their order. @param {string} text */
export const studiesOf = (text) => Object.keys(STUDIES).filter((name) => text.split(",").includes(name));

/** The symbols in a choice of compared ones, without what is none, the shown one and any twice. @param {string} text @param {string} [shown] */
export const symbolsOf = (text, shown = "") => symbolsIn(text).filter((name) => name !== shown).slice(0, MOST);

/** The lines that are chosen: of a study with `values`, of a symbol with `symbol`. @param {string[]} studies @param {string[]} symbols @returns {Line[]} */
export const linesOf = (studies, symbols) => [
  ...studies.map((name) => ({ name, ...STUDIES[name] })),
  ...symbols.map((symbol, place) => ({ name: symbol, label: symbol, symbol, color: COLORS[place], dashed: false })),
];

/**
 * The other symbol's close at each bar: of its newest bar that had begun by then, by date for days.
 * @param {{time: number}[]} bars @param {Bar[]} others @param {string} timeframe @param {number} [from] @returns {(number | null)[]}
 */
export const aligned = (bars, others, timeframe, from = 0) => bars.slice(from).map(({ time }) => {
  const end = timeframe === "1d" ? (Math.floor((time + INTO_DATE) / DAY) + 1) * DAY - INTO_DATE : time + 1;
  return others[placeOf(others, end) - 1]?.close ?? null;
});
