"""The clocks of this process: all code that reads a clock or sleeps uses this module.

Constructors take a ``Time``, so that a test can drive it; the default is ``SYSTEM``. The time of
the market is separate: ``model.Clock``.

Pure except for the operating system's clocks; callable from any thread, except ``sleep``.
``start_at`` moves the wall clock of the whole process, so that a real server can be started at any
moment: on a Sunday, at a clock change, on the last day of a year. It is for tests and
demonstrations, and no setting leads to it.
"""

import asyncio
import time
from typing import Protocol

monotonic = time.monotonic
"""Seconds since some moment; never steps back, and stops while the machine sleeps."""
_ahead_ms = 0


def now_ms() -> int:
    """The wall clock, UNIX milliseconds; can step."""
    return time.time_ns() // 1_000_000 + _ahead_ms


def start_at(moment_ms: int | None) -> None:
    """Set the wall clock to a moment, UNIX ms; ``None`` sets it back to the operating system's."""
    global _ahead_ms  # noqa: PLW0603 - there is one clock
    _ahead_ms = 0 if moment_ms is None else moment_ms - time.time_ns() // 1_000_000


class Time(Protocol):
    """The time of this process, injected into everything that reads a clock or sleeps."""

    def now_ms(self) -> int:
        """Wall clock, UNIX milliseconds; can step."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds; lets the event loop run even for 0."""
        ...


class SystemTime:
    """The operating system's time."""

    # Each frame and each message is stamped: a wrapper method would double the cost.
    now_ms = staticmethod(now_ms)
    monotonic = staticmethod(monotonic)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)


SYSTEM: Time = SystemTime()
"""The time of this process."""


class WorkClock(Protocol):
    """How long a thread has worked."""

    def worked_s(self) -> float:
        """Seconds of work so far."""
        ...


class ThreadWork:
    """The processor time of the calling thread; in the event loop's, the work of the loop."""

    worked_s = staticmethod(time.thread_time)


WORK: WorkClock = ThreadWork()
"""The work of the calling thread."""
