/**
 * What the page says of itself: feed badge, trouble, market session, connection foot.
 *
 * The three facts stay apart: whether this tab is connected, what the feed does, and whether the
 * market is open. Countdowns run on the clock that set them: the connection's on this machine, the
 * feed's on the server.
 */

import { useEffect } from "react";
import { chosen } from "./choices.js";
import * as format from "./format.js";
import { dayTitle } from "./days.js";
import { mark, photon, useParts, useStatus, write } from "./hooks.js";
import { badge, trouble } from "./words.js";

/** The state of the feed, beside the name; it cannot be overlooked when prices are not live. */
export function FeedBadge() {
  const { at, part } = useParts();
  useStatus((status, live) => {
    const { words, kind, why, wait } = badge(status, live.marketNow(), Date.now());
    write(at.words, words);
    write(at.wait, wait > 0 ? format.span(wait) : "");
    mark(at.box, "data-kind", kind);
    mark(at.box, "title", why || null);
  });
  return (
    <span className="badge" data-kind="wait" ref={part("box")}>
      <i className="dot" aria-hidden="true" />
      <span role="status" ref={part("words")}>CONNECTING</span>
      <span className="badge-wait" aria-hidden="true" ref={part("wait")} />
    </span>
  );
}

/** What is wrong with the connection or the feed, in a sentence; takes no room while nothing is. */
export function FeedTrouble() {
  const { at, part } = useParts();
  useStatus((status, live) => {
    write(at.words, trouble(status));
    mark(at.box, "data-kind", badge(status, live.marketNow(), Date.now()).kind);
  });
  return <p className="trouble" ref={part("box")}><span ref={part("words")} /></p>;
}

const FAR_MS = 36 * 3_600_000;

/** Which session the exchange is in, what comes next, and the time by the market's clock, in the chosen zone. */
export function SessionClock() {
  const { at, part } = useParts();
  useStatus((status, live) => {
    const now = live.marketNow(), zone = chosen("zone");
    write(at.session, format.session(status.market));
    const next = format.marketNext(status.market, status.marketNext, status.marketUntil && now && status.marketUntil - now);
    write(at.next, next && `\u00a0· ${next}`);
    write(at.time, format.clock(now, zone));
    write(at.zone, format.zoneName(zone, now ?? undefined));
    mark(at.zone, "title", zone === "exchange" ? "New York time" : null);
    write(at.date, now && Math.abs(now - Date.now()) > FAR_MS ? `${format.date(now, zone)}\u00a0\u00a0` : "");
  });
  return (
    <span className="session">
      <span>NYSE</span><b ref={part("session")}>{format.DASH}</b><span className="session-next" ref={part("next")} />
      <span className="session-clock"><span ref={part("date")} /><span ref={part("time")}>--:--:--</span><abbr title="New York time" ref={part("zone")}>ET</abbr></span>
    </span>
  );
}

/** What stands over the small lines: whose day they and the figures beside them are. @param {{symbols?: string[]}} props */
export function DayTitle({ symbols = [] }) {
  const { at, part } = useParts();
  useStatus((status, live) => write(at.title, dayTitle(symbols.map((symbol) => live.quote(symbol)), live.marketNow())));
  return <span ref={part("title")}>Today</span>;
}

/** @type {Record<string, string>} */
const CONNECTIONS = { connecting: "Connecting", open: "Connected", reconnecting: "Reconnecting", closed: "Disconnected" };
/** @type {Record<string, string>} */
const SOURCES = { simulated: "simulator", finnhub: "Finnhub" };
const PING_MS = 5_000;

/** The footer's facts: connection, age of the newest data, time to the server and back, source. @param {{symbols?: string[]}} props */
export function ConnectionFoot({ symbols = [] }) {
  const { at, part } = useParts();
  useStatus((status, live) => {
    write(at.connection, CONNECTIONS[status.connection]);
    mark(at.box, "data-connection", status.connection);
    const times = symbols.map((symbol) => live.quote(symbol)?.time).filter((time) => time != null);
    write(at.age, format.age(times.length ? live.marketNow() - Math.max(...times) : null));
    write(at.source, status.source ? SOURCES[status.source] ?? status.source.replace(/^replay:/, "recording ") : format.DASH);
    if (status.connection !== "open") write(at.latency, format.DASH);
  });
  useEffect(() => {
    const measure = async () => {
      if (document.hidden) return;
      const ms = await photon().ping();
      write(at.latency, ms === null ? format.DASH : `${ms < 1 ? "<1" : Math.round(ms)}\u00a0ms`);
    };
    const stops = [setTimeout(measure, 500), setInterval(measure, PING_MS)];
    return () => stops.forEach(clearTimeout);
  }, [at]);
  return (
    <span className="foot" data-connection="connecting" ref={part("box")}>
      <span className="foot-connection"><i className="dot" aria-hidden="true" /><b ref={part("connection")}>Connecting</b></span>
      <span>Data age <b className="figure-fixed" ref={part("age")}>{format.DASH}</b></span>
      <span>Latency <b className="figure-fixed" ref={part("latency")}>{format.DASH}</b></span>
      <span>Feed <b ref={part("source")}>{format.DASH}</b></span>
    </span>
  );
}
