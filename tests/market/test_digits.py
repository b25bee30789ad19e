"""How prices are written: the decimals of a symbol, exact differences, sums without noise."""

import math
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import day_of, market_day
from photon_app.market import digits
from photon_app.market.digits import Digits, decimals_of
from photon_app.model import Bar, Seed, Trade
from tests.fakes.book import Book
from tests.fakes.dates import new_york

NOON_MS = 1_795_539_600_000  # Tuesday, 24 November 2026, 12:00 in New York

written_prices = st.builds(
    lambda number, decimals: float(Decimal(number).scaleb(-decimals)),
    st.integers(1, 10**9),
    st.integers(0, 12),
)


@pytest.mark.parametrize(
    ("symbol", "prices", "decimals"),
    [
        ("OANDA:EUR_USD", [1.08503], 5),
        ("OANDA:EUR_USD", [1.085], 5),
        ("OANDA:EUR_USD", [1.0], 5),
        ("OANDA:AUD_USD", [0.65382], 5),
        ("OANDA:USD_JPY", [149.269], 3),
        ("OANDA:USD_JPY", [149.2], 3),
        ("FXCM:GBP/JPY", [191.0], 3),
        ("FXCM:EUR/CZK", [25.1], 5),
        ("EURUSD=X", [1.1], 5),
        ("JPY=X", [149.0], 3),
        ("OANDA:USD_VND", [25412], 0),
        ("OANDA:USD_IDR", [15712.5], 1),
        ("BINANCE:SHIBUSDT", [0.00000871], 9),
        ("BINANCE:XUSDT", [1.2e-9], 12),
        ("BINANCE:XUSDT", [1.23456e-9], 14),
        ("BINANCE:BTCUSDT", [97123.45], 2),
        ("BINANCE:BTCUSDT", [97123], 2),
        ("BINANCE:ADAUSDT", [0.4512], 4),
        ("AAPL", [189.5], 2),
        ("BRK.A", [712345.0], 2),
        ("7203.T", [2845], 2),
        ("PENNY", [0.0123], 5),
        ("PENNY", [0.5], 4),
        ("SIRI", [5.25], 3),
        ("NOISE", [189.50000000000003], 2),
        ("GEMINI:BTCUSD", [97123.45678901], 5),
    ],
)
def test_a_symbol_has_the_decimals_of_its_market_its_size_and_its_prices(
    symbol: str, prices: list[float], decimals: int
) -> None:
    """Zeros at the end of a price, which JSON does not write, are among them."""
    assert decimals_of(symbol, prices) == decimals


@pytest.mark.parametrize(
    ("price", "decimals"),
    [
        *[(1.085, 3), (1.08503, 5), (149.2, 2), (25412, 2), (1.2e-9, 12), (0.00000871, 9)],
        *[(97123.45, 2), (712345, 2), (0.0123, 5), (5.25, 3), (0.5, 4), (10, 2), (9.9999, 4)],
        *[(189.50000000000003, 2), (97123.45678901, 5), (1e-300, 20), (0, 2), (math.nan, 2)],
    ],
)
def test_one_price_shows_what_clients_assume(price: float, decimals: int) -> None:
    """The same table is in ``tests/ui/photon_client.test.mjs``."""
    assert digits.shown_by(price) == decimals


def test_one_odd_print_does_not_change_how_all_are_shown() -> None:
    """A stock's price of a fraction of a cent, now and then."""
    shown = Digits("AAPL")
    prices = [189 + n % 100 / 100 for n in range(1_000)]
    for n in range(12, 1_000, 12):
        prices[n] = 189.1234
    for price in prices:
        shown.look(price)
        assert shown.decimals == 2


