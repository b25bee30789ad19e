"""The updates that wait for one flush: an outbox per symbol, and the tape's order across them.

Pure, on the event loop. Each frame is stored once, in the order of arrival; a symbol's outbox is
the list of its positions. The updates for a set of symbols are a merge of the outboxes of that set.
So a flush costs each set in proportion to what it receives, however many other symbols moved.

Bound: ``full`` says that the caller must flush without waiting for the timer.
"""

from bisect import bisect_left
from collections.abc import Iterable

from photon_app.hub.frames import Frames

MOST_FRAMES = 1024
"""About 120 KB, which one write may leave in the buffer of a client that does not read. Up to 2,000
more trades may be applied between two checks of this bound."""


class Outboxes:
    """The updates of one flush."""

    __slots__ = ("_frames", "_places", "_whole")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._places: dict[str, list[int]] = {}
        self._whole: Frames | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        """Whether to flush now, without waiting for the timer."""
        return len(self._frames) >= MOST_FRAMES

    @property
    def symbols(self) -> set[str]:
        """The symbols that have updates."""
        return set(self._places)

    def among(self, symbols: Iterable[str]) -> set[str]:
        """Those of the given symbols that have updates."""
        return {symbol for symbol in symbols if symbol in self._places}

    def append(self, symbol: str, framed: bytes) -> None:
        """Add an update."""
        self._whole = None
        places = self._places.get(symbol)
        if places is None:
            self._places[symbol] = [len(self._frames)]
        else:
            places.append(len(self._frames))
        self._frames.append(framed)

    def frames_of(self, symbols: set[str], skip: int = 0) -> Frames:
        """The updates of these symbols, in the order of the tape.

        Args:
            symbols: symbols that all have updates.
            skip: how many of the first updates, counted over all symbols, are left out.
        """
        if len(symbols) == len(self._places) and not skip:
            if self._whole is None:
                self._whole = Frames(tuple(self._frames))
            return self._whole
        merged: list[int] = []
        for symbol in symbols:
            places = self._places[symbol]
            merged += places[bisect_left(places, skip) :] if skip else places
        merged.sort()  # in effect a merge: each outbox is sorted already
        frames = self._frames
        return Frames([frames[place] for place in merged])
