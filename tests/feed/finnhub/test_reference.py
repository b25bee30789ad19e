"""Names and search from Finnhub over the bundled list."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from photon_app.feed.finnhub.reference import LOOKUP_S, SEARCH_S, FinnhubReference
from photon_app.feed.finnhub.rest import FinnhubRest
from photon_app.listings import BundledReference
from photon_app.model import Reference
from photon_app.settings import Secret
from tests.fakes.time import VirtualTime, settle

APPLES = {
    "count": 3,
    "result": [
        {"description": "APPLE INC", "symbol": "AAPL", "type": "Common Stock"},
        {"description": "APPLE HOSPITALITY REIT INC", "symbol": "APLE", "type": "REIT"},
        {"description": "FORMERLY SOMETHING ELSE", "symbol": "XYZW", "type": "ETP"},
    ],
}


class World:
    """A reference whose upstream answers by path, or not at all."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        rest = FinnhubRest(
            "http://finnhub.test",
            Secret("key"),
            time=self.time,
            transport=httpx.MockTransport(self._handle),
        )
        self.rest = rest
        self.reference: Reference = FinnhubReference(rest, BundledReference(), time=self.time)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        await self.gate.wait()
        answer = self.answers.get(request.url.path)
        if answer is None:
            return httpx.Response(403, stream=httpx.ByteStream(b""))
        body = httpx.Response(200, json=answer).content
        return httpx.Response(200, stream=httpx.ByteStream(body))


def play(scenario: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario."""

    async def run() -> None:
        world = World()
        try:
            await scenario(world)
        finally:
            await world.rest.aclose()

    asyncio.run(run())


def test_a_search_joins_both_and_prefers_the_lists_names() -> None:
    """The best first; what Finnhub found by other means last; each symbol once."""

    async def scenario(world: World) -> None:
        world.answers["/search"] = APPLES
        found = await world.reference.search("apple")
        assert [(one.symbol, one.name) for one in found] == [
            ("AAPL", "Apple"),
            ("APLE", "APPLE HOSPITALITY REIT INC"),
            ("XYZW", "FORMERLY SOMETHING ELSE"),
        ]
        assert len(await world.reference.search("apple", 2)) == 2

    play(scenario)


def test_symbols_of_the_list_with_spaces_between_cost_nothing() -> None:
    """They are found in their order."""

    async def scenario(world: World) -> None:
        assert world.reference.knows_search("v ma")
        assert [one.symbol for one in await world.reference.search("v ma")] == ["V", "MA"]
        assert world.asked == []

    play(scenario)


def test_a_search_that_fails_is_the_lists() -> None:
    """People do not see the difference."""

    async def scenario(world: World) -> None:
        assert [one.symbol for one in await world.reference.search("apple")] == ["AAPL"]

    play(scenario)


def test_a_slow_search_is_the_lists_after_2_s_and_the_next_one_finnhubs() -> None:
    """What comes late is not lost."""

    async def scenario(world: World) -> None:
        world.answers["/search"] = APPLES
        world.gate.clear()
        asking = asyncio.create_task(world.reference.search("apple"))
        await world.time.advance(SEARCH_S - 0.01)
        assert not asking.done()
        await world.time.advance(0.01)
        assert [one.symbol for one in await asking] == ["AAPL"]
        world.gate.set()
        await settle()
        assert len(await world.reference.search("apple")) == 3
        assert world.asked == ["/search"]

    play(scenario)


def test_a_name_comes_from_the_list_then_the_profile_then_a_search() -> None:
    """Finnhub has no profile of a fund."""

    async def scenario(world: World) -> None:
        assert await world.reference.name("AAPL") == "Apple"
        assert world.asked == []
        world.answers = {"/stock/profile2": {"name": "Example Corp"}}
        assert await world.reference.name("EXMP") == "Example Corp"
        world.answers = {"/stock/profile2": {}, "/search": APPLES}
        assert await world.reference.name("XYZW") == "FORMERLY SOMETHING ELSE"
        assert await world.reference.name("NONE") is None
        world.answers = {"/search": APPLES}
        assert await world.reference.name("APLE") == "APPLE HOSPITALITY REIT INC"

    play(scenario)


def test_a_quote_is_a_seed_or_nothing() -> None:
    """Unknown, refused and late are alike here."""

    async def scenario(world: World) -> None:
        world.answers["/quote"] = {"c": 1.5, "h": 2, "l": 1, "o": 1, "pc": 1, "t": 1_699_999_999}
        seed = await world.reference.quote("AAPL")
        assert seed is not None
        assert seed.price == 1.5
        world.answers["/quote"] = dict.fromkeys(("c", "h", "l", "o", "pc", "t"), 0)
        assert await world.reference.quote("NOPE") is None
        world.gate.clear()
        asking = asyncio.create_task(world.reference.quote("LATE"))
        await world.time.advance(LOOKUP_S)
        assert await asking is None

    play(scenario)
