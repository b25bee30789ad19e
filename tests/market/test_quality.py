"""Which trades count, and in what: conditions, outliers, prices without volume."""

import dataclasses
import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.session import day_of
from photon_app.model import Quote, Trade
from tests.fakes.book import COUNTED, FIGURES, NOTHING, Book
from tests.reference.book import Symbol
from tests.reference.prints import Print

NOON_MS = 1_795_194_000_000
MIDNIGHT_MS = NOON_MS // 86_400_000 * 86_400_000 + 86_400_000
MINUTE_MS = 60_000


def print_at(
    price: float, after_ms: int = 0, volume: float = 1, conditions: Sequence[str] = ("1",)
) -> Trade:
    return Trade("A", price, volume, NOON_MS + after_ms, tuple(conditions))


def book_with(*prints: Trade, symbol: str = "A") -> Book:
    book = Book(day_of)
    book.admit(symbol)
    for trade in prints:
        book.apply(trade)
    return book


def quote_of(book: Book, symbol: str = "A") -> Quote:
    quote = book.quote(symbol)
    assert quote is not None
    return quote


def figures(book: Book) -> tuple[float, float, float, float]:
    """Last, high, low and volume."""
    quote = quote_of(book)
    return quote.price, quote.high, quote.low, quote.day_volume


# Conditions


def test_odd_lots_sweeps_and_extended_hours_are_trades_like_any_other() -> None:
    """A free tape consists of them."""
    book = book_with(
        print_at(100),
        print_at(101, 1, 7, ("1", "12")),
        print_at(99, 2, 10, ("1", "24")),
        print_at(102, 3, 10, ("1", "8", "24", "12")),
    )
    assert figures(book) == (102, 102, 99, 28)
    assert book.counters.applied == 4


@pytest.mark.parametrize("code", ["3", "5", "10", "17", "25", "26", "27", "37"])
def test_a_price_that_the_market_did_not_make_then_is_volume_only(code: str) -> None:
    """However far it is: an average of the day, a package, another settlement."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(150, 1, 7, ("1", code))) == FIGURES
    assert figures(book) == (100, 100, 100, 12)
    assert quote_of(book).seq == 1
    assert book.counters.volume_only == 1


@pytest.mark.parametrize("code", ["9", "21", "22", "30", "32"])
def test_a_price_of_an_earlier_moment_is_no_last_price(code: str) -> None:
    """It widens the range and adds volume."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(110, 1, 7, ("1", code))) == FIGURES
    assert figures(book) == (100, 110, 100, 12)
    assert book.counters.range_only == 1


def test_the_first_price_of_a_day_is_its_last_price_whatever_its_sequence() -> None:
    """As the tape's rules have it."""
    book = book_with(print_at(100, 0, 5, ("1", "30")))
    assert figures(book) == (100, 100, 100, 5)
    assert (book.counters.applied, book.counters.range_only) == (1, 0)


@pytest.mark.parametrize("code", ["16", "20"])
def test_an_official_open_or_close_repeats_a_print_and_counts_nowhere(code: str) -> None:
    """Its shares were counted before."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(101, 1, 7, (code,))) == NOTHING
    assert figures(book) == (100, 100, 100, 5)
    assert book.counters.repeats == 1


def test_a_corrected_close_is_a_price_without_shares() -> None:
    """Its shares were counted before."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(101, 1, 7, ("39",))) == 2
    assert figures(book) == (101, 101, 100, 5)
    assert book.counters.price_only == 1


def test_volume_ahead_of_a_days_first_price_is_that_days() -> None:
    """It cannot begin the day, but it is not lost."""
    book = book_with()
    assert book.apply(print_at(100, 0, 7, ("3",))) == COUNTED
    assert book.quote("A") is None
    book.apply(print_at(101, 1, 2))
    assert figures(book) == (101, 101, 101, 9)
    assert book.take_turned() == ["A"]
    assert book.apply(print_at(102, 86_400_000, 4, ("3",))) == COUNTED
    assert figures(book) == (101, 101, 101, 9)
    book.apply(print_at(103, 86_400_001, 1))
    assert figures(book) == (103, 103, 103, 5)


