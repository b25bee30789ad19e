"""Clients whose connection is cut at any byte get what they missed, over real sockets."""

import asyncio
import random
from typing import Any

import pytest

from tests.fakes.raw import RawClient, say
from tests.fakes.server import PLAIN, WIRE, HandFeed, Serving, serving
from tests.fakes.time import settle

both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
SYMBOLS = ("AAPL", "NVDA", "IBM")


class CutClient(RawClient):
    """A client that reads so many bytes, and no more."""

    async def read_bytes(self, count: int) -> list[dict[str, Any]]:
        """The messages that are whole within the next bytes; fewer if no more come."""
        while count > 0:
            try:
                async with asyncio.timeout(0.05):
                    chunk = await self._loop.sock_recv(self._sock, min(count, 65_536))
            except TimeoutError:
                break
            assert chunk, "the server hung up"
            count -= len(chunk)
            self._received += chunk
            self._parse()
        taken, self._messages = self._messages, []
        return taken


class History:
    """What one client got of each symbol, over all its connections."""

    def __init__(self) -> None:
        self.epoch = ""
        self.prices: dict[str, dict[int, float]] = {symbol: {} for symbol in SYMBOLS}
        self.last: dict[str, int] = {}
        self.holes: set[tuple[str, int]] = set()
        self._may_jump: set[str] = set()

    def request(self) -> bytes:
        """The first message of a connection."""
        since = {"epoch": self.epoch, "seq": self.last}
        self._may_jump = set(SYMBOLS)
        return say(action="subscribe", symbols=SYMBOLS, since=since)

    def take(self, messages: list[dict[str, Any]]) -> None:
        """Read what a connection brought."""
        for message in messages:
            match message["type"]:
                case "connection":
                    self.epoch = message["epoch"]
                case "subscription":
                    for symbol, recovered in message["recovered"].items():
                        if recovered:
                            self._may_jump.discard(symbol)
                case "price_update":
                    self._price(message)

    def _price(self, message: dict[str, Any]) -> None:
        symbol, seq = message["symbol"], message["seq"]
        last = self.last.get(symbol)
        if message.get("snapshot"):
            if last is not None and seq != last:
                assert symbol in self._may_jump, f"from {last} to {seq} without a word"
                self.holes.update((symbol, gone) for gone in range(last + 1, seq))
            self._may_jump.discard(symbol)
        elif last is not None:
            assert seq == last + 1, "once, and in order"
        self.last[symbol] = seq
        self.prices[symbol][seq] = message["data"]["price"]


async def pump(
    feed: HandFeed, rng: random.Random, truth: dict[str, list[float]], most: int = 40
) -> None:
    """Some trades."""
    batch = []
    for _ in range(rng.randint(1, most)):
        symbol, price = rng.choice(SYMBOLS), round(rng.uniform(99, 101), 2)
        truth[symbol].append(price)
        batch.append((symbol, price, 1.0))
    feed.trades(batch)
    await settle()


async def life(server: Serving, feed: HandFeed, rng: random.Random, cuts: int) -> History:
    """A client that is cut again and again while the market goes on; what it had in the end."""
    history = History()
    truth: dict[str, list[float]] = {symbol: [] for symbol in SYMBOLS}
    for symbol in SYMBOLS:
        truth[symbol].append(100.0)
        feed.trade(symbol, 100.0)
    for cut in range(cuts + 1):
        async with CutClient.upgraded(server.port) as client:
            assert isinstance(client, CutClient)
            await client.send(history.request())
            for _ in range(rng.randrange(4)):
                await pump(feed, rng, truth)
                history.take(await client.read_bytes(rng.choice((1, 100, 3000, 90_000))))
            if cut == cuts:
                while messages := await client.read_bytes(10**9):
                    history.take(messages)
        for _ in range(rng.randrange(3) if cut < cuts else 0):
            await pump(feed, rng, truth, rng.choice((3, 1500)))
    return check(history, truth)


def check(history: History, truth: dict[str, list[float]]) -> History:
    """Assert that every price is a true one, and that none is missing but in holes."""
    for symbol, prices in history.prices.items():
        for seq, price in prices.items():
            assert price == truth[symbol][seq - 1]
        had = set(prices) | {seq for name, seq in history.holes if name == symbol}
        assert had == set(range(min(prices), len(truth[symbol]) + 1))
    return history


@both
@pytest.mark.parametrize("seed", range(3))
def test_a_client_that_is_cut_at_any_byte_has_every_update_in_the_end(ws: str, seed: int) -> None:
    """Once and in order; where it has not, the answer said so."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, symbols=SYMBOLS, handshakes_per_s=1000) as server:
            history = await life(server, feed, random.Random(seed), 10)
            assert not history.holes, "nothing is too old, and the client reads"

    asyncio.run(scenario())
