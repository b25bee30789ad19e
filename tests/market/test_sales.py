"""Time and sales: every print as it came, and what became of it."""

import itertools
import logging
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import ROOT
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import market_day
from photon_app.market import sales, verdicts
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.market.sales import MOST_OF_SYMBOL, MOST_WAITING, Sales
from photon_app.market.silence import Silence
from photon_app.market.verdicts import LATE
from photon_app.model import FeedStatus, Seed, Trade
from tests.fakes.time import HandClock
from tests.reference.book import Symbol
from tests.reference.prints import Print

NOON_MS = 1_795_021_200_000  # a Wednesday
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Stage:
    """A market with what keeps its prints, and an event loop that a test runs."""

    def __init__(self, *symbols: str, follow_all: bool = False, capacity: int = 50) -> None:
        self.now_s = 0.0
        self.turns: list[Callable[[], object]] = []
        self.book = Book(
            lambda symbol, time_ms: market_day(symbol, time_ms, Calendar()),
            admit_all=follow_all,
            capacity=capacity,
        )
        self.sales = Sales(self, capacity=capacity, book=self.book if follow_all else None)
        clock = HandClock(NOON_MS)
        status = FeedStatus(source="test", state="live", since_ms=NOON_MS)
        self.market = Market(
            self.book, Bars(clock=clock, follow_all=True), status, Silence(clock, Calendar())
        )
        self.market.keep_prints(self.sales)
        for symbol in symbols:
            self.follow(symbol)

    def follow(self, symbol: str) -> None:
        """As the runtime does."""
        self.book.admit(symbol)
        self.sales.follow(symbol)

    def time(self) -> float:
        """The loop's clock."""
        return self.now_s

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        """Call in the next iteration, however long the delay."""
        del delay
        self.turns.append(callback)

    def turn(self) -> None:
        """One iteration of the event loop."""
        turns, self.turns = self.turns, []
        for run in turns:
            run()

    def told(self, symbol: str = "A") -> list[tuple[float, bool, str]]:
        """Price of each print, whether it counted, and why not."""
        return [
            (sale.print_.price, sale.verdict.counted, sale.verdict.why)
            for sale in self.sales.newest(symbol, MOST_OF_SYMBOL)
        ]


def trade(
    price: float = 100, at_ms: int = 0, *conditions: str, volume: float = 1, symbol: str = "A"
) -> Trade:
    return Trade(symbol, price, volume, NOON_MS + at_ms, conditions)


def test_a_plain_last_price_has_no_reason() -> None:
    """It counted."""
    stage = Stage("A")
    stage.market.trades([trade(100), trade(101, 1, "1", "12")])
    assert stage.told() == [(100, True, ""), (101, True, "")]
    assert [sale.conditions for sale in stage.sales.newest("A", 2)] == [[], ["Regular", "Odd lot"]]


@pytest.mark.parametrize(
    ("print_", "counted", "why"),
    [
        (trade(99, -1), True, "late"),
        (trade(99, 1, "30"), True, "range only"),
        (trade(99, 1, "3"), True, "volume only"),
        (trade(99, 1, "39"), True, "corrected"),
        (trade(99, -1, "39"), True, "late"),
        (trade(99, 1, "16"), False, "repeat"),
        (trade(150, 1), False, "held"),
        (trade(150, 1, "30"), False, "outlier"),
        (trade(99, -DAY_MS), False, "earlier day"),
        (trade(99, 12 * HOUR_MS), True, "outside the sessions"),
        (trade(99, 12 * HOUR_MS, "30"), False, "outside the sessions"),
        (trade(0, 1), False, "bad price"),
        (trade(99, 1, volume=-1), False, "bad volume"),
        (trade(99, 1 - NOON_MS), False, "bad time"),
    ],
)
def test_what_is_no_plain_last_price_says_why(print_: Trade, counted: bool, why: str) -> None:
    """In words that the documentation lists."""
    stage = Stage("A")
    stage.market.trades([trade(100), print_])
    assert (print_.price, counted, why) in stage.told()
    assert (100, True, "") in stage.told()


