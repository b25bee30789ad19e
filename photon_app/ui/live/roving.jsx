/**
 * Groups that are one stop of the Tab key, as WAI-ARIA has them: arrows, Home and End move inside.
 */

import { useEffect, useRef } from "react";

const CONTROLS = "button:not([disabled]), a[href], input, select";

/** Where a key leads in a row, around both ends; null for any other key. @param {number} at @param {string} key @param {number} count @returns {?number} */
const along = (at, key, count) => ({ ArrowLeft: (at + count - 1) % count, ArrowRight: (at + 1) % count, Home: 0, End: count - 1 }[key] ?? null);

/** @param {import("react").KeyboardEvent} event */
const modified = ({ ctrlKey, metaKey, altKey, shiftKey }) => ctrlKey || metaKey || altKey || shiftKey;

/**
 * What makes an element's controls one stop, which is the one that had the focus last.
 * @param {(at: number, key: string, count: number) => ?number} step  where a key leads, null: nowhere
 */
export function useOneStop(step) {
  const box = useRef(/** @type {any} */ (null)), stop = useRef(/** @type {?HTMLElement} */ (null));
  /** @returns {HTMLElement[]} */
  const controls = () => [...(box.current?.querySelectorAll(CONTROLS) ?? [])].filter((one) => !one.closest("[popover], dialog"));
  const seen = () => controls().filter((one) => one.offsetParent);
  const stopAt = (/** @type {HTMLElement | undefined} */ control) => {
    stop.current = control ?? null;
    for (const one of controls()) one.tabIndex = one === control ? 0 : -1;
  };
  useEffect(() => {
    const all = seen();
    stopAt(all.find((one) => one === stop.current) ?? all[0] ?? controls()[0]);
  });
  const onFocus = (/** @type {any} */ { target }) => { if (controls().includes(target)) stopAt(target); };
  const onKeyDown = (/** @type {any} */ event) => {
    const all = seen(), place = all.indexOf(event.target);
    const to = place < 0 || modified(event) ? null : step(place, event.key, all.length);
    if (to === null) return;
    event.preventDefault();
    all[to].focus();
  };
  return { ref: box, onFocus, onKeyDown };
}

/** @param {{label: string, className?: string, children?: import("react").ReactNode}} props */
export const Toolbar = ({ label, className, children }) => <div role="toolbar" aria-label={label} className={className} {...useOneStop(along)}>{children}</div>;

/**
 * A tab list; its keys choose at once.
 * @param {{label: string, className: string, name: string, tabs: {id: string, title: string, panel: string}[], chosen: string, choose: (id: string) => void, beside?: boolean}} props
 *   `name`: before the tabs' own ids; `panel`: the id of what a tab shows; `beside`: arrows lead to the control after the list too
 */
export function Tabs({ label, className, name, tabs, chosen, choose, beside = false }) {
  const moved = (/** @type {import("react").KeyboardEvent} */ event) => {
    const count = tabs.length + (beside && event.key.startsWith("Arrow") ? 1 : 0);
    const to = along(tabs.findIndex(({ id }) => id === chosen), event.key, count);
    if (to === null || modified(event)) return;
    event.preventDefault();
    if (to < tabs.length) choose(tabs[to].id);
    /** @type {HTMLElement} */ (event.currentTarget.children[to] ?? event.currentTarget.nextElementSibling).focus();
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
