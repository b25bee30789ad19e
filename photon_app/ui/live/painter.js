/**
 * When the page paints: the frames, and who paints what of a symbol.
 *
 * The parts of one symbol at one interval share a watcher and a paint. A quote queues that paint, and a change
 * of the status only where it concerns the symbol. Paints of the selected symbol, its chart included, all run in
 * the next frame; on a machine for which that is too much they wait together, for a time that follows
 * what they cost. Those of rows take a share of each frame, first come, first served, so that fifty rows
 * make no long task. Bound: each paint waits once. No page here but the frames and the clock, which are given; tested under node.
 */

/** @typedef {import("./photon-client.js").Photon} Photon */
/** @typedef {import("./photon-client.js").Quote} Quote */
/** @typedef {(quote: Quote | undefined) => void} Draw  writes what is shown of a symbol */
/** @typedef {{symbol: string, draws: Set<Draw>, facts: unknown[], paint: () => void, queue: () => void, stop: () => void}} Group */

export const ROW_MS = 250; // the interval of a row of the list
const SHARE_MS = 5; // of a frame, for rows
const SLOW_MS = 25; // from a frame to the next: more is one that was left out
const RESTS = 1.5, MOST_MS = 100; // what is moved by trades rests so many times what its frame took, at most so long

/** What a paint throws costs no other. @param {() => void} act */
function run(act) {
  try { act(); } catch (error) { console.error(error); }
}

/** Paints that wait for the next animation frame. */
export class Frames {
  #request; #now; #requested = false;
  /** @type {Set<() => void>} */
  #next = new Set();
  /** @type {Set<() => void>} */
  #rows = new Set();
  /** @type {Set<() => void>} */
  #moved = new Set();
  #notBefore = -Infinity; #began = /** @type {?number} */ (null); // when the last frame with `moved` paints began, until the next one has come

  /** @param {(run: () => void) => void} request  as requestAnimationFrame @param {() => number} now  ms */
  constructor(request, now) {
    this.#request = request;
    this.#now = now;
  }

  /** Run in the next frame, once, however often it is asked for. @param {() => void} paint */
  soon(paint) {
    this.#moved.delete(paint);
    this.#next.add(paint);
    this.#ask();
  }

  /** Run in the next frame, because of a trade: where such frames take too long, in a later one. @param {() => void} paint */
  moved(paint) {
    if (!this.#next.has(paint)) this.#moved.add(paint);
    this.#ask();
  }

  /** Run in one of the next frames, as there is time. @param {() => void} paint */
  later(paint) {
    this.#rows.add(paint);
    this.#ask();
  }

  /** Whether what is moved by trades rests now. */
  get resting() { return this.#now() < this.#notBefore; }

  /** Take back what was asked for. @param {() => void} paint */
  drop(paint) {
    this.#next.delete(paint);
    this.#moved.delete(paint);
    this.#rows.delete(paint);
  }

  #ask() {
    if (this.#requested) return;
    this.#requested = true;
    this.#request(() => this.#frame());
  }

  #frame() {
    this.#requested = false;
    const now = this.#now(), took = this.#began === null ? 0 : now - this.#began;
    if (took > SLOW_MS) this.#notBefore = now + Math.min(MOST_MS, RESTS * took);
    const may = now >= this.#notBefore;
    const paints = [...this.#next, ...(may ? this.#moved : [])];
    this.#began = may && this.#moved.size ? now : null;
    this.#next.clear();
    if (may) this.#moved.clear();
    for (const paint of paints) run(paint);
    const end = this.#now() + SHARE_MS;
    for (const paint of this.#rows) {
      this.#rows.delete(paint);
      run(paint);
      if (this.#now() >= end) break;
    }
    if (this.#rows.size || this.#moved.size || this.#began !== null) this.#ask();
  }
}

/** The paints of symbols, each queued when something of its symbol is another. */
export class Painter {
  #live; #frames;
  /** @type {Map<string, Group>} by interval and symbol */
  #groups = new Map();
  /** @type {(() => void) | null} */
  #stop = null;

  /** @param {Photon} live @param {Frames} frames */
  constructor(live, frames) {
    this.#live = live;
    this.#frames = frames;
  }

  /**
   * Draw now, and in a frame after each change.
   * @param {string} symbol
   * @param {Draw} draw
   * @param {number} intervalMs  0: with every trade; else as a row
   * @returns {() => void} ends it
   */
  add(symbol, draw, intervalMs) {
    const key = `${intervalMs} ${symbol}`;
    const group = this.#groups.get(key) ?? this.#begin(key, symbol, intervalMs);
    group.draws.add(draw);
    run(() => draw(this.#live.quote(symbol)));
    return () => {
      if (!group.draws.delete(draw) || group.draws.size) return;
      group.stop();
      this.#frames.drop(group.paint);
      this.#groups.delete(key);
      if (this.#groups.size) return;
      this.#stop?.();
      this.#stop = null;
    };
  }

  /** @param {string} key @param {string} symbol @param {number} intervalMs @returns {Group} */
  #begin(key, symbol, intervalMs) {
    const paint = () => this.#paint(group);
    const queue = intervalMs === 0 ? () => this.#frames.moved(paint) : () => this.#frames.later(paint);
    /** @type {Group} */
    const group = { symbol, draws: new Set(), facts: this.#facts(symbol), paint, queue, stop: () => {} };
    this.#groups.set(key, group);
    this.#stop ??= this.#live.onStatus(() => this.#heard());
    group.stop = this.#live.watch(symbol, queue, { intervalMs });
    return group;
  }

  /** @param {Group} group */
  #paint(group) {
    group.facts = this.#facts(group.symbol);
    const quote = this.#live.quote(group.symbol);
    for (const draw of group.draws) run(() => draw(quote));
  }

  #heard() {
    for (const group of this.#groups.values()) {
      const { facts } = group;
      if (this.#facts(group.symbol).some((fact, at) => fact !== facts[at])) group.queue();
    }
  }

  /** All that a paint of a symbol depends on. @param {string} symbol @returns {unknown[]} */
  #facts(symbol) {
    const live = this.#live, { states, market } = live.status;
    return [live.quote(symbol), live.stateOf(symbol), live.rejection(symbol), symbol in states, market];
  }
}
