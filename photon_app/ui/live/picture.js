/**
 * A chart's picture: one instance of TradingView's Lightweight Charts, its series and its look.
 *
 * Owns the instance and what is drawn on it; knows bars, lines and tokens, not where they come from. The
 * library is handed in, because it is loaded when the page already stands. Times go to it in whole
 * seconds of UTC; its axis follows the wall clock of the zone that is chosen. A view that nobody moved is
 * held: it shows its span again when a bar comes or the room is another.
 */

import * as format from "./format.js";
import { closeName, inView, leastWeight, MARK_ROOM, markOf, sessionName, timeOf, wallOf, weightOf } from "./legend.js";
import { faded } from "./look.js";
import { bands, holes, placeOf } from "./series.js";

const SPACING = 7, WIDEST = 24; // pixels from bar to bar
const FEW = 40; // bars: fewer are centred
const NARROW = 560; // pixels
const WIDE_ROOM = { top: 72, right: 128 }, NARROW_ROOM = { top: 24, right: 24 }; // beyond the bars: for the legend, for handles
const VOLUME = 0.16, BETWEEN = 12;
const NAMES_AT = 62; // pixels from the top: the names of sessions and holes
const HOLE = 24; // pixels of a hole that is open
const NARROWEST = 10; // pixels of a session that is shaded
const NAMED = 4; // sessions: the names of more say nothing
const MAKERS = { width: 56, height: 44 }; // the library's mark, below at the right
const MODES = { normal: 0, log: 1, percent: 2 };
const DASHED = 2, DOTTED = 1;

/** The library's time axis with its marks at the hours and midnights of the chosen zone. */
function axisOf(library, frame) {
  return class extends library.defaultHorzScaleBehavior() {
    fillWeightsForPoints(points, start) {
      if (start >= points.length) return;
      const wall = (place) => wallOf(points[place].originalTime * 1000, frame.timeframe, frame.zone);
      // What came before the first is not known: as long before as the second comes after it.
      let before = start > 0 ? wall(start - 1) : points.length > 1 ? 2 * wall(0) - wall(1) : wall(0) - 1;
      for (let at = start; at < points.length; at += 1) {
        const now = wall(at);
        points[at].timeWeight = weightOf(now, before);
        before = now;
      }
    }
    formatTickmark({ originalTime, weight }) {
      return weight < frame.least || originalTime * 1000 === frame.edge ? "" : markOf(originalTime * 1000, weight, frame.timeframe, frame.zone);
    }
  };
}

