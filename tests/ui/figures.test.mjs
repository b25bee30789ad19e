/** The figures of the selected symbol. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DayTally, FIGURES, SPANS } from "../../photon_app/ui/live/figures.js";

const DAY = Date.UTC(2026, 10, 25, 5); // midnight in New York
const FIRST = DAY + 4 * 3_600_000;
const bar = { time: DAY, volume: 100, vwap: 10, count: 4 };
const quote = (more = {}) => ({ day: DAY, seq: 7, price: 10, dayVolume: 100, decimals: 2, session: "regular", ...more });
const tally = (...quotes) => {
  const one = new DayTally();
  one.load(bar, quote());
  for (const next of quotes) one.hear(next);
  return one;
};

test("trades since the day's bar are in its VWAP and its count", () => {
  const one = tally(quote({ seq: 8, price: 12, dayVolume: 200 }));
  assert.deepEqual([one.vwap, one.count], [11, 5]);
});

test("of skipped trades the number and the volume are known, and the price is the newest", () => {
  const one = tally(quote({ seq: 10, price: 20, dayVolume: 200 }));
  assert.deepEqual([one.vwap, one.count], [15, 7]);
});

test("what was traded while the bar was on its way is counted", () => {
  const one = new DayTally();
  one.load(bar, quote({ price: 12, dayVolume: 200 }));
  assert.equal(one.vwap, 11);
});

test("a polled price is no trade, and one of a closed market is not of the day", () => {
  assert.equal(tally(quote({ seq: 8, polled: true })).count, 4);
  assert.equal(tally(quote({ seq: 8, session: "closed" })).count, 4);
});

test("without volume there is no VWAP", () => {
  const one = new DayTally();
  assert.equal(one.vwap, null);
  one.load({ time: DAY, volume: 0, vwap: null, count: 1 }, undefined);
  assert.equal(one.vwap, null);
  one.hear(quote({ price: 12, dayVolume: 50 }));
  assert.equal(one.vwap, 12);
});

test("the bar is asked for once a minute, and soon when day or epoch are others", () => {
  const one = new DayTally();
  assert.deepEqual([one.due(0), one.due(1_000), one.due(5_000)], [true, false, true]);
  one.load(bar, quote());
  assert.deepEqual([one.due(30_000), one.due(65_000)], [false, true]);
  one.hear(quote({ seq: 1 }));
  assert.equal(one.due(70_000), true);
  one.load(bar, quote());
  one.hear(quote({ day: DAY + 86_400_000 }));
  assert.deepEqual([one.due(71_000), one.due(75_000)], [false, true]);
});

const known = (more = {}) => ({
  quote: { ...quote(), open: 9, high: 12, low: 8, prevClose: 9.5, time: FIRST + 3_600_000 }, state: "live", source: "finnhub", now: FIRST + 3_600_000, zone: "exchange",
  line: { day: DAY, from: FIRST, low52: 5, high52: 11 }, tally: tally(), kind: "", ...more,
});

test("figures have the decimals of the symbol, and an unknown one is a dash", () => {
  const of = (facts) => Object.fromEntries(Object.entries(FIGURES).map(([name, write]) => [name, write(facts)]));
  const all = of(known());
  assert.deepEqual([all.open, all.prevClose, all.vwap, all.trades, all.volume, all.session], ["9.00", "9.50", "10.00", "4", "100", "Regular"]);
  assert.deepEqual([all.since, all.began, all.last, all.digits, all.source], ["since 04:00", "04:00:00 ET", "05:00:00 ET", "2 decimals", "Finnhub"]);
  const none = of(known({ quote: undefined, state: "waiting", source: null, line: { day: null, from: 0, low52: null, high52: null }, tally: new DayTally() }));
  const dashes = ["open", "high", "low", "prevClose", "vwap", "volume", "trades", "session", "low52", "high52", "kind", "digits", "source", "began", "last"];
  for (const name of dashes) assert.equal(none[name], "—", name);
  assert.equal(none.since, "");
});

test("the figures of another day than the price's are not shown", () => {
  const later = known({ quote: { ...quote({ day: DAY + 86_400_000 }), high: 1, low: 1 } });
  assert.deepEqual([FIGURES.vwap(later), FIGURES.trades(later), FIGURES.since(later)], ["—", "—", ""]);
});

test("a day that is over has its date, and times are those of the zone", () => {
  assert.equal(FIGURES.since(known({ now: DAY + 3 * 86_400_000 })), "Wed, Nov 25");
  assert.equal(FIGURES.began(known({ now: DAY + 3 * 86_400_000 })), "Nov 25 04:00:00 ET");
  assert.equal(FIGURES.began(known({ zone: "utc" })), "09:00:00 UTC");
});

test("today belongs to the year: its range holds the day's", () => {
  assert.deepEqual([FIGURES.low52(known()), FIGURES.high52(known())], ["5.00", "12.00"]);
  assert.deepEqual([SPANS.day(known()), SPANS.year(known())], [0.5, 5 / 7]);
  assert.equal(SPANS.year(known({ line: { day: DAY, from: FIRST, low52: null, high52: null } })), null);
});
