"""A histogram of latencies that takes a run of updates at a time.

A read returns many updates, of which only the first and the last stamp are read. Those between are
assumed to be spread evenly from one to the other, which is true for a steady tape. Both ends of a
run are marked, and the sums are made on request, so that adding costs the same for any number of
updates. Bound: 10 s; higher latencies count as 10 s.
"""

import itertools
from array import array

_BIN_US = 50
_BINS = 200_000


class Latencies:
    """Latencies of updates, in bins of 50 µs."""

    def __init__(self) -> None:
        self._marks = array("d", bytes(8 * (_BINS + 2)))
        self.updates = 0

    def add(self, newest_us: int, oldest_us: int, updates: int) -> None:
        """Add a run of updates, by the latencies of its newest and its oldest."""
        low = min(max(newest_us // _BIN_US, 0), _BINS)
        high = min(max(oldest_us // _BIN_US, low), _BINS)
        each = updates / (high - low + 1)
        self._marks[low] += each
        self._marks[high + 1] -= each
        self.updates += updates

    def percentiles_ms(self, *shares: float) -> list[float]:
        """The latencies that these shares (ascending) of the updates did not exceed; empty without
        updates.
        """
        found: list[float] = []
        total = 0.0
        if not self.updates:
            return found
        for bin_, count in enumerate(itertools.accumulate(self._marks)):
            total += count
            while len(found) < len(shares) and total >= shares[len(found)] * self.updates - 1e-6:
                found.append((bin_ + 1) * _BIN_US / 1000)
            if len(found) == len(shares):
                break
        return found
