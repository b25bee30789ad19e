/**
 * The chart of the selected symbol: its toolbar, the figures of a bar, and the picture.
 *
 * React renders the choices, which are those of `choices.js`. Bars go from `ChartFeed` to `Picture` in an
 * animation frame, at most one paint a frame; each price is in the picture in the frame in which the page writes
 * it elsewhere. The library of the picture is loaded when the page stands, so that prices do not wait for it,
 * and a menu when it is opened.
 */

import { useEffect, useRef, useState } from "react";
import { ChartFeed } from "./chart-feed.js";
import { dayName } from "./days.js";
import * as format from "./format.js";
import { inFrame, mark, movedInFrame, notInFrame, photon, resting, useChoice, useParts, useQuote, write } from "./hooks.js";
import * as legend from "./legend.js";
import { onLook, tokens } from "./look.js";
import { WhileOpen } from "./overlays.jsx";
import { Picture } from "./picture.js";
import { save } from "./picture-file.js";
import { Toolbar } from "./roving.jsx";
import { placeOf, rangeBegin, RANGES } from "./series.js";
import { aligned, linesOf, studiesOf, symbolsOf } from "./studies.js";

const SINGLE = 64; // bars that are painted one by one
const NEAR = 60; // bars before the oldest is in view when older ones are asked for
const CLOSER = 1.25;
const EMPTY = "No trades yet. The first one begins the chart.";
const CLOSED = "Nothing to show while the market is closed. The next session begins the chart.";

/** One picture with its feeds, and the words beside it. */
class Chart {
  #at; #picture; #feed; #choice = null; #pointed = null; #stops; #repaint = null; #dirty = new Set();
  #others = new Map(); #tail = false; // feeds of compared symbols; whether one has moved
  #viewed = ""; #newest = null; // what the view is of
  #draw = () => this.#paint();

  constructor(library, at, choice) {
    this.#at = at;
    this.#picture = new Picture(library, at.canvas, {
      pointed: (place) => { this.#point(place); this.#soon(); },
      moved: () => this.#soon(),
    });
    this.#look();
    this.#feed = new ChartFeed(photon(), (what, bar) => this.#changed(what, bar));
    this.#stops = [onLook(() => this.#look()), () => notInFrame(this.#draw), this.#hear()];
    document.fonts?.ready.then(() => this.#stops && this.#look());
    this.choose(choice);
    this.close(photon().quote(choice.symbol)?.prevClose ?? null);
  }

  /** The pointer's ways to move the view and to measure. */
  #hear() {
    const gone = new AbortController();
    const events = {
      wheel: () => this.#picture.free(),
      pointermove: (event) => { if (event.buttons === 1 && !event.shiftKey) this.#picture.free(); },
      mousedown: (event) => this.#measure(event),
      contextmenu: (event) => event.preventDefault(),
      dblclick: () => this.reset(),
    };
    for (const [name, act] of Object.entries(events)) this.#at.canvas.addEventListener(name, act, { capture: true, passive: name === "wheel", signal: gone.signal });
    return () => gone.abort();
  }

