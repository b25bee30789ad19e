/**
 * The overview: ticker, heat map, breadth, movers, over one poll of `/api/market` for all of them.
 *
 * An answer comes every two seconds, so React renders it; what is worked out is in `market.js`. The words
 * are given by the page. Each group of links is one Tab stop, in which keys move.
 */

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import * as format from "./format.js";
import { ask } from "./hooks.js";
import { addressOf, arranged, breadth, byValue, heatOf, heatStep, listStep, MarketPoll, movers, shortName, wayOf } from "./market.js";
import { useOneStop } from "./roving.jsx";
import { Sparkline } from "./spark.jsx";

const MOVERS = 10;
const TICKED = 40;
/** @type {MarketPoll["state"]} */
const NOTHING = { market: null, lost: false };
const MARKS = { up: format.arrow(1), down: format.arrow(-1), flat: "◆" };

/** @type {MarketPoll | undefined} */
let poll;
function shared() {
  if (poll) return poll;
  const made = (poll = new MarketPoll(ask, () => document.hidden));
  document.addEventListener("visibilitychange", () => made.look());
  return made;
}
const subscribe = (/** @type {() => void} */ listener) => shared().subscribe(listener);
const useMarket = () => useSyncExternalStore(subscribe, () => shared().state, () => NOTHING);
const useSymbols = () => useMarket().market?.symbols ?? [];

/** @param {{percent: ?number}} props */
const Mark = ({ percent }) => <i aria-hidden="true">{percent === null ? "" : MARKS[wayOf(percent)]}</i>;
const written = (/** @type {?number} */ percent) => format.percent(percent !== null && wayOf(percent) === "flat" ? 0 : percent);
/** @param {{percent: ?number, className?: string}} props */
const Change = ({ percent, className }) => <span className={className} data-way={wayOf(percent)}><Mark percent={percent} /> {written(percent)}</span>;

/**
 * How many symbols there are, of which feed, and whether the server answers.
 * @param {{one: string, many: string, feeds: Record<string, string>, delayed: string, lost: string}} props
 */
export function MarketNote({ one, many, feeds, delayed, lost }) {
  const { market, lost: gone } = useMarket();
  const count = market?.followed ?? 0;
  const feed = market && (market.feed === "live" && market.delay ? delayed.replace("{n}", String(market.delay)) : feeds[market.feed] ?? market.feed.toUpperCase());
  return (
    <span className="market-note">
      {market ? (count === 1 ? one : many).replace("{n}", String(count)) : ""}{" "}
      {feed ? <b className="market-feed">{feed}</b> : null}
      <span role="status" className="market-lost">{gone ? lost : ""}</span>
    </span>
  );
}

