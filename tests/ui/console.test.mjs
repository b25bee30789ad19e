/** The console of the developers' page: what it keeps, counts and says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { addressed, closing, FrameLog, kindOf, LONGEST, MOST, namesOf, sizeOf, socketUrl, subscribing } from "../../photon_app/ui/live/console.js";

test("the newest frames are kept, and all are counted", () => {
  const log = new FrameLog();
  for (let at = 0; at < MOST + 50; at++) log.add("in", "12345", at);
  assert.equal(log.frames.length, MOST);
  assert.equal(log.frames[0].at, 50);
  assert.deepEqual([log.count, log.bytes], [MOST + 50, 5 * (MOST + 50)]);
});

test("a long frame is cut, and says by how much", () => {
  const log = new FrameLog();
  log.add("in", "x".repeat(LONGEST + 7), 0);
  assert.deepEqual([log.frames[0].text.length, log.frames[0].left, log.frames[0].bytes], [LONGEST, 7, LONGEST + 7]);
});

test("a size is that of the text as it is sent", () => {
  const log = new FrameLog();
  log.add("in", "é—😀", 0);
  assert.equal(log.frames[0].bytes, 9);
});

test("only what the server sends is counted", () => {
  const log = new FrameLog();
  log.add("out", "{}", 0);
  log.add("note", "opened", 0, "connect");
  assert.deepEqual([log.count, log.bytes, log.frames.map(({ kind }) => kind)], [0, 0, ["text", "connect"]]);
});

test("clearing forgets frames and counts, and ids go on", () => {
  const log = new FrameLog();
  log.add("in", "a", 0);
  log.clear();
  log.add("in", "b", 0);
  assert.deepEqual([log.count, log.bytes, log.frames.map(({ id }) => id)], [1, 1, [2]]);
});

test("a rate is over the last five seconds", () => {
  const log = new FrameLog();
  assert.deepEqual(log.rate(0), { frames: 0, bytes: 0 });
  for (let at = 0; at < 10; at++) log.add("in", "1234", at);
  assert.deepEqual(log.rate(2_000), { frames: 5, bytes: 20 });
  assert.deepEqual(log.rate(20_000), { frames: 0, bytes: 0 });
});

test("a message is named by its type, and others by what they are", () => {
  const texts = ['{"type":"price_update","symbol":"A"}', '{"action":"ping"}', '[{"stock":"A"}]', "hello", '{"type":"<b>"}'];
  assert.deepEqual(texts.map(kindOf), ["price_update", "ping", "array", "text", "text"]);
});

test("names stand between commas, spaces within them are theirs", () => {
  assert.deepEqual(namesOf(" AAPL, IC MARKETS:1 ,,NVDA"), ["AAPL", "IC MARKETS:1", "NVDA"]);
  assert.deepEqual(JSON.parse(subscribing("AAPL,NVDA", 0, 1)), { action: "subscribe", symbols: ["AAPL", "NVDA"], id: 1 });
  assert.equal(JSON.parse(subscribing("AAPL", 250, 2)).interval_ms, 250);
});

test("the address of a connection says the format, and for arrays the symbols", () => {
  const http = new URL("http://photon.test:8000/"), https = new URL("https://photon.test/");
  assert.equal(socketUrl(http, "batch", "A"), "ws://photon.test:8000/ws?format=batch");
  assert.equal(socketUrl(https, "array", "M&M.NS, A"), "wss://photon.test/ws?format=array&symbols=M%26M.NS%2CA");
  assert.equal(socketUrl(https, "array", " "), "wss://photon.test/ws?format=array");
});

test("a close code is explained, and the server's reason added where it says more", () => {
  const codes = { 1008: ["five bad messages in a row", "Do not reconnect."] };
  assert.equal(closing(1008, "five bad messages in a row", codes, "?"), "1008: five bad messages in a row. Do not reconnect.");
  assert.equal(closing(1008, "not JSON", codes, "?"), "1008: five bad messages in a row. Do not reconnect. (not JSON)");
  assert.equal(closing(4999, "", codes, "unknown"), "4999: unknown.");
});

test("sizes have three digits at most before their unit", () => {
  assert.deepEqual([0, 999, 1_000, 99_949, 99_951, 999_499, 999_501, 123_456_789].map(sizeOf), [
    "0 B", "999 B", "1.0 KB", "99.9 KB", "100 KB", "999 KB", "1.0 MB", "123 MB",
  ].map((text) => text.replace(" ", "\u00a0")));
});

test("an example gets the address of the page's own server", () => {
  const code = 'connect("ws://127.0.0.1:8000/ws"); curl http://127.0.0.1:8000/health';
  assert.equal(addressed(code, "https://p.test"), 'connect("wss://p.test/ws"); curl https://p.test/health');
  assert.equal(addressed(code, "http://p.test:9"), 'connect("ws://p.test:9/ws"); curl http://p.test:9/health');
});
