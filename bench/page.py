"""``python -m bench.page [minutes]``: what the page costs a browser, measured in Chromium.

Fifty symbols with invented prices, by default for ten minutes, in a page that is used: another
symbol or timeframe every ten seconds. It measures the growth of the JavaScript heap after garbage
collection, the longest task after the page has loaded, and the time from a click to painted bars.
It needs the browser of the page's tests and is not a part of ``make bench``, which has none.
"""

import statistics
import sys
import time

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.findings import Finding
from bench.rig import UNIVERSE
from tests.browser import ARGUMENTS, find
from tests.fakes.process import photon

SYMBOLS = UNIVERSE[:50]
MINUTES = 10.0
ROUND_S = 10.0
SETTLE_S = 15.0
FRAMES = ("1s", "5m", "15m", "1h", "1d", "1m")

WATCH_TASKS = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) window.tasks.push([startTime, duration]);
}).observe({ type: "longtask", buffered: true });
"""
"""Records tasks above 50 ms, which browsers call long."""

CLICK = """async ([selector, shown]) => {
  const chart = document.querySelector(".chart"), begin = performance.now();
  document.querySelector(selector).click();
  const frame = () => new Promise(requestAnimationFrame);
  while (!chart.dataset.shown.startsWith(shown)) {
    await frame();
    if (performance.now() - begin > 5000) return Infinity;
  }
  await frame();
  return performance.now() - begin;
}"""
"""Milliseconds from a click until the frame after the chart shows the choice."""


def main() -> int:
    """Measure and print; return the exit code."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    settings = {"PHOTON_SYMBOLS": ",".join(SYMBOLS)}
    with photon(**settings) as process, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.add_init_script(WATCH_TASKS)
        page.goto(process.http)
        findings = list(measure(page, context.new_cdp_session(page), minutes))
        browser.close()
    for finding in findings:
        print(finding, flush=True)
    return 0 if all(finding.holds for finding in findings) else 1


def measure(page: Page, devtools: CDPSession, minutes: float) -> list[Finding]:
    """Use the page for some minutes."""
    page.wait_for_selector(f'.chart[data-shown^="{SYMBOLS[0]} "]')
    for choice in (*_symbols(4), *_frames(SYMBOLS[3])):  # warm up each path
        page.evaluate(CLICK, choice)
    time.sleep(SETTLE_S)
    begun, before = page.evaluate("performance.now()"), heap(devtools)
    took, samples = use(page, devtools, minutes)
    tasks: list[tuple[float, float]] = page.evaluate("tasks")
    longest = max((ms for at, ms in tasks if at > begun), default=0.0)
    growth = (samples[-1] - before) / 2**20
    heaps = ", ".join(f"{sample / 2**20:.1f}" for sample in [before, *samples])
    what = f"{len(SYMBOLS)} symbols, {minutes:g} min: JavaScript heap after collection"
    shown = f"{growth:+.1f} MiB ({heaps})"
    switches = f"median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms of {len(took)}"
    task = f"{longest:.0f} ms" if longest else "none above 50 ms"
    return [
        Finding(what, shown, "≤ 5 MiB", growth <= 5),
        Finding("… longest task after load", task, "≤ 50 ms", longest <= 50),
        Finding("… click to painted bars", switches, "≤ 100 ms", max(took) <= 100),
    ]


def use(page: Page, devtools: CDPSession, minutes: float) -> tuple[list[float], list[int]]:
    """Choose something every few seconds. Returns how long each choice took, and the size of the
    heap after each fifth of the time.
    """
    choices = [*_symbols(len(SYMBOLS)), *_frames(SYMBOLS[-1])]
    rounds = max(5, round(minutes * 60 / ROUND_S))
    took: list[float] = []
    samples: list[int] = []
    for round_ in range(rounds):
        took.append(page.evaluate(CLICK, choices[round_ % len(choices)]))
        time.sleep(ROUND_S)
        if (round_ + 1) * 5 // rounds > round_ * 5 // rounds:
            samples.append(heap(devtools))
    return took, samples


def heap(devtools: CDPSession) -> int:
    """Bytes of JavaScript objects that are in use, after two collections."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    return int(devtools.send("Runtime.getHeapUsage")["usedSize"])


def _symbols(count: int) -> list[list[str]]:
    return [[f'tr[data-quote="{name}"] .pick', f"{name} "] for name in SYMBOLS[:count]]


def _frames(symbol: str) -> list[list[str]]:
    places = {"1s": 1, "1m": 2, "5m": 3, "15m": 4, "1h": 5, "1d": 6}
    return [
        [f".chart-frames button:nth-child({places[frame]})", f"{symbol} {frame} "]
        for frame in FRAMES
    ]


if __name__ == "__main__":
    sys.exit(main())
