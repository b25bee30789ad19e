"""When trades could not be seen: the times during which a feed was down.

Owned by ``market.bars``, on the event loop. Gaps are kept by the clock of this machine; trades have
the exchange's time, and a tape may be behind: ``behind_ms`` is between the two. Of a recording, and
of what is invented, nothing can go unseen: there are no gaps then, whatever the feed says.

Bound: the newest ``_REMEMBERED`` gaps; a bar is late by minutes, never by so many.
"""

from collections import deque

_REMEMBERED = 64


class Gaps:
    """The times during which a feed was down; at first it is."""

    __slots__ = ("_down_ms", "_ended_ms", "_over", "behind_ms", "possible")

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        """Whether trades can go unseen at all."""
        self.behind_ms = 0
        """How far the exchange's times are behind the clock."""
        self._down_ms: int | None = -1
        """Since when the feed is down; ``None`` while it is not."""
        self._over: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._ended_ms = -1
        """The latest end of any."""

    def flowing(self, now_ms: int, *, flows: bool) -> bool:
        """Whether trades can come from a moment on, by the clock; true when that is news."""
        if flows is (self._down_ms is None):
            return False
        if self._down_ms is not None:
            self._over.append((self._down_ms, now_ms))
            self._ended_ms = max(self._ended_ms, now_ms)
        self._down_ms = None if flows else now_ms
        return True

    def cut(self, begin_ms: int, end_ms: int) -> bool:
        """Whether a part of a half-open span went unseen; by the exchange's time."""
        if not self.possible:
            return False
        begin_ms, end_ms = begin_ms + self.behind_ms, end_ms + self.behind_ms
        if self._down_ms is not None and self._down_ms < end_ms:
            return True
        if begin_ms >= self._ended_ms:  # as on the path of every trade
            return False
        return any(begin < end_ms and begin_ms < end for begin, end in self._over)
