/**
 * The latest trades of the selected symbol, as far as this page has seen them.
 *
 * Every symbol of the list is remembered from the moment that it is in the list, the newest 60
 * updates of each; older ones fall off. A skipped trade (a slow connection) is not made up: the next row
 * is then the newest price. The table's rows are fixed and rewritten in place, so nothing moves but text.
 */

import { useEffect, useRef } from "react";
import * as format from "./format.js";
import { stamp } from "./days.js";
import { mark, photon, useQuote, write } from "./hooks.js";

const DEPTH = 60;
const tapes = new Map();

/** Put a quote on its symbol's tape, unless it is the same trade with corrected figures. */
function remember(quote) {
  const tape = tapes.get(quote.symbol) ?? [];
  const newest = tape[0];
  if (newest && newest.epoch === photon().status.epoch) {
    if (quote.seq === newest.seq) return;
  } else tape.length = 0;
  const direction = tape.length && quote.price !== newest.price ? quote.tick : 0;
  tape.unshift({ epoch: photon().status.epoch, seq: quote.seq, time: quote.time, price: quote.price, volume: quote.volume, direction });
  tape.length = Math.min(tape.length, DEPTH);
  tapes.set(quote.symbol, tape);
}

function writeRow(row, trade, now, digits) {
  const [time, price, size] = row.children;
  write(time, trade ? stamp(trade.time, now) : "");
  write(price, trade ? `${format.arrow(trade.direction)} ${format.price(trade.price, digits)}` : "");
  mark(price, "data-direction", trade ? format.direction(trade.direction) : null);
  write(size, trade ? (trade.volume ? format.volume(trade.volume) : format.DASH) : "");
}

export function Tape({ symbol, symbols = [] }) {
  const rows = useRef([]);
  const list = symbols.join(",");
  useEffect(() => {
    const stops = list ? list.split(",").map((name) => photon().watch(name, remember)) : [];
    return () => stops.forEach((stop) => stop());
  }, [list]);
  useQuote(symbol, (quote, live) => {
    const tape = quote ? tapes.get(symbol) ?? [] : [], now = live.marketNow();
    rows.current.forEach((row, index) => row && writeRow(row, tape[index], now, quote?.decimals));
  });
  return (
    <table className="tape">
      <thead><tr><th scope="col">Time (ET)</th><th scope="col">Price</th><th scope="col">Size</th></tr></thead>
      <tbody>
        {Array.from({ length: DEPTH }, (_, index) => (
          <tr key={index} ref={(row) => { rows.current[index] = row; }}><td /><td /><td /></tr>
        ))}
      </tbody>
    </table>
  );
}
