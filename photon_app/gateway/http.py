"""HTTP for programs: health, quotes, the browser client, the API's documentation, and ``/``.

``create_api`` makes the FastAPI app that Reflex is mounted under; ``NegotiatedRoot`` wraps the
whole, because a route on ``/`` would hide the dashboard.
"""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders

from photon_app import __version__
from photon_app.errors import RequestError
from photon_app.gateway import bars, finnhub_rest, search
from photon_app.gateway.admission import Admission
from photon_app.gateway.live import current
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send
from photon_app.model import FLOWING, FeedState, MarketSession, Quote, SymbolState, parse_symbol
from photon_app.services import Services
from photon_app.storage.health import StorageHealth


class FeedHealth(BaseModel):
    """The feed behind the prices."""

    source: str
    state: FeedState
    detail: str
    last_message_age_ms: int | None
    last_trade_age_ms: int | None
    reconnects: int
    failures: dict[str, int]
    """How often an attempt or a line failed since the start, by reason."""
    asked: dict[str, int]
    """What was asked over REST since the start; empty without a key."""
    counters: dict[str, int]


class MarketHealth(BaseModel):
    """The market's clock and session."""

    session: MarketSession
    time: int
    known_until: dt.date | None
    """How far holidays and early closes are known; null when every weekday counts as ordinary."""
    epoch: str


class SymbolCounts(BaseModel):
    """How many symbols clients hold, and how many are wanted upstream."""

    subscribed: int
    upstream: int


class RefusedCounts(BaseModel):
    """WebSockets that got no place, since the start, by reason."""

    full: int
    per_ip: int
    rate: int


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
    """Why it is slow or failing, one word; else empty."""
    detail: str
    database: str
    """Its address, without a password."""
    pending: int
    """Bars that wait to be written."""
    written: int
    dropped: int
    """Bars that were given up because too many waited."""
    failures: int
    last_write_age_ms: int | None


class SlowCounts(BaseModel):
    """Clients of the event format and of ``/finnhub`` that do not read fast enough."""

    now: int
    closed: int


class Health(BaseModel):
    """``GET /health``."""

    status: Literal["healthy", "degraded"]
    feed: FeedHealth
    market: MarketHealth
    clients: int
    refused: RefusedCounts
    slow: SlowCounts
    symbols: SymbolCounts
    trades: TradeCounts
    bars: BarCounts
    storage: StorageBody
    uptime_s: float
    version: str


class QuoteBody(BaseModel):
    """One symbol's newest price and day so far; unknown figures are null."""

    symbol: str
    seq: int
    price: float
    volume: float
    timestamp: int
    prev_close: float | None
    change: float | None
    change_percent: float | None
    open: float
    high: float
    low: float
    day_volume: float
    polled: bool
    state: SymbolState


class Quotes(BaseModel):
    """``GET /api/quotes``."""

    quotes: list[QuoteBody]
    missing: list[str]


DESCRIPTION = """
Live prices from one upstream feed, for many clients.

Prices are pushed on the WebSocket `/ws`; the routes here answer once. Times are UNIX milliseconds.
The whole wire is described in `docs/protocol.md`.
"""


def create_api(client_js: Path, admission: Admission) -> FastAPI:
    """The API.

    Args:
        client_js: the browser client, served at ``/photon-client.js``.
        admission: counts the open sockets, and those that got no place.
    """
    api = FastAPIOffline(
        title="Photon", version=__version__, description=DESCRIPTION, redoc_url=None
    )

    @api.head("/health", include_in_schema=False)
    @api.get("/health", summary="Is the feed alive, and who is listening")
    async def health() -> Health:
        return _health(current(), admission)

    @api.get("/api/quotes", summary="The newest prices")
    async def quotes(
        symbols: Annotated[
            str | None, Query(description="comma list; without it the default symbols")
        ] = None,
    ) -> Quotes:
        live = current()
        wanted = _parse(symbols, live)
        found = {s: quote for s in wanted if (quote := live.book.quote(s)) is not None}
        return Quotes(
            quotes=[_quote_body(quote, live) for quote in found.values()],
            missing=[symbol for symbol in wanted if symbol not in found],
        )

    api.include_router(bars.router)
    api.include_router(search.router)
    api.include_router(finnhub_rest.create_router())

    @api.head("/photon-client.js", include_in_schema=False)
    @api.get("/photon-client.js", summary="The browser client", response_class=FileResponse)
    async def photon_client() -> FileResponse:
        headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
        return FileResponse(client_js, media_type="text/javascript", headers=headers)

    return api