/** What stands behind the bars: the sessions beside the regular one, holes; and over them: names, what is measured. */
class Shading {
  bands = []; holes = []; names = []; colors = null; zone = "exchange"; narrow = false;
  /** What an open hole after the newest bar is called; empty when there is none. */
  hole = "";
  /** @type {?{from: object, to: object, words: string[]}} what is measured */
  measure = null;
  #chart = null; #redraw = null; #picture;
  #views = [this.#view("bottom", (place) => this.#beneath(place)), this.#view("top", (place) => this.#above(place))];
  constructor(picture) { this.#picture = picture; }
  attached({ chart, requestUpdate }) { this.#chart = chart; this.#redraw = requestUpdate; }
  detached() { this.#chart = null; }
  redraw() { this.#redraw?.(); }
  paneViews() { return this.#views; }

  #view(order, draw) {
    const renderer = { draw: (target) => { if (this.#chart && this.colors) target.useMediaCoordinateSpace(draw); } };
    return { zOrder: () => order, renderer: () => renderer };
  }

  /** The horizontal edges of places, whole and in the view. */
  #edges(first, last, width) {
    const scale = this.#chart.timeScale();
    const half = (scale.logicalToCoordinate(1) - scale.logicalToCoordinate(0)) / 2; // whole places only have a coordinate
    return [Math.round(Math.max(0, scale.logicalToCoordinate(first) - half)), Math.round(Math.min(width, scale.logicalToCoordinate(last) + half))];
  }

  /** Those of these runs that are in the view, with their edges. */
  #seen(runs, width) {
    const seen = this.#chart.timeScale().getVisibleLogicalRange();
    return runs.filter((run) => inView(run, seen)).map((run) => [run, ...this.#edges(run.first, run.last, width)]);
  }

  #beneath({ context, mediaSize: { width, height } }) {
    for (const [, left, right] of this.#seen(this.bands, width)) {
      if (right - left < NARROWEST) continue; // stripes that say nothing
      context.fillStyle = this.colors.ground;
      context.fillRect(left, 0, right - left, height);
      context.fillStyle = this.colors.edge;
      for (const edge of [left, right]) if (edge > 0 && edge < width) context.fillRect(edge, 0, 1, height);
    }
    for (const [, left, right] of this.#seen(this.holes, width)) this.#hatch(context, left, right, height);
    const end = this.#edges(0, this.#picture.newest, Infinity)[1];
    if (this.hole && end < width) this.#hatch(context, end, end + HOLE, height);
  }

  #hatch(context, left, right, height) {
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.beginPath();
    for (let at = left - height; at < right; at += 6) { context.moveTo(at, height); context.lineTo(at + height, 0); }
    context.strokeStyle = this.colors.hatch;
    context.stroke();
    context.restore();
  }

  #above({ context, mediaSize: { width, height } }) {
    context.font = this.colors.font;
    context.fillStyle = this.colors.text;
    const end = this.#edges(0, this.#picture.newest, Infinity)[1];
    const long = (words) => context.measureText(words).width;
    const open = this.hole && end < width ? Math.max(8, end - long(this.hole) - 8) : Infinity; // where the hole's name begins
    if (open < width) context.fillText(this.hole, open, this.narrow ? 16 : NAMES_AT);
    const named = this.narrow ? [] : this.#seen(this.names, width);
    if (named.length <= NAMED) for (const [run, left, right] of named) {
      const name = sessionName(run, this.zone);
      const from = run.session === "pre" ? right - long(name) - 8 : left + 8;
      if (from >= left + 8 && from + long(name) + 8 <= Math.min(right, open)) context.fillText(name, from, NAMES_AT);
    }
    this.#close(context, width, height, end);
    if (this.measure) this.#measured(context, width);
  }

  /** At its line, right of the bars; out of the view, with its figure, at the edge beyond which it is. */
  #close(context, width, height, end) {
    const close = this.#picture.closeAt;
    if (!close) return;
    const words = closeName(close.height, height, close.figure);
    const crossed = close.last > close.height - 18 && close.last < close.height; // the last price's line
    const base = Math.min(height - 8, Math.max(this.narrow ? 16 : NAMES_AT + 16, close.height + (crossed ? 14 : -5)));
    const left = width - context.measureText(words).width - (base > height - MAKERS.height ? MAKERS.width : 8);
    if (left > end + 4) context.fillText(words, left, base);
  }

  #measured(context, width) {
    const { from, to, words } = this.measure;
    const scale = this.#chart.timeScale();
    const [x, end] = [from, to].map(({ place }) => scale.logicalToCoordinate(place));
    const [y, bottom] = [from, to].map(({ price }) => this.#picture.heightOf(price));
    const color = to.price >= from.price ? this.colors.up : this.colors.down;
    context.fillStyle = faded(color, 0.16);
    context.fillRect(x, y, end - x, bottom - y);
    const wide = Math.max(...words.map((text) => context.measureText(text).width)) + 16;
    const left = Math.min(width - wide - 4, Math.max(4, (x + end - wide) / 2));
    const top = Math.max(4, Math.min(y, bottom) - 42);
    context.fillStyle = this.colors.panel;
    context.fillRect(left, top, wide, 36);
    context.strokeStyle = color;
    context.strokeRect(left + 0.5, top + 0.5, wide - 1, 35);
    context.fillStyle = this.colors.ink;
    words.forEach((text, line) => context.fillText(text, left + 8, top + 15 + 15 * line));
  }
}

const at = (bar) => bar.time / 1000;

export class Picture {
  #library; #box; #chart; #prices = null; #volumes; #shading = new Shading(this); #pointing = 0;
  #frame = { timeframe: "1m", zone: "exchange", least: 0, edge: 0 }; // edge: of the bar at the left edge, where a mark would be cut off
  #style = ""; #look = null; #bars = []; #closeLine = null; #close = null; #lastLine = null; #digits = 2;
  #newest = -Infinity; // time of the newest bar that is drawn
  #lines = new Map(); // drawn over the prices, by name
  #from = null; #held = true; #room = WIDE_ROOM; #sizes; #moved;

  /**
   * @param {object} library  the module "lightweight-charts"
   * @param {HTMLElement} box
   * @param {{pointed: (place: ?number) => void, moved: () => void}} listener
   *   `pointed`: over which bar the pointer is, null when it is away; `moved`: other bars are in view
   */
  constructor(library, box, { pointed, moved }) {
    this.#library = library;
    this.#box = box;
    this.#moved = moved;
    const Axis = axisOf(library, this.#frame);
    this.#chart = library.createChartEx(box, new Axis(), this.#options());
    this.#volumes = this.#chart.addSeries(library.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    this.#volumes.priceScale().applyOptions({ scaleMargins: { top: 1 - VOLUME, bottom: 0 } });
    this.#chart.panes()[0].attachPrimitive(this.#shading);
    this.#chart.subscribeCrosshairMove(({ logical, point }) => pointed(point && logical != null ? logical : null));
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.#inView());
    this.#chart.timeScale().subscribeSizeChange(() => { if (this.#held) this.#fit(); }); // the axis beside it is wider
    this.#sizes = new ResizeObserver(() => this.#layout());
    this.#sizes.observe(box);
  }

  #options() {
    const time = (seconds) => timeOf(seconds * 1000, this.#frame.timeframe, this.#frame.zone);
    return {
      autoSize: true,
      layout: { attributionLogo: true, fontSize: 11 },
      rightPriceScale: { borderVisible: true, minimumWidth: this.#box.clientWidth < NARROW ? 60 : 72, entireTextOnly: true },
      crosshair: { mode: 0 },
      localization: { locale: format.LOCALE, timeFormatter: time, percentageFormatter: format.percent },
      timeScale: { borderVisible: true, barSpacing: SPACING, minBarSpacing: 0.1, tickMarkMaxCharacterLength: MARK_ROOM / 9.5 },
      handleScroll: { vertTouchDrag: false },
      kineticScroll: { touch: false, mouse: false },
    };
  }

  /** Other bars are in view: marks for which there is no longer room everywhere are left out. */
  #inView() {
    const scale = this.#chart.timeScale();
    const least = leastWeight(this.#frame.timeframe, scale.options().barSpacing);
    if (least !== this.#frame.least) {
      this.#frame.least = least;
      scale.applyOptions({}); // marks are written anew
    }
    this.#moved();
  }

  /** The room is another. */
  #layout() {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (!width || !height) return;
    const narrow = (this.#shading.narrow = width < NARROW);
    this.#room = narrow ? NARROW_ROOM : WIDE_ROOM;
    const pane = Math.max(120, height - this.#chart.timeScale().height());
    this.#chart.priceScale("right").applyOptions({
      minimumWidth: narrow ? 60 : this.#digits > 6 ? 92 : 72,
      scaleMargins: { top: Math.min(0.4, this.#room.top / pane), bottom: VOLUME + BETWEEN / pane },
    });
    if (this.#held) this.#fit();
  }

  /** Draw other bars. */
  set(bars, sessions, timeframe) {
    this.#bars = bars;
    this.#newest = bars.at(-1)?.time ?? -Infinity;
    this.#frame.timeframe = timeframe;
    this.#shading.measure = null;
    this.#prices?.setData(bars.map((bar) => this.#price(bar)));
    this.#volumes.setData(bars.map((bar) => this.#volume(bar)));
    this.#drawLines(0);
    this.shade(sessions);
    this.#last();
  }

  /**
   * Show the bars from a time on; null: the newest at their usual width.
   * @param {?number} from
   * @param {boolean} anew  also when somebody has moved the view
   */
  view(from, anew) {
    this.#from = from;
    this.#held ||= anew;
    if (this.#held) this.#fit();
  }

  /** Somebody moves the view: it stays where it is put. */
  free() {
    if (!this.#held) return;
    this.#held = false;
    this.#frame.edge = 0;
    this.#chart.timeScale().applyOptions({}); // marks are written anew
  }

  reset() { this.#held = true; this.#fit(); }

  /** Bars come closer, or go further away. */
  zoom(by) {
    this.free();
    const scale = this.#chart.timeScale();
    scale.applyOptions({ barSpacing: Math.max(0.5, scale.options().barSpacing * by) });
  }

  #fit() {
    const scale = this.#chart.timeScale(), width = scale.width();
    const first = this.#from === null ? 0 : placeOf(this.#bars, this.#from), count = this.#bars.length - first;
    if (!width || count <= 0) return;
    this.#frame.edge = this.#from === null ? 0 : this.#bars[first].time;
    const { right } = this.#room;
    const spans = this.#from === null ? Math.max(SPACING, (width - right) / count) : (width - right) / count;
    const spacing = Math.min(WIDEST, spans);
    const beyond = count < FEW ? Math.max(right, (width - spacing * count) / 2) : right;
    scale.applyOptions({ barSpacing: spacing, rightOffset: beyond / spacing });
    this.#chart.priceScale("right").applyOptions({ autoScale: true });
  }

  /** Draw one bar again, or a newer one. */
  update(bar) {
    const earlier = bar.time < this.#newest, newer = bar.time > this.#newest;
    this.#newest = Math.max(this.#newest, bar.time);
    this.#prices.update(this.#price(bar), earlier);
    this.#volumes.update(this.#volume(bar), earlier);
    this.#drawLines(earlier ? placeOf(this.#bars, bar.time) : this.#bars.length - (newer ? 2 : 1));
    if (!earlier) this.#last();
  }

  /** Write prices with so many decimals. */
  digits(decimals) {
    if (decimals === this.#digits) return;
    this.#digits = decimals;
    for (const series of [this.#prices, ...[...this.#lines.values()].map(({ line }) => line)]) series?.applyOptions(this.#priceFormat());
    this.#layout();
  }

  /** Write times in the zone of a choice. */
  zone(choice) {
    if (choice === this.#frame.zone) return;
    this.#frame.zone = this.#shading.zone = choice;
    const bars = this.#bars, { timeframe } = this.#frame;
    for (const shown of [[], bars]) this.set(shown, this.#sessions, timeframe); // only marks of other times are weighed anew
  }

  /** @param {string} name  normal, log or percent */
  scale(name) { this.#chart.priceScale("right").applyOptions({ mode: MODES[name] ?? 0 }); }

  shade(sessions) {
    this.#sessions = sessions;
    this.#shading.bands = bands(this.#bars, sessions);
    this.#shading.names = bands(this.#bars, sessions, true);
    this.#shading.holes = holes(this.#bars);
    this.#shading.redraw();
  }
  #sessions = [];

  /** Say that prices have stopped; empty: they have not. */
  hole(words) {
    if (words === this.#shading.hole) return;
    this.#shading.hole = words;
    this.#shading.redraw();
  }

  /** Show what was measured; null: nothing. */
  measure(found) {
    this.#shading.measure = found;
    this.#shading.redraw();
  }

  /** Which bar and price are at a spot of the box; null where there is none. */
  spot(x, y) {
    const place = this.#chart.timeScale().coordinateToLogical(x), price = this.#prices?.coordinateToPrice(y);
    return place === null || price == null || !this.#bars.length ? null : { place: Math.min(this.#bars.length - 1, Math.max(0, Math.round(place))), price };
  }

  /** Draw the same bars as candles, area or line. */
  style(name) {
    if (name === this.#style || !this.#look) return;
    this.#style = name;
    if (this.#prices) this.#chart.removeSeries(this.#prices);
    const { CandlestickSeries, AreaSeries, LineSeries } = this.#library;
    this.#prices = this.#chart.addSeries({ candles: CandlestickSeries, area: AreaSeries, line: LineSeries }[name], {
      ...this.#priceLook(), ...this.#priceFormat(), lastValueVisible: false, priceLineVisible: false, baseLineVisible: false,
    });
    this.#closeLine = this.#lastLine = null;
    this.#prices.setData(this.#bars.map((bar) => this.#price(bar)));
    this.close(this.#close);
    this.#last();
  }

  /**
   * Draw these lines over the prices, and no others.
   * @param {{name: string, symbol?: string, color: string, dashed: boolean, values: (bars: object[], from: number) => (number | null)[]}[]} wanted
   *   `values`: one a bar from a place on; a symbol's count in the scale and stand at its edge by name
   */
  lines(wanted) {
    for (const [name, { line }] of this.#lines) {
      if (wanted.some((one) => one.name === name)) continue;
      this.#chart.removeSeries(line);
      this.#lines.delete(name);
    }
    for (const one of wanted) {
      const line = this.#lines.get(one.name)?.line ?? this.#chart.addSeries(this.#library.LineSeries, {
        ...this.#priceFormat(), lineWidth: 2, lineStyle: one.dashed ? DASHED : 0, title: one.symbol ?? "", crosshairMarkerVisible: false,
        baseLineVisible: false, priceLineVisible: false, lastValueVisible: Boolean(one.symbol), ...(one.symbol ? {} : { autoscaleInfoProvider: () => null }),
      });
      line.applyOptions({ color: this.#look[one.color] });
      this.#lines.set(one.name, { ...one, line });
    }
    this.#drawLines(0);
  }

  /** The lines end elsewhere, at the same bars. */
  tail() { this.#drawLines(this.#bars.length - 2); }

  /** A line's points from a place on; where its next value is none it ends. */
  #drawLines(from) {
    const first = Math.max(0, from);
    for (const { line, values, color } of this.#lines.values()) {
      const found = values(this.#bars, first);
      const points = found.map((value, place) => ({
        time: at(this.#bars[first + place]), value, color: found[place + 1] === null ? "transparent" : this.#look[color],
      })).filter(({ value }) => value !== null);
      if (first === 0) line.setData(points);
      else for (const point of points) line.update(point, at(this.#bars.at(-1)) > point.time);
    }
  }

  /** Take the tokens of the look: at first, and when they are others. */
  look(tokens) {
    this.#look = tokens;
    this.#chart.applyOptions({
      layout: { background: { color: tokens.panel }, textColor: tokens.faint, fontFamily: tokens.font },
      grid: { horzLines: { color: faded(tokens.line, tokens.forced ? 0.3 : 0.7) }, vertLines: { color: faded(tokens.line, tokens.forced ? 0.3 : 0.5) } },
      rightPriceScale: { borderColor: tokens.line },
      timeScale: { borderColor: tokens.line },
      crosshair: {
        vertLine: { color: tokens.faint, style: 3, width: 1, labelBackgroundColor: tokens.muted },
        horzLine: { color: tokens.faint, style: 3, width: 1, labelBackgroundColor: tokens.muted },
      },
    });
    this.#shading.colors = {
      ground: faded(tokens.line, tokens.forced ? 0 : 0.38), edge: tokens.line, hatch: faded(tokens.brand, 0.35), text: tokens.faint, ink: tokens.text, panel: tokens.panel,
      up: tokens.up, down: tokens.down, font: `450 11px ${tokens.font}`,
    };
    this.#prices?.applyOptions(this.#priceLook());
    this.#volumes.setData(this.#bars.map((bar) => this.#volume(bar)));
    this.#closeLine?.applyOptions(this.#closeLook());
    this.lines([...this.#lines.values()]);
    this.#last();
    this.#box.querySelector("a")?.setAttribute("tabindex", "-1"); // the chart is one stop; the help names its makers too
  }

  /** Where the previous close is; null: not known. */
  close(price) {
    if (price === this.#close && (this.#closeLine || price === null)) return;
    this.#close = price;
    this.#closeLine = this.#level(this.#closeLine, price === null ? null : { price, ...this.#closeLook() });
  }

  /** A line at a price, made or moved; without options taken away. */
  #level(line, options) {
    if (options && this.#prices && !line) return this.#prices.createPriceLine({ lineWidth: 1, lineStyle: DOTTED, ...options });
    if (options) line?.applyOptions(options);
    else if (line) this.#prices.removePriceLine(line);
    return options ? line : null;
  }

  /** The newest bar's place, and where a price and the previous close stand; null where they do not. */
  get newest() { return this.#bars.length - 1; }
  heightOf(price) { return this.#prices?.priceToCoordinate(price) ?? null; }
  get closeAt() {
    const height = this.#closeLine && this.#bars.length ? this.heightOf(this.#close) : null;
    return height === null ? null : { height, last: this.heightOf(this.#bars.at(-1).close), figure: format.fixed(this.#close, this.#digits) };
  }

  /** The newest price as a line with its figure on the axis, also while older bars are in view. */
  #last() {
    const bar = this.#bars.at(-1), { up, down, text, panel } = this.#look;
    const color = this.#style !== "candles" ? text : bar?.close >= bar?.open ? up : down;
    this.#lastLine = this.#level(this.#lastLine, bar ? { price: bar.close, color, axisLabelColor: color, axisLabelTextColor: panel } : null);
  }

  /** Put the crosshair on a bar; null: take it away. */
  point(place) {
    cancelAnimationFrame(this.#pointing);
    const bar = this.#bars[place];
    if (!bar) { this.#chart.clearCrosshairPosition(); return; }
    const scale = this.#chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    if (seen && (place < seen.from || place > seen.to)) {
      this.free();
      const from = place < seen.from ? place - 4 : place + 4 - (seen.to - seen.from);
      scale.setVisibleLogicalRange({ from, to: from + seen.to - seen.from });
      this.#pointing = requestAnimationFrame(() => this.#chart.setCrosshairPosition(bar.close, at(bar), this.#prices));
      return;
    }
    this.#chart.setCrosshairPosition(bar.close, at(bar), this.#prices);
  }

  /** The places in view, from below 0 before the oldest bar; null before there is a view. */
  get seen() { return this.#chart.timeScale().getVisibleLogicalRange(); }

  /** The place of the first bar in view. */
  get first() { return Math.max(0, Math.floor((this.seen?.from ?? 0) + 0.1)); }

  /** Whether the newest bar is out of view. */
  get away() { return !this.#held && (this.seen?.to ?? Infinity) < this.#bars.length - 1; }

  /** Whether there is a hole in view. */
  get holed() { return this.#shading.holes.some((hole) => inView(hole, this.seen)); }

  /** How many bars the view has room for. */
  get space() { return (this.#chart.timeScale().width() - this.#room.right) / SPACING; }

  /** @returns {HTMLCanvasElement} the picture as it is, without the crosshair */
  shot() { return this.#chart.takeScreenshot(false, false); }

  remove() {
    cancelAnimationFrame(this.#pointing);
    this.#sizes.disconnect();
    this.#chart.remove();
  }

  #price(bar) {
    const { open, high, low, close } = bar;
    return this.#style === "candles" || !this.#style ? { time: at(bar), open, high, low, close } : { time: at(bar), value: close };
  }

  #volume(bar) {
    const color = faded(bar.close >= bar.open ? this.#look.up : this.#look.down, 0.32);
    return { time: at(bar), value: bar.volume, color };
  }

  #priceFormat() {
    return { priceFormat: { type: "custom", minMove: 10 ** -this.#digits, formatter: (price) => format.fixed(price, this.#digits) } };
  }

  #priceLook() {
    const { up, down, text, panel, forced } = this.#look;
    if (this.#style === "candles") { // without colours of their own, bars that rose are hollow
      return {
        upColor: forced ? panel : up, downColor: down, wickUpColor: up, wickDownColor: down,
        borderVisible: Boolean(forced), borderUpColor: up, borderDownColor: down,
      };
    }
    const line = { lineWidth: 2, crosshairMarkerRadius: 3 };
    if (this.#style === "line") return { ...line, color: text };
    return { ...line, lineColor: text, topColor: faded(text, 0.16), bottomColor: faded(text, 0) };
  }

  #closeLook() {
    const { faint, line, muted, forced, panel } = this.#look;
    return { color: faint, axisLabelColor: forced ? muted : line, axisLabelTextColor: forced ? panel : muted };
  }
}
