"""The facts that cross rooms: trades, quotes, and what the feed says of itself.

All are immutable; a fact is replaced by a newer fact, never edited. Times are UNIX milliseconds
of the market clock, prices are in the instrument's currency, volumes in shares or units.
"""

import re
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from photon_app.errors import RequestError

FeedState = Literal[
    "connecting", "live", "reconnecting", "unauthorized", "throttled", "simulated", "replay"
]
"""What the feed does. ``simulated`` and ``replay`` are states, so that no client can miss them."""

SymbolState = Literal["live", "polled", "waiting", "rejected", "stale"]
"""How far one symbol's price can be trusted to be the newest.

``waiting``: no price yet in this epoch. ``stale``: a price, but the feed behind it is down.
"""

MarketSession = Literal["pre", "regular", "post", "closed"]

FLOWING: frozenset[FeedState] = frozenset({"live", "simulated", "replay"})
"""The feed states in which prices arrive."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all facts: frozen, so that they can be shared by every reader without a copy, and
    untracked by the garbage collector, because they hold only scalars and there are many.
    """


class Trade(Fact, frozen=True, kw_only=False):
    """One print of the tape. Its fields may be given by position: there are very many."""

    symbol: str
    price: float
    volume: float
    """Shares or units; 0 for a price-only update."""
    time_ms: int
    conditions: tuple[str, ...] = ()


class Seed(Fact, frozen=True):
    """What a feed knows of a symbol's day besides its trades."""

    symbol: str
    prev_close: float | None = None


class Quote(Fact, frozen=True):
    """The newest price of one symbol and its day so far. Unknown figures are ``None``."""

    symbol: str
    seq: int
    price: float
    volume: float
    """Volume of the last trade."""
    time_ms: int
    prev_close: float | None
    change: float | None
    """``price - prev_close``, rounded to the tick of the two."""
    change_percent: float | None
    open: float
    high: float
    low: float
    day_volume: float


class FeedStatus(Fact, frozen=True):
    """What the feed says of itself, shown to clients and in ``/health``."""

    source: str
    """``finnhub``, ``simulated`` or ``replay:<name>``."""
    state: FeedState
    since_ms: int
    """When this state began, on the wall clock."""
    detail: str = ""
    """One sentence for people, for states that need one; never holds a secret."""
    retry_at_ms: int | None = None
    """Wall-clock time of the next attempt, while there is none under way."""
    reconnects: int = 0


class Clock(Protocol):
    """The time of the market: the wall clock, or a recording's."""

    @property
    def rate(self) -> float:
        """Market seconds per wall second: 1 live, the replay speed in a replay."""
        ...

    def now_ms(self) -> int:
        """The market's time in UNIX milliseconds."""
        ...


class Market(Protocol):
    """Where a feed delivers. Synchronous: a call returns when the facts are in the book and queued
    for clients, so a feed that awaits between frames is all the scheduling there is.
    """

    def trades(self, batch: Sequence[Trade]) -> None:
        """Apply the trades of one upstream frame, in order."""
        ...

    def seed(self, seed: Seed) -> None:
        """Learn day figures that trades do not carry."""
        ...

    def status(self, status: FeedStatus) -> None:
        """The feed's state changed."""
        ...

    def rejected(self, symbol: str, reason: str) -> None:
        """Upstream refuses this symbol for good."""
        ...

    def new_epoch(self) -> None:
        """The market starts anew: sequences, prices and day figures are forgotten."""
        ...

    async def relief(self) -> None:
        """Return once no every-trade client is above its mark. A full-speed replay awaits it right
        before it delivers, with nothing awaited in between; nobody else does.
        """
        ...


_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9 .:\-_/^]{0,31}")


def parse_symbol(text: str) -> str:
    """The canonical, upper-case form of a symbol.

    Raises:
        RequestError: ``bad_symbol``, with a sentence saying what is allowed.
    """
    symbol = text.upper() if text.isascii() else ""
    if not _SYMBOL.fullmatch(symbol):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise RequestError(
            "bad_symbol",
            f"{shown!r} is not a symbol: expected 1 to 32 letters, digits, spaces or . : - _ / ^, "
            "beginning with a letter or digit, such as AAPL or BINANCE:BTCUSDT",
        )
    return symbol
