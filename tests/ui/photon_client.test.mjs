/** The laws of the browser client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { digitsOf, Photon, fold } from "../../photon_app/ui/live/photon-client.js";
import { environment, settled, snapshot, update } from "./fake_browser.mjs";

/** A client whose connection something needs. */
function connected(browser) {
  const photon = new Photon(browser.options);
  photon.onStatus(() => {});
  return photon;
}

const symbolsOf = (socket, action) => socket.sent.filter((message) => message.action === action).map((message) => message.symbols);

test("a snapshot gives every figure", () => {
  const quote = fold(null, snapshot("A", 7, 101), 1);
  assert.equal(quote.price, 101);
  assert.equal(quote.prevClose, 100);
  assert.equal(quote.dayVolume, 1_000);
  assert.equal(quote.state, "live");
  assert.equal(quote.direction, 0);
});

test("a trade moves high, low, volume and change, and keeps the rest", () => {
  const held = fold(null, snapshot("A", 7, 101), 1);
  const higher = fold(held, update("A", 8, 111.25), 2);
  assert.deepEqual(
    [higher.high, higher.low, higher.open, higher.dayVolume, higher.change, higher.changePercent, higher.direction],
    [111.25, 90, 99, 1_010, 11.25, 11.25, 1],
  );
  const lower = fold(higher, update("A", 9, 89), 3);
  assert.deepEqual([lower.high, lower.low, lower.change, lower.direction], [111.25, 89, -11, -1]);
});

test("a change is rounded to the finer tick of price and previous close", () => {
  const held = fold(null, snapshot("A", 1, 0.3, { prev_close: 0.1 }), 1);
  assert.equal(fold(held, update("A", 2, 0.3), 2).change, 0.2);
  const tiny = fold(null, snapshot("A", 1, 3e-8, { prev_close: 1e-8 }), 1);
  assert.equal(fold(tiny, update("A", 2, 3e-8), 2).change, 2e-8);
});

test("the day of the figures is what the snapshot said, and nothing that a trade could change", () => {
  const held = fold(null, snapshot("A", 7, 101, { day: 4_000 }), 1);
  assert.equal(held.day, 4_000);
  assert.equal(fold(held, update("A", 8, 102, { timestamp: 90_000_000_000 }), 2).day, 4_000);
  assert.equal(fold(held, snapshot("A", 8, 102, { day: 5_000 }), 2).day, 5_000);
  assert.equal(fold(null, update("A", 1, 50), 1).day, null);
});

test("the first trade of a symbol opens its day; what is unknown is null", () => {
  const quote = fold(null, update("A", 1, 50), 1);
  assert.deepEqual([quote.open, quote.high, quote.low, quote.dayVolume], [50, 50, 50, 10]);
  assert.deepEqual([quote.prevClose, quote.change, quote.changePercent, quote.session], [null, null, null, null]);
});

test("what is older than the held quote is ignored, a snapshot of the same seq replaces its figures", () => {
  const held = fold(null, snapshot("A", 7, 101), 1);
  assert.equal(fold(held, update("A", 6, 1), 2), null);
  assert.equal(fold(held, update("A", 7, 1), 2), null);
  assert.equal(fold(held, snapshot("A", 6, 1), 2), null);
  assert.equal(fold(held, snapshot("A", 7, 101, { high: 120 }), 2).high, 120);
});

test("a polled price says so", () => {
  const quote = fold(null, { ...update("A", 1, 50), polled: true }, 1);
  assert.deepEqual([quote.polled, quote.state], [true, "polled"]);
});

test("watches made together become one subscribe message", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("aapl", () => {});
  photon.watch("AAPL", () => {});
  photon.watch("MSFT", () => {});
  await settled();
  assert.deepEqual(symbolsOf(browser.socket, "subscribe"), [["AAPL", "MSFT"]]);
  assert.match(browser.socket.url, /^ws:\/\/photon\.test\/ws\?format=batch&compress=1$/);
});

test("many symbols go in messages of at most a hundred, far below 16 KiB", async () => {
  const browser = environment();
  const photon = connected(browser);
  for (let index = 0; index < 250; index += 1) photon.watch(`SYMBOL${index}`.padEnd(32, "X"), () => {});
  browser.socket.greet();
  await settled();
  const messages = symbolsOf(browser.socket, "subscribe");
  assert.deepEqual(messages.map((symbols) => symbols.length), [100, 100, 50]);
  assert.ok(JSON.stringify(messages[0]).length < 8_192);
});

test("the last stop of a symbol unsubscribes it after a moment, an earlier watch keeps it", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  const stops = [photon.watch("A", () => {}), photon.watch("A", () => {}), photon.watch("B", () => {})];
  await settled();
  stops[0]();
  stops[0]();
  browser.advance(2_000);
  assert.deepEqual(symbolsOf(browser.socket, "unsubscribe"), []);
  stops[1]();
  stops[2]();
  photon.watch("B", () => {});
  browser.advance(2_000);
  assert.deepEqual(symbolsOf(browser.socket, "unsubscribe"), [["A"]]);
  assert.equal(photon.quote("A"), undefined);
});

test("a watcher gets each newer quote, and the held one at once", async () => {
  const browser = environment();
  const photon = connected(browser);
  const prices = [];
  photon.watch("A", (quote) => prices.push(quote.price));
  browser.socket.greet();
  browser.socket.say(snapshot("A", 1, 101));
  browser.socket.say(update("A", 2, 102));
  browser.socket.say(update("A", 2, 999));
  assert.deepEqual(prices, [101, 102]);
  photon.watch("A", (quote) => prices.push(-quote.price));
  assert.deepEqual(prices, [101, 102, -102]);
});

test("a batch is folded update by update, in order", () => {
  const browser = environment();
  const photon = connected(browser);
  const prices = [];
  photon.watch("A", (quote) => prices.push(["A", quote.price]));
  photon.watch("B", (quote) => prices.push(["B", quote.price]));
  browser.socket.greet();
  browser.socket.say({ type: "batch", updates: [snapshot("A", 1, 101), snapshot("B", 5, 7)] });
  browser.socket.say({ type: "batch", updates: [update("A", 2, 102), update("B", 6, 8), update("A", 3, 103)] });
  browser.socket.say(update("B", 7, 9));
  assert.deepEqual(prices, [["A", 101], ["B", 7], ["A", 102], ["B", 8], ["A", 103], ["B", 9]]);
});

test("what is wrong in a batch costs no other update of it", () => {
  const browser = environment();
  const photon = connected(browser);
  const prices = [];
  photon.watch("A", (quote) => prices.push(quote.price));
  browser.socket.greet();
  for (const updates of [undefined, null, 7, "x", {}, []]) browser.socket.say({ type: "batch", updates });
  const strange = [null, 7, "x", {}, { type: "price_update" }, { type: "later", symbol: "A" }, { type: "batch", updates: [update("A", 9, 9)] }];
  browser.socket.say({ type: "batch", updates: [snapshot("A", 1, 101), ...strange, update("A", 2, 102)] });
  assert.deepEqual(prices, [101, 102]);
});

