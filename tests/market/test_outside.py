"""Trades outside the sessions of their market, the close, and what is recalled of a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import market_day
from photon_app.model import Bar, Quote, Seed, Trade
from tests.fakes.book import FIGURES, NOTHING, Book
from tests.fakes.dates import MOMENTS, new_york, utc

CALENDAR = Calendar()
FRIDAY = (2026, 11, 20)
MINUTE_MS = 60_000
CROSS = ("35",)
AVERAGE_PRICE = ("3",)


def book_of(*symbols: str) -> Book:
    """A book on the exchange's days."""
    book = Book(lambda symbol, time_ms: market_day(symbol, time_ms, CALENDAR))
    for symbol in symbols or ("A",):
        book.admit(symbol)
    return book


def day_bar(
    time_ms: int, price: float = 100.0, volume: float = 1000.0, *, invented: bool = False
) -> Bar:
    """What a day came to."""
    return Bar(
        time_ms=time_ms,
        open=price - 1,
        high=price + 2,
        low=price - 2,
        close=price,
        volume=volume,
        turnover=volume * price,
        count=10,
        open_ms=time_ms,
        close_ms=time_ms + MINUTE_MS,
        invented=invented,
    )


def figures(quote: Quote | None) -> tuple[float, float, float, float]:
    """The day of a quote."""
    assert quote is not None
    return quote.open, quote.high, quote.low, quote.day_volume


@pytest.mark.parametrize(
    "moment_ms",
    [
        new_york(*FRIDAY, 20, 0),
        new_york(2026, 11, 21, 12),
        new_york(2026, 11, 22, 23, 59, 59),
        new_york(2026, 11, 23, 3, 59, 59),
    ],
)
def test_a_weekend_begins_no_day(moment_ms: int) -> None:
    """Its trades move the price; the figures and the previous close stay Friday's."""
    book = book_of()
    book.seed(Seed(symbol="A", prev_close=95))
    for hour, price in ((10, 100), (11, 103), (12, 99)):
        book.apply(Trade("A", price, 10, new_york(*FRIDAY, hour)))
    before = figures(book.quote("A"))
    assert book.apply(Trade("A", 110, 5, moment_ms)) == 4
    assert book.price_only
    quote = book.quote("A")
    assert quote is not None
    assert figures(quote) == before
    assert (quote.price, quote.volume, quote.prev_close, quote.time_ms) == (110, 5, 95, moment_ms)
    assert (book.counters.outside, book.counters.applied) == (1, 3)
    assert book.take_turned() == []


