"""The facts that packages exchange: trades, quotes, the feed's status, what the market does.

All are immutable; a fact is replaced by a newer fact, never edited. Times are UNIX milliseconds
of the market clock, prices are in the instrument's currency, volumes in shares or units.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from photon_app.errors import RequestError

FeedState = Literal[
    "connecting", "live", "reconnecting", "unauthorized", "throttled", "simulated", "replay"
]
"""State of the feed. ``simulated`` and ``replay`` are states, so that no client can miss them."""

SymbolState = Literal["live", "polled", "waiting", "rejected", "stale"]
"""How far one symbol's price can be trusted to be the newest.

``waiting``: no price yet in this epoch. ``polled``: prices are polled now and then, and do not come
from the tape. ``stale``: there is a price, but the feed is down, or does not follow the symbol, or
the price may have changed unnoticed. ``rejected``: upstream has no such symbol.
"""

MarketSession = Literal["pre", "regular", "post", "closed"]

Timeframe = Literal["1s", "1m", "5m", "15m", "1h", "1d"]
"""The length of a bar."""
TIMEFRAMES: tuple[Timeframe, ...] = ("1s", "1m", "5m", "15m", "1h", "1d")

FailureReason = Literal["network", "stall", "kick", "auth", "throttle", "server"]
"""Why an upstream connection could not be opened, or ended.

``network``: no answer, or the connection broke. ``stall``: silence on an open connection. ``kick``:
the server closed it because of the client, such as a second connection with one key. ``auth``: the
key was refused. ``throttle``: too many attempts. ``server``: a fault that only the server's
operator can fix.
"""

FLOWING: frozenset[FeedState] = frozenset({"live", "simulated", "replay"})
"""The feed states in which prices arrive."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all facts: frozen, so that readers can share them without copies, and untracked by
    the garbage collector, because they contain only scalars and there are many.
    """


class Trade(Fact, frozen=True, kw_only=False):
    """One print of the tape. Its fields may be given by position, because very many are made."""

    symbol: str
    price: float
    volume: float
    """Shares or units; 0 for a price-only update."""
    time_ms: int
    conditions: tuple[str, ...] = ()


class Effect(NamedTuple):
    """What a trade may change."""

    last: bool
    high_low: bool
    volume: bool


class Verdict(NamedTuple):
    """What became of a print."""

    counted: bool
    """Whether it is in a figure of the day, or was the last price."""
    why: str
    """Why not, or why not in all figures; empty if it counted in all."""


Counted = tuple[Trade, Effect, int]
"""A trade as it counts, what it may change in bars, and its ``seq`` if it is a new last price, else
0. A volume that counts nowhere is 0. A trade whose effect is nothing is in no bar."""


class Seed(Fact, frozen=True):
    """What a feed knows of a symbol besides its trades; unknown values are ``None``."""

    symbol: str
    prev_close: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    price: float | None = None
    """The last price in upstream's answer to a poll."""
    time_ms: int | None = None
    """When that price was made; upstream gives whole seconds."""


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
    """``price - prev_close``, exact as the two are written."""
    change_percent: float | None
    open: float
    high: float
    low: float
    day_volume: float
    close: float | None = None
    """The price at the end of the day's regular session, once that is over."""
    polled: bool = False
    """Whether the price was polled and did not come from the tape."""
    recalled: bool = False
    """Whether an earlier process stored the price, and no newer one has come since."""
    day_ms: int | None = None
    """When the day of these figures began."""
    decimals: int = 2
    """How many decimals the symbol's prices are shown with."""


class Bar(Fact, frozen=True):
    """One symbol's trades in a span of time, summed up. A span without a trade has no bar."""

    time_ms: int
    """When the span begins."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float
    """The sum of price × volume of the same trades."""
    count: int
    """How many trades; polled prices are not counted."""
    open_ms: int
    """When the open was made, in exchange time."""
    close_ms: int
    """When the close was made."""
    firm: bool = True
    """Whether open and close are of trades that may be a last price; false if there were none."""
    incomplete: bool = False
    """Whether the feed was down, or did not follow the symbol, during a part of the span."""
    invented: bool = False
    """Whether a part of it is invented history of the simulator, which it never traded."""

    @property
    def vwap(self) -> float | None:
        """The volume-weighted average price; ``None`` without volume."""
        return self.turnover / self.volume if self.volume else None


class Recollection(Fact, frozen=True):
    """A symbol's newest day, as stored before its first price of this process."""

    day: Bar
    close: float | None
    """The price at the end of its regular session, once that is over."""
    prev_close: float | None
    """The close of the trading day before."""
    as_price: bool
    """Whether the day's last price was traded; it is the last price until a newer one comes."""


