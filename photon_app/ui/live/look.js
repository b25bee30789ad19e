/**
 * The tokens of the look for what is drawn on a canvas, and word when they change.
 */

const NAMES = ["panel", "raised", "line", "text", "muted", "faint", "up", "down", "brand", "study-1", "study-2", "font"];
const FORCED_COLORS = "(forced-colors: active)";

/** What stands for the tokens where the visitor's system has its own colours. */
const FORCED = /** @type {Record<string, string>} */ ({ panel: "Canvas", raised: "Canvas", line: "GrayText", "study-1": "LinkText", "study-2": "VisitedText" });

/** @param {Element} element @returns {Record<string, any>} colours as #rrggbb, the font, and whether the system's colours are `forced` */
export function tokens(element) {
  const style = getComputedStyle(element), forced = matchMedia(FORCED_COLORS).matches;
  const token = (/** @type {string} */ name) => (forced && name !== "font" ? systemColor(FORCED[name] ?? "CanvasText") : whole(style.getPropertyValue(`--${name}`).trim()));
  return { ...Object.fromEntries(NAMES.map((name) => [name, token(name)])), forced };
}

/** The build shortens #rrggbb where it can. @param {string} token */
const whole = (token) => token.replace(/^#(\w)(\w)(\w)$/, "#$1$1$2$2$3$3");

/** A system colour as #rrggbb. @param {string} name */
function systemColor(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = name;
  const parts = getComputedStyle(probe).color.match(/\d+/g) ?? [];
  probe.remove();
  return `#${parts.slice(0, 3).map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

/** A colour #rrggbb with a share of it, 0 to 1. @param {string} color @param {number} share */
export const faded = (color, share) => color + Math.round(share * 255).toString(16).padStart(2, "0");

/** @type {Set<() => void>} */
const listeners = new Set();
let watching = false;
const tell = () => { for (const listener of [...listeners]) listener(); };

/** Call back, before the next paint, when theme or pair became another. @param {() => void} listener @returns {() => void} */
export function onLook(listener) {
  listeners.add(listener);
  if (!watching) {
    watching = true;
    new MutationObserver(tell).observe(document.documentElement, { attributeFilter: ["class", "data-pair"] });
    matchMedia(FORCED_COLORS).addEventListener("change", tell);
  }
  return () => { listeners.delete(listener); };
}
