/**
 * The moving figures of one symbol: price, change, range, volume, age, tag.
 *
 * Each renders dashes on the server and on first paint, then writes into its own elements
 * (see hooks.js). None changes its size with its content; none renders again for a tick.
 */

import { useEffect, useRef } from "react";
import * as format from "./format.js";
import { flash, mark, useParts, useQuote, write } from "./hooks.js";

const UP = format.arrow(1); // stands hidden where there is no change, so that lines keep their height

/** The last price; its background is tinted and an arrow shown for a moment when it moves. */
export function LivePrice({ symbol, className = "" }) {
  const { at, part } = useParts();
  const shown = useRef();
  useEffect(() => { shown.current = undefined; }, [symbol]);
  useQuote(symbol, (quote) => {
    write(at.price, format.price(quote?.price));
    mark(at.box, "title", quote ? String(quote.price) : null);
    const before = shown.current;
    shown.current = quote && { price: quote.price, seq: quote.seq };
    if (!quote || !before || quote.price === before.price) return;
    const direction = Math.sign(quote.price - before.price);
    write(at.arrow, format.arrow(direction));
    mark(at.arrow, "data-direction", format.direction(direction));
    at.arrow?.animate?.([{ opacity: 1 }, { opacity: 1, offset: 0.6 }, { opacity: 0 }], 1000);
    flash(at.box, direction);
  });
  return (
    <span className={`price ${className}`} ref={part("box")}>
      <span className="price-text">
        <i className="price-arrow" aria-hidden="true" ref={part("arrow")} />
        <span ref={part("price")}>{format.DASH}</span>
      </span>
    </span>
  );
}

/** The change since the previous close, with arrow and sign: percent over absolute, or in one line. */
export function LiveChange({ symbol, inline = false }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote) => {
    const change = quote?.change;
    const absolute = format.change(change, quote?.price);
    const percent = format.percent(quote?.changePercent);
    mark(at.box, "data-direction", format.direction(change));
    write(at.arrow, format.arrow(change) || UP);
    write(at.main, inline ? absolute : percent);
    write(at.side, inline ? (change == null ? "" : `(${percent})`) : absolute);
  });
  return (
    <span className={inline ? "change change-inline" : "change"} data-direction="flat" ref={part("box")}>
      <span className="change-main"><i aria-hidden="true" ref={part("arrow")}>{UP}</i><span ref={part("main")}>{format.DASH}</span></span>
      <span className="change-side" ref={part("side")}>{inline ? "" : "\u00a0"}</span>
    </span>
  );
}

/** Put a mark on its line, as wide as the line itself: 0 to 1 from the left, not at all for null. */
function place(mark, position) {
  mark.hidden = position === null;
  mark.style.transform = `translateX(${(position ?? 0) * 100}%)`;
}

/** Where the price stands between the day's low and high, as a mark on a line. */
export function DayRange({ symbol }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote) => {
    const position = format.position(quote?.price, quote?.low, quote?.high);
    place(at.mark, position);
    const words = position === null ? "Day range unknown" : `Low ${format.price(quote.low)}, high ${format.price(quote.high)}`;
    mark(at.line, "aria-label", words);
    mark(at.line, "title", words);
  });
  return <span className="range" role="img" aria-label="Day range unknown" ref={part("line")}><i hidden ref={part("mark")} /></span>;
}

/** The day on one wide line: low to high, with open, previous close and the price now. */
export function DayScale({ symbol }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote) => {
    const bounds = quote ? [quote.low, quote.high, quote.prevClose].filter((value) => value != null) : [];
    const low = Math.min(...bounds), high = Math.max(...bounds);
    const position = (value) => (bounds.length ? format.position(value, low, high) : null);
    place(at.now, position(quote?.price));
    place(at.open, position(quote?.open));
    place(at.close, position(quote?.prevClose));
    const [from, to] = [position(quote?.low), position(quote?.high)];
    at.day.hidden = from === null || to === null;
    at.day.style.transform = `translateX(${(from ?? 0) * 100}%) scaleX(${(to ?? 0) - (from ?? 0)})`;
    write(at.low, format.price(quote?.low));
    write(at.high, format.price(quote?.high));
  });
  return (
    <div className="scale">
      <div className="scale-ends">
        <span>Low <b ref={part("low")}>{format.DASH}</b></span>
        <span className="scale-title">Day range</span>
        <span><span className="scale-word">High</span><b ref={part("high")}>{format.DASH}</b></span>
      </div>
      <div className="scale-line" aria-hidden="true">
        <i className="scale-day" hidden ref={part("day")} />
        <i className="scale-close" hidden title="Previous close" ref={part("close")} />
        <i className="scale-open" hidden title="Open" ref={part("open")} />
        <i className="scale-now" hidden ref={part("now")} />
      </div>
      <div className="scale-key" aria-hidden="true"><span className="key-now">Last</span><span className="key-open">Open</span><span className="key-close">Previous close</span></div>
    </div>
  );
}

const FIGURES = {
  open: (quote) => format.price(quote?.open),
  high: (quote) => format.price(quote?.high),
  low: (quote) => format.price(quote?.low),
  prevClose: (quote) => format.price(quote?.prevClose),
  volume: (quote) => format.volume(quote?.dayVolume),
  age: (quote, live) => format.age(quote ? live.marketNow() - quote.time : null),
  session: (quote, live) => format.session(live.status.market),
};

/** One figure as text, named by `figure`. */
function Figure({ symbol, figure, className }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote, live) => write(at.figure, FIGURES[figure](quote, live)), { ages: figure === "age" });
  return <span className={className} ref={part("figure")}>{format.DASH}</span>;
}

export const LiveVolume = ({ symbol }) => <Figure symbol={symbol} figure="volume" className="volume" />;
export const LiveAge = ({ symbol }) => <Figure symbol={symbol} figure="age" className="age" />;
export const LiveFigure = ({ symbol, figure }) => <Figure symbol={symbol} figure={figure} className="figure" />;

const REASONS = {
  waiting: "No price yet",
  stale: "The line behind this price is down: it may not be the newest",
  polled: "Asked for from time to time, not streamed: the feed's stream is full",
};

const reason = (live, symbol, state) => (state === "rejected" ? live.rejection(symbol)?.message : REASONS[state]) ?? "";

/** What is particular about a symbol's price: a small tag, and its row told so. Nothing when it is live. */
export function SymbolTag({ symbol, explain = false }) {
  const { at, part } = useParts();
  useQuote(symbol, (quote, live) => {
    const state = live.stateOf(symbol);
    const why = reason(live, symbol, state);
    write(at.tag, state === "live" ? "" : state.toUpperCase());
    mark(at.tag, "title", why || null);
    if (at.why) write(at.why, why);
    mark(at.box.closest("[data-quote]"), "data-state", state);
  });
  return (
    <span className="tag-box" ref={part("box")}>
      <span className="tag" ref={part("tag")} />
      {explain ? <span className="tag-why" ref={part("why")} /> : null}
    </span>
  );
}
