/**
 * The rail beside or under the chart: its tabs, and figures that are written into what it holds.
 *
 * Which pane is shown follows from the tabs in the style sheet. The figures of a pane that is not seen are
 * neither asked for nor written.
 */

import { useEffect, useRef, useSyncExternalStore } from "react";
import { DayTally, FIGURES, SPANS } from "./figures.js";
import { ask, mark, photon, useChoice, useParts, useQuote, useSeen, write } from "./hooks.js";
import { Tabs } from "./roving.jsx";
import { lines } from "./spark.jsx";

/** @typedef {import("./photon-client.js").Quote} Quote */

const TITLES = { trades: "Trades", day: "Day", about: "About" };
const WIDE = "(min-width: 1600px)"; // the trades have a panel of their own: as in styles/rail.css

const onWide = (/** @type {() => void} */ listener) => {
  const query = matchMedia(WIDE);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
};

export function RailTabs() {
  const [chosen, choose] = useChoice("rail");
  const wide = useSyncExternalStore(onWide, () => matchMedia(WIDE).matches, () => false);
  const tabs = Object.entries(TITLES).map(([id, title]) => ({ id, title, panel: `rail-${id}` })).slice(wide ? 1 : 0);
  const shown = tabs.find(({ id }) => id === chosen) ?? tabs[0];
  return <Tabs className="rail-tabs" label="Trades and figures" name="rail" tabs={tabs} chosen={shown.id} choose={choose} />;
}

/** What a pane shows beyond the quote, loaded while it is seen: of a day its tally and its line, else what the symbol is. @param {string} symbol @param {string | false | undefined} what */
function useMore(symbol, what) {
  const more = useRef({ tally: new DayTally(), kind: "" });
  useEffect(() => {
    more.current = { tally: new DayTally(), kind: "" };
    if (!symbol || !what) return undefined;
    const live = photon(), gone = new AbortController(), { signal } = gone, held = more.current;
    if (what === "about") {
      lines.want(symbol);
      ask(`/api/search?q=${encodeURIComponent(symbol)}&limit=5`, signal).then((answer) => {
        held.kind = answer?.results?.find((/** @type {{symbol: string}} */ one) => one.symbol === symbol)?.type ?? "";
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
    const timer = setInterval(load, 1_000), stop = live.watch(symbol, (/** @type {Quote} */ quote) => held.tally.hear(quote));
    return () => { gone.abort(); clearInterval(timer); stop(); };
  }, [symbol, what]);
  return more;
}

/** Writes the figures that its children name in `data-figure`, and places the marks of `data-span`. @param {{symbol: string, pane?: string, children?: import("react").ReactNode}} props */
export function Figures({ symbol, pane, children }) {
  const { at, part } = useParts();
  const seen = useSeen(at, "box");
  const [zone] = useChoice("zone");
  const more = useMore(symbol, seen && pane);
  const paint = (/** @type {any} */ quote, /** @type {any} */ live) => {
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
