/**
 * What popovers need beyond the browser: content only while they are open, and focus inside.
 *
 * The browser opens and closes them, by their button, by Esc and by a click elsewhere, and gives the
 * focus back. What asks the server or ticks is thus there only while it is seen.
 */

import { useContext, useEffect, useRef, useState } from "react";
import { ColorModeContext } from "$/utils/context";
import { useChoice } from "./hooks.js";

/** Renders its children while the popover around it is open. @param {{children?: import("react").ReactNode}} props */
export function WhileOpen({ children }) {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const box = /** @type {HTMLElement} */ (place.current?.closest("[popover]"));
    const before = (/** @type {any} */ { newState }) => { if (newState === "open") setOpen(true); };
    const after = (/** @type {any} */ { newState }) => { setOpen(newState === "open"); }; // not before it is shut: focus inside goes back to the button
    box.autofocus = true; // keys are the popover's from the moment on in which it is open
    box.addEventListener("beforetoggle", before);
    box.addEventListener("toggle", after);
    if (box.matches(":popover-open")) setOpen(true); // it was opened before the page was alive
    return () => { box.removeEventListener("beforetoggle", before); box.removeEventListener("toggle", after); };
  }, []);
  return <div ref={place}>{open ? children : null}</div>;
}

/** @typedef {{title: string, values: string[], names: string[]}} Offer  values in order, each with its name */

/** One of a few values, as radio buttons side by side. @param {Offer & {name: string, value: string, choose: (value: string) => void}} props */
function Segments({ name, title, values, names, value, choose }) {
  return (
    <div className="choice" role="radiogroup" aria-label={title}>
      <span className="choice-title" aria-hidden="true">{title}</span>
      <div className="segments">
        {values.map((one, index) => (
          <label key={one}>
            <input type="radio" name={`choice-${name}`} value={one} checked={one === value} onChange={() => choose(one)} />
            <span>{names[index]}</span>
          </label>
        ))}
      </div>
    </div>
  );
}

/** A choice of choices.js. @param {Offer & {choice: string}} props */
export function ChoiceGroup({ choice, ...offer }) {
  const [value, choose] = useChoice(choice);
  return <Segments name={choice} value={value} choose={choose} {...offer} />;
}

/** The theme, which is Reflex's own choice. @param {Offer} offer */
export function ThemeGroup(offer) {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  return <Segments name="theme" value={rawColorMode} choose={setColorMode} {...offer} />;
}
