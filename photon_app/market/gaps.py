"""When trades could not be seen: the times during which a feed was down.

Owned by ``market.bars``, on the event loop. Of a recording, and of what is invented, nothing can go
unseen: there are no gaps then, whatever the feed says.

Bound: the newest ``_REMEMBERED`` gaps; a bar is late by minutes, never by so many.
"""

from collections import deque

_REMEMBERED = 64


class Gaps:
    """The times during which a feed was down; at first it is."""

    __slots__ = ("_down_ms", "_over", "possible")

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        """Whether trades can go unseen at all."""
        self._down_ms: int | None = -1
        """Since when the feed is down; ``None`` while it is not."""
        self._over: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)

    def flowing(self, now_ms: int, *, flows: bool) -> bool:
        """Whether trades can come from now on; true when that is news."""
        if flows is (self._down_ms is None):
            return False
        if self._down_ms is not None:
            self._over.append((self._down_ms, now_ms))
        self._down_ms = None if flows else now_ms
        return True

    def cut(self, begin_ms: int, end_ms: int) -> bool:
        """Whether a part of a half-open span went unseen."""
        if not self.possible:
            return False
        if self._down_ms is not None and self._down_ms < end_ms:
            return True
        return any(begin < end_ms and begin_ms < end for begin, end in self._over)
