/** The trades of a symbol: what the server keeps, and what came since. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH, emptyWords, remarks, SHOWN, TapeView, TradeTape } from "../../photon_app/ui/live/tapes.js";

const quote = (seq, price, tick = 1) => ({ seq, price, tick, time: seq, volume: 1 });
const print = (time, price, counted = true, why = "", conditions = []) => ({ time, price, volume: 1, conditions, counted, why });
const prices = (tape) => tape.rows.map((row) => row.price);

test("what the server keeps stands below what came since, and nothing twice", () => {
  const tape = new TradeTape();
  for (const seq of [3, 4, 5]) tape.hear(quote(seq, 10 + seq), "a");
  assert.equal(tape.load({ epoch: "a", seq: 4, trades: [print(1, 11), print(2, 12), print(3, 13), print(4, 14)] }), true);
  assert.deepEqual(prices(tape), [15, 14, 13, 12, 11]);
  assert.equal(tape.doubtful, false);
  tape.hear(quote(6, 16), "a");
  assert.deepEqual(prices(tape), [16, 15, 14, 13, 12, 11]);
});

test("an update that the answer has already is no second trade", () => {
  const tape = new TradeTape();
  tape.load({ epoch: "a", seq: 2, trades: [print(1, 11), print(2, 12)] });
  assert.equal(tape.hear(quote(1, 11), "a"), false);
  assert.equal(tape.doubtful, false);
  assert.equal(tape.hear(quote(2, 12), "a"), false);
  assert.equal(tape.hear(quote(3, 13), "a"), true);
  assert.deepEqual(prices(tape), [13, 12, 11]);
});

test("what was no last price is quiet, and has no direction", () => {
  const tape = new TradeTape();
  const trades = [print(1, 10), print(2, 9, true, "late"), print(3, 11), print(4, 50, false, "held"), print(5, 11, true, "outside the sessions", ["Regular", "Odd lot"])];
  tape.load({ epoch: "a", seq: 3, trades });
  assert.deepEqual(tape.rows.map(({ direction, quiet, counted, remark }) => [direction, quiet, counted, remark]), [
    [0, false, true, "odd lot"], [0, true, false, "outlier · held"], [1, false, true, ""], [0, true, true, "late · not last"], [0, false, true, ""],
  ]);
});

test("a skipped price and a figure without a price make a tape doubtful, until it is loaded", () => {
  const tape = new TradeTape();
  tape.hear(quote(1, 10), "a");
  tape.hear(quote(3, 12), "a");
  assert.equal(tape.doubtful, true);
  tape.load({ epoch: "a", seq: 3, trades: [print(1, 10), print(2, 11), print(3, 12)] });
  assert.equal(tape.doubtful, false);
  assert.equal(tape.hear(quote(3, 12), "a"), false);
  assert.equal(tape.doubtful, true);
});

test("another epoch begins a tape anew, and an answer of another is not taken", () => {
  const tape = new TradeTape();
  tape.load({ epoch: "a", seq: 1, trades: [print(1, 10)] });
  tape.hear(quote(1, 20), "b");
  assert.deepEqual(prices(tape), [20]);
  assert.equal(tape.load({ epoch: "a", seq: 1, trades: [print(1, 10)] }, "b"), false);
  assert.deepEqual(prices(tape), [20]);
});

test("a tape has a depth", () => {
  const tape = new TradeTape();
  tape.load({ epoch: "a", seq: 0, trades: Array.from({ length: DEPTH + 9 }, (_, at) => print(at, at)) });
  assert.equal(tape.rows.length, DEPTH);
  tape.hear(quote(1, 7), "a");
  assert.equal(tape.rows.length, DEPTH);
  assert.equal(tape.rows[0].price, 7);
});

test("a polled price is no trade", () => {
  const tape = new TradeTape();
  assert.equal(tape.hear({ ...quote(1, 10), polled: true }, "a"), false);
  tape.hear(quote(2, 11), "a");
  assert.deepEqual(prices(tape), [11]);
  assert.equal(tape.doubtful, false);
});

test("a quote that was heard already, or that the answer has, is no reason to ask again", () => {
  const tape = new TradeTape();
  tape.load({ epoch: "a", seq: 1, trades: [print(1, 10)] });
  const snapshot = quote(1, 10);
  tape.hear(snapshot, "a");
  tape.hear(snapshot, "a");
  assert.equal(tape.doubtful, false);
  tape.hear(quote(1, 10), "a");
  assert.equal(tape.doubtful, true);
});

test("live trades have no conditions until the next answer", () => {
  const tape = new TradeTape();
  assert.deepEqual([tape.loaded, tape.unread], [false, false]);
  tape.hear(quote(1, 10), "a");
  assert.equal(tape.unread, true);
  tape.load({ epoch: "a", seq: 1, trades: [print(1, 10, true, "", ["Odd lot"])] });
  assert.deepEqual([tape.loaded, tape.unread, tape.rows[0].remark], [true, false, "odd lot"]);
  tape.hear(quote(2, 11), "a");
  tape.load({ epoch: "a", seq: 1, trades: [print(1, 10)] });
  assert.equal(tape.unread, true);
});

test("a remark is what became of a print, in two words; its title says it in full", () => {
  assert.deepEqual(remarks(print(1, 1, true, "", ["Regular", "Intermarket sweep", "Odd lot"])), { remark: "ISO, odd lot", title: "Intermarket sweep, Odd lot" });
  assert.equal(remarks(print(1, 1, true, "volume only", ["Average price"])).remark, "avg price · volume");
  assert.equal(remarks(print(1, 1, true, "range only", ["Seller"])).remark, "seller · not last");
  assert.equal(remarks(print(1, 1, true, "range only")).remark, "not last");
  assert.equal(remarks(print(1, 1, false, "outlier")).title, "Far from the last price, and no second trade confirmed it");
  assert.equal(remarks(print(1, 1, true, "", ["T", "@"])).remark, "T, @");
  assert.equal(remarks(print(1, 1, false, "something new")).remark, "something new");
});

const sized = (...volumes) => volumes.map((volume) => ({ volume }));
const volumes = (rows) => rows.map(({ volume }) => volume);

test("a tape shows the newest trades of a size, and no more than it has rows", () => {
  const view = new TapeView();
  assert.deepEqual(volumes(view.of(sized(1, 100, 5, 2_000))), [1, 100, 5, 2_000]);
  view.least = 100;
  assert.deepEqual(volumes(view.of(sized(1, 100, 5, 2_000))), [100, 2_000]);
  assert.equal(view.of(Array.from({ length: DEPTH }, () => ({ volume: 100 }))).length, SHOWN);
});

test("a tape that is held stays, and counts what comes, of the chosen size", () => {
  const view = new TapeView(), rows = sized(1, 100);
  view.count({ volume: 5 });
  view.hold(rows);
  rows.unshift(...sized(7));
  view.hold(rows);
  for (const row of sized(7, 100, 5_000)) view.count(row);
  assert.deepEqual([view.held, view.fresh, volumes(view.of(rows))], [true, 3, [1, 100]]);
  view.least = 1_000;
  assert.deepEqual([view.fresh, view.of(rows)], [1, []]);
  view.release();
  assert.deepEqual([view.held, view.fresh], [false, 0]);
  view.least = 0;
  assert.deepEqual(volumes(view.of(rows)), [7, 1, 100]);
});

test("an empty tape says why", () => {
  const tape = { loaded: true, rows: [] };
  assert.equal(emptyWords({ ...tape, loaded: false }, 0, false), "");
  assert.equal(emptyWords(tape, 0, false), "No trades yet");
  assert.match(emptyWords(tape, 0, true), /asked for/);
  assert.equal(emptyWords({ ...tape, rows: sized(1, 2) }, 0, false), "None of the newest 2 trades is that large");
  assert.equal(emptyWords({ ...tape, rows: sized(1, 2) }, 2, false), "");
});

test("conditions and reasons are texts, whatever they are called", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.deepEqual(remarks(print(1, 1, true, "", [name])), { remark: name.toLowerCase(), title: name });
    assert.deepEqual(remarks(print(1, 1, false, name)), { remark: name, title: "" });
  }
});
