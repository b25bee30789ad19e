"""Real trades, through the whole path: every one arrives, and the figures are right.

What is expected is what the reference makes of the file, with nothing of Photon's.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.asyncio.client import connect

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.recording.replay import ReplayFeed
from photon_app.settings import Secret
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.server import PLAIN, WIRE, serving
from tests.fakes.waiting import wait_until
from tests.feed.recordings import DAY, PREMARKET, needs_recordings, prints_of
from tests.reference.book import Symbol

pytestmark = needs_recordings


class Expected(NamedTuple):
    """What a recording amounts to for one symbol."""

    updates: list[tuple[float, float, int]]
    """(price, volume, time) of every trade that is a new last price."""
    high: float
    low: float
    volume: float


def expected_of(path: Path) -> dict[str, Expected]:
    """What the reference makes of the file's lines."""
    symbols: dict[str, Symbol] = {}
    updates: dict[str, list[tuple[float, float, int]]] = {}
    for print_ in prints_of(path):
        name = print_.symbol
        if symbols.setdefault(name, Symbol(name)).hear(print_) == "price":
            made = (print_.price, print_.volume, print_.time_ms)
            updates.setdefault(name, []).append(made)
    result = {}
    for name, symbol in symbols.items():
        day = symbol.figures
        assert day is not None
        result[name] = Expected(updates[name], day.high, day.low, float(day.volume))
    return result


def check_quotes(quotes: list[dict[str, Any]], expected: dict[str, Expected]) -> None:
    assert {quote["symbol"] for quote in quotes} == set(expected)
    for quote in quotes:
        want = expected[quote["symbol"]]
        last = (quote["price"], quote["volume"], quote["timestamp"])
        assert last == want.updates[-1]
        assert quote["seq"] == len(want.updates)
        assert (quote["high"], quote["low"]) == (want.high, want.low)
        assert quote["day_volume"] == pytest.approx(want.volume)


@pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
@pytest.mark.parametrize("path", [DAY, PREMARKET], ids=["day", "premarket"])
def test_at_full_speed_every_trade_reaches_an_every_trade_client_in_order(
    path: Any, ws: str
) -> None:
    """Without a gap in any seq; one whole pass, from its epoch to the next."""

    async def scenario() -> dict[str, list[dict[str, Any]]]:
        feed = ReplayFeed(path, speed=0, loop=True, gap_s=0.3)
        async with (
            serving(feed, ws=ws) as server,
            connect(server.ws, max_queue=2, close_timeout=0.1) as client,
        ):
            await client.send(json.dumps({"action": "subscribe", "symbols": list(expected)}))
            passes: list[dict[str, list[dict[str, Any]]]] = []
            epoch = ""
            async with asyncio.timeout(120):
                while len(passes) < 3:
                    message = json.loads(await client.recv())
                    if message["type"] == "status" and message["epoch"] != epoch:
                        epoch = message["epoch"]
                        passes.append({symbol: [] for symbol in expected})
                    elif message["type"] == "price_update":
                        passes[-1][message["symbol"]].append(message)
            return passes[1]

    expected = expected_of(path)
    received = asyncio.run(scenario())
    for symbol, want in expected.items():
        short = [m for m in received[symbol] if "snapshot" not in m]
        assert [m["seq"] for m in short] == list(range(1, len(want.updates) + 1))
        got = [(m["data"]["price"], m["data"]["volume"], m["data"]["timestamp"]) for m in short]
        assert got == want.updates
        seqs = [m["seq"] for m in received[symbol]]
        assert seqs == sorted(seqs)


@pytest.mark.parametrize("path", [DAY, PREMARKET], ids=["day", "premarket"])
def test_a_replay_ends_with_the_figures_of_its_file(path: Any) -> None:
    """Last price, volume, high and low; and the server goes on serving them."""

    async def scenario() -> None:
        feed = ReplayFeed(path, speed=0, loop=False)
        expected = expected_of(path)
        total = sum(len(want.updates) for want in expected.values())
        async with (
            serving(feed, symbols=None) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            await wait_until(lambda: server.live.book.counters.applied >= total, 60)
            answer = (await client.get("/api/quotes")).json()
            check_quotes(answer["quotes"], expected)
            health = (await client.get("/health")).json()
            assert health["feed"]["source"] == f"replay:{path.name}"
            assert health["feed"]["state"] == "replay"

    asyncio.run(scenario())


@pytest.mark.parametrize("path", [DAY, PREMARKET], ids=["day", "premarket"])
def test_the_same_recording_over_finnhubs_protocol_gives_the_same_book(path: Any) -> None:
    """Served by a loopback Finnhub, through the real feed."""

    async def scenario() -> None:
        expected = expected_of(path)
        total = sum(len(want.updates) for want in expected.values())
        async with FakeFinnhub() as fake:
            feed = FinnhubFeed(fake.url, Secret("a-key"))
            async with (
                serving(feed, symbols=tuple(sorted(expected))) as server,
                httpx.AsyncClient(base_url=server.http) as client,
            ):
                await fake.play(path, expected)
                await wait_until(lambda: server.live.book.counters.applied >= total, 60)
                answer = (await client.get("/api/quotes")).json()
                check_quotes(answer["quotes"], expected)
                health = (await client.get("/health")).json()
                assert (health["feed"]["source"], health["feed"]["state"]) == ("finnhub", "live")

    asyncio.run(scenario())
