/** The lists of a browser, over a storage that other tabs write too. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

class Storage {
  items = new Map();
  getItem(key) { return this.items.get(key) ?? null; }
  setItem(key, value) { this.items.set(key, String(value)); }
}

/** A browser's tab: its storage is shared, its events and timers are the test's. */
class Tab {
  timers = new Map(); heard = []; next = 1;
  constructor(storage) { this.localStorage = storage; }
  addEventListener(name, listener) { this.heard.push([name, listener]); }
  setTimeout(run) { this.timers.set(this.next, run); return this.next++; }
  clearTimeout(id) { this.timers.delete(id); }
  setInterval(run) { this.resort = run; }
  hear(event, what) { for (const [name, listener] of this.heard) if (name === event) listener(what); }
  tell(key) { this.hear("storage", { key }); }
}

let opened = 0, storage, tab, list, choose, chosen;
const text = (...symbols) => JSON.stringify({ v: 1, symbols });

async function open(stored) {
  storage = new Storage();
  if (stored !== undefined) storage.setItem("photon.watchlist", stored);
  globalThis.localStorage = new Storage();
  globalThis.sessionStorage = new Storage();
  globalThis.setInterval = () => 0;
  const { Watchlist } = await import("../../photon_app/ui/live/watchlist.js");
  ({ choose, chosen } = await import("../../photon_app/ui/live/choices.js"));
  for (const name of ["selected", "sort"]) choose(name, "");
  choose("list", "main");
  tab = new Tab(storage);
  list = new Watchlist(tab);
  list.listen(() => { opened += 1; });
}

beforeEach(() => open(text("A", "B", "C", "D")));

test("the list of a new visitor is the server's, and known only when it has said so", async () => {
  await open();
  assert.equal(list.ready, false);
  list.offer(["X", "Y"], 50);
  assert.equal(list.ready, true);
  assert.deepEqual(list.symbols, ["X", "Y"]);
  assert.equal(list.limit, 50);
});

test("a stored list needs no server", () => {
  assert.equal(list.ready, true);
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
});

test("what is removed is gone at once, in the storage, and can be put back where it was", () => {
  list.remove("B");
  assert.deepEqual(list.symbols, ["A", "C", "D"]);
  assert.equal(storage.getItem("photon.watchlist"), text("A", "C", "D"));
  assert.equal(list.undoable, "B");
  list.undo();
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
  assert.equal(list.undoable, "");
  assert.equal(list.shown, "A");
});

test("what was selected when it was removed is selected when it is put back", () => {
  choose("selected", "B");
  list.remove("B");
  assert.equal(list.shown, "C");
  list.undo();
  assert.equal(list.shown, "B");
});

test("the last and the only symbol can be put back too", () => {
  list.remove("D");
  list.undo();
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
  for (const symbol of ["A", "B", "C", "D"]) list.remove(symbol);
  assert.deepEqual(list.symbols, []);
  assert.equal(list.shown, "");
  list.undo();
  assert.deepEqual(list.symbols, ["D"]);
});

test("after some seconds there is nothing to put back", () => {
  list.remove("B");
  for (const run of [...tab.timers.values()]) run();
  assert.equal(list.undoable, "");
  list.undo();
  assert.deepEqual(list.symbols, ["A", "C", "D"]);
});

test("what is added joins at the end, each once, as far as there is room", () => {
  list.offer([], 6);
  list.add(["B", "X", "Y", "Z"]);
  assert.deepEqual(list.symbols, ["A", "B", "C", "D", "X", "Y"]);
  list.add(["Z"]);
  assert.equal(list.symbols.length, 6);
});

test("when the selected symbol goes, the one below is selected, or the one above", () => {
  choose("selected", "B");
  list.remove("B");
  assert.equal(list.shown, "C");
  choose("selected", "D");
  list.remove("D");
  assert.equal(list.shown, "C");
  choose("selected", "C");
  list.remove("A");
  assert.equal(list.shown, "C");
});

test("a symbol moves by places and stops at the ends", () => {
  list.move("A", 1);
  assert.deepEqual(list.symbols, ["B", "A", "C", "D"]);
  list.move("A", 99);
  assert.deepEqual(list.symbols, ["B", "C", "D", "A"]);
  list.move("A", -1);
  assert.deepEqual(list.symbols, ["B", "C", "A", "D"]);
  list.move("B", -1);
  list.move("X", 1);
  assert.deepEqual(list.symbols, ["B", "C", "A", "D"]);
});

test("no symbol moves in an order that is not shown", () => {
  choose("sort", "-symbol");
  list.move("A", 1);
  choose("sort", "");
  list.filter = "A";
  list.move("A", 1);
  list.filter = "";
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
});

test("another tab's edit is seen, and none is lost", () => {
  list.remove("A");
  storage.setItem("photon.watchlist", text("B", "C", "D", "E"));
  tab.tell("photon.watchlist");
  assert.deepEqual(list.symbols, ["B", "C", "D", "E"]);
  list.remove("C");
  assert.equal(storage.getItem("photon.watchlist"), text("B", "D", "E"));
});

test("edits wait for their turn and are shown meanwhile", async () => {
  const turns = [];
  tab.navigator = { locks: { request: (_name, act) => turns.push(act) } };
  list.remove("A");
  list.change({ list: "main", edit: { added: ["E"] } });
  assert.deepEqual(list.symbols, ["B", "C", "D", "E"]);
  assert.equal(storage.getItem("photon.watchlist"), text("A", "B", "C", "D"));
  storage.setItem("photon.watchlist", text("A", "B", "F"));
  for (const turn of turns) turn();
  assert.equal(storage.getItem("photon.watchlist"), text("B", "F", "E"));
});

