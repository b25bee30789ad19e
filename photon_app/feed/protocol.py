"""What every feed is.

Owns the ``Feed`` contract, ``WallClock`` and ``Counters``. A feed runs on the event loop and
is called only from there. It delivers synchronously into a ``model.FeedSink``: a slow market slows
the feed, and no queue is between. It never holds a price, never judges one, and never raises for
trouble upstream: that is a status.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from photon_app.clock import SYSTEM, Time
from photon_app.model import Clock, Crowd, FeedSink


class WallClock:
    """The market clock of every feed but a replay: the wall clock."""

    rate = 1.0

    def __init__(self, time: Time = SYSTEM) -> None:
        self.now_ms = time.now_ms
        """The wall clock's time in UNIX milliseconds; read for each trade, so without a method
        around it."""


class Counters(msgspec.Struct):
    """What a feed has seen since it was made. Only the feed writes; ``/health`` reads."""

    frames: int = 0
    """Frames of every kind, the malformed ones included."""
    trades: int = 0
    """Trades delivered to the market."""
    duplicates: int = 0
    """Trade frames that upstream sent again, dropped whole."""
    skipped: int = 0
    """Trades in readable frames that could not be read themselves."""
    misnamed: int = 0
    """Those of them whose name is no symbol."""
    malformed: int = 0
    """Frames that were no message."""
    unknown: int = 0
    """Frames of a type that Photon does not read."""
    errors: int = 0
    """``error`` frames from upstream."""
    warnings_dropped: int = 0
    """Log lines not written because one of their kind had just been."""


class Feed(Protocol):
    """A source of trades."""

    @property
    def source(self) -> str:
        """``finnhub``, ``simulated`` or ``replay:<file name>``."""
        ...

    @property
    def clock(self) -> Clock:
        """The market's time: the wall clock, or the recording's."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that the source suggests as defaults; only a recording has any."""
        ...

    @property
    def subscribed(self) -> frozenset[str]:
        """The wanted symbols that upstream is asked for; the others wait for a slot."""
        ...

    @property
    def counters(self) -> Counters:
        """What was seen so far."""
        ...

    @property
    def last_message_ms(self) -> int | None:
        """Wall-clock time of the last upstream message, or ``None`` before the first."""
        ...

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Say which symbols are wanted: always all of them. Cheap; before and during ``run``.

        Args:
            symbols: every wanted one.
            viewers: how many live viewers each has; without those that have none.
            crowd: whose those are.
        """
        ...

    async def run(self, market: FeedSink) -> None:
        """Deliver until cancelled, or until a recording that does not loop has ended.

        Never raises for upstream trouble. At most one ``run`` at a time.
        """
        ...
