/** The laws of what is drawn over the prices. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aligned, average, linesOf, STUDIES, studiesOf, symbolsOf, vwap } from "../../photon_app/ui/live/studies.js";

let seed = 5;
const random = (most) => (seed = (seed * 16_807) % 2_147_483_647) % most;
const MINUTE = 60_000, HOUR = 60 * MINUTE, OPEN = Date.UTC(2026, 10, 24, 14, 30);
const bars = (count, from = OPEN, step = MINUTE) => Array.from({ length: count }, (_, at) => {
  const close = 50 + random(5_000) / 100;
  return { time: from + at * step, close, volume: random(1_000), vwap: close + random(10) / 100 };
});
const near = (one, other) => assert.ok((one === null && other === null) || Math.abs(one - other) < 1e-9 * Math.abs(other), `${one} is not ${other}`);
const sessions = [
  { session: "pre", from: OPEN - 5.5 * HOUR, to: OPEN }, { session: "regular", from: OPEN, to: OPEN + 6.5 * HOUR },
  { session: "post", from: OPEN + 6.5 * HOUR, to: OPEN + 10.5 * HOUR },
];

test("a moving average is the mean of the last closes, and none before there are so many", () => {
  for (const count of [1, 2, 20, 50, 200]) {
    const series = bars(260);
    average(count)(series).forEach((value, place) => {
      const last = series.slice(Math.max(0, place - count + 1), place + 1).map(({ close }) => close);
      near(value, last.length < count ? null : last.reduce((sum, close) => sum + close, 0) / count);
    });
  }
});

test("every study from a place on is the end of the whole: a new trade costs one value", () => {
  const series = bars(600, OPEN - 2 * HOUR);
  for (const { values } of Object.values(STUDIES)) {
    const whole = values(series, 0, { sessions, timeframe: "1m" });
    assert.equal(whole.length, series.length);
    for (const from of [1, 19, 20, 119, 120, 121, 400, 598, 599, 600]) {
      const part = values(series, from, { sessions, timeframe: "1m" });
      assert.equal(part.length, series.length - from);
      part.forEach((value, at) => near(value, whole[from + at]));
    }
  }
});

test("the average price is the turnover by the volume since the regular session began; none before", () => {
  const series = bars(600, OPEN - 2 * HOUR);
  const values = vwap(series, 0, { sessions, timeframe: "1m" });
  values.forEach((value, place) => {
    const since = series.slice(0, place + 1).filter(({ time }) => time >= OPEN);
    const volume = since.reduce((sum, bar) => sum + bar.volume, 0);
    near(value, volume ? since.reduce((sum, bar) => sum + bar.volume * bar.vwap, 0) / volume : null);
  });
});

test("it lies between the lowest and the highest price, and begins anew each session", () => {
  const days = [0, 1, 2].flatMap((day) => sessions.map((one) => ({ ...one, from: one.from + day * 24 * HOUR, to: one.to + day * 24 * HOUR })));
  const series = [0, 1, 2].flatMap((day) => bars(30, OPEN + day * 24 * HOUR).map((bar) => ({ ...bar, vwap: bar.vwap + 100 * day, close: bar.close + 100 * day })));
  vwap(series, 0, { sessions: days, timeframe: "1m" }).forEach((value, place) => {
    const day = Math.floor(place / 30);
    assert.ok(value === null || (value >= 50 + 100 * day && value <= 101 + 100 * day));
  });
});

test("what has no sessions begins anew each day in UTC; bars of a day have no average of the day", () => {
  const series = bars(48, Date.UTC(2026, 10, 24), HOUR);
  const values = vwap(series, 0, { timeframe: "1h" });
  near(values[24], series[24].volume ? series[24].vwap : null);
  assert.deepEqual(vwap(series, 46, { timeframe: "1d" }), [null, null]);
  assert.deepEqual(vwap([], 0, {}), []);
});

test("bars without volume have no average price, and one without its own counts with its close", () => {
  const series = [{ time: 0, close: 5, volume: 0, vwap: null }, { time: 1, close: 7, volume: 3, vwap: null }];
  assert.deepEqual(vwap(series, 0, {}), [null, 7]);
});

test("another symbol stands at each bar with its newest close by then", () => {
  const mine = [10, 20, 30, 40].map((time) => ({ time })), others = [[15, 1], [20, 2], [35, 3]].map(([time, close]) => ({ time, close }));
  assert.deepEqual(aligned(mine, others, "1m"), [null, 2, 2, 3]);
  assert.deepEqual(aligned(mine, others, "1m", 2), [2, 3]);
  assert.deepEqual(aligned(mine, [], "1m", 3), [null]);
});

test("days are compared by date, wherever they begin", () => {
  const stock = [{ time: Date.UTC(2026, 10, 24, 5), close: 1 }], coin = [23, 24, 25].map((date) => ({ time: Date.UTC(2026, 10, date), close: date }));
  assert.deepEqual(aligned(stock, coin, "1d"), [24]);
  assert.deepEqual(aligned(coin, stock, "1d"), [null, 1, 1]);
});

test("of choices what is none is left out, and of symbols all but four", () => {
  assert.deepEqual(studiesOf("ma50,,vwap,constructor,ma50"), ["vwap", "ma50"]);
  assert.deepEqual(symbolsOf("msft, AAPL ,MSFT,<b>,,"), ["MSFT", "AAPL"]);
  assert.deepEqual(symbolsOf("AAPL,MSFT", "AAPL"), ["MSFT"]);
  assert.deepEqual(symbolsOf("A,B,C,D,E"), ["A", "B", "C", "D"]);
  assert.deepEqual(linesOf(["ma20"], ["MSFT"]).map(({ label, color, dashed }) => [label, color, dashed]), [["MA 20", "study-2", true], ["MSFT", "study-1", false]]);
});
