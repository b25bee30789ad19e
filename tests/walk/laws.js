/**
 * What laws.py asks of the page as it stands: which text is cut off, which targets are too small,
 * what has the focus. It changes nothing but what it remembers of stops for itself.
 */
(() => {
  const PRESSED = `a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button],
    [role=option], [role=tab], [role=radio], [role=menuitem], [role=menuitemradio],
    [role=menuitemcheckbox], [role=switch], [role=checkbox], [role=link]`;
  const UNREAD = "script, style, noscript, template, .ticker-view"; // the ticker runs through its edges
  const HIDES = /hidden|clip/, SCROLLS = /auto|scroll/;
  const VISIBLE = { checkOpacity: true, checkVisibilityCSS: true, contentVisibilityAuto: true };

  /** What people would call an element. */
  function nameOf(element) {
    const words = element.getAttribute("aria-label") || element.textContent || "";
    const text = words.trim().replace(/\s+/g, " ").slice(0, 30);
    const classes = [...element.classList].slice(0, 2);
    return [element.tagName.toLowerCase(), ...classes].join(".") + (text && ` "${text}"`);
  }

  /** Where a box ends for what is in it. */
  function edgesOf(box) {
    if (box === document.documentElement) return { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const rect = box.getBoundingClientRect();
    const left = rect.left + box.clientLeft, top = rect.top + box.clientTop;
    return { left, top, right: left + box.clientWidth, bottom: top + box.clientHeight };
  }

  /** The boxes around a text that may hide it, inner ones first. */
  function* boxesAround(holder) {
    let loose = false; // placed outside the flow: boxes up to the one that it is placed in do not hide it
    for (let box = holder; box; box = box.parentElement) {
      const style = getComputedStyle(box);
      const holds = style.position !== "static" || style.transform !== "none" || box === document.documentElement;
      if (style.display === "inline" || style.display === "contents" || (loose && !holds)) continue;
      yield [box, style];
      if (style.position === "fixed") return;
      loose = style.position === "absolute";
    }
  }

  /** How a text is hidden, if it is: null, or by which box, by how much and which way. */
  function hidden(text, holder) {
    const seen = { ...text }, slack = Math.max(2, (text.bottom - text.top) * 0.2);
    for (const [box, style] of boxesAround(holder)) {
      const edges = edgesOf(box);
      const hides = HIDES.test(style.overflowX) || HIDES.test(style.overflowY);
      if (hides && (edges.right - edges.left <= 2 || edges.bottom - edges.top <= 2)) return null; // for readers of the screen
      const wide = Math.max(seen.right - edges.right, edges.left - seen.left) - 1;
      const high = Math.max(seen.bottom - edges.bottom, edges.top - seen.top) - slack;
      if (style.textOverflow === "ellipsis" || SCROLLS.test(style.overflowX)) [seen.left, seen.right] = [edges.left, edges.right];
      else if (HIDES.test(style.overflowX) && wide > 0) return { box, by: wide, way: "sideways" };
      if (style.webkitLineClamp !== "none" || SCROLLS.test(style.overflowY)) [seen.top, seen.bottom] = [edges.top, edges.bottom];
      else if (HIDES.test(style.overflowY) && high > 0) return { box, by: high, way: "downwards" };
    }
    return null;
  }

  /** Texts that end at an edge, one for each box that hides some. */
  function cutOff() {
    const found = new Map(), range = document.createRange();
    const covered = document.querySelector("dialog:modal, .finder.open"); // the page below it cannot be scrolled meanwhile
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode: node } = texts, holder = node.parentElement;
      if (!node.data.trim() || holder.closest(UNREAD) || !holder.checkVisibility(VISIBLE)) continue;
      range.selectNodeContents(node);
      const { left, top, right, bottom, width, height } = range.getBoundingClientRect();
      const cut = width && height ? hidden({ left, top, right, bottom }, holder) : null;
      if (cut && !(covered && cut.box === document.documentElement)) found.set(cut.box, `${nameOf(holder)}, ${Math.ceil(cut.by)} px ${cut.way}, by ${nameOf(cut.box)}`);
    }
    return [...found.values()];
  }

  /** Whether a press at a place does what a press on an element does. */
  function doesSame(one, hit) {
    if (!hit) return false;
    const label = one.closest("label") ?? one.labels?.[0];
    const row = one.closest("[data-quote]:not(section)"); // a press anywhere on a row chooses it
    const chooses = row && one.textContent.includes(row.dataset.quote) && row.contains(hit);
    return one.contains(hit) || Boolean(label?.contains(hit)) || (chooses && (hit.closest(PRESSED) ?? one) === one);
  }

  /** Whether an element is a link within a sentence, whose size is that of its words. */
  function isWord(one) {
    const alone = one.parentElement.textContent.trim() === one.textContent.trim();
    return one.tagName === "A" && getComputedStyle(one).display === "inline" && !alone;
  }

  /** Targets that are narrower or lower than they may be, of those that can be pressed now. */
  function small(least) {
    const inside = (x, y) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
    const found = [], above = document.querySelector("dialog:modal, :popover-open"); // a press elsewhere closes it
    for (const one of document.querySelectorAll(PRESSED)) {
      if (above && !above.contains(one)) continue;
      const box = /^(checkbox|radio)$/.test(one.type) ? one.closest("label") ?? one : one;
      const { left, top, width, height } = box.getBoundingClientRect();
      const x = left + width / 2, y = top + height / 2, reach = least / 2 - 1;
      const hits = (dx, dy) => doesSame(one, document.elementFromPoint(x + dx, y + dy));
      const misses = (dx, dy) => inside(x + dx, y + dy) && !hits(dx, dy);
      if (one.disabled || !width || !height || !one.checkVisibility(VISIBLE)) continue;
      if (!inside(x, y) || !hits(0, 0) || isWord(one)) continue;
      const narrow = width < least && (misses(-reach, 0) || misses(reach, 0));
      const low = height < least && (misses(0, -reach) || misses(0, reach));
      if (narrow || low) found.push(`${nameOf(one)}: ${Math.round(width)} × ${Math.round(height)}`);
    }
    return found;
  }

  const stops = new Map(), bare = new Map();

  /** How an element looks, in what a focus may change. */
  function lookOf(element) {
    const { outline, border, boxShadow, backgroundColor } = getComputedStyle(element);
    return [outline, border, boxShadow, backgroundColor].join();
  }

  /** Leave every field, remember how all looks without the focus, and count stops anew. */
  function leave() {
    const first = document.querySelector("dialog:modal") ?? document.body;
    const { tabIndex } = first, marked = first.hasAttribute("tabindex");
    first.tabIndex = -1;
    first.focus({ preventScroll: true }); // from here Tab begins, not from what was pressed last
    document.activeElement?.blur();
    if (marked) first.tabIndex = tabIndex;
    else first.removeAttribute("tabindex");
    stops.clear();
    bare.clear();
    for (const element of document.body.querySelectorAll("*")) bare.set(element, lookOf(element));
  }

  /** The stop that has the focus: its number, -1 for none; its name; whether it or what is around it shows that; whether it is there for a while only. */
  function focus() {
    const one = document.activeElement, around = [];
    if (!one || one === document.body) return [-1, "", true, false];
    if (!stops.has(one)) stops.set(one, stops.size);
    for (let box = one; box && around.length < 4; box = box.parentElement) around.push(box);
    return [stops.get(one), nameOf(one), around.some((box) => bare.get(box) !== lookOf(box)), Boolean(one.closest("[popover], [role=status]"))];
  }

  return { cutOff, small, focus, leave };
})()
