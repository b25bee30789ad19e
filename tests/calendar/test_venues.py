"""Which exchange a symbol is listed on, and that its hours are the exchange's."""

import datetime as dt
import warnings
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar import venues
from photon_app.calendar.venues import FUTURES, SUFFIXES, US, US_SUFFIXES, Exchange, exchange_of
from photon_app.listings import BundledReference
from tests.names import SYMBOL

ALL: set[Exchange] = {*SUFFIXES.values(), *venues._INDICES.values(), FUTURES, US}
WINTER, SUMMER = dt.datetime(2026, 1, 15, 12), dt.datetime(2026, 7, 15, 12)


@pytest.mark.parametrize(
    ("symbol", "zone"),
    [
        ("7203.T", "Asia/Tokyo"),
        ("^N225", "Asia/Tokyo"),
        ("VOD.L", "Europe/London"),
        ("M&M.NS", "Asia/Kolkata"),
        ("RELIANCE.BO", "Asia/Kolkata"),
        ("0700.HK", "Asia/Hong_Kong"),
        ("SAP.DE", "Europe/Berlin"),
        ("SAP.F", "Europe/Berlin"),
        ("SHOP.TO", "America/Toronto"),
        ("ABC.V", "America/Toronto"),
        ("BHP.AX", "Australia/Sydney"),
        ("600519.SS", "Asia/Shanghai"),
        ("000001.SZ", "Asia/Shanghai"),
        ("RDS-A.AS", "Europe/Amsterdam"),
        ("NOVO-B.CO", "Europe/Copenhagen"),
        ("BRK.B.MX", "America/Mexico_City"),
        ("GC=F", "America/Chicago"),
        ("^GSPTSE", "America/Toronto"),
    ],
)
def test_a_suffix_is_an_exchange(symbol: str, zone: str) -> None:
    """With its own days, which are not New York's."""
    exchange = exchange_of(symbol)
    assert exchange is not None
    assert exchange.zone == zone
    assert not venues.is_us(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        *("AAPL", "BRK.A", "BRK.B", "BF.A", "BF.B", "MOG.A", "LEN.B", "CIG.C", "MKC.V", "AAC.U"),
        *("AAC.WS", "BAC.PRL", "BRK-B", "BRK/B", "BAC-PL", "ACAQ+", "BAC$L", "AAPL.US", "S12"),
        *("^DJI", "^GSPC", "^IXIC", "^VIX"),
    ],
)
def test_classes_and_kinds_of_us_shares_stay_in_the_us(symbol: str) -> None:
    """However US exchanges write them."""
    assert venues.is_us(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        *(
            "ABC.ZZ",
            "ABC.QQQ",
            "ABC.1",
            "ABC.",
            "7203",
            "7203.B",
            "^WHATEVER",
            "ES1!",
            "#A",
            "$SPX",
        ),
        *("EURUSD=X", "JPY=X", "BTC-USD", "BTC/USD", "EUR/USD", "BINANCE:BTCUSDT", "OANDA:EUR_USD"),
        *("NYSE:X.T", "IC MARKETS:1"),
    ],
)
def test_what_is_not_known_is_on_no_exchange_and_never_in_the_us(symbol: str) -> None:
    """It has the UTC day."""
    assert exchange_of(symbol) is None
    assert not venues.is_us(symbol)


@given(st.from_regex(r"[A-Z0-9]{1,8}\.[A-Z0-9]{1,6}", fullmatch=True))
def test_no_unknown_suffix_is_of_the_us(symbol: str) -> None:
    """Only its own ways to tell shares apart."""
    suffix = symbol.rpartition(".")[2]
    if venues.is_us(symbol):
        ours = suffix in US_SUFFIXES | {"US"} or suffix.startswith("PR") or symbol == "MKC.V"
        assert ours


@given(st.from_regex(SYMBOL, fullmatch=True))
def test_every_symbol_has_an_answer(symbol: str) -> None:
    """One of the table, or none."""
    assert exchange_of(symbol) in {None, *ALL}


def test_the_symbols_that_everybody_looks_for_are_of_the_us_or_named_otherwise() -> None:
    """The bundled list has US shares, and others behind a colon."""
    for listing in BundledReference().all:
        assert venues.is_us(listing.symbol) is (":" not in listing.symbol)


def test_no_suffix_means_two_things() -> None:
    """One that is an exchange is no class of a share."""
    assert not SUFFIXES.keys() & US_SUFFIXES


@pytest.mark.parametrize("exchange", sorted(ALL, key=str))
def test_days_and_hours_are_those_of_the_calendar_of_the_exchange(exchange: Exchange) -> None:
    """Of the one that ``pandas_market_calendars`` has under its code."""
    zone = ZoneInfo(exchange.zone)
    if exchange.code is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas_market_calendars  # noqa: PLC0415 - slow to load

        calendar: Any = pandas_market_calendars.get_calendar(exchange.code)
    theirs = ZoneInfo(str(calendar.tz))
    for moment in (WINTER, SUMMER):
        assert moment.replace(tzinfo=zone).utcoffset() == moment.replace(tzinfo=theirs).utcoffset()
    assert (exchange.opens, exchange.closes) == (calendar.open_time, calendar.close_time)
