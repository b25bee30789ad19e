"""Closed bars of one symbol in memory: columns of numbers, some 90 bytes a bar.

Owned by ``market.bars``, on the event loop. A ring is in order of time and has one bar of a time at
most. It may hold bars that have volume and no price yet: those are no bars to anybody else.

Bound: whoever owns it calls ``trim``.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from photon_app.market.merge import Sum
from photon_app.model import Bar

_STRIDE = 10
_FIRM, _INCOMPLETE = 1, 2


class Ring:
    """Closed bars in order of time."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._times)

    @property
    def first_ms(self) -> int | None:
        """When the oldest begins."""
        return self._times[0] if self._times else None

    def append(self, total: Sum) -> None:
        """Add one that is newer than all."""
        self._times.append(total.time_ms)
        self._values.fromlist(_row(total))

    def merge(self, total: Sum) -> None:
        """Merge into the bar of the same time, or add it where it belongs."""
        at = bisect_left(self._times, total.time_ms)
        if at < len(self._times) and self._times[at] == total.time_ms:
            merged = self._sum(at)
            merged.merge(total)
            self._values[at * _STRIDE : (at + 1) * _STRIDE] = array("d", _row(merged))
        else:
            self._times.insert(at, total.time_ms)
            self._values[at * _STRIDE : at * _STRIDE] = array("d", _row(total))

    def get(self, time_ms: int) -> Bar | None:
        """The bar of a time."""
        at = bisect_left(self._times, time_ms)
        if at < len(self._times) and self._times[at] == time_ms:
            total = self._sum(at)
            return total.bar() if total.priced else None
        return None

    def between(self, from_ms: int, to_ms: int, newest: int | None = None) -> Iterator[Bar]:
        """The bars that begin in a half-open range, the oldest first; of those the newest so many,
        when it is said.
        """
        first, last = bisect_left(self._times, from_ms), bisect_left(self._times, to_ms)
        if newest is not None:
            first = max(first, last - newest)
        for at in range(first, last):
            total = self._sum(at)
            if total.priced:
                yield total.bar()

    def trim(self, most: int) -> None:
        """Forget the oldest beyond so many; in strides, since it moves the rest."""
        if len(self._times) > most + most // 8:
            surplus = len(self._times) - most
            del self._times[:surplus]
            del self._values[: surplus * _STRIDE]

    def _sum(self, at: int) -> Sum:
        made = Sum(self._times[at])
        row = self._values[at * _STRIDE : (at + 1) * _STRIDE]
        made.open, made.high, made.low, made.close, made.volume, made.turnover = row[:6]
        made.count = int(row[6])
        if row[7] >= 0:
            made.open_ms, made.close_ms = made.time_ms + int(row[7]), made.time_ms + int(row[8])
        flags = int(row[9])
        made.firm, made.incomplete = bool(flags & _FIRM), bool(flags & _INCOMPLETE)
        return made


def _row(total: Sum) -> list[float]:
    priced = total.open_ms >= 0
    return [
        total.open,
        total.high,
        total.low,
        total.close,
        total.volume,
        total.turnover,
        total.count,
        total.open_ms - total.time_ms if priced else -1,
        total.close_ms - total.time_ms if priced else -1,
        _FIRM * total.firm + _INCOMPLETE * total.incomplete,
    ]
