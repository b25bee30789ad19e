/** The page's address, read and written. */

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.setInterval = () => 0;
const { format, parse } = await import("../../photon_app/ui/live/address.js");

const nothing = { symbol: "", timeframe: "", list: "", shared: [] };

test("an address says what it shows", () => {
  assert.deepEqual(parse("/"), nothing);
  assert.deepEqual(parse("/s/NVDA?tf=5m&list=main"), { ...nothing, symbol: "NVDA", timeframe: "5m", list: "main" });
  assert.deepEqual(parse("/s/binance:btcusdt"), { ...nothing, symbol: "BINANCE:BTCUSDT" });
  assert.deepEqual(parse("/?s=AAPL,MSFT&sel=MSFT"), { ...nothing, symbol: "MSFT", shared: ["AAPL", "MSFT"] });
});

test("what is written is read again", () => {
  for (const symbol of ["AAPL", "BRK.B", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "A B", "$X", "^DJI", "#1", "A/B", "A&B", "A+B", "A=F", "A!", "A*B"]) {
    for (const list of ["", "energy-1"]) {
      const shown = { ...nothing, symbol, timeframe: "1h", list };
      assert.deepEqual(parse(format(shown)), shown, format(shown));
    }
    const shared = { ...nothing, symbol, shared: [symbol, "MSFT"].slice(0, 2) };
    assert.deepEqual(parse(format(shared)), shared, format(shared));
  }
});

test("what is the same for everybody is left out", () => {
  assert.equal(format({ ...nothing, symbol: "NVDA", timeframe: "1m", list: "main" }), "/s/NVDA");
  assert.equal(format({ ...nothing, timeframe: "5m", list: "energy" }), "/");
});

test("what is no symbol, interval or list is left out", () => {
  for (const address of ["/s/", "/s/%", "/s/<script>", "/s/É", "/s/" + "A".repeat(40), "/s/%00", "/x", "//evil", "/?sel=<b>", "/?s=,,,", "/s/-A"]) {
    assert.deepEqual(parse(address), nothing, address);
  }
  assert.deepEqual(parse("/s/A?tf=7m&list=%3Cb%3E&s=%22"), { ...nothing, symbol: "A" });
  assert.deepEqual(parse("/?s=A,B&sel=C"), { ...nothing, shared: ["A", "B"] });
});

test("a long address is cut, and names what it can", () => {
  const many = Array.from({ length: 3_000 }, (_, index) => `S${index}`);
  const { shared } = parse(`/?s=${many.join(",")}`);
  assert.ok(shared.length > 100 && shared.length < 3_000);
});

test("a name that is cut off is not another", () => {
  const many = Array.from({ length: 999 }, (_, index) => `LONG${index}`);
  const { shared } = parse(`/?s=${many.join(",")}`);
  assert.deepEqual(shared, many.slice(0, shared.length));
  assert.deepEqual(parse(`/?s=${"A".repeat(5_000)}`), nothing);
});

test("the address of a list is never too long, whatever its names", () => {
  for (let width = 4; width < 16; width += 1) {
    const shared = Array.from({ length: 1_500 }, (_, index) => `${index}`.padStart(width, "A"));
    for (const symbol of ["", shared[0]]) {
      const address = format({ ...nothing, symbol, shared });
      assert.ok(address.length <= 4_096 && address.length > 4_096 - width - 2, `${address.length}`);
      assert.equal(parse(address).shared.join(), shared.slice(0, parse(address).shared.length).join());
    }
  }
});

test("a list that is too long for an address has its first symbols there", () => {
  const shared = Array.from({ length: 1_500 }, (_, index) => `${index}`.padStart(32, "IC MARKETS:"));
  const address = format({ ...nothing, symbol: shared[0], shared });
  const read = parse(address);
  assert.ok(address.length <= 4_096 && read.shared.length > 90);
  assert.deepEqual(read, { ...nothing, symbol: shared[0], shared: shared.slice(0, read.shared.length) });
});
