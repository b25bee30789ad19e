/**
 * What is in the chart's menus: compared symbols, indicators, the style. Loaded when one is opened.
 *
 * Each changes a choice of `choices.js`, and nothing else. A text to compare with is looked up: the symbol
 * that it is, else the first that the search finds, else as typed.
 */

import { useRef, useState } from "react";
import { ask, useChoice } from "./hooks.js";
import { STYLES } from "./legend.js";
import { STUDIES, studiesOf, symbolsOf } from "./studies.js";

/** @typedef {{symbol: string, name: string}} Found */

/** @param {{kind: string, symbol: string}} props  which menu; the symbol that is shown */
export const ChartMenu = ({ kind, symbol }) => (kind === "compare" ? <Compare symbol={symbol} /> : kind === "indicators" ? <Indicators /> : <Style />);

function Indicators() {
  const [text, choose] = useChoice("indicators");
  const chosen = studiesOf(text);
  /** @param {string} name */
  const toggle = (name) => choose((chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]).join(","));
  return (
    <fieldset>
      <legend>Indicators</legend>
      {Object.entries(STUDIES).map(([name, { label, color, dashed }]) => (
        <label key={name}><input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />{label}<i data-color={color} data-dashed={dashed} /></label>
      ))}
    </fieldset>
  );
}

function Style() {
  const [style, choose] = useChoice("style");
  return (
    <fieldset>
      <legend>Style</legend>
      {Object.entries(STYLES).map(([name, label]) => (
        <label key={name}><input type="radio" name="chart-style" checked={name === style} onChange={() => choose(name)} />{label}</label>
      ))}
    </fieldset>
  );
}

const MOST = 4;

/** @param {{symbol: string}} props */
function Compare({ symbol }) {
  const [text, choose] = useChoice("compare");
  const [found, setFound] = useState(/** @type {Found[]} */ ([]));
  const [said, say] = useState("");
  const question = useRef(/** @type {?AbortController} */ (null));
  const symbols = symbolsOf(text, symbol);
  /** What the search has for a text; null when another was asked for meanwhile. @param {string} query @returns {Promise<?Found[]>} */
  const search = async (query) => {
    question.current?.abort();
    const mine = (question.current = new AbortController());
    const answer = query ? await ask(`/api/search?q=${encodeURIComponent(query)}`, mine.signal) : null;
    return mine === question.current ? answer?.results ?? [] : null;
  };
  /** @param {import("react").FormEvent<HTMLFormElement>} event */
  const submit = async (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (event.currentTarget.elements.namedItem("symbol")), typed = field.value.trim().toUpperCase();
    const results = typed && await search(typed);
    if (!results) return;
    const wanted = symbolsOf([...symbols, (results.find((one) => one.symbol === typed) ?? results[0])?.symbol ?? typed].join(","), symbol);
    say(wanted.length > symbols.length ? "" : `${typed} is in the chart already, or no symbol`);
    choose(wanted.join(","));
    field.value = "";
  };
  return (
    <form onSubmit={submit}>
      <b>Compare</b>
      {symbols.map((one) => (
        <span key={one} className="chart-compared">{one}<button type="button" aria-label={`Compare no more with ${one}`} onClick={() => choose(symbols.filter((other) => other !== one).join(","))}>×</button></span>
      ))}
      <input
        name="symbol" aria-label="Symbol to compare with" placeholder={symbols.length < MOST ? "Symbol or company" : "Four at most"} disabled={symbols.length >= MOST}
        list="chart-found" maxLength={64} autoComplete="off" autoFocus onChange={async ({ target }) => { const results = await search(target.value.trim()); if (results) setFound(results.slice(0, 8)); }}
      />
      <datalist id="chart-found">{found.map((one) => <option key={one.symbol} value={one.symbol}>{one.name}</option>)}</datalist>
      <p role="status">{said}</p>
    </form>
  );
}
