/**
 * A chart's picture: one instance of TradingView's Lightweight Charts, its series and its look.
 *
 * Owns the instance and what is drawn on it; knows bars and tokens, not where they come from. The
 * library is handed in, because it is loaded when the page already stands. Times go to it in whole
 * seconds of UTC; its axis follows the viewer's wall clock.
 */

import * as format from "./format.js";
import { closeName, markOf, timeOf, wallOf, weightOf } from "./legend.js";
import { faded } from "./look.js";
import { bands } from "./series.js";

const SPACING = 7, MOST_SPACING = 14;
const MARGIN = 4; // bars' room at the right
const PRICES = { top: 0.07, bottom: 0.25 };
const VOLUMES = { top: 0.8, bottom: 0 };
const BENEATH_NAMES = 31; // pixels from the top: the names of the sessions stand above
const MAKERS = { width: 56, height: 43 }; // the library's mark is in the corner below
const SHORT = { pre: "PRE", post: "POST", closed: "" };

/** The library's time axis with its marks at the viewer's hours and midnights. */
function axisOf(library, frame) {
  return class extends library.defaultHorzScaleBehavior() {
    fillWeightsForPoints(points, start) {
      if (start >= points.length) return;
      const wall = (place) => wallOf(points[place].originalTime * 1000, frame.current);
      // What came before the first is not known: as long before as the second comes after it.
      let before = start > 0 ? wall(start - 1) : points.length > 1 ? 2 * wall(0) - wall(1) : wall(0) - 1;
      for (let at = start; at < points.length; at += 1) {
        const now = wall(at);
        points[at].timeWeight = weightOf(now, before);
        before = now;
      }
    }
    formatTickmark({ originalTime, weight }) { return markOf(originalTime * 1000, weight, frame.current); }
  };
}

