/**
 * What the page says outside of itself: the title of its tab, and the pair of colours on its root.
 *
 * The title is written at most once a second, in a hidden tab every five; no frame comes there, so
 * it has a timer of its own, one at most. Renders nothing.
 */

import { useEffect } from "react";
import { photon, useChoice } from "./hooks.js";
import { NAME, titleOf, waitFor } from "./title.js";

/** @param {{symbol?: string}} props  the selected symbol, or an empty text; without it the title stays as it is */
export function PageHead({ symbol }) {
  const [pair] = useChoice("pair");

  useEffect(() => { document.documentElement.dataset.pair = pair; }, [pair]);

  useEffect(() => {
    if (symbol === undefined) return undefined;
    if (!symbol) { document.title = NAME; return undefined; }
    const live = photon();
    let timer = 0, written = -Infinity;
    const write = () => {
      timer = 0;
      written = performance.now();
      const title = titleOf(symbol, live.quote(symbol));
      if (document.title !== title) document.title = title;
    };
    const soon = () => { timer ||= setTimeout(write, waitFor(performance.now() - written, document.hidden)); };
    const now = () => { if (!document.hidden) { clearTimeout(timer); write(); } };
    const stop = live.watch(symbol, soon);
    document.addEventListener("visibilitychange", now);
    write();
    return () => { stop(); clearTimeout(timer); document.removeEventListener("visibilitychange", now); };
  }, [symbol]);

  return null;
}
