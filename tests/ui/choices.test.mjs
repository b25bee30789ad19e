/** The visitor's choices, over a storage that may hold anything or fail. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

class Storage {
  items = new Map();
  getItem(key) { return this.items.get(key) ?? null; }
  setItem(key, value) { this.items.set(key, String(value)); }
}

/** The module anew, as in a tab that was just opened. */
let opened = 0;
const open = () => import(`../../photon_app/ui/live/choices.js?tab=${opened++}`);

let heard;
beforeEach(() => {
  heard = [];
  globalThis.localStorage = new Storage();
  globalThis.sessionStorage = new Storage();
  globalThis.addEventListener = (name, listener) => { if (name === "storage") heard.push(listener); };
});

const tell = (key) => { for (const listener of heard) listener({ key, storageArea: localStorage }); };

test("a choice takes effect at once and is there in the next tab", async () => {
  const one = await open();
  const calls = [];
  one.onChoice("timeframe", () => calls.push(one.chosen("timeframe")));
  one.choose("timeframe", "5m");
  assert.deepEqual(calls, ["5m"]);
  assert.equal((await open()).chosen("timeframe"), "5m");
});

test("what is selected is of one tab", async () => {
  const one = await open();
  one.choose("selected", "NVDA");
  assert.equal(sessionStorage.getItem("photon.selected"), "NVDA");
  assert.equal(localStorage.getItem("photon.selected"), null);
});

test("whatever is stored, a choice is one of its values", async () => {
  for (const text of ["7m", "", "null", "<b>", "x".repeat(10_000)]) {
    localStorage.setItem("photon.timeframe", text);
    localStorage.setItem("photon.sort", text);
    const { chosen } = await open();
    assert.equal(chosen("timeframe"), "1m");
    assert.equal(chosen("sort"), text.length > 200 ? "" : text);
  }
});

test("what is not a value is the default, and stored so", async () => {
  const { choose, chosen } = await open();
  choose("timeframe", "1h");
  choose("timeframe", "7m");
  assert.equal(chosen("timeframe"), "1m");
  assert.equal(localStorage.getItem("photon.timeframe"), "1m");
});

test("another tab's choice is heard once, and nothing else", async () => {
  const { chosen, onChoice } = await open();
  let calls = 0;
  onChoice("pair", () => { calls += 1; });
  localStorage.setItem("photon.pair", "blue-orange");
  tell("photon.pair");
  tell("photon.pair");
  tell("other");
  assert.equal(chosen("pair"), "blue-orange");
  assert.equal(calls, 1);
});

test("a storage that was emptied gives the defaults back", async () => {
  const { choose, chosen, onChoice } = await open();
  choose("pair", "blue-orange");
  onChoice("pair", () => {});
  localStorage.items.clear();
  tell(null);
  assert.equal(chosen("pair"), "green-red");
});

test("choices last where nothing can be stored", async () => {
  globalThis.localStorage = { getItem() { throw new Error("denied"); }, setItem() { throw new Error("denied"); } };
  const { choose, chosen } = await open();
  assert.equal(chosen("style"), "candles");
  choose("style", "line");
  assert.equal(chosen("style"), "line");
});

test("a name joins the others, and leaves them where it is among them", async () => {
  const { toggled } = await open();
  assert.deepEqual([["", "vwap"], ["vwap", "vwap"], ["range,vwap", "range"], ["range,", "age"]].map((pair) => toggled(...pair)), ["vwap", "", "vwap", "range,age"]);
});

test("a listener that has stopped hears nothing", async () => {
  const { choose, onChoice } = await open();
  let calls = 0;
  const stop = onChoice("style", () => { calls += 1; });
  choose("style", "area");
  stop();
  choose("style", "line");
  assert.equal(calls, 1);
});