test("nothing of a batch reaches who stopped in the middle of it", () => {
  const browser = environment();
  const photon = connected(browser);
  const prices = [];
  const stop = photon.watch("A", (quote) => { prices.push(quote.price); stop?.(); });
  browser.socket.greet();
  browser.socket.say({ type: "batch", updates: [snapshot("A", 1, 101), update("A", 2, 102)] });
  assert.deepEqual(prices, [101]);
});

test("compression is asked for unless the server is on this machine, or the url says", () => {
  const urls = {
    "http://photon.test/ws": "?format=batch&compress=1",
    "https://photon.test/ws?compress=0": "?compress=0&format=batch",
    "http://localhost:8000/ws": "?format=batch",
    "http://127.0.0.1:8000/ws": "?format=batch",
    "http://127.9.8.7/ws?format=events": "?format=batch",
    "http://[::1]:8000/ws": "?format=batch",
    "http://127.0.0.1.example/ws": "?format=batch&compress=1",
  };
  for (const [url, search] of Object.entries(urls)) {
    const browser = environment();
    new Photon({ ...browser.options, url }).onStatus(() => {});
    assert.equal(new URL(browser.socket.url).search, search, url);
  }
});

test("reconnecting waits 0.25·2^n s with jitter, and never more than 5 s", () => {
  for (const [random, first, most] of [[0, 125, 2_500], [1, 250, 5_000]]) {
    const browser = environment({ random });
    const photon = connected(browser);
    const waits = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      browser.socket.end(1006);
      waits.push(photon.status.retryAt - browser.options.now());
      browser.advance(waits.at(-1));
    }
    assert.equal(waits[0], first);
    assert.equal(waits[1], first * 2);
    assert.equal(Math.max(...waits), most);
    assert.equal(waits.at(-1), most);
  }
});

test("a steady connection resets the backoff, one that ends at once does not", () => {
  const browser = environment({ random: 1 });
  const photon = connected(browser);
  const wait = () => photon.status.retryAt - browser.options.now();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    browser.socket.greet();
    browser.socket.end(4008);
    assert.equal(wait(), 250 * 2 ** attempt);
    browser.advance(wait());
  }
  browser.socket.greet();
  browser.advance(6_000);
  browser.socket.end(1006);
  assert.equal(wait(), 250);
});

test("after a reconnect every watched symbol is asked for again", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  photon.watch("B", () => {});
  browser.socket.greet();
  await settled();
  browser.socket.end(1012);
  browser.advance(5_000);
  browser.socket.greet();
  assert.equal(browser.sockets.length, 2);
  assert.deepEqual(symbolsOf(browser.socket, "subscribe"), [["A", "B"]]);
});

test("after a reconnect it asks for what it missed, and folds it without a gap", async () => {
  const browser = environment();
  const photon = connected(browser);
  const seen = [];
  photon.watch("A", (quote) => seen.push([quote.seq, quote.dayVolume, quote.high]));
  photon.watch("B", () => {});
  browser.socket.greet();
  await settled();
  browser.socket.say(snapshot("A", 7, 101));
  browser.socket.say(update("A", 8, 102));
  assert.equal("since" in browser.socket.sent.find(({ action }) => action === "subscribe"), false);
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet();
  const asked = browser.socket.sent.filter(({ action }) => action === "subscribe");
  assert.deepEqual(asked, [{ action: "subscribe", since: { epoch: "one", seq: { A: 8 } }, symbols: ["A", "B"] }]);
  browser.socket.say({ type: "subscription", status: "subscribed", symbols: ["A", "B"], rejected: [], subscriptions: ["A", "B"], recovered: { A: true } });
  browser.socket.say(update("A", 9, 120));
  browser.socket.say(update("A", 10, 103));
  browser.socket.say({ type: "status", feed: "simulated", market: "regular", epoch: "one", symbols: { A: "stale", B: "waiting" }, now: 1, rate: 1 });
  assert.deepEqual(seen, [[7, 1_000, 110], [8, 1_010, 110], [9, 1_020, 120], [10, 1_030, 120]]);
  assert.equal(photon.stateOf("A"), "stale");
});

test("figures of updates that are gone begin anew", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet();
  await settled();
  browser.socket.say(snapshot("A", 7, 101));
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet();
  browser.socket.say({ type: "subscription", status: "subscribed", symbols: ["A"], rejected: [], subscriptions: ["A"], recovered: { A: false } });
  assert.equal(photon.quote("A").seq, 7, "the old price stays until there is one");
  browser.socket.say(update("A", 30, 50));
  browser.socket.say(update("A", 31, 60));
  const { seq, open, high, low, dayVolume } = photon.quote("A");
  assert.deepEqual([seq, open, high, low, dayVolume], [31, 50, 60, 50, 20]);
});

test("in another epoch it does not ask for what it missed", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet("one");
  await settled();
  browser.socket.say(snapshot("A", 7, 101));
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet("two");
  assert.deepEqual(browser.socket.sent.map(({ since }) => since), [undefined]);
});

test("what it asks for fits into a message, however many symbols there are", async () => {
  const browser = environment();
  const photon = connected(browser);
  const names = Array.from({ length: 250 }, (_, n) => `S${n}`.padEnd(32, "X"));
  for (const name of names) photon.watch(name, () => {});
  browser.socket.greet();
  await settled();
  for (const name of names) browser.socket.say(snapshot(name, 900_000_000, 101));
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet();
  const asked = browser.socket.sent.filter(({ action }) => action === "subscribe");
  assert.deepEqual(asked.map(({ since }) => Object.keys(since.seq).length), [100, 100, 50]);
  assert.ok(asked.every((message) => JSON.stringify(message).length < 16_384));
});

test("quotes stay while the connection is lost, and are called stale", () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet();
  browser.socket.say(snapshot("A", 1, 101));
  assert.equal(photon.stateOf("A"), "live");
  browser.socket.end(1006);
  assert.equal(photon.quote("A").price, 101);
  assert.equal(photon.stateOf("A"), "stale");
  assert.equal(photon.status.connection, "reconnecting");
});

test("a new epoch forgets figures and seqs, the same epoch keeps them", () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet("one");
  browser.socket.say(snapshot("A", 900, 101));
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet("one");
  assert.equal(photon.quote("A").seq, 900);
  browser.socket.say({ type: "status", feed: "simulated", market: "regular", epoch: "two", symbols: {}, now: 1, rate: 1 });
  assert.equal(photon.quote("A"), undefined);
  browser.socket.say(snapshot("A", 1, 50));
  assert.deepEqual([photon.quote("A").seq, photon.quote("A").direction], [1, 0]);
});

