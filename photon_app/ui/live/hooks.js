/**
 * What the live parts share: the tab's one Photon, and painting without rendering.
 *
 * A part renders its frame once; what moves is written into its elements from here, at most once
 * an animation frame, so that a tick costs neither a render nor a server event. In a hidden tab no
 * frame comes, and each part waits in the queue once: the queue is bounded by the parts.
 */

import { useEffect, useRef, useSyncExternalStore } from "react";
import env from "$/env.json";
import { getBackendURL } from "$/utils/state";
import { choose, chosen, CHOICES, onChoice } from "./choices.js";
import { Photon } from "./photon-client.js";

/** A path on the server: this page's own in production, Reflex's backend under the development server. @param {string} path */
export function serverUrl(path) {
  const url = new URL(path, import.meta.env.DEV ? getBackendURL(env.EVENT) : location.origin);
  url.protocol = url.protocol.replace(/^ws/, "http");
  return url;
}

let client = null;
export const photon = () => (client ??= new Photon({ url: serverUrl("/ws").href }));

/** The server's answer as an object; null for any failure, which the page then says nothing of. @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function ask(path, signal) {
  try {
    const answer = await fetch(serverUrl(path), { signal, headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const queued = new Set();
let frame = 0;
/** Run `paint` in the next frame, once, however often it is asked for. */
export function inFrame(paint) {
  queued.add(paint);
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const paints = [...queued];
    queued.clear();
    for (const run of paints) run();
  });
}

/** Take back what was asked of `inFrame`. */
export const notInFrame = (paint) => queued.delete(paint);

const tickers = new Set();
let timer = 0;
/** Call a few times a second, all from one timer; not while the tab is hidden. */
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
 * Paint on each change of a symbol's quote or of the connection's state.
 * @param {string} symbol
 * @param {(quote: object | undefined, photon: object) => void} paint  writes to the page; undefined: nothing known
 * @param {{ages?: boolean}} [also]  `ages`: also a few times a second
 */
export function useQuote(symbol, paint, { ages = false } = {}) {
  const latest = useRef();
  latest.current = paint;
  useEffect(() => {
    if (!symbol) return undefined;
    const live = photon();
    const draw = () => latest.current(live.quote(symbol), live);
    const soon = () => inFrame(draw);
    const stops = [
      live.watch(symbol, soon),
      live.onStatus(soon),
      ...(ages ? [everyTick(draw)] : []),
      () => queued.delete(draw),
    ];
    draw();
    return () => stops.forEach((stop) => stop());
  }, [symbol, ages]);
}

/** Paint on each change of the connection's, the feed's or the market's state, and a few times a second. @param {(status: any, live: any) => void} paint */
export function useStatus(paint) {
  const latest = useRef();
  latest.current = paint;
  useEffect(() => {
    const live = photon();
    const draw = () => latest.current(live.status, live);
    const stops = [live.onStatus(() => inFrame(draw)), everyTick(draw), () => queued.delete(draw)];
    return () => stops.forEach((stop) => stop());
  }, []);
}

/** Write text only where it differs: most paints change one figure of many. */
export function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
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

const flashing = new WeakMap(); // asking the element would make the browser lay out the page for each flash
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Tint an element's background for 400 ms, up or down; not for those who want no motion. */
export function flash(element, direction) {
  if (!element?.animate || still()) return;
  const tint = direction > 0 ? "var(--up-tint)" : "var(--down-tint)";
  flashing.get(element)?.cancel();
  flashing.set(element, element.animate([{ backgroundColor: tint }, { backgroundColor: tint, offset: 0.5 }, { backgroundColor: "transparent" }], 400));
}
