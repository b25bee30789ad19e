"""The market of a symbol: its kind, its days and its hours."""

import datetime as dt
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import NEW_YORK, Calendar
from photon_app.calendar.session import CRYPTO, FX, day_of, session_at, trades_at, venue_of
from photon_app.model import MarketSession

SYMBOLS = ("A", "BRK.B", "X:B", "BINANCE:BTCUSDT", "OANDA:EUR_USD")
SESSIONS: tuple[MarketSession, ...] = get_args(MarketSession)
MINUTE_MS = 60_000


def at(*fields: int) -> int:
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("symbol", "venue"),
    [
        ("AAPL", "us"),
        ("BRK.B", "us"),
        ("BINANCE:BTCUSDT", "crypto"),
        ("COINBASE:BTC-USD", "crypto"),
        ("OANDA:EUR_USD", "fx"),
        ("IC MARKETS:1", "fx"),
        ("FOREX.COM:1", "fx"),
        ("FXCM:EUR/USD", "fx"),
        ("NOBODY:KNOWS", "other"),
        (":", "other"),
    ],
)
def test_a_name_says_its_market(symbol: str, venue: str) -> None:
    """By what stands before the colon."""
    assert venue_of(symbol) == venue


def test_no_house_deals_in_two_markets() -> None:
    """Each name is in one list."""
    assert FX.isdisjoint(CRYPTO)


@given(st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2035, 1, 1)), st.sampled_from(SYMBOLS))
def test_a_day_holds_its_moments(moment: dt.datetime, symbol: str) -> None:
    """Days are half-open and adjoin each other, 23 to 25 hours long."""
    now_ms = round(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
    day = day_of(symbol, now_ms)
    assert day.start_ms <= now_ms < day.end_ms
    assert day_of(symbol, day.end_ms).start_ms == day.end_ms
    assert 23 <= (day.end_ms - day.start_ms) / 3_600_000 <= 25


def test_a_us_day_begins_at_midnight_in_new_york() -> None:
    """Whatever the session."""
    assert day_of("AAPL", at(2026, 11, 20, 23, 59)) == (at(2026, 11, 20), at(2026, 11, 21))


@pytest.mark.parametrize("symbol", ["BINANCE:BTCUSDT", "NOBODY:KNOWS"])
def test_a_round_the_clock_symbol_has_the_utc_day(symbol: str) -> None:
    """Crypto, and what is not known."""
    assert day_of(symbol, 86_400_000 * 20_000).start_ms == 86_400_000 * 20_000


def test_a_day_of_foreign_exchange_begins_at_five_in_new_york() -> None:
    """In summer and in winter."""
    rollover = at(2026, 11, 20, 17)
    assert day_of("OANDA:EUR_USD", rollover) == (rollover, at(2026, 11, 21, 17))
    assert day_of("OANDA:EUR_USD", rollover - 1) == (at(2026, 11, 19, 17), rollover)
    assert day_of("OANDA:EUR_USD", at(2026, 7, 1, 12)).start_ms == at(2026, 6, 30, 17)


@pytest.mark.parametrize(
    ("moment", "trades"),
    [
        (at(2026, 11, 20, 16, 54), True),
        (at(2026, 11, 20, 17), False),
        (at(2026, 11, 21, 12), False),
        (at(2026, 11, 22, 12), False),
        (at(2026, 11, 22, 17), False),
        (at(2026, 11, 22, 17, 5), True),
        (at(2026, 11, 23, 16, 54), True),
        (at(2026, 11, 23, 16, 58), False),
        (at(2026, 11, 23, 17, 5), True),
        (at(2026, 12, 24, 18), False),
        (at(2026, 12, 25, 12), False),
        (at(2026, 12, 31, 18), False),
        (at(2026, 7, 3, 12), True),
    ],
)
def test_the_week_of_foreign_exchange(moment: int, trades: bool) -> None:
    """Sunday 17:00 to Friday 17:00 in New York, less a pause each day, Christmas and New Year."""
    assert trades_at("OANDA:EUR_USD", moment, Calendar()) is trades


@pytest.mark.parametrize(
    ("moment", "trades"),
    [
        (at(2026, 11, 20, 9, 29), False),
        (at(2026, 11, 20, 9, 30), True),
        (at(2026, 11, 20, 15, 59), True),
        (at(2026, 11, 20, 16), False),
        (at(2026, 11, 21, 12), False),
    ],
)
def test_us_stocks_trade_in_the_regular_session(moment: int, trades: bool) -> None:
    """Before and after it silence is common."""
    assert trades_at("A", moment, Calendar()) is trades


@given(st.integers(at(2001, 1, 1), at(2035, 1, 1)))
def test_crypto_always_trades_and_the_unknown_is_never_expected_to(moment: int) -> None:
    """At any time."""
    assert trades_at("BINANCE:BTCUSDT", moment, Calendar())
    assert not trades_at("X:B", moment, Calendar())


@given(st.integers(at(2001, 1, 1), at(2035, 1, 1)), st.sampled_from(SESSIONS))
def test_a_session_is_that_of_the_symbols_own_market(moment: int, exchange: MarketSession) -> None:
    """Of stocks the exchange's; a market that trades is not closed, whatever the exchange does."""
    assert session_at("A", moment, exchange, Calendar()) == exchange
    assert session_at("BINANCE:BTCUSDT", moment, exchange, Calendar()) == "regular"
    assert session_at("X:B", moment, exchange, Calendar()) is None
    fx = session_at("OANDA:EUR_USD", moment, exchange, Calendar())
    assert fx in {"regular", "closed"}
    assert fx == "regular" or not trades_at("OANDA:EUR_USD", moment, Calendar())


def test_the_daily_pause_of_foreign_exchange_ends_no_session_and_its_weekend_does() -> None:
    """Wednesday and Friday at 17:00, Sunday before and after."""
    assert session_at("OANDA:EUR_USD", at(2026, 11, 18, 17), "post", Calendar()) == "regular"
    assert session_at("OANDA:EUR_USD", at(2026, 11, 20, 16, 59), "post", Calendar()) == "regular"
    assert session_at("OANDA:EUR_USD", at(2026, 11, 20, 17), "post", Calendar()) == "closed"
    assert session_at("OANDA:EUR_USD", at(2026, 11, 22, 16, 59), "closed", Calendar()) == "closed"
    assert session_at("OANDA:EUR_USD", at(2026, 11, 22, 17), "closed", Calendar()) == "regular"


@given(st.dates(dt.date(2001, 1, 1), dt.date(2034, 12, 31)))
def test_a_week_of_foreign_exchange_is_what_it_says(sunday: dt.date) -> None:
    """Five days of 24 hours, less 17:00 itself when looked at every five minutes, in every week
    without a holiday.
    """
    sunday -= dt.timedelta(days=sunday.isoweekday() % 7)
    dates = [sunday + dt.timedelta(days=n) for n in range(7)]
    if any((date.month, date.day) in {(12, 25), (1, 1)} for date in dates[1:6]):
        return
    start = at(sunday.year, sunday.month, sunday.day, 17)
    minutes = range(start, start + 7 * 86_400_000 - 3_600_000, 5 * MINUTE_MS)
    assert sum(trades_at("OANDA:EUR_USD", minute, Calendar()) for minute in minutes) == 5 * (
        24 * 12 - 1
    )