test("a connection that never opened suggests what to look at; one that was open has nothing to add", () => {
  for (const [origin, pages] of [["https://shop.example", "pages of https://shop.example"], ["null", "this page"], [undefined, "this page"]]) {
    const browser = environment();
    browser.target.location = origin && { origin };
    const photon = new Photon(browser.options);
    photon.onStatus(() => {});
    browser.socket.end(1006);
    const { connection, reason } = photon.status;
    assert.equal(connection, "reconnecting");
    assert.match(reason, /photon\.test/);
    assert.match(reason, new RegExp(`its FRONTEND_URL does not allow ${pages} `));
    browser.advance(5_000);
    browser.socket.greet();
    assert.equal(photon.status.reason, "");
    browser.socket.end(1006);
    assert.equal(photon.status.reason, "");
  }
});

test("a refusal for good (1008) is not tried again, and says why", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  browser.socket.end(1008, "token refused");
  browser.advance(60_000);
  assert.equal(browser.sockets.length, 1);
  assert.deepEqual([photon.status.connection, photon.status.reason], ["closed", "token refused"]);
});

test("a shutdown is waited out once to twice as long as the server asks", () => {
  for (const [random, expected] of [[0, 9_000], [1, 18_000]]) {
    const browser = environment({ random });
    const photon = connected(browser);
    browser.socket.greet();
    browser.socket.say({ type: "shutdown", retry_after_ms: 9_000 });
    browser.socket.end(1012);
    assert.equal(photon.status.retryAt - browser.options.now(), expected);
    browser.target.dispatchEvent(new Event("online"));
    assert.equal(browser.sockets.length, 1);
  }
});

test("coming online or back into view tries at once", () => {
  const browser = environment({ random: 1 });
  const photon = connected(browser);
  for (const [target, event] of [[browser.target, "online"], [browser.target.document, "visibilitychange"]]) {
    browser.socket.end(1006);
    const before = browser.sockets.length;
    target.dispatchEvent(new Event(event));
    assert.equal(browser.sockets.length, before + 1);
    assert.equal(photon.status.retryAt, null);
  }
  browser.advance(39_000);
  assert.equal(browser.sockets.length, 3);
});

test("a connection silent for 40 s is closed and made again, a talking one is kept", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  for (let beat = 0; beat < 10; beat += 1) {
    browser.advance(15_000);
    browser.socket.say({ type: "heartbeat", timestamp: 1, now: 5_000 });
  }
  assert.equal(browser.sockets.length, 1);
  browser.advance(39_999);
  assert.equal(photon.status.connection, "open");
  browser.advance(1);
  assert.equal(photon.status.connection, "reconnecting");
  assert.equal(browser.sockets[0].closed, true);
  browser.advance(5_000);
  assert.equal(browser.sockets.length, 2);
});

test("a dead socket's late words change nothing", () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  const first = browser.socket;
  first.greet();
  browser.advance(40_000);
  browser.advance(5_000);
  first.end(1006);
  first.say(snapshot("A", 1, 5));
  assert.equal(browser.sockets.length, 2);
  assert.equal(photon.quote("A"), undefined);
});

test("unknown types, unknown fields and broken text are ignored", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet();
  for (const text of ["", "{", "null", "7", "[]", '{"type":"weather"}', '{"type":"price_update"}',
    '{"type":"price_update","symbol":"A","seq":1,"data":{"price":null}}', '{"type":"price_update","symbol":"A","seq":1,"data":null}',
    '{"type":"pong"}', '{"type":"status"}', '{"type":"subscription"}']) browser.socket.say(text);
  assert.equal(photon.quote("A"), undefined);
  browser.socket.say({ ...snapshot("A", 1, 101), colour: "blue" });
  assert.equal(photon.quote("A").price, 101);
});

test("prices of symbols that nobody watches are not kept", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  browser.socket.say(snapshot("Z", 1, 101));
  assert.equal(photon.quote("Z"), undefined);
});

test("rejections come with code and message, at once or as a later verdict", async () => {
  const browser = environment();
  const photon = connected(browser);
  const refused = [];
  photon.onRejected((rejection) => refused.push(rejection));
  photon.watch("NOPE", () => {});
  photon.watch("LATE", () => {});
  browser.socket.greet();
  browser.socket.say({ type: "subscription", status: "subscribed", symbols: ["LATE"], subscriptions: ["LATE"],
    rejected: [{ symbol: "NOPE", code: "unknown_symbol", message: "no such symbol" }] });
  browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { LATE: "rejected" } });
  browser.socket.say({ type: "error", code: "rate_limited", message: "too fast", retry_after_ms: 1_000 });
  assert.deepEqual(refused.map(({ symbol, code }) => [symbol, code]),
    [["NOPE", "unknown_symbol"], ["LATE", "unknown_symbol"], [null, "rate_limited"]]);
  assert.equal(photon.stateOf("NOPE"), "rejected");
  assert.equal(photon.rejection("NOPE").message, "no such symbol");
});

test("a symbol that was not known is asked for again, and is rejected until it has a price", () => {
  const browser = environment();
  const photon = connected(browser);
  const prices = [];
  const refused = [];
  photon.onRejected((rejection) => refused.push(rejection.symbol));
  photon.watch("IPO", ({ price }) => prices.push(price));
  photon.watch("A", () => {});
  photon.bars("IPO", "1m", () => {});
  browser.socket.greet();
  const verdict = () => browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { IPO: "rejected" } });
  const stay = () => {
    for (let beats = 0; beats < 32; beats++) { browser.advance(10_000); browser.socket.say({ type: "heartbeat", timestamp: 0, now: 0 }); }
  };
  for (const times of [2, 3]) {
    verdict();
    stay();
    assert.equal(symbolsOf(browser.socket, "subscribe").filter((symbols) => symbols.includes("IPO")).length, 2 * times);
    browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { IPO: "waiting" } });
    assert.equal(photon.stateOf("IPO"), "rejected");
  }
  assert.equal(symbolsOf(browser.socket, "subscribe").filter((symbols) => symbols.includes("A")).length, 1);
  browser.socket.say(update("IPO", 1, 21));
  assert.equal(photon.stateOf("IPO"), "live");
  assert.equal(photon.rejection("IPO"), null);
  stay();
  assert.equal(symbolsOf(browser.socket, "subscribe").filter((symbols) => symbols.includes("IPO")).length, 6);
  assert.deepEqual([prices, refused], [[21], ["IPO"]]);
});

