"""One task that waits for a change or for a time, whichever comes first.

Owns a flag. Runs on the event loop; one waiter. Rings that come while no task waits count as one
ring, so there is nothing to overflow.
"""

import asyncio

from photon_app.clock import Time
from photon_app.feed.finnhub.deadline import within


class Wakeup:
    """Rung by the code that changes something.

    Args:
        time: the clock for waits with a limit.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiting task, or the next one to wait."""
        self._rung.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it rings, or after this many seconds."""
        if seconds is None:
            await self._rung.wait()
        else:
            await within(self._time, seconds, self._rung.wait())
        self._rung.clear()
