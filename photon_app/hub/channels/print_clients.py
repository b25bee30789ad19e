"""The clients of the tape, and what each of them had and is owed.

Pure bookkeeping behind ``hub.channels.prints``, on the event loop. Nothing here writes or knows of
time.

Repeats: a program that reads Finnhub drops a frame whose bytes it had among its last eight, because
Finnhub sends frames twice. Two flushes can differ in nothing and still be different trades, so a
text that went to a follower lately gets a space behind it: equal as JSON, different as bytes.

Bound: a follower is owed ``BACKLOG_BYTES`` at most; then ``owe`` says so.
"""

from collections.abc import Sequence

from photon_app import disconnect
from photon_app.hub.clients import Client
from photon_app.hub.frames import Frames, frame
from photon_app.hub.sink import Sink

BACKLOG_BYTES = 1024 * 1024
"""What a congested follower may be owed: about 12,000 trades, more than three minutes of all that
Finnhub's free plan sends."""
REPEATS = 8
"""How many frames back a reader looks for a repeated one."""


class Recent:
    """Which texts somebody in a group had among the last frames.

    Bound: ``REPEATS`` entries, and as many for each member that came from another group since.
    """

    __slots__ = ("_count", "_until")

    def __init__(self) -> None:
        self._count = 0
        self._until: dict[int, int] = {}
        """By the hash of a text: up to which frame it counts as recent."""

    def distinct(self, text: bytes) -> bytes:
        """The next text, with as many spaces behind it as set it apart from those before."""
        self._count += 1
        while self._until.get(hash(text), 0) >= self._count:
            text += b" "
        self._until[hash(text)] = self._count + REPEATS
        if len(self._until) > 2 * REPEATS:
            self._until = {key: n for key, n in self._until.items() if n > self._count}
        return text

    def left(self) -> dict[int, int]:
        """For how many more frames each text counts as recent."""
        return {key: n - self._count for key, n in self._until.items() if n > self._count}

    def copy(self) -> "Recent":
        """The same, for somebody who leaves."""
        copied = Recent()
        copied.learn(self)
        return copied

    def learn(self, other: "Recent") -> None:
        """Somebody comes who had these."""
        for key, left in other.left().items():
            self._until[key] = max(self._until.get(key, 0), self._count + left)


class PrintsClient(Client):
    """One client of the tape."""

    __slots__ = ("beat", "conditions", "group", "owed", "owed_bytes", "recent")
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
        """What it had, while it follows nothing."""
        self.owed: list[bytes] = []
        """The frames that it was not written while congested."""
        self.owed_bytes = 0

    @property
    def symbols(self) -> frozenset[str]:
        """What it follows."""
        return frozenset() if self.group is None else self.group.symbols

    @property
    def is_told_all(self) -> bool:
        """Whether it follows anything."""
        return self.group is not None

    def owe(self, frames: Frames) -> bool:
        """Keep frames for later; false when that is too much."""
        self.owed += frames.each
        self.owed_bytes += sum(map(len, frames.each))
        return self.owed_bytes <= BACKLOG_BYTES

    def take_owed(self) -> Frames:
        """What it was owed."""
        owed, self.owed, self.owed_bytes = self.owed, [], 0
        return Frames(owed)


class Group:
    """The followers of the same set of symbols, with or without conditions."""

    __slots__ = ("conditions", "members", "recent", "symbols")

    def __init__(self, symbols: frozenset[str], *, conditions: bool) -> None:
        self.symbols = symbols
        self.conditions = conditions
        self.members: dict[PrintsClient, None] = {}
        self.recent = Recent()

    def frames(self, texts: Sequence[bytes]) -> Frames:
        """Messages as frames that no member takes for repeated ones."""
        return Frames([frame(self.recent.distinct(text)) for text in texts])
