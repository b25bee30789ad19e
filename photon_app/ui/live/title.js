/**
 * The document's title: the price of the selected symbol, to be seen while another tab is in front.
 *
 * Pure, tested under node.
 */

import * as format from "./format.js";

export const NAME = "Photon";
const SHOWN_MS = 1_000, HIDDEN_MS = 5_000;

/** "AAPL 284.09 ▲1.82 % · Photon"; without a price the name alone. @param {string} symbol @param {any} quote */
export function titleOf(symbol, quote) {
  if (!symbol || quote?.price == null) return NAME;
  const { price, decimals, change, changePercent } = quote;
  const arrow = format.arrow(changePercent ?? change);
  const moved = changePercent == null ? "" : ` ${arrow}${format.percent(Math.abs(changePercent)).replace("+", "")}`;
  return `${symbol} ${format.price(price, decimals)}${moved} · ${NAME}`;
}

/** How long until the title may change again, in ms; none for another symbol. @param {number} sinceMs @param {boolean} hidden */
export const waitFor = (sinceMs, hidden) => Math.max(0, (hidden ? HIDDEN_MS : SHOWN_MS) - sinceMs);
