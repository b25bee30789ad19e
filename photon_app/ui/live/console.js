/**
 * The console of the developers' page: the last frames of one connection, its rates, and what closed it.
 *
 * `FrameLog` keeps `MOST` frames, each cut at `LONGEST` characters, whatever comes; the counts are of all.
 * No page here; tested under node.
 */

import { fixed } from "./format.js";

/**
 * From the server (`in`), to it (`out`), or what happened to the connection (`note`); `kind` is the type of the
 * message, `bytes` those of the whole text, `left` how many characters `text` lacks.
 * @typedef {{id: number, way: "in" | "out" | "note", at: number, kind: string, bytes: number, text: string, left: number}} Frame
 */

export const MOST = 200;
export const LONGEST = 1_000;
const SPAN_MS = 5_000; // of a rate
const SAMPLES = 20;

const encoder = new TextEncoder();

/** What a message is, without reading all of it: its type stands first. @param {string} text */
export const kindOf = (text) => /^\s*\{\s*"(?:type|action)"\s*:\s*"([a-z_]{1,32})"/.exec(text)?.[1] ?? (text.startsWith("[") ? "array" : "text");

export class FrameLog {
  /** @type {Frame[]} the oldest first */ frames = [];
  count = 0; // frames from the server
  bytes = 0; // in them
  #nextId = 1;
  /** @type {{at: number, count: number, bytes: number}[]} */ #samples = [];

  /** @param {Frame["way"]} way @param {string} text @param {number} at @param {string} [kind] */
  add(way, text, at, kind = kindOf(text)) {
    const bytes = way === "note" ? 0 : encoder.encode(text).length;
    if (way === "in") { this.count += 1; this.bytes += bytes; }
    this.frames.push({ id: this.#nextId++, way, at, kind, bytes, text: text.slice(0, LONGEST), left: Math.max(0, text.length - LONGEST) });
    if (this.frames.length > MOST) this.frames.shift();
  }

  /** Forget the frames and the counts. */
  clear() {
    this.frames = [];
    this.count = this.bytes = 0;
    this.#samples = [];
  }

  /** Frames and bytes of a second, over the last five; call it a few times a second. @param {number} now */
  rate(now) {
    this.#samples.push({ at: now, count: this.count, bytes: this.bytes });
    while (this.#samples.length > SAMPLES || now - this.#samples[0].at > SPAN_MS) this.#samples.shift();
    const { at, count, bytes } = this.#samples[0];
    const seconds = (now - at) / 1000;
    return seconds > 0 ? { frames: (this.count - count) / seconds, bytes: (this.bytes - bytes) / seconds } : { frames: 0, bytes: 0 };
  }
}

/** The names in a text, as they were written: commas are between them. @param {string} text */
export const namesOf = (text) => text.split(",").map((name) => name.trim()).filter(Boolean);

/** The address of a connection. @param {URL} server @param {string} format @param {string} symbols */
export function socketUrl(server, format, symbols) {
  const url = new URL("/ws", server);
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.searchParams.set("format", format);
  const names = namesOf(symbols);
  if (format === "array" && names.length) url.searchParams.set("symbols", names.join(","));
  return url.href;
}

/** The request for some symbols. @param {string} symbols @param {number} interval ms @param {number} id */
export const subscribing = (symbols, interval, id) =>
  JSON.stringify({ action: "subscribe", symbols: namesOf(symbols), ...(interval ? { interval_ms: interval } : {}), id });

/**
 * What a close code means, in a sentence.
 * @param {number} code @param {string} reason  the server's
 * @param {Record<string, [string, string]>} codes  meaning and what to do then, by code
 * @param {string} unknown  for any other code
 */
export function closing(code, reason, codes, unknown) {
  const [meaning, then] = codes[code] ?? [unknown, ""];
  return [`${code}: ${meaning}.`, then, reason && reason !== meaning ? `(${reason})` : ""].filter(Boolean).join(" ");
}

/** A size in bytes, with three digits at most before the unit. @param {number} bytes */
export function sizeOf(bytes) {
  if (bytes < 1_000) return `${Math.round(bytes)}\u00a0B`;
  const [size, unit] = bytes < 999_500 ? [bytes / 1e3, "KB"] : [bytes / 1e6, "MB"];
  return `${fixed(size, size < 99.95 ? 1 : 0)}\u00a0${unit}`;
}

const HTTP = "http://127.0.0.1:8000", WS = "ws://127.0.0.1:8000";
/** An example with this Photon's own address in the place of the default one. @param {string} code @param {string} origin */
export const addressed = (code, origin) =>
  code.replaceAll(HTTP, () => origin).replaceAll(WS, () => origin.replace(/^http/, "ws"));
