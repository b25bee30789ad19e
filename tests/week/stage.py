"""An event loop whose time a test moves, and clients that write down what they receive.

Photon's timers, its market clock and the process's clock all follow ``LeapingLoop``. Its time
stands while a test plays, so that nothing depends on how fast the machine is, and ``leap`` moves
it; only where something starts or stops it flows as time does.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from websockets.asyncio.client import connect

from photon_app import clock
from tests.fakes.time import settle


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop at a moment.

    Args:
        start_ms: its wall clock at the beginning.
    """

    def __init__(self, start_ms: int) -> None:
        self._stands_s: float | None = None
        self._ahead_s = 0.0
        super().__init__()
        self._epoch_ms = start_ms - super().time() * 1000

    def time(self) -> float:
        """Seconds; they stand still or flow."""
        return super().time() + self._ahead_s if self._stands_s is None else self._stands_s

    @property
    def rate(self) -> float:
        """As a market's clock has one."""
        return 1.0

    def now_ms(self) -> int:
        """The wall clock that goes with it."""
        return round(self._epoch_ms + self.time() * 1000)

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Time stands while the block lasts, but for ``leap``."""
        self._stands_s = self.time()
        try:
            yield
        finally:
            self._ahead_s, self._stands_s = self._stands_s - super().time(), None

    async def leap(self, to_ms: int) -> None:
        """Let it be a later moment, and everything happen that is due then."""
        assert self._stands_s is not None
        self._stands_s = max(self._stands_s, (to_ms - self._epoch_ms) / 1000)
        clock.start_at(self.now_ms())
        await settle()


class Received:
    """What one client received: in one block of memory, so that keeping it makes no objects."""

    def __init__(self) -> None:
        self._log = bytearray()

    def __len__(self) -> int:
        return len(self._log)

    def write(self, now_ms: int, text: str) -> None:
        """Add a message."""
        self._log += b"[%d,%b]\n" % (now_ms, text.encode())

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each message with when it came."""
        for line in self._log.splitlines():
            yield tuple(json.loads(line))


@contextlib.asynccontextmanager
async def client(loop: LeapingLoop, url: str, *requests: dict[str, Any]) -> AsyncIterator[Received]:
    """A client of ``/ws`` that asks for some things and listens until the block ends."""
    received = Received()

    async def listen() -> None:
        async for text in line:
            received.write(loop.now_ms(), str(text))

    async with connect(url) as line:
        for request in requests:
            await line.send(json.dumps({"action": "subscribe", **request}))
        listener = asyncio.create_task(listen())
        try:
            yield received
        finally:
            await settle()
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
