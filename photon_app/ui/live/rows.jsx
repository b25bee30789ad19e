/**
 * The lists on the page: their tabs, their rows, what is selected, and what was removed a moment ago.
 *
 * React renders when a list, its order or the selection changes, never for a price. All rules are those
 * of `watchlist.js`, `sort.js` and `address.js`.
 */

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { address, stacked } from "./address.js";
import { choose, chosen } from "./choices.js";
import { drag, follow, touch, turn } from "./gestures.js";
import { photon, useChoice } from "./hooks.js";
import { LONGEST_NAME, MAIN, MAIN_NAME } from "./lists.js";
import { Tabs } from "./roving.jsx";
import { direction, next, SORTABLE } from "./sort.js";
import { lines } from "./spark.jsx";
import { watchlist } from "./watchlist.js";

/** @typedef {{children?: import("react").ReactNode}} Children */

/** A fact of the lists; `otherwise` on the server and on first paint. @template T @param {() => T} fact @param {T} otherwise @returns {T} */
const useList = (fact, otherwise) => useSyncExternalStore((heard) => watchlist.listen(heard), fact, () => otherwise);
/** @type {readonly string[]} */
const NONE = [];
const MOST_ASKED = 500; // names

/** The symbols of the list as they are shown. */
export const useRows = () => useList(() => watchlist.order, NONE);

/** The symbols of the list, in its own order. */
export const useSymbols = () => {
  const text = useList(() => watchlist.symbols.join(","), "");
  return text ? text.split(",") : NONE;
};

/** The selected symbol; "" for none. */
export const useShown = () => useList(() => watchlist.shown, "");

/** Whether the list is known. */
export const useReady = () => useList(() => watchlist.ready, false);

/** Everything of the page: passes choices on to its style rules. @param {Children} props */
export function PageRoot({ children }) {
  const open = useSyncExternalStore((heard) => address.listen(heard), () => address.open, () => false);
  const [columns] = useChoice("columns"), [density] = useChoice("density"), [pill] = useChoice("pill"), [rail] = useChoice("rail"), [width] = useChoice("width");
  useEffect(() => address.begin(), []);
  const swiped = (/** @type {any} */ event) => {
    if (address.open && event.target.closest(".detail-head, .rail")) turn(event, (way) => choose("selected", watchlist.beside(way)));
  };
  const style = /** @type {import("react").CSSProperties} */ (/^\d{3,4}$/.test(width) ? { "--list": `${between(Number(width))}px` } : {});
  return <div className="photon" data-view={open ? "symbol" : "list"} data-columns={columns.replaceAll(",", " ")} data-density={density} data-pill={pill} data-rail={rail} style={style} onPointerDown={swiped}>{children}</div>;
}

/**
 * Hands on what the server knows: the list of a new visitor, its longest length, and names. Renders nothing.
 * @param {{ready: boolean, defaults: string[], limit: number, names: Record<string, string>, onUnnamed: (symbols: readonly string[]) => void}} props
 */
export function ListKeeper({ ready, defaults, limit, names, onUnnamed }) {
  const asked = useRef(/** @type {Set<string>} */ (new Set()));
  const symbols = useSymbols();
  const unnamed = ready ? symbols.filter((symbol) => !names[symbol] && !asked.current.has(symbol)) : NONE;
  useEffect(() => {
    if (!unnamed.length) return;
    asked.current = new Set([...asked.current, ...unnamed].slice(-MOST_ASKED));
    onUnnamed(unnamed);
  }, [unnamed.join(",")]);
  useEffect(() => { if (ready) watchlist.offer(defaults, limit); }, [ready, defaults, limit]);
  useEffect(() => {
    watchlist.nameOf = (symbol) => names[symbol] ?? "";
    watchlist.quoteOf = (symbol) => photon().quote(symbol);
    watchlist.lineOf = (symbol) => lines.kept(symbol);
  }, [names]);
  return null;
}

/** @type {Record<string, string>} */
const NEXT_PILL = { percent: "change", change: "volume", volume: "percent" };

