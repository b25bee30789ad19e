/**
 * What a finger or a pointer does with a row: swiped aside it is removed, held or drawn by its grip it
 * moves to another place. And a swipe over a symbol's page leads to the next one.
 *
 * One gesture at a time; a finger that scrolls ends it. Nothing here knows what is removed or moved.
 */

const HOLD_MS = 450;
const STILL = 8; // pixels that a finger may tremble
const ASIDE = 96; // pixels of a swipe that removes

/** Follow a pointer until it is lifted. @param {PointerEvent} event @param {(dx: number, dy: number, event: PointerEvent) => void} moved @param {(dx: number, dy: number) => void} ended  with 0, 0 when it was cancelled */
export function follow({ clientX, clientY, pointerId }, moved, ended) {
  const gone = new AbortController();
  const mine = (/** @type {(dx: number, dy: number, event: PointerEvent) => void} */ act) => (/** @type {PointerEvent} */ event) => {
    if (event.pointerId === pointerId) act(event.clientX - clientX, event.clientY - clientY, event);
  };
  const end = mine((dx, dy, { type }) => { gone.abort(); if (type === "pointerup") ended(dx, dy); else ended(0, 0); });
  addEventListener("pointermove", mine(moved), { signal: gone.signal });
  addEventListener("pointerup", end, { signal: gone.signal });
  addEventListener("pointercancel", end, { signal: gone.signal });
  return () => gone.abort();
}

/** Move a row with the pointer. @param {PointerEvent} event @param {HTMLElement} row @param {(by: number) => void} place  by how many rows it was moved */
export function drag(event, row, place) {
  const height = row.offsetHeight;
  const keep = (/** @type {TouchEvent} */ touch) => touch.preventDefault();
  row.dataset.dragged = "";
  row.addEventListener("touchmove", keep, { passive: false });
  follow(event, (_dx, dy) => { row.style.transform = `translateY(${dy}px)`; }, (_dx, dy) => {
    row.removeEventListener("touchmove", keep);
    row.style.transform = "";
    delete row.dataset.dragged;
    const by = Math.round(dy / height);
    if (by) place(by);
  });
}

/** A finger on a row. @param {PointerEvent} event @param {HTMLElement} row @param {{remove: () => void, place: ((by: number) => void) | null}} acts */
export function touch(event, row, { remove, place }) {
  if (event.pointerType !== "touch") return;
  let aside = false;
  const hold = setTimeout(() => { if (place) { stop(); navigator.vibrate?.(10); drag(event, row, place); } }, HOLD_MS);
  const stop = follow(event, (dx, dy) => {
    if (!aside && Math.hypot(dx, dy) > STILL) clearTimeout(hold);
    aside ||= dx < -STILL && Math.abs(dx) > 2 * Math.abs(dy);
    if (aside) row.style.transform = `translateX(${Math.min(0, dx)}px)`;
  }, (dx) => {
    clearTimeout(hold);
    row.style.transform = "";
    if (aside && dx < -ASIDE) remove();
  });
}

/** A finger on a symbol's page. @param {PointerEvent} event @param {(way: 1 | -1) => void} further */
export function turn(event, further) {
  if (event.pointerType !== "touch") return;
  follow(event, () => {}, (dx, dy) => { if (Math.abs(dx) > ASIDE && Math.abs(dx) > 2 * Math.abs(dy)) further(dx < 0 ? 1 : -1); });
}
