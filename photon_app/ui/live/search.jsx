/**
 * The field that adds symbols, with suggestions: a combobox of the WAI-ARIA kind.
 *
 * The field itself is the page's own (a child, so that Reflex can empty it); this part lays the
 * list beside it, moves through it by keys and sends the form when one is chosen. Enter without a
 * choice sends what was typed. A text that was refused goes when the visitor goes.
 */

import { useEffect, useRef, useState } from "react";
import { ask, mark } from "./hooks.js";
import { completed, Lookup, moved, suggestions } from "./suggest.js";

const NOTHING = suggestions(null);

/** Suggestions under `children`, which hold an input with the role `combobox`. */
export function SymbolSearch({ listId, symbols = [], children }) {
  const box = useRef(null);
  const lookup = useRef(null);
  const sent = useRef(null);
  const [found, setFound] = useState(NOTHING);
  const [place, setPlace] = useState(-1);
  const input = () => box.current.querySelector("input");
  const show = (options) => { setFound(options); setPlace(-1); };
  lookup.current ??= new Lookup(ask, show);
  const close = () => { lookup.current.stop(); show(NOTHING); };
  const open = found.length > 0;

  useEffect(() => {
    const form = box.current.closest("form");
    const submitted = () => { sent.current = input().value; close(); };
    form.addEventListener("submit", submitted, true);
    return () => { form.removeEventListener("submit", submitted, true); lookup.current.stop(); };
  }, []);

  useEffect(() => {
    mark(input(), "aria-expanded", String(open));
    mark(input(), "aria-activedescendant", place < 0 ? null : `${listId}-${place}`);
    document.getElementById(`${listId}-${place}`)?.scrollIntoView({ block: "nearest" });
  }, [open, place]);

  const choose = ({ symbol }) => {
    input().value = completed(input().value, symbol);
    box.current.closest("form").requestSubmit();
  };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing) return;
    const keys = {
      ArrowDown: () => (open ? setPlace(moved(place, found.length, 1)) : lookup.current.type(input().value)),
      ArrowUp: () => open && setPlace(moved(place, found.length, -1)),
      Enter: place < 0 ? null : () => choose(found[place]),
      Escape: open ? close : null,
    };
    if (!Object.hasOwn(keys, event.key) || keys[event.key] === null) return;
    event.preventDefault();
    keys[event.key]();
  };
  const left = (event) => {
    if (box.current.closest("form").contains(event.relatedTarget)) return;
    close();
    if (input().value === sent.current) input().value = "";
  };

  return (
    <div className="search" ref={box} onInput={(event) => lookup.current.type(event.target.value)} onKeyDown={pressed} onBlur={left}>
      {children}
      <ul className="suggestions" id={listId} role="listbox" aria-label="Suggestions" hidden={!open} onPointerDown={(event) => event.preventDefault()}>
        {found.map((option, index) => (
          <li key={option.symbol} id={`${listId}-${index}`} role="option" aria-selected={index === place} onClick={() => choose(option)}>
            <b className={option.symbol.includes(":") ? "housed" : null}><span>{option.symbol}</span></b>
            <span className="option-name">{option.name}</span>
            <span className="option-type">{symbols.includes(option.symbol) ? "in the list" : option.type}</span>
          </li>
        ))}
      </ul>
      <span className="unseen" role="status">{open ? `${found.length} suggestions` : ""}</span>
    </div>
  );
}
