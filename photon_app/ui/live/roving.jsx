/**
 * Groups that are one stop of the Tab key, as WAI-ARIA has them: arrows, Home and End move inside.
 */

import { useEffect, useRef } from "react";

const CONTROLS = "button:not([disabled]), a[href], input, select";

/** Where a key leads in a row, around both ends; null for any other key. @param {string} key @param {number} at @param {number} count */
const along = (key, at, count) => ({ ArrowLeft: (at + count - 1) % count, ArrowRight: (at + 1) % count, Home: 0, End: count - 1 }[key] ?? null);

/** Controls; the one that had the focus last is their stop. @param {{label: string, className?: string, children?: import("react").ReactNode}} props */
export function Toolbar({ label, className, children }) {
  const box = useRef(/** @type {?HTMLDivElement} */ (null)), stop = useRef(/** @type {?HTMLElement} */ (null));
  const controls = () => {
    const all = /** @type {NodeListOf<HTMLElement>} */ (/** @type {HTMLElement} */ (box.current).querySelectorAll(CONTROLS));
    return [...all].filter((one) => !one.closest("[popover], dialog"));
  };
  const seen = () => controls().filter((one) => one.offsetParent);
  const stopAt = (/** @type {HTMLElement | undefined} */ control) => {
    stop.current = control ?? null;
    for (const one of controls()) one.tabIndex = one === control ? 0 : -1;
  };
  useEffect(() => {
    const all = seen();
    stopAt(all.find((one) => one === stop.current) ?? all[0]);
  });
  const focused = (/** @type {any} */ { target }) => { if (controls().includes(target)) stopAt(target); };
  const moved = (/** @type {any} */ event) => {
    const all = seen(), place = all.indexOf(event.target);
    const to = place < 0 ? null : along(event.key, place, all.length);
    if (to === null) return;
    event.preventDefault();
    all[to].focus();
  };
  return <div role="toolbar" aria-label={label} className={className} ref={box} onFocus={focused} onKeyDown={moved}>{children}</div>;
}

/**
 * A tab list; its keys choose at once.
 * @param {{label: string, className: string, name: string, tabs: {id: string, title: string, panel: string}[], chosen: string, choose: (id: string) => void}} props
 *   `name`: before the tabs' own ids; `panel`: the id of what a tab shows
 */
export function Tabs({ label, className, name, tabs, chosen, choose }) {
  const moved = (/** @type {import("react").KeyboardEvent} */ event) => {
    const to = along(event.key, tabs.findIndex(({ id }) => id === chosen), tabs.length);
    if (to === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(tabs[to].id);
    /** @type {HTMLElement} */ (event.currentTarget.children[to]).focus();
  };
  return (
    <div className={className} role="tablist" aria-label={label} onKeyDown={moved}>
      {tabs.map(({ id, title, panel }) => (
        <button
          key={id} type="button" role="tab" id={`${name}-tab-${id}`} aria-controls={panel} aria-selected={id === chosen}
          tabIndex={id === chosen ? 0 : -1} onClick={() => choose(id)}
        >{title}</button>
      ))}
    </div>
  );
}