def test_monday_begins_at_four_against_fridays_close() -> None:
    """Not against what the weekend or the post-market made of it."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 15, 59)))
    book.apply(Trade("A", 108, 1, new_york(*FRIDAY, 18)))
    book.apply(Trade("A", 109, 1, new_york(2026, 11, 22, 12)))
    book.apply(Trade("A", 110, 2, new_york(2026, 11, 23, 4)))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.prev_close, quote.change) == (100, 10)
    assert figures(quote) == (110, 110, 110, 2)
    assert book.take_turned() == ["A"]


@pytest.mark.parametrize("moment_ms", [new_york(*FRIDAY, 22), new_york(2026, 11, 22, 12)])
def test_a_night_without_a_post_market_keeps_the_close(moment_ms: int) -> None:
    """The first trade after the regular session may be one outside of all."""
    book = book_of()
    book.apply(Trade("A", 100, 10, new_york(*FRIDAY, 15, 59)))
    book.apply(Trade("A", 110, 10, moment_ms))
    assert book.quote("A").close == 100  # type: ignore[union-attr]
    book.apply(Trade("A", 111, 10, new_york(2026, 11, 23, 4)))
    assert book.quote("A").prev_close == 100  # type: ignore[union-attr]


def test_the_closing_cross_is_the_close() -> None:
    """It is printed some seconds after the wakeup, among trades of the post-market."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 15, 59)))
    book.apply(Trade("A", 101, 1, new_york(*FRIDAY, 16, 0, 1)))
    book.apply(Trade("A", 100.5, 5000, new_york(*FRIDAY, 16, 0, 3), CROSS))
    book.apply(Trade("A", 102, 1, new_york(*FRIDAY, 16, 0, 4)))
    book.apply(Trade("A", 104, 1, new_york(*FRIDAY, 19), CROSS))
    assert book.quote("A").close == 100.5  # type: ignore[union-attr]
    book.apply(Trade("A", 105, 1, new_york(2026, 11, 23, 8)))
    assert book.quote("A").prev_close == 100.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("time", "price", "conditions", "close"),
    [
        ((15, 59, 50), 100.0, (), 100.0),
        ((15, 59, 57), 100.2, (), 100.2),
        ((15, 59, 57), 100.2, AVERAGE_PRICE, 100.0),
        ((16, 0, 0), 100.3, (), 100.0),
        ((16, 0, 58), 100.4, CROSS, 100.4),
        ((16, 1, 0), 100.5, CROSS, 100.0),
    ],
)
def test_the_close_is_by_the_exchange_s_time(
    time: tuple[int, ...], price: float, conditions: tuple[str, ...], close: float
) -> None:
    """Reports come after later trades: a last price or a cross of before them is the close."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 15, 59, 55)))
    book.apply(Trade("A", 103, 1, new_york(*FRIDAY, 16, 1, 1)))
    book.apply(Trade("A", price, 1, new_york(*FRIDAY, *time), conditions))
    assert book.quote("A").close == close  # type: ignore[union-attr]
    book.apply(Trade("A", 99, 1, new_york(*FRIDAY, 15, 58)))
    book.apply(Trade("A", 105, 1, new_york(2026, 11, 23, 8)))
    assert book.quote("A").prev_close == close  # type: ignore[union-attr]


def test_no_late_trade_undoes_a_cross_or_an_official_close() -> None:
    """Whichever came first."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 15, 59)))
    book.apply(Trade("A", 101, 1, new_york(*FRIDAY, 16, 0, 3), CROSS))
    book.apply(Trade("A", 99, 1, new_york(*FRIDAY, 15, 59, 59)))
    assert book.quote("A").close == 101  # type: ignore[union-attr]
    book.seed(Seed(symbol="A", price=101.5, time_ms=new_york(*FRIDAY, 16, 0, 4)))
    book.apply(Trade("A", 98, 1, new_york(*FRIDAY, 15, 59, 59)))
    assert book.quote("A").close == 101.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("symbol", "inside", "outside", "next_day"),
    [
        (
            "OANDA:EUR_USD",
            new_york(2026, 11, 20, 16, 59),
            new_york(2026, 11, 21, 3),
            new_york(2026, 11, 22, 17),
        ),
        ("A", new_york(*FRIDAY, 15), new_york(*FRIDAY, 20), new_york(2026, 11, 23, 4)),
        ("A", new_york(*FRIDAY, 19), new_york(*FRIDAY, 20), new_york(2026, 11, 23, 4)),
    ],
)
def test_what_is_traded_outside_is_no_previous_close(
    symbol: str, inside: int, outside: int, next_day: int
) -> None:
    """Of currencies, and of a stock that had no trade in its post-market, or no other."""
    book = book_of(symbol)
    book.apply(Trade(symbol, 1.0, 1, inside))
    book.apply(Trade(symbol, 1.1, 1, outside))
    book.apply(Trade(symbol, 1.12, 1, outside + MINUTE_MS))
    book.apply(Trade(symbol, 1.05, 1, next_day))
    assert book.quote(symbol).prev_close == 1.0  # type: ignore[union-attr]


@pytest.mark.parametrize("conditions", [(), AVERAGE_PRICE])
@pytest.mark.parametrize(
    ("symbol", "outside", "inside"),
    [
        ("A", new_york(2026, 11, 23, 3, 59, 59), new_york(2026, 11, 23, 4)),
        ("A", new_york(2026, 11, 26, 12), new_york(2026, 11, 27, 5)),
        ("OANDA:EUR_USD", new_york(2026, 11, 22, 16, 59), new_york(2026, 11, 22, 17)),
    ],
)
def test_outside_is_outside_when_the_next_day_has_begun(
    symbol: str, outside: int, inside: int, conditions: tuple[str, ...]
) -> None:
    """A late report from before it is not of the day before, and counts in no bar either."""
    book = book_of(symbol)
    book.apply(Trade(symbol, 1.0, 1, inside))
    assert book.apply(Trade(symbol, 1.01, 1, outside, conditions)) == NOTHING
    assert (book.counters.outside, book.counters.earlier_day) == (1, 0)


def test_the_official_close_is_what_quote_says_after_the_bell() -> None:
    """At any time between two sessions; by it the next day's change is counted."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 15, 59)))
    book.apply(Trade("A", 108, 1, new_york(*FRIDAY, 18)))
    polled = Seed(symbol="A", price=100.25, time_ms=new_york(*FRIDAY, 16), prev_close=98)
    book.seed(polled)
    assert book.quote("A").price == 108  # type: ignore[union-attr]
    book.apply(Trade("A", 110, 1, new_york(2026, 11, 23, 4)))
    assert book.quote("A").prev_close == 100.25  # type: ignore[union-attr]
    later = Seed(symbol="A", price=100.5, time_ms=new_york(*FRIDAY, 16), prev_close=98)
    book.seed(later)
    assert book.quote("A").prev_close == 100.5  # type: ignore[union-attr]


def test_an_early_close_is_a_close() -> None:
    """On the day after Thanksgiving the regular session ends at 13:00, the day at 17:00."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(2026, 11, 27, 12, 59)))
    book.apply(Trade("A", 101, 1, new_york(2026, 11, 27, 14)))
    book.apply(Trade("A", 103, 1, new_york(2026, 11, 27, 17)))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.high, quote.close, quote.day_volume) == (103, 101, 100, 2)


