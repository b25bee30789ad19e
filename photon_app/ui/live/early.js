/**
 * What must be right before the first paint, and needs nothing of the page but its root.
 *
 * Stands in the page's head as it is, after the script that sets the theme's class. The pair of
 * colours is that of choices.js; the colour of the browser's own frame follows the theme; buttons
 * open and close their dialog in browsers that do not do it by themselves; the worker that shows a
 * page of its own where the server cannot be reached is registered once the page has loaded.
 */
(() => {
  const root = document.documentElement;
  const colors = /** @type {HTMLScriptElement} */ (document.currentScript).dataset;

  const pair = localStorage.getItem("photon.pair");
  if (pair && /^[a-z-]{1,20}$/.test(pair)) root.dataset.pair = pair;

  const frame = document.createElement("meta");
  frame.name = "theme-color";
  const follow = () => { frame.content = (root.classList.contains("dark") ? colors.dark : colors.light) ?? ""; };
  follow();
  document.head.append(frame);
  new MutationObserver(follow).observe(root, { attributeFilter: ["class"] });

  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    addEventListener("click", ({ target }) => {
      const button = target instanceof Element ? target.closest("button[commandfor]") : null;
      const dialog = document.getElementById(button?.getAttribute("commandfor") ?? "");
      if (!(dialog instanceof HTMLDialogElement)) return;
      if (button?.getAttribute("command") === "close") dialog.close(); else dialog.showModal();
    });
  }

  const AFTER_MS = 3000; // prices come first
  addEventListener("load", () => {
    setTimeout(() => { navigator.serviceWorker?.register("/sw.js").catch(() => {}); }, AFTER_MS);
  });
})();
