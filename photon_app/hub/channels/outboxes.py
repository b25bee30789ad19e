"""The updates that wait for one flush: an outbox per group, in the order of the tape.

Pure, on the event loop. A frame goes to the outbox of each group that wants its symbol, when it
comes. So a group has its updates in the order of the tape, across symbols, without a merge; and it
costs in proportion to what it receives, however many other symbols moved.

Bound: ``full`` says that the caller must flush without waiting for the timer. An update that waits
costs one reference in each group that wants it.
"""

from collections.abc import Iterable

from photon_app.hub.frames import Frames
from photon_app.hub.registry import Group, Topic

MOST_FRAMES = 1024
"""About 120 KB, which one write may leave in the buffer of a client that does not read. Up to 2,000
more trades may be applied between two checks of this bound."""


class Outboxes:
    """The updates of one flush. The outboxes themselves are those of the groups."""

    __slots__ = ("_frames", "_symbols", "_whole")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._symbols: set[str] = set()
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
        return self._symbols

    def among(self, symbols: Iterable[str]) -> set[str]:
        """Those of the given symbols that have updates."""
        return self._symbols.intersection(symbols)

    def append(self, symbol: str, framed: bytes, topic: Topic | None) -> None:
        """Add an update.

        Args:
            symbol: of which symbol.
            framed: the message.
            topic: the subscribers of the symbol, if it has any.
        """
        self._frames.append(framed)
        self._symbols.add(symbol)
        if topic is not None:
            for take in topic.groups.values():
                take(framed)

    def taken_from(self, group: Group) -> Frames:
        """Empty the outbox of a group. Groups that want everything share one sequence of frames,
        and so what is made of it. Nothing may be added any more.
        """
        outbox = group.outbox
        if len(outbox) < len(self._frames):
            frames = Frames(outbox[:])
        else:
            if self._whole is None:
                self._whole = Frames(self._frames)
            frames = self._whole
        outbox.clear()
        return frames
