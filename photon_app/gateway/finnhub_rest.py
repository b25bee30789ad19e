"""``/api/v1``: the two routes of Finnhub's REST API that a price client needs, in its shapes.

A token, in the query or in ``X-Finnhub-Token``, is ignored. A quote of a followed symbol is
answered from the book. For any other, upstream is queried once; if the same address asks again
within ``questions.REPEAT_S``, the symbol is followed for as long as unwanted symbols linger. So a
program that polls costs Finnhub one subscription instead of one request per poll. Without an
upstream to query (the simulator, a replay), the first request follows a symbol for as long as it
waits for a price, and no longer.

Bounds: how often an address may cause upstream queries (``questions``), and ``MOST_WAITING``
requests that wait for an answer; one more gets Finnhub's own 429.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from photon_app import services
from photon_app.errors import RequestError
from photon_app.gateway.problems import FINNHUB, REQUIRED, problems
from photon_app.gateway.questions import QuestionRefusal, Questions
from photon_app.model import Listing, Quote, Seed, parse_symbol
from photon_app.services import Services

MOST_WAITING = 64
FIRST_PRICE_S = 1.0
"""How long a request for a symbol that is not followed waits for its first price."""
_POLL_S = 0.05
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


AnyQuote = FinnhubQuote | JSONResponse
AnySearch = FinnhubSearch | JSONResponse
LIMIT = "API limit reached."
"""How Finnhub's sentence for 429 begins; programs look for it."""
_PROBLEMS = problems(403, 422, 429, 503, model=FinnhubProblem)


def create_router(questions: Questions) -> APIRouter:
    """The routes, with their own count of waiting requests.

    Finnhub's own Python package requests the paths with two slashes.

    Args:
        questions: limits on queries upstream.
    """
    router = APIRouter(prefix=FINNHUB)
    lookups = _Lookups(questions)

    @router.get("//quote", include_in_schema=False, response_model=FinnhubQuote)
    @router.get(
        "/quote", summary="Finnhub's quote", response_model=FinnhubQuote, responses=_PROBLEMS
    )
    async def finnhub_quote(
        request: Request,
        symbol: Annotated[
            str, Query(description="such as AAPL", json_schema_extra={REQUIRED: True})
        ] = "",
    ) -> FinnhubQuote | JSONResponse:
        live = services.current()
        if not symbol:
            return _error(422, "symbol: expected one, such as AAPL")
        return await lookups.quote(symbol, request, live)

    @router.get("//search", include_in_schema=False, response_model=FinnhubSearch)
    @router.get(
        "/search",
        summary="Finnhub's symbol search",
        response_model=FinnhubSearch,
        responses=_PROBLEMS,
    )
    async def finnhub_search(
        request: Request,
        q: Annotated[
            str, Query(description="a symbol or a name", json_schema_extra={REQUIRED: True})
        ] = "",
    ) -> FinnhubSearch | JSONResponse:
        live = services.current()
        if not q or len(q) > _LONGEST_QUERY:
            return _error(422, f"q: expected 1 to {_LONGEST_QUERY} characters")
        return await lookups.search(q, request, live)

    @router.get("", include_in_schema=False)
    @router.get("/{path:path}", include_in_schema=False)
    async def finnhub_other(path: str = "") -> JSONResponse:
        del path
        return _error(404, "Photon serves /api/v1/quote and /api/v1/search only.")

    return router


def _error(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status)


def _refused(why: QuestionRefusal) -> JSONResponse:
    words = f"{LIMIT} {why.sentence.capitalize()}" if why.status == 429 else why.sentence
    return JSONResponse({"error": words}, why.status, why.headers)


def _listing(found: Listing) -> FinnhubListing:
    return FinnhubListing(
        description=found.name, displaySymbol=found.symbol, symbol=found.symbol, type=found.type
    )


class _Lookups:
    """Answers requests, and counts those that wait."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._waiting = 0

    async def search(self, query: str, request: Request, live: Services) -> AnySearch:
        """What a query finds."""
        address = self._questions.address(request)
        refusal = self._questions.cross_site(request)
        if refusal is None and not live.reference.knows_search(query):
            refusal = self._questions.take(address)
        if refusal is not None:
            return _refused(refusal)
        found = await live.reference.search(query, _SEARCHED, address=address)
        return FinnhubSearch(count=len(found), result=[_listing(one) for one in found])

    async def quote(self, text: str, request: Request, live: Services) -> AnyQuote:
        """The quote of a symbol, as the client spelled it."""
        if (refusal := self._questions.cross_site(request)) is not None:
            return _refused(refusal)
        try:
            symbol = parse_symbol(text)
        except RequestError:
            return FinnhubQuote()
        address = self._questions.address(request)
        repeated = self._questions.repeats(address, symbol)
        if (quote := live.book.quote(symbol)) is not None:
            live.demand.renew(symbol)
            return _of_quote(quote)
        if self._waiting >= MOST_WAITING:
            return _error(429, f"{LIMIT} Please try again later.")
        free = live.reference.knows_quote(symbol)
        if not free and (refusal := self._questions.take(address)) is not None:
            return _refused(refusal)
        live.demand.spelled(text)
        self._waiting += 1
        try:
            seed = await live.reference.quote(symbol, address=address)
            follows = repeated and (not free or self._questions.spend(address))
            return await _quote(symbol, seed, live, address, follows=follows)
        finally:
            self._waiting -= 1


async def _quote(
    symbol: str, seed: Seed | None, live: Services, address: str | None, *, follows: bool
) -> FinnhubQuote:
    """The answer for a symbol without a price in the book.

    Args:
        symbol: the symbol.
        seed: upstream's answer.
        live: the services of this process.
        address: key of the client's address.
        follows: whether the symbol is followed from now on.
    """
    known = seed is not None and seed.price is not None
    answer = _of_seed(seed) if known and seed is not None else FinnhubQuote()
    has_upstream = bool(live.rest_requests())
    unknown = not known and has_upstream and live.reference.knows_quote(symbol)
    if unknown or (not follows and (known or has_upstream)):
        return answer
    lingers = follows or symbol in live.demand
    if not live.demand.hold(symbol, address):
        return answer
    try:
        quote = None if known else await _first_price(symbol, live)
        return answer if quote is None else _of_quote(quote)
    finally:
        live.demand.release(symbol, address, linger=lingers)


async def _first_price(symbol: str, live: Services) -> Quote | None:
    for _ in range(round(FIRST_PRICE_S / _POLL_S)):
        if (quote := live.book.quote(symbol)) is not None:
            return quote
        await asyncio.sleep(_POLL_S)
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
    price, prev_close = seed.price or 0, seed.prev_close
    change = None if not prev_close else round(price - prev_close, 4)
    return FinnhubQuote(
        c=price,
        d=change,
        dp=None if change is None or not prev_close else round(change / prev_close * 100, 4),
        h=seed.high or 0,
        l=seed.low or 0,
        o=seed.open or 0,
        pc=prev_close or 0,
        t=(seed.time_ms or 0) // 1000,
    )
