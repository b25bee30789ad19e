"""The updates that wait for one flush: an outbox per symbol, and the tape's order across them.

Pure, on the event loop. Each frame stands once, in the order of arrival; a symbol's outbox is the
list of its places. What a client with other symbols than its neighbour gets is a merge of its own
outboxes, so a flush costs each set of symbols what that set receives, however much else moved.

Bound: ``full`` says when to flush without waiting for the time.
"""

from bisect import bisect_left
from collections.abc import Iterable

from photon_app.hub.frames import Frames

MOST_FRAMES = 1024
"""About 120 KB, which one write may leave in the buffer of a client that does not read. Up to two
thousand trades more are applied between two looks at it."""


class Outboxes:
    """What one flush brings."""

    __slots__ = ("_frames", "_places", "_whole")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._places: dict[str, list[int]] = {}
        self._whole: Frames | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        """Whether it is time to flush, whatever the clock says."""
        return len(self._frames) >= MOST_FRAMES

    @property
    def symbols(self) -> set[str]:
        """Whose outboxes hold something."""
        return set(self._places)

    def among(self, symbols: Iterable[str]) -> set[str]:
        """Those of some symbols whose outboxes hold something."""
        return {symbol for symbol in symbols if symbol in self._places}

    def append(self, symbol: str, framed: bytes) -> None:
        """One more update."""
        self._whole = None
        places = self._places.get(symbol)
        if places is None:
            self._places[symbol] = [len(self._frames)]
        else:
            places.append(len(self._frames))
        self._frames.append(framed)

    def frames_of(self, symbols: set[str], since: int = 0) -> Frames:
        """The updates of some of ``symbols``, as they were traded.

        Args:
            symbols: whose outboxes hold something.
            since: how many of the first updates are left out, of whatever symbol.
        """
        if len(symbols) == len(self._places) and not since:
            if self._whole is None:
                self._whole = Frames(tuple(self._frames))
            return self._whole
        merged: list[int] = []
        for symbol in symbols:
            places = self._places[symbol]
            merged += places[bisect_left(places, since) :] if since else places
        merged.sort()  # a merge: each outbox is in order already
        frames = self._frames
        return Frames([frames[place] for place in merged])