class Listing(Fact, frozen=True):
    """A symbol with its name and type."""

    symbol: str
    name: str
    type: str
    """In Finnhub's words: ``Common Stock``, ``ETP``, ``ADR``, ``Crypto``, …"""
    spelling: str = ""
    """How upstream writes the symbol, if not in capitals."""


class FeedStatus(Fact, frozen=True):
    """The feed's status, as clients and ``/health`` show it."""

    source: str
    """``finnhub``, ``simulated`` or ``replay:<name>``."""
    state: FeedState
    since_ms: int
    """When this state began, on the wall clock."""
    detail: str = ""
    """One sentence for people, for states that need one; never contains a secret."""
    retry_at_ms: int | None = None
    """Wall-clock time of the next attempt, while none is in progress."""
    reconnects: int = 0
    failures: Mapping[FailureReason, int] = {}
    """How many attempts and connections failed since the start, by reason."""
    delay_ms: int | None = None
    """How long the tape is delayed; ``None`` if it is not."""
    lost_ms: int | None = None
    """While there is no connection: the last sign of life, on the wall clock. Trades since then may
    have been missed."""


class MarketFact(Fact, frozen=True):
    """One event of the market. ``number`` increases by one with each fact, across epochs too, so
    that a later reader can detect a gap.
    """

    epoch: str
    """The epoch of the market after it."""
    number: int


class Change(MarketFact, frozen=True):
    """What one upstream frame did to prices, bars and figures."""

    counted: Sequence[Counted] = ()
    """The trades that count, in the form in which they count, in the order of the tape."""
    figures: Sequence[str] = ()
    """The symbols whose figures changed in a way that no trade of ``counted`` shows."""
    polled: str = ""
    """The symbol whose new last price was polled, if any."""
    moved: Sequence[str] = ()
    """The symbols of which listeners report only the newest price, and no trade of ``counted``:
    trades from before the start, or recalled prices."""
    prints: Sequence[Trade] = ()
    """The trades as upstream reported them, whether they count or not."""
    quotes: Sequence[Quote] = ()
    """Price and day, after the change, of every symbol that it touched. Empty if all listeners
    handle facts as they get them (``Listener``): those read the market."""


class StatusChanged(MarketFact, frozen=True):
    """The feed's status changed."""

    status: FeedStatus


class SourcesChanged(MarketFact, frozen=True):
    """The sources of prices changed. Has the whole set of symbols that are not on the tape."""

    polled: frozenset[str]
    """The symbols whose prices are polled."""
    stale: frozenset[str]
    """The symbols that are not followed, or whose price may have changed unnoticed."""


class TapeOffsetChanged(MarketFact, frozen=True):
    """The offset between the tape's times and this machine's clock changed."""

    behind_ms: int
    """How far the slowest part of it is behind; negative when all of it is ahead."""


class Rejected(MarketFact, frozen=True):
    """A symbol is unavailable, until it is wanted again."""

    symbol: str
    why: RequestError | None = None
    """``None``: upstream has no such symbol."""


class EpochBegan(MarketFact, frozen=True):
    """A new epoch begins. Sent just before prices and figures are forgotten, so that queued updates
    can still be written.
    """


class PriceBegan(MarketFact, frozen=True):
    """A feed that invents prices set the first one of a symbol. The history that it invents for the
    time before leads up to this price.
    """

    symbol: str
    time_ms: int
    price: float


class Listener(Protocol):
    """Receives the facts of the market. The market does not know what its listeners are; it sends
    each fact to all of them, in order and synchronously. A listener that keeps facts for later
    registers for whole ones (``Market.listen``).
    """

    def hear(self, fact: MarketFact) -> None:
        """Handle one fact."""
        ...


class Readers(Protocol):
    """The readers of what listeners send, which may be too slow for it."""

    async def drained(self) -> None:
        """Return once no reader that must not miss anything is behind."""
        ...


class Clock(Protocol):
    """The market's clock: the wall clock, or a recording's."""

    @property
    def rate(self) -> float:
        """Market seconds per wall second: 1 live, the replay speed in a replay."""
        ...

    def now_ms(self) -> int:
        """The market's time in UNIX milliseconds."""
        ...