def test_volume_ahead_is_of_the_newest_day_only() -> None:
    """What came ahead of a day that never had a price is gone with it."""
    book = book_with()
    for days in (0, 1, 1, 0):
        book.apply(print_at(100, days * 86_400_000, 7, ("3",)))
    book.apply(print_at(101, 86_400_001, 1))
    assert figures(book) == (101, 101, 101, 15)


def test_volume_of_a_day_that_is_over_counts_nowhere() -> None:
    """Whatever its conditions."""
    book = book_with(print_at(100))
    for code in ("3", "30"):
        assert book.apply(print_at(100, -86_400_000, 7, (code,))) == COUNTED
    assert book.counters.earlier_day == 2
    assert figures(book) == (100, 100, 100, 1)


# Prices without volume


def test_a_price_update_moves_the_price_and_adds_no_volume() -> None:
    """As Finnhub sends them for currencies."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(101, 1, 0)) == 2
    assert figures(book) == (101, 101, 100, 5)
    assert (book.counters.applied, book.counters.price_only) == (2, 1)
    assert book.apply(print_at(99, 0, 0)) == FIGURES
    assert book.apply(print_at(102, 2, 0, ("30",))) == FIGURES
    assert book.apply(print_at(200, 3, 0)) == NOTHING
    assert book.counters.price_only == 3
    assert book.apply(print_at(200, 4, 0)) == 3
    assert book.counters.price_only == 5


# Outliers


@pytest.mark.parametrize("price", [120.01, 79.99, 1000, 0.01])
def test_a_far_print_alone_counts_nowhere(price: float) -> None:
    """Nor does it use up a seq."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(price, 1, 7)) == NOTHING
    assert book.apply(print_at(100.5, 2, 1)) == 2
    assert figures(book) == (100.5, 100.5, 100, 6)
    assert (book.counters.outliers, book.counters.outliers_confirmed) == (1, 0)


@pytest.mark.parametrize("price", [120, 80])
def test_a_print_within_reach_needs_no_second(price: float) -> None:
    """A fifth is within reach."""
    assert book_with(print_at(100)).apply(print_at(price, 1)) == 2


def test_a_step_of_the_smallest_prices_is_no_jump() -> None:
    """At 0.0004 dollars one tick is a quarter of the price; a coin's ticks are finer."""
    assert book_with(print_at(0.0004)).apply(print_at(0.0006, 1)) == 2
    assert book_with(print_at(0.0004)).apply(print_at(0.0007, 1)) == NOTHING
    book = book_with(Trade("B:SHIBUSDT", 0.0004, 1, NOON_MS), symbol="B:SHIBUSDT")
    assert book.apply(Trade("B:SHIBUSDT", 0.0006, 1, NOON_MS)) == NOTHING


def test_a_second_print_near_it_bears_it_out() -> None:
    """The second is the last price; the first counts in volume, high and low."""
    book = book_with(print_at(100, 0, 5))
    assert book.apply(print_at(131, 1, 7)) == NOTHING
    assert book.apply(print_at(130, 10_001, 2)) == 2
    assert figures(book) == (130, 131, 100, 14)
    assert (book.counters.outliers, book.counters.outliers_confirmed) == (1, 1)
    assert book.apply(print_at(132, 10_002, 1)) == 3


def test_a_second_print_too_late_or_too_far_from_it_waits_in_its_place() -> None:
    """One print of a symbol is pending, the newest."""
    book = book_with(print_at(100))
    assert book.apply(print_at(130, 0)) == NOTHING
    assert book.apply(print_at(130, 10_001)) == NOTHING
    assert book.apply(print_at(140, 10_002)) == NOTHING
    assert book.counters.outliers == 3
    assert book.apply(print_at(141, 10_003)) == 2
    assert figures(book) == (141, 141, 100, 3)


@pytest.mark.parametrize(
    ("second", "near"), [(190, True), (210, True), (189.9, False), (210.1, False)]
)
def test_near_is_within_a_twentieth_of_the_first(second: float, near: bool) -> None:
    """On both sides."""
    book = book_with(print_at(100), print_at(200, 1))
    assert (book.apply(print_at(second, 2)) > NOTHING) == near


