"""Which bars are old enough to go, and whether so many may go at once. Pure.

Called by the writer before each round of deleting. Age is counted by the wall clock, and a clock
can be wrong by years: so no round deletes more than ``AT_ONCE_DAYS`` days of bars, unless the
operator named the date up to which it may. A process that runs deletes a day a day; more at once is
a wrong clock, a shorter retention, or a Photon that stood still for weeks, and only the operator
knows which.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

from photon_app.model import Fact

DAY_MS = 86_400_000
AT_ONCE_DAYS = 7
Begins = Callable[[int, int, int], Sequence[int]]
"""Given a range and a number: when the first so many spans of 24 hours begin that have bars."""


class Retention(Fact, frozen=True):
    """What the operator wants."""

    days: int
    """How long ago a trading day may have ended; 0 for any time."""
    force_ms: int = 0
    """Bars before it go however many they are, once they are too old."""


class Verdict(NamedTuple):
    """What one round may do."""

    before_ms: int | None
    """Trading days that ended before it go; ``None`` keeps all."""
    kept: str
    """One sentence about what is kept although it is too old; else empty."""


def judge(retention: Retention, now_ms: int, begins: Begins) -> Verdict:
    """What may be deleted now.

    Args:
        retention: what the operator wants.
        now_ms: the wall clock.
        begins: looks at the database.
    """
    if not retention.days:
        return Verdict(None, "")
    edge_ms = now_ms - retention.days * DAY_MS
    forced_ms = min(retention.force_ms, edge_ms)
    # The day that holds the edge has not ended before it.
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
    """In UTC; a clock may say anything."""
    try:
        return str(dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).date())
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms"