test("a symbol refused for want of room is asked for again when there is room", async () => {
  const browser = environment();
  const photon = connected(browser);
  const stop = photon.watch("A", () => {});
  photon.watch("B", () => {});
  browser.socket.greet();
  browser.socket.say({ type: "subscription", status: "subscribed", symbols: ["A"], subscriptions: ["A"],
    rejected: [{ symbol: "B", code: "too_many_symbols", message: "full" }] });
  stop();
  browser.advance(2_000);
  browser.socket.say({ type: "subscription", status: "unsubscribed", symbols: ["A"], subscriptions: [], rejected: [] });
  assert.deepEqual(symbolsOf(browser.socket, "subscribe").at(-1), ["B"]);
  assert.notEqual(photon.stateOf("B"), "rejected");
});

test("the market's clock runs at its rate from the last time sent", () => {
  const browser = environment();
  const photon = connected(browser);
  assert.equal(photon.marketNow(), null);
  browser.socket.greet("one", { now: 5_000, rate: 10 });
  browser.advance(1_000);
  assert.equal(photon.marketNow(), 15_000);
  browser.socket.say({ type: "heartbeat", timestamp: 1, now: 16_000 });
  browser.advance(100);
  assert.equal(photon.marketNow(), 17_000);
});

test("in a full-speed replay the clock stands at the newest trade", () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  browser.socket.greet("one", { now: 5_000, rate: 0 });
  browser.socket.say(update("A", 1, 50, { timestamp: 9_000 }));
  browser.advance(1_000);
  assert.equal(photon.marketNow(), 9_000);
});

test("status says what the server said, and each change is delivered", () => {
  const browser = environment();
  const photon = connected(browser);
  const seen = [];
  const stop = photon.onStatus((status) => seen.push(`${status.connection} ${status.feed}`));
  browser.socket.greet("one", { feed: "reconnecting", retry_at: 7, detail: "the feed is away" });
  assert.equal(seen[0], "connecting null");
  assert.equal(seen.at(-1), "open reconnecting");
  assert.deepEqual([photon.status.detail, photon.status.feedRetryAt, photon.status.market], ["the feed is away", 7, "regular"]);
  stop();
  const before = seen.length;
  browser.socket.end(1006);
  assert.equal(seen.length, before);
});

test("a symbol that becomes live by its snapshot is delivered to those who show its state", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  let shown = null;
  photon.onStatus(() => { shown = photon.stateOf("A"); });
  photon.watch("A", () => {});
  await settled();
  assert.equal(shown, "waiting");
  browser.socket.say(snapshot("A", 1, 10));
  assert.equal(shown, "live");
});

test("a ping measures the way there and back, and gives null when the connection goes", async () => {
  const browser = environment();
  const photon = connected(browser);
  assert.equal(await photon.ping(), null);
  browser.socket.greet();
  const first = photon.ping();
  browser.advance(12);
  browser.socket.say({ type: "pong", timestamp: 1, id: browser.socket.sent.at(-1).id });
  assert.equal(await first, 12);
  const second = photon.ping();
  browser.socket.end(1006);
  assert.equal(await second, null);
});

test("closing ends everything", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.close();
  browser.target.dispatchEvent(new Event("online"));
  browser.advance(120_000);
  assert.equal(browser.sockets.length, 1);
  assert.equal(browser.socket.closed, true);
  assert.deepEqual(browser.waits, []);
  assert.equal(photon.status.connection, "closed");
});

test("the way of the last move is kept by an equal price", () => {
  const quotes = [];
  let held = null;
  for (const [seq, price] of [[1, 100], [2, 101], [3, 101], [4, 100.5], [5, 100.5]]) quotes.push(held = fold(held, update("A", seq, price), 0));
  assert.deepEqual(quotes.map(({ tick }) => tick), [0, 1, 1, -1, -1]);
  assert.deepEqual(quotes.map(({ direction }) => direction), [0, 1, 0, -1, 0]);
});

test("a polled price says so, until a trade comes", () => {
  const polled = fold(null, { ...update("A", 1, 100, { volume: 0 }), polled: true }, 0);
  assert.deepEqual([polled.polled, polled.state], [true, "polled"]);
  const trade = fold(polled, update("A", 2, 101), 0);
  assert.deepEqual([trade.polled, trade.state], [false, "live"]);
});

test("a symbol can become polled and live again without a price", () => {
  const browser = environment();
  const photon = connected(browser);
  const seen = [];
  photon.watch("A", () => {});
  photon.onStatus(() => seen.push(photon.stateOf("A")));
  browser.socket.greet();
  browser.socket.say(snapshot("A", 1, 100));
  for (const state of ["polled", "live"]) {
    browser.socket.say({ type: "status", feed: "live", market: "regular", since: 0, epoch: "one", symbols: { A: state } });
    assert.equal(seen.at(-1), state);
  }
});

const barsOf = (socket) => socket.sent.filter(({ channel }) => channel === "bars").map(({ action, timeframe, symbols }) => `${action} ${timeframe} ${symbols}`);
const barMessage = (symbol, time, more = {}) => ({ type: "bar", symbol, timeframe: "1m", bar: { time, open: 1, high: 1, low: 1, close: 1, volume: 1, count: 1, vwap: 1 }, final: false, ...more });

test("listeners of the same bars share a subscription, which ends with the last of them", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  const heard = [];
  const stops = [1, 2].map((who) => photon.bars("aapl", "1m", ({ bar }) => heard.push([who, bar.time])));
  await settled();
  browser.socket.say(barMessage("AAPL", 60));
  photon.bars("AAPL", "1m", ({ bar }) => heard.push([3, bar.time]))();
  assert.deepEqual(heard, [[1, 60], [2, 60], [3, 60]]);
  stops[0]();
  stops[0]();
  browser.advance(300);
  assert.deepEqual(barsOf(browser.socket), ["subscribe 1m AAPL"]);
  stops[1]();
  browser.advance(300);
  assert.deepEqual(barsOf(browser.socket), ["subscribe 1m AAPL", "unsubscribe 1m AAPL"]);
  browser.socket.say(barMessage("AAPL", 61));
  assert.equal(heard.length, 3);
});

test("bars are subscribed again on a new connection; an old epoch's bar is not given to a new listener", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet("one");
  photon.bars("AAPL", "1m", () => {});
  await settled();
  browser.socket.say(barMessage("AAPL", 60));
  browser.socket.end();
  browser.advance(1_000);
  browser.socket.greet("two");
  assert.deepEqual(barsOf(browser.socket), ["subscribe 1m AAPL"]);
  const heard = [];
  photon.bars("AAPL", "1m", (message) => heard.push(message));
  assert.deepEqual(heard, []);
});

test("subscriptions of bars change at most four times a second, however fast a visitor clicks", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  let stop = () => {};
  for (let at = 0; at < 60; at += 1) {
    stop();
    stop = photon.bars(`S${at}`, "1m", () => {});
    await settled();
    browser.advance(33);
  }
  browser.advance(300);
  const sent = barsOf(browser.socket);
  assert.ok(sent.length <= 2 * 10, `${sent.length}`);
  assert.equal(sent.at(-1), "subscribe 1m S59");
});

