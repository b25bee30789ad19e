/**
 * The chart of the selected symbol: choices, figures of a bar, and the picture.
 *
 * React renders the choices. Bars go from `ChartFeed` to `Picture` in an animation frame, at most one
 * paint a frame. The library of the picture is loaded when the page stands, so that prices do not
 * wait for it. A choice is painted at once and then sent to the server, which keeps it.
 */

import { useEffect, useRef, useState } from "react";
import { ChartFeed } from "./chart-feed.js";
import * as format from "./format.js";
import { inFrame, mark, notInFrame, photon, useParts, useQuote, write } from "./hooks.js";
import { collecting, digitsOfBars, figures, INCOMPLETE, PARTIAL, pictureName, sourceOf, SPOKEN, STYLES, TIMEFRAMES, timeOf, whenOf } from "./legend.js";
import { onLook, tokens } from "./look.js";
import { Picture } from "./picture.js";
import { save } from "./picture-file.js";
import { placeOf } from "./series.js";

const SINGLE = 64; // bars that are painted one by one
const NEAR = 60; // bars before the oldest is in view when older ones are asked for
const SENT_MS = 5_000; // a choice has been to the server and back
const EMPTY = "No trades yet. The first one begins the chart.";
const CLOSED = "Nothing to show while the market is closed. The next session begins the chart.";

/** One picture with its feed, and the words beside it. */
class Chart {
  #at; #picture; #feed; #choice; #pointed = null; #stops; #repaint = null; #dirty = new Set();
  #draw = () => this.#paint();

  constructor(library, at, choice) {
    this.#at = at;
    this.#choice = choice;
    this.#picture = new Picture(library, at.canvas, {
      pointed: (place) => { this.#point(place); this.#soon(); },
      moved: () => this.#soon(),
    });
    this.#look();
    this.#feed = new ChartFeed(photon(), (what, bar) => this.#changed(what, bar));
    this.#stops = [onLook(() => this.#look()), () => notInFrame(this.#draw)];
    document.fonts?.ready.then(() => this.#stops && this.#look());
    this.choose(choice);
    this.close(photon().quote(choice.symbol)?.prevClose ?? null);
  }