def test_a_print_within_reach_of_the_last_price_can_confirm_one() -> None:
    """What matters is that it is near the pending one."""
    book = book_with(print_at(100), print_at(121, 1, 4))
    assert book.apply(print_at(119, 2)) == 2
    assert figures(book) == (119, 121, 100, 6)


def test_a_stale_price_judges_nobody() -> None:
    """After a night with news, or a long halt, one print is enough: a thin symbol is not stuck."""
    book = book_with(print_at(100))
    assert book.apply(print_at(150, 15 * MINUTE_MS - 1)) == NOTHING
    assert book.apply(print_at(200, 15 * MINUTE_MS)) == 2


@pytest.mark.parametrize("step_ms", [12_000, 1_000])
def test_a_price_that_the_market_left_is_given_up_after_five_prints(step_ms: int) -> None:
    """A thin stock after a halt, less than one print in 10 s; a crash with no two prints near each
    other. Without this the old price would remain for a quarter of an hour.
    """
    prices = (70, 70.1, 70.2, 70.3, 70.4) if step_ms == 12_000 else (78, 70, 78.5, 60, 72)
    book = book_with(print_at(100))
    outcomes = [book.apply(print_at(p, (i + 1) * step_ms)) for i, p in enumerate(prices)]
    assert outcomes == [NOTHING, NOTHING, NOTHING, NOTHING, 2]
    assert figures(book) == (prices[-1], 100, prices[-1], 2)
    assert book.counters.outliers == 4


def test_far_prints_between_others_or_on_both_sides_are_never_five_in_a_row() -> None:
    """Nor do late ones count: they say nothing of the market now."""
    book = book_with(print_at(100))
    for i in range(20):
        assert book.apply(print_at(10 if i % 2 else 1000, i * 12_000)) == NOTHING
    for i in range(20, 40):
        assert book.apply(print_at(10 + i, i * 12_000)) == NOTHING
        assert book.apply(print_at(100, i * 12_000 + 1)) > NOTHING
    for i in range(20):
        assert book.apply(print_at(10, i * 12_000)) == NOTHING


def test_a_far_late_print_waits_unless_the_day_has_been_there() -> None:
    """A late one cannot move the last price, but could spoil high and low for the whole day."""
    book = book_with(print_at(100), print_at(130, 5), print_at(130, 6))
    assert book.apply(print_at(101, 1, 10)) == FIGURES
    assert book.apply(print_at(50, 2)) == NOTHING
    assert figures(book) == (130, 130, 100, 13)
    assert book.apply(print_at(51, 1)) == FIGURES
    assert figures(book) == (130, 130, 50, 15)


def test_a_far_print_that_may_not_be_the_last_price_is_dropped() -> None:
    """And bears nothing out."""
    book = book_with(print_at(100), print_at(130, 1))
    assert book.apply(print_at(130, 2, 1, ("32",))) == NOTHING
    assert figures(book) == (100, 100, 100, 1)
    assert book.counters.outliers == 2


def test_one_that_is_far_but_within_the_days_range_counts_in_the_volume() -> None:
    """There is nothing that it could spoil."""
    book = book_with(print_at(100), print_at(130, 1), print_at(130, 2))
    assert book.apply(print_at(100, 3, 1, ("32",))) == FIGURES
    assert figures(book) == (130, 130, 100, 4)


def test_round_the_clock_the_gate_stands_at_midnight_too() -> None:
    """A bad print neither begins the day nor is confirmed by one of the day before."""
    symbol = "BINANCE:BTCUSDT"

    def at(price: float, ms: int) -> Trade:
        return Trade(symbol, price, 1, MIDNIGHT_MS + ms)

    book = book_with(at(100, -2), symbol=symbol)
    assert book.apply(at(1, 1)) == NOTHING
    assert book.apply(at(130, 2)) == NOTHING
    assert book.apply(at(131, -1)) == NOTHING
    assert book.take_turned() == []
    assert book.counters.outliers_confirmed == 0
    assert book.apply(at(101, 3)) == 2
    assert book.take_turned() == [symbol]
    quote = quote_of(book, symbol)
    assert (quote.prev_close, quote.open, quote.day_volume) == (100, 101, 1)


