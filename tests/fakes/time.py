"""Clocks that move only when a test says so.

``HandClock`` and ``HandTime`` stand where a test puts them. ``VirtualTime`` has sleepers, which
wake in order of time; between two of them the event loop runs until it has nothing ready, so that a
history of an hour takes milliseconds and comes out the same each time.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Sized

from photon_app.clock import SystemTime

START_MS = 1_700_000_000_000
_SETTLE_TURNS = 20
_QUIET_TURNS = 6
_MOST_TURNS = 100_000


class HandClock:
    """A ``model.Clock`` that stands where a test puts it.

    Args:
        at_ms: where it stands first, UNIX milliseconds.
    """

    rate = 1.0

    def __init__(self, at_ms: int = START_MS) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        """Where it stands."""
        return self.at_ms


class HandTime(HandClock):
    """A ``clock.Time`` that stands where a test puts it; each sleep moves it.

    Args:
        at_s: where the monotonic clock stands first, in seconds.
        at_ms: where the wall clock does, UNIX milliseconds.
    """

    def __init__(self, at_s: float = 0.0, at_ms: int = START_MS) -> None:
        super().__init__(at_ms)
        self.at_s = at_s

    def monotonic(self) -> float:
        """Where it stands."""
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass on both clocks, and the event loop run."""
        self.at_s += seconds
        self.at_ms += round(seconds * 1000)
        await asyncio.sleep(0)


class TickingTime(HandTime):
    """One that goes on by a second whenever its monotonic clock is read."""

    def monotonic(self) -> float:
        """Where it stands, for the last time."""
        self.at_s += 1
        return self.at_s - 1


class WallSet(SystemTime):
    """The system's time, with a wall clock that a test sets.

    Args:
        now_ms: that clock, UNIX milliseconds.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms


class VirtualTime:
    """Time for one test.

    Args:
        start_ms: the wall clock at the beginning; the monotonic clock begins at 0.
    """

    def __init__(self, start_ms: int = START_MS) -> None:
        self._start_ms = start_ms
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = asyncio.Event()
        self.sleeps: list[float] = []
        """Every sleep asked for so far, in seconds."""

    def now_ms(self) -> int:
        """Virtual wall clock, UNIX milliseconds."""
        return self._start_ms + round(self._now * 1000)

    def monotonic(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the test has advanced so far."""
        self.sleeps.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waiter))
        self._slept.set()
        await waiter

    def doze(self, seconds: float) -> None:
        """The machine sleeps: the wall clock goes on, the monotonic one stands still. Negative when
        somebody sets the wall clock back.
        """
        self._start_ms += round(seconds * 1000)

    def jump(self, seconds: float) -> None:
        """Pass time with nobody running, as when the process was stopped."""
        self._now += seconds

    async def advance(self, seconds: float) -> None:
        """Pass time, waking each sleeper at its moment."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._wake_first()
            await settle()
        self._now = max(self._now, end)

    async def advance_to_sleeper(self) -> float:
        """Wait until somebody sleeps, pass the time to the first waking, return the seconds."""
        await settle()
        while not self._waiting():
            self._slept.clear()
            async with asyncio.timeout(5):
                await self._slept.wait()
        began = self._now
        self._wake_first()
        await settle()
        return self._now - began

    def _waiting(self) -> bool:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return bool(self._sleepers)

    def _wake_first(self) -> None:
        at, _, waiter = heapq.heappop(self._sleepers)
        if not waiter.done():
            self._now = max(self._now, at)
            waiter.set_result(None)


async def settle() -> None:
    """Let everything run that is ready, and all that it makes ready: over loopback sockets too,
    where what is sent can be read in the loop's next iteration.
    """
    ready: Sized = getattr(asyncio.get_running_loop(), "_ready", ())
    quiet = 0
    for turn in range(_MOST_TURNS):
        await asyncio.sleep(0)
        quiet = 0 if ready else quiet + 1
        if turn >= _SETTLE_TURNS and quiet >= _QUIET_TURNS:
            return
    message = f"the event loop is still busy after {_MOST_TURNS} turns"
    raise AssertionError(message)
