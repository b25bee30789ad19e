/** The day as a small line, and which lines are asked for when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DayLine, DayLines, KEPT, MOST, pathsOf, POINTS } from "../../photon_app/ui/live/sparks.js";

const STEP = 300_000, DAY = 100 * STEP;
const answer = (symbol, prices, more = {}) => ({
  symbol, day: 0, from: 0, to: DAY, step_ms: STEP, points: prices.map((price, at) => [at * STEP, price]), prev_close: 5, vwap: 6, high_52w: 9, low_52w: 1, ...more,
});
const loaded = (...prices) => {
  const line = new DayLine();
  line.load(answer("A", prices));
  return line;
};
const prices = (line) => line.points.map(([, price]) => price);

test("prices move the end of the line, and begin a new point with each step", () => {
  const line = loaded(1, 2);
  assert.equal(line.price(STEP + 5, 3), true);
  assert.equal(line.price(STEP + 9, 3), false);
  assert.equal(line.price(2 * STEP, 4), true);
  assert.equal(line.price(7, 9), false);
  assert.equal(line.price(5 * STEP + 7, 5), true);
  assert.deepEqual(line.points, [[0, 1], [STEP, 3], [2 * STEP, 4], [5 * STEP, 5]]);
});

test("a price outside the day, or before the day is known, is none of the line", () => {
  assert.equal(new DayLine().price(5, 1), false);
  const line = loaded(1);
  assert.equal(line.price(DAY + 1, 2), false);
  assert.equal(line.price(-1, 2), false);
  assert.deepEqual(prices(line), [1]);
});

test("what was heard and is newer than the answer stays, unless it is of another day", () => {
  const line = loaded(1, 2);
  line.price(3 * STEP, 7);
  line.load(answer("A", [1, 2, 3]));
  assert.deepEqual(prices(line), [1, 2, 3, 7]);
  line.load(answer("A", [4], { day: DAY, from: DAY, to: 2 * DAY, points: [[DAY, 4]] }));
  assert.deepEqual(prices(line), [4]);
});

test("the average price is the server's, and follows what is traded since", () => {
  const line = loaded(1);
  const quote = { day: 0, price: 6, dayVolume: 100 };
  assert.equal(line.vwap(undefined), null);
  assert.equal(line.vwap(quote), 6);
  for (const _ of "twice") assert.equal(line.vwap({ ...quote, price: 10, dayVolume: 400 }), 9);
  assert.equal(line.vwap({ ...quote, price: 1, dayVolume: 300 }), 9, "an older quote");
  assert.equal(line.vwap({ ...quote, price: 10, dayVolume: 400 }), 9, "and the newer one again");
  assert.equal(line.vwap({ ...quote, dayVolume: null }), 9);
  assert.equal(line.vwap({ ...quote, day: DAY }), null, "another day");
  line.load(answer("A", [1], { vwap: 8 }));
  assert.equal(line.vwap({ ...quote, dayVolume: 500 }), 8, "asked for again");
  line.load(answer("A", [1], { vwap: null }));
  assert.equal(line.vwap(quote), null);
});

test("a line has a bound", () => {
  const line = loaded();
  line.load(answer("A", [], { to: 1e12 }));
  for (let at = 0; at < 2 * POINTS; at += 1) line.price(at * STEP, at);
  assert.equal(line.points.length, POINTS);
  assert.equal(prices(line).at(-1), 2 * POINTS - 1);
});

test("its x is the day's clock: at half of the day half the box is filled", () => {
  const line = loaded(...Array.from({ length: 51 }, (_, at) => at + 1));
  const { line: path } = pathsOf(line, null, 80, 28);
  assert.match(path, /^M0\.0,26\.0L/);
  assert.match(path, /L40\.0,2\.0$/);
});

test("the previous close is a line through the box, with the ground between", () => {
  const paths = pathsOf(loaded(10, 30, 20), 5, 100, 28);
  assert.equal(paths.close, "M0,26.0H100");
  assert.equal(paths.area, "M0.0,26.0L0.0,21.2L1.0,2.0L2.0,11.6V26.0Z");
});

test("one point, equal prices and no points have a shape too", () => {
  assert.deepEqual(pathsOf(loaded(10), null, 80, 28), { line: "M0.0,14.0h0", close: "", area: "" });
  assert.equal(pathsOf(loaded(10, 10), 10, 80, 28).line, "M0.0,14.0L0.8,14.0");
  assert.deepEqual(pathsOf(loaded(), 10, 80, 28), { line: "", close: "", area: "" });
  assert.deepEqual(pathsOf(new DayLine(), 10, 80, 28), { line: "", close: "", area: "" });
});

/** A loader whose requests the test answers, and whose clock it turns. */
function loader() {
  const asked = [], timers = [];
  let now = 0;
  const lines = new DayLines({
    ask: (path) => new Promise((resolve) => asked.push({ symbols: path.split("=")[1].split(",").map(decodeURIComponent), resolve })),
    now: () => now, after: (run, ms) => timers.push({ run, at: now + ms }),
  });
  const advance = (ms) => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) { timers.splice(timers.indexOf(timer), 1); timer.run(); }
  };
  const settle = async (of) => {
    asked.shift().resolve(of && { sparklines: of });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { lines, asked, advance, settle };
}

