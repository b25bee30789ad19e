"""Time that passes faster than the wall's, so that an hour of moods takes minutes."""

import asyncio
import time


class FastTime:
    """Stands in for ``feed.protocol.Time`` and is the fake Finnhub's clock too.

    Args:
        rate: its seconds per second of the wall.
        start_ms: its wall clock at the beginning.
    """

    def __init__(self, rate: float, start_ms: int) -> None:
        self.rate = rate
        self._start_ms = start_ms
        self._began_s = time.monotonic()

    def now_ms(self) -> int:
        """The fast wall clock, UNIX milliseconds."""
        return self._start_ms + int(self.monotonic() * 1000)

    def monotonic(self) -> float:
        """Fast seconds since the beginning."""
        return (time.monotonic() - self._began_s) * self.rate

    async def sleep(self, seconds: float) -> None:
        """Sleep so many fast seconds on the running event loop."""
        await asyncio.sleep(seconds / self.rate)
