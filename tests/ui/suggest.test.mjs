/** Suggestions: what is asked, when, and what of the answer is used. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asked, completed, ENTER_MS, learn, lines, listed, Lookup, moved, options, outcome, parts, PAUSE_MS, preselected, recent, remember, suggestions,
} from "../../photon_app/ui/live/suggest.js";
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

test("Enter asks at once, waits for what is asked, and not for ever", async () => {
  const { browser, questions, typing } = lookup();
  typing.type("apple");
  const found = typing.settled("apple");
  assert.equal(questions.length, 1);
  questions[0].answer(answer("AAPL"));
  assert.deepEqual((await found).map((one) => one.symbol), ["AAPL"]);
  await typing.settled("apple");
  browser.advance(PAUSE_MS);
  assert.equal(questions.length, 1);
  const late = typing.settled("oracle");
  browser.advance(ENTER_MS);
  assert.equal(await late, null);
  assert.deepEqual(await typing.settled(" , "), []);
});

test("Enter finds nothing where the search fails", async () => {
  const { questions, typing } = lookup();
  const found = typing.settled("apple");
  questions[0].answer(null);
  assert.deepEqual(await found, []);
});

const apple = suggestions(answer("AAPL", "APLE"));
const kinds = (offered) => offered.map(({ kind, symbol }) => `${kind} ${symbol}`);

test("the first suggestion is where Enter goes, the text as it was typed never is", () => {
  const named = options("apple", apple);
  assert.deepEqual(kinds(named), ["symbol AAPL", "symbol APLE", "typed APPLE"]);
  assert.equal(preselected(named, "apple"), 0);
  const nothing = options("xyzz", []);
  assert.deepEqual(kinds(nothing), ["typed XYZZ"]);
  assert.equal(preselected(nothing, "xyzz"), -1);
  assert.equal(preselected(recent(), ""), -1);
});

test("a text is offered as it is once it is known that nothing is it, and only if it can be a symbol", () => {
  assert.deepEqual(kinds(options("aapl", apple)), ["symbol AAPL", "symbol APLE"]);
  assert.deepEqual(kinds(options("apple", null, { before: apple })), ["symbol AAPL", "symbol APLE"]);
  for (const text of ["coca cola", "<b>", "é", "A".repeat(33), ".A", "", " ", ","]) assert.deepEqual(options(text, []), [], text);
  for (const text of ["ic markets:1", "^dji", "btc-usd", "$spx"]) assert.deepEqual(kinds(options(text, [])), [`typed ${text.toUpperCase()}`]);
});

test("what is in the list is found in it, known elsewhere or not", () => {
  learn([["ZZZQ", "A company"]]);
  assert.deepEqual(options("zzzq", [], { held: ["ZZZQ"] }), [{ kind: "symbol", symbol: "ZZZQ", name: "A company", type: "" }]);
  assert.deepEqual(kinds(options("aapl", apple, { held: ["AAPL"] })), ["symbol AAPL", "symbol APLE"]);
});

test("a list is one by its commas, or if each of its words was found", () => {
  const cards = suggestions(answer("V", "MA"));
  for (const text of ["V MA", "$v ma", " v  ma "]) assert.ok(listed(text, cards), text);
  for (const text of ["a, b", "a;b", "a\tb", "$A $B", "$AAPL, $TSLA;MSFT NVDA", "A B C D E F G H I J K", `${"word ".repeat(13)}`]) assert.ok(listed(text, []), text);
  for (const text of ["coca cola", "tesla inc", "V", "", "V,", "V MA"]) assert.ok(!listed(text, apple), text);
  assert.ok(listed("BRK-B binance:btcusdt", suggestions(answer("BRK.B", "BINANCE:BTCUSDT"))));
  assert.deepEqual(kinds(options("V MA", cards)), ["list V MA", "symbol V", "symbol MA"]);
  assert.equal(preselected(options("a, b", []), "a, b"), 0);
});

test("what the server does not know of a list can be taken as it is", () => {
  assert.deepEqual(kinds(options("XYZZ, QQQX1", [], { unknown: "XYZZ, QQQX1" })), ["typed XYZZ, QQQX1"]);
  assert.deepEqual(kinds(options("XYZZ, <b>", [], { unknown: "XYZZ, <b>" })), []);
  assert.deepEqual(kinds(options("XYZZ, QQQX1, A", [], { unknown: "XYZZ, QQQX1" })), ["list XYZZ, QQQX1, A"]);
});

test("an answer says what was added, and leaves what was not", () => {
  const seven = ["A", "B", "C", "D", "E", "F", "G"];
  assert.deepEqual(outcome({ symbols: seven, unknown: ["XYZZ", "QQQX1"] }, [], 100), {
    added: seven, selected: "G", notice: "Added 7, 2 unknown: XYZZ, QQQX1", rest: "XYZZ, QQQX1",
  });
  assert.deepEqual(outcome({ symbols: ["A"] }, [], 100), { added: ["A"], selected: "A", notice: "", rest: "" });
  assert.deepEqual(outcome({ symbols: ["A"] }, ["A"], 100), { added: [], selected: "A", notice: "", rest: "" });
  assert.deepEqual(outcome({ symbols: ["A"] }, ["B"], 1), { added: [], selected: "", notice: "The list is full at 1 symbols: remove one to add A", rest: null });
  assert.deepEqual(outcome({ symbols: ["A", "B", "C"] }, ["A"], 2), {
    added: ["B"], selected: "B", notice: "Added 1, 1 already in the list, 1 left out, since the list is full at 2 symbols", rest: "C",
  });
  assert.deepEqual(outcome({ unknown: ["apple pie"], notice: "Nothing found" }, [], 9), { added: [], selected: "", notice: "Nothing found", rest: null });
  assert.match(outcome({ unknown: [..."abcdef", "g".repeat(99)] }, [], 9).notice, /^7 unknown: a, b, c, d and 3 more$/);
  assert.deepEqual(outcome({}, [], 9), { added: [], selected: "", notice: "", rest: "" });
});

test("what is added is new and within the limit, and nothing that was typed is lost", () => {
  for (let seed = 1; seed < 500; seed += 1) {
    const pick = (most) => Array.from({ length: seed % most }, (_, index) => `S${(seed * (index + 7)) % 23}`).filter((one, index, all) => all.indexOf(one) === index);
    const symbols = pick(11), held = pick(7), limit = held.length + (seed % 4);
    const { added, rest, selected } = outcome({ symbols, unknown: ["X"] }, held, limit);
    assert.ok(held.length + added.length <= limit);
    assert.ok(added.every((symbol) => symbols.includes(symbol) && !held.includes(symbol)));
    if (rest === null) continue; // all of the text is left
    assert.deepEqual([...added, ...held.filter((one) => symbols.includes(one)), ...rest.split(", ")].sort(), [...symbols, "X"].sort());
    assert.ok(selected === "" || added.includes(selected) || held.includes(selected));
  }
});

test("a name is marked where it has what was typed", () => {
  assert.deepEqual(parts("Apple Hospitality", "appl"), ["", "Appl", "e Hospitality"]);
  assert.deepEqual(parts("AppLovin", "x, LOV"), ["App", "Lov", "in"]);
  assert.deepEqual([parts("Apple", ""), parts("Apple", "AAPL")], [["Apple", "", ""], ["Apple", "", ""]]);
});

test("pasted lines and cells become a list", () => {
  assert.equal(lines("AAPL\r\nMSFT \n\n NVDA\tTSLA\n"), "AAPL, MSFT, NVDA, TSLA");
  assert.equal(lines(" AAPL "), "AAPL");
  assert.equal(lines("$AAPL, $TSLA;MSFT\nNVDA"), "$AAPL, $TSLA;MSFT, NVDA");
});

test("the last eight symbols are remembered, the newest first, with their names", () => {
  const stored = new Map();
  globalThis.localStorage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, text) => stored.set(key, text) };
  try {
    assert.deepEqual(recent(), []);
    learn([["KO", "Coca-Cola"]]);
    remember(["A", "B"]);
    remember(["KO", "A"]);
    assert.deepEqual(recent().map(({ kind, symbol, name }) => [kind, symbol, name]), [["symbol", "A", ""], ["symbol", "KO", "Coca-Cola"], ["symbol", "B", ""]]);
    remember(Array.from({ length: 20 }, (_, index) => `S${index}`));
    assert.deepEqual(recent().map(({ symbol }) => symbol), Array.from({ length: 8 }, (_, index) => `S${19 - index}`));
    for (const rubbish of ["", "{", "7", "null", "{}", '["A"]', '[[1,2],["<b>","x"],[]]', `[${'["A","x"],'.repeat(999)}["A","x"]]`]) {
      stored.set("photon.recent", rubbish);
      assert.deepEqual(recent(), [], rubbish.slice(0, 20));
    }
    stored.set("photon.recent", '[["A",7],["<b>","x"],["B","y"]]');
    assert.deepEqual(recent().map(({ symbol, name }) => [symbol, name]), [["A", ""], ["B", "y"]]);
    globalThis.localStorage = { getItem() { throw new Error("no storage"); }, setItem() { throw new Error("no storage"); } };
    remember(["A"]);
    assert.deepEqual(recent(), []);
  } finally {
    delete globalThis.localStorage;
  }
});

test("a type is a text, whatever it is called", () => {
  const types = ["__proto__", "constructor", "toString", "ETP"];
  assert.deepEqual(suggestions({ results: types.map((type) => ({ symbol: "A", name: "", type })) }).map(({ type }) => type), [...types.slice(0, 3), "ETF"]);
});
