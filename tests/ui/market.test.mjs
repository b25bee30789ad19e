/** The overview: what is made of an answer, where tiles are and keys lead, and when the server is asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressOf, arranged, breadth, byValue, EVERY_MS, heatOf, heatStep, listStep, marketOf, MarketPoll, movers, shortName, squarify, wayOf, weights,
} from "../../photon_app/ui/live/market.js";
import { environment, settled } from "./fake_browser.mjs";

/** Numbers from 0 to 1 that are the same in every run. */
function drawn(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
const close = (one, other, within) => assert.ok(Math.abs(one - other) <= within, `${one} is not ${other}`);
const one = (symbol, changePercent, value = 1, more = {}) => ({ symbol, name: "", price: 10, changePercent, value, decimals: 2, ...more });

/** Many boxes with weights as they may be: one, many, equal, of very different size. */
function* maps() {
  for (let seed = 1; seed <= 200; seed++) {
    const random = drawn(seed);
    const count = 1 + Math.floor(random() * 80), spread = random() * 8;
    const weights = Array.from({ length: count }, () => 10 ** (random() * spread)).sort((a, b) => b - a);
    yield { weights, width: 200 + random() * 2_000, height: 150 + random() * 1_200 };
  }
}

test("areas are as the weights, and together they are the box", () => {
  for (const { weights, width, height } of maps()) {
    const rects = squarify(weights, width, height), sum = weights.reduce((all, weight) => all + weight, 0);
    assert.equal(rects.length, weights.length);
    rects.forEach((rect, at) => close((rect.width * rect.height) / (width * height), weights[at] / sum, 1e-9));
  }
});

test("every rectangle is inside the box", () => {
  for (const { weights, width, height } of maps()) {
    for (const { x, y, width: w, height: h } of squarify(weights, width, height)) {
      assert.ok(x >= -1e-6 && y >= -1e-6 && w >= 0 && h >= 0 && x + w <= width + 1e-6 && y + h <= height + 1e-6);
    }
  }
});

test("no rectangle overlaps another", () => {
  const overlap = (from, to, other, end) => Math.max(0, Math.min(to, end) - Math.max(from, other));
  for (const { weights, width, height } of maps()) {
    const rects = squarify(weights, width, height);
    rects.forEach((a, at) => {
      for (const b of rects.slice(at + 1)) {
        const shared = overlap(a.x, a.x + a.width, b.x, b.x + b.width) * overlap(a.y, a.y + a.height, b.y, b.y + b.height);
        close(shared, 0, 1e-6 * width * height);
      }
    });
  }
});

test("tiles of equal weight are nearly squares", () => {
  for (const { x, y, width, height } of squarify(Array(16).fill(1), 1_000, 600)) {
    assert.ok(x >= 0 && y >= 0);
    assert.ok(Math.max(width / height, height / width) < 2);
  }
});

test("nothing to draw, or no room, gives no rectangles", () => {
  assert.deepEqual([squarify([], 10, 10), squarify([1], 0, 10), squarify([1], 10, NaN), squarify([0], 10, 10)], [[], [], [], []]);
});

test("a weight is the root of the value, and enough to be read", () => {
  const [first, second, third] = weights([one("B", 0, 10_000), one("A", 0, 100), one("C", 0, 0)]);
  assert.equal(first, 100);
  assert.ok(second === third && third > 10);
  assert.deepEqual([weights([one("A", 0, 0)]), weights([])], [[1], []]);
});

test("the most traded come first, and those without a price not at all", () => {
  const symbols = [one("A", 1, 1), one("B", 1, 9), one("D", 1, 5), one("C", 1, 5), one("E", 1, 99, { price: null })];
  assert.deepEqual(byValue(symbols, 3).map(({ symbol }) => symbol), ["B", "C", "D"]);
});

test("an arrangement lasts a minute, unless box or symbols are others", () => {
  const symbols = [one("A", 1, 100), one("B", 1, 50)], more = [one("A", 1, 1), one("B", 1, 50)];
  const first = arranged(null, symbols, 800, 600, 0);
  assert.deepEqual(first.tiles.map(({ symbol }) => symbol), ["A", "B"]);
  assert.equal(arranged(first, more, 800, 600, 59_000), first);
  assert.deepEqual(arranged(first, more, 800, 600, 60_000).tiles.map(({ symbol }) => symbol), ["B", "A"]);
  assert.notEqual(arranged(first, symbols, 801, 600, 1), first);
  assert.notEqual(arranged(first, [...symbols, one("C", 1)], 800, 600, 1), first);
});

test("there are as many tiles as can be read, the most traded ones", () => {
  const symbols = Array.from({ length: 500 }, (_, at) => one(`S${at}`, 1, at));
  const { tiles } = arranged(null, symbols, 360, 520, 0);
  assert.equal(tiles.length, 36);
  assert.equal(tiles[0].symbol, "S499");
  assert.ok(tiles.every(({ rect, size }) => rect.width >= 24 && rect.height >= 24 && size >= 10 && size <= 22));
  assert.deepEqual(arranged(null, symbols, 0, 0, 0).tiles, []);
});

test("arrows lead to the nearest tile on their side, and stop at the edge", () => {
  const grid = [0, 1, 2, 3].map((at) => ({ x: (at % 2) * 10, y: (at >> 1) * 10, width: 10, height: 10 }));
  const moves = [["ArrowRight", 1], ["ArrowDown", 2], ["ArrowLeft", 0], ["ArrowUp", 0], ["Home", 0], ["End", 3], ["PageDown", 1], ["PageUp", 0], ["a", null]];
  assert.deepEqual(moves.map(([key]) => heatStep(grid, 0, key)), moves.map(([, to]) => to));
  assert.equal(heatStep([], 0, "ArrowRight"), null);
});

test("every tile is reached by keys", () => {
  for (const { weights, width, height } of maps()) {
    const rects = squarify(weights, width, height);
    const reached = new Set([0]);
    for (let at = 0; at < rects.length - 1;) { at = heatStep(rects, at, "PageDown"); reached.add(at); }
    assert.equal(reached.size, rects.length);
  }
});

test("a list is walked with up and down", () => {
  assert.deepEqual(["ArrowUp", "ArrowDown", "Home", "End", "ArrowLeft"].map((key) => listStep(1, key, 3)), [0, 2, 0, 2, null]);
  assert.equal(listStep(2, "ArrowDown", 3), 2);
});

test("an answer is made safe, whatever it is", () => {
  for (const answer of [null, undefined, 7, "text", {}, { symbols: {} }, { symbols: null }]) assert.equal(marketOf(answer), null);
  const odd = marketOf({ feed: 5, symbols: [null, 3, {}, { symbol: "" }, { symbol: 7 }, { symbol: "A", price: "1", turnover: -5, decimals: 99, name: {} }] });
  assert.deepEqual(odd, { feed: "", delay: 0, followed: 1, symbols: [{ symbol: "A", name: "", price: null, changePercent: null, value: 0, decimals: 20 }] });
  assert.equal(marketOf({ symbols: Array.from({ length: 9_999 }, (_, at) => ({ symbol: `S${at}` })) }).symbols.length, 2_000);
  assert.equal(marketOf({ symbols: [{ symbol: "A" }, { symbol: "A" }] }).symbols.length, 1);
});

test("what an answer leaves out is worked out from the rest", () => {
  const [listed] = marketOf({ feed: "live", symbols: [{ symbol: "A", price: 102, prev_close: 100, day_volume: 50 }] }).symbols;
  close(listed.changePercent, 2, 1e-9);
  assert.deepEqual([listed.value, listed.decimals], [5_100, 2]);
  const [said] = marketOf({ symbols: [{ symbol: "A", price: 102, prev_close: 100, change_percent: 1.5, day_volume: 50, turnover: 7, decimals: 4 }] }).symbols;
  assert.deepEqual([said.changePercent, said.value, said.decimals], [1.5, 7, 4]);
});

test("those without a price are counted, and a delay is in minutes", () => {
  const { followed, delay } = marketOf({ feed: "live", followed: 14, delay_ms: 900_500, symbols: [{ symbol: "A" }] });
  assert.deepEqual([followed, delay], [14, 15]);
});

test("a change leads up or down as far as it is written", () => {
  assert.deepEqual([0.004, -0.004, 0.005, -0.005, null].map(wayOf), ["flat", "flat", "up", "down", "flat"]);
  assert.deepEqual([null, 0, 1.5, -3, 9].map(heatOf), [0, 0, 0.5, 1, 1]);
});

test("a symbol is named without its exchange and addressed with it", () => {
  assert.deepEqual(["AAPL", "BINANCE:BTCUSDT"].map(shortName), ["AAPL", "BTCUSDT"]);
  assert.deepEqual(["AAPL", "BINANCE:BTCUSDT", "GC=F", "A/B"].map(addressOf), ["/s/AAPL", "/s/BINANCE%3ABTCUSDT", "/s/GC%3DF", "/s/A%2FB"]);
});

test("breadth counts each known change once", () => {
  const symbols = [1.2, 0.5, 0, -0.2, -4, null].map((change, at) => one(`S${at}`, change));
  assert.deepEqual(breadth(symbols), { up: 2, flat: 1, down: 2, farUp: 1, farDown: 1, median: 0 });
  assert.equal(breadth([one("A", 1), one("B", 2)]).median, 1.5);
  assert.deepEqual(breadth([]), { up: 0, flat: 0, down: 0, farUp: 0, farDown: 0, median: null });
});

test("movers are those that moved the most, in their direction alone", () => {
  const symbols = [one("A", 1), one("B", -2), one("C", 3), one("D", 0), one("E", -1), one("F", null)];
  const names = (way, most) => movers(symbols, way, most).map(({ symbol }) => symbol);
  assert.deepEqual([names("up", 9), names("down", 9), names("up", 1)], [["C", "A"], ["B", "E"], ["C"]]);
});

/** A poll whose questions the test answers. */
function asked() {
  const browser = environment(), questions = [], page = { hidden: false };
  let told = 0;
  const poll = new MarketPoll((path, signal) => new Promise((answer) => questions.push({ path, signal, answer })), () => page.hidden, browser.options);
  return { browser, questions, page, poll, heard: () => told, hear: () => poll.subscribe(() => { told += 1; }) };
}
const ANSWER = { feed: "live", symbols: [{ symbol: "A", price: 1 }] };

test("however many listen, there is one request at a time, every two seconds", async () => {
  const { browser, questions, poll, hear, heard } = asked();
  hear();
  hear();
  assert.deepEqual(questions.map(({ path }) => path), ["/api/market"]);
  browser.advance(EVERY_MS);
  assert.equal(questions.length, 1);
  questions[0].answer(ANSWER);
  await settled();
  assert.equal(heard(), 2);
  assert.equal(poll.state.market.symbols[0].symbol, "A");
  browser.advance(EVERY_MS - 1);
  assert.equal(questions.length, 1);
  browser.advance(1);
  assert.equal(questions.length, 2);
});

test("without an answer it asks less and less often, and keeps what was known", async () => {
  const { browser, questions, poll, hear } = asked();
  hear();
  questions[0].answer(ANSWER);
  await settled();
  const pauses = [];
  for (let at = 1; at < 8; at++) {
    while (questions.length === at) { browser.advance(1_000); pauses[at] = (pauses[at] ?? 0) + 1; }
    questions[at].answer(null);
    await settled();
  }
  assert.deepEqual(pauses.slice(1), [2, 4, 8, 16, 30, 30, 30]);
  assert.equal(poll.state.lost, true);
  assert.equal(poll.state.market.symbols[0].symbol, "A");
  browser.advance(30_000);
  questions.at(-1).answer(ANSWER);
  await settled();
  assert.equal(poll.state.lost, false);
});

test("a request that is never answered is given up", () => {
  const { browser, questions, hear } = asked();
  hear();
  browser.advance(9_999);
  assert.equal(questions[0].signal.aborted, false);
  browser.advance(1);
  assert.equal(questions[0].signal.aborted, true);
});

test("a page that nobody sees asks nothing, and asks at once when it is seen again", async () => {
  const { browser, questions, page, poll, hear } = asked();
  hear();
  questions[0].answer(ANSWER);
  await settled();
  page.hidden = true;
  browser.advance(60_000);
  assert.equal(questions.length, 1);
  page.hidden = false;
  poll.look();
  assert.equal(questions.length, 2);
});

test("with the last listener the questions end", async () => {
  const { browser, questions, heard, hear } = asked();
  hear()();
  assert.ok(questions[0].signal.aborted);
  questions[0].answer(ANSWER);
  await settled();
  browser.advance(60_000);
  assert.deepEqual([questions.length, heard()], [1, 0]);
});
