/**
 * The panel behind the feed badge: why the connection is as it is, and how often it failed.
 *
 * Asks `/health` while it is open, every second; nothing when it is shut. What cannot be had
 * is a dash.
 */

import { useEffect, useState } from "react";
import * as format from "./format.js";
import { ask, photon } from "./hooks.js";
import { badge, failures, silence } from "./words.js";

const EVERY_MS = 1_000;

function useHealth() {
  const [health, setHealth] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const gone = new AbortController();
    const look = async () => {
      const answer = await ask("/health", gone.signal);
      if (!gone.signal.aborted) setHealth(answer);
    };
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => { gone.abort(); clearInterval(timer); };
  }, []);
  return health;
}

const ago = (/** @type {?number} */ ms) => (ms == null ? format.DASH : `${format.age(ms)} ago`);
/** @param {{name: import("react").ReactNode, children?: import("react").ReactNode}} props */
const Fact = ({ name, children }) => <div><dt>{name}</dt><dd>{children}</dd></div>;

export function ConnectionPanel() {
  const health = useHealth();
  const live = photon();
  const status = live.status;
  const { words, kind, why, wait } = badge(status, live.marketNow(), Date.now());
  const failed = failures(health?.feed?.failures);
  return (
    <div className="connection-panel">
      <p className="connection-state"><b data-kind={kind}>{words}</b> {silence(health) || why}</p>
      <dl>
        {wait > 0 ? <Fact name="Next attempt in">{format.span(wait)}</Fact> : null}
        <Fact name="Last message">{ago(health?.feed?.last_message_age_ms)}</Fact>
        <Fact name="Last trade">{ago(health?.feed?.last_trade_age_ms)}</Fact>
        <Fact name="Symbols asked of the feed">{health?.symbols?.upstream ?? format.DASH}</Fact>
        <Fact name="Connections opened again">{health?.feed?.reconnects ?? format.DASH}</Fact>
      </dl>
      <h3>Failures since the start</h3>
      {failed.length ? (
        <dl className="failures">{failed.map(([reason, meaning, count]) => <Fact key={reason} name={<>{meaning} <code>{reason}</code></>}>{count}</Fact>)}</dl>
      ) : <p className="connection-none">{health ? "None" : format.DASH}</p>}
    </div>
  );
}
