"""``/api/v1``: the two routes of Finnhub's REST API that a price client needs, in its shapes.

A token, in the query or in ``X-Finnhub-Token``, is not looked at. A symbol that somebody follows is
answered from the book. Any other is followed from the first question on, for as long as unwanted
symbols linger, so that a program that asks again and again costs Finnhub one subscription instead
of one request per question.

Bound: ``MOST_WAITING`` questions that wait for an answer; one more gets Finnhub's own 429.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from photon_app import services
from photon_app.errors import RequestError
from photon_app.gateway.problems import REQUIRED, problems
from photon_app.model import Listing, Quote, Seed, parse_symbol
from photon_app.services import Services

MOST_WAITING = 64
FIRST_PRICE_S = 1.0
"""How long a question for a symbol that nobody follows waits for its first price."""
_LOOK_S = 0.05
_SEARCHED = 10
_LONGEST_QUERY = 100


class FinnhubQuote(BaseModel):
    """A quote as Finnhub tells it; all zeros for a symbol that it does not know."""

    c: float = 0
    d: float | None = None
    dp: float | None = None
    h: float = 0
    l: float = 0  # noqa: E741
    o: float = 0
    pc: float = 0
    t: int = 0


class FinnhubListing(BaseModel):
    """One symbol that was found."""

    description: str
    displaySymbol: str  # noqa: N815
    symbol: str
    type: str


class FinnhubSearch(BaseModel):
    """What was found."""

    count: int
    result: list[FinnhubListing]


class FinnhubProblem(BaseModel):
    """Why there is no answer, as Finnhub says it."""

    error: str


_PROBLEMS = problems(422, 429, 503, model=FinnhubProblem)


class _Waiting:
    """How many questions wait."""

    def __init__(self) -> None:
        self.count = 0


def create_router() -> APIRouter:
    """The routes, with their own count of questions that wait.

    Those with two slashes are what Finnhub's own Python package asks for.
    """
    router = APIRouter(prefix="/api/v1")
    waiting = _Waiting()

    @router.get("//quote", include_in_schema=False, response_model=FinnhubQuote)
    @router.get(
        "/quote", summary="Finnhub's quote", response_model=FinnhubQuote, responses=_PROBLEMS
    )
    async def finnhub_quote(
        symbol: Annotated[
            str, Query(description="such as AAPL", json_schema_extra={REQUIRED: True})
        ] = "",
    ) -> FinnhubQuote | JSONResponse:
        live = _live()
        if live is None:
            return _starting()
        if not symbol:
            return _error(422, "symbol: expected one, such as AAPL")
        try:
            known = parse_symbol(symbol)
        except RequestError:
            return FinnhubQuote()
        if waiting.count >= MOST_WAITING and live.book.quote(known) is None:
            return _error(429, "API limit reached. Please try again later.")
        live.demand.spelled(symbol)
        waiting.count += 1
        try:
            return await _quote(known, live)
        finally:
            waiting.count -= 1

    @router.get("//search", include_in_schema=False, response_model=FinnhubSearch)
    @router.get(
        "/search",
        summary="Finnhub's symbol search",
        response_model=FinnhubSearch,
        responses=_PROBLEMS,
    )
    async def finnhub_search(
        q: Annotated[
            str, Query(description="a symbol or a name", json_schema_extra={REQUIRED: True})
        ] = "",
    ) -> FinnhubSearch | JSONResponse:
        live = _live()
        if live is None:
            return _starting()
        if not q or len(q) > _LONGEST_QUERY:
            return _error(422, f"q: expected 1 to {_LONGEST_QUERY} characters")
        found = await live.reference.search(q, _SEARCHED)
        return FinnhubSearch(count=len(found), result=[_listing(one) for one in found])

    @router.get("", include_in_schema=False)
    @router.get("/{path:path}", include_in_schema=False)
    async def finnhub_other(path: str = "") -> JSONResponse:
        del path
        return _error(404, "Photon serves /api/v1/quote and /api/v1/search only.")

    return router


def _live() -> Services | None:
    try:
        return services.current()
    except LookupError:
        return None


def _starting() -> JSONResponse:
    return _error(503, "The server is starting or stopping: try again.")


def _error(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status)


def _listing(found: Listing) -> FinnhubListing:
    return FinnhubListing(
        description=found.name, displaySymbol=found.symbol, symbol=found.symbol, type=found.type
    )


async def _quote(symbol: str, live: Services) -> FinnhubQuote:
    """The answer for a symbol, which is followed meanwhile and lingers afterwards."""
    held = live.demand.hold(symbol)
    try:
        quote = live.book.quote(symbol)
        if quote is not None:
            return _of_quote(quote)
        seed = await live.reference.quote(symbol)
        if seed is not None and seed.price is not None:
            return _of_seed(seed)
        quote = await _first_price(symbol, live) if held else None
        return FinnhubQuote() if quote is None else _of_quote(quote)
    finally:
        if held:
            live.demand.release(symbol)


async def _first_price(symbol: str, live: Services) -> Quote | None:
    for _ in range(round(FIRST_PRICE_S / _LOOK_S)):
        if (quote := live.book.quote(symbol)) is not None:
            return quote
        await asyncio.sleep(_LOOK_S)
    return live.book.quote(symbol)


def _of_quote(quote: Quote) -> FinnhubQuote:
    return FinnhubQuote(
        c=quote.price,
        d=quote.change,
        dp=quote.change_percent,
        h=quote.high,
        l=quote.low,
        o=quote.open,
        pc=quote.prev_close or 0,
        t=quote.time_ms // 1000,
    )


def _of_seed(seed: Seed) -> FinnhubQuote:
    price, before = seed.price or 0, seed.prev_close
    change = None if not before else round(price - before, 4)
    return FinnhubQuote(
        c=price,
        d=change,
        dp=None if change is None or not before else round(change / before * 100, 4),
        h=seed.high or 0,
        l=seed.low or 0,
        o=seed.open or 0,
        pc=before or 0,
        t=(seed.time_ms or 0) // 1000,
    )
