/**
 * The rail beside or under the chart: its tabs, and figures that are written into what it holds.
 *
 * Which pane is shown follows from the tabs in the style sheet. The figures of a pane that is not seen are
 * neither asked for nor written.
 */

import { useEffect, useRef, useSyncExternalStore } from "react";
import { DayTally, FIGURES, SPANS } from "./figures.js";
import { ask, mark, photon, useChoice, useParts, useQuote, useSeen, write } from "./hooks.js";
import { lines } from "./spark.jsx";

const TITLES = { trades: "Trades", day: "Day", about: "About" };
const WIDE = "(min-width: 1600px)"; // the trades have a panel of their own: as in styles/rail.css

const onWide = (listener) => {
  const query = matchMedia(WIDE);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
};

/** One stop of the Tab key; arrows, Home and End choose. */
export function RailTabs() {
  const [chosen, choose] = useChoice("rail");
  const wide = useSyncExternalStore(onWide, () => matchMedia(WIDE).matches, () => false);
  const names = Object.keys(TITLES).slice(wide ? 1 : 0);
  const shown = names.includes(chosen) ? chosen : names[0];
  const pick = (name) => {
    choose(name);
    document.getElementById(`rail-tab-${name}`)?.focus();
  };
  const pressed = (event) => {
    const at = names.indexOf(shown), last = names.length - 1;
    const to = { ArrowLeft: at ? at - 1 : last, ArrowRight: at < last ? at + 1 : 0, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    pick(names[to]);
  };
  return (
    <div className="rail-tabs" role="tablist" aria-label="Trades and figures" onKeyDown={pressed}>
      {names.map((name) => (
        <button
          key={name} type="button" role="tab" id={`rail-tab-${name}`} aria-controls={`rail-${name}`}
          aria-selected={name === shown} tabIndex={name === shown ? 0 : -1} onClick={() => pick(name)}
        >{TITLES[name]}</button>
      ))}
    </div>
  );
}

/** What a pane shows beyond the quote, loaded while it is seen: of a day its tally and its line, else what the symbol is. */
function useMore(symbol, what) {
  const more = useRef({ tally: new DayTally(), kind: "" });
  useEffect(() => {
    more.current = { tally: new DayTally(), kind: "" };
    if (!symbol || !what) return undefined;
    const live = photon(), gone = new AbortController(), { signal } = gone, held = more.current;
    if (what === "about") {
      lines.want(symbol);
      ask(`/api/search?q=${encodeURIComponent(symbol)}&limit=5`, signal).then((answer) => {
        held.kind = answer?.results?.find((one) => one.symbol === symbol)?.type ?? "";
      });
      return () => gone.abort();
    }
    const load = async () => {
      if (document.hidden) return;
      if (lines.line(symbol).low52 === null) lines.later(symbol); // a year is looked up after the day
      lines.want(symbol);
      if (!held.tally.due(performance.now())) return;
      const { bars: [bar] } = await live.history(symbol, { timeframe: "1d", limit: 1, signal }).catch(() => ({ bars: [] }));
      if (bar && !signal.aborted) held.tally.load(bar, live.quote(symbol));
    };
    load();
    const timer = setInterval(load, 1_000), stop = live.watch(symbol, (quote) => held.tally.hear(quote));
    return () => { gone.abort(); clearInterval(timer); stop(); };
  }, [symbol, what]);
  return more;
}

/** Writes the figures that its children name in `data-figure`, and places the marks of `data-span`. */
export function Figures({ symbol, pane, children }) {
  const { at, part } = useParts();
  const seen = useSeen(at, "box");
  const [zone] = useChoice("zone");
  const more = useMore(symbol, seen && pane);
  const paint = (quote, live) => {
    if (!seen) return;
    const known = { quote, state: live.stateOf(symbol), source: live.status.source, now: live.marketNow(), zone, line: lines.line(symbol), ...more.current };
    for (const element of at.box.querySelectorAll("[data-figure]")) {
      const text = FIGURES[element.dataset.figure](known);
      write(element, text);
      mark(element, "data-long", text.length > 13 ? "" : null);
    }
    for (const element of at.box.querySelectorAll("[data-span]")) {
      const position = SPANS[element.dataset.span](known);
      element.hidden = position === null;
      element.style.transform = `translateX(${(position ?? 0) * 100}%)`;
    }
  };
  useQuote(symbol, paint, { ages: true, every: true });
  useEffect(() => { if (symbol) paint(photon().quote(symbol), photon()); }, [symbol, seen, zone]);
  return <div className="figures-box" ref={part("box")}>{children}</div>;
}