/** @param {{label: string, empty: string}} props */
export function HeatMap({ label, empty }) {
  const { market } = useMarket();
  const symbols = market?.symbols ?? [];
  const box = useRef(/** @type {?HTMLDivElement} */ (null));
  const [before, arrange] = useState(/** @type {?import("./market.js").Arrangement} */ (null));
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect: { width, height } }]) => setSize({ width: Math.floor(width), height: Math.floor(height) }));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const arrangement = arranged(before, symbols, size.width, size.height, performance.now());
  if (arrangement !== before) arrange(arrangement);
  const { tiles } = arrangement;
  const known = new Map(symbols.map((one) => [one.symbol, one]));
  const rects = tiles.map(({ rect }) => rect);
  const stop = useOneStop((at, key) => heatStep(rects, at, key));
  return (
    <div className="heat" ref={box}>
      {market && symbols.every(({ price }) => price === null) ? <p className="empty">{empty}</p> : null}
      <ul aria-label={label} {...stop}>
        {tiles.map(({ symbol, rect, size: type, tight }) => {
          const one = known.get(symbol);
          return one && (
            <li key={symbol} style={{ left: rect.x, top: rect.y, width: rect.width, height: rect.height }}>
              <a className="tile" href={addressOf(symbol)} data-way={wayOf(one.changePercent)} title={`${one.name || symbol} ${format.price(one.price, one.decimals)}`}
                style={/** @type {any} */ ({ "--heat": heatOf(one.changePercent), fontSize: type })}>
                <b>{shortName(symbol)}</b>
                {tight ? <span>{written(one.changePercent).replace(/\s*%$/, "")}</span> : <Change percent={one.changePercent} />}
              </a>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Counts with their words, and the same as a bar. @param {{title: string, parts: {way: import("./market.js").Way, count: number, word: string}[]}} props */
function Balance({ title, parts }) {
  return (
    <div className="balance">
      <h3>{title}</h3>
      <p>{parts.map(({ way, count, word }) => <span key={way} data-way={way}><i aria-hidden="true">{MARKS[way]}</i> <b>{count}</b> <em>{word}</em></span>)}</p>
      <div className="balance-bar" aria-hidden="true">{parts.map(({ way, count }) => <i key={way} data-way={way} style={{ flexGrow: count }} hidden={!count} />)}</div>
    </div>
  );
}

/** @param {{title: string, up: string, flat: string, down: string, far: string, median: string}} props */
export function Breadth({ title, up, flat, down, far, median }) {
  const { up: ups, flat: flats, down: downs, farUp, farDown, median: middle } = breadth(useSymbols());
  return (
    <div className="breadth">
      <Balance title={title} parts={[{ way: "up", count: ups, word: up }, { way: "flat", count: flats, word: flat }, { way: "down", count: downs, word: down }]} />
      <Balance title={far} parts={[{ way: "up", count: farUp, word: up }, { way: "down", count: farDown, word: down }]} />
      <div className="balance">
        <h3>{median}</h3>
        <p><span data-way={wayOf(middle)}><Mark percent={middle} /> <b>{written(middle)}</b></span></p>
        <div className="balance-scale" aria-hidden="true"><i style={{ left: `${50 + 50 * Math.sign(middle ?? 0) * heatOf(middle)}%` }} /></div>
      </div>
    </div>
  );
}

/** The symbols that moved the most in one direction. @param {{way: "up" | "down", label: string, empty: string}} props */
export function Movers({ way, label, empty }) {
  const { market } = useMarket();
  const shown = movers(market?.symbols ?? [], way, MOVERS);
  const stop = useOneStop(listStep);
  if (market && shown.length === 0) return <p className="empty">{empty}</p>;
  return (
    <ol className="movers" aria-label={label} {...stop}>
      {shown.map(({ symbol, name, price, decimals, changePercent }) => (
        <li key={symbol}>
          <a href={addressOf(symbol)}>
            <span className="mover-name"><b>{shortName(symbol)}</b><small>{name}</small></span>
            <Sparkline symbol={symbol} />
            <b className="mover-price">{format.price(price, decimals)}</b>
            <Change percent={changePercent} className="mover-change" />
          </a>
        </li>
      ))}
    </ol>
  );
}

/** The most traded symbols as a band that moves, until it is paused; its second half repeats the first, for the eye. @param {{label: string, pause: string}} props */
export function Ticker({ label, pause }) {
  const shown = byValue(useSymbols(), TICKED);
  const [paused, setPaused] = useState(false);
  const half = (/** @type {boolean} */ copy) => (
    <ul aria-hidden={copy || undefined}>
      {shown.map(({ symbol, price, decimals, changePercent }) => (
        <li key={symbol}><b>{shortName(symbol)}</b> <span>{format.price(price, decimals)}</span> <Change percent={changePercent} /></li>
      ))}
    </ul>
  );
  return (
    <div className="ticker" data-paused={paused}>
      <button type="button" className="ticker-pause" aria-pressed={paused} aria-label={pause} title={pause} onClick={() => setPaused(!paused)}>
        <svg width="14" height="14" viewBox="0 0 14 14" fill="currentColor" aria-hidden="true"><path d={paused ? "M4 2.5v9l7-4.5z" : "M3.5 2.5h2.5v9h-2.5zM8 2.5h2.5v9h-2.5z"} /></svg>
      </button>
      <div className="ticker-view" role="region" aria-label={label} tabIndex={0}>
        <div className="ticker-band" style={/** @type {any} */ ({ "--ticker-items": shown.length })}>{half(false)}{half(true)}</div>
      </div>
    </div>
  );
}
