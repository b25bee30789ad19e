"""The symbols that are followed, and how far each is on its way to disk.

Owns one ``Followed`` for each symbol, from ``follow`` to ``drop``. Pure and synchronous; the clock
is an argument; called by ``History`` on the event loop. It reads and writes no bar.

Bound: the symbols that are followed, which ``hub.demand`` bounds. Of a simulator, whose names
anybody may invent, at most ``KEPT`` are stored besides those that are wanted for ever.
"""

import enum
import itertools
from collections.abc import Container, Iterable
from typing import NamedTuple

from photon_app.calendar.timeframes import MINUTE_MS

KEPT = 50
KEPT_AFTER_MS = 5 * MINUTE_MS


class Begun(NamedTuple):
    """Where a simulator began a symbol: what it makes up of the time before leads to this price."""

    time_ms: int
    price: float


class Phase(enum.Enum):
    """How far memory is with what disk has of a symbol."""

    UNREAD = enum.auto()
    """Its day was not looked up yet. Disk may have a part of its minute, so none is written."""
    READ = enum.auto()
    """Memory has what disk had of its day."""


class Storing(enum.Enum):
    """Whether the minutes of a symbol are stored."""

    ALWAYS = enum.auto()
    ON_TRIAL = enum.auto()
    """Not yet: a simulator's symbol that has not been followed for long enough, or has no room."""
    GRANTED = enum.auto()
    """They are since its trial ended: it takes one of the ``KEPT`` places."""


class Followed:
    """One symbol that is followed."""

    __slots__ = ("_resumed", "begun", "phase", "since_ms", "storing")

    def __init__(self, since_ms: int, phase: Phase, storing: Storing) -> None:
        self.since_ms = since_ms
        self.phase = phase
        self.storing = storing
        self.begun: Begun | None = None
        """Where a simulator began it."""
        self._resumed: frozenset[int] = frozenset()

    @property
    def is_written(self) -> bool:
        """Whether its minutes are written to disk now."""
        return self.phase is Phase.READ and self.storing is not Storing.ON_TRIAL

    def resume(self, times_ms: frozenset[int]) -> None:
        """Memory has these stored minutes before the symbol's day is looked up."""
        if self.phase is Phase.UNREAD:
            self._resumed = times_ms

    def read(self) -> frozenset[int]:
        """The symbol's day was looked up. Returns the stored minutes that memory had before."""
        resumed, self._resumed = self._resumed, frozenset()
        self.phase = Phase.READ
        return resumed


class FollowedSymbols:
    """All of them, the one that has been followed the longest first.

    Args:
        limited: whether only some are stored, as of a simulator.
        always: the symbols that are stored in any case.
    """

    def __init__(self, *, limited: bool, always: Container[str] = ()) -> None:
        self._limited = limited
        self._always = always
        self._symbols: dict[str, Followed] = {}

    def follow(self, symbol: str, now_ms: int, phase: Phase) -> None:
        """A symbol is followed from now on; nothing changes for one that is."""
        trial = self._limited and symbol not in self._always
        storing = Storing.ON_TRIAL if trial else Storing.ALWAYS
        self._symbols.setdefault(symbol, Followed(now_ms, phase, storing))

    def drop(self, symbol: str) -> None:
        """A symbol is not followed any more."""
        self._symbols.pop(symbol, None)

    def get(self, symbol: str) -> Followed | None:
        """What is known of a symbol; ``None`` when it is not followed."""
        return self._symbols.get(symbol)

    def begun(self, symbol: str) -> Begun | None:
        """Where a simulator began a symbol, if it did."""
        one = self._symbols.get(symbol)
        return None if one is None else one.begun

    def is_stored(self, symbol: str) -> bool:
        """Whether disk is given a symbol's minutes, now or once its day was looked up."""
        one = self._symbols.get(symbol)
        return one is None or one.storing is not Storing.ON_TRIAL

    @property
    def unread(self) -> list[str]:
        """The symbols whose day was not looked up yet."""
        return [symbol for symbol, one in self._symbols.items() if one.phase is Phase.UNREAD]

    @property
    def unwritten(self) -> set[str]:
        """The symbols of which nothing may be written now."""
        return {symbol for symbol, one in self._symbols.items() if not one.is_written}

    def grant(self, now_ms: int) -> None:
        """Store those that have been on trial for long, the longest first, while there is room."""
        granted = sum(one.storing is Storing.GRANTED for one in self._symbols.values())
        for one in itertools.islice(self._due(now_ms - KEPT_AFTER_MS), max(0, KEPT - granted)):
            one.storing = Storing.GRANTED

    def _due(self, before_ms: int) -> Iterable[Followed]:
        on_trial = (one for one in self._symbols.values() if one.storing is Storing.ON_TRIAL)
        return itertools.takewhile(lambda one: one.since_ms <= before_ms, on_trial)
