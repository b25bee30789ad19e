"""The followed symbols: whether the day of each was looked up, and whether its bars are stored.

Owns one ``Followed`` for each symbol, from ``follow`` to ``drop``. Pure and synchronous; the time
is an argument; called by ``History`` on the event loop. It reads and writes no bar.

Bound: one entry for each followed symbol; ``hub.demand`` bounds their number. Clients may use any
name as a symbol of a simulator, so of those at most ``KEPT`` are stored besides the ones that are
always wanted.
"""

import enum
import itertools
from collections.abc import Container, Iterable
from typing import NamedTuple

from photon_app.calendar.timeframes import MINUTE_MS

KEPT = 50
"""Symbols of a simulator that may be stored besides those that always are."""
KEPT_AFTER_MS = 5 * MINUTE_MS
"""How long such a symbol must have been followed first."""


class Begun(NamedTuple):
    """Where a simulator began a symbol: the bars that it invents before that lead to this price."""

    time_ms: int
    price: float


class Phase(enum.Enum):
    """Whether a symbol's day was loaded from disk."""

    UNREAD = enum.auto()
    """Not yet. Disk may have a part of its current minute, so no minute is written."""
    READ = enum.auto()
    """Memory has everything that disk had of its day."""


class Storing(enum.Enum):
    """Whether the minutes of a symbol are stored."""

    ALWAYS = enum.auto()
    ON_TRIAL = enum.auto()
    """Not yet: a simulator's symbol that was not followed for long enough, or finds no place."""
    GRANTED = enum.auto()
    """Since its trial ended: it occupies one of the ``KEPT`` places."""


class Followed:
    """One followed symbol."""

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
        """Note that memory has these stored minutes before the symbol's day is looked up."""
        if self.phase is Phase.UNREAD:
            self._resumed = times_ms

    def read(self) -> frozenset[int]:
        """Note that the symbol's day was looked up. Returns the stored minutes that memory already
        had.
        """
        resumed, self._resumed = self._resumed, frozenset()
        self.phase = Phase.READ
        return resumed


class FollowedSymbols:
    """All followed symbols, those followed longest first.

    Args:
        limited: whether only some of them are stored, as for a simulator.
        always: the symbols that are stored in any case.
    """

    def __init__(self, *, limited: bool, always: Container[str] = ()) -> None:
        self._limited = limited
        self._always = always
        self._symbols: dict[str, Followed] = {}

    def follow(self, symbol: str, now_ms: int, phase: Phase) -> None:
        """A symbol is followed from now on; nothing changes if it already was."""
        trial = self._limited and symbol not in self._always
        storing = Storing.ON_TRIAL if trial else Storing.ALWAYS
        self._symbols.setdefault(symbol, Followed(now_ms, phase, storing))

    def drop(self, symbol: str) -> None:
        """A symbol is no longer followed."""
        self._symbols.pop(symbol, None)

    def get(self, symbol: str) -> Followed | None:
        """The entry of a symbol; ``None`` when it is not followed."""
        return self._symbols.get(symbol)

    def begun(self, symbol: str) -> Begun | None:
        """Where a simulator began a symbol; ``None`` if it did not."""
        one = self._symbols.get(symbol)
        return None if one is None else one.begun

    def is_stored(self, symbol: str) -> bool:
        """Whether a symbol's minutes are written to disk, now or once its day was looked up."""
        one = self._symbols.get(symbol)
        return one is None or one.storing is not Storing.ON_TRIAL

    @property
    def unread(self) -> list[str]:
        """The symbols whose day has not been looked up yet."""
        return [symbol for symbol, one in self._symbols.items() if one.phase is Phase.UNREAD]

    @property
    def unwritten(self) -> set[str]:
        """The symbols whose minutes must not be written now."""
        return {symbol for symbol, one in self._symbols.items() if not one.is_written}

    def grant(self, now_ms: int) -> None:
        """Store symbols that were on trial for long enough, the longest first, while there are
        places.
        """
        granted = sum(one.storing is Storing.GRANTED for one in self._symbols.values())
        for one in itertools.islice(self._due(now_ms - KEPT_AFTER_MS), max(0, KEPT - granted)):
            one.storing = Storing.GRANTED

    def _due(self, before_ms: int) -> Iterable[Followed]:
        on_trial = (one for one in self._symbols.values() if one.storing is Storing.ON_TRIAL)
        return itertools.takewhile(lambda one: one.since_ms <= before_ms, on_trial)
