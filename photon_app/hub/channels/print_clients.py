"""The clients of the prints channel: their groups, their recent messages and their backlogs.

Pure bookkeeping of ``hub.channels.prints``, on the event loop. Nothing here writes or knows the
time.

Repeats: Finnhub sends some frames twice. A program that reads Finnhub may therefore drop a frame
that is equal, byte for byte, to one of its last eight, as Photon's own feed does. Two flushes can
have equal bytes and still be different trades, so a message that a client got recently is sent with
a space at its end: equal as JSON, different as bytes.

Bound: the backlog of a client is at most ``BACKLOG_BYTES``; ``queue`` returns false beyond that.
"""

from collections.abc import Sequence

from photon_app import disconnect
from photon_app.hub.clients import Client
from photon_app.hub.frames import Frames, frame
from photon_app.hub.sink import Sink

BACKLOG_BYTES = 1024 * 1024
"""Bytes queued for a congested client: about 12,000 trades, more than three minutes of everything
that Finnhub's free plan sends."""
REPEATS = 8
"""How many frames back a reader looks for a repeated one."""


class Recent:
    """The messages that any member of a group had among its last frames.

    Bound: ``REPEATS`` entries, and up to ``REPEATS`` more for each member that joined from another
    group within the last ``REPEATS`` frames.
    """

    __slots__ = ("_count", "_until")

    def __init__(self) -> None:
        self._count = 0
        self._until: dict[int, int] = {}
        """By the hash of a message: the number of the last frame for which it is recent."""

    def distinct(self, text: bytes) -> bytes:
        """The next message, with spaces at its end until it differs from every recent one."""
        self._count += 1
        while self._until.get(hash(text), 0) >= self._count:
            text += b" "
        self._until[hash(text)] = self._count + REPEATS
        if len(self._until) > 2 * REPEATS:
            self._until = {key: n for key, n in self._until.items() if n > self._count}
        return text

    def remaining(self) -> dict[int, int]:
        """For how many more frames each message is recent."""
        return {key: n - self._count for key, n in self._until.items() if n > self._count}

    def copy(self) -> "Recent":
        """A copy, for a member that leaves the group."""
        copied = Recent()
        copied.merge(self)
        return copied

    def merge(self, other: "Recent") -> None:
        """Add the recent messages of a member that joins the group."""
        for key, frames in other.remaining().items():
            self._until[key] = max(self._until.get(key, 0), self._count + frames)


class PrintsClient(Client):
    """One client of the prints channel."""

    __slots__ = ("backlog", "backlog_bytes", "beat", "conditions", "group", "recent")
    slow = disconnect.SLOW_PRINTS

    def __init__(
        self, sink: Sink, beat: int, *, conditions: bool, address: str | None = None
    ) -> None:
        super().__init__(sink, address)
        self.beat = beat
        """On which tick of a minute it is pinged."""
        self.conditions = conditions
        self.group: Group | None = None
        self.recent = Recent()
        """Its recent messages; kept here while it has no group."""
        self.backlog: list[bytes] = []
        """The frames that are queued while it is congested."""
        self.backlog_bytes = 0

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that it is subscribed to."""
        return frozenset() if self.group is None else self.group.symbols

    @property
    def wants_every_trade(self) -> bool:
        """Whether it is subscribed to any symbol."""
        return self.group is not None

    def queue(self, frames: Frames) -> bool:
        """Add frames to the backlog; false when it is larger than ``BACKLOG_BYTES`` now."""
        self.backlog += frames.each
        self.backlog_bytes += sum(map(len, frames.each))
        return self.backlog_bytes <= BACKLOG_BYTES

    def take_backlog(self) -> Frames:
        """Empty the backlog, and return it."""
        backlog, self.backlog, self.backlog_bytes = self.backlog, [], 0
        return Frames(backlog)


class Group:
    """The clients with the same set of symbols, and all with or all without conditions."""

    __slots__ = ("conditions", "members", "recent", "symbols")

    def __init__(self, symbols: frozenset[str], *, conditions: bool) -> None:
        self.symbols = symbols
        self.conditions = conditions
        self.members: dict[PrintsClient, None] = {}
        self.recent = Recent()

    def frames(self, texts: Sequence[bytes]) -> Frames:
        """Messages as frames, none of which looks repeated to any member."""
        return Frames([frame(self.recent.distinct(text)) for text in texts])