  /** Drag with the right button, or with Shift: the difference from there to here. */
  #measure(event) {
    this.#measureNothing();
    if (event.button !== 2 && !(event.button === 0 && event.shiftKey)) return;
    event.stopPropagation();
    const { left, top } = this.#at.canvas.getBoundingClientRect();
    const spot = ({ clientX, clientY }) => this.#picture.spot(clientX - left, clientY - top);
    const from = spot(event);
    const moved = (event) => {
      const to = spot(event), { bars } = this.shown?.series ?? {};
      if (!from || !to || !bars?.[from.place]) return;
      const words = legend.measured(from, to, bars, this.#digits);
      this.#picture.measure({ from, to, words });
      mark(this.#at.box, "data-measured", words.join(" · "));
    };
    addEventListener("mousemove", moved);
    addEventListener("mouseup", () => removeEventListener("mousemove", moved), { once: true });
  }

  #measureNothing() {
    this.#picture.measure(null);
    mark(this.#at.box, "data-measured", null);
  }

  get shown() { return this.#feed?.shown; }

  choose(choice) {
    const { symbol, timeframe, style, scale, zone, lines } = (this.#choice = choice);
    this.#picture.style(style);
    this.#picture.zone(zone);
    this.#picture.scale(scale);
    this.#compare(lines.filter((line) => line.symbol), timeframe);
    if (this.#asked !== `${symbol} ${timeframe}`) {
      this.#asked = `${symbol} ${timeframe}`;
      this.#feed.show(symbol, timeframe);
    }
    this.#repaint ??= "all";
    this.#picture.lines(lines.map((line) => ({ ...line, values: this.#values(line) })));
    this.#soon();
  }
  #asked = "";

  /** A feed for each compared symbol, and no other. */
  #compare(lines, timeframe) {
    const wanted = new Map(lines.map(({ symbol }) => [`${symbol} ${timeframe}`, symbol]));
    for (const [key, feed] of this.#others) if (!wanted.has(key) && this.#others.delete(key)) feed.close();
    for (const [key, symbol] of wanted) {
      if (this.#others.has(key)) continue;
      const feed = new ChartFeed(photon(), (what) => {
        if (what === "last" || what === "earlier") this.#tail = true;
        else this.#repaint ??= "all";
        this.#soon();
      });
      this.#others.set(key, feed);
      feed.show(symbol, timeframe, false);
    }
  }

  /** What gives the values of a line, from a place on, for the bars that are shown. */
  #values({ symbol, values }) {
    return (bars, from) => {
      const { series, timeframe } = this.shown ?? {};
      if (!symbol) return values(bars, from, { sessions: series?.sessions, timeframe });
      return aligned(bars, this.#others.get(`${symbol} ${timeframe}`)?.shown?.series.bars ?? [], timeframe, from);
    };
  }

  close(price) { this.#picture.close(price); }

  /** The shown symbol's quote is another, or its state. */
  quoted(quote) {
    this.close(quote?.prevClose ?? null);
    this.#soon();
  }

  /** Decimals of the symbol that is drawn, which is not yet the chosen one while its bars are asked for. */
  get #digits() {
    const { symbol, series } = this.shown ?? {};
    return photon().quote(symbol ?? "")?.decimals ?? (series?.bars.length ? legend.digitsOfBars(series.bars) : 2);
  }

  reset() { this.#picture.reset(); this.#soon(); }

  zoom(by) { this.#picture.zoom(by); this.#soon(); }

  /** Move the keyboard's crosshair; 0 to the newest bar, Infinity to no bar. */
  step(by) {
    if (by === Infinity) this.#measureNothing();
    const last = (this.shown?.series.bars.length ?? 0) - 1;
    if (last < 0) return;
    const to = by === Infinity ? null : by === -Infinity ? 0 : by === 0 ? last : Math.min(last, Math.max(0, this.#place + by));
    this.#picture.point(to);
    this.#point(to);
    this.#speak();
    this.#soon();
  }

  /** What readers of the screen hear of the bar that keys lead to. */
  #speak() {
    const { series, timeframe } = this.shown;
    const bar = series.bars[this.#place];
    const texts = legend.figures(bar, series.bars[this.#place - 1], this.#digits);
    mark(this.#at.reader, "aria-valuemax", String(series.bars.length - 1));
    mark(this.#at.reader, "aria-valuenow", String(this.#place));
    mark(this.#at.reader, "aria-valuetext", `${legend.timeOf(bar.time, timeframe, this.#choice.zone)}: open ${texts.open}, high ${texts.high}, low ${texts.low}, close ${texts.close}`);
  }

  /** Remember which bar is pointed at, by its time: its place changes. Beyond the newest it is none. */
  #point(place) {
    const bars = this.shown?.series.bars ?? [];
    this.#pointed = place === null ? null : bars[Math.max(0, Math.round(place))]?.time ?? null;
  }

  /** The place of the bar whose figures are shown: the one pointed at, or the newest. */
  get #place() {
    const bars = this.shown?.series.bars ?? [];
    return this.#pointed === null ? bars.length - 1 : Math.min(bars.length - 1, placeOf(bars, this.#pointed));
  }

  save() {
    const { symbol, timeframe, series } = this.shown ?? {};
    if (!series?.newest) return;
    const { bars } = series, bar = series.newest, { zone } = this.#choice;
    const texts = legend.figures(bar, bars.at(-2), this.#digits);
    save(this.#picture.shot(), {
      title: [symbol, timeframe, legend.whenOf(bar.time, timeframe, zone)], source: legend.sourceOf(series.source), tokens: tokens(this.#at.canvas),
      figures: FIGURES.map(([name, letter]) => `${letter} ${texts[name]}`), change: `${texts.arrow} ${texts.change}`, direction: texts.direction,
      name: legend.pictureName(symbol, timeframe, bar.time, zone),
    });
  }

  remove() {
    for (const stop of this.#stops) stop();
    this.#stops = null;
    for (const feed of [this.#feed, ...this.#others.values()]) feed.close();
    this.#picture.remove();
  }

  #look() { this.#picture.look(tokens(this.#at.canvas)); }

  #soon() { inFrame(this.#draw); }

  /** Remember what to paint: single bars by time, or the whole. */
  #changed(what, bar) {
    if (what === "last" || what === "earlier") this.#touch(bar);
    else if (what !== "state") this.#repaint = this.#repaint === "anew" ? "anew" : what;
    if (this.#dirty.size > SINGLE) this.#repaint ??= "all"; // a tab that was hidden for long
    if (this.#repaint) this.#dirty.clear();
    if (what === "anew") { this.#pointed = null; this.#draw(); } else movedInFrame(this.#draw);
  }

  /** The library draws in a frame that it asks for: it gets the bar before that frame, so that it draws what the page writes in it; one frame later where paints rest. */
  #touch(bar) {
    if (this.#dirty.size === 0 && !document.hidden && !resting()) queueMicrotask(() => { if (this.#stops && !this.#repaint) this.#paintBars(); });
    this.#dirty.add(bar.time);
  }

  #paint() {
    const { shown } = this.#feed;
    const bars = shown?.series.bars ?? [];
    this.#picture.digits(this.#digits);
    if (this.#repaint || !bars.length) this.#picture.set(bars, shown?.series.sessions ?? [], shown?.timeframe ?? "1m");
    else {
      this.#paintBars();
      if (this.#tail) this.#picture.tail();
    }
    if (bars.length && (this.#repaint || bars.at(-1).time !== this.#newest)) this.#view(shown);
    this.#repaint = null;
    this.#tail = false;
    this.#dirty.clear();
    this.#words(shown, bars);
    if (!bars.length || this.#feed.waiting || !(this.#picture.seen?.from < NEAR)) return;
    for (const feed of [this.#feed, ...this.#others.values()]) feed.older();
  }

  #paintBars() {
    const { bars, sessions } = this.shown?.series ?? {};
    if (!bars || !this.#dirty.size) return;
    for (const time of [...this.#dirty].sort((one, other) => one - other)) {
      const bar = bars[placeOf(bars, time)];
      if (bar?.time === time) this.#picture.update(bar);
    }
    if (this.#dirty.size > 1 || bars.at(-1).time !== this.#newest) this.#picture.shade(sessions);
    this.#dirty.clear();
  }

  /** Show the chosen range, or the newest bars; where somebody moved the view, only of another choice. */
  #view({ symbol, timeframe, series }) {
    this.#newest = series.newest.time;
    if (this.#feed.waiting) return;
    const { range } = this.#choice;
    const what = `${symbol} ${timeframe} ${range}`;
    this.#picture.view(range ? rangeBegin(range, this.#newest, series.sessions) : null, what !== this.#viewed);
    this.#viewed = what;
  }

  #words(shown, bars) {
    const at = this.#at, { zone, style } = this.#choice, { symbol, timeframe, series } = shown ?? {};
    const place = this.#place, bar = bars[place];
    const quote = symbol && photon().quote(symbol), now = photon().marketNow();
    const texts = legend.figures(bar, bars[place - 1], this.#digits);
    for (const name of ["open", "high", "low", "close", "volume", "change", "arrow"]) write(at[name], texts[name]);
    mark(at.moved, "data-direction", texts.direction);
    this.#writeLines(bars, place);
    write(at.symbol, symbol ?? "");
    write(at.day, bar && quote?.session === "closed" ? [dayName(quote.day, now), "closed"].filter(Boolean).join(" · ") : "");
    write(at.time, bar ? legend.whenOf(bar.time, timeframe, zone) : "");
    write(at.source, bar ? legend.sourceOf(series.source) : "");
    write(at.note, bar ? this.#note(shown, bar, bars) : "");
    write(at.empty, bar || !symbol ? "" : this.#missing(symbol));
    this.#picture.hole(quote && quote.session !== "closed" && photon().stateOf(symbol) === "stale" ? `No prices since ${format.clock(quote.time, zone)}` : "");
    mark(at.now, "data-away", this.#picture.away ? "" : null);
    mark(at.box, "aria-busy", this.#feed.waiting ? "true" : null);
    mark(at.box, "data-pointed", this.#pointed === null ? null : "true");
    mark(at.box, "data-shown", bar ? `${symbol} ${timeframe} ${style}` : "");
    mark(at.box, "data-bars", String(bars.length));
    mark(at.box, "data-from", String(bars[this.#picture.first]?.time ?? ""));
    mark(at.reader, "aria-label", shown ? `${symbol}, ${legend.SPOKEN[timeframe]} a bar` : "Chart");
  }

  /** A study's value at the bar, how far another symbol moved from the first bar in view to it. */
  #writeLines(bars, place) {
    const first = Math.min(place, this.#picture.first);
    for (const line of this.#choice.lines) {
      const values = place < 0 ? [] : this.#values(line)(bars.slice(0, place + 1), line.symbol ? first : place);
      const text = line.symbol ? legend.moved(values.at(-1), values.find((value) => value !== null)) : format.price(values[0], this.#digits);
      write(this.#at[line.name], text);
    }
  }

  /** Why there is not one bar. */
  #missing(symbol) {
    const rejection = photon().rejection(symbol);
    if (rejection) return rejection.message;
    if (this.#feed.failure) return `The history could not be loaded: ${this.#feed.failure}`;
    return photon().quote(symbol)?.session === "closed" ? CLOSED : EMPTY;
  }

  #note({ symbol, timeframe, series }, bar, bars) {
    const rejection = photon().rejection(symbol);
    if (rejection) return rejection.message;
    if (bar.incomplete) return legend.INCOMPLETE;
    if (this.#feed.failure) return `Not up to date: ${this.#feed.failure}`;
    if (series.partial) return legend.PARTIAL;
    if (this.#picture.holed) return legend.HATCHED;
    const early = timeframe === "1d" ? "" : legend.earlyClose(series.sessions, bar.time, this.#choice.zone);
    if (early || !series.complete || bars.length >= this.#picture.space) return early;
    return legend.collecting(Math.max(series.since ?? 0, bars[0].time), photon().marketNow() ?? Date.now(), this.#choice.zone);
  }
}

const ICONS = {
  candles: "M5 2v2M5 11v3M11 2v3M11 11v3M3.5 4h3v7h-3zM9.5 5h3v6h-3z",
  area: "M2 10.5 6 6l3 3 5-6v10.5H2z",
  line: "M2 11l4-5 3 3 5-6",
  compare: "m2 9 4-4 3 2 5-5M2 13.5l4-3 3 1.5 5-3.5",
  indicators: "M2 10.5c2-7 4-7 6-2.5s4 4.5 6-2.5",
  save: "M8 2.5V10M5 7.2l3 3 3-3M3 13.5h10",
  full: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
};
const Icon = ({ name }) => <svg viewBox="0 0 16 16" aria-hidden="true" className={`chart-icon chart-icon-${name}`}><path d={ICONS[name]} /></svg>;

/** A button of the toolbar. `pressed` only where it stays so. */
const Tool = ({ label, pressed, act, children, ...more }) => (
  <button type="button" tabIndex={-1} title={label} aria-label={children.type === Icon ? label : undefined} aria-pressed={pressed} onClick={act} {...more}>{children}</button>
);

const Missing = () => <p>The menu could not be loaded.</p>;

/** A menu below its button, or above it where there is no room; what is in it is loaded when it is opened. */
function Menu({ kind, symbol }) {
  const [Content, setContent] = useState(null);
  const shown = ({ newState, currentTarget }) => {
    if (newState !== "open") return;
    const { left, top, bottom } = document.querySelector(`[popovertarget="chart-${kind}"]`).getBoundingClientRect();
    const below = innerHeight - bottom > 240;
    Object.assign(currentTarget.style, {
      left: `${Math.max(8, Math.min(left, innerWidth - 264))}px`, top: below ? `${bottom + 4}px` : "auto", bottom: below ? "auto" : `${innerHeight - top + 4}px`,
    });
    import("./chart-menu.jsx").then(({ ChartMenu }) => setContent(() => ChartMenu), () => {
      setContent(() => Missing);
      dispatchEvent(new Event("photon:missing")); // outdated.js
    });
  };
  return <div popover="auto" role="dialog" aria-label={MENUS[kind] ?? "Style"} id={`chart-${kind}`} className="chart-menu" tabIndex={-1} onBeforeToggle={shown}><WhileOpen>{Content && <Content kind={kind} symbol={symbol} />}</WhileOpen></div>;
}

const FIGURES = [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"], ["volume", "V"]];
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: 0, Escape: Infinity };
const ZOOMS = { "+": CLOSER, "=": CLOSER, "-": 1 / CLOSER };
const MENUS = { compare: "Compare", indicators: "Indicators" };

export function PriceChart({ symbol = "" }) {
  const { at, part } = useParts();
  const chart = useRef(null);
  const [full, setFull] = useState(false);
  const [timeframe, chooseTimeframe] = useChoice("timeframe");
  const [range, chooseRange] = useChoice("range");
  const [style] = useChoice("style");
  const [scale, chooseScale] = useChoice("scale");
  const [indicators] = useChoice("indicators");
  const [compare] = useChoice("compare");
  const [zone] = useChoice("zone");
  const symbols = symbolsOf(compare, symbol);
  const lines = linesOf(studiesOf(indicators), symbols);
  const its = RANGES[range] === timeframe ? range : ""; // another interval has its own view
  const choice = useRef();
  choice.current = { symbol, timeframe, range: its, style, scale: symbols.length ? "percent" : scale, zone, lines };
  useEffect(() => {
    let gone = false;
    import("lightweight-charts").then(
      (library) => { if (!gone) chart.current = new Chart(library, at, choice.current); },
      () => {
        write(at.empty, "The chart could not be loaded. Reload the page to try again.");
        dispatchEvent(new Event("photon:missing")); // outdated.js
      },
    );
    return () => {
      gone = true;
      chart.current?.remove();
      chart.current = null;
    };
  }, [at]);
  useEffect(() => chart.current?.choose(choice.current), [symbol, timeframe, its, style, scale, indicators, compare, zone]);
  useQuote(symbol, (quote) => chart.current?.quoted(quote), { every: true });
  /** Fill the screen, or no longer; where a browser lets no element do so, the page. */
  const toggleFull = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.fullscreenEnabled) at.box.requestFullscreen().catch(() => {});
    else setFull(!full);
  };
  const step = (event) => {
    const zoom = ZOOMS[event.key];
    if (!zoom && !Object.hasOwn(STEPS, event.key)) return;
    if (event.key !== "Escape") event.preventDefault();
    event.stopPropagation();
    if (zoom) chart.current?.zoom(zoom);
    else chart.current?.step(STEPS[event.key] * (event.shiftKey ? 10 : 1));
  };
  return (
    <div className="chart" data-full={full || null} ref={part("box")}>
      <Toolbar className="chart-bar" label="Chart">
        <div className="chart-ranges" role="group" aria-label="Range">
          {Object.keys(RANGES).map((name) => (
            <Tool key={name} label={legend.SPOKEN[name]} pressed={name === its} act={() => { chooseTimeframe(RANGES[name]); chooseRange(name); }}>{name}</Tool>
          ))}
        </div>
        <div className="chart-frames" role="group" aria-label="Interval">
          {legend.TIMEFRAMES.map((name, place) => (
            <Tool key={name} data-key={String(place + 1)} label={legend.SPOKEN[name]} pressed={name === timeframe} act={() => { chooseTimeframe(name); chooseRange(""); }}>{name}</Tool>
          ))}
        </div>
        <div className="chart-tools">
          {Object.entries(MENUS).map(([kind, name]) => (
            <Tool key={kind} label={name} popoverTarget={`chart-${kind}`} className="chart-wide"><Icon name={kind} /><span>{name}</span></Tool>
          ))}
          <Tool label={`Style: ${legend.STYLES[style]}`} popoverTarget="chart-style"><Icon name={style} /></Tool>
          <Tool label="Percent scale" pressed={choice.current.scale === "percent"} disabled={symbols.length > 0} act={() => chooseScale(scale === "percent" ? "normal" : "percent")}>%</Tool>
          <Tool label="Logarithmic scale" pressed={choice.current.scale === "log"} disabled={symbols.length > 0} act={() => chooseScale(scale === "log" ? "normal" : "log")}>log</Tool>
          <Tool label="Save as picture" act={() => chart.current?.save()}><Icon name="save" /></Tool>
          <Tool label="Full screen" data-key={full ? "f Escape" : "f"} act={toggleFull}><Icon name="full" /></Tool>
        </div>
      </Toolbar>
      {[...Object.keys(MENUS), "style"].map((kind) => <Menu key={kind} kind={kind} symbol={symbol} />)}
      <div className="chart-box">
        <div className="chart-canvas" ref={part("canvas")} onClick={() => at.reader.focus({ preventScroll: true })} />
        <div className="chart-reader" role="slider" tabIndex={0} aria-label="Chart" aria-valuemin={0} aria-valuemax={0} aria-valuenow={0} ref={part("reader")} onKeyDown={step} onBlur={() => chart.current?.step(Infinity)} />
        <div className="legend">
          <div className="legend-row">
            <b className="legend-symbol" ref={part("symbol")} /><span className="legend-day" ref={part("day")} />
            {FIGURES.map(([name, letter]) => <span key={name} className={`legend-${name}`}>{letter} <b ref={part(name)}>{format.DASH}</b></span>)}
            <span className="legend-moved" data-direction="flat" ref={part("moved")}><i aria-hidden="true" ref={part("arrow")} /><b ref={part("change")}>{format.DASH}</b></span>
          </div>
          <div className="legend-row legend-more">
            {lines.map(({ name, label, color, dashed }) => (
              <span key={name} className="legend-line"><i data-color={color} data-dashed={dashed} />{label} <b ref={part(name)}>{format.DASH}</b></span>
            ))}
            <span className="tag" ref={part("source")} /><span className="legend-time" ref={part("time")} /><span className="legend-note" ref={part("note")} />
          </div>
        </div>
        <button type="button" tabIndex={-1} className="chart-now" data-key="0" ref={part("now")} onClick={() => chart.current?.reset()}>→ Now</button>
        <p className="chart-empty" ref={part("empty")} />
      </div>
    </div>
  );
}
