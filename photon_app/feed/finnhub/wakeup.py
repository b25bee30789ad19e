"""One task that waits for a change or for a time, whichever comes first.

Owns a flag. Runs on the event loop; one waiter. Rings that come while nobody waits are one ring,
so there is nothing to overflow.
"""

import asyncio

from photon_app.clock import Time
from photon_app.feed.finnhub.deadline import within


class Wakeup:
    """Rung by whoever changes something.

    Args:
        time: what a limited wait waits on.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter, or the next to come."""
        self._rung.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it rings, or after so many seconds."""
        if seconds is None:
            await self._rung.wait()
        else:
            await within(self._time, seconds, self._rung.wait())
        self._rung.clear()
