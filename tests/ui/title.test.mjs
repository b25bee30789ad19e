/** What the tab's title says, and how often. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { titleOf, waitFor } from "../../photon_app/ui/live/title.js";

const plain = (text) => text.replaceAll("\u00a0", " ");
const quote = (price, changePercent, decimals = 2) => ({ price, changePercent, decimals });

test("it has the symbol, its price and its change", () => {
  assert.equal(plain(titleOf("AAPL", quote(284.09, 1.82))), "AAPL 284.09 ▲1.82 % · Photon");
  assert.equal(plain(titleOf("TSLA", quote(1043.2, -0.4))), "TSLA 1,043.20 ▼0.40 % · Photon");
  assert.equal(plain(titleOf("EURUSD", quote(1.085, 0, 5))), "EURUSD 1.08500 0.00 % · Photon");
});

test("what is not known is left out", () => {
  assert.equal(titleOf("AAPL", quote(284.09, null)), "AAPL 284.09 · Photon");
  assert.equal(titleOf("AAPL", undefined), "Photon");
  assert.equal(titleOf("AAPL", quote(null, 1)), "Photon");
  assert.equal(titleOf("", quote(1, 1)), "Photon");
});

test("it changes once a second, in a hidden tab every five", () => {
  assert.equal(waitFor(Infinity, false), 0);
  assert.equal(waitFor(400, false), 600);
  assert.equal(waitFor(400, true), 4600);
  assert.equal(waitFor(9000, true), 0);
});
