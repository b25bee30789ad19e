/**
 * The moving figures of one symbol: price, change, range, volume, age, tag.
 *
 * Each renders dashes on the server and on first paint, then writes into its own elements
 * (see hooks.js). None changes its size with its content; none renders again for a tick. A part moves
 * four times a second, as in a row of the list, and with `every` trade where one symbol is looked at.
 */

import { useEffect, useRef } from "react";
import { among, chosen } from "./choices.js";
import * as format from "./format.js";
import { dayName, sinceClose } from "./days.js";
import { flash, mark, useChoice, useInView, useParts, useQuote, write } from "./hooks.js";
import { lines } from "./spark.jsx";
import { symbolWords } from "./words.js";

const UP = format.arrow(1); // stands hidden where there is no change, so that lines keep their height

/** Write a figure, and say of a long one how long it is, so that it is drawn smaller instead of cut. */
function fit(element, text) {
  write(element, text);
  mark(element, "data-long", text.length > 16 ? "3" : text.length > 13 ? "2" : text.length > 10 ? "1" : null);
}

/** The last price; when it moves, its background is tinted for a moment, at most once a second. */
export function LivePrice({ symbol, className = "", every = false }) {
  const { at, part } = useParts();
  const shown = useRef();
  const inView = useInView(at, "box");
  useEffect(() => { shown.current = undefined; }, [symbol]);
  useQuote(symbol, (quote) => {
    fit(at.price, format.price(quote?.price, quote?.decimals));
    mark(at.box, "title", quote && Number(quote.price.toFixed(quote.decimals)) !== quote.price ? format.exact(quote.price) : null);
    const before = shown.current;
    shown.current = quote && { price: quote.price, seq: quote.seq };
    if (!quote || !before || quote.price === before.price || !inView()) return;
    flash(at.box, quote.tick);
  }, { every });
  return (
    <span className={`price ${className}`} ref={part("box")}>
      <span className="price-text">
        <span ref={part("price")}>{format.DASH}</span>
      </span>
    </span>
  );
}

/** The server's word for why there are no figures; empty before it has spoken. */
function missing(live, symbol) {
  const state = live.stateOf(symbol);
  const known = state === "rejected" || symbol in live.status.states;
  return known ? symbolWords(state, live.rejection(symbol)).short : "";
}

/** The change since the previous close, with arrow and sign: percent over absolute, or in one line. */
export function LiveChange({ symbol, inline = false, every = false }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote, live) => {
    const change = quote?.change;
    const absolute = format.change(change, quote?.decimals);
    const percent = format.percent(quote?.changePercent);
    mark(at.box, "data-direction", format.direction(change));
    write(at.arrow, format.arrow(change) || UP);
    write(at.main, inline ? absolute : percent);
    (inline || !quote ? write : fit)(at.side, inline ? (change == null ? "" : `(${percent})`) : quote ? absolute : missing(live, symbol) || "\u00a0");
  }, { every });
  return (
    <span className={inline ? "change change-inline" : "change"} data-direction="flat" ref={part("box")}>
      <span className="change-main"><i aria-hidden="true" ref={part("arrow")}>{UP}</i><span ref={part("main")}>{format.DASH}</span></span>
      <span className="change-side" ref={part("side")}>{inline ? "" : "\u00a0"}</span>
    </span>
  );
}

/** Of a price that moved on since the regular session: how far, beside the change of the day. */
export function LiveSinceClose({ symbol, every = false }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote) => {
    const moved = sinceClose(quote);
    write(at.words, moved === null ? "" : `${quote.session === "post" ? "After hours" : "Since the close"} `);
    write(at.moved, moved === null ? "" : `${format.change(moved.change, quote.decimals)} (${format.percent(moved.percent)})`);
    mark(at.moved, "data-direction", format.direction(moved?.change));
  }, { every });
  return (
    <span className="since-close">
      <span ref={part("words")} />
      <span className="since-close-moved" data-direction="flat" ref={part("moved")} />
    </span>
  );
}

const placed = new WeakMap(); // mark → where

/** Put a mark on its line, as wide as the line itself: 0 to 1 from the left, not at all for null. */
function place(mark, position) {
  const where = position === null ? "" : `translateX(${(position * 100).toFixed(1)}%)`;
  if (placed.get(mark) === where) return;
  placed.set(mark, where);
  mark.hidden = position === null;
  mark.style.transform = where;
}

