"""Memory that is free goes back to the system."""

from pathlib import Path

import pytest

from photon_app import heap
from photon_app.heap import EVERY_S, LEAST, Heap
from photon_app.market.bars import DROPPED_KEPT, Bars
from photon_app.model import Trade
from tests.fakes.book import as_counted
from tests.fakes.dates import OPEN_MS
from tests.fakes.time import HandClock, HandTime


def test_memory_is_given_back_after_a_crowd_and_seldom() -> None:
    """Not for a few symbols, nor again and again while many come and go."""
    time = HandTime()
    given: list[float] = []
    watched = Heap(time, lambda: given.append(time.at_s))

    def played(symbols: int, seconds: float) -> int:
        for _ in range(symbols):
            watched.dropped()
        time.at_s += seconds
        watched.tick()
        return len(given)

    assert played(LEAST - 1, 10 * EVERY_S) == 0
    assert played(1, 0) == 1
    assert played(10 * LEAST, EVERY_S / 2) == 1
    assert played(0, EVERY_S / 2) == 2
    assert played(0, 10 * EVERY_S) == 2


def rss_mib() -> float:
    """What this process holds."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(heap._malloc_trim() is None, reason="another allocator than glibc's")
def test_the_bars_of_a_crowd_come_back() -> None:
    """All but those of the symbols that can be continued."""
    clock = HandClock(OPEN_MS)
    bars = Bars(clock=clock, gaps=False)
    heap.trim()
    before = rss_mib()
    names = [f"N{number}" for number in range(1_500)]
    for name in names:
        bars.follow(name)
    for _ in range(300):
        clock.at_ms += 1_000
        for name in names:
            bars.fold(as_counted(Trade(name, 10.0, 1, clock.at_ms)))
    during = rss_mib()
    for name in names:
        bars.drop(name)
    heap.trim()
    assert len(bars.symbols) == DROPPED_KEPT
    assert during - before > 30
    assert rss_mib() - before < (during - before) / 3
