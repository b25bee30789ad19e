/** The day as a small line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DayLine, MOST, STEP_MS, shapeOf } from "../../photon_app/ui/live/sparks.js";

const bars = (...closes) => closes.map((close, at) => ({ time: at * STEP_MS, close }));
const prices = (line) => line.points.map(([, price]) => price);

test("prices move the end of the line, and begin a new point every five minutes", () => {
  const line = new DayLine();
  line.load(0, bars(1, 2));
  assert.equal(line.price(STEP_MS + 5, 3), true);
  assert.equal(line.price(STEP_MS + 9, 3), false);
  assert.equal(line.price(2 * STEP_MS, 4), true);
  assert.equal(line.price(7, 9), false);
  assert.deepEqual(prices(line), [1, 3, 4]);
});

test("a price heard before the bars are there stays behind them", () => {
  const line = new DayLine();
  line.price(3 * STEP_MS + 1, 7);
  line.load(0, bars(1, 2));
  assert.deepEqual(prices(line), [1, 2, 7]);
  line.load(0, bars(1, 2, 3, 4));
  assert.deepEqual(prices(line), [1, 2, 3, 4]);
});

test("a line is never longer than a day", () => {
  const line = new DayLine();
  for (let at = 0; at < 2 * MOST; at += 1) line.price(at * STEP_MS, at);
  assert.equal(line.points.length, MOST);
  assert.equal(prices(line).at(-1), 2 * MOST - 1);
});

test("the line stays in its box, the previous close too", () => {
  const { line, close } = shapeOf([[0, 10], [50, 30], [100, 20]], 5, 80, 26);
  assert.deepEqual(line[0][0], 2);
  assert.deepEqual(line.at(-1)[0], 78);
  assert.deepEqual([close, line[1][1]], [24, 2]);
  for (const [x, y] of line) assert.ok(x >= 0 && x <= 80 && y >= 0 && y <= 26);
});

test("one point, equal prices and no points have a shape too", () => {
  assert.deepEqual(shapeOf([[5, 10]], null, 80, 26), { line: [[78, 13]], close: null });
  assert.deepEqual(shapeOf([[5, 10], [6, 10]], 10, 80, 26), { line: [[2, 13], [78, 13]], close: 13 });
  assert.deepEqual(shapeOf([], 10, 80, 26), { line: [], close: null });
});
