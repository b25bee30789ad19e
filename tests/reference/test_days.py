"""Days and spans of an ordinary week, by the clocks of New York and of UTC."""

import datetime as dt

import pytest

from tests.reference.days import NEW_YORK, begin_ms, ordinary_day


def new_york(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp() * 1000)


@pytest.mark.parametrize("time", ["2026-06-02T04:00", "2026-06-02T12:00", "2026-06-03T03:59:59"])
def test_a_stocks_day_is_from_four_to_four(time: str) -> None:
    """With what is closed behind its last session."""
    hours = ("2026-06-02T04:00", "2026-06-02T16:00", "2026-06-02T20:00", "2026-06-03T04:00")
    assert ordinary_day("A", new_york(time)) == tuple(map(new_york, hours))


@pytest.mark.parametrize("time", ["2026-06-01T17:00", "2026-06-02T16:59:59"])
def test_a_day_of_currencies_is_from_five_to_five(time: str) -> None:
    """Traded to its end."""
    begin, end = new_york("2026-06-01T17:00"), new_york("2026-06-02T17:00")
    assert ordinary_day("OANDA:EUR_USD", new_york(time)) == (begin, end, end, end)


def test_a_coins_day_is_that_of_utc() -> None:
    """20:00 in New York is midnight there."""
    begin, end = new_york("2026-06-02T20:00"), new_york("2026-06-03T20:00")
    assert ordinary_day("BINANCE:BTCUSDT", begin) == (begin, end, end, end)
    assert ordinary_day("BINANCE:BTCUSDT", end - 1) == (begin, end, end, end)


@pytest.mark.parametrize(
    ("timeframe", "time", "begin"),
    [
        ("1s", "2026-06-02T09:42:17.900", "2026-06-02T09:42:17"),
        ("1m", "2026-06-02T09:42:17", "2026-06-02T09:42"),
        ("5m", "2026-06-02T09:42:17", "2026-06-02T09:40"),
        ("15m", "2026-06-02T09:42:17", "2026-06-02T09:30"),
        ("1h", "2026-06-02T09:29:59", "2026-06-02T09:00"),
        ("1h", "2026-06-02T10:29:59", "2026-06-02T09:30"),
        ("1h", "2026-06-02T15:59:59", "2026-06-02T15:30"),
        ("1h", "2026-06-02T16:00", "2026-06-02T16:00"),
        ("1d", "2026-06-02T19:59:59", "2026-06-02T00:00"),
    ],
)
def test_an_hour_begins_with_its_session(timeframe: str, time: str, begin: str) -> None:
    """Shorter bars begin with the clock, and a day with its date."""
    assert begin_ms(timeframe, new_york(time)) == new_york(begin)
