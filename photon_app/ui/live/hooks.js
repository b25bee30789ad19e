/**
 * What the live parts share: the tab's one Photon, and painting without rendering.
 *
 * A part renders its frame once; what moves is written into its elements from here, at most once
 * an animation frame (painter.js), so that a tick costs neither a render nor a server event. In a hidden tab
 * no frame comes, and each paint waits in the queue once: the queue is bounded by the parts.
 */

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import env from "$/env.json";
import { getBackendURL } from "$/utils/state";
import { choose, chosen, CHOICES, onChoice } from "./choices.js";
import { Frames, Painter, ROW_MS } from "./painter.js";
import { Photon } from "./photon-client.js";

/** A path on the server: this page's own in production, Reflex's backend under the development server. @param {string} path */
export function serverUrl(path) {
  const url = new URL(path, import.meta.env.DEV ? getBackendURL(env.EVENT) : location.origin);
  url.protocol = url.protocol.replace(/^ws/, "http");
  return url;
}

const HIDDEN_MS = 2_000; // between two prices of a symbol while nobody sees them

let client = null;
export const photon = () => (client ??= new Photon({ url: serverUrl("/ws").href, hiddenMs: HIDDEN_MS }));

/** The server's answer as an object; null for any failure, which the page then says nothing of. @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function ask(path, signal) {
  try {
    const answer = await fetch(serverUrl(path), { signal, headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Let the browser save a file. @param {string} name @param {Blob} content */
export function download(name, content) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const frames = new Frames((run) => requestAnimationFrame(run), () => performance.now());
/** Run `paint` in the next frame, once, however often it is asked for. */
export const inFrame = (/** @type {() => void} */ paint) => frames.soon(paint);

/** Run `paint` in the next frame, because of a trade (painter.js). @param {() => void} paint */
export const movedInFrame = (paint) => frames.moved(paint);

/** Whether such paints rest now. */
export const resting = () => frames.resting;

/** Take back what was asked of `inFrame`. */
export const notInFrame = (/** @type {() => void} */ paint) => frames.drop(paint);

/** @type {?Painter} */
let painter = null;

/** @type {Set<() => void>} */
const tickers = new Set();
let timer = 0;
/** Call a few times a second, all from one timer; not while the tab is hidden. @param {() => void} tick */
function everyTick(tick) {
  tickers.add(tick);
  timer ||= setInterval(() => { if (!document.hidden) for (const run of tickers) run(); }, 250);
  return () => {
    tickers.delete(tick);
    if (tickers.size === 0) timer = clearInterval(timer) ?? 0;
  };
}

/** A choice of the visitor and what sets it; its default on the server and on first paint. @param {string} name @returns {[string, (wanted: string) => void]} */
export function useChoice(name) {
  const value = useSyncExternalStore(
    (listener) => onChoice(name, listener), () => chosen(name), () => CHOICES[name].initial,
  );
  return [value, (wanted) => choose(name, wanted)];
}

/** Where a part's elements are: `at.name` for each `ref={part("name")}`. @returns {{at: Record<string, any>, part: (name: string) => (element: any) => void}} */
export function useParts() {
  const held = useRef(/** @type {any} */ (null));
  if (held.current === null) {
    /** @type {Record<string, any>} */
    const at = {};
    /** @type {Record<string, (element: any) => void>} */
    const refs = {};
    held.current = { at, part: (/** @type {string} */ name) => (refs[name] ??= (element) => { at[name] = element; }) };
  }
  return held.current;
}

/**
 * Paint on each change of a symbol's quote or state.
 * @param {string} symbol
 * @param {(quote: object | undefined, photon: object) => void} paint  writes to the page; undefined: nothing known
 * @param {{ages?: boolean, every?: boolean}} [how]  `ages`: also a few times a second; `every`: with every trade
 *   in the next frame, as the selected symbol; else four times a second, as a row
 */
export function useQuote(symbol, paint, { ages = false, every = false } = {}) {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    if (!symbol) return undefined;
    const live = photon();
    painter ??= new Painter(live, frames);
    const draw = (/** @type {any} */ quote) => latest.current(quote, live);
    const stops = [painter.add(symbol, draw, every ? 0 : ROW_MS)];
    if (ages) stops.push(everyTick(() => draw(live.quote(symbol))));
    return () => stops.forEach((stop) => stop());
  }, [symbol, ages, every]);
}

/** Paint on each change of the connection's, the feed's or the market's state, and a few times a second. @param {(status: any, live: any) => void} paint */
export function useStatus(paint) {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const live = photon();
    const draw = () => latest.current(live.status, live);
    const stops = [live.onStatus(() => inFrame(draw)), everyTick(draw), () => notInFrame(draw)];
    return () => stops.forEach((stop) => stop());
  }, []);
}

const written = new WeakMap(); // element → its text: asking the element for it is dear
/** Write text only where it differs: most paints change one figure of many. Nothing else may write there. @param {?Element} element @param {string} text */
export function write(element, text) {
  if (!element || (written.get(element) ?? element.textContent) === text) return;
  written.set(element, text);
  const node = element.firstChild;
  if (text && node instanceof Text && node === element.lastChild) node.data = text; // the tree stays as it is
  else element.textContent = text;
}

/** Set an attribute only where it differs; null removes it. @param {?Element | undefined} element @param {string} name @param {?string | undefined} value */
export function mark(element, name, value) {
  if (!element || element.getAttribute(name) === value) return;
  if (value == null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

const watched = new Map(); // element → whether it is in view
/** @type {?IntersectionObserver} */
let views = null;
/** Whether an element is in view, from one observer for all; it is from when it is mounted. @param {Record<string, any>} at @param {string} name */
export function useInView(at, name) {
  useEffect(() => {
    const element = at[name];
    views ??= new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (watched.has(target)) watched.set(target, isIntersecting);
    });
    watched.set(element, true);
    views.observe(element);
    return () => { views?.unobserve(element); watched.delete(element); };
  }, [at, name]);
  return () => watched.get(at[name]) ?? false;
}

/** Whether an element is on the screen, as state: false on the server and while it is hidden or out of view. @param {Record<string, any>} at @param {string} name */
export function useSeen(at, name) {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.at(-1)?.isIntersecting ?? false));
    observer.observe(at[name]);
    return () => observer.disconnect();
  }, [at, name]);
  return seen;
}

const FLASH_MS = 1_000; // the least time between two flashes of an element
const flashed = new WeakMap(); // element → when it was last
let still = null;

/**
 * Tint an element's background for 400 ms, up or down, at most once a second; without a tint for those who want no motion.
 * @param {?Element} element @param {number} direction
 * @returns {boolean} whether that second was over
 */
export function flash(element, direction) {
  const now = performance.now();
  if (!element?.animate || now - flashed.get(element) < FLASH_MS) return false;
  flashed.set(element, now);
  still ??= matchMedia("(prefers-reduced-motion: reduce)");
  const tint = direction > 0 ? "var(--up-tint)" : "var(--down-tint)";
  if (!still.matches) element.animate([{ backgroundColor: tint, easing: "steps(1, end)" }, { backgroundColor: tint, offset: 0.5, easing: "steps(4, end)" }, { backgroundColor: "transparent" }], 400);
  return true;
}
