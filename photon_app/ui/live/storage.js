/**
 * Lets the page stand without storage. Reflex keeps the theme and the name of a tab there, without asking
 * whether there is any, and its error would take the page down.
 *
 * Runs in the page's head, as it is, before any other. Where the browser denies the storage, one that lasts
 * as long as the page takes its place. Where it is full, what is not Photon's is not kept; what is fails as
 * ever, for its writers know what to do then.
 */
(() => {
  for (const name of /** @type {const} */ (["localStorage", "sessionStorage"])) {
    try {
      window[name].getItem("photon");
    } catch {
      const kept = new Map();
      Object.defineProperty(window, name, { value: {
        getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
        setItem: (/** @type {string} */ key, /** @type {unknown} */ value) => { kept.set(key, String(value)); },
        removeItem: (/** @type {string} */ key) => { kept.delete(key); },
        clear: () => { kept.clear(); },
      } });
    }
  }
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = function (key, value) {
    try { setItem.call(this, key, value); } catch (error) { if (String(key).startsWith("photon.")) throw error; }
  };
})();
