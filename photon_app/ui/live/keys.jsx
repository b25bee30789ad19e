/**
 * The keyboard: "/" adds, arrows select, Delete removes, digits choose the timeframe, "?" helps, Esc leaves a field.
 *
 * Keys typed into a field, with a modifier, or into an open dialog or menu are left alone.
 */

import { useEffect, useRef } from "react";

const taken = (event) =>
  event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey ||
  event.target.closest?.("[role=dialog], [role=alertdialog], [role=radiogroup], [role=menu]") !== null;

const STACKED = "(max-width: 820px)"; // the detail stands above the list: as in styles/narrow.css

const typing = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable;

/** Renders nothing; hears the page's keys and keeps focus on the selected row while it is in the list. */
export function Shortcuts({ selected, onMove, onRemove }) {
  const act = useRef();
  const before = useRef(selected);
  act.current = { onMove, onRemove };
  useEffect(() => {
    const pressed = (event) => {
      if (taken(event)) return;
      if (typing(event.target)) {
        if (event.key === "Escape") event.target.blur();
        return;
      }
      const keys = {
        "/": () => { const field = document.getElementById("add-symbol"); field?.focus(); field?.select(); },
        "?": () => document.getElementById("help")?.click(),
        ArrowDown: () => act.current.onMove(1),
        ArrowUp: () => act.current.onMove(-1),
        Delete: () => event.repeat || act.current.onRemove(),
        Escape: () => document.activeElement?.blur(),
      };
      const frame = /^[1-9]$/.test(event.key) && document.querySelectorAll(".chart-frames button")[event.key - 1];
      if (frame) { event.preventDefault(); frame.click(); return; }
      if (!Object.hasOwn(keys, event.key)) return;
      event.preventDefault();
      keys[event.key]();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  useEffect(() => {
    if (!before.current || before.current === selected) { before.current = selected; return; }
    before.current = selected;
    const row = document.querySelector(`tr[data-quote="${CSS.escape(selected ?? "")}"]`);
    if (matchMedia(STACKED).matches) scrollTo({ top: 0 });
    else row?.scrollIntoView({ block: "nearest" });
    if (document.activeElement?.closest("tr[data-quote]")) row?.querySelector(".pick")?.focus({ preventScroll: true });
  }, [selected]);
  return null;
}