test("refused bars leave the symbol's price as it is, and are delivered", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("AAPL", () => {});
  await settled();
  browser.socket.say(snapshot("AAPL", 1, 101));
  const refused = [];
  photon.onRejected((rejection) => refused.push(rejection));
  browser.socket.say({ type: "subscription", status: "subscribed", channel: "bars", timeframe: "1m", symbols: [], subscriptions: [],
    rejected: [{ symbol: "AAPL", code: "too_many_symbols", message: "full" }] });
  assert.equal(photon.stateOf("AAPL"), "live");
  assert.deepEqual(refused, [{ symbol: "AAPL", code: "too_many_symbols", message: "full", channel: "bars", timeframe: "1m" }]);
});

test("history is asked of the same server, with what was given and nothing else", async () => {
  const browser = environment();
  const asked = [];
  const answers = [{ ok: true, json: async () => ({ bars: [] }) }, { ok: false, status: 422, json: async () => ({ detail: "limit: expected more" }) },
    { ok: false, status: 500, json: async () => { throw new SyntaxError("no JSON"); } }];
  const photon = new Photon({ ...browser.options, fetch: async (url) => { asked.push(url); return answers[asked.length - 1]; } });
  assert.deepEqual(await photon.history("aapl", { timeframe: "5m", to: 7, limit: 3, sessions: true }), { bars: [] });
  await assert.rejects(photon.history("AAPL", { limit: 0 }), /limit: expected more/);
  await assert.rejects(photon.history("AAPL"), /the server answered 500/);
  assert.deepEqual(asked, ["http://photon.test/api/bars?symbol=AAPL&timeframe=5m&to=7&limit=3&sessions=1",
    "http://photon.test/api/bars?symbol=AAPL&timeframe=1m&limit=0", "http://photon.test/api/bars?symbol=AAPL&timeframe=1m"]);
});

/** What was written to the console while `act` ran. */
async function complaints(act) {
  const errors = [], { error } = console;
  console.error = (...words) => errors.push(words[0]);
  try { await act(); } finally { console.error = error; }
  return errors;
}

test("a callback that throws costs no other callback anything, and its error is logged", async () => {
  const browser = environment(), heard = [], wrong = new Error("mine");
  const photon = connected(browser);
  const errors = await complaints(async () => {
    for (const callback of [() => { throw wrong; }, (what) => heard.push(what)]) {
      photon.onStatus(callback);
      photon.onRejected(callback);
      photon.watch("A", callback);
      photon.watch("B", callback);
      photon.bars("A", "1m", callback);
    }
    browser.socket.greet();
    await settled();
    heard.length = 0;
    browser.socket.say(snapshot("A", 1, 50));
    browser.socket.say(update("B", 1, 60));
    browser.socket.say({ type: "bar", symbol: "A", timeframe: "1m", bar: { time: 0, close: 50 }, final: false });
    browser.socket.say({ type: "error", code: "bad_json", message: "no" });
    browser.socket.say({ type: "subscription", status: "subscribed", symbols: [], rejected: [{ symbol: "C", code: "bad_symbol", message: "no" }] });
    browser.socket.say({ type: "subscription", channel: "bars", timeframe: "1m", rejected: [{ symbol: "A", code: "too_many_symbols", message: "no" }] });
  });
  const kinds = heard.map((what) => what.price ?? what.bar?.close ?? what.code ?? what.connection);
  for (const kind of [50, 60, "bad_json", "bad_symbol", "too_many_symbols", "open"]) assert.ok(kinds.includes(kind), String(kind));
  assert.equal(heard.filter(({ bar }) => bar).length, 1);
  assert.ok(errors.length >= 6 && errors.every((error) => error === wrong));
  assert.equal(photon.quote("B").price, 60);
});

test("what is held is given at once, and a throw there leaves a watch that can be stopped", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => {});
  await settled();
  browser.socket.say(snapshot("A", 1, 50));
  let calls = 0, stop;
  const errors = await complaints(() => { stop = photon.watch("A", () => { calls += 1; throw new Error("mine"); }); });
  assert.deepEqual([calls, errors.length], [1, 1]);
  stop();
  browser.socket.say(update("A", 2, 51));
  assert.equal(calls, 1);
});

test("one that was stopped by another of the same price is not called any more", async () => {
  const browser = environment(), heard = [];
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => { heard.push("first"); stop(); });
  const stop = photon.watch("A", () => heard.push("second"));
  photon.watch("A", () => heard.push("third"));
  await settled();
  browser.socket.say(update("A", 1, 51));
  assert.deepEqual(heard, ["first", "third"]);
});

test("nothing is opened before something needs the connection, and one need is enough", async () => {
  const needs = {
    watch: (photon) => photon.watch("A", () => {}),
    bars: (photon) => photon.bars("A", "1m", () => {}),
    onStatus: (photon) => photon.onStatus(() => {}),
  };
  for (const [name, need] of Object.entries(needs)) {
    const browser = environment();
    const photon = new Photon(browser.options);
    photon.onRejected(() => {});
    assert.equal(photon.quote("A"), undefined);
    assert.equal(await photon.ping(), null);
    browser.target.dispatchEvent(new Event("online"));
    browser.advance(100_000);
    assert.deepEqual([browser.sockets.length, browser.waits.length, photon.status.connection], [0, 0, "idle"], name);
    need(photon);
    need(photon);
    assert.deepEqual([browser.sockets.length, photon.status.connection], [1, "connecting"], name);
  }
});

test("one that was closed before anybody needed it opens nothing", () => {
  const browser = environment();
  const photon = new Photon(browser.options);
  photon.close();
  photon.watch("A", () => {});
  assert.deepEqual([browser.sockets.length, photon.status.connection], [0, "closed"]);
});

test("one that a callback closes while it connects opens nothing", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.end();
  photon.onStatus(({ retryAt }) => { if (retryAt === null) photon.close(); });
  browser.advance(10_000);
  assert.deepEqual([browser.sockets.length, photon.status.connection], [1, "closed"]);
});

test("what cannot be opened is said by the status, and nothing throws", async () => {
  class Mixed { constructor() { throw Object.assign(new Error("insecure"), { name: "SecurityError" }); } }
  const cases = [
    [{ WebSocket: undefined }, /^There is no WebSocket here$/],
    [{ WebSocket: Mixed }, /^The browser does not open ws:\/\/photon\.test\/ws\?format=batch&compress=1 from this page: .+ https/],
    [{ url: "no address" }, /Invalid URL/],
    [{ url: 7 }, /Invalid URL/],
    [{ url: undefined }, /^Give the url of Photon/], // neither served by Photon nor in a page
  ];
  for (const [more, reason] of cases) {
    const browser = environment();
    const photon = new Photon({ ...browser.options, ...more });
    const statuses = [];
    photon.onStatus((status) => statuses.push(status));
    const stop = photon.watch("A", () => {});
    photon.bars("A", "1m", () => {});
    await settled();
    browser.target.dispatchEvent(new Event("online"));
    browser.advance(100_000);
    assert.equal(statuses.at(-1).connection, "closed");
    assert.match(statuses.at(-1).reason, reason);
    assert.equal(photon.stateOf("A"), "waiting");
    assert.equal(await photon.ping(), null);
    stop();
    photon.close();
  }
});

