"""The facts that cross rooms: trades, quotes, what the feed says of itself, what the market does.

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
"""What the feed does. ``simulated`` and ``replay`` are states, so that no client can miss them."""

SymbolState = Literal["live", "polled", "waiting", "rejected", "stale"]
"""How far one symbol's price can be trusted to be the newest.

``waiting``: no price yet in this epoch. ``polled``: prices come from asking every now and then, not
from the tape. ``stale``: a price, but the feed behind it is down, or does not follow the symbol, or
it may move unseen. ``rejected``: upstream has no
such symbol.
"""

MarketSession = Literal["pre", "regular", "post", "closed"]

Timeframe = Literal["1s", "1m", "5m", "15m", "1h", "1d"]
"""How long a bar is."""
TIMEFRAMES: tuple[Timeframe, ...] = ("1s", "1m", "5m", "15m", "1h", "1d")

FailureReason = Literal["network", "stall", "kick", "auth", "throttle", "server"]
"""Why a line upstream could not be opened, or ended.

``network``: no answer, or a line that broke. ``stall``: silence on an open line. ``kick``: the
server ended it because of what we are, such as a second connection on one key. ``auth``: the key
was refused. ``throttle``: too many attempts. ``server``: an answer that only its owner can mend.
"""

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


class Effect(NamedTuple):
    """What a trade may change."""

    last: bool
    high_low: bool
    volume: bool


Counted = tuple[Trade, Effect, int]
"""A trade as it counts, what it may change in bars, and its ``seq`` as a new last price; 0 when it
is none. A volume that counts nowhere is 0, and an effect of nothing is a price in no bar."""


class Seed(Fact, frozen=True):
    """What a feed knows of a symbol besides its trades; ``None`` is what it does not know."""

    symbol: str
    prev_close: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    price: float | None = None
    """The last price as upstream told it when asked."""
    time_ms: int | None = None
    """When that price was made; upstream tells it in whole seconds."""


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
    """Whether the price came from asking upstream and not from its tape."""
    recalled: bool = False
    """Whether the price is one that an earlier process stored, and nothing newer has come since."""
    day_ms: int | None = None
    """When the day of these figures began."""
    decimals: int = 2
    """How many decimals the symbol's prices are shown with."""


class Bar(Fact, frozen=True):
    """What one symbol's trades came to in a span of time. A span without a trade has no bar."""

    time_ms: int
    """Where the span begins."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float
    """The sum of price × volume of the same trades."""
    count: int
    """How many trades; prices that were asked for are none."""
    open_ms: int
    """When the open was made, by the exchange's clock."""
    close_ms: int
    """When the close was made."""
    firm: bool = True
    """Whether open and close are of trades that may be a last price; else there was none such."""
    incomplete: bool = False
    """Whether the feed was down, or did not follow the symbol, during a part of the span."""
    invented: bool = False
    """Whether a simulator made up a part of it that it never traded."""

    @property
    def vwap(self) -> float | None:
        """The volume-weighted average price; ``None`` without volume."""
        return self.turnover / self.volume if self.volume else None


class Recollection(Fact, frozen=True):
    """What a symbol's newest day came to before anything of it was heard."""

    day: Bar
    close: float | None
    """The price at the end of its regular session, once that is over."""
    prev_close: float | None
    """That of the trading day before."""
    as_price: bool
    """Whether its last price was traded, and is the symbol's last one until a newer comes."""


class Listing(Fact, frozen=True):
    """A symbol and what it stands for."""

    symbol: str
    name: str
    type: str
    """In Finnhub's words: ``Common Stock``, ``ETP``, ``ADR``, ``Crypto``, …"""
    spelling: str = ""
    """How upstream writes the symbol, where that is not in capitals."""


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
    failures: Mapping[FailureReason, int] = {}
    """How often an attempt or a line failed since the start, by reason."""
    delay_ms: int | None = None
    """How long the tape is held back; ``None`` when it is not."""
    lost_ms: int | None = None
    """While there is no line: its last sign of life, on the wall clock. What was traded since then
    can have gone unseen."""


class MarketFact(Fact, frozen=True):
    """One thing that happened in the market. ``number`` grows by one with each, also over epochs,
    so that whoever reads them later sees a gap.
    """

    epoch: str
    """Of the market after it."""
    number: int


class Change(MarketFact, frozen=True):
    """What one upstream frame did to prices, bars and figures."""

    counted: Sequence[Counted] = ()
    """The trades that count, as they count, in the order of the tape."""
    figures: Sequence[str] = ()
    """The symbols whose figures changed in a way that no trade of ``counted`` tells."""
    polled: str = ""
    """The symbol whose new last price was asked for, if one was."""
    moved: Sequence[str] = ()
    """The symbols of which only the newest price is told, and no trade of ``counted``: what is over
    before anybody could see it, or recalled."""
    prints: Sequence[Trade] = ()
    """The trades as upstream told them, whatever became of them."""
    quotes: Sequence[Quote] = ()
    """Price and day of every symbol that it touched, after it. Left out where all listeners read
    a fact when they are told it (``Listener``): they ask the market."""


class StatusChanged(MarketFact, frozen=True):
    """The feed says something new of itself."""

    status: FeedStatus


class SourcesChanged(MarketFact, frozen=True):
    """Where prices come from is another now: always all that do not come from the tape."""

    polled: frozenset[str]
    """The symbols whose prices come from asking."""
    stale: frozenset[str]
    """Those that are not followed at all, or may move unseen."""