test("a storage that refuses costs nothing in this tab", () => {
  storage.setItem = () => { throw new Error("full"); };
  const { error } = console;
  console.error = () => {};
  list.remove("A");
  console.error = error;
  assert.deepEqual(list.symbols, ["B", "C", "D"]);
});

test("a storage that is denied costs nothing in this tab", () => {
  const { error } = console;
  console.error = () => {};
  Object.defineProperty(tab, "localStorage", { get() { throw new Error("denied"); } });
  tab.tell("photon.watchlist");
  list.offer(["A", "B"], 100);
  list.remove("A");
  list.make("Mine", ["X"]);
  tab.hear("pagehide");
  console.error = error;
  assert.deepEqual(list.lists.map(({ symbols }) => symbols.join("")), ["B", "X"]);
});

test("a list of one's own is made, renamed, filled and removed", () => {
  list.make("Energy", ["XOM", "CVX"]);
  assert.deepEqual(list.lists.map(({ name }) => name), ["Watchlist", "Energy"]);
  assert.deepEqual(list.symbols, ["XOM", "CVX"]);
  list.rename("  Öl \u0000 und Gas  ");
  assert.equal(list.list.name, "Öl und Gas");
  list.remove("XOM");
  assert.deepEqual(list.symbols, ["CVX"]);
  list.drop();
  assert.deepEqual(list.lists.map(({ id }) => id), ["main"]);
  list.drop();
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
  list.rename("Mine");
  assert.equal(list.list.name, "Mine");
  assert.equal(storage.getItem("photon.watchlist"), text("A", "B", "C", "D"));
});

test("there are not more lists than there may be", () => {
  let made = 0;
  while (list.make(`L${made}`) && made < 100) made += 1;
  assert.equal(list.lists.length, 20);
  assert.equal(made, 19);
});

test("the list of an address stands beside the visitor's and is never stored", () => {
  list.share(["X", "Y"]);
  choose("list", "shared");
  assert.deepEqual(list.symbols, ["X", "Y"]);
  list.remove("X");
  assert.deepEqual(list.symbols, ["Y"]);
  list.undo();
  assert.deepEqual(list.symbols, ["X", "Y"]);
  assert.equal(storage.getItem("photon.watchlist"), text("A", "B", "C", "D"));
  assert.equal(storage.getItem("photon.lists"), null);
  list.drop();
  assert.deepEqual(list.symbols, ["A", "B", "C", "D"]);
});

test("a sorted list is sorted anew now and then, not while somebody points at it", () => {
  const prices = { A: 1, B: 2, C: 3, D: 4 };
  list.quoteOf = (symbol) => ({ price: prices[symbol] });
  choose("sort", "-last");
  assert.equal(list.order.join(""), "DCBA");
  prices.A = 9;
  assert.equal(list.order.join(""), "DCBA");
  list.keepStill(true);
  tab.resort();
  assert.equal(list.order.join(""), "DCBA");
  list.keepStill(false);
  tab.resort();
  assert.equal(list.order.join(""), "ADCB");
  const before = list.order;
  tab.resort();
  assert.equal(list.order, before);
});

test("what is shown does not follow an order that prices move", () => {
  const prices = { A: 1, B: 2, C: 3, D: 4 };
  list.quoteOf = (symbol) => ({ price: prices[symbol] });
  assert.equal(list.shown, "A");
  choose("sort", "-last");
  assert.equal(list.shown, "A");
  prices.C = 9;
  tab.resort();
  assert.deepEqual([list.order[0], list.shown], ["C", "A"]);
});

test("a filter finds symbols and names", () => {
  list.nameOf = (symbol) => ({ C: "Caterpillar" })[symbol] ?? "";
  list.filter = "cater";
  assert.equal(list.order.join(""), "C");
  list.filter = "b";
  assert.equal(list.order.join(""), "B");
  list.filter = "";
  assert.equal(list.order.join(""), "ABCD");
});

test("rows further are found in the order that is shown", () => {
  choose("sort", "-symbol");
  choose("selected", "C");
  assert.equal(list.beside(1), "B");
  assert.equal(list.beside(-99), "D");
  assert.equal(list.beside(Infinity), "A");
});

test("whatever is stored, the lists are usable", async () => {
  for (const stored of ["", "null", "[]", "{}", '{"v":2}', '{"v":1,"lists":7}', '{"v":1,"lists":[null,1,{"id":"main"},{"id":"a"},{"id":"b","symbols":[1,"x y","é","AAPL"]}]}', "x".repeat(100_000)]) {
    await open(text("A"));
    storage.setItem("photon.lists", stored);
    tab.tell("photon.lists");
    assert.deepEqual(list.lists[0], { id: "main", name: "Watchlist", symbols: ["A"] });
    for (const one of list.lists) assert.ok(one.name && Array.isArray(one.symbols));
  }
});

test("an edit that waits for its turn is stored when the page is left", async () => {
  await open(text("A", "B"));
  tab.navigator = { locks: { request() {} } }; // another tab has its turn
  list.remove("A");
  assert.equal(storage.getItem("photon.watchlist"), text("A", "B"));
  tab.hear("pagehide");
  assert.equal(storage.getItem("photon.watchlist"), text("B"));
});