test("what is wanted at one time is one request, and what is there is not asked for again", async () => {
  const { lines, asked, advance, settle } = loader();
  let came = 0;
  lines.onLoad(() => { came += 1; });
  assert.deepEqual(["A", "BINANCE:B&C", "A"].map((symbol) => lines.want(symbol)), [true, true, false]);
  assert.equal(asked.length, 0);
  advance(50);
  assert.deepEqual(asked.map(({ symbols }) => symbols), [["A", "BINANCE:B&C"]]);
  lines.want("A");
  await settle([answer("A", [1, 2]), answer("BINANCE:B&C", [3, 4])]);
  assert.deepEqual([prices(lines.line("BINANCE:B&C")), lines.line("A").high52, came], [[3, 4], 9, 1]);
  lines.want("A");
  advance(1e9);
  assert.equal(asked.length, 0);
});

test("a long list is several requests, one after the other", async () => {
  const { lines, asked, advance, settle } = loader();
  for (let at = 0; at < MOST + 5; at += 1) lines.want(`S${at}`);
  advance(50);
  assert.deepEqual(asked.map(({ symbols }) => symbols.length), [MOST]);
  await settle([]);
  advance(50);
  assert.deepEqual(asked.map(({ symbols }) => symbols.length), [5]);
});

test("a failure is tried again calmly, more and more slowly", async () => {
  const { lines, asked, advance, settle } = loader();
  const wait = async (ms) => { advance(ms); lines.want("A"); advance(50); const was = asked.length; if (was) await settle(null); return was; };
  assert.deepEqual([await wait(0), await wait(29_000), await wait(1_000), await wait(31_000), await wait(30_000)], [1, 0, 1, 0, 1]);
});

test("a symbol that is new to the server is asked for again soon, and then now and then", async () => {
  const { lines, asked, advance, settle } = loader();
  const wait = async (ms) => { advance(ms); lines.want("A"); advance(50); const was = asked.length; if (was) await settle([]); return was; };
  assert.deepEqual([await wait(0), await wait(2_000), await wait(2_000), await wait(28_000)], [1, 1, 0, 1]);
});

test("a line that nobody shows is asked for again when it is back after a minute", async () => {
  const { lines, asked, advance, settle } = loader();
  const look = async (ms) => { advance(ms); lines.want("A"); advance(50); const was = asked.length; if (was) await settle([answer("A", [1, 2])]); return was; };
  assert.equal(await look(0), 1);
  lines.later("A");
  assert.deepEqual([await look(30_000), await look(30_000), await look(1e9)], [0, 1, 0]);
});

test("a later day is asked for at once, and then calmly until it is there", async () => {
  const { lines, asked, advance, settle } = loader();
  const look = async (ms) => { advance(ms); lines.renew("A", DAY); lines.want("A"); advance(50); const was = asked.length; if (was) await settle([answer("A", [1, 2])]); return was; };
  lines.want("A");
  advance(50);
  await settle([answer("A", [1, 2])]);
  assert.deepEqual([await look(0), await look(1_000), await look(30_000)], [1, 0, 1]);
});

test("a new epoch, a connection that is back and another session make every line due", async () => {
  const { lines, asked, advance, settle } = loader();
  const open = { connection: "open", epoch: "a", market: "regular" };
  const due = async (...statuses) => {
    for (const status of statuses) lines.status(status);
    lines.want("A");
    advance(50);
    const was = asked.length;
    if (was) await settle([answer("A", [1, 2])]);
    return was;
  };
  assert.equal(await due(open), 1);
  assert.equal(await due(open, open), 0);
  assert.equal(await due({ ...open, connection: "reconnecting" }, open), 1);
  assert.equal(await due({ ...open, market: "post" }), 1);
  lines.line("A").price(50 * STEP, 9);
  assert.equal(await due({ ...open, market: "post", epoch: "b" }), 1);
  assert.deepEqual(prices(lines.line("A")), [1, 2]);
});

test("an answer that comes before or after the first word of the server counts; one of a server that is gone does not", async () => {
  const { lines, asked, advance, settle } = loader();
  const open = { connection: "open", epoch: "a", market: "regular" };
  const meanwhile = async (status) => {
    lines.want("A");
    advance(50);
    lines.status(status);
    await settle([answer("A", [1, 2])]);
    lines.want("A");
    advance(50);
    return asked.length;
  };
  assert.equal(await meanwhile(open), 0);
  lines.later("A");
  advance(60_000);
  assert.equal(await meanwhile({ ...open, epoch: "b" }), 1);
});

test("a page keeps so many lines, and forgets the oldest", () => {
  const { lines } = loader();
  const first = lines.line("S0");
  for (let at = 1; at < KEPT; at += 1) lines.line(`S${at}`);
  assert.equal(lines.line("S0"), first);
  lines.line("one more");
  assert.equal(lines.kept("S0"), undefined);
  assert.equal(lines.kept("S0"), undefined); // asking keeps none
  assert.notEqual(lines.line("S0"), first);
});
