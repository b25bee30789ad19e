/**
 * What is in the chart's menus: compared symbols, indicators, the style. Loaded when one is opened.
 *
 * Each changes a choice of `choices.js`, and nothing else. A text to compare with is looked up: the symbol
 * that it is, else the first that the search finds, else as typed.
 */

import { useEffect, useState } from "react";
import { chosen, toggled } from "./choices.js";
import { ask, useChoice } from "./hooks.js";
import { STYLES } from "./legend.js";
import { MOST, STUDIES, studiesOf, symbolsOf } from "./studies.js";
import { Lookup } from "./suggest.js";

/** @param {{kind: string, symbol: string}} props  which menu; the symbol that is shown */
export const ChartMenu = ({ kind, symbol }) => (kind === "compare" ? <Compare symbol={symbol} /> : kind === "indicators" ? <Indicators /> : <Style />);

function Indicators() {
  const [text, choose] = useChoice("indicators");
  const studies = studiesOf(text);
  return (
    <fieldset>
      <legend>Indicators</legend>
      {Object.entries(STUDIES).map(([name, { label, color, dashed }]) => (
        <label key={name}><input type="checkbox" checked={studies.includes(name)} onChange={() => choose(toggled(studies.join(), name))} />{label}<i data-color={color} data-dashed={dashed} /></label>
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

const ANSWER_MS = 5_000;

/** @param {{symbol: string}} props */
function Compare({ symbol }) {
  const [text, choose] = useChoice("compare");
  const [found, setFound] = useState(/** @type {import("./suggest.js").Listing[]} */ ([]));
  const [said, say] = useState("");
  const [lookup] = useState(() => new Lookup(ask, setFound));
  useEffect(() => () => lookup.stop(), [lookup]);
  const symbols = symbolsOf(text, symbol);
  /** @param {import("react").FormEvent<HTMLFormElement>} event */
  const submit = async (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (event.currentTarget.elements.namedItem("symbol")), typed = field.value.trim().toUpperCase();
    if (!typed) return;
    const results = await lookup.settled(typed, ANSWER_MS) ?? [];
    const before = symbolsOf(chosen("compare"), symbol);
    const wanted = symbolsOf([...before, (results.find((one) => one.symbol === typed) ?? results[0])?.symbol ?? typed].join(","), symbol);
    say(wanted.length > before.length ? "" : `${typed} is in the chart already, or no symbol`);
    choose(wanted.join(","));
    if (field.value.trim().toUpperCase() === typed) field.value = "";
  };
  return (
    <form onSubmit={submit}>
      <b>Compare</b>
      {symbols.map((one) => (
        <span key={one} className="chart-compared">{one}<button type="button" aria-label={`Compare no more with ${one}`} onClick={() => choose(symbols.filter((other) => other !== one).join(","))}>×</button></span>
      ))}
      <input
        name="symbol" aria-label="Symbol to compare with" placeholder={symbols.length < MOST ? "Symbol or company" : "Four at most"} disabled={symbols.length >= MOST}
        list="chart-found" maxLength={64} autoComplete="off" autoFocus onChange={({ target }) => lookup.type(target.value)}
      />
      <datalist id="chart-found">{found.map((one) => <option key={one.symbol} value={one.symbol}>{one.name}</option>)}</datalist>
      <p role="status">{said}</p>
    </form>
  );
}
