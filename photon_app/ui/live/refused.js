/**
 * Says why the page stays empty when the server refuses its scripts.
 *
 * It comes before them and without them: a plain script, which a browser asks for without an
 * Origin. When one of the others cannot be loaded it asks the server, as a page's POST does, with
 * one. It reads the answer's text only, and changes nothing while all is well.
 */
(() => {
  const MOST = 400;
  let asked = false;

  /** @param {Event} event */
  async function ask({ target }) {
    if (asked || !(target instanceof HTMLElement) || !["SCRIPT", "LINK"].includes(target.nodeName)) return;
    asked = true;
    const answer = await fetch("/health", { method: "POST" }).catch(() => null);
    const why = (await answer?.text() ?? "").trim().slice(0, MOST);
    if (answer?.status !== 403) return;
    if (document.readyState === "loading") await new Promise((done) => { addEventListener("DOMContentLoaded", done); });
    show(".badge", ".badge [role=status]", "REFUSED");
    show(".trouble", ".trouble span", `The server refuses this page's scripts: ${why}`);
    show(".foot", ".foot .foot-connection b", "Refused");
  }

  /** @param {string} box @param {string} words @param {string} text */
  function show(box, words, text) {
    document.querySelector(box)?.setAttribute("data-kind", "bad");
    const element = document.querySelector(words);
    if (element) element.textContent = text;
  }

  addEventListener("error", ask, true);
})();
