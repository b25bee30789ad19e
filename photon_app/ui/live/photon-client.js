/**
 * Photon's browser client: live quotes over one WebSocket, with honest status.
 *
 * A plain ES module without dependencies. Photon serves it at /photon-client.js, its own
 * dashboard runs on it, and any page may import it:
 *
 *   <output id="price"></output>
 *   <script type="module">
 *     import { Photon } from "http://localhost:8000/photon-client.js";
 *     const photon = new Photon();
 *     const output = document.getElementById("price");
 *     photon.watch("AAPL", (quote) => { output.textContent = quote.price.toFixed(quote.decimals); });
 *     photon.onStatus(() => { output.classList.toggle("old", photon.stateOf("AAPL") !== "live"); });
 *     photon.onRejected(({ symbol, message }) => console.warn(symbol, message));
 *     const { bars } = await photon.history("AAPL", { timeframe: "1m", limit: 100 });
 *     photon.bars("AAPL", "1m", ({ bar, final }) => console.log(bar.close, final));
 *   </script>
 *
 * It owns the socket, the reconnecting and the folding of updates into day figures. It never
 * touches the page, never throws on what the server sends, and keeps one quote a symbol. After a lost
 * connection it asks for what it missed, so that every trade is called back, in order. It connects
 * when something first needs it (`watch`, `bars`, `onStatus`), so that a module may make one on a
 * server. What it cannot do it says by its status; what a callback throws goes to the console and
 * costs no other callback. While
 * the connection is lost the quotes stay, and `stateOf` and `onStatus` say that they are not new. When the
 * page takes longer for the prices than the server does, they queue up unseen: `status.behindMs` says so. The
 * wire is described in docs/protocol.md; unknown message types and fields are ignored.
 *
 * @typedef {object} Quote  The newest price of a symbol and its day; unknown figures are null.
 * @property {string} symbol
 * @property {number} price
 * @property {number} volume     of the last trade; 0 for a polled price
 * @property {number} time       of the last trade, UNIX ms of the market clock
 * @property {number} seq        position in this epoch's updates of the symbol
 * @property {?number} prevClose
 * @property {?number} close     at the end of the day's regular session, once that is over
 * @property {?number} change    price less prevClose, exact as the two are written
 * @property {?number} changePercent
 * @property {?number} open
 * @property {?number} high
 * @property {?number} low
 * @property {?number} dayVolume
 * @property {?number} day       when the day of these figures began, UNIX ms: as the `time` of its bar
 * @property {number} decimals   how many the symbol's prices are shown with
 * @property {string} state      live, polled, waiting, rejected or stale, as the server last said
 * @property {?string} session   pre, regular, post or closed, at the last snapshot
 * @property {boolean} polled    whether the price came from polling, not from a trade
 * @property {number} direction  1, 0 or -1: against the price shown before
 * @property {number} tick       1 or -1: the way of the last move, kept by an equal price; 0 before there was one
 * @property {boolean} snapshot  whether this came as whole figures, not as one trade
 * @property {number} receivedAt on the clock of this machine, ms
 *
 * @typedef {object} Bar  What the trades of a span came to.
 * @property {number} time       where the span begins, UNIX ms
 * @property {number} open
 * @property {number} high
 * @property {number} low
 * @property {number} close
 * @property {number} volume
 * @property {number} count      how many trades
 * @property {?number} vwap      null without volume
 * @property {boolean} [incomplete]  true where the feed was down for a part of it
 *
 * @typedef {object} Watcher
 * @property {(quote: Quote) => void} callback
 * @property {number} intervalMs
 */

const CHUNK = 100; // symbols a message: 100 of the longest are about 4 KB, the server takes 16
const SILENCE_MS = 40_000; // heartbeats come every 15 s: two missed ones, and a little
const STEADY_MS = 5_000; // a connection that lasted this long resets the backoff
const LINGER_MS = 1_000; // a symbol watched again within this never leaves the subscription
const AGAIN_MS = 310_000; // a server remembers for 5 minutes that a symbol is not known
const PACE_MS = 250; // subscriptions of bars, and intervals, change at most this often: they follow a visitor's clicks and keys
const INTERVAL_MS = { least: 50, most: 10_000 }; // what the server takes, beside 0
const HIDE_MS = 5_000; // a tab that is hidden for less keeps its intervals
const LOOK_MS = { calm: 5_000, late: 1_000 }; // between the pings that tell how far this page is behind
const BEHIND_MS = { from: 1_000, until: 500 }; // how late their answers are when it is, and when it is no longer
const MOST_PINGS = 64; // without an answer
const MOST_DECIMALS = 20; // of a price
const BACKOFF_MS = { first: 250, most: 5_000 };
const FINAL_CODES = new Set([1008]); // close codes after which it does not come back: docs/protocol.md, Errors and codes

