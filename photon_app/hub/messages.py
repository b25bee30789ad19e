"""The messages of ``/ws`` from server to client, as JSON. ``docs/protocol.md`` defines the shapes.

Every function is pure and returns the JSON text of one message. The hub encodes each change once
with these functions, and writes the same bytes to every client.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from photon_app.calendar.hours import MarketView
from photon_app.errors import ErrorCode, RequestError
from photon_app.market import digits
from photon_app.model import (
    Bar,
    FeedState,
    FeedStatus,
    MarketSession,
    Quote,
    SymbolState,
    Timeframe,
    Trade,
)

PROTOCOL_VERSION = 1

_encode = msgspec.json.Encoder().encode
Id = str | int | None


class _Message(msgspec.Struct, tag_field="type", gc=False):
    """Base of the tagged messages; ``gc=False`` because each exists for one encoding only."""


class _Price(msgspec.Struct, gc=False):
    price: float
    volume: float
    timestamp: int


class _PriceUpdate(_Message, tag="price_update"):
    symbol: str
    seq: int
    data: _Price


class _PolledUpdate(_Message, tag="price_update"):
    symbol: str
    seq: int
    polled: Literal[True]
    data: _Price


class BarBody(msgspec.Struct, gc=False, omit_defaults=True):
    """A bar as clients get it."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    count: int
    vwap: float | None
    final: bool | None = None
    incomplete: bool = False
    invented: bool = False

    @classmethod
    def of(cls, bar: Bar, *, final: bool | None = None) -> "BarBody":
        """A bar; ``final`` only for messages that do not have that field beside the bar."""
        return cls(
            time=bar.time_ms,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=digits.total(bar.volume),
            count=bar.count,
            vwap=None if (vwap := bar.vwap) is None else digits.mean(vwap),
            final=final,
            incomplete=bar.incomplete,
            invented=bar.invented,
        )

    def written(self, decimals: int) -> list[str]:
        """Its figures from open to vwap as text for a table; prices have all their decimals, and at
        least ``decimals`` of them.
        """
        plain = digits.plain
        prices = [plain(price, decimals) for price in (self.open, self.high, self.low, self.close)]
        vwap = "" if self.vwap is None else plain(self.vwap, decimals)
        return [*prices, plain(self.volume), str(self.count), vwap]


class _Bar(_Message, tag="bar", omit_defaults=True):
    symbol: str
    timeframe: Timeframe
    bar: BarBody
    final: bool
    corrected: bool = False


class _Figures(msgspec.Struct, gc=False):
    price: float
    volume: float
    timestamp: int
    prev_close: float | None
    close: float | None
    change: float | None
    change_percent: float | None
    open: float | None
    high: float | None
    low: float | None
    day_volume: float | None
    decimals: int
    day: int | None
    session: MarketSession | None
    state: SymbolState


class _Snapshot(_Message, tag="price_update"):
    symbol: str
    seq: int
    snapshot: Literal[True]
    data: _Figures


class _PolledSnapshot(_Message, tag="price_update"):
    symbol: str
    seq: int
    snapshot: Literal[True]
    polled: Literal[True]
    data: _Figures


class _Batch(_Message, tag="batch"):
    updates: Sequence[msgspec.Raw]


class _Connection(_Message, tag="connection"):
    client_id: str
    epoch: str
    feed: FeedState
    status: str = "connected"
    protocol: int = PROTOCOL_VERSION


class _Status(_Message, tag="status"):
    feed: FeedState
    market: MarketSession
    since: int
    epoch: str
    symbols: Mapping[str, SymbolState]
    source: str
    detail: str
    retry_at: int | None
    delay_ms: int | None
    now: int
    rate: float
    market_until: int
    market_next: MarketSession


class _Heartbeat(_Message, tag="heartbeat"):
    timestamp: int
    now: int


class _Pong(_Message, tag="pong", omit_defaults=True):
    timestamp: int
    id: Id = None


class _Error(_Message, tag="error", omit_defaults=True):
    code: ErrorCode
    message: str
    id: Id = None
    retry_after_ms: int | None = None


class Rejection(msgspec.Struct):
    """One symbol of a request that was refused, and why."""

    symbol: str
    code: ErrorCode
    message: str


class _Subscription(_Message, tag="subscription", omit_defaults=True):
    status: Literal["subscribed", "unsubscribed", "listed"]
    symbols: Sequence[str]
    rejected: Sequence[Rejection]
    subscriptions: Sequence[str]
    id: Id = None
    channel: Literal["", "bars"] = ""
    timeframe: Timeframe | None = None
    bars: Mapping[Timeframe, Sequence[str]] = {}
    recovered: Mapping[str, bool] | None = None


class _Shutdown(_Message, tag="shutdown"):
    retry_after_ms: int


def connection(client_id: str, epoch: str, feed: FeedState) -> bytes:
    """The first message of every connection."""
    return _encode(_Connection(client_id=client_id, epoch=epoch, feed=feed))