  get shown() { return this.#feed?.shown; }

  choose({ symbol, timeframe, style }) {
    this.#choice = { symbol, timeframe, style };
    this.#picture.style(style);
    if (this.#asked !== `${symbol} ${timeframe}`) {
      this.#asked = `${symbol} ${timeframe}`;
      this.#feed.show(symbol, timeframe);
    }
    this.#soon();
  }
  #asked = "";

  expect(symbol) { this.#feed.expect(symbol, this.#choice.timeframe); }

  close(price) { this.#picture.close(price); }

  /** The shown symbol's quote is another: with other decimals or in another session, all is written again. */
  quoted(quote) {
    this.close(quote?.prevClose ?? null);
    const { decimals, session } = quote ?? {};
    if (quote && (decimals !== this.#decimals || session !== this.#session)) {
      [this.#decimals, this.#session] = [decimals, session];
      this.#soon();
    }
  }
  #decimals = null;
  #session = null;

  /** Decimals of the symbol that is drawn, which is not yet the chosen one while its bars are asked for. */
  get #digits() {
    const { symbol, series } = this.shown ?? {};
    return photon().quote(symbol ?? "")?.decimals ?? (series?.bars.length ? digitsOfBars(series.bars) : 2);
  }

  /** Move the keyboard's crosshair; 0 to the newest bar, Infinity to no bar. */
  step(by) {
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
    const texts = figures(bar, series.bars[this.#place - 1], this.#digits);
    mark(this.#at.reader, "aria-valuemax", String(series.bars.length - 1));
    mark(this.#at.reader, "aria-valuenow", String(this.#place));
    mark(this.#at.reader, "aria-valuetext", `${timeOf(bar.time, timeframe)}: open ${texts.open}, high ${texts.high}, low ${texts.low}, close ${texts.close}`);
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
    const bar = series.newest;
    const title = [symbol, timeframe, whenOf(bar.time, timeframe)];
    save(this.#picture.shot(), { title, source: sourceOf(series.source), tokens: tokens(this.#at.canvas), name: pictureName(symbol, timeframe, bar.time) });
  }

  remove() {
    for (const stop of this.#stops) stop();
    this.#stops = null;
    this.#feed.close();
    this.#picture.remove();
  }

  #look() { this.#picture.look(tokens(this.#at.canvas)); }

  #soon() { inFrame(this.#draw); }

  /** Remember what to paint: single bars by time, or the whole. */
  #changed(what, bar) {
    if (what === "last" || what === "earlier") this.#dirty.add(bar.time);
    else if (what !== "state") this.#repaint = this.#repaint === "anew" ? "anew" : what;
    if (this.#dirty.size > SINGLE) this.#repaint ??= "all"; // a tab that was hidden for long
    if (this.#repaint) this.#dirty.clear();
    if (what === "anew") { this.#pointed = null; this.#draw(); } else this.#soon();
  }

  #paint() {
    const { shown } = this.#feed;
    const bars = shown?.series.bars ?? [];
    this.#picture.digits(this.#digits);
    if (this.#repaint || !bars.length) this.#picture.set(bars, shown?.series.sessions ?? [], shown?.timeframe ?? "1m", this.#repaint === "anew");
    else this.#paintBars(shown.series);
    this.#repaint = null;
    this.#dirty.clear();
    this.#words(shown, bars);
    if (bars.length && !this.#feed.waiting && this.#picture.from < NEAR) this.#feed.older();
  }

  #paintBars({ bars, sessions }) {
    if (!this.#dirty.size) return;
    for (const time of [...this.#dirty].sort((one, other) => one - other)) {
      const bar = bars[placeOf(bars, time)];
      if (bar?.time === time) this.#picture.update(bar);
    }
    this.#picture.shade(sessions);
  }

  #words(shown, bars) {
    const at = this.#at;
    const place = this.#place;
    const bar = bars[place];
    const texts = figures(bar, bars[place - 1], this.#digits);
    for (const name of ["open", "high", "low", "close", "volume", "change", "arrow"]) write(at[name], texts[name]);
    mark(at.moved, "data-direction", texts.direction);
    write(at.time, bar ? whenOf(bar.time, shown.timeframe) : "");
    write(at.source, bar ? sourceOf(shown.series.source) : "");
    write(at.note, bar ? this.#note(shown, bar, bars) : "");
    write(at.empty, bar || !shown?.symbol ? "" : this.#missing(shown.symbol));
    mark(at.box, "aria-busy", this.#feed.waiting ? "true" : null);
    mark(at.box, "data-shown", shown && bar ? `${shown.symbol} ${shown.timeframe} ${this.#choice.style}` : "");
    mark(at.box, "data-bars", String(bars.length));
    mark(at.reader, "aria-label", shown ? `${shown.symbol}, ${SPOKEN[shown.timeframe]} a bar` : "Chart");
  }

  /** Why there is not one bar. */
  #missing(symbol) {
    if (this.#feed.failure) return `The history could not be loaded: ${this.#feed.failure}`;
    return photon().quote(symbol)?.session === "closed" ? CLOSED : EMPTY;
  }

  #note({ series }, bar, bars) {
    if (bar.incomplete) return INCOMPLETE;
    if (this.#feed.failure) return `Not up to date: ${this.#feed.failure}`;
    if (series.partial) return PARTIAL;
    if (!series.complete || bars.length >= this.#picture.room) return "";
    return collecting(Math.max(series.since ?? 0, bars[0].time), photon().marketNow() ?? Date.now());
  }
}

const ICONS = {
  candles: "M5 3v2M5 11v2M3.5 5h3v6h-3zM11 2v3M11 9v4M9.5 5h3v4h-3z",
  area: "M2 10.5 6 6l3 3 5-6v10.5H2z",
  line: "M2 11l4-5 3 3 5-6",
  save: "M8 2v8M4.8 7 8 10.2 11.2 7M3 13h10",
};
const NAMES = { candles: "Candles", area: "Area", line: "Line" };
const Icon = ({ name }) => <svg viewBox="0 0 16 16" aria-hidden="true" className={`chart-icon chart-icon-${name}`}><path d={ICONS[name]} /></svg>;

/**
 * A choice that is shown at once and kept by the server: what it says late, of an earlier click, is not
 * heeded. After a while the server that says the same has said it for good.
 */
function useChoice(given, send) {
  const [chosen, choose] = useState(given);
  const pending = useRef(null);
  const said = useRef(given);
  said.current = given;
  useEffect(() => {
    if (pending.current !== null && pending.current.value !== given) return;
    clearTimeout(pending.current?.timer);
    pending.current = null;
    choose(given);
  }, [given]);
  useEffect(() => () => clearTimeout(pending.current?.timer), []);
  return [chosen, (value) => {
    if (value === chosen) return;
    clearTimeout(pending.current?.timer);
    const timer = setTimeout(() => { if (said.current === value) pending.current = null; }, SENT_MS);
    pending.current = { value, timer };
    choose(value);
    send(value);
  }];
}

function Choice({ title, className, values, chosen, choose, children }) {
  return (
    <div className={`chart-choice ${className}`} role="group" aria-label={title}>
      {values.map((value) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => choose(value)} {...children(value)} />
      ))}
    </div>
  );
}

const FIGURES = [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"], ["volume", "V"]];
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: 0, Escape: Infinity };

export function PriceChart({ symbol = "", timeframe = "1m", look = "candles", onTimeframe, onLook: onStyle }) {
  const { at, part } = useParts();
  const chart = useRef(null);
  const [frame, chooseFrame] = useChoice(timeframe, onTimeframe);
  const [style, chooseStyle] = useChoice(look, onStyle);
  const choice = useRef();
  choice.current = { symbol, timeframe: frame, style };
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
  useEffect(() => {
    // A row that is pressed is most likely chosen: ask before the choice has been to the server and back.
    const pressed = ({ target }) => {
      const row = target.closest?.(".remove") ? null : target.closest?.("tr[data-quote]");
      if (row) chart.current?.expect(row.dataset.quote);
    };
    const events = ["pointerdown", "click"];
    for (const event of events) document.addEventListener(event, pressed, { capture: true, passive: true });
    return () => { for (const event of events) document.removeEventListener(event, pressed, { capture: true }); };
  }, []);
  useEffect(() => chart.current?.choose(choice.current), [symbol, frame, style]);
  useQuote(symbol, (quote) => chart.current?.quoted(quote), { every: true });
  const step = (event) => {
    if (!Object.hasOwn(STEPS, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    chart.current?.step(STEPS[event.key] * (event.shiftKey ? 10 : 1));
  };
  return (
    <div className="chart" ref={part("box")}>
      <div className="chart-bar">
        <Choice title="Timeframe" className="chart-frames" values={TIMEFRAMES} chosen={frame} choose={chooseFrame}>
          {(value) => ({ "aria-label": SPOKEN[value], children: value })}
        </Choice>
        <Choice title="Style" className="chart-styles" values={STYLES} chosen={style} choose={chooseStyle}>
          {(value) => ({ "aria-label": NAMES[value], title: NAMES[value], children: <Icon name={value} /> })}
        </Choice>
        <button type="button" className="chart-save" aria-label="Save as picture" title="Save as picture" onClick={() => chart.current?.save()}><Icon name="save" /></button>
      </div>
      <div className="legend">
        {FIGURES.map(([name, letter]) => <span key={name} className={`legend-${name}`}>{letter} <b ref={part(name)}>{format.DASH}</b></span>)}
        <span className="legend-moved" data-direction="flat" ref={part("moved")}><i aria-hidden="true" ref={part("arrow")} /><b ref={part("change")}>{format.DASH}</b></span>
        <span className="legend-more">
          <span className="tag" ref={part("source")} /><span className="legend-time" ref={part("time")} /><span className="legend-note" ref={part("note")} />
        </span>
      </div>
      <div className="chart-box">
        <div className="chart-canvas" ref={part("canvas")} onClick={() => at.reader.focus({ preventScroll: true })} />
        <div className="chart-reader" role="slider" tabIndex={0} aria-label="Chart" aria-valuemin={0} aria-valuemax={0} aria-valuenow={0} ref={part("reader")} onKeyDown={step} onBlur={() => chart.current?.step(Infinity)} />
        <p className="chart-empty" ref={part("empty")} />
      </div>
    </div>
  );
}