/** @param {number} price @returns {number} how many decimals its shortest form has */
const decimals = (price) => {
  const [digits, exponent = "0"] = String(price).split("e");
  return Math.min(MOST_DECIMALS, Math.max(0, (digits.split(".")[1] ?? "").length - Number(exponent)));
};

/** The place of a number's first digit: 2 for 149.3, -1 for 0.65. */
const magnitude = (value) => Number(value.toExponential(12).split("e")[1]);

/**
 * The decimals that one price shows of a symbol of which nothing else is known: those that it is written
 * with, cents at least, and four significant digits. The server assumes that a client does so.
 * @param {number} price
 * @returns {number}
 */
export function digitsOf(price) {
  if (!(price > 0 && price < Infinity)) return 2;
  const place = magnitude(price);
  const written = Math.min(decimals(Number(price.toPrecision(12))), Math.max(9 - place, 0));
  return Math.min(MOST_DECIMALS, Math.max(3 - place, price >= 1 ? 2 : 4, written));
}

/** A sum of volumes without the noise of adding: 0.1 + 0.2 is 0.3. */
const total = (volume) =>
  Number.isInteger(volume) || !Number.isFinite(volume) ? volume : Number(volume.toFixed(Math.min(8, Math.max(0, 12 - magnitude(volume)))));

/** One price less another, exact as the two are written: 0.3 and 0.1 are 0.2 apart. */
export const difference = (price, other) => Number((price - other).toFixed(Math.max(decimals(price), decimals(other))));

/** The change that a price makes against the previous close. */
function changed(price, prevClose) {
  if (prevClose == null) return { change: null, changePercent: null };
  const change = difference(price, prevClose);
  return { change, changePercent: prevClose ? (change / prevClose) * 100 : null };
}

/**
 * One `price_update` folded into the quote kept for its symbol.
 * @param {?Quote} held
 * @param {object} message
 * @param {number} receivedAt
 * @returns {?Quote} the newer quote, or null when the message is older than the one kept
 */
export function fold(held, message, receivedAt) {
  const { symbol, seq, data } = message;
  if (typeof symbol !== "string" || !Number.isFinite(seq) || !Number.isFinite(data?.price)) return null;
  if (held && (message.snapshot ? seq < held.seq : seq <= held.seq)) return null;
  const { price, volume = 0, timestamp } = data;
  const polled = Boolean(message.polled);
  const common = {
    symbol, seq, price, volume, time: timestamp, polled, receivedAt, snapshot: Boolean(message.snapshot),
    direction: held ? Math.sign(price - held.price) : 0,
    tick: (held && Math.sign(price - held.price)) || (held?.tick ?? 0),
    decimals: Number.isInteger(data.decimals) ? Math.min(MOST_DECIMALS, Math.max(0, data.decimals)) : held?.decimals ?? digitsOf(price),
  };
  if (message.snapshot) {
    return Object.freeze({
      ...common,
      prevClose: data.prev_close ?? null, close: data.close ?? null, change: data.change ?? null,
      changePercent: data.change_percent ?? null, open: data.open ?? null, high: data.high ?? null,
      low: data.low ?? null, dayVolume: data.day_volume ?? null, day: data.day ?? null,
      state: data.state ?? (polled ? "polled" : "live"), session: data.session ?? null,
    });
  }
  return Object.freeze({
    ...common,
    prevClose: held?.prevClose ?? null, close: held?.close ?? null, ...changed(price, held?.prevClose),
    open: held?.open ?? price, high: Math.max(held?.high ?? price, price),
    low: Math.min(held?.low ?? price, price), dayVolume: total((held?.dayVolume ?? 0) + volume), day: held?.day ?? null,
    state: polled ? "polled" : "live", session: held?.session ?? null,
  });
}

const barsKey = (symbol, timeframe) => `${symbol} ${timeframe}`;
const partsOf = (key) => [key.slice(0, key.lastIndexOf(" ")), key.slice(key.lastIndexOf(" ") + 1)]; // a symbol may hold spaces

/** /ws on the host that served this module, or, where it was bundled, the page. */
function defaultUrl() {
  const served = /^https?:.*\/photon-client\.js(\?|$)/.test(import.meta.url);
  const base = served ? import.meta.url : globalThis.location?.href;
  if (!base) throw new Error("Give the url of Photon: there is no page here whose server it could be");
  return new URL("/ws", base).href;
}

/** Why a socket could not even be made, in a sentence. */
function hindrance(error, environment, url) {
  if (typeof environment.WebSocket !== "function") return "There is no WebSocket here";
  if (error?.name === "SecurityError") return `The browser does not open ${url} from this page: a page of https needs a Photon behind https`;
  return error?.message || String(error);
}

