/**
 * A browser without a network: sockets that the test answers, and a clock that it turns.
 *
 * Give `environment()`'s result to `new Photon(...)`; `sockets` lists what was opened, `advance(ms)`
 * runs every timer that falls due, in order, `stall(ms)` is a task that holds up all of them, and `turn("hidden")`
 * hides the tab. To extend: a field of `environment` is an option of Photon.
 */

export function environment({ random = 0 } = {}) {
  const sockets = [];
  const timers = new Map();
  let now = 1_000_000, nextTimer = 1;

  class FakeSocket {
    sent = [];
    closed = false;
    constructor(url) { this.url = url; sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.closed = true; }
    open() { this.onopen?.({}); }
    say(message) { this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) }); }
    end(code = 1006, reason = "") { this.onclose?.({ code, reason }); }
    /** Open, and greet as the server does. */
    greet(epoch = "one", status = {}) {
      this.open();
      this.say({ type: "connection", status: "connected", client_id: "c", epoch, feed: "simulated", protocol: 1 });
      this.say({ type: "status", feed: "simulated", market: "regular", since: 0, epoch, symbols: {}, source: "simulated",
        detail: "", retry_at: null, now: 5_000, rate: 1, market_until: null, market_next: null, ...status });
    }
  }

  const target = new EventTarget();
  target.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  return {
    sockets,
    target,
    get socket() { return sockets.at(-1); },
    get waits() { return [...timers.values()].map(({ at }) => at - now); },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
        if (!due) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].run();
      }
      now = end;
    },
    stall(ms) { now += ms; },
    turn(visibilityState) {
      target.document.visibilityState = visibilityState;
      target.document.dispatchEvent(new Event("visibilitychange"));
    },
    options: {
      url: "http://photon.test/ws",
      WebSocket: FakeSocket,
      random: () => random,
      now: () => now,
      target,
      setTimeout(run, ms) { timers.set(nextTimer, { run, at: now + ms }); return nextTimer++; },
      clearTimeout(id) { timers.delete(id); },
    },
  };
}

/** Let queued microtasks run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export const update = (symbol, seq, price, more = {}) =>
  ({ type: "price_update", symbol, seq, data: { price, volume: 10, timestamp: 5_000, ...more } });

export const snapshot = (symbol, seq, price, more = {}) => ({
  type: "price_update", symbol, seq, snapshot: true,
  data: { price, volume: 10, timestamp: 5_000, prev_close: 100, change: price - 100, change_percent: price - 100, open: 99,
    high: 110, low: 90, day_volume: 1_000, state: "live", session: "regular", ...more },
});
