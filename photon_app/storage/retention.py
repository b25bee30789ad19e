"""Which bars are old enough to be deleted, and whether that many may be deleted at once. Pure.

Called by the writer before each sweep. Age is measured by the wall clock, and a clock can be wrong
by years. So no sweep deletes more than ``AT_ONCE_DAYS`` days of bars, unless the operator has set
the date up to which it may. A running process deletes one day per day. More at once means a wrong
clock, a shorter retention, or a Photon that did not run for weeks, and only the operator knows
which.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

from photon_app.calendar.timeframes import DAY_MS
from photon_app.model import Fact

AT_ONCE_DAYS = 7
Begins = Callable[[int, int, int], Sequence[int]]
"""``Database.begins``: from the start and end of a range and a maximum, the starts of spans of 24
hours that cover its bars.
"""


class Retention(Fact, frozen=True):
    """The operator's settings."""

    days: int
    """How many days after its end a trading day is kept; 0 for ever."""
    force_ms: int = 0
    """Bars before this are deleted however many they are, once they are too old."""


class Verdict(NamedTuple):
    """What one sweep may delete."""

    before_ms: int | None
    """Trading days that ended before this are deleted; ``None`` keeps all."""
    kept: str
    """One sentence about what is kept although it is too old; else empty."""


def judge(retention: Retention, now_ms: int, begins: Begins) -> Verdict:
    """What may be deleted now.

    Args:
        retention: the operator's settings.
        now_ms: the wall clock.
        begins: queries the database.
    """
    if not retention.days:
        return Verdict(None, "")
    edge_ms = now_ms - retention.days * DAY_MS
    forced_ms = min(retention.force_ms, edge_ms)
    # The day that contains the edge has not ended before it.
    found = begins(forced_ms, edge_ms - DAY_MS, AT_ONCE_DAYS + 1)
    if len(found) <= AT_ONCE_DAYS:
        return Verdict(edge_ms, "")
    return Verdict(
        forced_ms or None,
        f"bars of {_date(found[0])} to {_date(edge_ms)} are kept although "
        f"PHOTON_RETENTION_DAYS={retention.days}: more than {AT_ONCE_DAYS} days of them would be "
        f"deleted at once, as by a clock that is wrong (it says {_date(now_ms)}); if they are to "
        f"go, start with PHOTON_RETENTION_FORCE={_date(edge_ms)}",
    )


def _date(time_ms: int) -> str:
    """The date in UTC, for any value of the clock."""
    try:
        return str(dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).date())
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms"
