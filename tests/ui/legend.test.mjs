/** What stands beside a chart. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as legend from "../../photon_app/ui/live/legend.js";

const plain = (text) => text.replaceAll("\u00a0", " ").replaceAll("\u2212", "-");
const BERLIN = "Europe/Berlin", YORK = "America/New_York";
const at = Date.UTC(2026, 10, 24, 14, 3, 5);
const bar = { time: at, open: 182.31, high: 182.58, low: 182.22, close: 182.46, volume: 41_234, count: 9 };

test("a bar's figures have a change against the bar before", () => {
  const texts = legend.figures(bar, { close: 182.34 });
  assert.deepEqual([texts.open, texts.high, texts.low, texts.close], ["182.31", "182.58", "182.22", "182.46"]);
  assert.equal(plain(texts.volume), "41.2 K");
  assert.equal(plain(texts.change), "+0.12 (+0.07 %)");
  assert.deepEqual([texts.arrow, texts.direction], ["▲", "up"]);
});

test("a bar's figures have the decimals of the symbol, and a change of unrounded numbers", () => {
  const rate = { open: 1.085, high: 1.08512, low: 1.0849, close: 1.08503, volume: 0 };
  const texts = legend.figures(rate, { close: 1.08499 }, 5);
  assert.deepEqual([texts.open, texts.high, texts.low, texts.close], ["1.08500", "1.08512", "1.08490", "1.08503"]);
  assert.equal(plain(texts.change), "+0.00004 (+0.00 %)");
  const tiny = { open: 0.96e-9, high: 1.2e-9, low: 0.96e-9, close: 1.2e-9, volume: 0 };
  assert.equal(plain(legend.figures(tiny, undefined, 12).change), "+0.000000000240 (+25.00 %)");
});

test("bars alone tell decimals too", () => {
  assert.equal(legend.digitsOfBars([{ close: 1.085 }, { close: 1.08503 }, { close: 1.08 }]), 5);
  assert.equal(legend.digitsOfBars([{ close: 1.2e-9 }]), 12);
});

test("the first bar's change is against its own open, and none at all has dashes", () => {
  assert.equal(plain(legend.figures(bar).change), "+0.15 (+0.08 %)");
  const none = legend.figures(undefined, undefined);
  assert.deepEqual([none.open, none.volume, none.change, none.direction], ["—", "—", "—", "flat"]);
});

test("times are of the zone that is chosen, with what tells bars apart", () => {
  assert.equal(legend.timeOf(at, "1m", BERLIN, at), "Tue, Nov 24 15:03");
  assert.equal(legend.timeOf(at, "1m", YORK, at), "Tue, Nov 24 09:03");
  assert.equal(legend.timeOf(at, "1s", YORK, at), "Tue, Nov 24 09:03:05");
  assert.equal(legend.timeOf(Date.UTC(2013, 9, 7, 13, 45), "1m", YORK, at), "Mon, Oct 7, 2013 09:45");
  assert.equal(legend.whenOf(at, "5m", "exchange", at), "Tue, Nov 24 09:03 ET");
  assert.equal(legend.whenOf(at, "5m", "utc", at), "Tue, Nov 24 14:03 UTC");
  assert.equal(legend.whenOf(at, "5m", BERLIN, at), "Tue, Nov 24 15:03 GMT+1");
  assert.equal(legend.whenOf(Date.UTC(2026, 10, 24, 5), "1d", YORK, at), "Tue, Nov 24, 2026");
});

test("a day's bar has the date of its trading day, wherever the viewer is", () => {
  const days = { stock: Date.UTC(2026, 10, 24, 5), crypto: Date.UTC(2026, 10, 24), forex: Date.UTC(2026, 10, 23, 22), auckland: Date.UTC(2026, 10, 23, 11) };
  for (const begin of Object.values(days)) {
    for (const zone of [BERLIN, YORK, "Asia/Tokyo"]) {
      assert.equal(legend.timeOf(begin, "1d", zone), "Tue, Nov 24, 2026");
      assert.equal(legend.markOf(begin, 50, "1d", zone), "Nov 24");
      assert.match(legend.pictureName("AAPL", "1d", begin, zone), /-2026-11-24\.png$/);
    }
  }
});

test("marks of the axis say what changed: year, month, day, minute, second", () => {
  const marks = [70, 60, 50, 33, 20, 12].map((weight) => legend.markOf(at, weight, "1s", YORK));
  assert.deepEqual(marks, ["2026", "Nov", "Nov 24", "09:03", "09:03", "09:03:05"]);
});

test("a mark weighs more, the rarer its boundary is", () => {
  const wall = Date.UTC(2026, 10, 24);
  const steps = [1_000, 5_000, 15_000, 30_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000, 10_800_000, 43_200_000];
  const weights = steps.map((step) => legend.weightOf(wall + step, wall + step - 1));
  assert.deepEqual(weights, [...weights].sort((a, b) => a - b));
  assert.equal(new Set(weights).size, weights.length);
  assert.equal(legend.weightOf(wall, wall - 1_000), 50);
  assert.equal(legend.weightOf(Date.UTC(2026, 10, 23), Date.UTC(2026, 10, 20)), 55); // a Monday
  assert.equal(legend.weightOf(Date.UTC(2026, 11, 1), Date.UTC(2026, 10, 30)), 60);
  assert.equal(legend.weightOf(Date.UTC(2026, 9, 1), Date.UTC(2026, 8, 30)), 65); // a quarter
  assert.equal(legend.weightOf(Date.UTC(2027, 0, 1), Date.UTC(2026, 11, 31)), 70);
  assert.equal(legend.weightOf(wall + 10, wall + 10), 0);
});

test("little history says since when it is collected", () => {
  assert.equal(legend.collecting(at, at + 60_000, YORK), "Collecting since 09:03");
  assert.equal(legend.collecting(at, at + 2 * 86_400_000, YORK), "Collecting since Tue, Nov 24, 09:03");
});

test("prices that are not real say so", () => {
  assert.deepEqual(["simulated", "replay:day", "finnhub", undefined].map(legend.sourceOf), ["SIMULATED", "REPLAY", "", ""]);
});

test("a picture's name can be a file's on every system", () => {
  for (const zone of [YORK, "exchange", "utc"]) assert.equal(legend.pictureName("AAPL", "1m", at, zone), "AAPL-1m-2026-11-24.png");
  assert.equal(legend.pictureName("BINANCE:BTCUSDT/X", "1h", at, YORK), "BINANCE_BTCUSDT_X-1h-2026-11-24.png");
});

test("the previous close has its figure where its line is not in view", () => {
  assert.equal(legend.closeName(120, 300, "182.11"), "Prev close");
  assert.equal(legend.closeName(-1, 300, "182.11"), "▲ Prev close 182.11");
  assert.equal(legend.closeName(301, 300, "182.11"), "▼ Prev close 182.11");
});

test("the axis follows the wall clock of the zone, in summer and in winter", () => {
  const hour = 3_600_000, summer = Date.UTC(2026, 6, 1, 12);
  for (const [zone, ...offsets] of [["exchange", -5, -4], ["utc", 0, 0], [BERLIN, 1, 2], ["Asia/Kolkata", 5.5, 5.5]]) {
    assert.deepEqual([at, summer].map((ms) => (legend.wallOf(ms, "1m", zone) - ms) / hour), offsets);
  }
  const spring = Date.UTC(2026, 2, 8, 7); // 03:00 in New York, where it was 01:59 before
  assert.equal(legend.wallOf(spring, "1m") - legend.wallOf(spring - 1_000, "1m"), hour + 1_000);
});

test("marks that have no room at each of their times are left out, so that none stands at an odd one", () => {
  assert.equal(legend.leastWeight("1m", 7), 22); // a quarter of an hour is 105 pixels
  assert.equal(legend.leastWeight("1m", 60), 20);
  assert.equal(legend.leastWeight("5m", 3.2), 31);
  assert.equal(legend.leastWeight("1h", 2), 55); // weeks
  assert.equal(legend.leastWeight("1d", 60), 50);
  assert.equal(legend.leastWeight("1d", 7), 60);
  assert.equal(legend.leastWeight("1d", 0.1), 70);
});

test("an early close is said, a whole session is not", () => {
  const from = Date.UTC(2026, 10, 27, 14, 30), hour = 3_600_000;
  const session = (hours) => [{ session: "regular", from, to: from + hours * hour }];
  assert.equal(legend.earlyClose(session(3.5), from + hour), "Early close at 13:00 ET");
  assert.equal(legend.earlyClose(session(3.5), from - 1), "");
  assert.equal(legend.earlyClose(session(3.5), from + 70 * hour), "");
  assert.equal(legend.earlyClose(session(6.5), from + hour), "");
  assert.equal(legend.sessionName(session(3.5)[0], "exchange"), "Regular, to 13:00");
  assert.equal(legend.sessionName(session(6.5)[0], "exchange"), "Regular");
});

test("what is measured has a difference, a percentage, bars and time", () => {
  const bars = [0, 60_000, 120_000, 4_200_000].map((time) => ({ time }));
  const words = (from, to) => legend.measured(from, to, bars, 2).map(plain);
  assert.deepEqual(words({ place: 0, price: 100 }, { place: 3, price: 101.504 }), ["+1.50 (+1.50 %)", "3 bars · 1 h 10 m"]);
  assert.deepEqual(words({ place: 1, price: 100 }, { place: 0, price: 99 }), ["-1.00 (-1.00 %)", "1 bar · 1 m"]);
});

test("a compared symbol moved from the first bar in view", () => {
  assert.equal(plain(legend.moved(102, 100)), "+2.00 %");
  assert.deepEqual([legend.moved(null, 100), legend.moved(1, null), legend.moved(undefined, undefined)], ["—", "—", "—"]);
});