@given(st.integers(3, 6), st.integers(0, 2_000))
def test_a_finer_tick_is_taken_over_soon_and_left_again(finer: int, before: int) -> None:
    """Within some hundred prices, however long it had been another one."""
    shown = Digits("BINANCE:XUSDT")
    looked_at = 0

    def tell(price: float) -> None:
        nonlocal looked_at
        looked_at -= 1
        if looked_at <= 0:  # as the book does
            shown.look(price)
            looked_at = shown.step

    for n in range(1 + before):
        tell(70 + n % 100 / 100)
    assert shown.decimals == 2
    for n in range(300):
        tell(70 + n / 10**finer)
    assert shown.decimals == finer
    for n in range(10_000):
        tell(70 + n % 100 / 100)
    assert shown.decimals == 2


def test_a_price_that_falls_keeps_four_digits_and_one_at_a_bound_does_not_flicker() -> None:
    """From dollars to billionths, one look at each tenth of it."""
    shown = Digits("BINANCE:LUNAUSDT")
    for price in (87.31, 9.9, 10.1, 9.9, 10.1):
        shown.look(price)
    assert shown.decimals == 3
    for decade in range(1, 10):
        price = float(f"1.7e-{decade}")
        shown.look(price)
        assert f"{price:.{shown.decimals}f}".lstrip("0.").startswith("1700"[:4])


@given(written_prices)
def test_a_price_is_shown_with_four_digits_at_least_and_at_most_with_what_a_screen_has(
    price: float,
) -> None:
    """Whatever its size."""
    decimals = decimals_of("BINANCE:XUSDT", [price])
    assert 0 <= decimals <= digits.MOST
    assert f"{price:.{decimals}f}".strip("0.") != ""
    assert abs(float(f"{price:.{decimals}f}") - price) <= price * 0.5e-3


@given(written_prices, written_prices)
def test_a_difference_is_that_of_the_numbers_as_they_are_written(one: float, other: float) -> None:
    """Not of their binary neighbours."""
    assert digits.difference(one, other) == float(Decimal(repr(one)) - Decimal(repr(other)))
    if one == other:
        assert digits.change(one, other) == (0, 0)


@pytest.mark.parametrize(
    ("price", "prev_close", "change", "percent"),
    [
        (1.2e-9, 0.96e-9, 2.4e-10, 25.0),
        (1.08503, 1.08499, 0.00004, 0.0037),
        (0.3, 0.1, 0.2, 200.0),
        (712345.0, 712344.1, 0.9, 0.0001),
        (10, None, None, None),
    ],
)
def test_a_change_is_exact_and_its_percentage_of_unrounded_numbers(
    price: float, prev_close: float | None, change: float, percent: float
) -> None:
    """However small the price."""
    assert digits.change(price, prev_close) == (change, percent)


@given(st.lists(st.decimals("0.00000001", 1000, places=8), min_size=1, max_size=50))
def test_a_sum_of_volumes_is_the_one_that_people_would_write(volumes: list[Decimal]) -> None:
    """Eight decimals, as crypto exchanges have them."""
    assert digits.total(sum(float(one) for one in volumes)) == float(sum(volumes))


@pytest.mark.parametrize("volume", [0, 100, 48_700_000, 10**14, 0.1, 1e-8])
def test_a_volume_that_is_no_sum_stays_what_it_is(volume: float) -> None:
    """Whole numbers stay whole."""
    assert repr(digits.total(volume)) == repr(volume)


@given(written_prices, st.integers(0, 20))
def test_a_number_in_full_has_no_exponent_and_loses_nothing(value: float, decimals: int) -> None:
    """And ends with the zeros that belong to it."""
    text = digits.plain(value, decimals)
    assert "e" not in text.lower()
    assert float(text) == value
    assert len(text.partition(".")[2]) >= decimals


@given(st.floats())
def test_any_number_makes_a_short_text(value: float) -> None:
    """Also for prices at which no trade occurs."""
    assert len(digits.plain(value, 2)) < 60


def _book(symbol: str) -> Book:
    book = Book(day_of)
    book.admit(symbol)
    return book


