"""``GET /health``: whether prices flow and bars are stored, and all counters.

Owns the shape of the answer and what makes it ``degraded``. It never waits, and the answer contains
no secret.
"""

import dataclasses
import datetime as dt
from typing import Literal

import msgspec
from pydantic import BaseModel

from photon_app import __version__
from photon_app.gateway.admission import Admission
from photon_app.gateway.connections import Connections, Ended
from photon_app.gateway.questions import Questions
from photon_app.model import FLOWING, FeedState, MarketSession
from photon_app.services import Services
from photon_app.storage.health import StorageHealth


class FeedHealth(BaseModel):
    """The feed behind the prices."""

    source: str
    state: FeedState
    detail: str
    delay_ms: int | None
    """By how long the tape is delayed; null if it is not."""
    last_message_age_ms: int | None
    last_trade_age_ms: int | None
    reconnects: int
    failures: dict[str, int]
    """How often an attempt or a connection failed since the start, by reason."""
    asked: dict[str, int]
    """Requests to upstream's REST API since the start, by kind; empty without a key."""
    counters: dict[str, int]


class MarketHealth(BaseModel):
    """The market's clock and session."""

    session: MarketSession
    time: int
    known_until: dt.date | None
    """Until when holidays and early closes are known; null if every weekday counts as ordinary."""
    epoch: str


class SymbolCounts(BaseModel):
    """How many symbols clients hold, and how many are wanted upstream."""

    subscribed: int
    upstream: int


class SocketCounts(BaseModel):
    """Open WebSockets, by kind: those of ``/ws``, of ``/finnhub``, and of the page's events."""

    ws: int
    finnhub: int
    page: int


class RefusedCounts(BaseModel):
    """WebSockets that got no place, since the start, by reason."""

    full: int
    per_ip: int
    rate: int


class HttpHealth(BaseModel):
    """Connections that speak HTTP; zeros where the server does not tell."""

    connections: int
    unread_bytes: int
    """Bytes of answers that peers have not read, in this process."""
    ended: dict[Ended, int]
    """How many were refused or cut off since the start, by reason: see ``gateway.connections``."""


class ShareCounts(BaseModel):
    """What was kept from an address so that others have their share, since the start."""

    symbols_refused: int
    """Subscriptions that were refused for want of room."""
    symbols_made_room: int
    """Symbols that were dropped to make room for another address."""
    questions_refused: int
    """Requests that would have cost something upstream, beyond what an address may ask."""
    questions_cross_site: int
    """Such requests from pages of other sites."""


class TradeCounts(BaseModel):
    """Where the trades went, since the start: what each means is in ``market.book``."""

    applied: int
    late: int
    range_only: int
    volume_only: int
    repeats: int
    earlier_day: int
    bad_price: int
    bad_volume: int
    bad_time: int
    outside: int
    unwanted: int
    outliers: int
    outliers_confirmed: int
    price_only: int
    polled: int


class BarCounts(BaseModel):
    """How many trades went into bars, since the start: what each means is in ``market.bars``."""

    folded: int
    late: int
    too_late: int


class StorageBody(BaseModel):
    """The database behind the bars."""

    state: Literal["off", "opening", "ok", "slow", "failing"]
    reason: str
    """Why it is slow or failing, in one word; else empty."""
    detail: str
    database: str
    """Its address, without a password."""
    pending: int
    """Bars that wait to be written."""
    written: int
    dropped: int
    """Bars that were dropped because too many waited."""
    failures: int
    last_write_age_ms: int | None
    retention: str
    """What is still stored although it is older than `PHOTON_RETENTION_DAYS`, and what to do; else
    empty.
    """


class SlowCounts(BaseModel):
    """Clients of ``/ws``, in both formats, and of ``/finnhub`` that do not read fast enough."""

    now: int
    closed: int


class CompressionHealth(BaseModel):
    """Messages of clients that negotiated compression, since the start, by whether they had it."""

    on: bool
    """False while compression has used up its share of the CPU."""
    compressed: int
    left_out: int


