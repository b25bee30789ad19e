/** What a chart asks for, and when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChartFeed, PAGE } from "../../photon_app/ui/live/chart-feed.js";
import { settled } from "./fake_browser.mjs";

const bar = (time, more = {}) => ({ time, open: 1, high: 2, low: 1, close: 1.5, volume: 10, count: 3, final: true, ...more });
const page = (from, count) => Array.from({ length: count }, (_, at) => bar(from + at));

/** A client whose answers the test gives. */
function client() {
  const questions = [], listeners = new Map(), statuses = new Set(), quotes = new Map(), watchers = new Map();
  let status = { connection: "open", epoch: "one", market: "regular" };
  return {
    questions, listeners,
    onStatus(listener) { statuses.add(listener); listener(status); return () => statuses.delete(listener); },
    bars(symbol, timeframe, listener) {
      const key = `${symbol} ${timeframe}`;
      listeners.set(key, listener);
      return () => listeners.delete(key);
    },
    watch(symbol, watcher) {
      watchers.set(symbol, watcher);
      if (quotes.has(symbol)) watcher(quotes.get(symbol));
      return () => watchers.delete(symbol);
    },
    quote: (symbol) => quotes.get(symbol),
    price(symbol, quote) {
      quotes.set(symbol, { day: 0, session: "regular", snapshot: false, polled: false, ...quote });
      watchers.get(symbol)?.(quotes.get(symbol));
    },
    history(symbol, options) {
      return new Promise((resolve, reject) => {
        options.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        questions.push({ symbol, ...options, reject, answer: (bars, more = {}) => resolve({ source: "simulated", since: 0, bars, sessions: [], ...more }) });
      });
    },
    say(changes) { status = { ...status, ...changes }; for (const listener of statuses) listener(status); },
    get watched() { return statuses.size + watchers.size; },
  };
}

function feed() {
  const live = client(), heard = [], timers = [];
  const clock = { setTimeout: (run, ms) => timers.push({ run, ms }), clearTimeout: (id) => { if (id) timers[id - 1].run = () => {}; } };
  return { live, heard, timers, feed: new ChartFeed(live, (what, one) => heard.push(one ? `${what} ${one.time}` : what), clock) };
}
const times = ({ shown }) => shown.series.bars.map(({ time }) => time);

test("a choice is asked for over HTTP at once, and painted when it is answered", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  assert.deepEqual([live.questions[0].symbol, live.questions[0].timeframe, live.questions[0].limit], ["AAPL", "1m", PAGE]);
  assert.equal(chart.waiting, true);
  live.questions[0].answer([bar(1)]);
  await settled();
  assert.deepEqual([heard, chart.waiting, chart.shown.symbol], [["anew"], false, "AAPL"]);
});

test("an overtaken question is ended, and its answer is not painted", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  chart.show("MSFT", "1m");
  assert.equal(live.questions[0].signal.aborted, true);
  live.questions[0].answer([bar(1)]);
  live.questions[1].answer([bar(2)]);
  await settled();
  assert.deepEqual([heard, chart.shown.symbol, times(chart)], [["anew"], "MSFT", [2]]);
  assert.deepEqual([...live.listeners.keys()], ["MSFT 1m"]);
});

test("what is shown stays until the next is there", async () => {
  const { live, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(1)]);
  await settled();
  chart.show("MSFT", "1m");
  assert.deepEqual([chart.shown.symbol, chart.waiting], ["AAPL", true]);
});

test("live bars are painted one by one, also those that came before the history", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  const say = live.listeners.get("AAPL 1m");
  say({ bar: bar(2), final: false });
  live.questions[0].answer([bar(1)]);
  await settled();
  assert.deepEqual(times(chart), [1, 2]);
  say({ bar: bar(3), final: false });
  assert.deepEqual(heard, ["anew", "last 3"]);
});

test("going back to a series paints it at once, and asks for what is new", async () => {
  const { live, heard, feed: chart } = feed();
  for (const symbol of ["AAPL", "MSFT", "AAPL"]) {
    chart.show(symbol, "1m");
    if (live.questions.length < 3) live.questions.at(-1).answer([bar(1), bar(2)]);
    await settled();
  }
  assert.deepEqual([heard, chart.shown.symbol, live.questions.length], [["anew", "anew", "anew"], "AAPL", 3]);
  live.questions[2].answer([bar(2), bar(3)]);
  await settled();
  assert.deepEqual([heard.at(-1), times(chart)], ["again", [1, 2, 3]]);
});

