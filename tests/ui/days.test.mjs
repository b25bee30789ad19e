/** Whose day figures are, and when trades were. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { commonDay, dayName, dayTitle, sinceClose, stamp } from "../../photon_app/ui/live/days.js";

const HOUR = 3_600_000;
const FRIDAY = Date.UTC(2026, 10, 27, 5); // midnight in New York
const at = (hours) => FRIDAY + hours * HOUR;

test("a day that runs is today, one that is over has its date", () => {
  assert.equal(dayName(FRIDAY, at(0)), "");
  assert.equal(dayName(FRIDAY, at(23.9)), "");
  for (const hours of [24, 40, 63, 75.9]) assert.equal(dayName(FRIDAY, at(hours)), "Fri, Nov 27");
  assert.equal(dayName(FRIDAY, at(400 * 24)), "Fri, Nov 27, 2026");
});

test("a day is named after its trading day, wherever its market is", () => {
  const later = Date.UTC(2026, 11, 1);
  assert.equal(dayName(Date.UTC(2026, 10, 26, 22), later), "Fri, Nov 27"); // foreign exchange, from 17:00 in New York
  assert.equal(dayName(Date.UTC(2026, 10, 27), later), "Fri, Nov 27"); // UTC
  assert.equal(dayName(Date.UTC(2026, 10, 26, 15), later), "Fri, Nov 27"); // Tokyo
  assert.equal(dayName(Date.UTC(2026, 6, 3, 4), later), "Fri, Jul 3"); // New York in summer
  assert.equal(dayName(Date.UTC(2026, 10, 26, 11), later), "Fri, Nov 27"); // Auckland in summer
});

test("what is unknown has no name", () => {
  for (const [day, now] of [[null, 1], [undefined, 1], [NaN, 1], [1, null], [1, undefined], ["1", 2]]) assert.equal(dayName(day, now), "");
});

test("over a list stands the day of most of it, of equals the newest", () => {
  const sunday = Date.UTC(2026, 10, 29);
  const stock = { day: FRIDAY }, coin = { day: sunday };
  const now = sunday + 15 * HOUR;
  assert.equal(dayTitle([stock, stock, coin], now), "Fri, Nov 27");
  assert.equal(dayTitle([stock, coin], now), "Today");
  assert.equal(dayTitle([coin, undefined, undefined, { day: null }], now), "Today");
  assert.equal(dayTitle([], now), "Today");
  assert.equal(dayTitle([stock], null), "Today");
  assert.equal(commonDay([]), null);
});

test("a date is the same day in every market, whenever it begins there", () => {
  const new_york = { day: FRIDAY }, tokyo = { day: Date.UTC(2026, 10, 26, 15) }, rate = { day: Date.UTC(2026, 10, 26, 22) };
  const coin = { day: Date.UTC(2026, 10, 28) };
  const now = Date.UTC(2026, 10, 28, 17);
  assert.equal(dayTitle([new_york, coin, tokyo, coin, rate], now), "Fri, Nov 27");
  assert.equal(dayTitle([tokyo, coin], now), "Today");
  assert.equal(dayTitle([tokyo, tokyo, new_york], Date.UTC(2026, 10, 27, 16)), "Today"); // over in Tokyo, not in New York
  assert.equal(commonDay([tokyo, new_york, rate]), FRIDAY);
});

test("a trade of today has its time, another one its date too", () => {
  assert.equal(stamp(at(15), at(16)), "15:00:00");
  assert.equal(stamp(at(19.5), at(24)), "Nov 27 19:30:00"); // yesterday, from midnight in New York on
  assert.equal(stamp(at(15.999), at(63)), "Nov 27 15:59:56");
  assert.equal(stamp(at(15), at(400 * 24)), "Nov 27, 2026 15:00:00");
  assert.equal(stamp(at(15), null), "15:00:00");
  assert.equal(stamp(at(18), at(20), "utc"), "Nov 27 23:00:00"); // 18:00 in New York, and by now the 28th in UTC
  assert.equal(stamp(undefined, at(1)), "--:--:--");
});

test("what a stock moved since its close stands apart, and only when that is over", () => {
  const quote = { price: 101.1, close: 100.8, session: "post" };
  assert.deepEqual(sinceClose(quote), { change: 0.3, percent: (0.3 / 100.8) * 100 });
  assert.equal(sinceClose({ ...quote, session: "closed" }).change, 0.3);
  for (const other of [{ ...quote, session: "regular" }, { ...quote, session: "pre" }, { ...quote, close: null }, { price: 1 }, undefined]) {
    assert.equal(sinceClose(other), null);
  }
});
