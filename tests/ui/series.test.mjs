/** The laws of a chart's bars. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST, Series, bands, placeOf } from "../../photon_app/ui/live/series.js";

const bar = (time, more = {}) => ({ time, open: 1, high: 2, low: 1, close: 1.5, volume: 10, count: 3, vwap: 1.4, final: true, ...more });
const answer = (times, more = {}) => ({ source: "simulated", since: 0, bars: times.map((time) => bar(time)), sessions: [], ...more });
const loaded = (times, more) => {
  const series = new Series();
  series.load(answer(times, more), times.length);
  return series;
};
const said = (time, more = {}, flags = { final: false }) => {
  const { final, ...figures } = bar(time, more);
  return { bar: figures, ...flags };
};
const times = (series) => series.bars.map(({ time }) => time);

test("a newer bar is put at the end, the running one is replaced in its place", () => {
  const series = loaded([1, 2]);
  assert.equal(series.fold(said(3)), "last");
  assert.equal(series.fold(said(3, { close: 9, count: 4 })), "last");
  assert.deepEqual(times(series), [1, 2, 3]);
  assert.deepEqual([series.newest.close, series.newest.final], [9, false]);
});

test("a running bar never takes the place of a final one, nor of one with more trades", () => {
  const series = loaded([1, 2]);
  assert.equal(series.fold(said(2, { count: 9, close: 7 })), "");
  series.fold(said(3, { count: 5 }));
  assert.equal(series.fold(said(3, { count: 4, close: 7 })), "");
  assert.equal(series.newest.close, 1.5);
});

test("the closed bar is final, while the next one runs", () => {
  const series = loaded([1]);
  series.fold(said(2));
  series.fold(said(3));
  assert.equal(series.fold(said(2, { count: 8 }, { final: true })), "earlier");
  assert.deepEqual(series.bars.map(({ final }) => final), [true, true, false]);
});

test("a bar that stays open although later ones run is torn, one that just ended is not", () => {
  const series = loaded([0]);
  series.fold(said(60_000));
  series.fold(said(120_000));
  assert.equal(series.torn, null);
  series.fold(said(180_000));
  assert.equal(series.torn, 60_000);
  series.fold(said(60_000, {}, { final: true }));
  assert.equal(series.torn, null);
});

test("a correction replaces a closed bar, whatever its count", () => {
  const series = loaded([1, 2, 3]);
  assert.equal(series.fold(said(2, { count: 1, high: 8 }, { final: true, corrected: true })), "earlier");
  assert.equal(series.bars[1].high, 8);
});

test("a bar that a late trade made goes to its place", () => {
  const series = loaded([1, 2, 4]);
  assert.equal(series.fold(said(3, {}, { final: true, corrected: true })), "all");
  assert.deepEqual(times(series), [1, 2, 3, 4]);
});

test("what is older than all that was loaded is left to the page that holds it", () => {
  const series = loaded([10, 11], { since: 0 });
  assert.equal(series.fold(said(5, {}, { final: true, corrected: true })), "");
  series.complete = true;
  assert.equal(series.fold(said(5, {}, { final: true, corrected: true })), "all");
});

test("messages before the history wait for it; the newer of both stands", () => {
  const series = new Series();
  series.wait();
  assert.equal(series.fold(said(3, { count: 9, close: 9 })), "");
  assert.equal(series.fold(said(2, { count: 1, close: 8 })), "");
  series.load({ ...answer([1, 2]), bars: [bar(1), bar(2, { final: false, count: 4 })] }, 2);
  assert.deepEqual(series.bars.map(({ close }) => close), [1.5, 1.5, 9]);
});

test("what waited for an earlier history is not put into a later one", () => {
  const series = new Series();
  series.wait();
  series.fold(said(7));
  series.wait();
  series.load(answer([1, 2]), 2);
  assert.deepEqual(times(series), [1, 2]);
});

test("a history loaded again keeps older pages when there is no gap, and only then", () => {
  const series = loaded([5, 6, 7]);
  series.prepend(answer([3, 4]), 2);
  series.load(answer([6, 7, 8]), 3, true);
  assert.deepEqual(times(series), [3, 4, 5, 6, 7, 8]);
  series.load(answer([12, 13]), 2, true);
  assert.deepEqual(times(series), [12, 13]);
  series.load(answer([13, 14]), 2);
  assert.deepEqual(times(series), [13, 14]);
});

test("older bars go in front, each once", () => {
  const series = loaded([5, 6], { since: -9 });
  assert.equal(series.complete, false);
  assert.equal(series.prepend(answer([3, 4, 5], { since: -9 }), 3), 2);
  assert.deepEqual(times(series), [3, 4, 5, 6]);
  assert.equal(series.complete, false);
});

test("nothing older is asked for when the answer is short, at the oldest bar, or empty", () => {
  const short = new Series();
  short.load(answer([5]), 500);
  assert.equal(short.complete, true);
  assert.equal(loaded([5, 6], { since: 5 }).complete, true);
  const series = loaded([5, 6], { since: 1 });
  assert.equal(series.prepend(answer([], { since: 1 }), 2), 0);
  assert.equal(series.complete, true);
});

test("a database that did not answer is no end of the history", () => {
  const series = new Series();
  series.load(answer([5], { partial: true }), 500);
  assert.deepEqual([series.complete, series.partial], [false, true]);
});

test("there are never more bars than the bound and a little", () => {
  const series = loaded([0]);
  let rewrites = 0;
  for (let time = 1; time < MOST + 2_500; time += 1) rewrites += series.fold(said(time, {}, { final: true })) === "all";
  assert.ok(series.bars.length <= MOST + 1_000);
  assert.equal(rewrites, 2);
  const full = loaded(Array.from({ length: MOST }, (_, at) => at + 100));
  full.prepend(answer([1, 2, 3]), 3);
  assert.deepEqual([full.bars.length, full.complete], [MOST, true]);
});

test("any order of messages gives bars in order of time, one a time", () => {
  let seed = 7;
  const random = (most) => (seed = (seed * 16_807) % 2_147_483_647) % most;
  for (let round = 0; round < 200; round += 1) {
    const series = loaded([10, 20, 30], { since: 0 });
    for (let at = 0; at < 40; at += 1) {
      series.fold(said(random(60), { count: random(9) }, { final: random(2) === 1, corrected: random(4) === 1 }));
    }
    const seen = times(series);
    assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b));
  }
});

test("a place is that of the first bar at or after a time", () => {
  const { bars } = loaded([10, 20, 30]);
  assert.deepEqual([5, 10, 11, 30, 31].map((time) => placeOf(bars, time)), [0, 0, 1, 2, 3]);
});

test("bands are the bars of the sessions before and after the regular one", () => {
  const { bars } = loaded([10, 20, 30, 40, 50]);
  const sessions = [{ session: "pre", from: 0, to: 25 }, { session: "regular", from: 25, to: 45 }, { session: "post", from: 45, to: 90 },
    { session: "pre", from: 100, to: 200 }];
  assert.deepEqual(bands(bars, sessions), [{ session: "pre", first: 0, last: 1 }, { session: "post", first: 4, last: 4 }]);
});
