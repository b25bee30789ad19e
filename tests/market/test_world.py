"""Days and hours of stocks outside the US: those of their own exchanges."""

import datetime as dt
import warnings
from zoneinfo import ZoneInfo

import pandas_market_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar, Table
from photon_app.calendar.nyse import table
from photon_app.calendar.session import (
    day_of,
    hours_day,
    hours_on,
    market_day,
    market_day_before,
    market_of,
    session_at,
    trades_at,
    venue_of,
)
from photon_app.calendar.timeframes import span_at
from photon_app.calendar.venues import exchange_of
from photon_app.model import Trade
from tests.fakes.book import Book

FIRST, LAST = dt.date(2026, 4, 1), dt.date(2027, 3, 31)
LISTED = ("7203.T", "SAP.DE", "M&M.NS", "0700.HK", "BHP.AX", "SHOP.TO", "VOD.L", "2222.SR", "GC=F")
CODES = {one.code for symbol in LISTED if (one := exchange_of(symbol)) and one.code}
with warnings.catch_warnings():  # of pandas, about what the package does
    warnings.simplefilter("ignore")
    KNOWN = Calendar(table(FIRST, LAST, CODES))
UNKNOWN = Calendar()
HOUR_MS = 3_600_000


def there(zone: str, *fields: int) -> int:
    """A moment by the clocks of a zone, UNIX ms."""
    return round(dt.datetime(*fields, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type, misc]


def tokyo(*fields: int) -> int:
    return there("Asia/Tokyo", *fields)


def test_a_day_in_tokyo_begins_at_its_midnight() -> None:
    """And not at 14:00, when it is midnight in New York."""
    day = day_of("7203.T", tokyo(2026, 11, 25, 14))
    assert day == (tokyo(2026, 11, 25), tokyo(2026, 11, 26))
    book = Book(lambda symbol, time_ms: market_day(symbol, time_ms, KNOWN))
    book.admit("7203.T")
    for fields, price in (((24, 15, 24), 2790), ((25, 9), 2800), ((25, 13, 59), 2820)):
        book.apply(Trade("7203.T", price, 100, tokyo(2026, 11, *fields)))
    book.apply(Trade("7203.T", 2810, 100, tokyo(2026, 11, 25, 14, 1)))
    quote = book.quote("7203.T")
    assert quote is not None
    assert (quote.prev_close, quote.open, quote.high, quote.day_volume) == (2790, 2800, 2820, 300)


@pytest.mark.parametrize(
    ("symbol", "moment", "date"),
    [
        ("7203.T", tokyo(2026, 11, 23, 12), (2026, 11, 20)),  # Labour Thanksgiving Day, a Monday
        ("7203.T", tokyo(2026, 11, 29, 12), (2026, 11, 27)),
        ("7203.T", tokyo(2027, 1, 3, 12), (2026, 12, 30)),
        ("M&M.NS", there("Asia/Kolkata", 2026, 11, 10, 12), (2026, 11, 9)),  # Diwali
        ("SAP.DE", there("Europe/Berlin", 2026, 12, 26, 12), (2026, 12, 23)),
        ("VOD.L", there("Europe/London", 2026, 12, 28, 12), (2026, 12, 24)),  # Boxing Day moved
        ("2222.SR", there("Asia/Riyadh", 2026, 11, 28, 12), (2026, 11, 26)),  # Saturday
        ("0700.HK", there("Asia/Hong_Kong", 2027, 2, 7, 12), (2027, 2, 5)),
    ],
)
def test_holidays_and_weekends_belong_to_the_trading_day_before(
    symbol: str, moment: int, date: tuple[int, int, int]
) -> None:
    """As the exchange has them; its trades then are outside."""
    day = market_day(symbol, moment, KNOWN)
    exchange = exchange_of(symbol)
    assert exchange is not None
    assert day.date_ms == there(exchange.zone, *date)
    assert day.done_ms <= moment < day.end_ms
    assert session_at(symbol, moment, "regular", KNOWN) == "closed"
    assert not trades_at(symbol, moment, KNOWN)


def test_a_week_in_riyadh_begins_on_sunday() -> None:
    """Also before its holidays are known."""
    sunday = there("Asia/Riyadh", 2026, 11, 29, 12)
    for calendar in (KNOWN, UNKNOWN):
        assert session_at("2222.SR", sunday, "closed", calendar) == "regular"
        assert market_day("2222.SR", sunday, calendar).date_ms == there("Asia/Riyadh", 2026, 11, 29)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("symbol", LISTED)
def test_trading_dates_are_those_of_the_package(symbol: str) -> None:
    """For a year, each date once, in the zone of the exchange."""
    exchange = exchange_of(symbol)
    assert exchange is not None
    assert exchange.code is not None
    valid = pandas_market_calendars.get_calendar(exchange.code).valid_days(FIRST, LAST)
    expected = {day.date() for day in valid}
    found, zone = set(), ZoneInfo(exchange.zone)
    for number in range(20, (LAST - FIRST).days - 20):
        noon = dt.datetime.combine(FIRST + dt.timedelta(number), dt.time(12), zone)
        day = market_day(symbol, round(noon.timestamp() * 1000), KNOWN)
        middle = dt.datetime.fromtimestamp((day.start_ms + day.done_ms) / 2000, zone)
        found.add(middle.date())
    first, last = min(found), max(found)
    assert found == {date for date in expected if first <= date <= last}


@given(st.integers(0, 300 * 24 * 4), st.sampled_from(LISTED), st.booleans())
def test_market_days_adjoin_and_hours_nest_in_days(quarters: int, symbol: str, known: bool) -> None:
    """Over clock changes, and in zones half an hour away from a full one."""
    calendar = KNOWN if known else UNKNOWN
    time_ms = there("UTC", 2026, 5, 1) + quarters * HOUR_MS // 4
    day = market_day(symbol, time_ms, calendar)
    assert day.start_ms <= time_ms < day.end_ms
    assert day.start_ms < day.done_ms <= day.end_ms
    assert market_day(symbol, day.end_ms, calendar).start_ms == day.end_ms
    assert market_day_before(symbol, day, calendar).end_ms == day.start_ms
    hour, date = span_at("1h", symbol, time_ms, calendar), day_of(symbol, time_ms)
    assert date.start_ms <= hour.start_ms <= time_ms < hour.end_ms <= date.end_ms
    assert hour.end_ms - hour.start_ms <= HOUR_MS
    opens, closes = hours_on(symbol, day) or (0, 0)
    assert day.start_ms <= opens < closes <= day.done_ms


def test_a_day_begins_with_its_auctions_and_not_at_midnight() -> None:
    """What is invented in the night is of the day before, and outside; so is what is invented after
    hours.
    """
    day = market_day("7203.T", tokyo(2026, 11, 26, 1), KNOWN)
    assert (day.date_ms, day.end_ms) == (tokyo(2026, 11, 25), tokyo(2026, 11, 26, 8))
    assert day.done_ms == tokyo(2026, 11, 26) <= tokyo(2026, 11, 26, 1)
    assert market_day("7203.T", tokyo(2026, 11, 26, 8), KNOWN).date_ms == tokyo(2026, 11, 26)
    invented = hours_day("7203.T", tokyo(2026, 11, 26, 16), KNOWN)
    assert invented.close_ms == invented.done_ms == tokyo(2026, 11, 26, 15, 30)
    assert hours_day("AAPL", tokyo(2026, 11, 26, 1), KNOWN) == market_day(
        "AAPL", tokyo(2026, 11, 26, 1), KNOWN
    )


@pytest.mark.parametrize("symbol", ["ABC.XYZ", "7203", "FOO.QQ", "EURUSD=X", "BTC-USD"])
def test_what_is_listed_nowhere_known_is_by_utc(symbol: str) -> None:
    """And never New York's."""
    assert venue_of(symbol) == "other"
    noon = there("UTC", 2026, 11, 28, 12)
    assert day_of(symbol, noon) == (there("UTC", 2026, 11, 28), there("UTC", 2026, 11, 29))
    assert session_at(symbol, noon, "regular", KNOWN) is None


def test_symbols_of_one_exchange_share_their_hours() -> None:
    """Whatever their names are."""
    assert market_of("7203.T") == market_of("^N225") != market_of("SAP.DE")
    assert market_of("AAPL") == market_of("BRK.B") == market_of("^GSPC")


def test_a_table_without_an_exchange_knows_nothing_of_it() -> None:
    """Nor does one of another time."""
    empty = Calendar(Table(first=FIRST, last=LAST))
    assert empty.trades_on("XTKS", FIRST) is None
    assert KNOWN.trades_on("XTKS", LAST + dt.timedelta(days=1)) is None
    assert KNOWN.trades_on(None, FIRST) is None
    assert KNOWN.trades_on("XTKS", dt.date(2026, 11, 23)) is False
    assert KNOWN.exchanges == CODES


def test_a_code_that_the_package_does_not_have_is_left_out() -> None:
    """The others are reported."""
    made = table(dt.date(2026, 11, 2), dt.date(2026, 11, 6), ["XTKS", "NOSUCH"])
    assert made.exchanges.keys() == {"XTKS"}
