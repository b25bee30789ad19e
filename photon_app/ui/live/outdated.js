/**
 * Reloads a page whose files are gone, once: after an upgrade its parts have other names.
 *
 * Stands in the page's head as it is, since the scripts of an outdated page may all be missing. When a
 * file of the page cannot be loaded, the server is asked for the page that it has now; only when that
 * names other files is it loaded, and not again within some minutes. A server that does not answer
 * changes nothing: the page that stands goes on.
 */
(() => {
  const KEY = "photon.reloaded";
  const PAUSE_MS = 600_000;
  /** @type {(string | null)[]} */
  let names = [];
  let asking = false;

  const named = () => [...document.querySelectorAll("link[rel=modulepreload]")].map((link) => link.getAttribute("href"));

  /** Remember that it was done; where nothing can be remembered, it is not. */
  const first = () => {
    try {
      if (!(sessionStorage instanceof Storage)) return false; // it ends with the page: storage.js
      const before = Number(sessionStorage.getItem(KEY));
      if (Date.now() - before < PAUSE_MS) return false;
      sessionStorage.setItem(KEY, String(Date.now()));
      return true;
    } catch {
      return false;
    }
  };

  const missing = async () => {
    if (asking) return;
    asking = true;
    try {
      const mine = names.length ? names : named();
      const answer = await fetch(location.pathname, { cache: "reload", headers: { Accept: "text/html" } });
      const page = answer.ok ? await answer.text() : "";
      if (page.includes("/assets/") && mine.some((name) => name !== null && !page.includes(name)) && first()) location.reload();
    } catch { /* no answer: nothing is known */ }
    asking = false;
  };

  addEventListener("DOMContentLoaded", () => { names = named(); });
  addEventListener("error", ({ target }) => { if (target instanceof HTMLElement && /^(SCRIPT|LINK)$/.test(target.tagName)) missing(); }, true);
  addEventListener("vite:preloadError", missing);
  addEventListener("photon:missing", missing);
})();