/** What stands behind the bars, the sessions beside the regular one, and before them, the name of the close's line. */
class Shading {
  #bands = []; #chart = null; #redraw = null; colors = null;
  /** @type {() => ?{height: number, figure: string}} where the previous close is; null when there is none */
  closeAt = () => null;
  #views = [this.#view("bottom", (place) => this.#sessions(place)), this.#view("top", (place) => this.#close(place))];
  attached({ chart, requestUpdate }) { this.#chart = chart; this.#redraw = requestUpdate; }
  detached() { this.#chart = null; }
  set(found) { this.#bands = found; this.#redraw?.(); }
  paneViews() { return this.#views; }

  #view(order, draw) {
    const renderer = { draw: (target) => { if (this.#chart && this.colors) target.useMediaCoordinateSpace(draw); } };
    return { zOrder: () => order, renderer: () => renderer };
  }

  #sessions({ context, mediaSize }) {
    const scale = this.#chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    const half = (scale.logicalToCoordinate(1) - scale.logicalToCoordinate(0)) / 2; // whole places only have a coordinate
    context.font = this.colors.font;
    for (const { session, first, last } of this.#bands) {
      if (!seen || last < seen.from - 1 || first > seen.to + 1) continue;
      const left = Math.round(Math.max(0, scale.logicalToCoordinate(first) - half));
      const right = Math.round(Math.min(mediaSize.width, scale.logicalToCoordinate(last) + half));
      context.fillStyle = this.colors.ground;
      context.fillRect(left, 0, right - left, mediaSize.height);
      context.fillStyle = this.colors.edge;
      if (left > 0) context.fillRect(left, 0, 1, mediaSize.height);
      if (right - left < 40) continue;
      context.fillStyle = this.colors.text;
      context.fillText(SHORT[session] ?? "", left + 8, 16);
    }
  }

  /** Beside its line; out of the view, with its figure, at the edge beyond which it is. */
  #close({ context, mediaSize }) {
    const close = this.closeAt();
    if (!close) return;
    const { width, height } = mediaSize;
    const words = closeName(close.height, height, close.figure);
    const base = Math.min(height - 8, Math.max(BENEATH_NAMES, close.height - 5));
    const left = base > height - MAKERS.height ? MAKERS.width : 8;
    context.font = this.colors.font;
    const { width: long } = context.measureText(words);
    if (left + long > width) return;
    context.fillStyle = this.colors.veil;
    context.fillRect(left - 3, base - 10, long + 6, 13);
    context.fillStyle = this.colors.text;
    context.fillText(words, left, base);
  }
}

const at = (bar) => bar.time / 1000;

export class Picture {
  #library; #chart; #prices = null; #volumes; #shading = new Shading(); #pointing = 0; #frame = { current: "1m" };
  #style = ""; #look = null; #bars = []; #closeLine = null; #close = null; #lastLine = null; #digits = 2;
  #newest = -Infinity; // time of the newest bar that is drawn

  /**
   * @param {object} library  the module "lightweight-charts"
   * @param {HTMLElement} box
   * @param {{pointed: (place: ?number) => void, moved: () => void}} listener
   *   `pointed`: over which bar the pointer is, null when it is away; `moved`: other bars are in view
   */
  constructor(library, box, { pointed, moved }) {
    this.#library = library;
    const Axis = axisOf(library, this.#frame);
    this.#chart = library.createChartEx(box, new Axis(), this.#options());
    this.#volumes = this.#chart.addSeries(library.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    this.#volumes.priceScale().applyOptions({ scaleMargins: VOLUMES });
    this.#chart.panes()[0].attachPrimitive(this.#shading);
    this.#shading.closeAt = () => this.#closeAt();
    this.#chart.subscribeCrosshairMove(({ logical, point }) => pointed(point && logical != null ? logical : null));
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange(moved);
  }

  #options() {
    const time = (seconds) => timeOf(seconds * 1000, this.#frame.current);
    return {
      autoSize: true,
      layout: { attributionLogo: true, fontSize: 11 },
      rightPriceScale: { borderVisible: false, scaleMargins: PRICES, minimumWidth: 64, entireTextOnly: true },
      grid: { vertLines: { visible: false } },
      crosshair: { mode: 0 },
      localization: { locale: "en-US", timeFormatter: time },
      timeScale: {
        borderVisible: false, rightOffset: MARGIN, barSpacing: SPACING, minBarSpacing: 1.5, timeVisible: true,
      },
      handleScroll: { vertTouchDrag: false },
      kineticScroll: { touch: true, mouse: false },
    };
  }

  /** Draw other bars. @param {boolean} anew  of another symbol or timeframe: the newest come into view */
  set(bars, sessions, timeframe, anew) {
    this.#bars = bars;
    this.#newest = bars.at(-1)?.time ?? -Infinity;
    this.#frame.current = timeframe;
    this.#prices?.setData(bars.map((bar) => this.#price(bar)));
    this.#volumes.setData(bars.map((bar) => this.#volume(bar)));
    this.shade(sessions);
    this.#last();
    if (!anew) return;
    const scale = this.#chart.timeScale(); // few bars are drawn wider
    scale.applyOptions({ barSpacing: Math.min(MOST_SPACING, Math.max(SPACING, scale.width() / (bars.length + MARGIN))) });
    scale.resetTimeScale();
    this.#chart.priceScale("right").applyOptions({ autoScale: true });
  }

  /** Draw one bar again, or a newer one. */
  update(bar) {
    const earlier = bar.time < this.#newest;
    this.#newest = Math.max(this.#newest, bar.time);
    this.#prices.update(this.#price(bar), earlier);
    this.#volumes.update(this.#volume(bar), earlier);
    if (!earlier) this.#last();
  }

  /** Write prices with so many decimals. */
  digits(decimals) {
    if (decimals === this.#digits) return;
    this.#digits = decimals;
    this.#prices?.applyOptions(this.#priceFormat());
  }

  shade(sessions) { this.#shading.set(bands(this.#bars, sessions)); }

  /** Draw the same bars as candles, area or line. */
  style(name) {
    if (name === this.#style || !this.#look) return;
    this.#style = name;
    if (this.#prices) this.#chart.removeSeries(this.#prices);
    const { CandlestickSeries, AreaSeries, LineSeries } = this.#library;
    this.#prices = this.#chart.addSeries({ candles: CandlestickSeries, area: AreaSeries, line: LineSeries }[name], {
      ...this.#priceLook(), ...this.#priceFormat(), lastValueVisible: false, priceLineVisible: false,
    });
    this.#closeLine = this.#lastLine = null;
    this.#prices.setData(this.#bars.map((bar) => this.#price(bar)));
    this.close(this.#close);
    this.#last();
  }

  /** Take the tokens of the look: at first, and when they are others. */
  look(tokens) {
    this.#look = tokens;
    this.#chart.applyOptions({
      layout: { background: { color: tokens.panel }, textColor: tokens.faint, fontFamily: tokens.font },
      grid: { horzLines: { color: faded(tokens.line, 0.7) } },
      crosshair: {
        vertLine: { color: tokens.faint, style: 3, width: 1, labelBackgroundColor: tokens.muted },
        horzLine: { color: tokens.faint, style: 3, width: 1, labelBackgroundColor: tokens.muted },
      },
    });
    this.#shading.colors = { ground: faded(tokens.line, 0.38), edge: tokens.line, veil: faded(tokens.panel, 0.8), text: tokens.faint, font: `550 10px ${tokens.font}` };
    this.#prices?.applyOptions(this.#priceLook());
    this.#volumes.setData(this.#bars.map((bar) => this.#volume(bar)));
    this.#closeLine?.applyOptions(this.#closeLook());
    this.#last();
  }

  /** Where the previous close is; null: not known. */
  close(price) {
    if (price === this.#close && (this.#closeLine || price === null)) return;
    this.#close = price;
    if (!this.#prices) return;
    if (price === null) {
      if (this.#closeLine) this.#prices.removePriceLine(this.#closeLine);
      this.#closeLine = null;
    } else if (this.#closeLine) this.#closeLine.applyOptions({ price });
    else this.#closeLine = this.#prices.createPriceLine({ price, lineWidth: 1, lineStyle: 1, ...this.#closeLook() });
  }

  #closeAt() {
    const height = this.#closeLine && this.#bars.length ? this.#prices.priceToCoordinate(this.#close) : null;
    return height === null ? null : { height, figure: format.fixed(this.#close, this.#digits) };
  }

  /** The newest price as a line with its figure on the axis, also while older bars are in view. */
  #last() {
    const bar = this.#bars.at(-1);
    if (!this.#prices) return;
    if (!bar) {
      if (this.#lastLine) this.#prices.removePriceLine(this.#lastLine);
      this.#lastLine = null;
      return;
    }
    const { up, down, text } = this.#look;
    const color = this.#style !== "candles" ? text : bar.close >= bar.open ? up : down;
    const options = { price: bar.close, color, axisLabelColor: color };
    if (this.#lastLine) this.#lastLine.applyOptions(options);
    else this.#lastLine = this.#prices.createPriceLine({ ...options, lineWidth: 1, lineStyle: 1 });
  }

  /** Put the crosshair on a bar; null: take it away. */
  point(place) {
    cancelAnimationFrame(this.#pointing);
    const bar = this.#bars[place];
    if (!bar) { this.#chart.clearCrosshairPosition(); return; }
    const scale = this.#chart.timeScale();
    const seen = scale.getVisibleLogicalRange();
    if (seen && (place < seen.from || place > seen.to)) {
      const from = place < seen.from ? place - MARGIN : place + MARGIN - (seen.to - seen.from);
      scale.setVisibleLogicalRange({ from, to: from + seen.to - seen.from });
      this.#pointing = requestAnimationFrame(() => this.#chart.setCrosshairPosition(bar.close, at(bar), this.#prices));
      return;
    }
    this.#chart.setCrosshairPosition(bar.close, at(bar), this.#prices);
  }

  /** The first place in view; below 0 before the oldest bar. */
  get from() { return this.#chart.timeScale().getVisibleLogicalRange()?.from ?? Infinity; }

  /** How many bars the view has room for. */
  get room() {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    return range ? range.to - range.from - MARGIN : 0;
  }

  /** @returns {HTMLCanvasElement} the picture as it is, without the crosshair */
  shot() { return this.#chart.takeScreenshot(false, false); }

  remove() { cancelAnimationFrame(this.#pointing); this.#chart.remove(); }

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
    const { up, down, text } = this.#look;
    if (this.#style === "candles") {
      return { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false };
    }
    const line = { lineWidth: 2, crosshairMarkerRadius: 3 };
    if (this.#style === "line") return { ...line, color: text };
    return { ...line, lineColor: text, topColor: faded(text, 0.16), bottomColor: faded(text, 0) };
  }

  #closeLook() { return { color: this.#look.faint, axisLabelColor: this.#look.line, axisLabelTextColor: this.#look.muted }; }
}
