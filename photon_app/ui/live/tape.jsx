/**
 * Time and sales of the selected symbol: the newest trades that the server keeps, and each one since.
 *
 * The server is asked when a symbol is selected, when the epoch changes, and, now and then, while
 * trades were skipped or came late (`tapes.js`). Live trades of every symbol of the list are remembered,
 * so that each has something at once when it is selected. The table's rows are fixed and rewritten in
 * place, so nothing moves but text: the first ones in each frame, those further down twice a second.
 */

import { useEffect, useRef } from "react";
import * as format from "./format.js";
import { stamp } from "./days.js";
import { ask, inFrame, mark, notInFrame, photon, useQuote, write } from "./hooks.js";
import { ROW_MS } from "./painter.js";
import { DEPTH, TradeTape } from "./tapes.js";

const FIRST = 40;
const REST_MS = 500;
const AGAIN_MS = 15_000; // the least time between two requests for what was skipped
const tapes = new Map();

function tapeOf(symbol) {
  if (!tapes.has(symbol)) tapes.set(symbol, new TradeTape());
  return tapes.get(symbol);
}

const remember = (quote) => tapeOf(quote.symbol).hear(quote, photon().status.epoch);

function writeRow(row, trade, now, digits) {
  const [time, price, size, remark] = row.children;
  write(time, trade ? stamp(trade.time, now) : "");
  write(price, trade ? `${format.arrow(trade.direction)} ${format.price(trade.price, digits)}` : "");
  mark(price, "data-direction", trade ? format.direction(trade.direction) : null);
  write(size, trade ? (trade.volume ? format.volume(trade.volume) : format.DASH) : "");
  write(remark, trade?.remark ?? "");
  mark(row, "data-quiet", trade?.quiet ? (trade.counted ? "counted" : "not") : null);
}

/** Load a symbol's trades, and again when they are doubtful or of another epoch; returns how to stop. */
function keepLoaded(symbol, paint) {
  const live = photon(), gone = new AbortController();
  let epoch = null, loading = false, timer = 0, at = -Infinity;
  const load = async () => {
    if (loading) return;
    [loading, epoch, at] = [true, live.status.epoch, performance.now()];
    const answer = await ask(`/api/trades?symbol=${encodeURIComponent(symbol)}&limit=${DEPTH}`, gone.signal);
    loading = false;
    if (gone.signal.aborted) return;
    const now = live.status.epoch;
    if (answer && tapeOf(symbol).load(answer, now ?? answer.epoch)) paint();
    else if (answer && now !== epoch) look();
  };
  const again = () => { timer = 0; if (!document.hidden && tapeOf(symbol).doubtful) load(); };
  const look = () => {
    const now = live.status.epoch;
    if (now !== null && epoch !== null && now !== epoch) load();
    else if (tapeOf(symbol).doubtful) timer ||= setTimeout(again, Math.max(0, at + AGAIN_MS - performance.now()));
  };
  const stops = [live.watch(symbol, look), live.onStatus(look)];
  load();
  return () => {
    gone.abort();
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  };
}

export function Tape({ symbol, symbols = [] }) {
  const rows = useRef([]), rest = useRef({ at: -Infinity, timer: 0, symbol: "" });
  const list = symbols.join(",");
  const paint = useRef();
  paint.current = (live, whole) => {
    const quote = live.quote(symbol), trades = tapes.get(symbol)?.rows ?? [], now = live.marketNow();
    const kept = rest.current, due = performance.now() - kept.at >= REST_MS;
    const all = whole || due || kept.symbol !== symbol;
    const count = all ? DEPTH : FIRST;
    for (let index = 0; index < count; index++) {
      const row = rows.current[index];
      if (row) writeRow(row, trades[index], now, quote?.decimals);
    }
    if (all) { kept.at = performance.now(); kept.symbol = symbol; }
    else kept.timer ||= setTimeout(() => { kept.timer = 0; inFrame(draw.current); }, REST_MS);
  };
  const draw = useRef(() => paint.current(photon(), true));
  useEffect(() => {
    const stops = list ? list.split(",").map((name) => photon().watch(name, remember, { intervalMs: ROW_MS })) : [];
    return () => stops.forEach((stop) => stop());
  }, [list]);
  useEffect(() => {
    if (!symbol || !rows.current[0]?.offsetParent) return undefined; // a phone shows no tape
    const stop = keepLoaded(symbol, () => inFrame(draw.current));
    return () => { stop(); notInFrame(draw.current); };
  }, [symbol]);
  useEffect(() => () => clearTimeout(rest.current.timer), []);
  useQuote(symbol, (quote, live) => paint.current(live, false), { every: true });
  return (
    <table className="tape">
      <thead><tr><th scope="col">Time (ET)</th><th scope="col">Price</th><th scope="col">Size</th><th scope="col">Condition</th></tr></thead>
      <tbody>
        {Array.from({ length: DEPTH }, (_, index) => (
          <tr key={index} ref={(row) => { rows.current[index] = row; }}><td /><td /><td /><td /></tr>
        ))}
      </tbody>
    </table>
  );
}