class TapeTimed(MarketFact, frozen=True):
    """The tape's times are another distance from this machine's clock now."""

    behind_ms: int
    """How far the slowest part of it is behind; negative when all of it is ahead."""


class Rejected(MarketFact, frozen=True):
    """Nobody can have a symbol, until it is wanted anew."""

    symbol: str
    why: RequestError | None = None
    """``None``: upstream has no such symbol."""


class EpochBegan(MarketFact, frozen=True):
    """The market starts anew. It is told right before prices and figures are forgotten, so that
    what waits can still be written.
    """


class PriceBegan(MarketFact, frozen=True):
    """A feed that makes prices up began a symbol's: what it makes up of the time before leads to
    this one.
    """

    symbol: str
    time_ms: int
    price: float


class Listener(Protocol):
    """Whoever is told what the market does. The market knows none of its listeners; it tells all
    of them each fact, in order and synchronously. A listener that keeps facts for later asks for
    them whole (``Market.listen``).
    """

    def hear(self, fact: MarketFact) -> None:
        """Take one fact."""
        ...


class Readers(Protocol):
    """Whoever reads what listeners tell, and may be too slow for it."""

    async def drained(self) -> None:
        """Return once nobody is behind who may miss nothing."""
        ...


class Clock(Protocol):
    """The time of the market: the wall clock, or a recording's."""

    @property
    def rate(self) -> float:
        """Market seconds per wall second: 1 live, the replay speed in a replay."""
        ...

    def now_ms(self) -> int:
        """The market's time in UNIX milliseconds."""
        ...


UNKNOWN_ADDRESS = ""
"""Whoever has no address, and what is wanted without a viewer."""
SPEAKERS = 16
"""So many addresses speak for all that want a symbol: more would decide nothing else."""


class Crowd(Fact, frozen=True):
    """Who stands behind the wishes of viewers, so that they can be met fairly."""

    defaults: frozenset[str] = frozenset()
    """The symbols that the operator wants; no viewer's wish goes before them."""
    addresses: Mapping[str, tuple[str, ...]] = {}
    """By symbol, whose viewers want it: each address once, at most ``SPEAKERS`` of them."""

    def behind(self, symbol: str) -> tuple[str, ...]:
        """Whose wish a symbol is."""
        return self.addresses.get(symbol, (UNKNOWN_ADDRESS,))


class FeedSink(Protocol):
    """Where a feed delivers. Synchronous: a call returns when the facts are in the book and queued
    for clients, so a feed that awaits between frames is all the scheduling there is.
    """

    def trades(self, batch: Sequence[Trade]) -> None:
        """Apply the trades of one upstream frame, in order."""
        ...

    def past(self, batch: Sequence[Trade]) -> None:
        """Apply trades that are over, as before a replay's start: nobody is told of each, only of
        every symbol's newest price and day.
        """
        ...

    def seed(self, seed: Seed) -> None:
        """Learn what trades do not carry: day figures, or a price that was asked for."""
        ...

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """A feed that makes prices up began a symbol's, with this one: what it makes up of the time
        before leads there.
        """
        ...

    def status(self, status: FeedStatus) -> None:
        """The feed's state changed."""
        ...

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """Whose prices do not come from the tape now: always all of them.

        Args:
            symbols: those whose prices come from asking.
            stale: those that are not followed at all, or may move unseen.
        """
        ...

    def tape(self, behind_ms: int, ahead_ms: int) -> None:
        """How far the tape's times are from this machine's clock.

        Args:
            behind_ms: how far the slowest part of it is behind; negative when all of it is ahead.
            ahead_ms: how far a part of it is ahead.
        """
        ...

    def rejected(self, symbol: str, reason: str) -> None:
        """Upstream refuses this symbol for good."""
        ...

    def new_epoch(self) -> None:
        """The market starts anew: sequences, prices and day figures are forgotten."""
        ...

    async def drained(self) -> None:
        """Return once no every-trade client is above its mark. A full-speed replay awaits it right
        before it delivers, with nothing awaited in between; nobody else does.
        """
        ...


USUAL_RESULTS = 10
"""Of a search that does not say how many it wants."""


class Reference(Protocol):
    """What is known of symbols besides their prices on the tape. Never raises for upstream trouble:
    then less is known.
    """

    def knows_search(self, query: str) -> bool:
        """Whether a search is answered without asking upstream."""
        ...

    def knows_quote(self, symbol: str) -> bool:
        """Whether ``quote`` is answered without asking upstream, if only that there is none."""
        ...

    async def search(
        self, query: str, limit: int = USUAL_RESULTS, *, address: str | None = None
    ) -> tuple[Listing, ...]:
        """The symbols that match a query best, the best first; ``address`` is who asks."""
        ...

    async def name(self, symbol: str) -> str | None:
        """What a symbol stands for."""
        ...

    async def quote(self, symbol: str, *, address: str | None = None) -> Seed | None:
        """A symbol's day, from asking upstream once; ``address`` is who asks."""
        ...


_SYMBOL = re.compile(r"[A-Z0-9^$#](?:[A-Z0-9 .:\-_/^=&+$!#*]{0,30}[A-Z0-9.:\-_/^=&+$!#*])?")
ALPHABET = "letters, digits, spaces or . : - _ / ^ = & + $ ! # *"
"""What a symbol is made of, for people."""


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
            f"{shown!r} is not a symbol: expected 1 to 32 {ALPHABET}, beginning with a letter, "
            "a digit, ^, $ or #, not ending with a space, such as AAPL, ^DJI or BINANCE:BTCUSDT",
        )
    return symbol
