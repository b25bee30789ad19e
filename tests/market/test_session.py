"""The exchange's calendar, in New York's time."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.market.session import NEW_YORK, day_of, phase_at


def at(*fields: int) -> int:
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("moment", "session", "until", "following"),
    [
        (at(2026, 11, 20, 3, 59), "closed", at(2026, 11, 20, 4), "pre"),
        (at(2026, 11, 20, 4), "pre", at(2026, 11, 20, 9, 30), "regular"),
        (at(2026, 11, 20, 9, 30), "regular", at(2026, 11, 20, 16), "post"),
        (at(2026, 11, 20, 16), "post", at(2026, 11, 20, 20), "closed"),
        (at(2026, 11, 20, 20), "closed", at(2026, 11, 23, 4), "pre"),
        (at(2026, 11, 22, 12), "closed", at(2026, 11, 23, 4), "pre"),
        (at(2026, 11, 26, 12), "closed", at(2026, 11, 27, 4), "pre"),
        (at(2013, 10, 7, 9, 45), "regular", at(2013, 10, 7, 16), "post"),
    ],
)
def test_a_moment_has_its_session(moment: int, session: str, until: int, following: str) -> None:
    """Nights, a weekend, Thanksgiving, and the day of the shipped recording."""
    assert phase_at(moment) == (session, until, following)


@given(st.datetimes(dt.datetime(2001, 10, 1), dt.datetime(2035, 1, 1)))
def test_a_session_ends_after_now_and_then_the_following_one_begins(moment: dt.datetime) -> None:
    """Whatever the moment, including both clock changes."""
    now_ms = round(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
    phase = phase_at(now_ms)
    assert phase.until_ms > now_ms
    assert phase_at(phase.until_ms).session == phase.following
    assert phase_at(phase.until_ms - 1).session == phase.session


@given(
    st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2035, 1, 1)), st.sampled_from(["A", "X:B"])
)
def test_a_day_holds_its_moments(moment: dt.datetime, symbol: str) -> None:
    """Days are half-open and adjoin each other, 23 to 25 hours long."""
    now_ms = round(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
    day = day_of(symbol, now_ms)
    assert day.start_ms <= now_ms < day.end_ms
    assert day_of(symbol, day.end_ms).start_ms == day.end_ms
    assert 23 <= (day.end_ms - day.start_ms) / 3_600_000 <= 25


def test_a_round_the_clock_symbol_has_the_utc_day() -> None:
    """A name with a colon is no US listing."""
    assert day_of("BINANCE:BTCUSDT", 86_400_000 * 20_000).start_ms == 86_400_000 * 20_000
