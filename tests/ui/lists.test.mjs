/** What becomes of the stored watchlist when it is edited. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { cell, edited, imported, othersOf, rearranged } from "../../photon_app/ui/live/lists.js";

const edit = (more) => ({ added: [], removed: [], instead: ["AAPL", "MSFT"], anew: false, ...more });
const text = (...symbols) => JSON.stringify({ v: 1, symbols });

test("an edit is made on what is stored, whatever the page knew of it", () => {
  assert.equal(edited(text("A", "B"), edit({ added: ["C"] })), text("A", "B", "C"));
  assert.equal(edited(text("A", "B", "C"), edit({ removed: ["B"] })), text("A", "C"));
  assert.equal(edited(text(), edit({ added: ["C"] })), text("C"));
});

test("two tabs that add at once lose nothing, in either order", () => {
  const one = edit({ added: ["X"] }), other = edit({ added: ["Y"] });
  assert.equal(edited(edited(text("A"), one), other), text("A", "X", "Y"));
  assert.equal(edited(edited(text("A"), other), one), text("A", "Y", "X"));
});

test("an edit made twice is made once", () => {
  const again = edit({ added: ["X"], removed: ["A"] });
  assert.equal(edited(edited(text("A"), again), again), text("X"));
});

test("never less is written than was read: only what is named goes", () => {
  const strange = [1, null, "<script>", { symbol: "B" }, "É", ["C"], "x".repeat(40)];
  assert.equal(edited(text(...strange, "A"), edit({ removed: ["A"] })), text(...strange));
  const many = Array.from({ length: 1_500 }, (_, index) => `SYMBOL${index}`);
  assert.equal(edited(text(...many), edit({ removed: ["SYMBOL7"] })), text(...many.filter((name) => name !== "SYMBOL7")));
});

test("symbols are the same in any case", () => {
  assert.equal(edited(text("aapl"), edit({ added: ["AAPL"] })), text("aapl"));
  assert.equal(edited(text("aapl", "B"), edit({ removed: ["AAPL"] })), text("B"));
});

test("where none is stored the list that was shown is begun with", () => {
  for (const none of [null, "", "no json", "{}", "null", "7", '{"v":2,"symbols":["A"]}', '{"v":1,"symbols":"A"}', text("A".repeat(70_000))]) {
    assert.equal(edited(none, edit({ added: ["C"] })), text("AAPL", "MSFT", "C"));
  }
});

test("beginning anew stores none", () => assert.equal(edited(text("A"), edit({ anew: true })), ""));

const others = (...lists) => JSON.stringify({ v: 1, main: "Mine", lists });
const list = (id, ...symbols) => ({ id, name: id, symbols });

test("of the other lists, too, only what is named goes", () => {
  const strange = [{ id: 7 }, null, { id: "shared", name: "x", symbols: ["A"] }, { ...list("a", 1, "<b>", "AAPL"), color: "red" }];
  const stored = JSON.parse(rearranged(JSON.stringify({ v: 1, main: "Mine", lists: strange, later: true }), "a", { edit: { added: ["B"] } }));
  assert.deepEqual(stored, { v: 1, main: "Mine", later: true, lists: [...strange.slice(0, 3), { ...list("a", 1, "<b>", "AAPL", "B"), color: "red" }] });
  assert.deepEqual(JSON.parse(rearranged(others(...strange), "a", { gone: true })).lists, strange.slice(0, 3));
});

test("a stored list cannot pass for the one of an address", () => {
  assert.deepEqual(othersOf(others(list("shared", "A"), list("a", "B"))).map(({ id }) => id), ["a"]);
});

test("as many lists as there may be, of the longest symbols, are all there", () => {
  const symbols = Array.from({ length: 1_500 }, (_, index) => `${index}`.padStart(32, "A"));
  let text = "";
  for (let made = 0; made < 21; made += 1) text = rearranged(text, `l${made}`, { name: "N".repeat(24), made: symbols });
  assert.equal(othersOf(text).length, 19);
  assert.equal(JSON.parse(text).lists.length, 19);
  for (const { symbols: held } of othersOf(text)) assert.equal(held.length, 1_500);
});

test("what could not be read again is not written", () => {
  const filled = (make, most) => make("x".repeat(most - 4 - make("").length));
  const main = filled((x) => text("A", x), 65_536), large = filled((x) => others(list("a", "A", x)), 1_200_000);
  assert.ok(edited(main, edit({ added: ["BRK.B"] })) === main);
  assert.ok(rearranged(large, "a", { edit: { added: ["BRK.B"] } }) === large);
  assert.ok(rearranged(large, "a", { edit: { added: ["B"] } }).length === 1_200_000);
});

test("words are imported, and of a table its first column", () => {
  assert.deepEqual(imported("AAPL, $msft;NVDA\r\nBRK.B | <b>"), ["AAPL", "MSFT", "NVDA", "BRK.B"]);
  assert.deepEqual(imported('symbol,name,price\r\nAAPL,Apple,1.5\r\n"IC MARKETS:1","A, B",2\r\n'), ["AAPL", "IC MARKETS:1"]);
  assert.deepEqual(imported("\uFEFF\"Symbol\";Price\nAAPL;1\n"), ["AAPL"]);
  assert.deepEqual(imported("Symbol\n7203.T\nBRK.A\n"), ["7203.T", "BRK.A"]);
  assert.deepEqual(imported("symbol AAPL"), ["SYMBOL", "AAPL"]);
  assert.deepEqual(imported(" \u0000\u202E\n"), []);
});

test("no cell is a formula, and none is two", () => {
  for (const text of ['=cmd|" /C calc"!A0', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]) assert.match(cell(text), /^"?'/);
  assert.deepEqual([-1.5, null, undefined, "A, B", 'the "A"', "A\nB", "A-B=C"].map(cell), ["-1.5", "", "", '"A, B"', '"the ""A"""', '"A\nB"', "A-B=C"]);
});