def test_a_day_can_open_with_a_print_that_was_set_aside() -> None:
    """It came first."""
    symbol = "BINANCE:BTCUSDT"
    book = book_with(Trade(symbol, 100, 1, MIDNIGHT_MS - 2), symbol=symbol)
    assert book.apply(Trade(symbol, 130, 4, MIDNIGHT_MS + 1)) == NOTHING
    assert book.apply(Trade(symbol, 131, 2, MIDNIGHT_MS + 2)) == 2
    quote = quote_of(book, symbol)
    assert (quote.prev_close, quote.open, quote.low, quote.day_volume) == (100, 130, 130, 6)


def test_a_pending_print_is_forgotten_with_the_epoch_and_with_the_symbol() -> None:
    """Else the next pass of a recording would begin with a print of the last."""
    book = book_with(print_at(100), print_at(130, 1))
    book.new_epoch()
    book.apply(print_at(130, 2))
    assert figures(book) == (130, 130, 130, 1)
    book = book_with(print_at(100), print_at(150, 1))
    book.drop("A")
    book.admit("A")
    book.apply(print_at(150, 2))
    assert figures(book) == (150, 150, 150, 1)


# Every tape


def _print(price: int, after_ms: int, volume: int, code: str) -> Trade:
    return print_at(price, after_ms, volume, ("1", code) if code else ())


wild_tapes = st.lists(
    st.builds(
        _print,
        st.sampled_from([60, 95, 99, 100, 101, 117, 124, 127, 131, 160, 163, 1000]),
        st.one_of(st.integers(0, 30_000), st.integers(0, 3_000_000)),
        st.integers(0, 100),
        st.sampled_from(["", "", "", "12", "8", "3", "30", "39", "16", "35"]),
    ),
    max_size=40,
)


@given(wild_tapes)
def test_the_fold_equals_the_rules_applied_to_the_whole_tape(tape: list[Trade]) -> None:
    """Whatever comes, in whatever order."""
    book = book_with()
    for trade in tape:
        book.apply(trade)
    expected = Symbol("A")
    for trade in tape:
        expected.hear(Print(*msgspec.structs.astuple(trade)))
    counts = dataclasses.asdict(book.counters)
    del counts["price_only"]
    assert {name: n for name, n in counts.items() if n} == expected.counts
    quote, day = book.quote("A"), expected.figures
    if expected.last is None or day is None:
        assert quote is None
        return
    assert quote is not None
    assert (quote.price, quote.volume, quote.time_ms, quote.polled) == expected.last
    assert (quote.open, quote.high, quote.low) == (day.open, day.high, day.low)
    assert quote.day_volume == day.volume


@given(wild_tapes)
def test_every_trade_is_counted_once(tape: list[Trade]) -> None:
    """Where it went: the counts part the tape."""
    book = book_with()
    for trade in [*tape, print_at(math.nan), print_at(1, 0, -1), print_at(1, -(10**12))]:
        book.apply(trade)
    counts = dataclasses.asdict(book.counters)
    more = {"outliers_confirmed", "price_only", "polled"}
    assert sum(n for name, n in counts.items() if name not in more) == len(tape) + 3


@given(wild_tapes)
def test_time_never_goes_back_and_the_last_price_is_within_the_day(tape: list[Trade]) -> None:
    """After every single trade; and no volume is ever lost again."""
    book = book_with()
    time_ms, volume = 0, 0.0
    for trade in tape:
        seq = 0 if (before := book.quote("A")) is None else before.seq
        outcome = book.apply(trade)
        quote = book.quote("A")
        if quote is None:
            assert outcome in {NOTHING, COUNTED}
            continue
        assert quote.seq - seq == (outcome > NOTHING)
        assert outcome in {NOTHING, COUNTED, FIGURES, quote.seq}
        assert quote.low <= quote.price <= quote.high
        assert quote.low <= quote.open <= quote.high
        assert quote.time_ms >= time_ms
        assert quote.day_volume >= volume
        time_ms, volume = quote.time_ms, quote.day_volume
        if outcome > NOTHING:
            assert (quote.price, quote.time_ms) == (trade.price, trade.time_ms)