class NegotiatedRoot:
    """``GET /``: the dashboard for a browser, a line of JSON for a program."""

    def __init__(self, app: ASGIApp, frontend: str | None) -> None:
        """Wrap an app.

        Args:
            app: serves the dashboard on ``/``, when it does.
            frontend: where the dashboard is when it is elsewhere (in development).
        """
        self._app = app
        self._frontend = frontend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``/``; pass on everything else."""
        root = scope["type"] == "http" and scope["path"] in {"", "/"}
        if not root or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
        elif "text/html" not in Headers(scope=scope).get("accept", ""):
            body = {"status": "ok", "service": "photon", "version": __version__}
            await JSONResponse(body, headers={"Vary": "Accept"})(scope, receive, send)
        elif self._frontend is not None:
            answer = RedirectResponse(self._frontend, 307, headers={"Vary": "Accept"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, _varying(send))


def _varying(send: Send) -> Send:
    async def varied(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Accept")
        await send(message)

    return varied


def _parse(symbols: str | None, live: Services) -> list[str]:
    if symbols is None:
        return list(live.default_symbols)
    try:
        parsed = [parse_symbol(part.strip()) for part in symbols.split(",") if part.strip()]
    except RequestError as problem:
        raise HTTPException(422, problem.message) from problem
    limit = live.settings.max_symbols
    if len(parsed) > limit:
        raise HTTPException(422, f"symbols: at most {limit} at once, got {len(parsed)}")
    return list(dict.fromkeys(parsed))


def _quote_body(quote: Quote, live: Services) -> QuoteBody:
    figures = msgspec.structs.asdict(quote)
    timestamp = figures.pop("time_ms")
    return QuoteBody(**figures, timestamp=timestamp, state=live.hub.state(quote.symbol))


def _age_ms(then_ms: int | None, now_ms: int) -> int | None:
    return None if then_ms is None else max(0, now_ms - then_ms)


def _health(live: Services, admission: Admission) -> Health:
    feed, market = live.hub.feed, live.market()
    now_ms = live.wall_ms()
    return Health(
        status="healthy" if _is_healthy(live) else "degraded",
        feed=FeedHealth(
            source=feed.source,
            state=feed.state,
            detail=feed.detail,
            last_message_age_ms=_age_ms(live.last_message_ms(), now_ms),
            last_trade_age_ms=_age_ms(live.last_trade_ms(), now_ms),
            reconnects=feed.reconnects,
            failures={str(reason): n for reason, n in feed.failures.items()},
            asked=live.asked(),
            counters=live.feed_counters(),
        ),
        market=MarketHealth(
            session=market.session,
            time=market.now_ms,
            known_until=live.calendar().last,
            epoch=live.hub.epoch,
        ),
        clients=admission.open,
        refused=RefusedCounts(**admission.refused),
        slow=SlowCounts(
            now=live.hub.congested + live.tape.congested,
            closed=live.hub.closed_as_slow + live.tape.closed_as_slow,
        ),
        symbols=SymbolCounts(subscribed=len(live.demand.viewers), upstream=len(live.held())),
        trades=TradeCounts(**msgspec.structs.asdict(live.book.counters)),
        bars=BarCounts(**msgspec.structs.asdict(live.history.memory.counters)),
        storage=_storage(live, now_ms),
        uptime_s=round((now_ms - live.started_ms) / 1000, 1),
        version=__version__,
    )


def _is_healthy(live: Services) -> bool:
    """Whether prices flow and bars are kept."""
    kept = live.store is None or live.store.health.state != "failing"
    return live.hub.feed.state in FLOWING and not live.silence() and kept


def _storage(live: Services, now_ms: int) -> StorageBody:
    health = StorageHealth(state="off") if live.store is None else live.store.health
    figures = msgspec.structs.asdict(health)
    last_write_ms = figures.pop("last_write_ms")
    return StorageBody(**figures, last_write_age_ms=_age_ms(last_write_ms, now_ms))
