"""One piece of work per iteration of the event loop.

A thousand pages that reconnect ask for their bars at once. If all answers were assembled as soon as
they could be, every price would wait for all of them; here it waits for one. On the event loop
only; first come, first served. A piece of work must not await anything, or all others wait too.

Work that clients can request without limit must leave the machine time for prices: with ``rests``
each piece is followed by a pause as long as it took.

Bound: only queries wait here, and each query belongs to a connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from photon_app.clock import SYSTEM, Time


class OneAtATime:
    """Runs one piece of work at a time, and lets all other ready callbacks run between two pieces.

    Args:
        rests: whether each piece is followed by a pause as long as it took.
        time: the clocks of this process.
    """

    def __init__(self, *, rests: bool = False, time: Time = SYSTEM) -> None:
        self._lock = asyncio.Lock()
        self._rests = rests
        self._now_s, self._sleep = time.monotonic, time.sleep

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait until no other piece of work runs; the block is the next one."""
        async with self._lock:
            began_s = self._now_s()
            yield
            await self._sleep(max(0.0, self._now_s() - began_s) if self._rests else 0)
