/** The laws of painting: which paint runs in which frame, and what asks for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Frames, Painter, ROW_MS } from "../../photon_app/ui/live/painter.js";
import { Photon } from "../../photon_app/ui/live/photon-client.js";
import { environment, settled, snapshot, update } from "./fake_browser.mjs";

/** Frames that the test runs, on a clock that paints turn. */
function screen() {
  const asked = [];
  const clock = { now: 0 };
  return { clock, asked, frames: new Frames((run) => asked.push(run), () => clock.now), frame: () => asked.splice(0).forEach((run) => run()) };
}

/** A painter over a client that is connected. */
function page() {
  const browser = environment(), shown = screen();
  const live = new Photon(browser.options);
  return { browser, live, ...shown, painter: new Painter(live, shown.frames) };
}

const subscribed = ({ sent }) => sent.filter(({ action }) => action === "subscribe").map(({ symbols, interval_ms: ms = 0 }) => `${symbols} ${ms}`);

test("a paint that is asked for often runs once in the next frame", () => {
  const { frames, asked, frame } = screen();
  let painted = 0;
  const paint = () => { painted += 1; };
  for (let at = 0; at < 5; at += 1) frames.soon(paint);
  assert.deepEqual([asked.length, painted], [1, 0]);
  frame();
  assert.deepEqual([asked.length, painted], [0, 1]);
});

test("what is asked for by a paint runs in the frame after", () => {
  const { frames, frame } = screen();
  let painted = 0;
  const paint = () => { painted += 1; if (painted < 3) frames.soon(paint); };
  frames.soon(paint);
  frame();
  assert.equal(painted, 1);
  frame();
  frame();
  frame();
  assert.equal(painted, 3);
});

test("rows share what a frame has for them, first come, first served, and the others wait for none of it", () => {
  const { frames, frame, clock, asked } = screen();
  const painted = [];
  for (let at = 0; at < 10; at += 1) frames.later(() => { painted.push(at); clock.now += 2; });
  for (const name of ["price", "tape", "chart"]) frames.soon(() => { painted.push(name); clock.now += 20; });
  frame();
  assert.deepEqual(painted, ["price", "tape", "chart", 0, 1, 2]);
  frame();
  assert.deepEqual(painted.slice(6), [3, 4, 5]);
  while (asked.length) frame();
  assert.deepEqual(painted.slice(9), [6, 7, 8, 9]);
});

test("of rows that are dear, one is painted in each frame", () => {
  const { frames, frame, clock } = screen();
  const painted = [];
  for (let at = 0; at < 3; at += 1) frames.later(() => { painted.push(at); clock.now += 100; });
  for (let at = 1; at <= 3; at += 1) {
    frame();
    assert.equal(painted.length, at);
  }
});

test("a paint that throws costs no other, and what was taken back does not run", () => {
  const { frames, frame } = screen();
  const painted = [], { error } = console;
  const back = [() => painted.push("back"), () => painted.push("back later")];
  console.error = (...words) => painted.push(words[0].message);
  try {
    frames.soon(back[0]);
    frames.later(back[1]);
    for (const add of ["soon", "later"]) {
      frames[add](() => { throw new Error("mine"); });
      frames[add](() => painted.push(add));
    }
    for (const paint of back) frames.drop(paint);
    frame();
  } finally { console.error = error; }
  assert.deepEqual(painted, ["mine", "soon", "mine", "later"]);
});

test("the parts of a row share one watcher, and one paint", async () => {
  const { browser, live, painter, frame, asked } = page();
  const drawn = [];
  let watchers = 0;
  const { watch } = live;
  live.watch = (...given) => { watchers += 1; return watch.apply(live, given); };
  for (const part of ["price", "change", "range"]) painter.add("A", (quote) => drawn.push(`${part} ${quote?.price}`), ROW_MS);
  assert.deepEqual(drawn, ["price undefined", "change undefined", "range undefined"]);
  browser.socket.greet();
  await settled();
  frame();
  drawn.length = 0;
  browser.socket.say({ type: "batch", updates: [snapshot("A", 1, 100), update("A", 2, 101)] });
  assert.deepEqual([watchers, asked.length, drawn.length], [1, 1, 0]);
  frame();
  assert.deepEqual(drawn, ["price 101", "change 101", "range 101"]);
});

test("rows move four times a second, the selected symbol with every trade", async () => {
  const { browser, painter } = page();
  for (const symbol of ["A", "B", "C"]) painter.add(symbol, () => {}, ROW_MS);
  const deselect = painter.add("B", () => {}, 0);
  browser.socket.greet();
  await settled();
  assert.deepEqual(subscribed(browser.socket), ["A,C 250", "B 0"]);
  deselect();
  painter.add("C", () => {}, 0);
  await settled();
  browser.advance(1_000);
  assert.deepEqual(subscribed(browser.socket), ["A,C 250", "B 0", "C 0", "B 250"]);
});