test("a price is in the running bar at once, and the bars channel corrects what it came to", async () => {
  const { live, heard, feed: chart } = feed();
  live.price("AAPL", { price: 1.7, volume: 5, time: 60_500, seq: 8 });
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(0), bar(60_000, { final: false })]);
  await settled();
  assert.equal(chart.shown.series.newest.close, 1.7); // its volume is in the bar already
  assert.equal(chart.shown.series.newest.volume, 10);
  live.price("AAPL", { price: 2.5, volume: 4, time: 60_900, seq: 9 });
  assert.deepEqual([chart.shown.series.newest.high, chart.shown.series.newest.volume], [2.5, 14]);
  live.price("AAPL", { price: 3, volume: 4, time: 120_100, seq: 10 });
  assert.deepEqual([times(chart), chart.shown.series.newest.open], [[0, 60_000, 120_000], 3]);
  live.listeners.get("AAPL 1m")({ bar: bar(120_000, { open: 2.9, close: 2.9, volume: 40 }), final: false });
  assert.deepEqual([chart.shown.series.newest.open, chart.shown.series.newest.close, chart.shown.series.newest.volume], [2.9, 3, 40]);
  assert.deepEqual(heard, ["anew", "last 60000", "last 120000", "last 120000"]);
});

test("a bar that is ahead of its price waits for it, or for the next message", async () => {
  const { live, feed: chart } = feed();
  live.price("AAPL", { price: 1.5, volume: 5, time: 59_000, seq: 8 });
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(0, { final: false })]);
  await settled();
  const say = live.listeners.get("AAPL 1m");
  say({ bar: bar(60_000, { close: 9 }), final: false });
  assert.deepEqual(times(chart), [0]);
  live.price("AAPL", { price: 9, volume: 5, time: 60_010, seq: 9 });
  assert.deepEqual([times(chart), chart.shown.series.newest.count], [[0, 60_000], 3]);
  for (const close of [7, 8]) say({ bar: bar(120_000, { close }), final: false });
  assert.deepEqual([times(chart), chart.shown.series.newest.close], [[0, 60_000, 120_000], 8]);
});

test("what is compared with is moved by its bars alone", async () => {
  const { live, feed: chart } = feed();
  chart.show("MSFT", "1m", false);
  live.questions[0].answer([bar(0, { final: false })]);
  await settled();
  live.price("MSFT", { price: 9, volume: 5, time: 1, seq: 8 });
  assert.equal(chart.shown.series.newest.close, 1.5);
});

test("only the last few series are remembered", async () => {
  const { live, heard, feed: chart } = feed();
  for (let at = 0; at < 25; at += 1) {
    chart.show(`S${at}`, "1m");
    live.questions.at(-1).answer([bar(1)]);
    await settled();
  }
  chart.show("S0", "1m");
  assert.equal(heard.length, 25);
  chart.show("S24", "1m");
  assert.equal(heard.length, 26);
});

test("older pages come one at a time, until there are none", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer(page(1_000, PAGE));
  await settled();
  chart.older();
  chart.older();
  assert.deepEqual(live.questions.slice(1).map(({ to }) => to), [1_000]);
  live.questions[1].answer(page(1_000 - PAGE, PAGE));
  await settled();
  assert.equal(chart.shown.series.bars.length, 2 * PAGE);
  chart.older();
  live.questions[2].answer(page(0, 3));
  await settled();
  chart.older();
  assert.equal(live.questions.length, 3);
  assert.deepEqual(heard, ["anew", "older", "older"]);
});