test("a message whose fields are of another type than they should be ends nothing", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => {});
  await settled();
  await complaints(() => {
    for (const odd of [
      { type: "subscription", rejected: 5 }, { type: "subscription", rejected: [null] }, { type: "status", symbols: 7 }, { type: "bar", bar: 1 },
      { type: "subscription", channel: "bars", rejected: 5 }, { type: "price_update" }, { type: "connection", epoch: {} }, { type: "shutdown", retry_after_ms: "x" },
    ]) browser.socket.say(odd);
  });
  await settled();
  browser.socket.say(update("A", 1, 51));
  assert.equal(photon.quote("A").price, 51);
});

test("decimals are those sent, and else those that the first price shows", () => {
  const held = fold(null, snapshot("OANDA:EUR_USD", 1, 1.085, { decimals: 5 }), 1);
  assert.equal(held.decimals, 5);
  assert.equal(fold(held, update("OANDA:EUR_USD", 2, 1.0851234), 2).decimals, 5);
  const shown = fold(null, update("A", 1, 0.65382), 1);
  assert.equal(shown.decimals, 5);
  assert.equal(fold(shown, update("A", 2, 0.65), 2).decimals, 5);
  for (const odd of [-1, 1.5, "5", null, 1e9]) {
    const { decimals } = fold(null, snapshot("A", 1, 10, { decimals: odd }), 1);
    assert.ok(Number.isInteger(decimals) && decimals >= 0 && decimals <= 20);
  }
});

test("one price shows what the server assumes", () => {
  const table = [[1.085, 3], [1.08503, 5], [149.2, 2], [25412, 2], [1.2e-9, 12], [0.00000871, 9], [97123.45, 2], [712345, 2], [0.0123, 5], [5.25, 3],
    [0.5, 4], [10, 2], [9.9999, 4], [189.50000000000003, 2], [97123.45678901, 5], [1e-300, 20], [0, 2], [NaN, 2]];
  for (const [price, decimals] of table) assert.equal(digitsOf(price), decimals, String(price));
});

test("a day's volume has no noise of floats", () => {
  let held = fold(null, snapshot("A", 1, 10, { day_volume: 0.1 }), 1);
  held = fold(held, update("A", 2, 10, { volume: 0.2 }), 2);
  assert.equal(held.dayVolume, 0.3);
  assert.equal(fold(held, update("A", 3, 10, { volume: 100 }), 3).dayVolume, 100.3);
});

test("a change of a tiny price is exact, and its percentage of unrounded numbers", () => {
  const held = fold(null, snapshot("A", 1, 0.96e-9, { prev_close: 0.96e-9 }), 1);
  const { change, changePercent } = fold(held, update("A", 2, 1.2e-9), 2);
  assert.equal(change, 2.4e-10);
  assert.ok(Math.abs(changePercent - 25) < 1e-9);
});

test("names of the world reach the server as they are", async () => {
  const names = ["M&M.NS", "^DJI", "GC=F", "ACAQ+", "#A", "ES1!", "BAC$L", "IC MARKETS:1"];
  for (const name of names) {
    let asked = null;
    const { options } = environment();
    const photon = new Photon({ ...options, fetch: async (url) => { asked = new URL(url); return { ok: true, json: async () => ({}) }; } });
    await photon.history(name.toLowerCase());
    assert.equal(asked.searchParams.get("symbol"), name);
    assert.equal(asked.hash, "");
    photon.close();
  }
});

/** Subscriptions of prices as "symbols interval". */
const asked = (socket) => socket.sent.filter(({ action, channel }) => action === "subscribe" && !channel)
  .map(({ symbols, interval_ms: ms = 0 }) => `${symbols} ${ms}`);

test("a symbol is subscribed at the shortest interval of its watchers", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => {}, { intervalMs: 2_000 });
  photon.watch("A", () => {}, { intervalMs: 250 });
  photon.watch("B", () => {});
  photon.watch("C", () => {}, { intervalMs: 250 });
  photon.watch("B", () => {}, { intervalMs: undefined });
  await settled();
  assert.deepEqual(asked(browser.socket), ["A,C 250", "B 0"]);
  assert.equal("interval_ms" in browser.socket.sent.at(-1), false);
});

test("a shorter interval is asked for at once, a longer one when it is due, each once", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => {}, { intervalMs: 250 });
  await settled();
  const stops = [photon.watch("A", () => {}), photon.watch("A", () => {})];
  await settled();
  assert.deepEqual(asked(browser.socket), ["A 250", "A 0"]);
  for (const stop of stops) stop();
  await settled();
  assert.deepEqual(asked(browser.socket), ["A 250", "A 0"]);
  browser.advance(300);
  assert.deepEqual(asked(browser.socket), ["A 250", "A 0", "A 250"]);
  browser.advance(10_000);
  assert.equal(asked(browser.socket).length, 3);
  assert.deepEqual(symbolsOf(browser.socket, "unsubscribe"), []);
});

test("watchers that come and go soon cost no message", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  photon.watch("A", () => {}, { intervalMs: 250 });
  let stop = photon.watch("B", () => {});
  await settled();
  for (let at = 0; at < 10; at += 1) photon.watch("A", () => {})();
  stop();
  stop = photon.watch("B", () => {});
  await settled();
  stop();
  await settled();
  photon.watch("B", () => {});
  await settled();
  browser.advance(2_000);
  assert.deepEqual(asked(browser.socket), ["A 250", "B 0"]);
});

test("intervals change at most four times a second, however fast a visitor selects", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  for (let at = 0; at < 60; at += 1) photon.watch(`S${at}`, () => {}, { intervalMs: 250 });
  await settled();
  const before = asked(browser.socket).length;
  let stop = () => {};
  for (let at = 0; at < 60; at += 1) {
    stop();
    stop = photon.watch(`S${at}`, () => {});
    await settled();
    browser.advance(33);
  }
  browser.advance(600);
  const sent = asked(browser.socket).slice(before);
  assert.ok(sent.length <= 2 * 10, `${sent.length}`);
  const last = new Map();
  for (const message of asked(browser.socket)) {
    const [symbols, ms] = message.split(" ");
    for (const symbol of symbols.split(",")) last.set(symbol, ms);
  }
  assert.deepEqual([...last].filter(([, ms]) => ms !== "250"), [["S59", "0"]]);
});

