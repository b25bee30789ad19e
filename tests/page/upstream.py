"""A fake Finnhub beside a test that is not asynchronous: it lives in a thread of its own."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from photon_app import clock
from photon_app.model import Trade
from tests.fakes import finnhub_rest as rest
from tests.fakes.finnhub import FakeFinnhub

EVERY_S = 0.1


class Upstream:
    """Finnhub, trading what Photon is subscribed to, until it is stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fake: FakeFinnhub) -> None:
        self._loop = loop
        self._fake = fake
        self._trading: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def settings(self) -> dict[str, str]:
        """What makes a Photon use it."""
        return {
            "FINNHUB_API_KEY": "x",
            "FINNHUB_WS_URL": self._fake.url,
            "FINNHUB_API_URL": self._fake.api_url,
        }

    def start(self) -> None:
        """Serve, and trade."""
        self._do(self._start())

    def stop(self) -> None:
        """End every connection and serve no more."""
        if not self._stopped:
            self._stopped = True
            self._do(self._stop())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        self._fake.rest.on_quote = lambda _: rest.quote(100.0, clock.now_ms() // 1000)
        await self._fake.__aenter__()
        self._trading = asyncio.create_task(self._trade())

    async def _stop(self) -> None:
        assert self._trading is not None
        self._trading.cancel()
        await asyncio.gather(self._trading, return_exceptions=True)
        await self._fake.__aexit__()

    async def _trade(self) -> None:
        for number in itertools.count():
            now_ms = clock.now_ms()
            for symbol in [
                name for line in self._fake.open_connections for name in line.subscribed
            ]:
                await self._fake.send_trades([Trade(symbol, 100 + number % 7 / 100, 10, now_ms)])
            await self._fake.time.sleep(EVERY_S)


@contextlib.contextmanager
def upstream(*answers: int) -> Iterator[Upstream]:
    """A running Finnhub.

    Args:
        answers: HTTP statuses for the first handshakes; with a 401, REST refuses the key too.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake Finnhub")
    thread.start()
    fake = FakeFinnhub(key="another" if 401 in answers else None)
    fake.answers.extend(answers)
    running = Upstream(loop, fake)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
