/**
 * The service worker: shows a page of its own where the server cannot be reached, and nothing else.
 *
 * It answers navigations only, always from the server first, and keeps one file, which has no price.
 * Prices, scripts and the API never pass through it: an old price can come from nowhere.
 */
const OURS = "photon-offline-", KEPT = `${OURS}f29f3bb5`; // the beginning of the page's SHA-256: another page is another worker
const OFFLINE = "/offline.html";

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(KEPT).then((cache) => cache.add(new Request(OFFLINE, { cache: "reload" }))));
});

addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== KEPT) await caches.delete(name);
    await registration.navigationPreload?.enable(); // so that starting the worker delays no page
  })());
});

addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  event.respondWith((async () => {
    try {
      return (await event.preloadResponse) ?? (await fetch(event.request));
    } catch {
      return (await caches.match(OFFLINE)) ?? Response.error();
    }
  })());
});