/** A row of the list: pressing it selects its symbol; its buttons (`data-act`) act on it. @param {Children & {symbol: string}} props */
export function ListRow({ symbol, children }) {
  const selected = useList(() => watchlist.shown === symbol, false);
  const row = useRef(/** @type {any} */ (null));
  useEffect(() => {
    if (!selected) return;
    const { activeElement } = document;
    if (activeElement?.closest("tr[data-quote]") && activeElement !== row.current) row.current.focus({ preventScroll: true });
    if (chosen("selected") && !stacked()) row.current.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const actOf = (/** @type {any} */ { target }) => target.closest("[data-act]")?.dataset.act;
  const pressed = (/** @type {import("react").MouseEvent} */ event) => {
    const act = actOf(event);
    if (act === "remove") watchlist.remove(symbol);
    else if (act === "pill" && stacked()) choose("pill", NEXT_PILL[chosen("pill")]);
    else if (act !== "grip") address.show(symbol);
  };
  const began = (/** @type {any} */ event) => {
    const place = watchlist.movable ? (/** @type {number} */ by) => watchlist.move(symbol, by) : null;
    if (actOf(event) === "grip") { if (place) drag(event, row.current, place); } else touch(event, row.current, { remove: () => watchlist.remove(symbol), place });
  };
  return (
    <tr role="row" data-quote={symbol} data-selected={selected} aria-selected={selected} tabIndex={selected ? 0 : -1} ref={row} onClick={pressed} onPointerDown={began}>
      {children}
    </tr>
  );
}

/** The body of the list: while somebody points at a row, no row changes its place. @param {Children} props */
export function ListBody({ children }) {
  return <tbody role="rowgroup" onPointerEnter={() => watchlist.keepStill(true)} onPointerLeave={() => watchlist.keepStill(false)}>{children}</tbody>;
}

/** The title of a column; pressing it sorts by that: one way, the other way, the list's own order. @param {Children & {column: string}} props */
export function ColumnTitle({ column, children }) {
  const [sort, setSort] = useChoice("sort");
  const way = direction(sort, column);
  const title = SORTABLE.includes(column)
    ? <button type="button" tabIndex={-1} className="sort" onClick={() => setSort(next(sort, column))}>{children}<i aria-hidden="true">{way === "ascending" ? "▴" : way === "descending" ? "▾" : ""}</i></button>
    : children;
  return <th role="columnheader" scope="col" className={`c-${column}`} aria-sort={way === "none" ? undefined : way}>{title}</th>;
}

/** "14 of 100", or how many of them a filter leaves. */
export function ListCount() {
  const text = useList(() => {
    const shown = watchlist.order.length, all = watchlist.symbols.length, more = watchlist.list.symbols.length - all;
    return `${watchlist.filter ? `“${watchlist.filter}”: ${shown} of ${all}` : `${all} of ${watchlist.limit}`}${more > 0 ? `, ${more} more kept` : ""}`;
  }, "");
  const filtered = useList(() => watchlist.filter !== "", false);
  if (!filtered) return <span className="count">{text}</span>;
  return <button type="button" className="count filtered" title="Show all" onClick={() => { watchlist.filter = ""; }}>{text} ×</button>;
}

const FIRST = [{ id: MAIN, name: MAIN_NAME }];
/** The tabs of the lists. */
export function ListTabs() {
  const lists = useList(() => watchlist.lists, FIRST), chosen = useList(() => watchlist.list.id, MAIN);
  const tabs = lists.map(({ id, name }) => ({ id, title: name, panel: "list" }));
  return <Tabs className="tabs" label="Lists" name="list" tabs={tabs} chosen={chosen} choose={(id) => choose("list", id)} beside />;
}

/** A button that makes a list, one stop with the tabs before it; the list's name is typed in its place. */
export function NewList() {
  const [naming, setNaming] = useState(/** @type {?boolean} */ (null)); // false: it was, and the focus comes back
  const moved = (/** @type {import("react").KeyboardEvent} */ { key, currentTarget }) => {
    const tabs = /** @type {NodeListOf<HTMLElement>} */ (currentTarget.previousElementSibling?.querySelectorAll("[role=tab]"));
    const tab = { ArrowLeft: tabs[tabs.length - 1], ArrowRight: tabs[0] }[key];
    tab?.focus();
    tab?.click();
  };
  if (!naming) return <button type="button" className="icon" tabIndex={-1} autoFocus={naming === false} aria-label="New list" title="New list" onKeyDown={moved} onClick={() => setNaming(true)}><svg viewBox="0 0 16 16" className="glyph" aria-hidden="true"><path d="M8 3v10M3 8h10" /></svg></button>;
  const done = (/** @type {import("react").FormEvent<HTMLFormElement>} */ event) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    if (name) watchlist.make(name);
    setNaming(false);
  };
  return <form className="naming" onSubmit={done}><input name="name" aria-label="Name of the new list" placeholder="Name" maxLength={LONGEST_NAME} autoFocus autoComplete="off"
    onBlur={() => setNaming((now) => now && null)} onKeyDown={(event) => { if (event.key === "Escape") { event.preventDefault(); setNaming(false); } }} /></form>;
}

/** What was removed a moment ago, and a button that puts it back. */
export function UndoBar() {
  const symbol = useList(() => watchlist.undoable, "");
  return (
    <div className="undo" role="status" hidden={!symbol}>
      {symbol ? <><span>Removed {symbol}</span><button type="button" onClick={() => watchlist.undo()}>Undo</button></> : null}
    </div>
  );
}

/** A symbol without the house before its colon, which stands beside the company's name; readers of the screen and of the text have it whole. @param {{symbol: string}} props */
export function SymbolName({ symbol }) {
  const colon = symbol.indexOf(":");
  return colon < 0 ? symbol : <><span className="unseen">{symbol.slice(0, colon + 1)}</span>{symbol.slice(colon + 1)}</>;
}

/** "Apple", "BINANCE · Bitcoin": house and company of a symbol, as far as they are known. @param {{symbol: string, name: string, className?: string}} props */
export const Company = ({ symbol, name, className }) => <span className={className}>{[symbol.includes(":") ? symbol.split(":")[0] : "", name].filter(Boolean).join(" · ")}</span>;

/** Back to the list that a new visitor sees. */
export const RestoreButton = () => <button type="button" className="plain" onClick={() => watchlist.restore()}>Use the default list</button>;

/** What a telephone shows below a symbol: the way back, and its neighbours in the list. */
export function PhoneDock() {
  const [back, ahead] = [useList(() => watchlist.beside(-1), ""), useList(() => watchlist.beside(1), "")];
  const shown = useShown();
  const neighbour = (/** @type {string} */ symbol, /** @type {1 | -1} */ way) => (
    <button type="button" className="dock-beside" disabled={symbol === shown} onClick={() => choose("selected", symbol)}>{way < 0 ? "‹ " : ""}<SymbolName symbol={symbol} />{way < 0 ? "" : " ›"}</button>
  );
  return <nav className="dock" aria-label="Neighbours in the list">{neighbour(back, -1)}<button type="button" className="dock-list" onClick={() => address.close()}>List</button>{neighbour(ahead, 1)}</nav>;
}

const LEAST = 380, MOST = 560; // CSS pixels
/** A width that the list may have. @param {number} pixels */
const between = (pixels) => Math.min(MOST, Math.max(LEAST, pixels));

/** The edge between list and chart, which can be dragged, or moved by keys. */
export function ListEdge() {
  const [width, setWidth] = useChoice("width");
  const edge = useRef(/** @type {any} */ (null));
  const now = () => Number(width) || edge.current.previousElementSibling.offsetWidth;
  const set = (/** @type {number} */ pixels) => setWidth(String(Math.round(between(pixels))));
  const dragged = (/** @type {any} */ event) => {
    event.preventDefault();
    const before = now();
    follow(event, (dx) => set(before + dx), () => {});
  };
  const pressed = (/** @type {import("react").KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -20, ArrowRight: 20 }[event.key];
    if (!step) return;
    event.preventDefault();
    set(now() + step);
  };
  return <div className="edge" role="separator" aria-label="Width of the list" aria-orientation="vertical" aria-valuemin={LEAST} aria-valuemax={MOST} aria-valuenow={Number(width) || 480} tabIndex={-1} ref={edge} onPointerDown={dragged} onKeyDown={pressed} onDoubleClick={() => setWidth("")} />;
}