test("symbols of one interval share messages of at most a hundred", async () => {
  const browser = environment();
  const photon = connected(browser);
  for (let at = 0; at < 250; at += 1) photon.watch(`R${at}`, () => {}, { intervalMs: 250 });
  for (let at = 0; at < 3; at += 1) photon.watch(`T${at}`, () => {});
  browser.socket.greet();
  await settled();
  const sizes = browser.socket.sent.map(({ symbols, interval_ms: ms = 0 }) => [symbols.length, ms]);
  assert.deepEqual(sizes, [[100, 250], [100, 250], [50, 250], [3, 0]]);
});

test("only symbols with every trade ask for what they missed, and none that changes its interval", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("A", () => {});
  photon.watch("B", () => {}, { intervalMs: 250 });
  browser.socket.greet();
  await settled();
  for (const symbol of ["A", "B"]) browser.socket.say(snapshot(symbol, 7, 101));
  const stop = photon.watch("B", () => {});
  await settled();
  assert.deepEqual(browser.socket.sent.at(-1), { action: "subscribe", symbols: ["B"] });
  stop();
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet();
  assert.deepEqual(browser.socket.sent, [
    { action: "subscribe", since: { epoch: "one", seq: { A: 7 } }, symbols: ["A"] }, { action: "subscribe", interval_ms: 250, symbols: ["B"] },
  ]);
});

test("a snapshot that says nothing new calls nobody, except on a new connection", async () => {
  const browser = environment();
  const photon = connected(browser);
  const seen = [];
  photon.watch("A", ({ seq, high }) => seen.push([seq, high]), { intervalMs: 250 });
  browser.socket.greet();
  await settled();
  browser.socket.say(snapshot("A", 7, 101));
  browser.advance(100);
  photon.watch("A", () => {});
  await settled();
  browser.socket.say(snapshot("A", 7, 101));
  assert.deepEqual(seen, [[7, 110]]);
  browser.socket.say(snapshot("A", 7, 101, { high: 120 }));
  browser.socket.say(snapshot("A", 6, 99));
  assert.deepEqual(seen, [[7, 110], [7, 120]]);
  browser.socket.end(1006);
  browser.advance(5_000);
  browser.socket.greet();
  browser.socket.say(snapshot("A", 7, 101, { high: 120 }));
  assert.deepEqual(seen.at(-1), [7, 120]);
  assert.equal(seen.length, 3);
});

test("the interval of a refused symbol stays until it has a price", async () => {
  const browser = environment();
  const photon = connected(browser);
  photon.watch("NEW", () => {}, { intervalMs: 250 });
  browser.socket.greet();
  await settled();
  browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { NEW: "rejected" } });
  photon.watch("NEW", () => {});
  await settled();
  browser.advance(2_000);
  assert.deepEqual(asked(browser.socket), ["NEW 250"]);
  browser.socket.say(update("NEW", 1, 21));
  await settled();
  assert.deepEqual(asked(browser.socket), ["NEW 250", "NEW 0"]);
});

test("an interval that the server would refuse is refused here, and nothing is watched", () => {
  const browser = environment();
  const photon = connected(browser);
  for (const odd of [-1, 49, 10_001, 99.5, NaN, "250", null, {}]) {
    assert.throws(() => photon.watch("A", () => {}, { intervalMs: odd }), { name: "RangeError", message: /intervalMs: expected 0, or an integer from 50 to 10000/ });
    if (odd !== null) assert.throws(() => new Photon({ ...browser.options, hiddenMs: odd }), { name: "RangeError", message: /hiddenMs/ });
  }
  browser.socket.greet();
  assert.deepEqual(asked(browser.socket), []);
});

/** One with a symbol of every trade, one of a row and one that is slow anyway, in a tab that saves when it is hidden. */
async function saving(browser, hiddenMs = 2_000) {
  const photon = new Photon({ ...browser.options, hiddenMs });
  photon.watch("A", () => {});
  photon.watch("B", () => {}, { intervalMs: 250 });
  photon.watch("C", () => {}, { intervalMs: 5_000 });
  browser.socket.greet();
  await settled();
  return photon;
}
const SHOWN = ["A 0", "B 250", "C 5000"];

test("a hidden tab has longer intervals after a while, and its own at once when it is seen", async () => {
  const browser = environment();
  const photon = await saving(browser);
  browser.turn("hidden");
  browser.advance(4_900);
  assert.deepEqual(asked(browser.socket), SHOWN);
  browser.advance(500);
  assert.deepEqual(asked(browser.socket), [...SHOWN, "A,B 2000"]);
  photon.watch("D", () => {});
  await settled();
  assert.deepEqual(asked(browser.socket), [...SHOWN, "A,B 2000", "D 2000"]);
  browser.turn("visible");
  assert.deepEqual(asked(browser.socket), [...SHOWN, "A,B 2000", "D 2000", "A,D 0", "B 250"]);
});

test("turning a tab away and back soon costs nothing", async () => {
  const browser = environment();
  await saving(browser);
  for (let at = 0; at < 20; at += 1) {
    browser.turn("hidden");
    browser.advance(4_500);
    browser.turn("visible");
    browser.advance(10);
    browser.socket.say({ type: "heartbeat", timestamp: 1, now: 5_000 });
  }
  browser.advance(10_000);
  assert.deepEqual(asked(browser.socket), SHOWN);
});

test("a connection that is made in a hidden tab begins with its intervals", async () => {
  const browser = environment();
  await saving(browser);
  browser.socket.say(snapshot("A", 7, 101));
  browser.turn("hidden");
  browser.advance(6_000);
  browser.socket.end(1006);
  browser.advance(6_000);
  browser.socket.greet();
  assert.deepEqual(asked(browser.socket), ["A,B 2000", "C 5000"]);
  assert.ok(browser.socket.sent.every((message) => !("since" in message)));
});

test("a tab that was hidden from the beginning saves too", async () => {
  const browser = environment();
  browser.target.document.visibilityState = "hidden";
  await saving(browser);
  browser.advance(5_500);
  assert.deepEqual(asked(browser.socket), [...SHOWN, "A,B 2000"]);
});

test("without hiddenMs a hidden tab is as any other", async () => {
  for (const none of [null, 0]) {
    const browser = environment();
    await saving(browser, none);
    browser.turn("hidden");
    browser.advance(20_000);
    browser.turn("visible");
    assert.deepEqual(asked(browser.socket), SHOWN);
  }
});