UNKNOWN_ADDRESS = ""
"""The address of clients without one, and of symbols that are wanted without a viewer."""
ADDRESSES_PER_SYMBOL = 16
"""The most addresses listed per symbol: more would not change what is decided."""


class Crowd(Fact, frozen=True):
    """Which addresses want which symbols, so that feeds can serve them fairly."""

    defaults: frozenset[str] = frozenset()
    """The symbols that the operator wants; they take precedence over those of viewers."""
    addresses: Mapping[str, tuple[str, ...]] = {}
    """By symbol, the addresses whose viewers want it: each once, at most
    ``ADDRESSES_PER_SYMBOL``."""

    def addresses_of(self, symbol: str) -> tuple[str, ...]:
        """The addresses that want a symbol."""
        return self.addresses.get(symbol, (UNKNOWN_ADDRESS,))


class FeedSink(Protocol):
    """Where a feed delivers. Synchronous: a call returns when the facts are in the book and queued
    for clients. The only scheduling is that a feed awaits between frames.
    """

    def trades(self, batch: Sequence[Trade]) -> None:
        """Apply the trades of one upstream frame, in order."""
        ...

    def past(self, batch: Sequence[Trade]) -> None:
        """Apply trades from before the start, as of a replay: clients are not sent each trade, only
        every symbol's newest price and day.
        """
        ...

    def seed(self, seed: Seed) -> None:
        """Apply what trades do not carry: day figures, or a polled price."""
        ...

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """Report the first price that a feed invented for a symbol. The history that it invents for
        the time before leads up to this price.
        """
        ...

    def status(self, status: FeedStatus) -> None:
        """Report that the feed's status changed."""
        ...

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """Set the symbols whose prices do not come from the tape now: always the whole set.

        Args:
            symbols: those whose prices are polled.
            stale: those that are not followed, or whose price may have changed unnoticed.
        """
        ...

    def tape_offset(self, behind_ms: int, ahead_ms: int) -> None:
        """Set how far the tape's times are from this machine's clock.

        Args:
            behind_ms: how far the slowest part of the tape is behind; negative if all of it is
                ahead.
            ahead_ms: how far a part of the tape is ahead.
        """
        ...

    def rejected(self, symbol: str, reason: str) -> None:
        """Report that upstream refuses this symbol for good."""
        ...

    def new_epoch(self) -> None:
        """Begin a new epoch: sequences, prices and day figures are forgotten."""
        ...

    async def drained(self) -> None:
        """Return once no every-trade client is congested. Only a full-speed replay
        awaits it, right before it delivers, with nothing awaited in between.
        """
        ...


USUAL_RESULTS = 10
"""The number of results of a search without a limit."""


class Reference(Protocol):
    """What is known of symbols besides their prices on the tape. Upstream faults raise nothing;
    they only make less known.
    """

    def knows_search(self, query: str) -> bool:
        """Whether a search can be answered without a request upstream."""
        ...

    def knows_quote(self, symbol: str) -> bool:
        """Whether ``quote`` can be answered, even with ``None``, without a request upstream."""
        ...

    async def search(
        self, query: str, limit: int = USUAL_RESULTS, *, address: str | None = None
    ) -> tuple[Listing, ...]:
        """The symbols that match a query best, the best first; ``address`` is the client's."""
        ...

    async def name(self, symbol: str) -> str | None:
        """The name of a symbol's company or instrument."""
        ...

    async def quote(self, symbol: str, *, address: str | None = None) -> Seed | None:
        """A symbol's day, from one request upstream; ``address`` is the client's."""
        ...


_SYMBOL = re.compile(r"[A-Z0-9^$#](?:[A-Z0-9 .:\-_/^=&+$!#*]{0,30}[A-Z0-9.:\-_/^=&+$!#*])?")
ALPHABET = "letters, digits, spaces or . : - _ / ^ = & + $ ! # *"
"""The characters of a symbol, for people."""


def parse_symbol(text: str) -> str:
    """The canonical, upper-case form of a symbol.

    Raises:
        RequestError: ``bad_symbol``, with a sentence that says what is allowed.
    """
    symbol = text.upper() if text.isascii() else ""
    if not _SYMBOL.fullmatch(symbol):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise RequestError(
            "bad_symbol",
            f"{shown!r} is not a symbol: expected 1 to 32 {ALPHABET}, beginning with a letter, "
            "a digit, ^, $ or #, not ending with a space, such as AAPL, ^DJI or BINANCE:BTCUSDT",
        )
    return symbol
