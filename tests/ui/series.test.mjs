/** The laws of a chart's bars. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { beginOf, MOST, Series, bands, holes, placeOf, rangeBegin, SPANS } from "../../photon_app/ui/live/series.js";

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
  const [pre, regular, post] = sessions;
  assert.deepEqual(bands(bars, sessions), [{ ...pre, first: 0, last: 1 }, { ...post, first: 4, last: 4 }]);
  assert.deepEqual(bands(bars, sessions, true)[1], { ...regular, first: 2, last: 3 });
});

test("a hole is a run of incomplete bars", () => {
  const { bars } = loaded([1, 2, 3, 4, 5]);
  for (const place of [1, 2, 4]) bars[place].incomplete = true;
  assert.deepEqual(holes(bars), [{ first: 1, last: 2 }, { first: 4, last: 4 }]);
});

const HOUR = 3_600_000, OPEN = Date.UTC(2026, 10, 24, 14, 30);
const US = [
  { session: "pre", from: OPEN - 5.5 * HOUR, to: OPEN }, { session: "regular", from: OPEN, to: OPEN + 6.5 * HOUR },
  { session: "post", from: OPEN + 6.5 * HOUR, to: OPEN + 10.5 * HOUR },
];

test("a trade's bar begins where the server's does", () => {
  assert.equal(beginOf(OPEN + 61_500, "1s", US, 0), OPEN + 61_000);
  assert.equal(beginOf(OPEN + 400_000, "5m", US, 0), OPEN + 300_000);
  assert.equal(beginOf(OPEN + HOUR + 1, "1h", US, 0), OPEN + HOUR); // of a US stock from its session on
  assert.equal(beginOf(OPEN - 1, "1h", US, 0), OPEN - 0.5 * HOUR);
  assert.equal(beginOf(OPEN + HOUR, "1h", [], 0), OPEN + 0.5 * HOUR); // of all else from the full hour
  assert.equal(beginOf(OPEN, "1d", [], OPEN - 9 * HOUR), OPEN - 9 * HOUR);
  assert.equal(beginOf(OPEN, "1d", [], null), null);
  for (const timeframe of ["1s", "1m", "1h"]) assert.equal(beginOf(OPEN + 11 * HOUR, timeframe, US, 0), null); // outside the sessions
});

test("trades folded one by one are the bars of all of them, whatever the bars channel says meanwhile", () => {
  let seed = 11;
  const random = (most) => (seed = (seed * 16_807) % 2_147_483_647) % most;
  for (const timeframe of ["1s", "1m", "1h"]) {
    for (let round = 0; round < 60; round += 1) {
      const series = new Series();
      series.load({ bars: [], sessions: US, source: "finnhub", since: null }, 500);
      const truth = new Map();
      let time = OPEN - 100_000;
      for (let count = 0; count < 80; count += 1) {
        time += random(SPANS[timeframe]);
        const quote = { price: 100 + random(900) / 100, volume: 1 + random(50), time, day: OPEN - 9 * HOUR, session: "regular" };
        const begin = beginOf(time, timeframe, US, quote.day);
        if (begin === null) break;
        const { price, volume } = quote;
        const before = truth.get(begin) ?? { time: begin, open: price, high: price, low: price, volume: 0, count: 0, vwap: null };
        truth.set(begin, {
          ...before, high: Math.max(before.high, price), low: Math.min(before.low, price), close: price, volume: before.volume + volume, count: before.count + 1,
        });
        series.trade(quote, timeframe, true);
        assert.equal(series.newest.close, price);
        if (random(5) === 0) { // the channel says the same bar
          series.fold({ bar: truth.get(begin), final: false });
          series.trade(quote, timeframe, false);
        }
        const { open, high, low, close, volume: sum } = truth.get(begin), { newest } = series;
        assert.deepEqual([newest.time, newest.open, newest.high, newest.low, newest.close, newest.volume], [begin, open, high, low, close, sum]);
      }
      assert.deepEqual(times(series), [...truth.keys()]);
    }
  }
});

test("a price moves no earlier bar, none of a closed market, and none before the history is there", () => {
  const series = loaded([60_000, 120_000]);
  const quote = { price: 9, volume: 1, time: 61_000, day: 0, session: "regular" };
  assert.equal(series.trade(quote, "1m", true), "");
  assert.equal(loaded([0, 120_000]).trade(quote, "1m", true), "");
  assert.equal(series.trade({ ...quote, time: 121_000, session: "closed" }, "1m", true), "");
  assert.equal(series.trade({ ...quote, time: 121_000 }, "1m", true), "last");
  series.wait();
  assert.equal(series.trade({ ...quote, time: 122_000 }, "1m", true), "");
});

test("a message of fewer trades than a price has begun a bar with still corrects it", () => {
  const series = loaded([0]);
  series.trade({ price: 9, volume: 100, time: 60_000, day: 0, session: "regular" }, "1m", true);
  assert.equal(series.fold(said(60_000, { count: 1, volume: 7 }, { final: true })), "last");
  assert.equal(series.newest.volume, 7);
});

test("a range begins on its day: with the pre-market, or so many hours ago, months by the calendar", () => {
  const day = (count) => US.map(({ session, from, to }) => ({ session, from: from - count * 24 * HOUR, to: to - count * 24 * HOUR }));
  const week = [5, 4, 3, 2, 1, 0].flatMap(day);
  assert.equal(rangeBegin("1D", OPEN + 5, week), US[0].from);
  assert.equal(rangeBegin("1D", US[0].from - 1, week), US[0].from - 24 * HOUR); // its day has not begun
  assert.equal(rangeBegin("5D", OPEN, week), US[0].from - 4 * 24 * HOUR);
  assert.equal(rangeBegin("5D", OPEN, US), -Infinity); // as much as there is, older ones are asked for
  assert.equal(rangeBegin("1D", OPEN, []), OPEN - 24 * HOUR + 1);
  assert.equal(rangeBegin("1M", Date.UTC(2026, 2, 31, 15), []), Date.UTC(2026, 1, 28, 15));
  assert.equal(rangeBegin("1Y", OPEN, []), Date.UTC(2025, 10, 24, 14, 30));
  assert.equal(rangeBegin("YTD", Date.UTC(2026, 10, 24, 5), []), Date.UTC(2025, 11, 31, 10));
  assert.equal(rangeBegin("Max", OPEN, []), -Infinity);
});
