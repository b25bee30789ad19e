"""Polled prices and day figures, among those of the tape."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.session import day_of
from photon_app.market.book import FUTURE_MS
from photon_app.model import Quote, Seed, Trade
from tests.fakes.book import FIGURES, NOTHING, Book
from tests.fakes.time import HandClock

NOON_MS = 1_795_194_000_000
DAY_MS = 86_400_000
BAD = [None, 0, -1.0, math.nan, math.inf, -math.inf]


def answer(price: float | None = None, after_s: float = 0, **figures: Any) -> Seed:
    return Seed(symbol="A", price=price, time_ms=NOON_MS + round(after_s * 1000), **figures)


def book_with(*prints: tuple[float, float], now_ms: int | None = None) -> Book:
    """Prints are prices and seconds after noon, of volume 5."""
    book = Book(day_of, clock=None if now_ms is None else HandClock(now_ms))
    book.admit("A")
    for price, after_s in prints:
        book.apply(Trade("A", price, 5, NOON_MS + round(after_s * 1000)))
    return book


def quote_of(book: Book) -> Quote:
    quote = book.quote("A")
    assert quote is not None
    return quote


def test_an_answer_begins_the_day_of_a_symbol_without_trades() -> None:
    """With the official figures; the volume is not known."""
    book = book_with()
    seed = answer(150, prev_close=148, open=149, high=152, low=147)
    assert book.seed(seed) == 1
    quote = quote_of(book)
    assert (quote.price, quote.volume, quote.time_ms, quote.polled) == (150, 0, NOON_MS, True)
    assert (quote.open, quote.high, quote.low, quote.day_volume) == (149, 152, 147, 0)
    assert (quote.prev_close, quote.change) == (148, 2)
    assert book.counters.polled == 1
    assert book.seed(seed) == NOTHING


def test_official_figures_join_the_days() -> None:
    """The official open is the open; the range is the wider of both."""
    book = book_with((150, 0), (155, 1))
    assert book.seed(answer(150, -60, open=149, high=152, low=147)) == FIGURES
    quote = quote_of(book)
    assert (quote.price, quote.open, quote.high, quote.low) == (155, 149, 155, 147)
    assert (quote.day_volume, quote.polled, quote.seq) == (10, False, 2)
    assert book.seed(answer(150, -60, open=149, high=152, low=147)) == NOTHING


def test_an_answer_of_another_second_is_compared_in_whole_seconds() -> None:
    """Upstream tells no milliseconds: its second may be older by its numbers and is not."""
    book = book_with((100, 1.7))
    assert book.seed(answer(101, 0)) == NOTHING
    assert book.seed(answer(100, 1)) == NOTHING
    assert book.seed(answer(101, 1)) == 2
    quote = quote_of(book)
    assert (quote.price, quote.time_ms) == (101, NOON_MS + 1700)
    assert book.seed(answer(101, 3)) == 3
    assert quote_of(book).time_ms == NOON_MS + 3000


def test_a_trade_takes_a_polled_price_back() -> None:
    """It is the tape's again."""
    book = book_with((100, 0))
    book.seed(answer(101, 5))
    assert quote_of(book).polled
    book.apply(Trade("A", 102, 1, NOON_MS + 5200))
    assert not quote_of(book).polled


def test_an_answer_that_came_before_is_not_news_after_a_trade() -> None:
    """A trade of the same second is the newer one; the old answer does not undo it."""
    book = book_with()
    book.seed(answer(100, 5))
    book.apply(Trade("A", 102, 1, NOON_MS + 5200))
    assert book.seed(answer(100, 5)) == NOTHING
    assert quote_of(book).price == 102


def test_a_poll_can_begin_a_new_day() -> None:
    """As a trade does; the official close goes before the last price."""
    book = book_with((100, 0))
    assert book.seed(answer(103, 86_400)) == 2
    quote = quote_of(book)
    assert (quote.prev_close, quote.open, quote.day_volume) == (100, 103, 0)
    assert book.seed(answer(104, 2 * 86_400, prev_close=103.5)) == 3
    assert quote_of(book).prev_close == 103.5


