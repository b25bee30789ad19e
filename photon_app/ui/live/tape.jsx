/**
 * Time and sales of the selected symbol: the newest trades that the server keeps, and each one since.
 *
 * The server is asked when the tape comes into view, when the epoch changes, and now and then while trades
 * were skipped, came late, or have no conditions yet (`tapes.js`). A new trade moves the last row to the top and
 * writes it; the others stay as they are, so that a hundred trades a second cost a few writes a frame. While it is
 * paused or scrolled away from the top nothing moves, and what comes is counted. Not seen, it asks and writes nothing.
 */

import { useEffect, useRef, useState } from "react";
import { stamp } from "./days.js";
import * as format from "./format.js";
import { ask, inFrame, mark, notInFrame, photon, useChoice, useParts, useQuote, useSeen, write } from "./hooks.js";
import { DEPTH, emptyWords, SHOWN, SIZES, TapeView, TradeTape } from "./tapes.js";

const AGAIN_MS = 6_000; // the least time between two requests of a tape
const TIME = "14:02:31".length; // longer with a date
const FEW = 200; // trades a request: enough for a tape of all sizes

/** Keep a tape loaded, for as long as it is seen. Returns how to stop. */
function keepLoaded(symbol, tape, limit, heard) {
  const live = photon(), gone = new AbortController();
  let epoch = null, current = null, loading = false, timer = 0, at = -Infinity;
  const load = async () => {
    if (loading) return;
    [loading, epoch, at] = [true, current, performance.now()];
    const answer = await ask(`/api/trades?symbol=${encodeURIComponent(symbol)}&limit=${limit}`, gone.signal);
    loading = false;
    if (gone.signal.aborted) return;
    if (answer && tape.load(answer, current ?? answer.epoch)) heard(null);
    else if (current !== epoch) load();
    else look();
  };
  const again = () => { timer = 0; if (!document.hidden && stale()) load(); };
  const stale = () => !tape.loaded || tape.doubtful || tape.unread;
  const look = () => { if (stale()) timer ||= setTimeout(again, Math.max(0, at + AGAIN_MS - performance.now())); };
  const stops = [
    live.onStatus((status) => {
      current = status.epoch;
      if (epoch !== null && current !== epoch) load();
      else look(); // back in view, or connected again
    }),
    live.watch(symbol, (quote) => { if (tape.hear(quote, current)) heard(tape.rows[0]); look(); }),
  ];
  load();
  return () => {
    gone.abort();
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  };
}

function newRow() {
  const row = document.createElement("tr");
  row.setAttribute("role", "row");
  for (const _ of "1234") row.appendChild(document.createElement("td")).setAttribute("role", "cell");
  row.children[1].append(document.createElement("i"), "");
  return row;
}

function writeRow(row, trade, { zone, now, digits }) {
  const [time, price, size, remark] = row.children;
  write(time, stamp(trade.time, now, zone));
  write(price.firstChild, format.arrow(trade.direction));
  write(price.lastChild, format.price(trade.price, digits));
  mark(price, "data-direction", format.direction(trade.direction));
  write(size, trade.volume ? format.size(trade.volume) : format.DASH);
  write(remark, trade.remark);
  mark(remark, "title", trade.title || null);
  mark(row, "data-quiet", trade.quiet ? (trade.counted ? "counted" : "not") : null);
}

const ROOM = 2_000; // rows above the first one that new ones take before the room is made anew

/**
 * Make a table's rows those of `list`; `shown` are those that it has. Rows that moved down are moved, not written:
 * the new one takes room above them, and the body is moved as a whole (rail.css), which shifts no layout.
 */
function show(body, shown, list, look) {
  const moved = Math.max(0, list.indexOf(shown[0]));
  if (moved) {
    const room = Number(body.style.getPropertyValue("--room")) - moved;
    body.style.setProperty("--room", String(room < 0 ? ROOM : room));
  }
  for (let n = 0; n < moved; n += 1) body.prepend(body.children.length < SHOWN ? newRow() : body.lastElementChild);
  while (body.children.length > list.length) body.lastElementChild.remove();
  while (body.children.length < list.length) body.append(newRow());
  let row = body.firstElementChild;
  for (let at = 0; at < list.length; at += 1, row = row.nextElementSibling) {
    if (at < moved || shown[at - moved] !== list[at]) writeRow(row, list[at], look);
  }
}

