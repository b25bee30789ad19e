/**
 * The keyboard: moves and acts on the list; every other key presses the control that names it.
 *
 * A control in view with `data-key="f"` is pressed by f. Keys typed into a field, with a modifier, or
 * into an open dialog or menu are left alone.
 */

import { useEffect } from "react";
import { address } from "./address.js";
import { choose, chosen } from "./choices.js";
import { photon } from "./hooks.js";
import * as format from "./format.js";
import { next, SORTABLE } from "./sort.js";
import { watchlist } from "./watchlist.js";

const PAGE = 10; // rows that PgUp and PgDn move
const OPEN = "[role=dialog], dialog, [role=alertdialog], [role=radiogroup], [role=menu], [popover]";

const typing = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable;

/** Whether a key belongs to what has the focus. */
const owned = (element, key) =>
  (key === " " || key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test(element.tagName)
  || (key.startsWith("Arrow") || key === "Home" || key === "End") && element.closest("[role=toolbar], [role=tablist], [role=slider], [role=listbox]") !== null;

const inView = (element) => element.offsetParent !== null || element.getClientRects().length > 0;

function press(key) {
  const control = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(" ").includes(key) && inView(one));
  if (control && /^(INPUT|TEXTAREA)$/.test(control.tagName)) { control.focus(); control.select(); } else control?.click();
  return control !== undefined;
}

const select = (symbol) => symbol && choose("selected", symbol);
const move = (by) => () => select(watchlist.beside(by));

function sortNext() {
  const sort = chosen("sort"), column = sort.replace("-", "");
  const further = next(sort, column || "symbol");
  choose("sort", further || next("", SORTABLE[(SORTABLE.indexOf(column) + 1) % SORTABLE.length]));
}

/** The selected symbol and its price in words, for readers of the screen. */
function inWords() {
  const symbol = watchlist.shown, quote = photon().quote(symbol);
  return quote ? `${symbol} ${format.price(quote.price, quote.decimals)}, ${format.percent(quote.changePercent)}` : `${symbol}: no price yet`;
}

const KEYS = {
  ArrowDown: move(1), ArrowUp: move(-1), j: move(1), k: move(-1),
  PageDown: move(PAGE), PageUp: move(-PAGE), Home: move(-Infinity), End: move(Infinity),
  Enter: () => address.show(watchlist.shown),
  Delete: () => watchlist.remove(watchlist.shown),
  Escape: () => (address.open && matchMedia("(max-width: 820px)").matches ? address.close() : document.activeElement?.blur()),
  s: sortNext,
};
const ALT = { ArrowDown: () => watchlist.move(watchlist.shown, 1), ArrowUp: () => watchlist.move(watchlist.shown, -1) };

/** Renders a polite region, which speaks what keys change: the selection, the order, and on p the price. */
export function Shortcuts() {
  useEffect(() => {
    const region = document.getElementById("spoken");
    const speak = (text) => { region.textContent = text; };
    let [shown, sort] = [watchlist.shown, chosen("sort")];
    const stop = watchlist.listen(() => {
      const before = [shown, sort];
      [shown, sort] = [watchlist.shown, chosen("sort")];
      if (shown !== before[0]) speak(shown && `${shown} ${watchlist.nameOf(shown)}`);
      else if (sort !== before[1]) speak(sort ? `Sorted by ${sort.replace("-", "")}, ${sort.startsWith("-") ? "descending" : "ascending"}` : "In the list's own order");
    });
    const pressed = (event) => {
      const { key, target } = event;
      if (event.defaultPrevented || target.closest?.(OPEN) !== null) return;
      if (typing(target)) {
        if (key === "Escape") target.blur();
        return;
      }
      const undone = (event.ctrlKey || event.metaKey) && key.toLowerCase() === "z" && watchlist.undoable;
      if (undone) { event.preventDefault(); watchlist.undo(); return; }
      const keys = event.altKey ? ALT : KEYS;
      if (event.ctrlKey || event.metaKey || owned(target, key) || (event.repeat && key === "Delete")) return;
      if (Object.hasOwn(keys, key)) keys[key]();
      else if (event.altKey) return;
      else if (key === "p") speak(inWords());
      else if (!press(key)) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => { stop(); document.removeEventListener("keydown", pressed); };
  }, []);
  return <p id="spoken" className="unseen" role="status" />;
}
