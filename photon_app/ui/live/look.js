/**
 * The tokens of the look for what is drawn on a canvas, and word when they change.
 *
 * They are read from the element that draws, since the pair of colours is chosen below the root.
 */

const NAMES = ["panel", "raised", "line", "text", "muted", "faint", "up", "down", "brand", "font"];

/** @param {Element} element @returns {Record<string, string>} colours as #rrggbb, and the font */
export function tokens(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, whole(style.getPropertyValue(`--${name}`).trim())]));
}

/** The build shortens #rrggbb where it can. */
const whole = (token) => token.replace(/^#(\w)(\w)(\w)$/, "#$1$1$2$2$3$3");

/** A colour #rrggbb with a share of it, 0 to 1. */
export const faded = (color, share) => color + Math.round(share * 255).toString(16).padStart(2, "0");

const listeners = new Set();
let observer = null;

/** Call back, before the next paint, when theme or pair became another. @returns {() => void} */
export function onLook(listener) {
  listeners.add(listener);
  if (!observer) {
    observer = new MutationObserver(() => { for (const listener of [...listeners]) listener(); });
    observer.observe(document.documentElement, { attributeFilter: ["class", "data-theme"] });
    const page = document.querySelector("[data-pair]");
    if (page) observer.observe(page, { attributeFilter: ["data-pair"] });
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    observer.disconnect();
    observer = null;
  };
}
