"""Moments at which Photon is tried, and a Photon that is started at one.

``python -m tests.fakes.dates UNIX_MS ARGUMENT…`` is ``python -m photon_app ARGUMENT…`` in a
process whose wall clock goes on from that time.
"""

import contextlib
import datetime as dt
import runpy
import sys
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from photon_app import clock

NEW_YORK = ZoneInfo("America/New_York")


def new_york(*fields: int) -> int:
    """A moment by the clocks of New York, UNIX ms."""
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


def utc(*fields: int) -> int:
    """A moment in UTC, UNIX ms."""
    return round(dt.datetime(*fields, tzinfo=dt.UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


OPEN_MS = new_york(2026, 11, 25, 11)
"""A Wednesday in the regular session: when every test is played that does not say another."""

MOMENTS: Mapping[str, int] = {
    "an open Wednesday": OPEN_MS,
    "Saturday noon": new_york(2026, 11, 28, 12),
    "Sunday 23:59": new_york(2026, 11, 29, 23, 59),
    "Monday midnight": new_york(2026, 11, 30),
    "Monday 03:59": new_york(2026, 11, 30, 3, 59),
    "Monday 04:01": new_york(2026, 11, 30, 4, 1),
    "before the open": new_york(2026, 11, 30, 9, 29, 59),
    "the close": new_york(2026, 11, 30, 16),
    "the end of the post-market": new_york(2026, 11, 30, 20),
    "Thanksgiving": new_york(2026, 11, 26, 12),
    "the half day after it": new_york(2026, 11, 27, 13, 30),
    "its evening": new_york(2026, 11, 27, 18),
    "Christmas": new_york(2026, 12, 25, 10),
    "New Year's Eve": utc(2026, 12, 31, 23, 59, 59),
    "the clocks go forward": new_york(2027, 3, 14, 3, 30),
    "the clocks go back": new_york(2026, 11, 1, 1, 30),
    "29 February": new_york(2028, 2, 29, 11),
    "a day beyond the known calendar": new_york(2041, 11, 28, 12),
}


@contextlib.contextmanager
def at(moment_ms: int) -> Iterator[None]:
    """Let this process live at a moment for as long as the block lasts."""
    clock.start_at(moment_ms)
    try:
        yield
    finally:
        clock.start_at(OPEN_MS)


if __name__ == "__main__":
    clock.start_at(int(sys.argv.pop(1)))
    runpy.run_module("photon_app", run_name="__main__", alter_sys=True)
