/** What becomes of the stored watchlist when it is edited. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { edited } from "../../photon_app/ui/live/lists.js";

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