class Health(BaseModel):
    """``GET /health``."""

    status: Literal["healthy", "degraded"]
    feed: FeedHealth
    market: MarketHealth
    clients: int
    sockets: SocketCounts
    refused: RefusedCounts
    page_refused: dict[str, int]
    """Messages on the page's sockets that were refused, since the start, by reason."""
    shares: ShareCounts
    slow: SlowCounts
    compression: CompressionHealth
    http: HttpHealth
    symbols: SymbolCounts
    trades: TradeCounts
    bars: BarCounts
    storage: StorageBody
    uptime_s: float
    version: str


def _age_ms(then_ms: int | None, now_ms: int) -> int | None:
    return None if then_ms is None else max(0, now_ms - then_ms)


def health_of(
    live: Services,
    admission: Admission,
    questions: Questions,
    connections: Connections | None = None,
) -> Health:
    """The health of the process now."""
    feed, market = live.hub.feed, live.hours.view()
    now_ms = live.time.now_ms()
    return Health(
        status="healthy" if _is_healthy(live) else "degraded",
        feed=FeedHealth(
            source=feed.source,
            state=feed.state,
            detail=feed.detail or _left_out(live),
            delay_ms=feed.delay_ms,
            last_message_age_ms=_age_ms(live.feed.last_message_ms, now_ms),
            last_trade_age_ms=_age_ms(live.market.silence.last_trade_ms, now_ms),
            reconnects=feed.reconnects,
            failures={str(reason): n for reason, n in feed.failures.items()},
            asked=live.rest_requests(),
            counters=msgspec.structs.asdict(live.feed.counters),
        ),
        market=MarketHealth(
            session=market.session,
            time=market.now_ms,
            known_until=live.hours.calendar.last,
            epoch=live.hub.epoch,
        ),
        clients=admission.open["ws"] + admission.open["finnhub"],
        sockets=SocketCounts(**admission.open),
        refused=RefusedCounts(**admission.refused),
        page_refused=dict(admission.page_refused),
        shares=ShareCounts(
            symbols_refused=live.demand.refused,
            symbols_made_room=live.demand.evicted,
            questions_refused=questions.refused["per_ip"],
            questions_cross_site=questions.refused["cross_site"],
        ),
        slow=SlowCounts(
            now=live.clients.congested,
            closed=live.clients.closed_as_slow,
        ),
        compression=CompressionHealth(
            on=live.hub.deflater.on,
            compressed=live.hub.deflater.compressed,
            left_out=live.hub.deflater.left_out,
        ),
        http=_http(connections or Connections(0)),
        symbols=SymbolCounts(
            subscribed=len(live.demand.viewers), upstream=len(live.feed.subscribed)
        ),
        trades=TradeCounts(**dataclasses.asdict(live.book.counters)),
        bars=BarCounts(**dataclasses.asdict(live.history.memory.counters)),
        storage=_storage(live, now_ms),
        uptime_s=round(live.time.monotonic() - live.started_s, 1),
        version=__version__,
    )


def _is_healthy(live: Services) -> bool:
    """Whether prices flow and bars are stored."""
    kept = live.store is None or live.store.health.state != "failing"
    flows = live.hub.feed.state in FLOWING and not live.market.silence.reason
    return flows and kept and not _left_out(live)


def _left_out(live: Services) -> str:
    """Why the trades of some symbols are left out, in one sentence; empty if none are."""
    if not live.book.left_out:
        return ""
    most = live.settings.max_symbols_total
    return (
        f"The recording has more symbols than PHOTON_MAX_SYMBOLS_TOTAL={most}: the trades of those "
        "that came last are left out"
    )


def _http(connections: Connections) -> HttpHealth:
    return HttpHealth(
        connections=connections.speaking,
        unread_bytes=connections.unread_bytes,
        ended=connections.ended,
    )


def _storage(live: Services, now_ms: int) -> StorageBody:
    health = StorageHealth(state="off") if live.store is None else live.store.health
    figures = msgspec.structs.asdict(health)
    last_write_ms = figures.pop("last_write_ms")
    return StorageBody(**figures, last_write_age_ms=_age_ms(last_write_ms, now_ms))
