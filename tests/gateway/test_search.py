"""Symbols by what somebody types, over HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from photon_app import services
from photon_app.errors import NotServingError
from photon_app.gateway import search
from photon_app.gateway.problems import not_serving
from photon_app.gateway.questions import Questions
from photon_app.listings import BundledReference
from photon_app.model import Listing, Reference
from photon_app.services import Services
from photon_app.settings import DEFAULTS
from tests.fakes.time import HandTime

Check = Callable[[httpx.AsyncClient], Awaitable[None]]


@contextlib.contextmanager
def installed(reference: Reference) -> Iterator[None]:
    """Services that have a reference and nothing else."""
    live = cast("Services", SimpleNamespace(reference=reference))
    services.install(live)
    try:
        yield
    finally:
        services.remove(live)


def with_api(check: Check, reference: Reference | None = None) -> None:
    async def scenario() -> None:
        api = FastAPI()
        api.add_exception_handler(NotServingError, not_serving)
        api.include_router(search.create_router(Questions.of(DEFAULTS, HandTime())))
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://photon") as client:
            with installed(reference or BundledReference()):
                await check(client)

    asyncio.run(scenario())


def test_a_search_gives_symbols_names_and_types() -> None:
    """The best first, ten when nothing is said."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/search?q=apple")
        assert answer.status_code == 200
        assert answer.json() == {
            "results": [{"symbol": "AAPL", "name": "Apple", "type": "Common Stock"}]
        }
        assert len((await client.get("/api/search?q=a")).json()["results"]) == 10
        assert len((await client.get("/api/search?q=a&limit=50")).json()["results"]) == 50
        assert (await client.get("/api/search?q=zzzzqq")).json() == {"results": []}

    with_api(check)


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%20", "?q=" + "a" * 65])
def test_no_query_or_a_long_one_is_refused_readably(query: str) -> None:
    """With 422 and a sentence."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/search" + query)
        assert answer.status_code == 422
        assert "1 to 64 characters" in answer.json()["detail"]

    with_api(check)


@pytest.mark.parametrize("limit", ["0", "51", "-1", "x", "1e3"])
def test_a_limit_that_cannot_be_is_refused(limit: str) -> None:
    """It is 1 to 50."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/search", params={"q": "a", "limit": limit})
        assert answer.status_code == 422

    with_api(check)


def test_what_was_typed_reaches_the_reference_without_its_edges() -> None:
    """And nothing else is asked of it."""
    asked: list[tuple[str, int]] = []

    class Remembering(BundledReference):
        async def search(
            self, query: str, limit: int = 10, *, address: str | None = None
        ) -> tuple[Listing, ...]:
            del address
            asked.append((query, limit))
            return ()

    async def check(client: httpx.AsyncClient) -> None:
        await client.get("/api/search", params={"q": " BRK.B\n", "limit": 3})
        await client.get("/api/search", params={"q": "a" * 64})
        await client.get("/api/search", params={"q": "日本 & \0"})

    with_api(check, Remembering())
    assert asked == [("BRK.B", 3), ("a" * 64, 10), ("日本 & \0", 10)]


def test_the_bounds_stand_in_the_api_documentation() -> None:
    """For those who generate a client from it."""
    api = FastAPI()
    api.include_router(search.create_router(Questions.of(DEFAULTS, HandTime())))
    parameters = api.openapi()["paths"]["/api/search"]["get"]["parameters"]
    bounds = {one["name"]: one["schema"] for one in parameters}
    assert (bounds["q"]["minLength"], bounds["q"]["maxLength"]) == (1, 64)
    assert (bounds["limit"]["minimum"], bounds["limit"]["maximum"]) == (1, 50)
    assert bounds["limit"]["default"] == 10


def test_a_process_that_does_not_serve_says_so() -> None:
    """With 503."""

    async def scenario() -> None:
        api = FastAPI()
        api.add_exception_handler(NotServingError, not_serving)
        api.include_router(search.create_router(Questions.of(DEFAULTS, HandTime())))
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://photon") as client:
            assert (await client.get("/api/search?q=a")).status_code == 503

    asyncio.run(scenario())
