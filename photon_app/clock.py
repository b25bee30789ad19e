"""The one door to the time of this process: whoever reads a clock, reads it here.

Pure but for the operating system's clocks; callable from any thread. ``start_at`` moves the wall
clock of the whole process, so that a real server can be started at any moment: on a Sunday, at a
clock change, on the last day of a year. It is for tests and demonstrations, and no setting leads
to it.
"""

import time

monotonic = time.monotonic
"""Seconds since some moment; never steps back, and stands still while the machine sleeps."""
_ahead_ms = 0


def now_ms() -> int:
    """The wall clock, UNIX milliseconds; can step."""
    return time.time_ns() // 1_000_000 + _ahead_ms


def start_at(moment_ms: int | None) -> None:
    """Let the wall clock go on from a moment, UNIX ms; ``None``: from the operating system's."""
    global _ahead_ms  # noqa: PLW0603 - there is one clock
    _ahead_ms = 0 if moment_ms is None else moment_ms - time.time_ns() // 1_000_000
