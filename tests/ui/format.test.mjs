/** How figures are written. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../photon_app/ui/live/format.js";

const plain = (text) => text.replaceAll("\u00a0", " ").replaceAll("\u2212", "-");
const cases = (name, write, table) => test(name, () => {
  for (const [given, expected] of table) assert.equal(plain(write(...[].concat(given))), expected);
});

cases("prices have cents, and more below one unit", format.price,
  [[182.46, "182.46"], [1043.2, "1,043.20"], [67432.1, "67,432.10"], [0.4567, "0.4567"], [0.00001234, "0.00001234"], [0, "0.00"]]);
cases("prices have the decimals of their symbol", format.price, [
  [[1.085, 5], "1.08500"], [[0.65382, 5], "0.65382"], [[149.269, 3], "149.269"], [[25412, 0], "25,412"], [[712345, 2], "712,345.00"],
  [[0.00000871, 9], "0.000008710"], [[1.2e-9, 12], "0.000000001200"], [[0.0123, 5], "0.01230"], [[2845, 2], "2,845.00"], [[97123.45, 2], "97,123.45"],
]);
cases("a price whose symbol is not known has four digits at least", format.price,
  [[1.08503, "1.08503"], [1.2e-9, "0.000000001200"], [5.25, "5.250"], [97123.45678901, "97,123.45679"], [189.50000000000003, "189.50"]]);
cases("a number in full has all its digits", format.exact, [[1.2e-9, "0.0000000012"], [182.4, "182.4"], [712345, "712345"], [0.1, "0.1"], [null, "—"]]);
cases("changes have a sign", format.change, [[[4.12, 2], "+4.12"], [[-0.22, 2], "-0.22"], [[0, 2], "0.00"], [[-2.4e-10, 12], "-0.000000000240"]]);
cases("percents have a sign and a unit", format.percent, [[2.3149, "+2.31 %"], [-0.11, "-0.11 %"], [0, "0.00 %"]]);
cases("volumes are short", format.volume,
  [[0, "0"], [100, "100"], [0.25, "0.25"], [0.3, "0.30"], [0.00012, "0.00012"], [41_234, "41.2 K"], [999_999, "1.0 M"], [48_700_000, "48.7 M"], [148_700_000, "149 M"], [2.5e9, "2.5 B"]]);
cases("ages are short, and never below zero", format.age,
  [[-5, "0.0 s"], [200, "0.2 s"], [9_900, "9.9 s"], [12_000, "12 s"], [240_000, "4 m"], [3 * 3_600_000, "3 h"], [40 * 3_600_000, "40 h"], [48 * 3_600_000 - 1, "47 h"], [48 * 3_600_000, "2 d"], [49 * 3_600_000, "2 d"]]);
cases("spans round to what matters", format.span,
  [[40_000, "40 s"], [12 * 60_000, "12 m"], [(2 * 60 + 14) * 60_000, "2 h 14 m"], [50 * 3_600_000, "2 d 2 h"]]);

test("what is unknown is a dash, whatever it is", () => {
  for (const write of [format.price, format.change, format.percent, format.volume, format.age]) {
    for (const unknown of [null, undefined, NaN, Infinity, "5"]) assert.equal(write(unknown), format.DASH);
  }
});

test("the exchange's clock is New York's, in summer and in winter", () => {
  assert.equal(format.clock(Date.UTC(2013, 9, 7, 13, 30)), "09:30:00");
  assert.equal(format.clock(Date.UTC(2024, 0, 2, 14, 30)), "09:30:00");
  assert.equal(format.clock(Date.UTC(2024, 0, 2, 5, 0)), "00:00:00");
});

test("a position is within its line, and nowhere when it cannot be said", () => {
  assert.equal(format.position(5, 0, 10), 0.5);
  assert.equal(format.position(50, 0, 10), 1);
  assert.equal(format.position(5, 5, 5), 0.5);
  assert.equal(format.position(5, null, 10), null);
  assert.equal(format.position(5, null, null), null);
  assert.equal(format.position(5, 10, 0), null);
});

test("what the market does next is said in words", () => {
  assert.equal(plain(format.marketNext("regular", "post", 8_040_000)), "closes in 2 h 14 m");
  assert.equal(plain(format.marketNext("pre", "regular", 60_000)), "opens in 1 m");
  assert.equal(plain(format.marketNext("closed", "pre", 60_000)), "pre-market in 1 m");
  assert.equal(format.marketNext("regular", null, null), "");
});

test("a trade's size is whole where that is short", () => {
  assert.deepEqual([1, 2_000, 25_000, 1_234_567, 0.035, 0.00012].map(format.size), ["1", "2,000", "25,000", "1.2\u00a0M", "0.035", "0.00012"]);
});

test("a time has the zone of a choice, and says which", () => {
  const winter = Date.UTC(2024, 0, 2, 14, 30), summer = Date.UTC(2013, 9, 7, 13, 30);
  assert.equal(format.clock(winter, "utc"), "14:30:00");
  assert.equal(format.clock(winter, "Europe/Berlin"), "15:30:00");
  assert.equal(format.date(Date.UTC(2024, 0, 2, 2), "utc"), "Tue, Jan 2, 2024");
  assert.equal(format.date(Date.UTC(2024, 0, 2, 2)), "Mon, Jan 1, 2024");
  assert.deepEqual([format.zoneName("exchange", winter), format.zoneName("exchange", summer), format.zoneName("utc")], ["ET", "ET", "UTC"]);
  assert.equal(format.zoneName("Europe/Berlin", winter), "GMT+1");
  assert.notEqual(format.zoneName("local"), "");
  assert.equal(format.timeZone("local"), undefined);
});

test("a number that comes again is written as at first, however many came between", () => {
  const first = format.price(1234.5, 2);
  for (let at = 0; at < 5_000; at += 1) format.price(at / 100, 2);
  assert.equal(format.price(1234.5, 2), first);
  assert.deepEqual([format.price(1234.5, 3), format.exact(1234.5)].map(plain), ["1,234.500", "1234.5"]);
});
