/**
 * Runs in the page's head, as it is, before anything is shown.
 *
 * Keeps the address with which the page was opened (`address.js` reads it) from Reflex's router, to which
 * the page is `/`; and tells the page, not the router, when the visitor goes back or forward.
 */
(() => {
  if (!/^\/(s\/.*)?$/.test(location.pathname)) return;
  /** @type {any} */ (window).photonAddress = location.pathname + location.search;
  if (location.pathname !== "/") history.replaceState(history.state, "", "/");
  addEventListener("popstate", (event) => {
    event.stopImmediatePropagation();
    dispatchEvent(new Event("photon:address"));
  }, true);
})();