def test_a_held_print_counts_once_a_second_one_confirms_it() -> None:
    """In the frame of the first, in a later one, or by a polled price."""
    for frames in ([(150, 1), (151, 2)],), ([(150, 1)], [(151, 2)]):
        stage = Stage("A")
        stage.market.trades([trade(100)])
        for frame in frames:
            stage.market.trades([trade(*one) for one in frame])
        assert stage.told()[1:] == [(150, True, "confirmed"), (151, True, "")]
    stage = Stage("A")
    stage.market.trades([trade(100), trade(150, 1)])
    stage.market.seed(Seed(symbol="A", price=151, time_ms=NOON_MS + 1000))
    assert stage.told() == [(100, True, ""), (150, True, "confirmed")]


def test_a_print_that_nothing_confirmed_is_an_outlier() -> None:
    """Once another is held, or its time is over."""
    stage = Stage("A")
    stage.market.trades([trade(100), trade(150, 1)])
    assert stage.told()[1] == (150, False, "held")
    stage.market.trades([trade(200, 2)])
    assert stage.told()[1:] == [(150, False, "outlier"), (200, False, "held")]
    stage.market.trades([trade(100, 11_000)])
    assert stage.told()[2:] == [(200, False, "outlier"), (100, True, "")]


def test_equal_prints_are_distinguished() -> None:
    """The first is held, the second confirms it."""
    stage = Stage("A")
    stage.market.trades([trade(100), trade(150, 1), trade(150, 1)])
    assert stage.told()[1:] == [(150, True, "confirmed"), (150, True, "")]


def test_a_polled_price_is_no_print() -> None:
    """Nor is a trade from before the start."""
    stage = Stage("A")
    stage.market.seed(Seed(symbol="A", price=10, time_ms=NOON_MS))
    stage.market.past([trade(11, 1), trade(10, 0)])
    assert stage.told() == []
    assert stage.book.quote("A") is not None


def test_the_oldest_by_time_comes_first() -> None:
    """Of equal times the one that came first; one with an impossible time stands where it came."""
    stage = Stage("A")
    for at_ms, price in ((5, 1), (3, 2), (3, 3)):
        stage.market.trades([trade(price, at_ms)])
    stage.market.trades([trade(4, -NOON_MS), trade(5, 9)])
    assert [price for price, _, _ in stage.told()] == [2, 3, 4, 1, 5]


def test_a_range_of_time_has_its_newest() -> None:
    """Its begin is in it, its end is not."""
    stage = Stage("A")
    stage.market.trades([trade(100 + at, at) for at in range(6)])

    def prices(limit: int, **span: int) -> list[float]:
        span = {name: NOON_MS + at for name, at in span.items()}
        return [sale.print_.price - 100 for sale in stage.sales.newest("A", limit, **span)]

    assert prices(2) == [4, 5]
    assert prices(9, from_ms=1, to_ms=4) == [1, 2, 3]
    assert prices(2, from_ms=1, to_ms=4) == [2, 3]
    assert prices(9, from_ms=6) == []


def test_a_symbol_keeps_so_many_and_a_dropped_one_none() -> None:
    """Prints from before a symbol is followed are not kept."""
    stage = Stage("A")
    for n in range(MOST_OF_SYMBOL + 5):
        stage.market.trades([trade(100, n), trade(100, n, symbol="B")])
        stage.turn()
    assert len(stage.told()) == MOST_OF_SYMBOL
    assert stage.sales.newest("A", 1)[0].at_ms == NOON_MS + MOST_OF_SYMBOL + 4
    stage.market.trades([trade(symbol="B")])
    stage.follow("B")
    assert stage.told("B") == []
    stage.sales.drop("A")
    assert stage.told("A") == []
    stage.follow("A")
    assert stage.told("A") == []


def test_a_new_epoch_begins_without_prints() -> None:
    """Those that are followed still are; one that was held is no more."""
    for follow_all in (False, True):
        stage = Stage("A", follow_all=follow_all)
        stage.market.trades([trade(100), trade(150, 1)])
        stage.market.new_epoch()
        assert stage.told() == []
        stage.market.trades([trade(150, 2)])
        assert stage.told() == [(150, True, "")]


