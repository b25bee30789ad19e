/**
 * The keyboard: moves and acts on the list; every other key presses the control that names it.
 *
 * A control in view with `data-key="f"` is pressed by f, one with `data-key="Space"` by the space bar. Keys typed
 * into a field, with a modifier, or into an open dialog or menu are left alone.
 */

import { useEffect, useRef } from "react";
import { address, stacked } from "./address.js";
import { among, choose, chosen } from "./choices.js";
import { photon } from "./hooks.js";
import * as format from "./format.js";
import { BY_CHOICE, next, SORTABLE } from "./sort.js";
import { watchlist } from "./watchlist.js";

const PAGE = 10; // rows that PgUp and PgDn move
const OPEN = "[role=dialog], dialog, [role=alertdialog], [role=radiogroup], [role=menu], [popover]";

/** @param {HTMLElement} element */
const typing = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable;

/** Whether a key belongs to what has the focus. @param {Element} element @param {string} key */
const owned = (element, key) =>
  (key === " " || key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test(element.tagName)
  || (key.startsWith("Arrow") || key === "Home" || key === "End") && element.closest("[role=toolbar], [role=tablist], [role=slider], [role=listbox]") !== null;

/** Press the control in view that names a key, or go to it where it is a field. @param {string} key @param {boolean} [held]  the key repeats: no more than the first time @returns {boolean} whether there is one */
function press(key, held = false) {
  const named = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key]"));
  const control = [...named].find((one) => one.dataset.key?.split(" ").includes(key === " " ? "Space" : key) && one.getClientRects().length > 0);
  if (control instanceof HTMLInputElement) { control.focus(); control.select(); } else if (!held) control?.click();
  return control !== undefined;
}

const move = (/** @type {number} */ by) => () => {
  const symbol = watchlist.beside(by);
  if (symbol) choose("selected", symbol);
};

function sortNext() {
  const sort = chosen("sort"), column = sort.replace("-", "");
  const further = next(sort, column || "symbol");
  const columns = SORTABLE.filter((name) => !BY_CHOICE.includes(name) || among(chosen("columns"), name));
  choose("sort", further || next("", columns[(columns.indexOf(column) + 1) % columns.length]));
}

/** The selected symbol and its price in words, for readers of the screen. */
function inWords() {
  const symbol = watchlist.shown, quote = photon().quote(symbol);
  return quote ? `${symbol} ${format.price(quote.price, quote.decimals)}, ${format.percent(quote.changePercent)}` : `${symbol}: no price yet`;
}

/** @type {Record<string, () => void>} */
const KEYS = {
  ArrowDown: move(1), ArrowUp: move(-1), j: move(1), k: move(-1),
  PageDown: move(PAGE), PageUp: move(-PAGE), Home: move(-Infinity), End: move(Infinity),
  Enter: () => address.show(watchlist.shown),
  Delete: () => watchlist.remove(watchlist.shown),
  Escape: () => {
    if (press("Escape")) return;
    if (watchlist.filter) { watchlist.filter = ""; return; }
    if (address.open && stacked()) address.close();
    else /** @type {?HTMLElement} */ (document.activeElement)?.blur();
  },
  s: sortNext,
};
/** @type {Record<string, () => void>} */
const ALT = { ArrowDown: () => watchlist.move(watchlist.shown, 1), ArrowUp: () => watchlist.move(watchlist.shown, -1) };

/** Renders a polite region, which speaks what keys change: the selection, the order, and on p the price. @param {{lists?: boolean}} props  whether the page has the lists */
export function Shortcuts({ lists = true }) {
  const region = useRef(/** @type {?HTMLParagraphElement} */ (null));
  useEffect(() => {
    const speak = (/** @type {string} */ text) => { if (region.current) region.current.textContent = text; };
    let [shown, sort] = [watchlist.shown, chosen("sort")];
    const stop = watchlist.listen(() => {
      const before = [shown, sort];
      [shown, sort] = [watchlist.shown, chosen("sort")];
      if (shown !== before[0]) speak(shown && `${shown} ${watchlist.nameOf(shown)}`);
      else if (sort !== before[1]) speak(sort ? `Sorted by ${sort.replace("-", "")}, ${sort.startsWith("-") ? "descending" : "ascending"}` : "In the list's own order");
    });
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      const { key, target } = event;
      if (event.defaultPrevented || !(target instanceof HTMLElement) || target.closest(OPEN)) return;
      if (typing(target)) {
        if (key === "Escape") target.blur();
        return;
      }
      const undone = lists && (event.ctrlKey || event.metaKey) && key.toLowerCase() === "z" && watchlist.undoable;
      if (undone) { event.preventDefault(); watchlist.undo(); return; }
      const keys = !lists ? {} : event.altKey ? ALT : KEYS;
      if (event.ctrlKey || event.metaKey || owned(target, key) || (event.repeat && key === "Delete")) return;
      if (Object.hasOwn(keys, key)) keys[key]();
      else if (event.altKey) return;
      else if (lists && key === "p") speak(inWords());
      else if (!press(key, event.repeat)) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => { stop(); document.removeEventListener("keydown", pressed); };
  }, []);
  return <p id="spoken" className="unseen" role="status" ref={region} />;
}
