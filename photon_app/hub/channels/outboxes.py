"""The updates that wait for a flush: an outbox per group, in the order of the tape.

Pure, on the event loop. A frame goes to the outbox of each group that wants its symbol, when it
comes. So a group has its updates in the order of the tape, across symbols, without a merge; and it
costs in proportion to what it receives, however many other symbols moved.

Bound: ``full`` says that the caller must flush without waiting for the timer. An update that waits
costs one reference in each group that wants it.
"""

from photon_app.hub.frames import Frames
from photon_app.hub.registry import Group, Takers

MOST_FRAMES = 1024
"""About 120 KB, which one write may leave in the buffer of a client that does not read. Up to 2,000
more trades may be applied between two checks of this bound."""


class Outboxes:
    """The updates of one flush. The outboxes themselves are those of the groups."""

    __slots__ = ("_whole", "frames", "symbols")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        """Every update, in the order of the tape."""
        self.symbols: set[str] = set()
        """The symbols that have updates."""
        self._whole: Frames | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def full(self) -> bool:
        """Whether to flush now, without waiting for the timer."""
        return len(self.frames) >= MOST_FRAMES

    def append(self, symbol: str, framed: bytes, groups: Takers) -> None:
        """Add an update to the outboxes of the groups that want its symbol."""
        self.frames.append(framed)
        self.symbols.add(symbol)
        for take in groups.values():
            take(framed)

    def take(self) -> "Outboxes":
        """Move everything that waits into other outboxes, from which it is written."""
        taken = Outboxes()
        taken.frames, self.frames = self.frames, taken.frames
        taken.symbols, self.symbols = self.symbols, taken.symbols
        return taken

    def taken_from(self, group: Group, *, left: bool = False) -> Frames:
        """Empty the outbox of a group. Groups that want everything share one sequence of frames,
        and so what is made of it. Nothing may be added any more.

        Args:
            group: which.
            left: whether it has older updates, too, that an earlier flush has left.
        """
        outbox = group.outbox
        if left or len(outbox) < len(self.frames):
            frames = Frames(outbox[:])
        else:
            if self._whole is None:
                self._whole = Frames(self.frames)
            frames = self._whole
        outbox.clear()
        return frames
