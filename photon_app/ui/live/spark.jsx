/**
 * The small lines of a list: the day so far of each symbol, as a drawing whose width is the day's clock.
 *
 * A line is loaded when it comes into view (`sparks.js`) and its paths are written at most once a second,
 * while it is in view. Its colours are the style sheet's. React renders it once. The change stands beside
 * it in words, so readers skip the picture.
 */

import { useEffect } from "react";
import { direction } from "./format.js";
import { ask, inFrame, mark, notInFrame, photon, useParts } from "./hooks.js";
import { DayLines, pathsOf } from "./sparks.js";

const WIDTH = 100, HEIGHT = 28, EVERY_MS = 1_000;
const ROW = { intervalMs: 250 }; // as the figures of a row

export const lines = new DayLines({ ask, now: () => performance.now(), after: (run, ms) => setTimeout(run, ms) });

const shown = new Map(); // element → {at, symbol, seen, dirty, quote, draw}
const AHEAD = "100%"; // of the screen, or of the list: so far lines are loaded together with one that is seen
let observer = null, ahead = null, stops = [];

function begin() {
  observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const spark = shown.get(target);
      if (spark) look(Object.assign(spark, { seen: isIntersecting }));
    }
  });
  ahead = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) Object.assign(shown.get(target) ?? {}, { near: isIntersecting });
  }, { rootMargin: AHEAD, scrollMargin: AHEAD });
  const timer = setInterval(() => shown.forEach(look), EVERY_MS);
  const came = () => shown.forEach((spark) => { spark.dirty = true; look(spark); });
  stops = [() => ahead.disconnect(), () => clearInterval(timer), lines.onLoad(came), photon().onStatus((status) => lines.status(status))];
}

function end() {
  observer.disconnect();
  stops.forEach((stop) => stop());
}

function look(spark) {
  if (!spark.seen || document.hidden) return;
  if (lines.want(spark.symbol)) for (const { near, symbol } of shown.values()) if (near) lines.want(symbol); // one request for a screen and the next
  if (spark.dirty) inFrame(spark.draw);
}

function hear(spark, quote) {
  const line = lines.kept(spark.symbol), before = spark.quote;
  spark.quote = quote;
  for (const one of [before, quote]) line?.vwap(one); // followed from here on, whether its column is shown or not
  if (line?.day != null && quote.day > line.day) lines.renew(spark.symbol, quote.day);
  // Outside its day a price moves on alone
  const moved = quote.session !== "closed" && line?.price(quote.time, quote.price);
  if (moved || quote.prevClose !== before?.prevClose || Math.sign(quote.change) !== Math.sign(before?.change)) spark.dirty = true;
}

function paint({ at, symbol, quote }) {
  const line = lines.line(symbol), close = quote?.prevClose ?? line.prevClose;
  for (const [name, path] of Object.entries(pathsOf(line, close, WIDTH, HEIGHT))) mark(at[name], "d", path);
  mark(at.box, "data-direction", direction(quote?.change ?? (close == null ? 0 : (line.points.at(-1)?.[1] ?? close) - close)));
}

export function Sparkline({ symbol }) {
  const { at, part } = useParts();
  useEffect(() => {
    if (!symbol) return undefined;
    if (shown.size === 0) begin();
    const box = at.box, spark = { at, symbol, seen: false, dirty: true, quote: null };
    spark.draw = () => { spark.dirty = false; paint(spark); };
    shown.set(box, spark);
    observer.observe(box);
    ahead.observe(box);
    const stop = photon().watch(symbol, (quote) => hear(spark, quote), ROW);
    return () => {
      stop();
      lines.later(symbol);
      notInFrame(spark.draw);
      observer.unobserve(box);
      ahead.unobserve(box);
      shown.delete(box);
      if (shown.size === 0) end();
    };
  }, [symbol]);
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" ref={part("box")}>
      <path className="spark-area" ref={part("area")} /><path className="spark-close" ref={part("close")} /><path className="spark-line" ref={part("line")} />
    </svg>
  );
}
