/** The order of the list by a column. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { direction, next, sorted, SORTABLE } from "../../photon_app/ui/live/sort.js";

const quotes = {
  A: { price: 3, changePercent: -1, dayVolume: 5, low: 1, high: 5, time: 10 },
  B: { price: 1, changePercent: 2, dayVolume: null, low: 1, high: 1, time: 30 },
  C: { price: 2, changePercent: null, dayVolume: 7, low: null, high: null, time: 20 },
};
const order = (symbols, sort) => sorted(symbols, sort, (symbol) => quotes[symbol]).join("");

test("a column sorts one way, the other way, and not at all", () => {
  for (const column of SORTABLE) {
    const first = next("", column), second = next(first, column);
    assert.deepEqual(new Set([first, second]), new Set([column, `-${column}`]));
    assert.equal(next(second, column), "");
    assert.notEqual(direction(first, column), direction(second, column));
    assert.equal(direction(first, "other"), "none");
  }
});

test("figures begin with the highest, names with the first", () => {
  assert.equal(next("", "change"), "-change");
  assert.equal(next("", "symbol"), "symbol");
});

test("what has no figure comes last, in its own order, whichever way", () => {
  assert.equal(order(["X", "C", "A", "B", "Y"], "-change"), "BAXCY");
  assert.equal(order(["X", "C", "A", "B", "Y"], "change"), "ABXCY");
  assert.equal(order(["A", "B", "C"], "-volume"), "CAB");
  assert.equal(order(["A", "B", "C"], "-range"), "ABC");
});

test("age sorts by what traded last", () => {
  assert.equal(order(["A", "B", "C"], "-age"), "ACB");
  assert.equal(order(["A", "B", "C"], "age"), "BCA");
});

test("the average price sorts by what is known of the day", () => {
  const averages = { A: 5, B: null, C: 7 };
  const lineOf = (symbol) => ({ vwap: () => averages[symbol] });
  assert.equal(sorted(["A", "B", "C"], "-vwap", (symbol) => quotes[symbol], lineOf).join(""), "CAB");
  assert.equal(order(["A", "B", "C"], "vwap"), "ABC");
});

test("an order that is none leaves the list's own", () => {
  for (const sort of ["", "none", "-", "constructor", "__proto__"]) assert.equal(order(["C", "A", "B"], sort), "CAB");
});

test("sorting is stable and loses nothing", () => {
  const many = Array.from({ length: 100 }, (_, index) => `S${index}`);
  const all = sorted(many, "-last", () => ({ price: 1 }));
  assert.deepEqual(all, many);
});
