/**
 * The watchlist's small lines: the day so far of each symbol, on a canvas.
 *
 * All share two observers, one timer and one queue: a line is loaded when it first comes into view,
 * a few at a time, and painted at most once a second, while it is in view. React renders the canvas
 * once. The change stands beside it in words, so the picture is hidden from readers.
 */

import { useEffect, useRef } from "react";
import { inFrame, notInFrame, photon } from "./hooks.js";
import { faded, onLook, tokens } from "./look.js";
import { ROW_MS } from "./painter.js";
import { DayLine, MOST, shapeOf } from "./sparks.js";

const AT_ONCE = 3;
const EVERY_MS = 1_000;
const AGAIN_MS = 30_000; // after a failure, or when there was nothing
const YOUNG_MS = 2_000; // a symbol that is new to the server: its past may only be being looked up
const DAY_MS = 86_400_000;

const shown = new Map(); // canvas → Spark
const queue = new Set(); // sparks to load
let loading = 0, observer = null, sizes = null, timer = 0, stops = [], palette = null, status = null;

function begin() {
  observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) shown.get(target)?.see(isIntersecting);
  });
  sizes = new ResizeObserver((entries) => { for (const { target } of entries) shown.get(target)?.soon(); });
  timer = setInterval(() => { if (!document.hidden) for (const spark of shown.values()) spark.tick(); }, EVERY_MS);
  stops = [
    onLook(() => { palette = null; for (const spark of shown.values()) spark.soon(); }),
    photon().onStatus(heardStatus),
  ];
}

function end() {
  observer.disconnect();
  sizes.disconnect();
  clearInterval(timer);
  for (const stop of stops) stop();
  observer = sizes = palette = status = null;
}

/** A new epoch, a connection that is back and another session each make the day another, or leave a gap in it. */
function heardStatus({ connection, epoch, market }) {
  const before = status;
  status = { epoch: epoch ?? before?.epoch, market: market ?? before?.market, lost: before?.lost };
  if (connection !== "open") { status.lost ||= before?.epoch != null; return; }
  const renewed = before?.epoch != null && epoch !== before.epoch;
  if (renewed || before?.lost || (before?.market && market && market !== before.market)) {
    for (const spark of shown.values()) spark.renew(renewed);
  }
  status.lost = false;
}

function pump() {
  for (const spark of queue) {
    if (loading >= AT_ONCE) return;
    queue.delete(spark);
    loading += 1;
    spark.load().finally(() => { loading -= 1; pump(); });
  }
}

class Spark {
  #canvas; #symbol; #stop; #line = new DayLine(); #quote = null; #seen = false; #dirty = false;
  #wanted = true; #doubted = false; #notBefore = 0; #renewedFor = null; #gone = new AbortController();
  #draw = () => this.#paint();

  constructor(canvas, symbol) {
    this.#canvas = canvas;
    this.#symbol = symbol;
    this.#stop = photon().watch(symbol, (quote) => this.#heard(quote), { intervalMs: ROW_MS });
  }

  see(seen) {
    this.#seen = seen;
    if (!seen) return;
    this.#want();
    this.soon();
  }

  renew(anew) {
    if (anew) this.#line = new DayLine();
    this.#wanted = true;
    this.#want();
  }

  tick() {
    if (!this.#seen) return;
    this.#want();
    if (this.#dirty) this.soon();
  }

  soon() { if (this.#seen) inFrame(this.#draw); }

  async load() {
    const live = photon(), { signal } = this.#gone, line = this.#line;
    try {
      const { bars: [day] } = await live.history(this.#symbol, { timeframe: "1d", limit: 1, signal });
      if (!day) { this.#doubt(); return; } // nothing traded yet, or it is only about to be kept
      const { bars } = await live.history(this.#symbol, { timeframe: "5m", from: day.time, limit: MOST, signal });
      line.load(day.time, bars);
      if (bars.length < 2 && !this.#doubted) this.#doubt();
    } catch {
      if (signal.aborted) return;
      this.#again();
    }
    this.soon();
  }

  remove() {
    this.#stop();
    this.#gone.abort();
    queue.delete(this);
    notInFrame(this.#draw);
  }

  /** Ask again, the first time soon. */
  #doubt() {
    this.#again(this.#doubted ? AGAIN_MS : YOUNG_MS);
    this.#doubted = true;
  }

  #again(pause = AGAIN_MS) {
    this.#wanted = true;
    this.#notBefore = performance.now() + pause;
  }

  #want() {
    if (!this.#wanted || !this.#seen || performance.now() < this.#notBefore) return;
    this.#wanted = false;
    queue.add(this);
    pump();
  }

  #heard(quote) {
    const before = this.#quote;
    this.#quote = quote;
    // The line's colour and the dotted one depend on these, also while the line stands still
    if (quote.prevClose !== before?.prevClose || Math.sign(quote.change) !== Math.sign(before?.change)) this.#dirty = true;
    const { from } = this.#line;
    const day = quote.day ?? from;
    if (from !== null && day > from && day !== this.#renewedFor) {
      this.#renewedFor = day; // once: should the server have no bar of it yet, it is asked now and then
      this.#again();
      this.renew(true);
      return;
    }
    // Outside its day a price moves on alone; before the day is known, its bars decide
    if (day === null || quote.session === "closed" || quote.time - day >= DAY_MS) return;
    if (this.#line.price(quote.time, quote.price)) this.#dirty = true;
  }

  #paint() {
    this.#dirty = false;
    const canvas = this.#canvas, ratio = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !this.#line.points.length) return;
    palette ??= tokens(canvas);
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { prevClose = null, change = null } = this.#quote ?? {};
    const { line, close } = shapeOf(this.#line.points, prevClose, width, height);
    if (close !== null) {
      context.strokeStyle = faded(palette.faint, 0.55);
      context.lineWidth = 1;
      context.setLineDash([1, 3]);
      const y = Math.round(close) + 0.5;
      stroke(context, [[0, y], [width, y]]);
      context.setLineDash([]);
    }
    context.strokeStyle = change > 0 ? palette.up : change < 0 ? palette.down : palette.muted;
    context.lineWidth = 1.4;
    context.lineJoin = context.lineCap = "round";
    if (line.length > 1) stroke(context, line);
    else dot(context, line[0]);
  }
}

function dot(context, [x, y]) {
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.arc(x, y, 2, 0, 2 * Math.PI);
  context.fill();
}

function stroke(context, [[left, top], ...points]) {
  context.beginPath();
  context.moveTo(left, top);
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

export function Sparkline({ symbol }) {
  const canvas = useRef(null);
  useEffect(() => {
    if (!symbol) return undefined;
    const element = canvas.current;
    if (shown.size === 0) begin();
    const spark = new Spark(element, symbol);
    shown.set(element, spark);
    observer.observe(element);
    sizes.observe(element);
    return () => {
      spark.remove();
      observer.unobserve(element);
      sizes.unobserve(element);
      shown.delete(element);
      if (shown.size === 0) end();
    };
  }, [symbol]);
  return <canvas className="spark" aria-hidden="true" ref={canvas} />;
}
