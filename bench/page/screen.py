"""What the page's first screen shows, what the keyboard has to pass, what a long list asks for."""

from playwright.sync_api import Browser

from bench.findings import Finding
from bench.page.stage import simulated
from bench.page.traffic import Traffic
from bench.page.visit import DESK, PHONE, ROWS, SMALL, Visit, visit
from bench.rig import UNIVERSE

HUNDRED = [*UNIVERSE, *(f"L{n}" for n in range(100 - len(UNIVERSE)))]
MOST_STOPS = 12
SETTLE_S = 3.0
_STOPS_COUNTED = 400

_WHOLE_ROWS = """(rows) => [...document.querySelectorAll(rows)].filter((row) => {
  const { left, width, top, bottom, height } = row.getBoundingClientRect();
  const shows = (y) => row.contains(document.elementFromPoint(left + width / 2, y));
  return height > 0 && top >= 0 && bottom <= innerHeight && shows(top + 1) && shows(bottom - 2);
}).length"""
"""Rows of which neither an edge of the screen nor anything that lies over them hides a part."""

_FOCUS = """() => {
  const stops = (seen.stops ??= new Map()), one = document.activeElement;
  if (!one || one === document.body) return -1;
  if (!stops.has(one)) stops.set(one, stops.size);
  return stops.get(one);
}"""

_LIST = """(rows) => {
  const row = document.querySelector(rows), every = document.querySelectorAll(rows).length;
  for (let box = row.parentElement; box; box = box.parentElement) {
    const { overflowY } = getComputedStyle(box);
    if (/auto|scroll/.test(overflowY) && box.scrollHeight > box.clientHeight + 1) {
      return [box.clientHeight, box.scrollHeight, every];
    }
  }
  return [innerHeight, document.documentElement.scrollHeight, every];
}"""
"""How much of the list is in view, how long it is, and its rows."""


def rows(browser: Browser) -> list[Finding]:
    """Whole rows on a phone's first screen."""
    found = []
    with simulated() as stage:
        for screen, least in ((PHONE, 10), (SMALL, None)):
            with visit(browser, stage, screen) as seen:
                seen.wait_priced()
                seen.rest(1)
                count = seen.page.evaluate(_WHOLE_ROWS, ROWS)
            what = f"whole rows on the first screen of {screen.width} × {screen.height}"
            bar = f"≥ {least}" if least else ""
            found.append(Finding(what, str(count), bar, count >= least if least else None))
    return found


def shifts(browser: Browser) -> list[Finding]:
    """How much the layout moves by itself, from the first paint through the first seconds."""
    found = []
    with simulated() as stage:
        for screen in (DESK, PHONE):
            with visit(browser, stage, screen) as seen:
                seen.wait_priced()
                seen.rest(SETTLE_S)
                shift = sum(seen.page.evaluate("seen.shifts"))
            what = f"layout shift, {screen.name}"
            found.append(Finding(what, f"{shift:.4f}", "≤ 0.002", shift <= 0.002))
    return found


def stops(browser: Browser) -> list[Finding]:
    """Tab stops with a short list and with a long one."""
    found = []
    for symbols in (None, HUNDRED):
        with simulated(symbols) as stage, visit(browser, stage) as seen:
            seen.wait_priced()
            seen.rest(1)
            count = _stops(seen)
            what = f"Tab stops with {len(stage.symbols)} rows"
            found.append(Finding(what, str(count), f"≤ {MOST_STOPS}", count <= MOST_STOPS))
    return found


def scrolled(browser: Browser) -> list[Finding]:
    """Requests of a list of a hundred that is scrolled through."""
    traffic = Traffic()
    with simulated(HUNDRED) as stage, visit(browser, stage, heard=traffic.listen) as seen:
        seen.wait_priced()
        seen.rest(SETTLE_S)
        before = len(traffic.requests)
        inside, whole, count = seen.page.evaluate(_LIST, ROWS)
        box = seen.page.locator(ROWS).first.bounding_box()
        assert box is not None
        seen.page.mouse.move(box["x"] + 20, box["y"] + 20)
        passed = 0.0
        while passed < whole:
            seen.page.mouse.wheel(0, inside / 4)
            passed += inside / 4
            seen.rest(0.15)
        seen.rest(SETTLE_S)
        made = len(traffic.requests) - before
        asked = [one for one in traffic.requests if one.path.startswith("/api/")]
    screens = -(-whole // inside)
    figure = f"{made} requests for {screens} screens; {len(asked)} of /api since it was opened"
    return [Finding(f"list of {count} scrolled through", figure, "≤ 1 a screen", made <= screens)]


def _stops(seen: Visit) -> int:
    """Press Tab until the page is left or begins anew."""
    count = 0
    for _ in range(_STOPS_COUNTED):
        seen.page.keyboard.press("Tab")
        place = seen.page.evaluate(_FOCUS)
        if place < count:
            break
        count += 1
    return count