def test_a_quote_tells_the_decimals_and_sums_without_noise() -> None:
    """0.1 and 0.2 are 0.3."""
    book = _book("OANDA:EUR_USD")
    book.seed(Seed(symbol="OANDA:EUR_USD", prev_close=1.08499))
    for n, volume in enumerate((0.1, 0.2)):
        book.apply(Trade("OANDA:EUR_USD", 1.08503, volume, NOON_MS + n))
    quote = book.quote("OANDA:EUR_USD")
    assert quote is not None
    assert (quote.decimals, quote.day_volume, quote.change) == (5, 0.3, 0.00004)


def test_decimals_that_a_first_price_does_not_show_are_news_and_others_are_not() -> None:
    """A client that sees 1.085 of a rate has to be notified; one that sees 189.5 of a stock has
    not.
    """
    for symbol, price, news in (("OANDA:EUR_USD", 1.085, True), ("AAPL", 189.5, False)):
        book = _book(symbol)
        book.apply(Trade(symbol, price, 1, NOON_MS))
        assert (book.take_turned() == [symbol]) is news
        for n in range(100):
            book.apply(Trade(symbol, price, 1, NOON_MS + n))
        assert book.take_turned() == []


def test_a_price_that_was_asked_for_tells_decimals_too() -> None:
    """A symbol without a slot has no other."""
    book = _book("BINANCE:XUSDT")
    book.seed(Seed(symbol="BINANCE:XUSDT", price=0.00000871, time_ms=NOON_MS))
    quote = book.quote("BINANCE:XUSDT")
    assert quote is not None
    assert quote.decimals == 9


@pytest.mark.parametrize(
    ("symbol", "price", "decimals"),
    [("MSFT", 495.5, 2), ("OANDA:USD_JPY", 149.2, 3), ("OANDA:AUD_USD", 0.65382, 5)],
)
def test_a_price_of_a_closed_market_and_a_stored_one_tell_decimals(
    symbol: str, price: float, decimals: int
) -> None:
    """Also where they are all that is known: no client is notified that it has none."""
    friday, saturday = new_york(2026, 11, 20, 15), new_york(2026, 11, 21, 12)
    day = Bar(
        time_ms=friday, open=price, high=price, low=price, close=price, volume=1.0, turnover=price,
        count=1, open_ms=friday, close_ms=friday + 59_000,
    )  # fmt: skip

    def book_of(*, as_price: bool) -> Book:
        book = Book(lambda symbol, time_ms: market_day(symbol, time_ms, Calendar()))
        book.admit(symbol)
        book.recall(symbol, day, as_price=as_price)
        return book

    stored, invented = book_of(as_price=True), book_of(as_price=False)
    assert (quote := stored.quote(symbol)) is not None
    assert quote.decimals == decimals
    for book in (stored, invented):
        book.apply(Trade(symbol, price, 1, saturday))
        assert (quote := book.quote(symbol)) is not None
        assert quote.decimals == decimals


def test_finer_prices_of_a_closed_market_are_news() -> None:
    """A symbol may be written finer from a weekend on."""
    book = Book(lambda symbol, time_ms: market_day(symbol, time_ms, Calendar()))
    book.admit("A")
    book.apply(Trade("A", 20.25, 1, new_york(2026, 11, 20, 15)))
    before = book.price_only
    for at in range(64):
        book.apply(Trade("A", 20.2505 + at / 10_000, 1, new_york(2026, 11, 21, 12) + at))
    assert (before, book.price_only) == (False, True)  # so each tells the figures
    assert (quote := book.quote("A")) is not None
    assert quote.decimals == 4


def test_a_symbols_memory_does_not_grow_with_its_prices() -> None:
    """A few counts, however long the tape."""
    shown = Digits("A")
    for n in range(10_000):
        shown.look(1 + n / 7)
    assert sum(len(getattr(shown, name)) for name in ("_recent",)) <= digits.WINDOW


def test_steps_between_looks_grow_while_prices_agree() -> None:
    """So that the hot path pays for few."""
    shown = Digits("A")
    steps = []
    for _ in range(40):
        shown.look(10.25)
        steps.append(shown.step)
    assert steps[-1] == digits.STEP
    assert all(one <= other for one, other in pairwise(steps))
    shown.look(10.2512)
    assert shown.step == 1