const PAUSE = "M5 3v10M11 3v10", RESUME = "M5 3l7 5-7 5z";

export function Tape({ symbol }) {
  const { at, part } = useParts();
  const seen = useSeen(at, "box");
  const [zone] = useChoice("zone");
  const [least, setLeast] = useState(0);
  const [paused, setPaused] = useState(false);
  const held = useRef({ tape: new TradeTape(), view: new TapeView(), shown: [], look: "" }).current;
  held.view.least = least;

  const paint = (quote, live) => {
    write(at.age, quote ? `Last trade ${format.age(live.marketNow() - quote.time)} ago` : "");
    if (!seen) return;
    const { tape, view } = held, list = view.of(tape.rows);
    const now = live.marketNow(), digits = quote?.decimals;
    const dated = [list[0], list.at(-1)].some((trade) => trade && stamp(trade.time, now, zone).length > TIME);
    const look = `${format.date(now, zone)} ${zone} ${digits}`;
    show(at.rows, look === held.look ? held.shown : [], list, { zone, now, digits });
    [held.shown, held.look] = [list, look];
    mark(at.table, "data-dated", dated ? "" : null);
    write(at.empty, emptyWords(tape, list.length, Boolean(quote?.polled)));
    mark(at.fresh, "hidden", view.held ? null : "");
    const count = view.fresh ? `${format.size(view.fresh)} new` : "";
    write(at.fresh, [paused ? "Paused" : count ? "" : "Not following", count].filter(Boolean).join(" · "));
  };
  useQuote(symbol, paint, { ages: true, every: true });

  const draw = useRef();
  draw.current = () => paint(photon().quote(symbol), photon());
  const soon = useRef(() => draw.current()).current;
  useEffect(() => () => notInFrame(soon), []);

  /** Hold while it is paused or scrolled away, else follow. */
  const follow = (stopped) => {
    if (stopped || at.box.scrollTop > 4) held.view.hold(held.tape.rows);
    else held.view.release();
    inFrame(soon);
  };
  useEffect(() => { if (symbol) follow(paused); }, [symbol, seen, zone, least, paused]);
  const pause = (stopped) => {
    setPaused(stopped);
    if (!stopped) at.box.scrollTop = 0;
    follow(stopped);
  };
  useEffect(() => pause(false), [symbol]);
  const deep = least > 0;
  useEffect(() => {
    if (!symbol || !seen) return undefined;
    held.tape = new TradeTape();
    return keepLoaded(symbol, held.tape, deep ? DEPTH : FEW, (row) => { if (row) held.view.count(row); inFrame(soon); });
  }, [symbol, seen, deep]);

  return (
    <>
      <div className="tape-head">
        <h2>Trades</h2>
        <span className="tape-age" ref={part("age")} />
        <button type="button" className="tape-fresh" title="To the newest trade" hidden onClick={() => pause(false)} ref={part("fresh")} />
        <select className="tape-least" aria-label="Smallest trade shown" value={least} onChange={(event) => setLeast(Number(event.target.value))}>
          {/* figures are in the visitor's language, which the built page does not know */}
          {SIZES.slice(0, seen ? SIZES.length : 1).map((size) => <option key={size} value={size}>{size ? `≥ ${format.size(size)}` : "Any size"}</option>)}
        </select>
        <button type="button" className="tape-pause" aria-label="Pause the trades" title="Pause (Space)" data-key="Space" aria-keyshortcuts="Space" aria-pressed={paused} tabIndex={-1} onClick={() => pause(!paused)}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d={paused ? RESUME : PAUSE} /></svg>
        </button>
      </div>
      <div className="tape-box" tabIndex={0} role="region" aria-label="Trades" onScroll={() => follow(paused)} ref={part("box")}>
        <table className="tape" role="table" aria-label="Trades" ref={part("table")}>
          <thead role="rowgroup"><tr role="row">
            {["Time", "Price", "Size", "Condition"].map((title) => <th key={title} role="columnheader" scope="col">{title}</th>)}
          </tr></thead>
          <tbody role="rowgroup" style={{ "--room": ROOM }} ref={part("rows")} />
        </table>
        <p className="tape-empty" ref={part("empty")} />
      </div>
    </>
  );
}
