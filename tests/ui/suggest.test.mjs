/** Suggestions: what is asked, when, and what of the answer is used. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, completed, Lookup, moved, PAUSE_MS, suggestions } from "../../photon_app/ui/live/suggest.js";
import { environment, settled } from "./fake_browser.mjs";

/** A lookup whose questions the test answers. */
function lookup() {
  const browser = environment();
  const questions = [], shown = [];
  const ask = (path, signal) => new Promise((answer) => questions.push({ path, signal, answer }));
  return { browser, questions, shown, typing: new Lookup(ask, (list) => shown.push(list.map((one) => one.symbol)), browser.options) };
}
const answer = (...symbols) => ({ results: symbols.map((symbol) => ({ symbol, name: "A name", type: "Common Stock" })) });

test("one question a pause, with the newest text", () => {
  const { browser, questions, typing } = lookup();
  for (const text of ["a", "ap", "app"]) { typing.type(text); browser.advance(PAUSE_MS - 1); }
  assert.equal(questions.length, 0);
  browser.advance(1);
  assert.deepEqual(questions.map(({ path }) => path), ["/api/search?q=app"]);
});

test("what is typed is one query, whatever it holds", () => {
  const { browser, questions, typing } = lookup();
  typing.type("at&t #1?");
  browser.advance(PAUSE_MS);
  assert.equal(new URL(questions[0].path, "http://photon.test").searchParams.get("q"), "at&t #1?");
});

test("an old answer never stands under a new text", async () => {
  const { browser, questions, shown, typing } = lookup();
  typing.type("a");
  browser.advance(PAUSE_MS);
  typing.type("ab");
  assert.ok(questions[0].signal.aborted);
  browser.advance(PAUSE_MS);
  questions[1].answer(answer("ABBV"));
  questions[0].answer(answer("AAPL"));
  await settled();
  assert.deepEqual(shown, [["ABBV"]]);
});

test("an emptied field shows nothing, and a stopped one asks nothing", async () => {
  const { browser, questions, shown, typing } = lookup();
  typing.type("a");
  typing.type("  ");
  browser.advance(PAUSE_MS);
  assert.deepEqual([questions.length, shown], [0, [[]]]);
  typing.type("a");
  browser.advance(PAUSE_MS);
  typing.stop();
  questions[0].answer(answer("AAPL"));
  await settled();
  assert.deepEqual(shown, [[]]);
});

test("a failed search is silent", async () => {
  const { browser, questions, shown, typing } = lookup();
  typing.type("a");
  browser.advance(PAUSE_MS);
  questions[0].answer(null);
  await settled();
  assert.deepEqual(shown, [[]]);
});

test("of any answer only what can be added is used", () => {
  for (const rubbish of [null, 7, "x", [], {}, { results: null }, { results: [null, 1, {}, { symbol: 1 }, { symbol: "" }, { symbol: "A".repeat(33) }] }]) {
    assert.deepEqual(suggestions(rubbish), []);
  }
  assert.deepEqual(suggestions({ results: [{ symbol: "A", name: null, type: "ETP" }] }), [{ symbol: "A", name: "", type: "ETF" }]);
  assert.equal(suggestions(answer(...Array.from({ length: 99 }, (_, index) => `S${index}`))).length, 10);
});

test("after a comma the next symbol is asked for and put in its place", () => {
  assert.deepEqual([asked("aapl, ms"), completed("aapl, ms", "MSFT")], ["ms", "aapl, MSFT"]);
  assert.deepEqual([asked(" app "), completed("app", "AAPL")], ["app", "AAPL"]);
  assert.equal(asked("x".repeat(400)).length, 64);
});

test("the arrows go through all, and through none", () => {
  assert.deepEqual([-1, 0, 1, 2].map((place) => moved(place, 3, 1)), [0, 1, 2, -1]);
  assert.deepEqual([-1, 0, 1, 2].map((place) => moved(place, 3, -1)), [2, -1, 0, 1]);
});