/** Whether a host is this machine itself, where bytes cost nothing and compressing them would cost time. */
const isLoopback = (host) => host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host) || host.endsWith(".localhost");

/** @param {string} name @param {unknown} ms @returns {number} an interval that the server takes */
function interval(name, ms) {
  if (typeof ms === "number" && Number.isInteger(ms) && (ms === 0 || (ms >= INTERVAL_MS.least && ms <= INTERVAL_MS.most))) return ms;
  throw new RangeError(`${name}: expected 0, or an integer from ${INTERVAL_MS.least} to ${INTERVAL_MS.most}, got ${String(ms)}`);
}

/** What a snapshot has anew although it says nothing new. */
const PASSING = new Set(["receivedAt", "direction", "snapshot", "changePercent"]);

/** Whether a quote has no news beside another. @param {any} one @param {any} other */
const same = (one, other) => Object.keys(one).every((key) => one[key] === other[key] || PASSING.has(key));

/**
 * How far a page is behind, from the time that answers take: they queue up behind the prices. Three late ones in a
 * row make it so, and two in time end it, so that no single long task does either, nor a machine that wakes.
 */
class Lag {
  #lates = [0, 0]; #best = BEHIND_MS.until; // a connection may be slow by itself: up to this
  /** @type {?number} */
  ms = null;

  /** Whether to look again soon. */
  get doubtful() { return this.ms !== null || this.#lates[1] >= BEHIND_MS.until; }

  /** @param {number} took */
  take(took) {
    this.#best = Math.min(this.#best, took);
    const late = took - this.#best, [before, last] = this.#lates;
    const low = Math.min(late, last, before), high = Math.max(late, last);
    this.#lates = [last, late];
    if (low >= BEHIND_MS.from) this.ms = Math.round(low / 100) * 100;
    else this.ms = this.ms === null || high < BEHIND_MS.until ? null : BEHIND_MS.from;
  }
}

/** What a callback throws is its own affair. */
function call(callback, argument) {
  try { callback(argument); } catch (error) { console.error(error); }
}

/** Each of a set, those left out that were taken from it meanwhile. */
function callEach(callbacks, argument) {
  for (const entry of [...callbacks]) if (callbacks.has(entry)) call(entry.callback, argument);
}

/** One connection to Photon, shared by every watcher of a page. */
export class Photon {
  #options; #socket = null; #needed = false; #closed = false;
  #watchers = new Map(); #quotes = new Map(); #states = new Map(); #rejected = new Map();
  #holes = new Set(); // symbols of which updates were missed for good: the next price begins their figures anew
  #bars = new Map(); #barsAsked = new Map(); #barsTimer = null;
  #asked = new Map(); // symbol → the interval that it was asked for with
  #pings = new Map(); #nextId = 1;
  #statusListeners = new Set(); #rejectedListeners = new Set();
  #status = {
    connection: "idle", reason: "", retryAt: null, epoch: null, feed: null, source: null,
    detail: "", since: null, feedRetryAt: null, delayMs: null, market: null, marketUntil: null, marketNext: null, rate: 1,
    behindMs: null,
  };
  /** @type {any} */ #view = null;
  #taking = false; // a message, after which the listeners of the status are called
  #clock = null;
  #lag = new Lag(); #hidden = false;
  #attempt = 0; #openedAt = 0; #heardAt = 0; #notBefore = 0;
  #syncQueued = false; #retryTimer = null; #silenceTimer = null; #lingerTimer = null; #againTimer = null;
  /** @type {any} */ #paceTimer = null;
  /** @type {any} */ #hideTimer = null;
  /** @type {any} */ #lookTimer = null;
  #wake = () => { if (!this.#unseen) this.#retryNow(); };