@pytest.mark.parametrize(
    ("symbol", "inside", "outside", "next_day"),
    [
        ("A", new_york(2026, 11, 25, 12), new_york(2026, 11, 26, 12), new_york(2026, 11, 27, 5)),
        ("A", new_york(2026, 12, 24, 12), new_york(2026, 12, 25, 12), new_york(2026, 12, 28, 4)),
        (
            "OANDA:EUR_USD",
            new_york(2026, 11, 20, 16, 59),
            new_york(2026, 11, 21, 3),
            new_york(2026, 11, 22, 17, 5),
        ),
        (
            "OANDA:EUR_USD",
            new_york(2026, 12, 24, 16, 59),
            new_york(2026, 12, 25, 3),
            new_york(2026, 12, 27, 18),
        ),
    ],
)
def test_holidays_are_as_weekends(symbol: str, inside: int, outside: int, next_day: int) -> None:
    """Of the exchange, and of foreign exchange."""
    book = book_of(symbol)
    book.apply(Trade(symbol, 1.0, 1, inside))
    book.apply(Trade(symbol, 1.1, 1, outside))
    assert figures(book.quote(symbol)) == (1.0, 1.0, 1.0, 1)
    book.apply(Trade(symbol, 1.05, 1, next_day))
    assert figures(book.quote(symbol)) == (1.05, 1.05, 1.05, 1)


@given(st.integers(0, 400 * 24 * 60))
def test_crypto_is_never_outside(minute: int) -> None:
    """On any day and at any hour."""
    book = book_of("BINANCE:BTCUSDT")
    time_ms = new_york(2026, 11, 1) + minute * MINUTE_MS
    book.apply(Trade("BINANCE:BTCUSDT", 100, 1, time_ms))
    book.apply(Trade("BINANCE:BTCUSDT", 101, 1, time_ms + 1))
    assert not book.price_only
    assert book.counters.outside == 0
    assert book.quote("BINANCE:BTCUSDT").day_volume == 2  # type: ignore[union-attr]


def test_where_the_last_session_is_not_known_a_day_is_made_of_what_comes() -> None:
    """It is better than nothing, until the session is polled; then that is the day."""
    sunday = new_york(2026, 11, 22, 12)
    book = book_of()
    for at, price in enumerate((100, 101, 99)):
        book.apply(Trade("A", price, 10, sunday + at))
        assert not book.price_only
    assert figures(book.quote("A")) == (100, 101, 99, 30)
    recalled = day_bar(new_york(*FRIDAY, 10), 100, 5000)
    assert book.recall("A", recalled) == FIGURES
    assert figures(book.quote("A")) == (99, 102, 98, 5000)
    book.apply(Trade("A", 120, 10, sunday + 9))
    assert figures(book.quote("A")) == (99, 102, 98, 5000)


def test_the_session_may_come_from_quote() -> None:
    """Its open, high and low take the place of those that a Sunday made."""
    book = book_of()
    book.apply(Trade("A", 100, 10, new_york(2026, 11, 22, 12)))
    polled = Seed(
        symbol="A", price=98, open=97, high=98.5, low=96, prev_close=95,
        time_ms=new_york(*FRIDAY, 16),
    )  # fmt: skip
    book.seed(polled)
    assert figures(book.quote("A"))[:3] == (97, 98.5, 96)


def test_a_late_print_of_a_closed_market_changes_nothing() -> None:
    """Nor does one that is volume only."""
    book = book_of()
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 12)))
    book.apply(Trade("A", 101, 1, new_york(2026, 11, 21, 12)))
    assert book.apply(Trade("A", 105, 1, new_york(2026, 11, 21, 11))) == NOTHING
    book.price_only = False
    later = Trade("A", 105, 1, new_york(2026, 11, 21, 13), AVERAGE_PRICE)
    assert book.apply(later) == NOTHING
    assert figures(book.quote("A")) == (100, 100, 100, 1)
    assert book.counters.outside == 3


def test_an_outlier_of_a_closed_market_is_set_aside_like_any() -> None:
    """And what bears it out makes it count nowhere."""
    book = book_of()
    saturday = new_york(2026, 11, 21, 12)
    book.apply(Trade("A", 100, 1, new_york(*FRIDAY, 12)))
    book.apply(Trade("A", 100, 1, saturday))
    assert book.apply(Trade("A", 150, 1, saturday + 1)) == NOTHING
    assert book.apply(Trade("A", 150, 1, saturday + 2)) == 3
    assert book.borne_out == []
    assert figures(book.quote("A")) == (100, 100, 100, 1)


