"""A clock and timer that move only when told to: what ``Hub`` needs of an event loop."""

import asyncio
import heapq
import itertools
from collections.abc import Callable


class FakeTimer:
    """A pending call."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Take the call back."""
        self.callback = None


class FakeLoop:
    """Time in seconds, from ``BEGIN_S``; a ``clock.Time`` too."""

    BEGIN_S = 1000.0
    BEGIN_MS = 1_795_194_000_000
    """2026-11-20 12:00 in New York, a Friday in regular hours."""

    def __init__(self) -> None:
        self._now = self.BEGIN_S
        self._order = itertools.count()
        self._due: list[tuple[float, int, FakeTimer]] = []

    def time(self) -> float:
        """Now."""
        return self._now

    def monotonic(self) -> float:
        """Now."""
        return self._now

    def awake_s(self) -> float:
        """Now: it never stalls."""
        return self._now

    def now_ms(self) -> int:
        """Now on the wall clock, UNIX milliseconds."""
        return self.BEGIN_MS + round((self._now - self.BEGIN_S) * 1000)

    async def sleep(self, seconds: float) -> None:
        """Return when ``advance`` has come that far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():  # else the sleeper was cancelled
                woken.set_result(None)

        self.call_later(seconds, wake)
        await woken

    @property
    def waiting(self) -> list[float]:
        """When each call that was not taken back is due, in seconds; the first one first."""
        return sorted(at for at, _, timer in self._due if timer.callback is not None)

    def call_later(self, delay: float, callback: Callable[[], object]) -> FakeTimer:
        """Call when ``advance`` has come that far."""
        timer = FakeTimer(callback)
        heapq.heappush(self._due, (self._now + delay, next(self._order), timer))
        return timer

    def spend(self, seconds: float) -> None:
        """Let a callback take so long: what falls due meanwhile has to wait for its end."""
        self._now += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass, with every call that falls due on the way."""
        end = self._now + seconds
        while self._due and self._due[0][0] <= end + 1e-9:
            at, _, timer = heapq.heappop(self._due)
            self._now = max(self._now, at)
            if timer.callback is not None:
                timer.callback()
        self._now = max(self._now, end)
