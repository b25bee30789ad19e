"""The book folds trades into the newest price and the day's figures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.session import day_of
from photon_app.market.book import FUTURE_MS
from photon_app.model import Bar, Seed, Trade
from tests.fakes.book import COUNTED, FIGURES, NOTHING, Book
from tests.fakes.time import HandClock
from tests.reference.book import Symbol
from tests.reference.prints import Print

NOON_MS = 1_795_194_000_000
DAY_MS = 86_400_000


def trade(price: float = 10, volume: float = 1, time_ms: int = NOON_MS, symbol: str = "A") -> Trade:
    return Trade(symbol=symbol, price=price, volume=volume, time_ms=time_ms)


def book_of(*symbols: str, now_ms: int | None = None) -> Book:
    book = Book(day_of, clock=None if now_ms is None else HandClock(now_ms))
    for symbol in symbols:
        book.admit(symbol)
    return book


def seq_of(book: Book) -> int:
    quote = book.quote("A")
    return 0 if quote is None else quote.seq


trades_of_a_day = st.lists(
    st.tuples(
        st.integers(10_000, 11_999).map(lambda cents: cents / 100),
        st.integers(0, 1_000_000),
        st.integers(0, 600_000).map(lambda ms: NOON_MS + ms),
    ),
    min_size=1,
    max_size=60,
)


@given(trades_of_a_day)
def test_the_fold_equals_a_computation_over_the_whole_tape(
    tape: list[tuple[float, int, int]],
) -> None:
    """Last is the newest by time, last arrived among equals; high, low and volume are of all.
    Prices stay within reach of each other: test_quality has those that do not.
    """
    book, expected = book_of("A"), Symbol("A")
    for price, volume, time_ms in tape:
        book.apply(trade(price, volume, time_ms))
        expected.hear(Print("A", price, volume, time_ms))
    quote, day = book.quote("A"), expected.figures
    assert quote is not None and day is not None
    assert (quote.price, quote.volume, quote.time_ms, quote.polled) == expected.last
    assert (quote.open, quote.high, quote.low) == (day.open, day.high, day.low)
    assert quote.day_volume == day.volume
    assert expected.counts["outliers"] == 0


@given(trades_of_a_day)
def test_seq_grows_by_one_with_every_new_last_price_and_only_then(
    tape: list[tuple[float, int, int]],
) -> None:
    """The outcome says which of the two happened."""
    book = book_of("A")
    for price, volume, time_ms in tape:
        before = seq_of(book)
        outcome = book.apply(trade(price, volume, time_ms))
        assert seq_of(book) - before == (outcome > NOTHING)
        assert outcome in {seq_of(book), FIGURES}


def test_a_late_trade_counts_but_does_not_move_the_last_price() -> None:
    """It widens the range and adds volume."""
    book = book_of("A")
    book.apply(trade(10, 5, NOON_MS))
    assert book.apply(trade(11, 7, NOON_MS - 1)) == FIGURES
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.high, quote.day_volume, quote.seq) == (10, 11, 12, 1)


@pytest.mark.parametrize("price", [0, -1, math.nan, math.inf, -math.inf])
def test_a_price_that_cannot_be_is_refused_and_counted(price: float) -> None:
    """Nothing changes by it."""
    book = book_of("A")
    assert book.apply(trade(price)) == NOTHING
    assert book.quote("A") is None
    assert book.counters.bad_price == 1


@pytest.mark.parametrize("volume", [-1, math.nan, math.inf, 1e308])
def test_a_volume_that_cannot_be_is_refused_and_counted(volume: float) -> None:
    """Nothing changes by it."""
    book = book_of("A")
    assert book.apply(trade(10, volume)) == NOTHING
    assert book.counters.bad_volume == 1


def test_times_before_2000_and_from_the_future_are_refused_and_counted() -> None:
    """A minute of clock skew is allowed."""
    book = book_of("A", now_ms=NOON_MS)
    for time_ms in (
        0,
        946_684_799_999,
        NOON_MS // 1000,
        NOON_MS + FUTURE_MS + 1,
        4_102_444_800_000,
    ):
        assert book.apply(trade(time_ms=time_ms)) == NOTHING
    assert book.counters.bad_time == 5
    assert book.apply(trade(time_ms=NOON_MS + FUTURE_MS)) > NOTHING


def test_a_recording_has_no_future_but_an_end() -> None:
    """Without a clock the year 2100 is the bound, however absurd the time."""
    book = book_of("A")
    for time_ms in (4_102_444_800_001, 10**17, 2**63 - 1):
        assert book.apply(trade(time_ms=time_ms)) == NOTHING
    assert book.counters.bad_time == 3
    assert book.apply(trade(time_ms=NOON_MS + 10**9)) > NOTHING


def test_a_symbol_that_nobody_admitted_is_refused_and_counted() -> None:
    """The book is bounded by those who want."""
    book = book_of("A")
    assert book.apply(trade(symbol="B")) == NOTHING
    assert book.counters.unwanted == 1


def test_a_replays_book_takes_every_symbol_up_to_its_capacity() -> None:
    """Beyond it they are counted."""
    book = Book(day_of, admit_all=True, capacity=2)
    outcomes = [book.apply(trade(symbol=symbol)) for symbol in "ABC"]
    assert outcomes == [1, 1, NOTHING]


def test_the_first_trade_of_a_new_day_makes_the_last_price_the_previous_close() -> None:
    """The figures begin again."""
    book = book_of("A")
    book.apply(trade(10, 5, NOON_MS))
    book.apply(trade(12, 3, NOON_MS + 3 * DAY_MS))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.prev_close, quote.open, quote.low, quote.day_volume) == (10, 12, 12, 3)
    assert (quote.change, quote.change_percent) == (2, 20)


def test_a_quote_tells_when_the_day_of_its_figures_began() -> None:
    """Not of other trades: a late trade, or one of an unwanted symbol, changes nothing."""
    book = book_of("A")
    book.apply(trade())
    for later in (trade(time_ms=NOON_MS + 60_000), trade(time_ms=NOON_MS - DAY_MS)):
        book.apply(later)
        quote = book.quote("A")
        assert quote is not None
        assert quote.day_ms == day_of("A", NOON_MS).start_ms


def test_a_trade_of_an_earlier_day_counts_nowhere() -> None:
    """It is counted apart."""
    book = book_of("A")
    book.apply(trade(10, 5, NOON_MS))
    assert book.apply(trade(99, 5, NOON_MS - DAY_MS)) == COUNTED  # in a bar, if not too late
    assert book.counters.earlier_day == 1


def test_a_dropped_symbol_comes_back_above_its_last_seq() -> None:
    """And with no figures of before."""
    book = book_of("A")
    for _ in range(3):
        book.apply(trade())
    book.drop("A")
    assert book.quote("A") is None
    book.admit("A")
    assert seq_of(book) == 0
    book.apply(trade(11))
    assert seq_of(book) == 4


def test_dropping_frees_memory() -> None:
    """However many names come and go."""
    book = book_of()
    for n in range(1000):
        book.admit(f"S{n}")
        book.apply(trade(symbol=f"S{n}"))
        book.drop(f"S{n}")
    assert len(book) == 0


def test_a_new_epoch_forgets_prices_and_keeps_who_is_wanted() -> None:
    """Sequences begin at one again."""
    book = book_of("A")
    book.apply(trade())
    book.new_epoch()
    assert book.quote("A") is None
    assert book.apply(trade(time_ms=NOON_MS - DAY_MS)) > NOTHING
    assert seq_of(book) == 1


def test_a_seed_gives_change_its_meaning() -> None:
    """Unknown before, and rounded to the tick after."""
    book = book_of("A")
    assert book.seed(Seed(symbol="A", prev_close=100.1)) == NOTHING
    book.apply(trade(100.4))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.change, quote.change_percent) == (0.3, 0.2997)
    assert book.seed(Seed(symbol="A", prev_close=100.2)) == FIGURES
    assert book.seed(Seed(symbol="A", prev_close=100.2)) == NOTHING


def day_so_far(book_ms: int = NOON_MS) -> Bar:
    """What the day had come to before."""
    return Bar(
        time_ms=day_of("A", book_ms).start_ms,
        open=9,
        high=12,
        low=8,
        close=11,
        volume=500,
        turnover=5000,
        count=50,
        open_ms=book_ms - 1000,
        close_ms=book_ms - 10,
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_day_goes_on_over_a_restart(first: bool) -> None:
    """Whether its bars are looked up before its first price here or after it."""
    book = book_of("A")
    if first:
        assert book.recall("A", day_so_far()) == NOTHING
        assert book.quote("A") is None
    book.apply(trade(10, 5, NOON_MS))
    if not first:
        assert book.recall("A", day_so_far()) == FIGURES
    quote = book.quote("A")
    assert quote is not None
    assert (quote.price, quote.open, quote.high, quote.low) == (10, 9, 12, 8)
    assert quote.day_volume == (505 if first else 500)  # later bars have what was applied


def test_a_day_that_is_over_is_not_continued() -> None:
    """Its bars say nothing of the present one."""
    book = book_of("A")
    book.recall("A", day_so_far(NOON_MS - DAY_MS))
    book.apply(trade(10, 5, NOON_MS))
    quote = book.quote("A")
    assert quote is not None
    assert (quote.open, quote.high, quote.low, quote.day_volume) == (10, 10, 10, 5)
