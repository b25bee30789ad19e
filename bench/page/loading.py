"""The first load: requests and bytes until the first price, and the times of a slow processor."""

import gzip
import statistics
import urllib.request

from playwright.sync_api import Browser

from bench.findings import Finding
from bench.page.pace import SLOWER
from bench.page.stage import Stage, simulated
from bench.page.traffic import Traffic
from bench.page.visit import DESK, PHONE, Screen, visit

ROUNDS = 3
SETTLE_S = 4.0
_KIB = 1000
"""A kilobyte, as bars are given."""

_TIMES = """() => {
  const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity;
  const late = seen.tasks.filter(([at]) => at >= painted);
  const blocked = late.reduce((sum, [, ms]) => sum + ms - 50, 0);
  return { painted, priced: seen.price, blocked };
}"""
"""Of what blocks, only what comes after the first paint counts, as in Lighthouse."""


def weight(browser: Browser) -> list[Finding]:
    """Requests and bytes over the wire, for the ten symbols of a new user."""
    traffic = Traffic()
    with simulated() as stage:
        with visit(browser, stage, heard=traffic.listen) as seen:
            seen.wait_priced()
            priced_ms = seen.page.evaluate("performance.timeOrigin + seen.price")
            seen.rest(SETTLE_S)
        scripts, sheets = (_gzipped(traffic, kind) for kind in ("Script", "Stylesheet"))
    first, first_bytes = traffic.until(priced_ms / 1000)
    everything = len(traffic.requests)
    every_byte = sum(one.wire_bytes for one in traffic.requests)
    return [
        Finding(
            "first load: until the first price",
            f"{first} requests, {first_bytes / _KIB:.0f} KB",
            "≤ 15 requests, ≤ 350 KB",
            first <= 15 and first_bytes <= 350 * _KIB,
        ),
        Finding(
            "first load: in all",
            f"{everything} requests, {every_byte / _KIB:.0f} KB",
            "≤ 420 KB",
            every_byte <= 420 * _KIB,
        ),
        Finding("first load: style sheets, gzip", *_kilobytes(sheets, 20)),
        Finding("first load: scripts, gzip", f"{scripts / _KIB:.0f} KB", ""),
    ]


def times(browser: Browser) -> list[Finding]:
    """First paint, first price and blocking time on a slow processor: medians of some loads."""
    with simulated() as stage:
        return [
            *_times(browser, stage, DESK),
            *_times(browser, stage, PHONE),
        ]


def _times(browser: Browser, stage: Stage, screen: Screen) -> list[Finding]:
    loads = []
    for _ in range(ROUNDS):
        with visit(browser, stage, screen, SLOWER) as seen:
            seen.wait_priced()
            seen.rest(SETTLE_S)
            loads.append(seen.page.evaluate(_TIMES))
    where = f"{screen.name}, processor {SLOWER}× slower"
    bars = (("painted", "first paint", 0.6), ("priced", "first price", 1.5))
    found = [
        _seconds(f"{where}: {name}", [load[key] for load in loads], most)
        for key, name, most in bars
    ]
    what = f"{where}: blocking time until {SETTLE_S:.0f} s after it"
    return [*found, _seconds(what, [load["blocked"] for load in loads], 0.6)]


def _seconds(what: str, times_ms: list[float], most_s: float) -> Finding:
    middle = statistics.median(times_ms) / 1000
    figure = f"{middle:.2f} s (of {ROUNDS}: {min(times_ms) / 1000:.2f}–{max(times_ms) / 1000:.2f})"
    return Finding(what, figure, f"≤ {most_s} s", middle <= most_s)


def _kilobytes(size: int, most: int) -> tuple[str, str, bool]:
    return f"{size / _KIB:.1f} KB", f"≤ {most} KB", size <= most * _KIB


def _gzipped(traffic: Traffic, kind: str) -> int:
    """The size of all files of a kind as gzip makes it, however the server sent them."""
    size = 0
    for url in sorted({one.url for one in traffic.requests if one.kind == kind}):
        with urllib.request.urlopen(url, timeout=10) as answer:
            size += len(gzip.compress(answer.read(), 6))
    return size
