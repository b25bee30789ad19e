/**
 * What becomes of the stored watchlist when it is edited. Pure, tested under node.
 *
 * An edit names what goes and what comes, and is made on what the browser's storage holds at that
 * moment: another tab may have edited it meanwhile. What is not named is written as it was read,
 * also what the page cannot use or does not show. The text is that of photon_app/ui/watchlist.py.
 */

const VERSION = 1;
const MOST_CHARS = 65_536; // a longer text was not written here

/** @param {unknown} entry */
const nameOf = (entry) => (typeof entry === "string" ? entry.toUpperCase() : entry);

/** The entries of a stored text, whatever they are; null when it was not written here. @param {?string} text @returns {unknown[] | null} */
function entriesOf(text) {
  if (typeof text !== "string" || text.length > MOST_CHARS) return null;
  try {
    const { v, symbols } = JSON.parse(text);
    return v === VERSION && Array.isArray(symbols) ? symbols : null;
  } catch {
    return null;
  }
}

/**
 * @param {?string} text  what is stored
 * @param {{added: string[], removed: string[], instead: string[], anew: boolean}} edit
 *   `instead`: the list to begin with where none is stored; `anew`: back to storing none
 * @returns {string} what to store
 */
export function edited(text, { added, removed, instead, anew }) {
  if (anew) return "";
  const kept = (entriesOf(text) ?? instead).filter((entry) => !(/** @type {unknown[]} */ (removed)).includes(nameOf(entry)));
  const names = new Set(kept.map(nameOf));
  return JSON.stringify({ v: VERSION, symbols: [...kept, ...added.filter((symbol) => !names.has(symbol))] });
}
