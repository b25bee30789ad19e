"""One piece of work in each iteration of the event loop.

A thousand pages that come back ask for their bars at once. Were all answers put together as soon as
they could be, every price would wait for all of them; here it waits for one. On the event loop
only; first come, first served. A piece may not wait for anything, or all others do too.

What anybody may ask for without end is to leave the machine time for prices: with ``rests`` each
piece is followed by a rest as long as it took.

Bound: whoever waits is a question, and each has a connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from photon_app.clock import SYSTEM, Time


class OneAtATime:
    """One piece of work at a time, and whatever else is ready between two.

    Args:
        rests: whether as much time is left to others as was taken.
        time: of this process.
    """

    def __init__(self, *, rests: bool = False, time: Time = SYSTEM) -> None:
        self._lock = asyncio.Lock()
        self._rests = rests
        self._now_s, self._sleep = time.monotonic, time.sleep

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as the block lasts."""
        async with self._lock:
            began_s = self._now_s()
            yield
            await self._sleep(max(0.0, self._now_s() - began_s) if self._rests else 0)
