/**
 * A symbol's day as a small line: its points, and where they stand in a box. Pure, tested under node.
 */

export const STEP_MS = 300_000;
export const MOST = 300; // points: a day of the exchange has 192 of five minutes, a whole day 288

export class DayLine {
  /** When the day began; null before that is known. */
  from = null;
  /** @type {[number, number][]} begin of five minutes and the price at their end, oldest first */
  points = [];

  /** Begin with the day's bars of five minutes. What was heard meanwhile and is newer stays. */
  load(from, bars) {
    const newest = bars.at(-1)?.time ?? from;
    const since = this.points.filter(([time]) => time > newest || (time === newest && bars.length === 0));
    this.from = from;
    this.points = [...bars.map(({ time, close }) => [time, close]), ...since].slice(-MOST);
  }

  /** Take in a price. @returns {boolean} whether the line is another now */
  price(time, price) {
    const step = Math.floor(time / STEP_MS) * STEP_MS;
    const last = this.points.at(-1);
    if (last && step < last[0]) return false;
    if (last && step === last[0]) {
      if (last[1] === price) return false;
      last[1] = price;
      return true;
    }
    this.points.push([step, price]);
    if (this.points.length > MOST) this.points.shift();
    return true;
  }
}

/**
 * The line in a box: points in pixels from the left and the top, and the height of the previous close.
 * @param {[number, number][]} points
 * @param {?number} close
 * @returns {{line: [number, number][], close: ?number}}
 */
export function shapeOf(points, close, width, height, margin = 2) {
  if (points.length === 0) return { line: [], close: null };
  const prices = points.map(([, price]) => price);
  const low = Math.min(...prices, close ?? Infinity), high = Math.max(...prices, close ?? -Infinity);
  const first = points[0][0], span = points.at(-1)[0] - first;
  const x = (time) => margin + (span ? (time - first) / span : 1) * (width - 2 * margin);
  const y = (price) => (high > low ? margin + ((high - price) / (high - low)) * (height - 2 * margin) : height / 2);
  return { line: points.map(([time, price]) => [x(time), y(price)]), close: close == null ? null : y(close) };
}
