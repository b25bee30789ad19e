"""A page that is used for some minutes: another symbol or timeframe every ten seconds.

Fifty rows at 20 trades a second each. It measures the growth of the JavaScript heap after garbage
collection, the longest task, and the time from a click to painted bars.
"""

import itertools
import statistics

from playwright.sync_api import Browser

from bench.findings import Finding
from bench.page.stage import FIFTY, fed
from bench.page.visit import ROWS, Visit, visit

EACH_PER_S = 20
MINUTES = 1.0
ROUND_S = 10.0
SETTLE_S = 15.0
FRAMES = ("1s", "5m", "15m", "1h", "1d", "1m")

Choice = tuple[str, str]
"""A symbol with no text: its row; a text: the button of the timeframe, for the symbol chosen."""

_CLICK = """async ([symbol, frame, rows]) => {
  const row = [...document.querySelectorAll(rows)].find((one) => one.dataset.quote === symbol);
  const says = (text) => (one) => one.textContent.trim() === text;
  const target = frame
    ? [...document.querySelectorAll("main button")].find(says(frame))
    : [...row.querySelectorAll("*")].filter(says(symbol)).at(-1) ?? row;
  if (!target) return Infinity;
  target.scrollIntoView({ block: "nearest" });
  const next = () => new Promise(requestAnimationFrame);
  await next();
  const begin = performance.now(), shown = `${symbol} ${frame}`;
  target.click();
  while (!document.querySelector(".chart[data-shown]")?.dataset.shown.startsWith(shown)) {
    await next();
    if (performance.now() - begin > 5000) return Infinity;
  }
  await next();
  return performance.now() - begin;
}"""
"""Milliseconds from a click until the frame after the chart shows the choice."""


def soak(browser: Browser, minutes: float = MINUTES) -> list[Finding]:
    """Use the page for some minutes."""
    with fed(len(FIFTY) * EACH_PER_S) as stage, visit(browser, stage) as seen:
        seen.wait_priced()
        stage.wait_wanted()
        seen.page.wait_for_selector(f'.chart[data-shown^="{FIFTY[0]} "]')
        for choice in (*_symbols(FIFTY[:4]), *_frames(FIFTY[3])):  # warm up each path
            _click(seen, choice)
        seen.rest(SETTLE_S)
        begun, before = seen.page.evaluate("performance.now()"), seen.heap()
        took, samples = _use(seen, minutes)
        longest = seen.longest_task_ms(begun)
    growth = (samples[-1] - before) / 2**20
    heaps = ", ".join(f"{sample / 2**20:.1f}" for sample in [before, *samples])
    what = f"soak of {minutes:g} min, 50 rows, {EACH_PER_S} trades/s each"
    task = f"{longest:.0f} ms" if longest else "none above 50 ms"
    switches = f"median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms of {len(took)}"
    return [
        Finding(
            f"{what}: JavaScript heap after collection",
            f"{growth:+.1f} MiB ({heaps})",
            "≤ 5 MiB",
            growth <= 5,
        ),
        Finding(f"{what}: longest task", task, "≤ 50 ms", longest <= 50),
        Finding(f"{what}: click to painted bars", switches, "≤ 100 ms", max(took) <= 100),
    ]


def _use(seen: Visit, minutes: float) -> tuple[list[float], list[int]]:
    """How long each choice took, and the size of the heap after each fifth of the time."""
    rounds = max(5, round(minutes * 60 / ROUND_S))
    choices = itertools.cycle([*_symbols(FIFTY), *_frames(FIFTY[-1])])
    took: list[float] = []
    samples: list[int] = []
    for round_, choice in zip(range(rounds), choices, strict=False):
        took.append(_click(seen, choice))
        seen.rest(ROUND_S)
        if (round_ + 1) * 5 // rounds > round_ * 5 // rounds:
            samples.append(seen.heap())
    return took, samples


def _click(seen: Visit, choice: Choice) -> float:
    took: float = seen.page.evaluate(_CLICK, [*choice, ROWS])
    return took


def _symbols(names: list[str]) -> list[Choice]:
    return [(name, "") for name in names]


def _frames(symbol: str) -> list[Choice]:
    return [(symbol, frame) for frame in FRAMES]
