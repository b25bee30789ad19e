"""Finnhub's REST routes, served from the book."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from photon_app.gateway import finnhub_rest
from photon_app.model import Listing, Seed
from tests.fakes.server import HandFeed, Serving, serving
from tests.fakes.waiting import wait_until

UNKNOWN = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}


class Known:
    """A reference that knows what a test gives it."""

    def __init__(self, *seeds: Seed, listings: tuple[Listing, ...] = ()) -> None:
        self._seeds = {seed.symbol: seed for seed in seeds}
        self._listings = listings
        self.asked: list[str] = []
        self.forgetful = False

    def knows_search(self, query: str) -> bool:
        """What was asked before."""
        return query in self.asked

    def knows_quote(self, symbol: str) -> bool:
        """What was asked before."""
        return symbol in self.asked and not self.forgetful

    async def search(
        self, query: str, limit: int = 10, *, address: str | None = None
    ) -> tuple[Listing, ...]:
        """All listings, whatever is asked."""
        assert address == "127.0.0.1"
        self.asked.append(query)
        return self._listings[:limit]

    async def name(self, symbol: str) -> str | None:
        """Nothing."""
        return symbol and None

    async def quote(self, symbol: str, *, address: str | None = None) -> Seed | None:
        """The seed of a symbol."""
        assert address == "127.0.0.1"
        self.asked.append(symbol)
        return self._seeds.get(symbol)


@contextlib.asynccontextmanager
async def api(
    feed: HandFeed, reference: Known | None = None, **options: Any
) -> AsyncIterator[tuple[Serving, httpx.AsyncClient]]:
    async with (
        serving(feed, **options) as server,
        httpx.AsyncClient(base_url=f"{server.http}/api/v1") as client,
    ):
        with server.having(dataclasses.replace(server.live, reference=reference or Known())):
            yield server, client


async def answer(client: httpx.AsyncClient, path: str, **query: str) -> tuple[int, Any]:
    response = await client.get(path, params=query)
    return response.status_code, response.json()


def test_a_followed_symbol_is_answered_from_the_book() -> None:
    """With the figures that Photon's own route tells, under Finnhub's names; time in seconds."""

    async def scenario() -> None:
        feed, reference = HandFeed(), Known()
        async with api(feed, reference) as (server, client):
            feed.trade("AAPL", 150)
            feed.trade("AAPL", 151)
            feed.seed("AAPL", 149.5)
            feed.trade("AAPL", 150.25)
            quote = server.live.book.quote("AAPL")
            assert quote is not None
            status, body = await answer(client, "/quote", symbol="aapl", token="any")
            assert status == 200
            assert body == {
                "c": 150.25,
                "d": 0.75,
                "dp": quote.change_percent,
                "h": 151,
                "l": 150,
                "o": quote.open,
                "pc": 149.5,
                "t": quote.time_ms // 1000,
            }
            assert reference.asked == []

    asyncio.run(scenario())


def test_a_symbol_that_nobody_follows_is_asked_for_and_followed_when_it_is_asked_again() -> None:
    """For as long as unwanted symbols linger; then the book answers."""

    async def scenario() -> None:
        feed = HandFeed()
        seed = Seed(
            symbol="IBM", price=200, prev_close=196, open=197, high=201, low=196.5,
            time_ms=1_795_194_000_000,
        )  # fmt: skip
        reference = Known(seed)
        async with api(feed, reference) as (server, client):
            for follows in (False, True):
                assert await answer(client, "/quote", symbol="IBM") == (
                    200,
                    {"c": 200, "d": 4, "dp": 2.0408, "h": 201, "l": 196.5, "o": 197, "pc": 196,
                     "t": 1795194000},
                )  # fmt: skip
                assert ("IBM" in server.live.demand.wanted) is follows
            assert server.live.demand.viewers == {}
            feed.trade("IBM", 200.5)
            assert (await answer(client, "/quote", symbol="IBM"))[1]["c"] == 200.5
            assert reference.asked == ["IBM", "IBM"]

    asyncio.run(scenario())


def test_the_first_price_is_waited_for_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with the simulator; what does not come in time is unknown, as at Finnhub."""
    monkeypatch.setattr(finnhub_rest, "FIRST_PRICE_S", 5)

    async def scenario() -> None:
        feed = HandFeed()
        async with api(feed) as (_, client):
            asking = asyncio.create_task(answer(client, "/quote", symbol="IBM"))
            await wait_until(lambda: "IBM" in feed.subscribed)
            feed.trade("IBM", 7)
            status, body = await asking
            assert (status, body["c"], body["d"], body["pc"]) == (200, 7, None, 0)
            monkeypatch.setattr(finnhub_rest, "FIRST_PRICE_S", 0)
            assert await answer(client, "/quote", symbol="GE") == (200, UNKNOWN)
            assert await answer(client, "/quote", symbol="é") == (200, UNKNOWN)

    asyncio.run(scenario())


def test_questions_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many gets Finnhub's own 429; what the book knows is answered still."""
    monkeypatch.setattr(finnhub_rest, "FIRST_PRICE_S", 5)
    monkeypatch.setattr(finnhub_rest, "MOST_WAITING", 1)

    async def scenario() -> None:
        feed = HandFeed()
        async with api(feed) as (_, client):
            feed.trade("AAPL", 150)
            asking = asyncio.create_task(answer(client, "/quote", symbol="IBM"))
            await wait_until(lambda: "IBM" in feed.subscribed)
            status, body = await answer(client, "/quote", symbol="GE")
            assert (status, body["error"][:17]) == (429, "API limit reached")
            assert (await answer(client, "/quote", symbol="AAPL"))[1]["c"] == 150
            feed.trade("IBM", 7)
            assert (await asking)[0] == 200
            feed.trade("GE", 9)

    asyncio.run(scenario())


