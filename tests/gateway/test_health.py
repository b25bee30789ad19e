"""What ``/health`` says."""

import asyncio
import dataclasses

import pytest

from photon_app import clock
from photon_app.calendar import session
from photon_app.gateway.admission import Admission
from photon_app.gateway.health import health_of
from photon_app.gateway.questions import Questions
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.model import Trade
from photon_app.storage.health import StorageHealth
from tests.fakes.exchange import NOON_MS
from tests.fakes.raw import RawClient, head, health
from tests.fakes.server import HandFeed, serving
from tests.fakes.time import HandTime, WallSet

HOUR_MS = 3_600_000


@pytest.mark.parametrize("step_ms", [-24 * HOUR_MS, -HOUR_MS, 0, HOUR_MS, 24 * HOUR_MS])
def test_a_wall_clock_that_steps_does_not_change_the_uptime(step_ms: int) -> None:
    """Neither back nor forth, as when it is set, or when a machine has slept."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server:
            live = server.live
            admission = Admission.of(live.settings, HandTime())
            questions = Questions.of(live.settings, HandTime())
            stepped = dataclasses.replace(live, time=WallSet(lambda: clock.now_ms() + step_ms))
            before, after = (
                health_of(live, admission, questions),
                health_of(stepped, admission, questions),
            )
            assert 0 <= before.uptime_s <= after.uptime_s < 60
            later = dataclasses.replace(live, time=HandTime(live.started_s + 86_400.04))
            assert health_of(later, admission, questions).uptime_s == 86_400

    asyncio.run(scenario())


def test_connections_are_counted_with_what_became_of_them() -> None:
    """Of HTTP, and how many were ended, by reason."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server, RawClient.connect(server.port):
            async with RawClient.connect(server.port) as client:
                await client.send(head("/health", "Content-Length: 1"))
                assert await client.status() == 413
                client.half_close()
                assert await client.body()
            found = (await health(server.port))["http"]
            assert found["connections"] == 2
            assert found["unread_bytes"] == 0
            assert found["ended"]["body"] == 1

    asyncio.run(scenario())


def test_a_server_that_counts_no_connections_says_zero() -> None:
    """Plain uvicorn."""

    async def scenario() -> None:
        async with serving(HandFeed(), http="h11") as server:
            found = (await health(server.port))["http"]
            assert (found["connections"], set(found["ended"].values())) == (0, {0})

    asyncio.run(scenario())


class Overflowing:
    """A store that has just given up bars."""

    health = StorageHealth(state="failing", reason="overflow", detail="bars were given up")


def test_bars_that_are_given_up_are_no_good_health() -> None:
    """Neither because too many wait, nor because a recording has too many symbols: each is said."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server:
            live = server.live
            admission = Admission.of(live.settings, HandTime())
            questions = Questions.of(live.settings, HandTime())
            assert health_of(live, admission, questions).status == "healthy"
            lossy = health_of(dataclasses.replace(live, store=Overflowing()), admission, questions)  # type: ignore[arg-type]
            assert (lossy.status, lossy.storage.reason) == ("degraded", "overflow")
            book = Book(session.day_of, admit_all=True, capacity=2)
            known = live.market
            market = Market(book, known.bars, known.feed, known.silence)
            replay = dataclasses.replace(live, market=market)
            for symbol in "ABAB":
                book.apply([Trade(symbol, 10, 1, NOON_MS)])
            assert health_of(replay, admission, questions).status == "healthy"
            book.apply([Trade("C", 10, 1, NOON_MS)])
            full = health_of(replay, admission, questions)
            assert full.status == "degraded"
            assert "PHOTON_MAX_SYMBOLS_TOTAL" in full.feed.detail
            book.new_epoch()
            assert health_of(replay, admission, questions).status == "healthy"

    asyncio.run(scenario())