test("the status is one frozen object for all until something changes", () => {
  const browser = environment();
  const photon = connected(browser);
  const seen = [];
  for (let at = 0; at < 2; at += 1) photon.onStatus((status) => seen.push(status));
  browser.socket.greet("one", { symbols: { A: "waiting" } });
  const [one, other] = seen.slice(-2);
  assert.equal(one, other);
  assert.equal(photon.status, one);
  assert.equal(one.states, photon.status.states);
  assert.deepEqual({ ...one }.states, { A: "waiting" });
  assert.throws(() => { one.feed = "mine"; }, TypeError);
  assert.throws(() => { one.states.A = "mine"; }, TypeError);
  browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { A: "live" } });
  assert.notEqual(photon.status, one);
  assert.deepEqual([one.feed, one.states.A, photon.status.states.A], ["simulated", "waiting", "live"]);
});

test("listeners are called once a message, after its quotes and before the next", async () => {
  const browser = environment();
  const photon = connected(browser);
  const names = Array.from({ length: 100 }, (_, at) => `S${at}`);
  browser.socket.greet();
  const log = [];
  for (const name of names) photon.watch(name, () => log.push(`${name} ${photon.status.states[name]}`));
  await settled();
  photon.onStatus(({ feed, states }) => log.push(`${feed} ${Object.values(states).filter((state) => state === "live").length}`));
  log.length = 0;
  browser.socket.say({ type: "batch", updates: names.map((name) => snapshot(name, 1, 101)) });
  assert.deepEqual(log, [...names.map((name) => `${name} live`), "simulated 100"]);
  log.length = 0;
  browser.socket.say({ type: "status", feed: "live", market: "regular", epoch: "one", symbols: { S0: "stale", S1: "rejected", S2: "rejected" } });
  browser.socket.say(update("S0", 2, 102));
  browser.socket.say(update("S3", 2, 102));
  assert.deepEqual(log, ["live 97", "S0 live", "live 98", "S3 live"]);
});

test("a listener that is new in the middle of a message hears its end once", async () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  const seen = [];
  photon.watch("A", () => { if (!seen.length) photon.onStatus(({ states }) => seen.push(states.A)); });
  await settled();
  browser.socket.say(snapshot("A", 1, 10));
  browser.socket.say(update("A", 2, 11));
  assert.deepEqual(seen, ["live"]);
});

test("nobody hears of a status that is over", () => {
  const browser = environment();
  const photon = new Photon(browser.options);
  const seen = [];
  photon.onStatus(({ connection }) => { if (connection === "open") photon.close(); });
  photon.onStatus(({ connection }) => seen.push(connection));
  browser.socket.greet();
  assert.deepEqual(seen, ["connecting", "closed"]);
});

/** Let time pass in which each ping is answered so many ms after it was sent, in order; returns each `behindMs` that there was. */
function pass(browser, photon, ms, delay) {
  const seen = new Set([photon.status.behindMs]);
  browser.pings ??= new Map();
  browser.last ??= 0;
  for (let at = 0; at < ms; at += 100) {
    browser.advance(100);
    const now = browser.options.now();
    for (const { action, id } of browser.socket.sent) {
      if (action !== "ping") continue;
      if (!browser.pings.has(id)) {
        browser.last = Math.max(browser.last, now + (typeof delay === "function" ? delay() : delay));
        browser.pings.set(id, browser.last);
      }
      if (browser.pings.get(id) > now) continue;
      browser.pings.set(id, Infinity);
      browser.socket.say({ type: "pong", id, timestamp: 1 });
    }
    seen.add(photon.status.behindMs);
  }
  return [...seen];
}

test("a page whose answers come late three times says how late, until two are in time", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  assert.deepEqual(pass(browser, photon, 10_000, 0), [null]);
  pass(browser, photon, 14_000, 3_000);
  assert.equal(photon.status.behindMs, 3_000);
  assert.deepEqual(pass(browser, photon, 20_000, 6_000), [3_000, 6_000]);
  const late = pass(browser, photon, 12_000, 100);
  assert.equal(late.at(-1), null);
  assert.deepEqual(pass(browser, photon, 60_000, 100), [null]);
});

test("two late answers are not behind", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  let turn = 0;
  assert.deepEqual(pass(browser, photon, 120_000, () => [0, 1_500, 1_500][turn++ % 3]), [null]);
});

test("what is late now and then is not behind, and what is behind does not flap", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  let turn = 0;
  const delays = (values) => () => values[turn++ % values.length];
  assert.deepEqual(pass(browser, photon, 120_000, delays([0, 5_000, 0, 300])), [null]);
  pass(browser, photon, 20_000, 2_000);
  assert.equal(photon.status.behindMs, 2_000);
  const seen = pass(browser, photon, 60_000, delays([700, 1_200]));
  assert.ok(seen.every((ms) => ms >= 1_000), String(seen));
});

test("a connection that is slow by itself is not behind", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  assert.deepEqual(pass(browser, photon, 60_000, 900), [null]);
});

test("no single long task makes a page late, nor does sleep", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  for (const ms of [4_000, 1_500, 30_000, 3_600_000]) {
    for (let into = 0; into <= 5_000; into += 500) {
      pass(browser, photon, into, 200); // wherever in the round of pings it falls
      browser.stall(ms);
      browser.socket.say({ type: "heartbeat", timestamp: 1, now: 5_000 }); // it was waiting, as the pong may be
      assert.deepEqual(pass(browser, photon, 11_000, 200), [null], `${ms} after ${into}`);
    }
  }
  assert.equal(browser.sockets.length, 1);
});

test("a hidden tab does not measure, nor does one that has lost its connection", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  pass(browser, photon, 30_000, 3_000);
  assert.ok(photon.status.behindMs > 0);
  browser.turn("hidden");
  assert.equal(photon.status.behindMs, null);
  const before = browser.socket.sent.length;
  assert.deepEqual(pass(browser, photon, 30_000, 3_000), [null]);
  assert.equal(browser.socket.sent.length, before);
  browser.turn("visible");
  pass(browser, photon, 30_000, 3_000);
  assert.ok(photon.status.behindMs > 0);
  browser.socket.end(1006);
  assert.equal(photon.status.behindMs, null);
});

test("a page that is behind keeps its clock", () => {
  const browser = environment();
  const photon = connected(browser);
  browser.socket.greet();
  pass(browser, photon, 30_000, 3_000);
  const now = photon.marketNow();
  browser.socket.say({ type: "heartbeat", timestamp: 1, now: now - 3_000 });
  assert.equal(photon.marketNow(), now);
  pass(browser, photon, 30_000, 0);
  browser.socket.say({ type: "heartbeat", timestamp: 1, now: 7_000 });
  assert.equal(photon.marketNow(), 7_000);
});

test("a server that answers no ping is not asked without end", () => {
  const browser = environment();
  connected(browser);
  browser.socket.greet();
  for (let at = 0; at < 200; at += 1) {
    browser.advance(10_000);
    browser.socket.say({ type: "heartbeat", timestamp: 1, now: 5_000 });
  }
  assert.equal(browser.socket.sent.length, 64);
});
