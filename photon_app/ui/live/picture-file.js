/** A chart's picture as a file: the canvas below a line that says what it is. */

const HEAD = 36;

/**
 * Let the browser save it.
 * @param {HTMLCanvasElement} shot
 * @param {{title: string[], source: string, tokens: Record<string, string>, name: string}} words
 */
export function save(shot, { title, source, tokens, name }) {
  const ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = shot.width;
  canvas.height = shot.height + Math.round(HEAD * ratio);
  const context = canvas.getContext("2d");
  context.fillStyle = tokens.panel;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(shot, 0, canvas.height - shot.height);
  context.scale(ratio, ratio);
  write(context, canvas.width / ratio, { title, source, tokens });
  canvas.toBlob((blob) => {
    if (!blob) return;
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

function write(context, width, { title: [symbol, ...more], source, tokens }) {
  const put = (text, left, color, weight) => {
    context.fillStyle = color;
    context.font = `${weight} 13px ${tokens.font}`;
    context.fillText(text, left, 23);
    return left + context.measureText(text).width + 10;
  };
  let left = put(symbol, 12, tokens.text, 680);
  if (source) left = put(source, left, tokens.brand, 650); // what is invented says so wherever there is room for a name
  left = put(more.join("  "), left, tokens.muted, 450);
  context.textAlign = "right";
  if (left < width - 64) put("Photon", width - 12, tokens.faint, 600);
}
