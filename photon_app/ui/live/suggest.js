/**
 * Suggestions while a symbol is typed: what to ask for, when, and what of the answer to use.
 *
 * `Lookup` asks at most once a pause in typing and ends the question before when another is asked,
 * so that an old answer never stands under a new text. A search that fails shows nothing and says
 * nothing: what was typed can be added all the same. No page here; tested under node.
 */

export const PAUSE_MS = 120;
const MOST = 10;
const LONGEST = 64; // of a query

/** What is being typed: all of it, or what follows the last comma. */
export const asked = (text) => text.slice(text.lastIndexOf(",") + 1).trim().slice(0, LONGEST);

/** The text with a symbol in the place of what is being typed. */
export const completed = (text, symbol) => {
  const comma = text.lastIndexOf(",");
  return comma < 0 ? symbol : `${text.slice(0, comma + 1)} ${symbol}`;
};

/** The place `step` further, through none (-1), around both ends. */
export const moved = (place, count, step) => ((place + 1 + step + (count + 1)) % (count + 1)) - 1;

const TYPES = { "Common Stock": "Stock", ETP: "ETF" };
const text = (value) => (typeof value === "string" ? value : "");

/** The usable suggestions of an answer, whatever it is. */
export function suggestions(answer) {
  const results = Array.isArray(answer?.results) ? answer.results : [];
  const usable = results.filter((one) => one && text(one.symbol) && text(one.symbol).length <= 32);
  return usable.slice(0, MOST).map(({ symbol, name, type }) => ({
    symbol, name: text(name), type: TYPES[type] ?? text(type),
  }));
}

export class Lookup {
  #ask; #show; #timers; #timer = null; #question = null;

  /**
   * @param {(path: string, signal: AbortSignal) => Promise<?object>} ask  null when it failed
   * @param {(suggestions: object[]) => void} show
   * @param {{setTimeout: Function, clearTimeout: Function}} [timers]  replaced in tests
   */
  constructor(ask, show, timers = globalThis) {
    this.#ask = ask;
    this.#show = show;
    this.#timers = timers;
  }

  /** The text has become this: after a pause, show what fits; nothing for nothing. */
  type(typed) {
    this.stop();
    const query = asked(typed);
    if (!query) { this.#show([]); return; }
    this.#timer = this.#timers.setTimeout(() => this.#look(query), PAUSE_MS);
  }

  /** Ask and show no more until something is typed. */
  stop() {
    this.#timers.clearTimeout(this.#timer);
    this.#question?.abort();
    this.#question = null;
  }

  async #look(query) {
    const question = new AbortController();
    this.#question = question;
    const answer = await this.#ask(`/api/search?${new URLSearchParams({ q: query })}`, question.signal);
    if (this.#question === question) this.#show(suggestions(answer));
  }
}