test("a page that cannot be had is not asked for again at once", async () => {
  const { live, timers, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer(page(1_000, PAGE));
  await settled();
  chart.older();
  live.questions[1].reject(new Error("busy"));
  await settled();
  chart.older();
  assert.equal(live.questions.length, 2);
  timers[0].run();
  chart.older();
  live.questions[2].answer([], { partial: true });
  await settled();
  chart.older();
  assert.deepEqual([live.questions.length, timers.map(({ ms }) => ms)], [3, [5_000, 5_000]]);
});

test("an older page of another choice is dropped", async () => {
  const { live, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer(page(1_000, PAGE));
  await settled();
  chart.older();
  chart.show("MSFT", "1m");
  live.questions[1].answer(page(500, PAGE));
  live.questions[2].answer([bar(7)]);
  await settled();
  assert.deepEqual([chart.shown.symbol, times(chart)], ["MSFT", [7]]);
});

test("a connection that is back loads the history again, without a gap and without another picture meanwhile", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(1), bar(2)]);
  await settled();
  live.say({ connection: "reconnecting" });
  live.say({ connection: "open" });
  live.questions[1].answer([bar(2), bar(3), bar(4)]);
  await settled();
  assert.deepEqual([heard, times(chart)], [["anew", "again"], [1, 2, 3, 4]]);
});

test("what a slow connection left out is asked for again, once", async () => {
  const { live, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(0), bar(60_000, { final: false })]);
  await settled();
  const say = live.listeners.get("AAPL 1m");
  say({ bar: bar(120_000), final: false });
  say({ bar: bar(180_000), final: false });
  say({ bar: bar(180_000, { count: 4 }), final: false });
  assert.equal(live.questions.length, 2);
  live.questions[1].answer([bar(0), bar(60_000), bar(120_000), bar(180_000, { final: false })]);
  await settled();
  assert.deepEqual([times(chart).length, chart.shown.series.torn], [4, null]);
  say({ bar: bar(180_000, { count: 5 }), final: false });
  assert.equal(live.questions.length, 2);
});

test("a replay's new epoch has other bars: nothing of the old one is left", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(5), bar(6)], { source: "replay:day.jsonl" });
  await settled();
  live.say({ epoch: "two" });
  assert.deepEqual(times(chart), [5, 6]);
  live.listeners.get("AAPL 1m")({ bar: bar(1), final: false });
  live.questions[1].answer([]);
  await settled();
  assert.deepEqual([heard, times(chart)], [["anew", "anew"], [1]]);
});

test("elsewhere bars go on in a new epoch: who looks at older ones stays there", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer(page(501, PAGE));
  await settled();
  chart.older();
  live.questions[1].answer(page(1, PAGE));
  await settled();
  live.say({ epoch: "two" });
  live.questions[2].answer(page(502, PAGE));
  await settled();
  assert.deepEqual([heard, times(chart).length, times(chart)[0]], [["anew", "older", "again"], 2 * PAGE + 1, 1]);
});

test("a very short answer is asked for once more: the past may only be being looked up", async () => {
  const { live, timers, feed: chart } = feed();
  chart.show("VZ", "1m");
  live.questions[0].answer([]);
  await settled();
  timers.at(-1).run();
  live.questions[1].answer(page(1, 400));
  await settled();
  assert.equal(times(chart).length, 400);
  chart.show("NEW", "1m");
  for (const at of [2, 3]) {
    live.questions[at].answer([bar(1)]);
    await settled();
    timers.at(-1).run();
  }
  assert.equal(live.questions.length, 4);
});

test("another session of the market brings its shading", async () => {
  const { live, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].answer([bar(1)]);
  await settled();
  live.say({ market: "post" });
  assert.deepEqual([live.questions.length, live.questions[1].sessions], [2, true]);
});

test("a failure says why and is tried again, ever later; a choice begins again", async () => {
  const { live, heard, timers, feed: chart } = feed();
  chart.show("AAPL", "1m");
  live.questions[0].reject(new Error("timeframe: expected 1m"));
  await settled();
  assert.deepEqual([heard, chart.failure, timers.map(({ ms }) => ms)], [["state"], "timeframe: expected 1m", [1_000]]);
  timers[0].run();
  live.questions[1].reject(new TypeError("failed to fetch"));
  await settled();
  assert.deepEqual([chart.failure, timers[1].ms], ["the server cannot be reached", 2_000]);
  timers[1].run();
  live.questions[2].answer([bar(1)]);
  await settled();
  assert.deepEqual([chart.failure, times(chart)], ["", [1]]);
});

test("when it is closed, nothing is asked for or heard any more", async () => {
  const { live, heard, feed: chart } = feed();
  chart.show("AAPL", "1m");
  chart.close();
  live.questions[0].answer([bar(1)]);
  await settled();
  assert.deepEqual([heard, live.listeners.size, live.watched], [[], 0, 0]);
});
