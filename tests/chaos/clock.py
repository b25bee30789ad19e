"""Time that passes faster than the wall's, so that an hour of moods takes minutes."""

import asyncio
import time

BEAT_WALL_S = 0.01
"""How often it is looked how late the event loop is."""


class FastTime:
    """Stands in for ``clock.Time`` and is the fake Finnhub's clock too.

    Args:
        rate: its seconds per second of the wall.
        start_ms: its wall clock at the beginning.
    """

    def __init__(self, rate: float, start_ms: int) -> None:
        self.rate = rate
        self._start_ms = start_ms
        self._began_s = time.monotonic()
        self._late: list[tuple[float, float]] = []

    def now_ms(self) -> int:
        """The fast wall clock, UNIX milliseconds."""
        return self._start_ms + int(self.monotonic() * 1000)

    def monotonic(self) -> float:
        """Fast seconds since the beginning."""
        return (time.monotonic() - self._began_s) * self.rate

    async def sleep(self, seconds: float) -> None:
        """Sleep so many fast seconds on the running event loop."""
        await asyncio.sleep(seconds / self.rate)

    async def watch(self) -> None:
        """Write down how late the event loop is, until cancelled.

        A machine that does much else holds every process up, and here each second of the wall is
        many. A law about time allows for what was lost within the time that it judges.
        """
        while True:
            due_s = time.monotonic() + BEAT_WALL_S
            await asyncio.sleep(BEAT_WALL_S)
            late_s = time.monotonic() - due_s
            if late_s > BEAT_WALL_S / 5:
                self._late.append((self.monotonic(), late_s * self.rate))

    def late_s(self, first_s: float, last_s: float) -> float:
        """Fast seconds by which the event loop was late, all in all, between two moments."""
        return sum(
            min(late_s, at_s - first_s)
            for at_s, late_s in self._late
            if at_s > first_s and at_s - late_s < last_s
        )
