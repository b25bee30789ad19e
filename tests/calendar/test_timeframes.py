"""Where bars begin and end."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar, Table, TradingDay, ordinary_day
from photon_app.calendar.timeframes import span_at, spans
from photon_app.model import TIMEFRAMES, Timeframe

NEW_YORK = ZoneInfo("America/New_York")
CALENDAR = Calendar()
SYMBOLS = ("AAPL", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "LSE:VOD")
moments = st.integers(946_684_800_000, 2_000_000_000_000)


def at(text: str) -> int:
    """A time in New York, UNIX ms."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp() * 1000)


def shown(span: tuple[int, int]) -> tuple[str, str]:
    """A span in New York."""
    begin, end = (dt.datetime.fromtimestamp(ms / 1000, NEW_YORK) for ms in span)
    return f"{begin:%d %H:%M}", f"{end:%d %H:%M}"


@given(st.sampled_from(SYMBOLS), st.sampled_from(TIMEFRAMES), moments)
def test_a_span_holds_its_time_and_meets_the_next(
    symbol: str, timeframe: Timeframe, time_ms: int
) -> None:
    """Without a gap, and every time of it is in the same one."""
    span = span_at(timeframe, symbol, time_ms, CALENDAR)
    assert span.start_ms <= time_ms < span.end_ms
    assert span_at(timeframe, symbol, span.start_ms, CALENDAR) == span
    assert span_at(timeframe, symbol, span.end_ms - 1, CALENDAR) == span
    assert span_at(timeframe, symbol, span.end_ms, CALENDAR).start_ms == span.end_ms


@given(st.sampled_from(SYMBOLS), moments)
def test_longer_spans_hold_whole_shorter_ones(symbol: str, time_ms: int) -> None:
    """So that each can be made of the one before it."""
    ladder = [span_at(timeframe, symbol, time_ms, CALENDAR) for timeframe in TIMEFRAMES]
    for shorter, longer in itertools.pairwise(ladder):
        assert longer.start_ms <= shorter.start_ms
        assert shorter.end_ms <= longer.end_ms


@pytest.mark.parametrize(
    ("moment", "begin", "end"),
    [
        ("2026-11-20T04:10", "20 04:00", "20 05:00"),
        ("2026-11-20T09:29", "20 09:00", "20 09:30"),
        ("2026-11-20T09:30", "20 09:30", "20 10:30"),
        ("2026-11-20T15:59", "20 15:30", "20 16:00"),
        ("2026-11-20T16:00", "20 16:00", "20 17:00"),
        ("2026-11-20T20:30", "20 20:00", "20 21:00"),
        ("2026-11-20T23:59", "20 23:00", "21 00:00"),
        ("2026-11-21T11:30", "21 11:00", "21 12:00"),
    ],
)
def test_hours_of_a_stock_are_counted_from_its_session(moment: str, begin: str, end: str) -> None:
    """No bar is of two sessions."""
    assert shown(span_at("1h", "AAPL", at(moment), CALENDAR)) == (begin, end)


def test_an_early_close_begins_the_post_market_s_count() -> None:
    """As the exchange's calendar has it."""
    date = dt.date(2026, 11, 27)
    day = ordinary_day(date)
    early = TradingDay(
        date, day.pre_ms, day.open_ms, at("2026-11-27T13:00"), at("2026-11-27T17:00")
    )
    calendar = Calendar(Table(first=date, last=date, days=(early,)))
    moment = at("2026-11-27T12:45")
    assert shown(span_at("1h", "AAPL", moment, calendar)) == ("27 12:30", "27 13:00")


@pytest.mark.parametrize(
    ("symbol", "begin", "end"),
    [
        ("AAPL", "20 00:00", "21 00:00"),
        ("OANDA:EUR_USD", "19 17:00", "20 17:00"),
        ("BINANCE:BTCUSDT", "19 19:00", "20 19:00"),
    ],
)
def test_a_day_is_the_symbol_s_trading_day(symbol: str, begin: str, end: str) -> None:
    """As the book's day figures are."""
    assert shown(span_at("1d", symbol, at("2026-11-20T12:00"), CALENDAR)) == (begin, end)


def test_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    """And their hours stay whole."""
    for text, hours in (("2026-03-08T12:00", 23), ("2026-11-01T12:00", 25)):
        day = span_at("1d", "AAPL", at(text), CALENDAR)
        assert day.end_ms - day.start_ms == hours * 3_600_000
        assert len(list(spans("1h", "AAPL", *day, CALENDAR))) == hours
