"""One visit of the page for a measurement: a browser's profile, a screen, a slowed processor.

The page is watched from before its own scripts: long tasks, layout shifts, and the first frame in
which the first row has a price. The developer tools count tasks and requests.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.page.stage import Stage
from tests.browser import ARGUMENTS, find
from tests.page.visitor import CLOCK

ROWS = "main [data-quote]:not(section)"
"""The rows of the list; the panel of the selected symbol is a section."""
PRICED_WITHIN_MS = 60_000

WATCH = f"""
(() => {{
  const seen = globalThis.seen = {{ tasks: [], shifts: [], price: null }};
  const watch = (type, note) => {{
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(note));
    observer.observe({{ type, buffered: true }});
  }};
  watch("longtask", ({{ startTime, duration }}) => seen.tasks.push([startTime, duration]));
  watch("layout-shift", ({{ hadRecentInput, value }}) => hadRecentInput || seen.shifts.push(value));
  const look = () => {{
    const row = document.querySelector("{ROWS}");
    if (row && /\\d\\.\\d\\d/.test(row.textContent)) seen.price = performance.now();
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}})();
"""


@dataclass(frozen=True)
class Screen:
    """A size in CSS pixels."""

    name: str
    width: int
    height: int
    touch: bool = False


DESK = Screen("desktop", 1440, 900)
PHONE = Screen("phone", 390, 844, touch=True)
SMALL = Screen("small phone", 360, 640, touch=True)


@dataclass(frozen=True)
class Visit:
    """A page that is open."""

    page: Page
    devtools: CDPSession

    def wait_priced(self) -> None:
        """Return when the first row has a price."""
        self.page.wait_for_function("seen.price !== null", timeout=PRICED_WITHIN_MS)

    def rest(self, seconds: float) -> None:
        """Let the page run, and hear what its developer tools say."""
        self.page.wait_for_timeout(seconds * 1000)

    def metrics(self) -> dict[str, float]:
        """The browser's counters of this page: durations in seconds."""
        answer = self.devtools.send("Performance.getMetrics")
        return {one["name"]: one["value"] for one in answer["metrics"]}

    def longest_task_ms(self, since_ms: float) -> float:
        """Of the tasks above 50 ms that began after a moment of ``performance.now``; 0 if none."""
        tasks: list[tuple[float, float]] = self.page.evaluate("seen.tasks")
        return max((ms for at, ms in tasks if at > since_ms), default=0.0)

    def heap(self) -> int:
        """Bytes of JavaScript objects that are in use, after two collections."""
        for _ in range(2):
            self.devtools.send("HeapProfiler.collectGarbage")
        return int(self.devtools.send("Runtime.getHeapUsage")["usedSize"])


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS])
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(
    browser: Browser,
    stage: Stage,
    screen: Screen = DESK,
    throttle: int = 1,
    *,
    heard: Any = None,
) -> Iterator[Visit]:
    """Open the page for the first time.

    Args:
        browser: the browser.
        stage: whose page.
        screen: its size.
        throttle: how many times slower the processor is made.
        heard: gets the developer tools before the page is opened.
    """
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        has_touch=screen.touch,
        is_mobile=screen.touch,
        locale="en-US",
        color_scheme="dark",
    )
    try:
        page = context.new_page()
        page.add_init_script(f"({CLOCK})({stage.ahead_ms})")
        page.add_init_script(WATCH)
        devtools = context.new_cdp_session(page)
        devtools.send("Performance.enable")
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
        if heard is not None:
            heard(devtools)
        page.goto(stage.http, wait_until="commit")
        yield Visit(page, devtools)
    finally:
        context.close()
