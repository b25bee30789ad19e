/** What the page says of the line, the feed and a symbol. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { badge, failures, silence, symbolWords, trouble } from "../../photon_app/ui/live/words.js";

const line = (more) => ({ connection: "open", feed: "live", detail: "", rate: 1, reason: "", retryAt: null, feedRetryAt: null, ...more });
const REFUSED = "Failed to connect to Finnhub: the API key was refused; next attempt at 14:02:11 UTC";

test("the server's sentence is shown as it is, while the feed has trouble", () => {
  assert.equal(trouble(line({ feed: "unauthorized", detail: REFUSED })), REFUSED);
  assert.equal(badge(line({ feed: "unauthorized", detail: REFUSED }), 0, 0).why, REFUSED);
});

test("every troubled feed has a sentence of its own where the server gives none", () => {
  for (const feed of ["reconnecting", "unauthorized", "throttled"]) assert.match(trouble(line({ feed })), /^The (feed|server) .+/);
});

test("there is no trouble where prices flow, nor before anything is known", () => {
  for (const feed of ["live", "replay", "connecting"]) assert.equal(trouble(line({ feed })), "");
  assert.equal(trouble(line({ feed: "simulated", detail: "Prices are invented" })), "");
  assert.equal(trouble(line({ connection: "connecting", feed: null })), "");
});

test("what a replay has to say is said", () => {
  assert.equal(trouble(line({ feed: "replay", detail: "line 7 is torn" })), "line 7 is torn");
});

test("a page without its server says that, whatever the feed was", () => {
  assert.match(trouble(line({ connection: "reconnecting", feed: "live" })), /lost the server/);
  assert.equal(badge(line({ connection: "reconnecting", retryAt: 900 }), null, 400).wait, 500);
  assert.equal(trouble(line({ connection: "closed", reason: "token refused" })), "token refused");
});

test("a page that never had its server says why that may be", () => {
  const first = line({ connection: "reconnecting", epoch: null, reason: "No connection to x" });
  assert.deepEqual([trouble(first), badge(first, null, 0).why], ["No connection to x", "No connection to x"]);
  assert.match(trouble({ ...first, epoch: "one" }), /lost the server/);
});

test("the next attempt is counted down on the server's clock", () => {
  assert.equal(badge(line({ feed: "throttled", feedRetryAt: 61_000 }), 1_000, 5).wait, 60_000);
  assert.equal(badge(line({ feed: "throttled", feedRetryAt: 61_000 }), null, 5).wait, null);
  assert.equal(badge(line({ feed: "live" }), 1_000, 5).wait, null);
});

test("a delayed tape is never called live", () => {
  for (const [delayMs, words] of [[900_000, "DELAYED 15 min"], [2_400_000, "DELAYED 40 min"], [60_000, "DELAYED 1 min"]]) {
    const shown = badge(line({ delayMs, detail: "Trades come late" }), 0, 0);
    assert.deepEqual([shown.words, shown.kind, shown.why], [words, "note", "Trades come late"]);
  }
  assert.equal(badge(line({ delayMs: null }), 0, 0).words, "LIVE");
  assert.equal(badge(line({ delayMs: 900_000, feed: "reconnecting" }), 0, 0).words, "RECONNECTING");
});

test("a state that this page does not know is shown by its own name", () => {
  assert.deepEqual([badge(line({ feed: "asleep" }), 0, 0).words, symbolWords("halted").tag], ["ASLEEP", "HALTED"]);
});

test("a live symbol needs no word, and each other state has a tag and a sentence", () => {
  assert.deepEqual(symbolWords("live"), { tag: "", short: "", line: "", why: "" });
  for (const state of ["polled", "waiting", "stale", "rejected"]) {
    const { tag, line: written, why } = symbolWords(state, null);
    assert.equal(tag, state.toUpperCase());
    assert.ok(why && written && written.length <= 46, `${written} must fit a phone`);
  }
  assert.match(symbolWords("polled").why, /no place on the live tape/);
  assert.equal(symbolWords("waiting").short, "No price yet");
});

test("a refused symbol says why", () => {
  const words = (code) => symbolWords("rejected", { code, message: "the server's words" });
  assert.deepEqual(["unknown_symbol", "too_many_symbols", "new_code"].map((code) => words(code).short), ["Unknown symbol", "No room", "Refused"]);
  assert.equal(words("new_code").line, "the server's words");
});

test("silence in trading hours is shown where the feed seems well", () => {
  const health = (status, state) => ({ status, feed: { state } });
  assert.match(silence(health("degraded", "live")), /no trade/);
  for (const other of [health("healthy", "live"), health("degraded", "reconnecting"), null, {}]) assert.equal(silence(other), "");
});

test("a database that fails is not taken for silence", () => {
  const health = (detail, storage) => ({ status: "degraded", feed: { state: "live", detail }, storage });
  assert.equal(silence(health("", { state: "failing", detail: "another Photon writes here" })), "Bars are not kept: another Photon writes here");
  assert.equal(silence(health("", { state: "failing", detail: "" })), "Bars are not kept");
  assert.match(silence(health("No trade of crypto", { state: "failing", detail: "disk full" })), /^No trade of crypto; .*disk full$/);
  assert.match(silence(health("", { state: "ok", detail: "" })), /no trade/);
});

test("failures are listed by number, those that never were are not", () => {
  assert.deepEqual(failures({ network: 2, kick: 5, auth: 0, odd: 1 }).map(([reason, , count]) => [reason, count]), [["kick", 5], ["network", 2], ["odd", 1]]);
  for (const nothing of [undefined, null, {}, { kick: "x" }]) assert.deepEqual(failures(nothing), []);
});

test("a page that is behind says so wherever prices flow, and what is not live stays named", () => {
  const words = (more) => badge(line({ behindMs: 2_900, ...more }), 0, 0).words;
  assert.equal(words({}), "BEHIND 3 s");
  assert.equal(words({ feed: "simulated" }), "SIMULATED · BEHIND 3 s");
  assert.equal(words({ feed: "replay" }), "REPLAY · BEHIND 3 s");
  assert.equal(words({ delayMs: 900_000 }), "DELAYED 15 min · BEHIND 3 s");
  assert.equal(words({ behindMs: 1_000 }), "BEHIND 1 s");
  assert.equal(words({ behindMs: null }), "LIVE");
  assert.equal(badge(line({ behindMs: 2_900 }), 0, 0).kind, "note");
  for (const feed of ["live", "simulated", "replay"]) assert.match(trouble(line({ behindMs: 2_900, feed })), /3 s late: .*cannot keep up/);
});

test("what is worse than being behind is said instead", () => {
  for (const more of [{ feed: "reconnecting" }, { feed: "throttled" }, { connection: "reconnecting" }, { connection: "closed", reason: "refused" }]) {
    const now = line({ behindMs: 2_900, ...more });
    assert.doesNotMatch(badge(now, 0, 0).words, /BEHIND/);
    assert.doesNotMatch(trouble(now), /keep up/);
  }
});
