/**
 * The order of the list by a column, from the figures of this moment. Pure, tested under node.
 */

import { position } from "./format.js";

/** @typedef {import("./photon-client.js").Quote} Quote @typedef {import("./sparks.js").DayLine} DayLine */

/** What a column is sorted by. @type {Record<string, (quote: Quote, line?: DayLine) => ?number>} */
const FIGURES = {
  last: (quote) => quote.price,
  change: (quote) => quote.changePercent,
  spark: (quote) => quote.changePercent,
  range: (quote) => position(quote.price, quote.low, quote.high),
  vwap: (quote, line) => line?.vwap(quote) ?? null,
  volume: (quote) => quote.dayVolume,
  age: (quote) => -quote.time,
};

export const SORTABLE = ["symbol", ...Object.keys(FIGURES)];
export const BY_CHOICE = ["range", "vwap", "volume"]; // of these: not shown unless chosen

/**
 * The next order when a column's title is pressed: its first direction, the other, the list's own.
 * @param {string} sort  as in the choice: "change", "-change" (descending) or ""
 * @param {string} column
 */
export function next(sort, column) {
  const first = column === "symbol" ? "symbol" : `-${column}`;
  const second = column === "symbol" ? "-symbol" : column;
  return sort === first ? second : sort === second ? "" : first;
}

/** @param {string} sort @param {string} column @returns {"ascending" | "descending" | "none"} for `aria-sort` */
export const direction = (sort, column) => (sort === column ? "ascending" : sort === `-${column}` ? "descending" : "none");

/**
 * @param {readonly string[]} symbols  in the list's own order
 * @param {string} sort
 * @param {(symbol: string) => Quote | undefined} quoteOf
 * @param {(symbol: string) => DayLine | undefined} [lineOf]
 * @returns {readonly string[]} symbols without a figure come last, in their own order
 */
export function sorted(symbols, sort, quoteOf, lineOf) {
  const column = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
  if (column === "symbol") return [...symbols].sort((one, other) => sign * (one < other ? -1 : 1));
  const figure = Object.hasOwn(FIGURES, column) ? FIGURES[column] : null;
  if (!figure) return symbols;
  const figures = new Map(symbols.map((symbol) => {
    const quote = quoteOf(symbol);
    return [symbol, quote ? figure(quote, lineOf?.(symbol)) ?? null : null];
  }));
  return [...symbols].sort((one, other) => {
    const a = figures.get(one) ?? null, b = figures.get(other) ?? null;
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * (a - b);
  });
}
