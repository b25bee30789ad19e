"""Laws of the prices at which a simulator begins."""

import itertools
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import upstream
from photon_app.calendar.calendar import Calendar
from photon_app.feed.simulated.prices import (
    COINS,
    CURRENCIES,
    FURTHER_PRICES,
    family_of,
    known_price,
    start_price,
)
from photon_app.listings import bundled, prices
from photon_app.settings import DEFAULT_SYMBOLS, Settings
from tests.fakes.dates import OPEN_MS
from tests.names import SYMBOL

SYMBOLS = st.from_regex(SYMBOL, fullmatch=True)
DAY_MS = 86_400_000


@pytest.mark.parametrize("symbol", DEFAULT_SYMBOLS)
def test_every_default_symbol_is_known(symbol: str) -> None:
    """So that the first page looks like the market."""
    assert known_price(symbol) == prices()[symbol]


@given(SYMBOLS)
def test_every_name_has_a_price_and_always_the_same(symbol: str) -> None:
    """Positive and finite, whatever a client makes up; so has its family."""
    assert 0 < known_price(symbol) < math.inf
    assert start_price(symbol) == start_price(symbol)
    assert family_of(symbol)


@given(st.from_regex(r"[A-Z]{5}", fullmatch=True))
def test_an_unknown_stock_begins_at_an_ordinary_price(symbol: str) -> None:
    """Between 15 and 300."""
    assert 15 <= start_price(symbol) <= 300


@pytest.mark.parametrize(
    ("symbol", "low", "high"),
    [
        ("WMT", 90, 120),
        ("V", 300, 360),
        ("BRK.A", 700_000, 820_000),
        ("OANDA:EUR_USD", 1.1, 1.2),
        ("FXCM:EUR/USD", 1.1, 1.2),
        ("EURUSD=X", 1.1, 1.2),
        ("JPY=X", 140, 170),
        ("OANDA:NZD_JPY", 80, 95),
        ("OANDA:QQQ_JPY", 150, 270),
        ("OANDA:QQQ_USD", 1, 1.7),
        ("OANDA:XAU_USD", 3_500, 4_500),
        ("BINANCE:LINKUSDT", 5, 30),
        ("KRAKEN:XBT/EUR", 60_000, 100_000),
        ("KUCOIN:ETH-BTC", 0.02, 0.05),
        ("BTC-USD", 70_000, 100_000),
        ("BINANCE:NEWCOINUSDT", 0.05, 50),
        ("BINANCE:X", 0.05, 50),
        ("^XYZ", 1_000, 20_000),
        ("7203.T", 2_000, 4_000),
        ("X:Y", 15, 300),
    ],
)
def test_a_name_begins_where_its_kind_is_expected(symbol: str, low: float, high: float) -> None:
    """Stocks, rates by whoever quotes them and however, coins against money and coins."""
    assert low <= known_price(symbol) <= high


@given(st.permutations(sorted(CURRENCIES)).map(lambda codes: codes[:3]))
def test_rates_agree_with_each_other(codes: list[str]) -> None:
    """One through the third is the same as directly."""
    one, two, three = codes
    rates = [start_price(f"OANDA:{a}_{b}") for a, b in ((one, two), (two, three))]
    assert math.prod(rates) == pytest.approx(start_price(f"OANDA:{one}_{three}"), rel=1e-4)


def test_the_list_agrees_with_the_tables() -> None:
    """A pair of the list has the price that its currencies or coins make; no name is in two."""
    assert not FURTHER_PRICES.keys() & prices().keys()
    pairs = [symbol for symbol in bundled() if ":" in symbol]
    assert len(pairs) == 16
    for symbol in pairs:
        assert known_price(symbol) == pytest.approx(start_price(symbol), rel=1e-3)
    assert COINS["BTC"] == COINS["XBT"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GOOG", "GOOGL"),
        ("VOO", "SPY"),
        ("BINANCE:BTCUSDT", "COINBASE:BTC-USD"),
        ("BINANCE:BTCUSDT", "KRAKEN:XBT/USD"),
        ("OANDA:EUR_USD", "FXCM:EUR/USD"),
    ],
)
def test_a_family_keeps_together(one: str, other: str) -> None:
    """The closes of two years stand in one proportion, and the prices of a moment are close."""
    past = upstream.simulated_past(Settings(sim_seed=3), Calendar())
    proportion = known_price(one) / known_price(other)
    for n in range(0, 700, 7):
        now_ms = OPEN_MS - n * DAY_MS
        closes = [past.close(symbol, past.hours_at(symbol, now_ms)) for symbol in (one, other)]
        assert closes[0] / closes[1] == pytest.approx(proportion, rel=1e-3)
    now = [past.price(symbol, OPEN_MS) for symbol in (one, other)]
    assert now[0] / now[1] == pytest.approx(proportion, rel=0.1)


def test_strangers_do_not_move_alike() -> None:
    """Each family has days of its own."""
    families = [family_of(symbol) for symbol in ("AAPL", "MSFT", "OANDA:EUR_USD", "BTC-USD")]
    assert all(one != other for one, other in itertools.combinations(families, 2))


def test_a_listed_symbol_starts_near_its_price() -> None:
    """Two years of a walk later it is still of that size."""
    past = upstream.simulated_past(Settings(), Calendar())
    for symbol in itertools.islice(bundled(), 0, None, 25):
        assert 0.6 < past.price(symbol, OPEN_MS) / prices()[symbol] < 1.7


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_the_start_price_is_the_same_in_every_process(hash_seed: str) -> None:
    """Python's own hash of a string is not: it must not be used."""
    code = "from photon_app.feed.simulated.prices import start_price; print(start_price('ZZZZ'))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert float(printed) == start_price("ZZZZ")
