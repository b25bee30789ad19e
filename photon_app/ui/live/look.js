/**
 * The tokens of the look for what is drawn on a canvas, and word when they change.
 */

const NAMES = ["panel", "raised", "line", "text", "muted", "faint", "up", "down", "brand", "font"];

/** @param {Element} element @returns {Record<string, string>} colours as #rrggbb, and the font */
export function tokens(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, whole(style.getPropertyValue(`--${name}`).trim())]));
}

/** The build shortens #rrggbb where it can. @param {string} token */
const whole = (token) => token.replace(/^#(\w)(\w)(\w)$/, "#$1$1$2$2$3$3");

/** A colour #rrggbb with a share of it, 0 to 1. @param {string} color @param {number} share */
export const faded = (color, share) => color + Math.round(share * 255).toString(16).padStart(2, "0");

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {MutationObserver | null} */
let observer = null;

/** Call back, before the next paint, when theme or pair became another. @param {() => void} listener @returns {() => void} */
export function onLook(listener) {
  listeners.add(listener);
  if (!observer) {
    observer = new MutationObserver(() => { for (const listener of [...listeners]) listener(); });
    observer.observe(document.documentElement, { attributeFilter: ["class", "data-pair"] });
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    observer?.disconnect();
    observer = null;
  };
}