@pytest.mark.parametrize("moment_ms", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("symbol", ["A", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "X:Y"])
def test_a_day_that_is_recalled_before_the_first_price_goes_on(symbol: str, moment_ms: int) -> None:
    """At every moment: a first trade in its sessions adds to it, another only moves the price."""
    day = market_day(symbol, moment_ms, CALENDAR)
    book = book_of(symbol)
    assert book.recall(symbol, day_bar(day.start_ms, 100, 5000, invented=True)) == NOTHING
    book.apply(Trade(symbol, 101, 10, moment_ms))
    more = 10 if moment_ms < day.done_ms else 0
    assert figures(book.quote(symbol)) == (99, 102, 98, 5000 + more)


def test_a_stored_price_is_the_last_one_until_a_newer_comes() -> None:
    """It is marked: nothing has confirmed it in this process."""
    book = book_of()
    bar = day_bar(new_york(*FRIDAY, 10), 100, 5000)
    assert book.recall("A", bar, close=100.0, prev_close=97.0, as_price=True) == 1
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.prev_close, quote.close, quote.recalled) == (100, 97, 100, True)
    assert figures(quote) == (99, 102, 98, 5000)
    book.apply(Trade("A", 104, 1, new_york(2026, 11, 23, 4)))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.prev_close, quote.recalled, quote.seq) == (104, 100, False, 2)


def test_a_close_that_was_recalled_is_made_anew_by_what_a_delayed_tape_brings() -> None:
    """A restart after the wakeup knows the minutes until a quarter of an hour before it."""
    book = book_of()
    book.recall("A", day_bar(new_york(*FRIDAY, 15, 44), 100), close=100.0, as_price=True)
    for minute, price in ((50, 101), (59, 102)):
        book.apply(Trade("A", price, 1, new_york(*FRIDAY, 15, minute)))
    book.apply(Trade("A", 105, 1, new_york(*FRIDAY, 16, 5)))
    assert book.quote("A").close == 102  # type: ignore[union-attr]
    book.apply(Trade("A", 106, 1, new_york(2026, 11, 23, 4)))
    assert book.quote("A").prev_close == 102  # type: ignore[union-attr]


def test_a_known_price_is_not_replaced_by_a_stored_one() -> None:
    """Nor is a previous close that is known."""
    book = book_of()
    book.seed(Seed(symbol="A", prev_close=96.5))
    book.apply(Trade("A", 104, 1, new_york(*FRIDAY, 11)))
    bar = day_bar(new_york(*FRIDAY, 10), 100, 5000)
    assert book.recall("A", bar, prev_close=97.0, as_price=True) == FIGURES
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.prev_close, quote.recalled) == (104, 96.5, False)


@pytest.mark.parametrize("second", [0, 60])
def test_a_price_of_quote_confirms_a_stored_one(second: int) -> None:
    """On a Sunday, when it is the same, of the same second or a later one."""
    book = book_of()
    bar = day_bar(new_york(*FRIDAY, 15, 58), 100, 5000)
    book.recall("A", bar, as_price=True)
    polled = Seed(symbol="A", price=100, prev_close=97, time_ms=bar.close_ms + second * 1000)
    assert book.seed(polled) == 2
    assert not book.quote("A").recalled  # type: ignore[union-attr]


@given(st.integers(0, 4 * 365 * 24 * 12), st.sampled_from(["A", "OANDA:EUR_USD", "X:Y"]))
def test_market_days_adjoin(fives: int, symbol: str) -> None:
    """Each ends where the next begins; its sessions are inside it."""
    time_ms = utc(2026, 1, 1) + fives * 300_000
    day = market_day(symbol, time_ms, CALENDAR)
    assert day.start_ms <= time_ms < day.end_ms
    assert day.start_ms < day.close_ms <= day.done_ms <= day.end_ms
    assert market_day(symbol, day.end_ms, CALENDAR).start_ms == day.end_ms
    assert market_day(symbol, day.end_ms - 1, CALENDAR) == day


def test_a_day_of_a_closed_market_is_none_of_the_session_before() -> None:
    """What is recalled of a Sunday, or was folded since, tells nothing of Friday."""
    sunday = new_york(2026, 11, 22, 12)
    book = book_of()
    book.apply(Trade("A", 100, 10, sunday))
    book.recall("A", day_bar(sunday, 100, 10))
    book.apply(Trade("A", 101, 20, sunday + 1))
    assert figures(book.quote("A")) == (100, 101, 100, 30)
    other = book_of()
    other.recall("A", day_bar(sunday, 100, 10), as_price=True)
    other.apply(Trade("A", 101, 20, sunday + MINUTE_MS))
    assert figures(other.quote("A")) == (99, 102, 98, 30)