test("a status paints only the symbols that it concerns", async () => {
  const { browser, painter, frame } = page();
  const drawn = [];
  for (const symbol of ["A", "B", "C"]) painter.add(symbol, () => drawn.push(symbol), ROW_MS);
  browser.socket.greet();
  await settled();
  const painted = (act) => {
    frame();
    drawn.length = 0;
    act();
    frame();
    return drawn.join("");
  };
  const say = (more) => browser.socket.say({ type: "status", feed: "simulated", market: "regular", epoch: "one", symbols: {}, ...more });
  assert.equal(painted(() => browser.socket.say(snapshot("A", 1, 100))), "A");
  assert.equal(painted(() => browser.socket.say(snapshot("B", 1, 100))), "B");
  assert.equal(painted(() => say({ feed: "throttled", detail: "slow down" })), "");
  assert.equal(painted(() => say({ symbols: { A: "stale" } })), "A");
  assert.equal(painted(() => say({ symbols: { C: "waiting" } })), "C", "no price yet is known now");
  assert.equal(painted(() => say({ symbols: { C: "rejected" } })), "C");
  assert.equal(painted(() => say({ market: "post" })), "ABC", "the day may be another");
  assert.equal(painted(() => browser.socket.end(1006)), "B", "its price is old now, as A's was before");
  assert.equal(painted(() => browser.advance(1_000)), "");
  assert.equal(painted(() => browser.socket.greet("two", { market: "post" })), "ABC", "their prices are gone");
});

test("nothing is painted, watched or heard after its end", async () => {
  const { browser, live, painter, frame, asked } = page();
  const drawn = [];
  const ends = ["price", "change"].map((part) => painter.add("A", () => drawn.push(part), ROW_MS));
  browser.socket.greet();
  await settled();
  frame();
  drawn.length = 0;
  ends[0]();
  ends[0]();
  browser.socket.say(snapshot("A", 1, 100));
  frame();
  assert.deepEqual(drawn, ["change"]);
  browser.socket.say(update("A", 2, 101));
  ends[1]();
  frame();
  browser.advance(2_000);
  live.close();
  assert.deepEqual([drawn.length, asked.length], [1, 0]);
  assert.deepEqual(browser.socket.sent.filter(({ action }) => action === "unsubscribe").map(({ symbols }) => symbols), [["A"]]);
});

test("a part that throws costs no other part of its row", async () => {
  const { browser, painter, frame } = page();
  const drawn = [], { error } = console;
  console.error = () => {};
  try {
    painter.add("A", () => { throw new Error("mine"); }, ROW_MS);
    painter.add("A", (quote) => drawn.push(quote?.price), ROW_MS);
    browser.socket.greet();
    await settled();
    browser.socket.say(snapshot("A", 1, 100));
    frame();
  } finally { console.error = error; }
  assert.deepEqual(drawn.at(-1), 100);
});

test("what trades move is painted in each frame where a frame is quick, and rests where one was left out", () => {
  const { clock, frames, frame } = page();
  let painted = 0;
  const paint = () => { painted += 1; };
  for (let n = 0; n < 10; n += 1) { frames.moved(paint); frame(); clock.now += 16; }
  assert.equal(painted, 10);
  painted = 0;
  for (let n = 0; n < 40; n += 1) { // a frame with the paint takes 40 ms, one without it 16
    frames.moved(paint);
    const before = painted;
    frame();
    clock.now += painted > before ? 40 : 16;
  }
  assert.ok(painted >= 8 && painted <= 20, `${painted} of 40 frames`);
});

test("what rests comes in the end, once, and not after it was painted or taken back", () => {
  const { clock, frames, frame } = page();
  let painted = 0;
  const paint = () => { painted += 1; };
  frames.moved(paint);
  frame();
  clock.now += 500; // a tab that was hidden, or a long task
  frames.moved(paint);
  frame();
  assert.equal(painted, 1);
  assert.equal(frames.resting, true);
  frames.soon(paint); // somebody pressed a key
  frames.moved(paint);
  frame();
  assert.equal(painted, 2);
  frames.moved(paint);
  frames.soon(paint);
  for (let n = 0; n < 20; n += 1) { clock.now += 16; frame(); }
  assert.equal(painted, 3);
  frames.moved(paint);
  frames.drop(paint);
  for (let n = 0; n < 20; n += 1) { clock.now += 16; frame(); }
  assert.equal(painted, 3);
  for (const after of [500, 16]) {
    frames.moved(paint);
    frame();
    clock.now += after;
  }
  assert.equal(frames.resting, true);
  for (let n = 0; n < 20; n += 1) { clock.now += 16; frame(); }
  assert.equal(painted, 5);
  frames.soon(paint);
  frames.moved(paint);
  frame();
  frame();
  assert.equal(painted, 6);
});

test("the selected symbol rests with what trades move, and a row does not", async () => {
  const { browser, painter, frames, frame, clock } = page();
  const drawn = [];
  painter.add("A", (quote) => drawn.push(`selected ${quote?.price}`), 0);
  painter.add("A", (quote) => drawn.push(`row ${quote?.price}`), ROW_MS);
  browser.socket.greet();
  await settled();
  frames.moved(() => {});
  frame();
  clock.now += 500;
  frame();
  assert.equal(frames.resting, true);
  drawn.length = 0;
  browser.socket.say({ type: "batch", updates: [snapshot("A", 1, 100)] });
  frame();
  assert.deepEqual(drawn, ["row 100"]);
  clock.now += 200;
  frame();
  assert.deepEqual(drawn, ["row 100", "selected 100"]);
});
