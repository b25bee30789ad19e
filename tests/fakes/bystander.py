"""A healthy client beside broken ones, who must not notice anything.

``async with undisturbed() as server`` serves it; the block is what others do. At its end the
healthy client still gets its next update, and the places of the others are free. ``Life`` is one
such server for many trials, each of which ends in the same way.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.fakes import raw
from tests.fakes.server import WIRE, HandFeed, Serving, serving
from tests.fakes.waiting import wait_until


async def settled(server: Serving, count: int) -> None:
    """Return when so many clients have a place."""

    async def counted() -> bool:
        return bool((await raw.health(server.port))["clients"] == count)

    await wait_until(counted, 5)


class Bystander:
    """A healthy client and its server."""

    def __init__(self, server: Serving, feed: HandFeed, connection: ClientConnection) -> None:
        self.server = server
        self._feed = feed
        self._connection = connection
        self._price = 1000  # a step is small, as the book expects it

    @classmethod
    @contextlib.asynccontextmanager
    async def on(cls, ws: str, **options: Any) -> AsyncIterator[Self]:
        """Serve, and watch one symbol."""
        feed = HandFeed()
        async with serving(feed, ws=ws, **options) as server, connect(server.ws) as connection:
            await connection.send(json.dumps({"action": "subscribe", "symbols": ["AAPL"]}))
            yield cls(server, feed, connection)

    async def unharmed(self) -> None:
        """Return when the next update has come, and nobody else has a place."""
        self._price += 1
        self._feed.trade("AAPL", self._price)
        async with asyncio.timeout(5):
            price = None
            while price != self._price:
                message = json.loads(await self._connection.recv())
                if message["type"] == "price_update":
                    price = message["data"]["price"]
        await settled(self.server, 1)


@contextlib.asynccontextmanager
async def undisturbed(ws: str = WIRE, **options: Any) -> AsyncIterator[Serving]:
    """A server of its own, for other options."""
    async with Bystander.on(ws, **options) as bystander:
        async with asyncio.timeout(20):
            yield bystander.server
        await bystander.unharmed()


class Life:
    """One server that lives through many trials; it runs while one does."""

    def __init__(self, ws: str) -> None:
        self._ws = ws
        self._runner = asyncio.Runner()
        self._over = asyncio.Event()

    def __enter__(self) -> Self:
        self._runner.run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._end())
        self._runner.close()

    def trial(self, scenario: Callable[[Serving], Coroutine[Any, Any, None]]) -> None:
        """What others do to the server."""
        self._runner.run(self._trial(scenario))

    async def _begin(self) -> None:
        ready = asyncio.get_running_loop().create_future()
        self._living = asyncio.create_task(self._live(ready))
        self._bystander: Bystander = await ready

    async def _live(self, ready: asyncio.Future[Bystander]) -> None:
        async with Bystander.on(self._ws) as bystander:
            ready.set_result(bystander)
            await self._over.wait()

    async def _trial(self, scenario: Callable[[Serving], Coroutine[Any, Any, None]]) -> None:
        async with asyncio.timeout(20):
            await scenario(self._bystander.server)
        await self._bystander.unharmed()

    async def _end(self) -> None:
        self._over.set()
        await self._living
