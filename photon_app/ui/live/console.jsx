/**
 * The developers' page: a console over a connection of its own to this Photon's `/ws`, and examples to copy.
 *
 * The console's elements and words stand in Python; here they are found by `data-part` and by the names of
 * the form's fields, and filled. What comes is counted at once and shown ten times a second, as text
 * nodes, the newest first and never more than `MOST`. Nothing connects before it is asked to, and
 * nothing reconnects by itself: what happened is what the page is for.
 */

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { addressed, closing, FrameLog, MOST, sizeOf, socketUrl, subscribing } from "./console.js";
import { fixed, size } from "./format.js";
import { serverUrl, write } from "./hooks.js";

const PAINT_MS = 100;
const COPIED_MS = 2_000;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });

/** @param {string} tag @param {...(string | Node)} content */
function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content); // text becomes text nodes
  return made;
}

/** @param {import("./console.js").Frame} frame @param {string} cut */
function rowOf({ way, at, kind, bytes, text, left }, cut) {
  const row = element("li", element("time", clock.format(at)), element("b", kind), element("span", way === "note" ? "" : sizeOf(bytes)),
    element("code", left ? `${text} … ${cut.replace("{n}", String(left))}` : text));
  row.dataset.way = way;
  return row;
}

/** @typedef {Record<"idle" | "connecting" | "open" | "subscribe" | "again" | "left" | "unknown", string> & {codes: Record<string, [string, string]>}} Words */

/** Give life to a console; returns how to end it. @param {HTMLElement} root @param {Words} words */
function begin(root, words) {
  /** @type {Record<string, any>} the elements that are found in it */
  const at = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.getAttribute("data-part"), part]));
  const form = /** @type {HTMLFormElement} */ (root.querySelector("form")), { symbols, format, interval, message } = /** @type {any} */ (form.elements);
  const log = new FrameLog();
  let ofFormat = "", shown = 0, paused = false, nextId = 1, ticks = 0;
  /** @type {?WebSocket} */
  let socket = null;

  /** @param {import("./console.js").Frame["way"]} way @param {string} text @param {string} [kind] */
  const add = (way, text, kind) => log.add(way, text, Date.now(), kind);
  /** @param {"connecting" | "open" | "closed"} state @param {string} sentence */
  const say = (state, sentence) => {
    at.state.dataset.state = state;
    write(at.state, sentence);
    at.close.disabled = at.send.disabled = state !== "open";
    write(at.subscribe, state === "open" ? words.again : words.subscribe);
  };
  const send = (/** @type {string} */ text) => {
    if (socket?.readyState !== WebSocket.OPEN || !text) return;
    socket.send(text);
    add("out", text);
  };
  const subscribe = () => { if (ofFormat !== "array") send(subscribing(symbols.value, Number(interval.value), nextId++)); };
  const closed = (/** @type {number} */ code, /** @type {string} */ reason) => {
    socket = null;
    const sentence = closing(code, reason, words.codes, words.unknown);
    add("note", sentence, "close");
    say("closed", sentence);
  };
  const close = () => {
    const mine = socket;
    if (!mine) return;
    closed(1000, "");
    mine.close(1000);
  };
  const connect = () => {
    close();
    ofFormat = format.value;
    const url = socketUrl(serverUrl("/"), ofFormat, symbols.value), mine = new WebSocket(url);
    const mineOnly = (/** @type {(event: any) => void} */ act) => (/** @type {Event} */ event) => { if (socket === mine) act(event); };
    socket = mine;
    add("note", url, "connect");
    say("connecting", words.connecting);
    mine.onopen = mineOnly(() => { say("open", words.open); subscribe(); });
    mine.onmessage = mineOnly(({ data }) => add("in", String(data)));
    mine.onclose = mineOnly(({ code, reason }) => closed(code, reason));
  };

  /** Put what is new above what is shown; while it is paused, or nobody sees it, nothing. */
  const paint = () => {
    if (document.hidden) return;
    if (ticks++ % 5 === 0) {
      const rate = log.rate(performance.now());
      const figures = { frames_s: fixed(rate.frames, rate.frames < 9.95 ? 1 : 0), bytes_s: sizeOf(rate.bytes), count: size(log.count), bytes: sizeOf(log.bytes) };
      for (const [name, text] of Object.entries(figures)) write(at[name], text);
    }
    if (paused) return;
    const fresh = log.frames.filter(({ id }) => id > shown).reverse();
    shown = fresh[0]?.id ?? shown;
    at.frames.prepend(...fresh.map((frame) => rowOf(frame, words.left)));
    while (at.frames.children.length > MOST) at.frames.lastChild.remove();
  };

  form.onsubmit = (event) => {
    event.preventDefault();
    if (socket && ofFormat === format.value && ofFormat !== "array") subscribe();
    else connect();
  };
  message.onkeydown = (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") { event.preventDefault(); send(message.value); } };
  at.send.onclick = () => send(message.value);
  at.close.onclick = close;
  at.pause.onclick = () => { paused = !paused; at.pause.setAttribute("aria-pressed", String(paused)); };
  at.clear.onclick = () => { log.clear(); at.frames.replaceChildren(); };
  const timer = setInterval(paint, PAINT_MS);
  return () => { clearInterval(timer); close(); };
}

/** @param {{words: Words, children: import("react").ReactNode}} props */
export function Console({ words, children }) {
  const root = useRef(/** @type {?HTMLDivElement} */ (null)), [said] = useState(words);
  useEffect(() => begin(/** @type {HTMLDivElement} */ (root.current), said), [said]);
  return <div className="console" ref={root}>{children}</div>;
}

const still = () => () => {};
const useOrigin = () => useSyncExternalStore(still, () => serverUrl("/").origin, () => "");

/** Copy a text; where a page may not, as without https, by way of the selection. @param {string} text @param {Element} shown */
async function copyText(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection()?.selectAllChildren(shown);
    document.execCommand("copy");
  }
}

/** An example with this Photon's own address in it, and a button that copies it. @param {{code: string, name: string, verb: string, copied: string}} props */
export function Snippet({ code, name, verb, copied }) {
  const [done, setDone] = useState(false);
  const shown = useRef(/** @type {?HTMLElement} */ (null)), origin = useOrigin();
  useEffect(() => {
    const timer = done ? setTimeout(() => setDone(false), COPIED_MS) : 0;
    return () => clearTimeout(timer);
  }, [done]);
  const text = origin ? addressed(code, origin) : code;
  return (
    <div className="snippet">
      <button type="button" onClick={() => copyText(text, /** @type {HTMLElement} */ (shown.current)).then(() => setDone(true))}>{verb}<span className="unseen"> {name}</span></button>
      <span className="snippet-copied" role="status">{done ? copied : ""}</span>
      <pre tabIndex={0} role="region" aria-label={name}><code ref={shown}>{text}</code></pre>
    </div>
  );
}

/** This Photon's own address, in a sentence. */
export const OwnAddress = () => <code>{useOrigin()}</code>;
