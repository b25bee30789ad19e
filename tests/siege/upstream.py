"""A stand-in for Finnhub beside a besieged Photon: fifty symbols and sixty calls a minute.

It lives in a thread with a loop of its own, because who plays a siege waits in its own for lines of
other processes. Its clock begins when it does, where the besieged one's does.
"""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Mapping

from photon_app import clock
from photon_app.clock import SystemTime
from photon_app.model import Trade
from tests.fakes.dates import OPEN_MS
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.finnhub_rest import quote

SLOTS = 50
CALLS_A_MINUTE = 60
ROUND_S = 0.05
STEADY = "AAPL"
"""Trades in each round, so that honest clients know how late a price is; the others in one of
``OTHERS``."""
OTHERS = 5


class Since(SystemTime):
    """Time from the moment of the siege on."""

    def __init__(self) -> None:
        self._began_s = clock.monotonic()

    def now_ms(self) -> int:
        """The wall clock of the siege."""
        return OPEN_MS + round((clock.monotonic() - self._began_s) * 1000)


@contextlib.asynccontextmanager
async def plan() -> AsyncIterator[Mapping[str, object]]:
    """Finnhub's free plan, which knows every name."""
    ready: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    ours, ended = asyncio.get_running_loop(), threading.Event()

    async def serve() -> None:
        async with FakeFinnhub(
            time=Since(), cap=SLOTS, one_per_key=True, per_minute=CALLS_A_MINUTE
        ) as fake:
            walking = asyncio.create_task(_trade(fake))
            ours.call_soon_threadsafe(ready.put_nowait, (fake.url, fake.api_url))
            await asyncio.to_thread(ended.wait)
            walking.cancel()
            await asyncio.gather(walking, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    url, api_url = await ready.get()
    try:
        yield {
            "PHOTON_FEED": "finnhub",
            "FINNHUB_API_KEY": "a-key-of-the-siege",
            "FINNHUB_WS_URL": url,
            "FINNHUB_API_URL": api_url,
        }
    finally:
        ended.set()
        thread.join(10)


async def _trade(fake: FakeFinnhub) -> None:
    """Let all trade that is subscribed, and whatever is asked for exist."""
    fake.rest.on_quote = lambda _: quote(100.0, fake.time.now_ms() // 1000, 99.0)
    for turn in itertools.count():
        now_ms = fake.time.now_ms()
        wanted = {symbol for line in fake.open_connections for symbol in line.subscribed}
        batch = [
            Trade(symbol=symbol, price=100.0 + turn % 7 / 100, volume=1, time_ms=now_ms)
            for symbol in sorted(wanted)
            if symbol == STEADY or turn % OTHERS == 0
        ]
        if batch:
            await fake.send_trades(batch)
        await fake.time.sleep(ROUND_S)
