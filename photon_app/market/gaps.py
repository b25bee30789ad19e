"""Gaps: the times during which a feed was down and trades were missed.

Owned by ``market.bars``, on the event loop. Gaps are in this machine's time, trades in exchange
time; a tape may be behind, and ``behind_ms`` is the difference. Nothing of a recording, or of
invented trades, can be missed: then there are no gaps, whatever the feed says.

Bound: the newest ``_REMEMBERED`` gaps; a bar is late by minutes, in which there are never that
many.
"""

from collections import deque

_REMEMBERED = 64


class Gaps:
    """The times during which a feed was down; it is down at first."""

    __slots__ = ("_down_ms", "_ended_ms", "_over", "behind_ms", "possible")

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        """Whether trades can be missed at all."""
        self.behind_ms = 0
        """How far exchange times are behind the clock."""
        self._down_ms: int | None = -1
        """Since when the feed is down; ``None`` while it is up."""
        self._over: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._ended_ms = -1
        """The latest end of any gap."""

    def flowing(self, now_ms: int, *, flows: bool) -> bool:
        """Set whether trades can arrive from ``now_ms`` on, by the clock; true if that changes."""
        if flows is (self._down_ms is None):
            return False
        if self._down_ms is not None:
            self._over.append((self._down_ms, now_ms))
            self._ended_ms = max(self._ended_ms, now_ms)
        self._down_ms = None if flows else now_ms
        return True

    def overlap(self, begin_ms: int, end_ms: int) -> bool:
        """Whether a half-open span, in exchange time, overlaps a gap."""
        if not self.possible:
            return False
        begin_ms, end_ms = begin_ms + self.behind_ms, end_ms + self.behind_ms
        if self._down_ms is not None and self._down_ms < end_ms:
            return True
        if begin_ms >= self._ended_ms:  # the usual case, for every trade
            return False
        return any(begin < end_ms and begin_ms < end for begin, end in self._over)