def test_a_replay_keeps_what_trades() -> None:
    """And drops none, as the book does."""
    stage = Stage(follow_all=True)
    stage.market.trades([trade(symbol="B")])
    stage.sales.drop("B")
    assert stage.told("B") == [(100, True, "")]


def test_a_replay_keeps_no_symbol_that_the_book_left_out() -> None:
    """What the book took before the start has its prints, however many symbols trade."""
    stage = Stage(follow_all=True, capacity=2)
    stage.market.past([trade(symbol="A"), trade(symbol="B")])
    stage.market.trades([trade(symbol=symbol) for symbol in "CDBA"])
    assert [stage.told(symbol) for symbol in "ABCD"] == [[(100, True, "")]] * 2 + [[]] * 2


def test_that_too_many_came_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """However often it happens."""
    stage = Stage("A")
    caplog.set_level(logging.INFO, logger=sales.__name__)
    for _ in range(10):
        stage.market.trades([trade() for _ in range(MOST_WAITING)])
    assert len(caplog.messages) == 1
    stage.now_s += sales.SAY_EVERY_S
    stage.market.trades([trade() for _ in range(MOST_WAITING)])
    assert len(caplog.messages) == 2


def test_of_too_many_those_with_the_most_lose_their_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A quiet symbol keeps all that it has."""
    monkeypatch.setattr(sales, "MOST", 800)
    monkeypatch.setattr(sales, "KEPT", 700)
    stage = Stage("A", "B", "C")
    stage.market.trades([trade(symbol="C") for _ in range(20)])
    for n in range(500):
        stage.market.trades([trade(100, n), trade(100, n, symbol="B")])
        stage.turn()
    sizes = [len(stage.told(symbol)) for symbol in "ABC"]
    assert sum(sizes) <= 800
    assert sizes[2] == 20
    assert min(sizes[:2]) >= 330
    assert stage.sales.newest("A", 1)[0].at_ms == NOON_MS + 499


def test_when_too_many_come_no_hole_is_left() -> None:
    """All are forgotten, and what comes after is kept."""
    stage = Stage("A", "B")
    stage.market.trades([trade(symbol="B")])
    for n in range(MOST_WAITING + 10):
        stage.market.trades([trade(100, n)])
    assert stage.told("B") == []
    assert [sale.at_ms - NOON_MS for sale in stage.sales.newest("A", 1000)] == [
        *range(MOST_WAITING - 1, MOST_WAITING + 10)
    ]


def test_sorting_prints_by_symbol_has_a_rate() -> None:
    """Beyond it they wait, until time has passed."""
    stage = Stage("A")
    for _ in range(sales.BURST // 1000 + 2):
        stage.market.trades([trade() for _ in range(1000)])
        stage.turn()
    waits = stage.sales.waiting
    assert 0 < waits <= MOST_WAITING
    stage.turn()
    assert stage.sales.waiting == waits
    stage.now_s += 1.0
    stage.turn()
    stage.turn()
    assert stage.sales.waiting < waits


def test_conditions_that_are_too_long_are_left_out() -> None:
    """The print itself is kept."""
    stage = Stage("A")
    many, long = ("1",) * 17, ("x" * 65,)
    stage.market.trades([trade(100, 0, *many), trade(101, 1, *long), trade(102, 2, "new")])
    assert [sale.conditions for sale in stage.sales.newest("A", 3)] == [[], [], ["new"]]


PRINTS = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from((100.0, 101.5, 99.0, 130.0, 131.0, 60.0, 0.0)),
    st.sampled_from(
        (0, 1, 1, 2, 500, 9_000, 20_000, -1, -3_000, 12 * HOUR_MS, DAY_MS, -DAY_MS, -NOON_MS)
    ),
    st.sampled_from(((), ("1",), ("30",), ("3",), ("16",), ("39",), ("30", "39"))),
    st.sampled_from((0, 1, 5, -1)),
)
WORDS = {
    "applied": "",
    "late": "late",
    "range_only": "range only",
    "volume_only": "volume only",
    "repeats": "repeat",
    "earlier_day": "earlier day",
    "outside": "outside the sessions",
    "bad_price": "bad price",
    "bad_volume": "bad volume",
    "bad_time": "bad time",
}


class Told:
    """The words of one symbol's prints by the reference of the book."""

    def __init__(self, symbol: str) -> None:
        self._symbol = Symbol(symbol)
        self._held: int | None = None
        self.words: list[str] = []

    def hear(self, print_: Print) -> None:
        """One print."""
        symbol, before, held = self._symbol, self._symbol.counts.copy(), self._symbol.pending
        start_ms = 0 if symbol.figures is None else symbol.figures.day.start_ms
        made = symbol.hear(print_)
        (where,) = [
            name
            for name, count in (symbol.counts - before).items()
            if name in WORDS or name == "outliers"
        ]
        self._settle_held(before["outliers_confirmed"], held, start_ms)
        word = WORDS.get(where, "outlier")
        if where == "applied" and "39" in print_.conditions and made == "price":
            word = "corrected"
        if where == "outliers" and symbol.pending is not held and symbol.pending is not None:
            word, self._held = "held", len(self.words)
        self.words.append(word)

    def _settle_held(self, confirmed: int, held: Print | None, start_ms: int) -> None:
        symbol = self._symbol
        if self._held is None or held is None or symbol.pending is held:
            return
        if symbol.counts["outliers_confirmed"] == confirmed:
            self.words[self._held] = "outlier"
        else:
            self.words[self._held] = "earlier day" if held.time_ms < start_ms else "confirmed"
        self._held = None


