/**
 * The menu of the list that is shown: name, link, import and export, columns, density.
 *
 * A native popover. What is imported is symbols between any separators; what is exported is what the page
 * shows, as text or as CSV, without a word of the server's.
 */

import { useState } from "react";
import { format as addressOf, parse } from "./address.js";
import { among, choose, chosen, toggled } from "./choices.js";
import { size } from "./format.js";
import { download, photon, useChoice } from "./hooks.js";
import { cell, imported, LONGEST_NAME, MAIN, MOST_IMPORTED } from "./lists.js";
import { WhileOpen } from "./overlays.jsx";
import { useRows, useSymbols } from "./rows.jsx";
import { BY_CHOICE } from "./sort.js";
import { watchlist } from "./watchlist.js";

const COLUMNS = [["range", "Day range"], ["volume", "Volume"], ["vwap", "VWAP"], ["year", "52 weeks"], ["age", "Age in words"]];

/** The list as CSV: what its rows show. @param {readonly string[]} symbols */
function csv(symbols) {
  const rows = symbols.map((symbol) => {
    const quote = photon().quote(symbol), vwap = watchlist.lineOf(symbol)?.vwap(quote);
    return [symbol, watchlist.nameOf(symbol), quote?.price, quote?.change, quote?.changePercent && Number(quote.changePercent.toFixed(4)), quote?.dayVolume, quote ? new Date(quote.time).toISOString() : null, vwap && Number(vwap.toFixed(quote?.decimals))].map(cell).join(",");
  });
  return ["symbol,name,price,change,change_percent,day_volume,time,vwap", ...rows].join("\r\n") + "\r\n";
}

/** What a field of a form holds. @param {import("react").FormEvent<HTMLFormElement>} event @param {string} name */
const fieldOf = (event, name) => String(new FormData(event.currentTarget).get(name));

export const ListMenu = () => <div className="menu list-menu" id="list-menu" popover="auto" role="dialog" aria-label="List" tabIndex={-1}><WhileOpen><Content /></WhileOpen></div>;

function Content() {
  const [said, say] = useState(""), [armed, arm] = useState(false);
  const [columns, setColumns] = useChoice("columns"), [density, setDensity] = useChoice("density");
  const symbols = useSymbols();
  useRows();
  const done = () => document.getElementById("list-menu")?.hidePopover();
  const list = watchlist.list;
  const toggle = (/** @type {string} */ name) => {
    setColumns(toggled(columns, name));
    if (BY_CHOICE.includes(name) && chosen("sort").replace("-", "") === name) choose("sort", ""); // nobody would see by what
  };
  const share = async () => {
    const path = addressOf({ symbol: "", timeframe: "", list: "", shared: [...symbols] }), link = location.origin + path;
    const fit = parse(path).shared.length, words = fit < symbols.length ? `Link copied, with the first ${fit} symbols` : "Link copied";
    try { await navigator.clipboard.writeText(link); say(words); } catch { say(link); }
  };
  const brought = (/** @type {import("react").FormEvent<HTMLFormElement>} */ event) => {
    event.preventDefault();
    const text = fieldOf(event, "symbols");
    if (text.length > MOST_IMPORTED) { say(`More than ${size(MOST_IMPORTED)} characters: import them in parts`); return; }
    const added = imported(text);
    const news = added.filter((symbol) => !symbols.includes(symbol)).length, before = symbols.length;
    watchlist.add(added);
    const joined = watchlist.symbols.length - before;
    say(`Added ${joined}${news > joined ? `, no room for ${news - joined}` : ""}`);
    event.currentTarget.reset();
  };
  const renamed = (/** @type {import("react").FormEvent<HTMLFormElement>} */ event) => {
    event.preventDefault();
    watchlist.rename(fieldOf(event, "name"));
    done();
  };
  return (
    <>
      <form className="menu-line" onSubmit={renamed}><label>Name <input name="name" defaultValue={list.name} maxLength={LONGEST_NAME} autoComplete="off" /></label><button type="submit" className="word">Rename</button></form>
      <form className="menu-line" onSubmit={brought}><label>Import <textarea name="symbols" rows={1} placeholder="AAPL, MSFT …" autoComplete="off" spellCheck={false} /></label><button type="submit" className="word">Add</button></form>
      <div className="menu-line"><span>Share or save</span>
        <button type="button" className="word" onClick={share}>Link</button>
        <button type="button" className="word" onClick={() => download("photon-list.txt", new Blob([symbols.join("\n") + "\n"], { type: "text/plain" }))}>Text</button>
        <button type="button" className="word" onClick={() => download("photon-list.csv", new Blob([csv(symbols)], { type: "text/csv" }))}>CSV</button>
      </div>
      <fieldset className="menu-line"><legend>Columns</legend>
        {COLUMNS.map(([name, title]) => <label key={name} className="check"><input type="checkbox" checked={among(columns, name)} onChange={() => toggle(name)} /> {title}</label>)}
      </fieldset>
      <fieldset className="menu-line"><legend>Rows</legend>
        {[["normal", "Two lines"], ["compact", "Compact"]].map(([value, title]) => <label key={value} className="check"><input type="radio" name="density" checked={density === value} onChange={() => setDensity(value)} /> {title}</label>)}
      </fieldset>
      <div className="menu-line">
        <label>Filter <input defaultValue={watchlist.filter} placeholder="Symbol or name" autoComplete="off" onInput={(event) => { watchlist.filter = event.currentTarget.value; }} onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); done(); } }} /></label>
        {list.id === MAIN ? null : <button type="button" className="word" onClick={() => { if (armed) { watchlist.drop(); done(); } else arm(true); }}>{armed ? "Really remove" : "Remove list"}</button>}
      </div>
      <div className="menu-line menu-pages"><a href="/market">Market</a><a href="/developers">Developers</a></div>
      <p className="menu-said" role="status">{said}</p>
    </>
  );
}
