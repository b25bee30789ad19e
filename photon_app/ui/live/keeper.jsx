/**
 * Writes the visitor's edits of the watchlist into the browser's storage, where all tabs share it.
 *
 * Each edit is made once, in order, on what is stored at that moment; then the server is notified. Tabs
 * take turns where the browser has locks (not on plain http of another machine), and each holds its
 * turn for a moment: what one tab writes reaches another only then, on a busy machine late. What
 * cannot be written stays with the server, for this tab, and is tried again with the next edit.
 */

import { useEffect, useRef } from "react";
import { edited } from "./lists.js";

const KEY = "photon.watchlist";
const MOMENT_MS = 150;

const inTurn = (/** @type {() => Promise<void>} */ act) => (navigator.locks ? navigator.locks.request(KEY, act) : act());

/** Reflex sends what is stored on the event of a change; the browser sends that event to the other tabs only. */
const notify = () => dispatchEvent(new StorageEvent("storage", { key: KEY, storageArea: localStorage }));

/** Renders nothing. @param {{edits?: any[], onKept: (ids: string[]) => void}} props */
export function ListKeeper({ edits = [], onKept }) {
  const made = useRef(new Set());
  const latest = useRef(onKept);
  latest.current = onKept;
  useEffect(() => {
    const ids = edits.map(({ id }) => id);
    if (ids.length === 0) { made.current.clear(); return; }
    inTurn(async () => {
      try {
        for (const edit of edits) {
          if (made.current.has(edit.id)) continue;
          localStorage.setItem(KEY, edited(localStorage.getItem(KEY), edit));
          made.current.add(edit.id);
        }
      } catch (error) {
        console.error("The list cannot be stored:", error);
        return;
      }
      notify();
      latest.current(ids);
      await new Promise((resolve) => { setTimeout(resolve, MOMENT_MS); });
    });
  }, [edits]);
  return null;
}
