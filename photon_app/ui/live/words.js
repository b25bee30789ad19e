/**
 * What the page says of the connection, the feed and a symbol: pure functions from states to words.
 *
 * Used by the live parts and tested under node. The server's sentences are passed on as they are;
 * words here stand beside them or where there are none.
 */

/** @typedef {Record<string, any>} Status  of photon-client.js */

/** @type {Record<string, [string, string, string]>} words, their kind, what they mean */
const FEEDS = {
  live: ["LIVE", "good", "Prices stream from the feed"],
  simulated: ["SIMULATED", "note", "Invented prices: no feed key is set"],
  replay: ["REPLAY", "note", "Recorded prices, played again"],
  connecting: ["CONNECTING", "wait", "The server is connecting to its feed"],
  reconnecting: ["RECONNECTING", "lost", "The server lost its feed and tries again"],
  unauthorized: ["UNAUTHORIZED", "bad", "The feed refuses the server's key"],
  throttled: ["THROTTLED", "note", "The feed asks the server to slow down"],
};
const TROUBLED = new Set(["reconnecting", "unauthorized", "throttled"]);
const FLOWING = new Set(["live", "simulated", "replay"]);

/** Seconds that this page is behind its server, where prices flow; else 0. @param {{behindMs?: ?number, feed?: ?string}} status */
const behind = ({ behindMs, feed }) => (behindMs && FLOWING.has(feed ?? "") ? Math.max(1, Math.round(behindMs / 1000)) : 0);
/** @param {number} seconds */
const late = (seconds) => `Prices here are about ${seconds} s late: this page, or its connection, cannot keep up`;

/** Why this page never had the server; empty once it had. @param {Status} status @returns {string} */
const never = (status) => (status.epoch == null ? status.reason : "");

/**
 * The badge for a status: its words, their kind, what they mean, and ms until the next attempt.
 * @param {Status} status
 * @param {?number} marketNow  the server's clock
 * @param {number} now  this machine's clock
 */
export function badge(status, marketNow, now) {
  if (status.connection === "closed") return { words: "DISCONNECTED", kind: "bad", why: status.reason, wait: null };
  if (status.connection === "reconnecting") {
    return { words: "RECONNECTING", kind: "lost", why: never(status) || "This page lost the server and tries again", wait: status.retryAt && status.retryAt - now };
  }
  if (status.connection !== "open") return { words: "CONNECTING", kind: "wait", why: "This page is connecting to the server", wait: null };
  const seconds = behind(status);
  if (!seconds) return feedBadge(status, marketNow);
  const { words } = feedBadge(status, marketNow); // what is not live stays named
  return { words: `${words === "LIVE" ? "" : `${words} · `}BEHIND ${seconds} s`, kind: "note", why: late(seconds), wait: null };
}

/** The badge of the feed alone. @param {Status} status @param {?number} marketNow */
function feedBadge(status, marketNow) {
  if (status.feed === "live" && status.delayMs > 0) {
    const minutes = Math.max(1, Math.round(status.delayMs / 60_000));
    return { words: `DELAYED ${minutes} min`, kind: "note", why: status.detail || "The feed's prices come late", wait: null };
  }
  const [words, kind, meaning] = FEEDS[status.feed] ?? [String(status.feed ?? "connecting").toUpperCase(), "wait", ""];
  const wait = status.feedRetryAt && status.rate === 1 && marketNow !== null ? status.feedRetryAt - marketNow : null;
  return { words, kind, why: status.detail || meaning, wait };
}

/** The sentence that must not need a pointer to be read; empty while all is as it should be. @param {Status} status @returns {string} */
export function trouble(status) {
  if (status.connection === "closed") return status.reason;
  if (status.connection === "reconnecting") return never(status) || "This page lost the server: prices are the last known ones";
  if (status.connection !== "open") return "";
  const seconds = behind(status);
  if (seconds) return late(seconds);
  if (status.feed === "simulated") return "";
  return status.detail || (TROUBLED.has(status.feed) ? FEEDS[status.feed][2] : "");
}

/** @typedef {{tag: string, short: string, line: string, why: string}} Words */

/** @type {Record<string, Words>} */
const STATES = {
  live: { tag: "", short: "", line: "", why: "" },
  polled: {
    tag: "POLLED", short: "", line: "Asked for now and then, not on the live tape",
    why: "Asked for every now and then: this symbol has no place on the live tape",
  },
  waiting: { tag: "WAITING", short: "No price yet", line: "No price yet", why: "No price of this symbol has come yet" },
  stale: {
    tag: "STALE", short: "", line: "This may not be the newest price",
    why: "The connection behind this price is lost, or does not bring this symbol: it may not be the newest",
  },
};
/** @type {Record<string, {short: string, line: string}>} */
const REFUSALS = {
  unknown_symbol: { short: "Unknown symbol", line: "The feed does not know this symbol" },
  too_many_symbols: { short: "No room", line: "The server has no room for more symbols" },
};

/**
 * What is particular about a symbol's price: `tag` for a badge, `short` where figures would be,
 * `line` written out beside the tag, `why` in full. All empty when it is live.
 * @param {string} state
 * @param {?{code: string, message: string}} rejection
 * @returns {Words}
 */
export function symbolWords(state, rejection) {
  if (state !== "rejected") return STATES[state] ?? { ...STATES.live, tag: String(state).toUpperCase() };
  const why = rejection?.message ?? "The server refuses this symbol";
  return { tag: "REJECTED", why, ...(REFUSALS[rejection?.code ?? ""] ?? { short: "Refused", line: why }) };
}

const UNKEPT = "Bars are not kept";

/** What is wrong although the feed's state is well, as `/health` judges it: silence in trading hours, or a database that fails. @param {any} health @returns {string} */
export const silence = (health) => {
  if (health?.status !== "degraded" || !FLOWING.has(health.feed?.state)) return "";
  const { state, detail } = health.storage ?? {};
  if (state === "failing") return [health.feed.detail, detail ? `${UNKEPT}: ${detail}` : UNKEPT].filter(Boolean).join("; ");
  return health.feed.detail || "The market is open, but no trade comes";
};

/** @type {Record<string, string>} */
const FAILURES = {
  network: "No answer, or the connection broke",
  stall: "Silence on an open connection",
  kick: "Ended by the feed",
  auth: "Key refused",
  throttle: "Too many attempts",
  server: "Faulty answer of the feed",
};

/** [reason, words, count] of each kind of failure that there was, the most frequent first. @param {Record<string, number> | undefined} counts @returns {[string, string, number][]} */
export function failures(counts) {
  return Object.entries(counts ?? {})
    .filter(([, count]) => Number.isFinite(count) && count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => [reason, FAILURES[reason] ?? reason, count]);
}
