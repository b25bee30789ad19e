"""Which bars may go, and when the operator is asked first."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.timeframes import DAY_MS
from photon_app.storage.retention import AT_ONCE_DAYS, Retention, judge
from tests.fakes.dates import OPEN_MS


class Disk:
    """A bar at the start of each of some days, counted back from ``OPEN_MS``."""

    def __init__(self, *days: int) -> None:
        self.times = sorted(OPEN_MS - day * DAY_MS for day in days)

    def begins(self, from_ms: int, before_ms: int, most: int) -> list[int]:
        """As ``Database.begins``, for bars that are a day apart."""
        return [time_ms for time_ms in self.times if from_ms <= time_ms < before_ms][:most]


@given(st.integers(1, 36_500), st.sets(st.integers(0, 3000)), st.integers(-40_000, 40_000))
def test_what_goes_at_once_is_never_more_than_a_week(
    days: int, stored: set[int], ahead: int
) -> None:
    """Whatever is stored, and whatever the clock says."""
    disk, now_ms = Disk(*stored), OPEN_MS + ahead * DAY_MS
    before_ms, kept = judge(Retention(days=days), now_ms, disk.begins)
    old = [time_ms for time_ms in disk.times if time_ms < now_ms - (days + 1) * DAY_MS]
    assert (before_ms is None) == bool(kept) == (len(old) > AT_ONCE_DAYS)
    assert before_ms in {None, now_ms - days * DAY_MS}


def test_the_operator_sees_which_days_why_and_what_to_set() -> None:
    """In one sentence."""
    _, kept = judge(Retention(days=30), OPEN_MS, Disk(*range(730)).begins)
    assert kept == (
        "bars of 2024-11-26 to 2026-10-26 are kept although PHOTON_RETENTION_DAYS=30: more than 7 "
        "days of them would be deleted at once, as by a clock that is wrong (it says 2026-11-25); "
        "if they are to go, start with PHOTON_RETENTION_FORCE=2026-10-26"
    )


def test_what_the_sentence_says_is_enough() -> None:
    """Also some days later, and it does not open the door for a clock that leaps."""
    disk = Disk(*range(730))
    date = dt.datetime(2026, 10, 26, tzinfo=dt.UTC)
    retention = Retention(days=30, force_ms=round(date.timestamp() * 1000))
    for later in (0, 5):
        now_ms = OPEN_MS + later * DAY_MS
        assert judge(retention, now_ms, disk.begins) == (now_ms - 30 * DAY_MS, "")
    before_ms, kept = judge(retention, OPEN_MS + 1000 * DAY_MS, disk.begins)
    assert before_ms == retention.force_ms
    assert kept


def test_nothing_grows_old_where_all_is_kept() -> None:
    """With 0 days, whatever is forced."""
    retention = Retention(days=0, force_ms=OPEN_MS)
    assert judge(retention, OPEN_MS, Disk(*range(99)).begins) == (None, "")


@pytest.mark.parametrize("now_ms", [-(10**16), 10**17])
def test_a_clock_may_say_anything(now_ms: int) -> None:
    """It does not fail."""
    judge(Retention(days=1), now_ms, Disk(*range(99)).begins)