@given(st.lists(PRINTS, max_size=40), st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_every_print_has_the_words_of_a_simple_reference(
    prints: list[tuple[str, float, int, tuple[str, ...], float]], sizes: Sequence[int]
) -> None:
    """However they are cut into frames, and whenever they are sorted."""
    stage = Stage("A", "B")
    told = {"A": Told("A"), "B": Told("B")}
    made = [
        Trade(symbol, price, volume, NOON_MS + at_ms, conditions)
        for symbol, price, at_ms, conditions, volume in prints
    ]
    rest = iter(made)
    for size in itertools.cycle(sizes):
        frame = list(itertools.islice(rest, size))
        if not frame:
            break
        stage.market.trades(frame)
        if size % 2:
            stage.sales.newest("A", 1)
    for one in made:
        told[one.symbol].hear(Print(one.symbol, one.price, one.volume, one.time_ms, one.conditions))
    for symbol in "AB":
        by_print = {id(s.print_): s.verdict.why for s in stage.sales.newest(symbol, 1000)}
        own = [by_print[id(one)] for one in made if one.symbol == symbol]
        assert own == told[symbol].words


def test_the_book_gives_a_verdict_once() -> None:
    """Of the very print; none of plain last prices."""
    book = Stage("A").book
    plain, late = trade(100), trade(99, -1)
    assert list(book.apply([plain]).verdicts) == []
    assert list(book.apply([late]).verdicts) == [(late, LATE)]


def test_many_verdicts_on_trades_from_before_the_start_are_not_kept() -> None:
    """Those trades are no prints; a print that they confirm is noted."""
    stage = Stage("A")
    stage.market.trades([trade(100), trade(150, 1)])
    for _ in range(10):
        stage.market.past([trade(99, -1) for _ in range(1000)])
        assert stage.sales.waiting <= 2
    stage.market.past([trade(151, 2)])
    assert stage.told() == [(100, True, ""), (150, True, "confirmed")]


def test_the_documentation_lists_every_word() -> None:
    """With whether it counted."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    table = text.partition("| `why` | `counted` | |\n")[2].partition("\n\n")[0]
    said = set()
    for row in table.splitlines()[1:]:
        words, counted, *_ = row.strip("| ").split(" | ")
        for word in words.replace("(empty)", "``").split(", "):
            said |= {(word.strip("`"), one == "true") for one in counted.split(" or ")}
    assert said == {(verdict.why, verdict.counted) for verdict in verdicts.ALL}
