/**
 * A group of controls that is one stop of the Tab key: arrows move inside, as in a WAI-ARIA toolbar.
 */

import { useEffect, useRef } from "react";

const WAYS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
const CONTROLS = "button:not([disabled]), a[href], input, select";

export function Toolbar({ label, className, children }) {
  const box = useRef(null);
  const controls = () => [...box.current.querySelectorAll(CONTROLS)].filter((one) => one.offsetParent && !one.closest("[popover], dialog"));
  const stopAt = (control) => { for (const one of controls()) one.tabIndex = one === control ? 0 : -1; };
  useEffect(() => {
    const all = controls();
    stopAt(all.find((one) => one.tabIndex === 0 && one.dataset.stop) ?? all[0]);
  });
  const focused = ({ target }) => { if (controls().includes(target)) stopAt(target); };
  const moved = (event) => {
    const all = controls(), place = all.indexOf(event.target);
    if (place < 0 || !Object.hasOwn(WAYS, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const way = WAYS[event.key];
    all[Number.isFinite(way) ? (place + way + all.length) % all.length : way < 0 ? 0 : all.length - 1].focus();
  };
  return <div role="toolbar" aria-label={label} className={className} ref={box} onFocus={focused} onKeyDown={moved}>{children}</div>;
}