  /**
   * @param {object} [options]
   * @param {string} [options.url]  of /ws, with http(s) or ws(s); `?format=batch` is added, and `&compress=1` unless it has a `compress` or is on this machine
   * @param {?number} [options.hiddenMs]  the shortest interval while the tab is hidden; null: hidden or not is the same
   * @throws {RangeError} for an interval that the server does not take
   * Further options replace the environment in tests: WebSocket, fetch, setTimeout, clearTimeout, random, now, target.
   */
  constructor(options = {}) {
    this.#options = {
      WebSocket: globalThis.WebSocket, random: Math.random, now: Date.now, target: globalThis,
      fetch: (...request) => globalThis.fetch(...request),
      setTimeout: globalThis.setTimeout.bind(globalThis), clearTimeout: globalThis.clearTimeout.bind(globalThis),
      ...options,
      hiddenMs: interval("hiddenMs", options.hiddenMs ?? 0),
    };
  }

  /**
   * Call back with every newer quote of a symbol, and at once with the one already here.
   * @param {string} symbol
   * @param {(quote: Quote) => void} callback
   * @param {{intervalMs?: number}} [options]  0: every trade; 50 to 10000: the newest price about that often is
   *   enough. The shortest interval of a symbol's watchers holds for all of them
   * @returns {() => void} stops this watcher; the last one of a symbol ends its subscription
   * @throws {RangeError} for an interval that the server does not take
   */
  watch(symbol, callback, { intervalMs = 0 } = {}) {
    const name = symbol.toUpperCase();
    const watcher = { callback, intervalMs: interval("intervalMs", intervalMs) };
    if (!this.#watchers.has(name)) this.#watchers.set(name, new Set());
    this.#watchers.get(name).add(watcher);
    this.#need();
    this.#queueSync();
    if (this.#quotes.has(name)) call(callback, this.#quotes.get(name));
    return () => {
      const watchers = this.#watchers.get(name);
      if (!watchers?.delete(watcher)) return;
      if (watchers.size) { this.#queueSync(); return; }
      this.#watchers.delete(name);
      if (this.#lingerTimer === null) this.#lingerTimer = this.#options.setTimeout(() => this.#drop(), LINGER_MS);
    };
  }

  /**
   * Call back with the running bar of a symbol as it moves, with each one that closes, and with
   * corrections of closed ones; at once with the newest message already here. Ask `history` for the
   * bars before, again whenever `status.epoch` is another or the connection was lost.
   * @param {string} symbol
   * @param {string} timeframe  1s, 1m, 5m, 15m, 1h or 1d
   * @param {(message: {symbol: string, timeframe: string, bar: Bar, final: boolean, corrected?: boolean}) => void} listener
   * @returns {() => void} stops this listener; the last one of a symbol and timeframe ends their subscription
   */
  bars(symbol, timeframe, listener) {
    const key = barsKey(symbol.toUpperCase(), timeframe);
    if (!this.#bars.has(key)) this.#bars.set(key, { listeners: new Set(), running: null });
    const { listeners, running } = this.#bars.get(key);
    const entry = { callback: listener };
    listeners.add(entry);
    this.#need();
    this.#queueBars();
    if (running) call(listener, running);
    return () => {
      if (!listeners.delete(entry) || listeners.size) return;
      this.#bars.delete(key);
      this.#queueBars();
    };
  }

  /**
   * Bars of the past, the running one included, oldest first.
   * @param {string} symbol
   * @param {{timeframe?: string, from?: number, to?: number, limit?: number, sessions?: boolean, signal?: AbortSignal}} [options]
   *   `from` and `to` (exclusive) are UNIX ms; with neither, or `to` alone, the newest `limit` bars; with `from` the oldest
   * @returns {Promise<{symbol: string, timeframe: string, source: string, since: ?number, bars: Bar[], sessions?: object[]}>}
   * @throws {Error} with the server's sentence when it refuses; what `fetch` throws when it cannot be asked
   */
  async history(symbol, { timeframe = "1m", from, to, limit, sessions, signal } = {}) {
    const url = new URL("/api/bars", this.#address());
    url.protocol = url.protocol.replace(/^ws/, "http");
    const query = { symbol: symbol.toUpperCase(), timeframe, from, to, limit, sessions: sessions ? 1 : undefined };
    for (const [name, value] of Object.entries(query)) if (value != null) url.searchParams.set(name, value);
    const answer = await this.#options.fetch(url.href, { signal, headers: { Accept: "application/json" } });
    if (answer.ok) return answer.json();
    const { detail } = await answer.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : `the server answered ${answer.status}`);
  }

  /** @returns {Quote | undefined} the newest quote of this epoch */
  quote(symbol) { return this.#quotes.get(symbol.toUpperCase()); }

  /** @returns {string} live, polled, waiting, rejected or stale: stale too while this connection is lost */
  stateOf(symbol) {
    const name = symbol.toUpperCase();
    if (this.#rejected.has(name)) return "rejected";
    const said = this.#quotes.get(name)?.state ?? this.#states.get(name) ?? "waiting";
    return this.#status.connection === "open" || !this.#quotes.has(name) ? said : "stale";
  }

  /** @returns {?{symbol: string, code: string, message: string}} why the server refused a symbol */
  rejection(symbol) { return this.#rejected.get(symbol.toUpperCase()) ?? null; }

  /**
   * The state of the connection (`idle` until something needs it), feed and market now; `onStatus` delivers the same
   * on each change. One frozen object for all, until something changes; its `states` are made when they are first read.
   * @returns {Readonly<Record<string, any>>}
   */
  get status() {
    if (this.#view !== null) return this.#view;
    const known = this.#states, view = { ...this.#status };
    /** @type {any} */ let states = null;
    Object.defineProperty(view, "states", { enumerable: true, get: () => (states ??= Object.freeze(Object.fromEntries(known))) });
    return (this.#view = Object.freeze(view));
  }

  /** @param {(status: object) => void} callback called at once and on each change @returns {() => void} */
  onStatus(callback) {
    this.#need();
    const entry = { callback, told: this.status };
    this.#statusListeners.add(entry);
    call(callback, entry.told);
    return () => this.#statusListeners.delete(entry);
  }

  /** @param {(rejection: {symbol: ?string, code: string, message: string}) => void} callback @returns {() => void} */
  onRejected(callback) {
    const entry = { callback };
    this.#rejectedListeners.add(entry);
    return () => this.#rejectedListeners.delete(entry);
  }

  /** @returns {?number} the market's time, UNIX ms; null before the server has sent it */
  marketNow() { return this.#clock && this.#clock.now + this.#clock.rate * (this.#options.now() - this.#clock.at); }

  /** @returns {Promise<?number>} ms to the server and back; null while the connection is lost */
  ping() {
    if (this.#status.connection !== "open") return Promise.resolve(null);
    return new Promise((resolve) => this.#ask(resolve));
  }

  /** End the connection for good. */
  close() { this.#finish("closed by this page"); }

  /** The server is needed: the first call opens the connection. */
  #need() {
    if (this.#needed || this.#closed) return;
    this.#needed = true;
    this.#options.target.addEventListener?.("online", this.#wake);
    this.#options.target.document?.addEventListener?.("visibilitychange", this.#turned);
    this.#turned();
    this.#connect();
  }

  get #unseen() { return this.#options.target.document?.visibilityState === "hidden"; }

  /** The tab was hidden or shown: prices come less often once it is hidden for a while, and at once when it is seen. */
  #turned = () => {
    if (this.#unseen) {
      this.#pauseLooking();
      if (this.#options.hiddenMs && !this.#hidden) this.#hideTimer ??= this.#options.setTimeout(() => this.#hide(true), HIDE_MS);
      return;
    }
    this.#options.clearTimeout(this.#hideTimer);
    this.#hide(false);
    this.#retryNow();
    this.#look();
  };

  /** @param {boolean} hidden */
  #hide(hidden) {
    this.#hideTimer = null;
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    this.#sync(true);
  }

  /** Begin to measure how far this page is behind, while it is seen and connected. */
  #look() {
    this.#pauseLooking();
    if (this.#status.connection === "open" && !this.#unseen) this.#lookIn(LOOK_MS.calm);
  }

  /** @param {number} ms */
  #lookIn(ms) {
    this.#options.clearTimeout(this.#lookTimer);
    this.#lookTimer = this.#options.setTimeout(() => this.#measure(this.#lag), ms);
  }

  /** @param {Lag} lag */
  #measure(lag) {
    const doubtful = lag.doubtful;
    this.#lookIn(doubtful ? LOOK_MS.late : LOOK_MS.calm);
    if (this.#pings.size < MOST_PINGS) this.#ask((took) => {
      if (took === null || lag !== this.#lag) return;
      lag.take(took);
      if (lag.doubtful && !doubtful) this.#lookIn(LOOK_MS.late);
      if (lag.ms !== this.#status.behindMs) this.#set({ behindMs: lag.ms });
    });
  }

  #pauseLooking() {
    this.#options.clearTimeout(this.#lookTimer);
    this.#lag = new Lag();
    if (this.#status.behindMs !== null) this.#set({ behindMs: null });
  }

  /** @param {(took: ?number) => void} resolve */
  #ask(resolve) {
    const id = this.#nextId++;
    this.#pings.set(id, { resolve, at: this.#options.now() });
    this.#send({ action: "ping", id });
  }

  #address() {
    const url = new URL(this.#options.url ?? defaultUrl());
    url.protocol = url.protocol.replace(/^http/, "ws");
    url.searchParams.set("format", "batch");
    if (!url.searchParams.has("compress") && !isLoopback(url.hostname)) url.searchParams.set("compress", "1");
    return url.href;
  }

  #connect() {
    this.#retryTimer = null;
    this.#set({ connection: this.#attempt ? "reconnecting" : "connecting", retryAt: null });
    if (this.#closed) return; // by a callback of this change
    let url, socket;
    try {
      url = this.#address();
      socket = new this.#options.WebSocket(url);
    } catch (error) {
      this.#finish(hindrance(error, this.#options, url));
      return;
    }
    this.#socket = socket;
    this.#heardAt = this.#options.now();
    this.#openedAt = Infinity;
    const mine = (act) => (event) => { if (this.#socket === socket) act(event); };
    socket.onopen = mine(() => { this.#openedAt = this.#heardAt = this.#options.now(); });
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => this.#lost(event.code, event.reason));
    this.#watchSilence();
  }

  #watchSilence() {
    const wait = this.#heardAt + SILENCE_MS - this.#options.now();
    this.#options.clearTimeout(this.#silenceTimer);
    if (wait > 0) { this.#silenceTimer = this.#options.setTimeout(() => this.#watchSilence(), wait); return; }
    const socket = this.#socket;
    this.#lost(1006, "no message for 40 s");
    socket?.close();
  }

  #lost(code, reason) {
    this.#socket = null;
    this.#options.clearTimeout(this.#silenceTimer);
    for (const { resolve } of this.#pings.values()) resolve(null);
    this.#pings.clear();
    this.#asked.clear();
    this.#barsAsked.clear();
    this.#options.clearTimeout(this.#lookTimer);
    if (this.#closed) return;
    if (FINAL_CODES.has(code)) { this.#finish(reason || "the server refused this client"); return; }
    const now = this.#options.now();
    if (now - this.#openedAt > STEADY_MS) this.#attempt = 0;
    const ceiling = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(this.#attempt++, 8));
    const wait = Math.max(ceiling * (0.5 + this.#options.random() / 2), this.#notBefore - now);
    this.#retryTimer = this.#options.setTimeout(() => this.#connect(), wait);
    this.#set({ connection: "reconnecting", behindMs: null, retryAt: now + wait, reason: reason || (this.#openedAt === Infinity ? this.#unopened() : "") });
  }

  /** A browser gives a page no reason: these are the two likely reasons. */
  #unopened() {
    const origin = this.#options.target.location?.origin;
    const page = origin && origin !== "null" ? `pages of ${origin}` : "this page";
    return `No connection to ${new URL(this.#address()).host}: it is not reached, or its FRONTEND_URL does not allow ${page} (its log says so)`;
  }

  #retryNow() {
    if (this.#retryTimer === null || this.#closed || this.#options.now() < this.#notBefore) return;
    this.#options.clearTimeout(this.#retryTimer);
    this.#connect();
  }

  #finish(reason) {
    this.#closed = true;
    const timers = [this.#retryTimer, this.#silenceTimer, this.#lingerTimer, this.#againTimer, this.#barsTimer, this.#paceTimer, this.#hideTimer, this.#lookTimer];
    for (const timer of timers) this.#options.clearTimeout(timer);
    this.#options.target.removeEventListener?.("online", this.#wake);
    this.#options.target.document?.removeEventListener?.("visibilitychange", this.#turned);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#set({ connection: "closed", behindMs: null, retryAt: null, reason });
  }

  #receive(text) {
    this.#heardAt = this.#options.now();
    let message;
    try { message = JSON.parse(text); } catch { return; }
    if (message === null || typeof message !== "object") return;
    this.#taking = true;
    try { this.#take(message); } catch (error) { console.error(error); } // a field of another type than it should be
    this.#taking = false;
    this.#tell();
  }

  #take(message) {
    switch (message.type) {
      case "batch": return this.#batch(message.updates);
      case "price_update": return this.#price(message);
      case "bar": return this.#bar(message);
      case "status": return this.#serverStatus(message);
      case "connection": return this.#welcome(message);
      case "subscription": return this.#answer(message);
      case "heartbeat": return this.#status.behindMs === null && this.#setClock(message.now, this.#status.rate); // else it is an old time
      case "pong": return this.#pong(message.id);
      case "error": return this.#error(message);
      case "shutdown": return this.#hold(message.retry_after_ms);
    }
  }

  /** The prices of one flush; what is wrong with one costs no other. */
  #batch(updates) {
    for (const update of Array.isArray(updates) ? updates : []) {
      if (update?.type !== "price_update") continue;
      try { this.#price(update); } catch (error) { console.error(error); }
    }
  }

  #price(message) {
    if (!this.#asked.has(message.symbol)) return;
    const held = this.#holes.delete(message.symbol) ? undefined : this.#quotes.get(message.symbol);
    const quote = fold(held, message, this.#heardAt);
    if (!quote) return;
    // The answer to another interval often repeats what is held; after a lost connection a repetition is news
    if (held && message.snapshot && held.receivedAt >= this.#openedAt && same(quote, held)) return;
    if (this.#states.get(quote.symbol) !== quote.state) this.#view = null; // listeners hear it at the end of the message
    this.#quotes.set(quote.symbol, quote);
    this.#states.set(quote.symbol, quote.state);
    if (this.#rejected.delete(quote.symbol)) this.#queueSync(); // it has a price after all
    if (this.#status.rate === 0 && !(this.marketNow() >= quote.time)) this.#setClock(quote.time, 0);
    callEach(this.#watchers.get(quote.symbol) ?? new Set(), quote);
  }

  #bar(message) {
    const held = this.#bars.get(barsKey(message.symbol, message.timeframe));
    if (!held || !Number.isFinite(message.bar?.time)) return;
    if (!message.corrected) held.running = message;
    callEach(held.listeners, message);
  }

  #welcome(message) {
    this.#states.clear();
    this.#rejected.clear();
    this.#setEpoch(message.epoch);
    this.#set({ connection: "open", retryAt: null, reason: "", feed: message.feed ?? this.#status.feed });
    this.#sync();
    this.#syncBars();
    this.#look();
  }

  #serverStatus(message) {
    this.#setEpoch(message.epoch);
    this.#setClock(message.now, message.rate ?? 1);
    for (const [symbol, state] of Object.entries(message.symbols ?? {})) {
      this.#states.set(symbol, state);
      const quote = this.#quotes.get(symbol);
      if (quote && quote.state !== state) this.#quotes.set(symbol, Object.freeze({ ...quote, state }));
    }
    this.#set({
      feed: message.feed, source: message.source ?? null, detail: message.detail ?? "", since: message.since ?? null,
      feedRetryAt: message.retry_at ?? null, delayMs: message.delay_ms ?? null, market: message.market ?? null, rate: message.rate ?? 1,
      marketUntil: message.market_until ?? null, marketNext: message.market_next ?? null,
    });
    for (const [symbol, state] of Object.entries(message.symbols ?? {})) if (state === "rejected") this.#unknown(symbol);
  }

  #setEpoch(epoch) {
    if (epoch == null || epoch === this.#status.epoch) return;
    this.#quotes.clear();
    this.#holes.clear();
    for (const held of this.#bars.values()) held.running = null;
    this.#status.epoch = epoch;
  }

  #setClock(now, rate) {
    if (Number.isFinite(now)) this.#clock = { now, rate, at: this.#options.now() };
  }

  #answer(message) {
    if (message.channel === "bars") return this.#barsAnswer(message);
    for (const rejection of message.rejected ?? []) this.#reject(rejection);
    for (const [symbol, whole] of Object.entries(message.recovered ?? {})) if (!whole) this.#holes.add(symbol);
    if (message.status === "unsubscribed") this.#retryTooMany();
  }

  /** A symbol whose bars are refused may still have a price: only the listeners of refusals hear of it. */
  #barsAnswer({ timeframe, rejected = [] }) {
    for (const rejection of rejected) callEach(this.#rejectedListeners, { ...rejection, channel: "bars", timeframe });
  }

  /** Room was made: ask again for what was refused for want of it. */
  #retryTooMany() {
    for (const [symbol, { code }] of this.#rejected) {
      if (code === "too_many_symbols" && this.#rejected.delete(symbol)) this.#asked.delete(symbol);
    }
    this.#sync();
  }

  #reject({ symbol, code, message }) {
    if (this.#rejected.get(symbol)?.code === code) return;
    this.#rejected.set(symbol, { symbol, code, message });
    callEach(this.#rejectedListeners, { symbol, code, message });
    this.#set({});
  }

  /** The feed does not know a symbol, which has left the subscriptions; it may soon, as before a first day of trading. */
  #unknown(symbol) {
    this.#reject({ symbol, code: "unknown_symbol", message: `${symbol} is not known to the feed` });
    this.#againTimer ??= this.#options.setTimeout(() => this.#askAgain(), AGAIN_MS);
  }

  /** Subscribe again to what was not known; it stays rejected until it has a price. */
  #askAgain() {
    this.#againTimer = null;
    const unknown = (symbol) => this.#rejected.get(symbol)?.code === "unknown_symbol";
    for (const symbol of this.#asked.keys()) if (unknown(symbol)) this.#asked.delete(symbol);
    for (const [key, { symbol }] of this.#barsAsked) if (unknown(symbol)) this.#barsAsked.delete(key);
    this.#sync();
    this.#syncBars();
  }

  #pong(id) {
    const ping = this.#pings.get(id);
    this.#pings.delete(id);
    ping?.resolve(this.#options.now() - ping.at);
  }

  #error({ code, message, retry_after_ms }) {
    if (retry_after_ms) this.#hold(retry_after_ms);
    callEach(this.#rejectedListeners, { symbol: null, code, message });
  }

  #hold(ms) {
    if (Number.isFinite(ms)) this.#notBefore = this.#options.now() + ms * (1 + this.#options.random());
  }

  #drop() {
    this.#lingerTimer = null;
    for (const known of [this.#quotes, this.#states, this.#rejected]) {
      for (const symbol of known.keys()) if (!this.#watchers.has(symbol)) known.delete(symbol);
    }
    this.#view = null;
    this.#sync();
  }

  #queueSync() {
    if (this.#syncQueued) return;
    this.#syncQueued = true;
    queueMicrotask(() => { this.#syncQueued = false; this.#sync(); });
  }

  /**
   * Make the server's subscriptions those of the watchers. New symbols are asked for at once, and so is a shorter interval
   * when none changed just before; the rest when it is due. The interval of a refused symbol stays.
   */
  #sync(due = false) {
    if (this.#status.connection !== "open") return;
    const groups = new Map(), fresh = new Set();
    let changes = false;
    for (const [symbol, watchers] of this.#watchers) {
      const wanted = this.#intervalOf(watchers), asked = this.#asked.get(symbol);
      if (asked === wanted || (asked !== undefined && this.#rejected.has(symbol))) continue;
      if (asked === undefined) fresh.add(symbol);
      else changes = true;
      if (asked !== undefined && !due && (wanted > asked || this.#paceTimer !== null)) continue;
      this.#asked.set(symbol, wanted);
      if (!groups.has(wanted)) groups.set(wanted, []);
      groups.get(wanted).push(symbol);
    }
    if (changes) this.#paceTimer ??= this.#options.setTimeout(() => { this.#paceTimer = null; this.#sync(true); }, PACE_MS);
    const dropped = this.#lingerTimer === null ? [...this.#asked.keys()].filter((symbol) => !this.#watchers.has(symbol)) : [];
    for (const symbol of dropped) this.#asked.delete(symbol);
    this.#request("unsubscribe", dropped);
    for (const [ms, symbols] of groups) this.#subscribe(symbols, ms, fresh);
  }

  /** @param {Set<Watcher>} watchers @returns {number} the shortest that one of them wants, as far as the tab is seen */
  #intervalOf(watchers) {
    let shortest = INTERVAL_MS.most;
    for (const { intervalMs } of watchers) shortest = Math.min(shortest, intervalMs);
    return this.#hidden ? Math.max(shortest, this.#options.hiddenMs) : shortest;
  }

  #request(action, symbols, more = {}) {
    for (let at = 0; at < symbols.length; at += CHUNK) this.#send({ action, ...more, symbols: symbols.slice(at, at + CHUNK) });
  }

  /**
   * Subscribe; for every trade of what is new on this connection, ask for the updates since the quotes that are held: a
   * server that does not know `since` sends snapshots.
   * @param {string[]} symbols @param {number} ms @param {Set<string>} fresh
   */
  #subscribe(symbols, ms, fresh) {
    for (let at = 0; at < symbols.length; at += CHUNK) {
      const chunk = symbols.slice(at, at + CHUNK);
      const held = ms === 0 ? chunk.filter((symbol) => fresh.has(symbol) && this.#quotes.has(symbol)) : [];
      const seq = Object.fromEntries(held.map((symbol) => [symbol, this.#quotes.get(symbol).seq]));
      this.#request("subscribe", chunk, { ...(ms && { interval_ms: ms }), ...(held.length && { since: { epoch: this.#status.epoch, seq } }) });
    }
  }

  /** At once, and what comes within the pace together at its end. */
  #queueBars() {
    if (this.#barsTimer !== null) return;
    this.#paceBars();
    queueMicrotask(() => this.#syncBars());
  }

  #paceBars() {
    this.#barsTimer = this.#options.setTimeout(() => {
      this.#barsTimer = null;
      if (this.#syncBars()) this.#paceBars();
    }, PACE_MS);
  }

  /** Make the server's subscriptions of bars those of the listeners; returns whether they were not. */
  #syncBars() {
    if (this.#status.connection !== "open") return false;
    const changes = new Map();
    const note = (action, { symbol, timeframe }) => {
      const id = `${action} ${timeframe}`;
      if (!changes.has(id)) changes.set(id, { action, timeframe, symbols: [] });
      changes.get(id).symbols.push(symbol);
    };
    for (const [key, asked] of this.#barsAsked) if (!this.#bars.has(key) && this.#barsAsked.delete(key)) note("unsubscribe", asked);
    for (const key of this.#bars.keys()) {
      if (this.#barsAsked.has(key)) continue;
      const [symbol, timeframe] = partsOf(key);
      this.#barsAsked.set(key, { symbol, timeframe });
      note("subscribe", { symbol, timeframe });
    }
    for (const { action, timeframe, symbols } of changes.values()) this.#request(action, symbols, { channel: "bars", timeframe });
    return changes.size > 0;
  }

  #send(message) { this.#socket?.send(JSON.stringify(message)); }

  /** @param {object} changes */
  #set(changes) {
    Object.assign(this.#status, changes);
    this.#view = null;
    this.#tell();
  }

  /** Call the listeners of the status that have not heard the newest; of a message once, when all of it is taken. */
  #tell() {
    if (this.#taking) return;
    for (const entry of [...this.#statusListeners]) {
      if (!this.#statusListeners.has(entry) || entry.told === this.status) continue;
      entry.told = this.status;
      call(entry.callback, entry.told);
    }
  }
}