def test_an_answer_of_an_earlier_day_tells_the_previous_close() -> None:
    """Before the market opens upstream still answers with yesterday; its own previous close is of
    the day before that. What is known already stays.
    """
    book = book_with((100, 0))
    old = answer(98, -86_400, prev_close=90, open=91, high=99, low=89)
    assert book.seed(old) == FIGURES
    quote = quote_of(book)
    assert (quote.prev_close, quote.price, quote.low) == (98, 100, 100)
    assert book.seed(answer(97, -86_400)) == NOTHING
    assert quote_of(book).prev_close == 98


def test_the_order_of_yesterdays_answer_and_todays_first_trade_does_not_matter() -> None:
    """The same quote comes of it, but for the seq."""
    old = answer(98, -86_400, prev_close=90, open=91, high=99, low=89)
    late, early = book_with((100, 0)), book_with()
    late.seed(old)
    early.seed(old)
    early.apply(Trade("A", 100, 5, NOON_MS))
    one, other = quote_of(late), quote_of(early)
    assert (one.prev_close, one.open, one.high, one.low, one.day_volume) == (
        other.prev_close,
        other.open,
        other.high,
        other.low,
        other.day_volume,
    )


def test_a_previous_close_alone_needs_no_time() -> None:
    """As a simulator tells it, before the first trade."""
    book = book_with()
    assert book.seed(Seed(symbol="A", prev_close=99)) == NOTHING
    book.apply(Trade("A", 100, 1, NOON_MS))
    assert quote_of(book).prev_close == 99
    assert book.seed(Seed(symbol="A", prev_close=98)) == FIGURES


@pytest.mark.parametrize("bad", BAD)
def test_figures_that_cannot_be_are_ignored(bad: float | None) -> None:
    """Each by itself."""
    book = book_with((100, 0))
    assert book.seed(answer(bad, 1, prev_close=bad, open=bad, high=bad, low=bad)) == NOTHING
    assert book.seed(answer(bad, 1, high=101)) == FIGURES
    assert quote_of(book).high == 101


def test_an_answer_from_the_future_is_ignored() -> None:
    """But for the previous close, which has no time."""
    book = book_with((100, 0), now_ms=NOON_MS)
    late_s = (FUTURE_MS + 1000) / 1000
    assert book.seed(answer(101, late_s, high=200)) == NOTHING
    assert book.seed(answer(101, -NOON_MS / 1000, high=200)) == NOTHING
    assert quote_of(book).high == 100


def test_nobody_is_asked_about_what_nobody_wants() -> None:
    """The book does not grow by answers."""
    book = Book(day_of)
    assert book.seed(answer(100)) == NOTHING
    assert len(book) == 0


def test_a_poll_is_no_outlier_and_bears_one_out() -> None:
    """It is upstream's own last price."""
    book = book_with((100, 0), (140, 1))
    assert book.seed(answer(141, 2)) == 2
    quote = quote_of(book)
    assert (quote.price, quote.high, quote.day_volume) == (141, 141, 10)
    assert book.counters.outliers_confirmed == 1
    assert book.apply(Trade("A", 142, 1, NOON_MS + 3000)) == 3


steps = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.integers(95, 105), st.integers(-40_000, 90_000_000)),
        st.tuples(
            st.just("poll"),
            st.sampled_from([*range(95, 106), None, 0, math.nan]),
            st.integers(-40, 90_000).map(lambda s: s * 1000),
        ),
    ),
    max_size=40,
)


@given(steps)
def test_time_never_goes_back_and_every_new_price_has_the_next_seq(
    tape: list[tuple[str, Any, int]],
) -> None:
    """Wherever the range came from, the last price is within it."""
    book = book_with()
    time_ms = seq = 0
    for kind, price, after_ms in tape:
        if kind == "trade":
            outcome = book.apply(Trade("A", price, 1, NOON_MS + after_ms))
        else:
            outcome = book.seed(answer(price, after_ms / 1000, high=price, low=97, prev_close=97))
        quote = book.quote("A")
        if quote is None:
            assert outcome == NOTHING
            continue
        assert quote.seq == seq + (outcome > NOTHING)
        assert quote.time_ms >= time_ms
        assert quote.low <= quote.price <= quote.high
        assert quote.low <= quote.open <= quote.high
        if outcome > NOTHING:
            assert quote.polled == (kind == "poll")
        time_ms, seq = quote.time_ms, quote.seq