def test_names_that_are_asked_for_once_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for the linger, however many they are; one that asks too much
    gets a time to come again, and what is known costs nothing.
    """
    monkeypatch.setattr(finnhub_rest, "FIRST_PRICE_S", 0)

    async def scenario() -> None:
        feed, reference = HandFeed(), Known(Seed(symbol="EVIL1", price=7))
        async with api(feed, reference, questions_per_min=5) as (server, client):
            feed.trade("AAPL", 150)
            for number in range(1, 6):
                status, _ = await answer(client, "/quote", symbol=f"EVIL{number}")
                assert status == 200
            assert server.live.demand.wanted == {"AAPL", "NVDA"}
            response = await client.get("/quote", params={"symbol": "EVIL6"})
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "12"
            assert response.json()["error"].startswith("API limit reached.")
            assert "EVIL6" not in reference.asked
            assert (await answer(client, "/quote", symbol="EVIL1"))[1]["c"] == 7
            assert (await answer(client, "/quote", symbol="AAPL"))[1]["c"] == 150
            assert (await answer(client, "/search", q="evil"))[0] == 429
            response = await client.get(f"{server.http}/api/search", params={"q": "evil"})
            assert (response.status_code, response.headers["Retry-After"]) == (429, "12")
            assert "PHOTON_QUESTIONS_PER_MIN" in response.json()["detail"]
            health = (await client.get(f"{server.http}/health")).json()
            assert health["shares"]["questions_refused"] == 3

    asyncio.run(scenario())


def test_what_upstream_does_not_know_is_not_followed_however_often_it_is_asked_for() -> None:
    """As long as that is remembered; what could not be asked for is, from the second time on."""

    async def scenario() -> None:
        feed, reference = HandFeed(), Known()
        async with api(feed, reference) as (server, client):
            asked = dataclasses.replace(
                server.live, reference=reference, rest_requests=lambda: {"requests": 1}
            )
            with server.having(asked):
                for _ in range(3):
                    assert await answer(client, "/quote", symbol="JUNK") == (200, UNKNOWN)
                assert "JUNK" not in server.live.demand
                reference.asked.clear()
                reference.forgetful = True
                assert await answer(client, "/quote", symbol="LATE") == (200, UNKNOWN)
                assert "LATE" not in server.live.demand
                asking = asyncio.create_task(answer(client, "/quote", symbol="LATE"))
                await wait_until(lambda: "LATE" in feed.subscribed)
                feed.trade("LATE", 9)
                assert (await asking)[1]["c"] == 9
                assert "LATE" in server.live.demand

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/quote?symbol=EVIL1", "//quote?symbol=EVIL1", "/search?q=evil"])
def test_a_page_of_another_site_asks_nothing(path: str) -> None:
    """An image has no Origin, but the browser says where it stands."""

    async def scenario() -> None:
        reference = Known()
        async with api(HandFeed(), reference) as (server, client):
            image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
            for url in (f"{server.http}/api/v1{path}", f"{server.http}/api/search?q=evil"):
                response = await client.get(url, headers=image)
                assert response.status_code == 403
                assert "FRONTEND_URL" in response.text
            assert reference.asked == []
            assert server.live.demand.wanted == {"AAPL", "NVDA"}

    asyncio.run(scenario())


def test_a_search_is_answered_in_finnhubs_shape() -> None:
    """The best first, with their count."""

    async def scenario() -> None:
        listings = (Listing(symbol="AAPL", name="APPLE INC", type="Common Stock"),)
        reference = Known(listings=listings)
        async with api(HandFeed(), reference) as (_, client):
            assert await answer(client, "/search", q="apple", exchange="US") == (
                200,
                {
                    "count": 1,
                    "result": [
                        {
                            "description": "APPLE INC",
                            "displaySymbol": "AAPL",
                            "symbol": "AAPL",
                            "type": "Common Stock",
                        }
                    ],
                },
            )
            assert reference.asked == ["apple"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/quote", 422),
        ("/quote?symbol=", 422),
        ("/search", 422),
        ("/search?q=", 422),
        ("/search?q=" + "a" * 101, 422),
        ("//quote", 422),
        ("//search", 422),
        ("/stock/candle?symbol=AAPL", 404),
        ("/", 404),
    ],
)
def test_errors_have_finnhubs_shape(path: str, status: int) -> None:
    """One sentence under ``error``."""

    async def scenario() -> None:
        async with api(HandFeed()) as (server, client):
            response = await client.get(f"{server.http}/api/v1{path}")
            assert response.status_code == status
            assert list(response.json()) == ["error"]

    asyncio.run(scenario())


def test_a_server_that_is_stopping_says_so() -> None:
    """Each API in its own shape."""

    async def scenario() -> None:
        async with serving() as server, httpx.AsyncClient(base_url=server.http) as client:
            with server.stopping():
                for path in ("/api/v1/quote?symbol=AAPL", "/api/v1/search?q=apple"):
                    response = await client.get(path)
                    words = "The server is starting or stopping: try again."
                    assert (response.status_code, response.json()) == (503, {"error": words})
                for path in ("/health", "/api/quotes", "/api/bars?symbol=A", "/api/search?q=a"):
                    response = await client.get(path)
                    detail = "the server is starting or stopping: try again"
                    assert (response.status_code, response.json()) == (503, {"detail": detail})

    asyncio.run(scenario())
