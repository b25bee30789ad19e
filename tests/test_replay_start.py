"""A replay from the middle, as clients see it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from photon_app.feed.recording.replay import ReplayFeed
from tests.fakes.server import serving
from tests.feed.recordings import START_MS, frame, line, write

PAST = 5_000


def recording(path: Path) -> Path:
    """Many trades, then, a minute later, three a second apart at 200.00, 200.01 and 200.02."""
    trades = [(START_MS + n, 200 - (n % 100) / 100) for n in range(PAST)]
    trades += [(START_MS + 60_000 + 1_000 * n, 200 + n / 100) for n in range(3)]
    return write(path, (line(at, frame("IBM", price, at)) for at, price in trades))


async def prices(client: ClientConnection) -> list[float]:
    """Every price of the whole second pass."""
    seen: list[list[float]] = []
    epoch = ""
    while len(seen) < 3:
        message: dict[str, Any] = json.loads(await client.recv())
        if message.get("epoch", epoch) != epoch:
            epoch = message["epoch"]
            seen.append([])
        if message["type"] == "price_update":
            seen[-1].append(message["data"]["price"])
    return seen[1]


def test_clients_see_the_state_at_the_start_and_not_each_trade_before_it(tmp_path: Path) -> None:
    """The figures of the whole day, in a handful of messages; then every trade."""

    async def scenario() -> tuple[list[float], dict[str, Any]]:
        feed = ReplayFeed(recording(tmp_path / "r"), 100, start=59.0, gap_s=0.2)
        async with serving(feed, symbols=("IBM",)) as server, connect(server.ws) as client:
            await client.send(json.dumps({"action": "subscribe", "symbols": ["IBM"]}))
            seen = await prices(client)
            async with httpx.AsyncClient(base_url=server.http) as http:
                while True:
                    quotes = (await http.get("/api/quotes")).json()["quotes"]
                    if quotes and quotes[0]["price"] == 200.02:
                        return seen, quotes[0]

    seen, quote = asyncio.run(scenario())
    assert len(seen) < 20
    assert seen[-3:] == [200.0, 200.01, 200.02]
    assert (quote["seq"], quote["day_volume"]) == (PAST + 3, 100 * (PAST + 3))
    assert (quote["high"], quote["low"], quote["open"]) == (200.02, 199.01, 200.0)


def test_the_tape_begins_at_the_start(tmp_path: Path) -> None:
    """A client of Finnhub's protocol gets no trade of before, in any pass."""

    async def scenario() -> list[float]:
        feed = ReplayFeed(recording(tmp_path / "r"), 100, start=59.0, gap_s=0.2)
        async with (
            serving(feed, symbols=("IBM",)) as server,
            connect(f"{server.finnhub}?token=any") as client,
        ):
            await client.send(json.dumps({"type": "subscribe", "symbol": "IBM"}))
            seen: list[float] = []
            while len(seen) < 7:
                message = json.loads(await client.recv())
                seen += [trade["p"] for trade in message.get("data", ())]
            return seen

    assert set(asyncio.run(scenario())) == {200.0, 200.01, 200.02}
