"""The contract of every feed.

Owns the ``Feed`` protocol, ``WallClock`` and ``Counters``. A feed runs on the event loop and is
called only from there. It delivers synchronously into a ``model.FeedSink``: a slow market slows the
feed, and there is no queue between them. It never keeps a price, never judges one, and never raises
for upstream trouble: that is reported as a status.
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
        """The wall clock's time in UNIX milliseconds. It is read for each trade, so no method wraps
        it."""


class Counters(msgspec.Struct):
    """What a feed has received since it was made. Only the feed writes; ``/health`` reads."""

    frames: int = 0
    """Frames of every kind, malformed ones included."""
    trades: int = 0
    """Trades delivered to the market."""
    duplicates: int = 0
    """Trade frames that upstream sent again, dropped whole."""
    skipped: int = 0
    """Unreadable trades within readable frames."""
    misnamed: int = 0
    """Skipped trades whose name is not a symbol."""
    malformed: int = 0
    """Frames that are not a message."""
    unknown: int = 0
    """Frames of a type that Photon does not handle."""
    errors: int = 0
    """``error`` frames from upstream."""
    warnings_dropped: int = 0
    """Log records left out because one of the same kind had just been written."""


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
        """Default symbols suggested by the source; only a recording has any."""
        ...

    @property
    def subscribed(self) -> frozenset[str]:
        """The wanted symbols that are subscribed upstream; the others wait for a slot."""
        ...

    @property
    def counters(self) -> Counters:
        """What was received so far."""
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
        """Set the wanted symbols, always the whole set. Cheap; may be called before and during
        ``run``.

        Args:
            symbols: every wanted symbol.
            viewers: number of live viewers by symbol; symbols without any are left out.
            crowd: the addresses of those viewers.
        """
        ...

    async def run(self, market: FeedSink) -> None:
        """Deliver until cancelled, or until a recording that does not loop has ended.

        Never raises for upstream trouble. At most one ``run`` at a time.
        """
        ...
