"""``GET /api/market``: the symbols that this Photon follows now, for an overview of its market.

Owns the route and its answer, which is made at most once in ``FRESH_S``, however many clients ask:
those that come while it is made wait for it. It is made ``SLICE`` symbols per iteration of the
event loop, from the book, the hub's states and the bundled list; nothing is asked upstream.

Bound: ``MOST`` symbols, those that were traded most; one answer is kept.
"""

import asyncio
import heapq
import math
from dataclasses import dataclass
from operator import attrgetter

import msgspec
from fastapi import APIRouter, Request, Response

from photon_app import services
from photon_app.calendar.hours import MarketView
from photon_app.calendar.session import session_at
from photon_app.gateway.encoding import accepts_gzip, gzipped
from photon_app.gateway.problems import problems
from photon_app.listings import bundled
from photon_app.market import digits
from photon_app.model import FeedState, MarketSession, Quote, SymbolState
from photon_app.services import Services

MOST = 500
FRESH_S = 1.0
SLICE = 100
"""Symbols looked up per iteration of the event loop: some 1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSymbol:
    """One symbol that is followed; unknown figures are null."""

    symbol: str
    name: str | None
    """From the bundled list."""
    price: float
    prev_close: float | None
    change: float | None
    change_percent: float | None
    day_volume: float
    turnover: float
    """The day's volume at the newest price, in the instrument's currency."""
    day: int | None
    """When the day of these figures began, UNIX ms."""
    session: MarketSession | None
    """Of the symbol's own market; null if its hours are unknown."""
    state: SymbolState
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedMarket:
    """``GET /api/market``, the most traded first."""

    source: str
    """Whose prices: ``finnhub``, ``simulated`` or ``replay:<name>``."""
    feed: FeedState
    detail: str
    """One sentence for people, such as that prices are invented; may be empty."""
    delay_ms: int | None
    """By how long the tape is delayed; null if it is not."""
    market: MarketSession
    """The session of the New York exchanges."""
    time: int
    """The market's time when the answer was made, UNIX ms."""
    followed: int
    """How many symbols are followed, those without a price and beyond the first 500 included."""
    symbols: list[FollowedSymbol]


class Overview:
    """The newest answer."""

    def __init__(self) -> None:
        self._making = asyncio.Lock()
        self._made_s = -math.inf
        self._of: Services | None = None
        self._plain = self._compressed = b""

    async def answer(self, live: Services, *, compressed: bool) -> bytes:
        """The answer as JSON, or that as gzip; made anew when it is old."""
        async with self._making:
            now_s = live.time.monotonic()
            if self._of is not live or now_s >= self._made_s + FRESH_S:
                self._plain = await _made(live)
                self._compressed = b""
                self._of, self._made_s = live, now_s
            if compressed and not self._compressed:
                self._compressed = await asyncio.to_thread(gzipped, self._plain)
            return self._compressed if compressed else self._plain


def create_router() -> APIRouter:
    """The route."""
    router = APIRouter()
    overview = Overview()

    @router.get(
        "/api/market",
        summary="The symbols that are followed now, the most traded first",
        response_model=FollowedMarket,
        responses=problems(503),
    )
    async def market(request: Request) -> Response:
        """What clients hold, what they held a moment ago, and the default symbols: those with a
        price, at most 500. It may be a second old.
        """
        compressed = accepts_gzip(request.headers)
        body = await overview.answer(services.current(), compressed=compressed)
        headers = {"Content-Encoding": "gzip"} if compressed else None
        return Response(body, media_type="application/json", headers=headers)

    return router


async def _made(live: Services) -> bytes:
    """The answer of now."""
    wanted, now = sorted(live.demand.wanted), live.hours.view()
    rows: list[FollowedSymbol] = []
    for at in range(0, len(wanted), SLICE):
        async with live.history.assembling.one():
            quotes = map(live.book.quote, wanted[at : at + SLICE])
            rows += [_row(quote, now, live) for quote in quotes if quote is not None]
    async with live.history.assembling.one():
        feed = live.hub.feed
        body = FollowedMarket(
            source=feed.source,
            feed=feed.state,
            detail=feed.detail,
            delay_ms=feed.delay_ms,
            market=now.session,
            time=now.now_ms,
            followed=len(wanted),
            symbols=heapq.nlargest(MOST, rows, key=attrgetter("turnover")),
        )
        return msgspec.json.encode(body)


def _row(quote: Quote, now: MarketView, live: Services) -> FollowedSymbol:
    listing = bundled().get(quote.symbol)
    return FollowedSymbol(
        symbol=quote.symbol,
        name=None if listing is None else listing.name,
        price=quote.price,
        prev_close=quote.prev_close,
        change=quote.change,
        change_percent=quote.change_percent,
        day_volume=quote.day_volume,
        turnover=digits.mean(quote.price * quote.day_volume),
        day=quote.day_ms,
        session=session_at(quote.symbol, now.now_ms, now.session, live.hours.calendar),
        state=live.hub.state(quote.symbol),
        decimals=quote.decimals,
    )