/** The symbol, or none while the column is not shown: what nobody sees is not painted. */
function useColumn(column, symbol) {
  const [columns] = useChoice("columns");
  return among(columns, column) ? symbol : "";
}

/** Where the price stands between the day's low and high, as a mark on a line. */
export function DayRange({ symbol }) {
  const { at, part } = useParts();
  useQuote(useColumn("range", symbol), (quote, live) => {
    const position = format.position(quote?.price, quote?.low, quote?.high);
    place(at.mark, position);
    const day = dayName(quote?.day, live.marketNow());
    const words = position === null ? "Day range unknown"
      : `${day && `${day}: `}Low ${format.price(quote.low, quote.decimals)}, high ${format.price(quote.high, quote.decimals)}`;
    mark(at.line, "aria-label", words);
    mark(at.line, "title", words);
  });
  return <span className="range" role="img" aria-label="Day range unknown" ref={part("line")}><i hidden ref={part("mark")} /></span>;
}

/** Where the price stands between the lowest and the highest of 52 weeks, where that is known. */
export function YearRange({ symbol }) {
  const { at, part } = useParts();
  useQuote(useColumn("year", symbol), (quote) => {
    const line = lines.line(symbol), low = Math.min(line.low52 ?? NaN, quote?.low ?? Infinity), high = Math.max(line.high52 ?? NaN, quote?.high ?? -Infinity);
    if (line.low52 === null) lines.later(symbol); // it is looked up after the day
    const position = format.position(quote?.price, low, high);
    place(at.mark, position);
    mark(at.line, "aria-label", position === null ? "52 weeks unknown" : `52 weeks: low ${format.price(low, quote.decimals)}, high ${format.price(high, quote.decimals)}`);
  }, { ages: true });
  return <span className="range" role="img" aria-label="52 weeks unknown" ref={part("line")}><i hidden ref={part("mark")} /></span>;
}

/** The day's average price by volume. */
export function LiveVwap({ symbol }) {
  const { at, part } = useParts();
  useQuote(useColumn("vwap", symbol), (quote) => {
    const vwap = lines.line(symbol).vwap(quote);
    lines.later(symbol); // late trades count in it too
    lines.want(symbol);
    fit(at.figure, format.price(vwap, quote?.decimals));
  }, { ages: true });
  return <span className="vwap" ref={part("figure")}>{format.DASH}</span>;
}

/** The day's volume. */
export function LiveVolume({ symbol }) {
  const { at, part } = useParts();
  const [pill] = useChoice("pill"), column = useColumn("volume", symbol);
  useQuote(pill === "volume" ? symbol : column, (quote, live) => {
    fit(at.figure, format.volume(quote?.dayVolume));
    const day = dayName(quote?.day, live.marketNow());
    mark(at.figure, "title", day ? `Of ${day}` : null);
  });
  return <span className="volume" ref={part("figure")}>{format.DASH}</span>;
}

const NEW_MS = 10_000, RECENT_MS = 60_000;

/** How old the price is: the style rules draw a full dot, a hollow one, or the words. Nothing where the market is closed. */
export function LiveAge({ symbol }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote, live) => {
    const ms = quote ? live.marketNow() - quote.time : null;
    const closed = quote?.session === "closed" && ms > RECENT_MS;
    mark(at.figure, "data-age", ms === null ? null : closed ? "closed" : ms < NEW_MS ? "new" : ms < RECENT_MS ? "recent" : "old");
    const inWords = ms === null || ms >= RECENT_MS || among(chosen("columns"), "age");
    write(at.figure, inWords ? format.age(ms) : ms < NEW_MS ? "under 10 s" : "under a minute"); // beside a dot, for readers
  }, { ages: true });
  return <span className="age" ref={part("figure")}>{format.DASH}</span>;
}

/** What is particular about a symbol's price: a small tag, and its row marked with it. Nothing when it is live. */
export function SymbolTag({ symbol, explain = false, every = false }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote, live) => {
    const state = live.stateOf(symbol);
    const { tag, line, why } = symbolWords(state, live.rejection(symbol));
    write(at.tag, tag);
    mark(at.tag, "title", why || null);
    write(at.why, line);
    mark(at.why, "title", why || null);
    mark(at.box.closest("[data-quote], [data-symbol]"), "data-state", state);
  }, { every });
  return (
    <span className="tag-box" ref={part("box")}>
      <span className="tag" ref={part("tag")} />
      {explain ? <span className="tag-why" ref={part("why")} /> : null}
    </span>
  );
}
