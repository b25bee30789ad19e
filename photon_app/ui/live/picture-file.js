/** A chart's picture as a file: the canvas below two lines that say what it is, and what its newest bar came to. */

import { download } from "./hooks.js";

const HEAD = 56;

/** @typedef {{title: string[], source: string, figures: string[], change: string, direction: string, tokens: Record<string, string>, name: string}} Words */

/** Let the browser save it. @param {HTMLCanvasElement} shot @param {Words} words */
export function save(shot, { tokens, name, ...words }) {
  const ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = shot.width;
  canvas.height = shot.height + Math.round(HEAD * ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = tokens.panel;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(shot, 0, canvas.height - shot.height);
  context.scale(ratio, ratio);
  write(context, canvas.width / ratio, tokens, words);
  canvas.toBlob((blob) => { if (blob) download(name, blob); }, "image/png");
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {Words["tokens"]} tokens @param {Omit<Words, "tokens" | "name">} words */
function write(context, width, tokens, { title: [symbol, ...more], source, figures, change, direction }) {
  /** @param {string} text @param {number} left @param {number} top @param {string} color @param {number} weight */
  const put = (text, left, top, color, weight) => {
    context.fillStyle = color;
    context.font = `${weight} 13px ${tokens.font}`;
    context.fillText(text, left, top);
    return left + context.measureText(text).width + 10;
  };
  let left = put(symbol, 12, 23, tokens.text, 680);
  if (source) left = put(source, left, 23, tokens.brand, 650); // what is invented says so wherever there is room for a name
  left = put(more.join("  "), left, 23, tokens.muted, 450);
  put(change, put(figures.join("   "), 12, 45, tokens.muted, 450), 45, tokens[direction] ?? tokens.muted, 600);
  context.textAlign = "right";
  if (left < width - 64) put("Photon", width - 12, 23, tokens.faint, 600);
}