def status(
    feed: FeedStatus, market: MarketView, epoch: str, symbols: Mapping[str, SymbolState]
) -> bytes:
    """Feed, market and symbol states. ``now`` and ``rate`` let a client run the market's clock."""
    return _encode(
        _Status(
            feed=feed.state,
            market=market.session,
            since=feed.since_ms,
            epoch=epoch,
            symbols=symbols,
            source=feed.source,
            detail=feed.detail,
            retry_at=feed.retry_at_ms,
            delay_ms=feed.delay_ms,
            now=market.now_ms,
            rate=market.rate,
            market_until=market.until_ms,
            market_next=market.following,
        )
    )


def price_update(trade: Trade, seq: int) -> bytes:
    """The short form: one trade."""
    data = _Price(trade.price, trade.volume, trade.time_ms)
    return _encode(_PriceUpdate(trade.symbol, seq, data))


def polled_update(quote: Quote) -> bytes:
    """The short form of a polled price."""
    data = _Price(quote.price, 0, quote.time_ms)
    return _encode(_PolledUpdate(quote.symbol, quote.seq, polled=True, data=data))


def snapshot(quote: Quote, session: MarketSession | None, state: SymbolState) -> bytes:
    """The snapshot form: the newest price and the day so far, and the symbol's own session."""
    data = _Figures(
        price=quote.price,
        volume=quote.volume,
        timestamp=quote.time_ms,
        prev_close=quote.prev_close,
        close=quote.close,
        change=quote.change,
        change_percent=quote.change_percent,
        open=quote.open,
        high=quote.high,
        low=quote.low,
        day_volume=quote.day_volume,
        decimals=quote.decimals,
        day=quote.day_ms,
        session=session,
        state=state,
    )
    if quote.polled:
        return _encode(
            _PolledSnapshot(quote.symbol, quote.seq, snapshot=True, polled=True, data=data)
        )
    return _encode(_Snapshot(quote.symbol, quote.seq, snapshot=True, data=data))


def batch(updates: Sequence[bytes]) -> bytes:
    """Messages of ``price_update`` in one message."""
    return _encode(_Batch([msgspec.Raw(update) for update in updates]))


def bar(symbol: str, timeframe: Timeframe, what: Bar, *, final: bool, corrected: bool) -> bytes:
    """A bar of the bars channel: running, final, or changed after it was sent as final."""
    return _encode(_Bar(symbol, timeframe, BarBody.of(what), final, corrected))


def subscription(
    status: Literal["subscribed", "unsubscribed", "listed"],
    symbols: Sequence[str],
    rejected: Sequence[Rejection],
    subscriptions: Sequence[str],
    request_id: Id,
    *,
    bars: Mapping[Timeframe, Sequence[str]] | None = None,
    recovered: Mapping[str, bool] | None = None,
) -> bytes:
    """The answer to ``subscribe``, ``unsubscribe``, ``unsubscribe_all`` and ``list``. ``bars``, for
    ``list``, are the symbols of the bars channel by timeframe. ``recovered``, for a client that
    comes back, says of which symbols it gets all that it missed.
    """
    return _encode(
        _Subscription(
            status,
            symbols,
            rejected,
            subscriptions,
            request_id,
            bars=bars or {},
            recovered=recovered,
        )
    )


def bars_subscription(
    status: Literal["subscribed", "unsubscribed"],
    symbols: Sequence[str],
    rejected: Sequence[Rejection],
    subscriptions: Sequence[str],
    request_id: Id,
    *,
    timeframe: Timeframe | None,
    recovered: Mapping[str, bool] | None = None,
) -> bytes:
    """The answer to ``subscribe`` and ``unsubscribe`` on the bars channel."""
    return _encode(
        _Subscription(
            status,
            symbols,
            rejected,
            subscriptions,
            request_id,
            channel="bars",
            timeframe=timeframe,
            recovered=recovered,
        )
    )


def heartbeat(wall_ms: int, market_ms: int) -> bytes:
    """Proof that the connection works, with the wall clock and the market's."""
    return _encode(_Heartbeat(wall_ms, market_ms))


def pong(wall_ms: int, request_id: Id) -> bytes:
    """The answer to ``ping``."""
    return _encode(_Pong(wall_ms, request_id))


def error(problem: RequestError, request_id: Id, retry_after_ms: int | None = None) -> bytes:
    """Why a request failed."""
    return _encode(_Error(problem.code, problem.message, request_id, retry_after_ms))


def shutdown(retry_after_ms: int) -> bytes:
    """The server shuts down; clients reconnect after this time multiplied by a random 1 to 2."""
    return _encode(_Shutdown(retry_after_ms))


class _ArrayRow(msgspec.Struct, gc=False):
    stock: str
    price: float
    change: float | None


def array(quotes: Sequence[Quote]) -> bytes:
    """The array format: one message of all prices."""
    return _encode([_ArrayRow(quote.symbol, quote.price, quote.change) for quote in quotes])


MESSAGES: tuple[type[msgspec.Struct], ...] = tuple(_Message.__subclasses__())
"""The type of every tagged message."""
