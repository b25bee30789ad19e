"""Turns of the event loop, one for each piece of work.

A thousand pages that come back ask for their bars at once. Were all answers put together as soon as
they could be, every price would wait for all of them; in ``Turns`` it waits for one. On the event
loop only; first come, first served. A piece may not wait for anything, or all others do too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """One piece of work at a time, and whatever else is ready between two."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as the block lasts."""
        async with self._lock:
            yield
            await asyncio.sleep(0)
