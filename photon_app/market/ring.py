"""Closed bars of one symbol in memory: columns of numbers, some 90 bytes a bar.

Owned by ``market.bars``, on the event loop. A ring is in order of time and has one bar of a time at
most. It may hold bars that have volume and no price yet: those are no bars to anybody else.

Bound: whoever owns it calls ``trim``.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from photon_app.market.merge import Sum, merge_all
from photon_app.model import Bar

_STRIDE = 10
_FIRM, _INCOMPLETE, _PRICED, _INVENTED = 1, 2, 4, 8


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
        return next(self.between(time_ms, time_ms + 1), None)

    def between(
        self,
        from_ms: int,
        to_ms: int,
        *,
        oldest: int | None = None,
        newest: int | None = None,
    ) -> Iterator[Bar]:
        """The bars that begin in a half-open range, the oldest first; of those the oldest or the
        newest so many, when it is said.
        """
        first, last = self._range(from_ms, to_ms)
        if newest is not None:
            first = max(first, last - newest)
        if oldest is not None:
            last = min(last, first + oldest)
        times, values = self._times, self._values
        for at in range(first, last):
            row = values[at * _STRIDE : (at + 1) * _STRIDE]
            flags = int(row[9])
            if flags & _PRICED:
                time_ms = times[at]
                yield Bar(
                    time_ms=time_ms,
                    open=row[0],
                    high=row[1],
                    low=row[2],
                    close=row[3],
                    volume=row[4],
                    turnover=row[5],
                    count=int(row[6]),
                    open_ms=time_ms + int(row[7]),
                    close_ms=time_ms + int(row[8]),
                    firm=bool(flags & _FIRM),
                    incomplete=bool(flags & _INCOMPLETE),
                    invented=bool(flags & _INVENTED),
                )

    def merged(self, from_ms: int, to_ms: int, time_ms: int) -> Bar | None:
        """The bars that begin in a half-open range as one that begins at a time: what
        ``merge_all`` makes of them, by columns, which is twenty times as fast.
        """
        first, last = self._range(from_ms, to_ms)
        if first >= last:
            return None
        values = self._values[first * _STRIDE : last * _STRIDE]
        flags = values[9::_STRIDE]
        if not all(int(flag) & _PRICED for flag in flags):  # seldom
            return merge_all(self.between(from_ms, to_ms), time_ms)
        firm = [at for at, flag in enumerate(flags) if int(flag) & _FIRM]
        opens, closes = (firm[0], firm[-1]) if firm else (0, last - first - 1)
        return Bar(
            time_ms=time_ms,
            open=values[opens * _STRIDE],
            high=max(values[1::_STRIDE]),
            low=min(values[2::_STRIDE]),
            close=values[closes * _STRIDE + 3],
            volume=sum(values[4::_STRIDE]),
            turnover=sum(values[5::_STRIDE]),
            count=int(sum(values[6::_STRIDE])),
            open_ms=self._times[first + opens] + int(values[opens * _STRIDE + 7]),
            close_ms=self._times[first + closes] + int(values[closes * _STRIDE + 8]),
            firm=bool(firm),
            incomplete=any(int(flag) & _INCOMPLETE for flag in flags),
            invented=any(int(flag) & _INVENTED for flag in flags),
        )

    def trim(self, most: int) -> None:
        """Forget the oldest beyond so many; in strides, since it moves the rest."""
        if len(self._times) > most + most // 8:
            surplus = len(self._times) - most
            del self._times[:surplus]
            del self._values[: surplus * _STRIDE]

    def _range(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        return bisect_left(self._times, from_ms), bisect_left(self._times, to_ms)

    def _sum(self, at: int) -> Sum:
        made = Sum(self._times[at])
        row = self._values[at * _STRIDE : (at + 1) * _STRIDE]
        made.open, made.high, made.low, made.close, made.volume, made.turnover = row[:6]
        made.count = int(row[6])
        flags = int(row[9])
        if flags & _PRICED:
            made.open_ms, made.close_ms = made.time_ms + int(row[7]), made.time_ms + int(row[8])
        made.firm, made.incomplete = bool(flags & _FIRM), bool(flags & _INCOMPLETE)
        made.invented = bool(flags & _INVENTED)
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
        total.open_ms - total.time_ms if priced else 0,
        total.close_ms - total.time_ms if priced else 0,
        _FIRM * total.firm
        + _INCOMPLETE * total.incomplete
        + _PRICED * priced
        + _INVENTED * total.invented,
    ]
