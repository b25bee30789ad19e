"""Last prices and days that were worked out by hand, one example for each rule."""

import math

import pytest

from tests.reference.book import Answer, Last, Symbol, fold
from tests.reference.prints import Print

NOON_MS = 1_780_416_000_000
"""Tuesday 12:00 in New York."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CLOSE_MS = NOON_MS + 4 * HOUR_MS
SHUT_MS = NOON_MS + 8 * HOUR_MS


def print_(price: float, after_ms: int = 0, volume: float = 1, *codes: str) -> Print:
    return Print("A", price, volume, NOON_MS + after_ms, codes)


def heard(*prints: Print) -> Symbol:
    return fold(prints)["A"]


def figures(symbol: Symbol) -> tuple[float, ...]:
    """Last, open, high, low, volume."""
    last, day = symbol.last, symbol.figures
    assert last is not None and day is not None
    return last.price, day.open, day.high, day.low, float(day.volume)


def test_the_newest_time_is_the_last_price_and_all_count_in_the_day() -> None:
    """Of equal times the one that came last."""
    symbol = heard(print_(10, 5), print_(12, 4, 2), print_(11, 5, 4))
    assert figures(symbol) == (11, 10, 12, 10, 7)
    assert symbol.last == Last(11, 4, NOON_MS + 5)
    assert symbol.counts == {"applied": 2, "late": 1}


def test_each_print_says_what_it_made() -> None:
    """A last price, figures alone, or nothing."""
    symbol = Symbol("A")
    prints = [print_(10, 1), print_(10, 0), print_(0), print_(11, 2, 1, "3"), print_(9, 3, 1, "16")]
    assert [symbol.hear(one) for one in prints] == [
        "price",
        "figures",
        "nothing",
        "figures",
        "nothing",
    ]


def test_what_cannot_be_is_refused() -> None:
    """By the name of the reason."""
    symbol = Symbol("A", latest_ms=lambda: NOON_MS)
    for bad in (print_(0), print_(math.nan), print_(1, 0, -1), print_(1, 0, 1e15), print_(1, 1)):
        assert symbol.hear(bad) == "nothing"
    assert symbol.counts == {"bad_price": 2, "bad_volume": 2, "bad_time": 1}
    assert symbol.last is None


def test_conditions_say_what_counts() -> None:
    """30 is no last price, 3 volume only, 39 a price without shares, 16 nothing."""
    symbol = heard(print_(10, 0, 1), print_(11, 1, 2, "30"), print_(15, 2, 4, "3"))
    assert figures(symbol) == (10, 10, 11, 10, 7)
    symbol.hear(print_(9, 3, 8, "39"))
    symbol.hear(print_(8, 4, 16, "16"))
    assert figures(symbol) == (9, 10, 11, 9, 7)


def test_the_first_price_of_a_day_may_be_any_that_is_one() -> None:
    """Volume that came ahead of it is the day's."""
    symbol = heard(print_(99, 0, 4, "3"), print_(10, 1, 2, "30"))
    assert figures(symbol) == (10, 10, 10, 10, 6)
    assert symbol.counts == {"volume_only": 1, "applied": 1}


def test_a_far_print_counts_when_a_second_bears_it_out() -> None:
    """The first never as a last price, in the day or in bars."""
    symbol = heard(print_(100), print_(131, 1, 2))
    assert figures(symbol) == (100, 100, 100, 100, 1)
    symbol.hear(print_(130, 10_001, 4))
    assert figures(symbol) == (130, 100, 131, 100, 7)
    assert symbol.counts == {"applied": 2, "outliers": 1, "outliers_confirmed": 1}
    assert [(one.price, one.last) for one in symbol.series.prints] == [
        (100, True), (130, True), (131, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("second", "after_ms"), [(130, 10_002), (137.6, 2), (100, 2)], ids=["late", "far", "back"]
)
def test_a_far_print_that_nothing_bears_out_counts_nowhere(second: float, after_ms: int) -> None:
    """The second one is more than 10 s or a twentieth away."""
    symbol = heard(print_(100), print_(131, 1, 2), print_(second, after_ms))
    assert symbol.counts["outliers_confirmed"] == 0
    assert symbol.figures is not None and symbol.figures.high == 100


def test_five_in_a_row_on_one_side_are_believed() -> None:
    """They are 12 s apart, so that none bears out another."""
    far = [print_(70, n * 12_000) for n in range(1, 6)]
    assert figures(heard(print_(100), *far[:4]))[0] == 100
    assert figures(heard(print_(100), *far)) == (70, 100, 100, 70, 2)
    other = print_(140, 30_000)
    assert figures(heard(print_(100), *far[:2], other, *far[2:]))[0] == 100


def test_an_old_price_judges_nobody_nor_does_one_two_ticks_away() -> None:
    """A quarter of an hour; two ten-thousandths of a stock's dollar, and of no coin's."""
    assert figures(heard(print_(100), print_(200, 15 * 60_000)))[0] == 200
    assert figures(heard(print_(100), print_(200, 15 * 60_000 - 1)))[0] == 100
    assert figures(heard(print_(0.0004), print_(0.0006, 1)))[0] == 0.0006
    coin = [one._replace(symbol="B:X") for one in (print_(0.0004), print_(0.0006, 1))]
    assert fold(coin)["B:X"].counts["outliers"] == 1


def test_a_far_late_print_counts_where_the_day_has_been() -> None:
    """It could spoil nothing."""
    symbol = heard(print_(100), print_(130, 5), print_(130, 6))
    assert symbol.hear(print_(101, 1)) == "figures"
    assert symbol.hear(print_(50, 2)) == "nothing"
    assert symbol.hear(print_(50, 7, 1, "30")) == "nothing"


def test_a_trade_outside_the_sessions_is_a_price_and_no_more() -> None:
    """In no figure and no bar; a late one is nothing at all."""
    symbol = heard(print_(100, 0, 2), print_(101, SHUT_MS - NOON_MS, 4))
    assert figures(symbol) == (101, 100, 100, 100, 2)
    assert symbol.hear(print_(102, SHUT_MS - NOON_MS - 1)) == "figures"
    assert symbol.hear(print_(103, 12 * HOUR_MS)) == "price"
    assert symbol.hear(print_(104, 11 * HOUR_MS)) == "nothing"
    assert symbol.hear(print_(104, 13 * HOUR_MS, 1, "3")) == "nothing"
    assert symbol.counts == {"applied": 1, "late": 1, "outside": 4}
    assert [one.price for one in symbol.series.prints] == [100, 102]


def test_where_no_session_is_known_a_day_is_made_of_such_trades() -> None:
    """Until the session's figures are polled."""
    symbol = heard(print_(100, 9 * HOUR_MS), print_(103, 10 * HOUR_MS))
    assert figures(symbol) == (103, 100, 103, 100, 2)
    symbol.ask(Answer(time_ms=CLOSE_MS - 1, open=95, high=99, low=94))
    assert figures(symbol) == (103, 95, 99, 94, 2)
    symbol.hear(print_(104, 11 * HOUR_MS))
    assert figures(symbol) == (104, 95, 99, 94, 2)


def test_a_new_day_begins_against_the_close_of_the_regular_session() -> None:
    """The closing auction's price, else the newest of before 16:00, whatever came when."""
    regular, late = print_(100, 4 * HOUR_MS - 5), print_(101, 4 * HOUR_MS - 1)
    post, cross = print_(105, 4 * HOUR_MS + 9), print_(102, 4 * HOUR_MS + 7, 1, "35")
    too_late = print_(99, 4 * HOUR_MS + 60_000, 1, "35")
    morning = print_(110, DAY_MS, 3)
    assert heard(regular, post, morning).prev_close == 100
    assert heard(regular, post, late, morning).prev_close == 101
    assert heard(regular, post, cross, late, too_late, morning).prev_close == 102
    assert heard(post, morning).prev_close == 105
    symbol = heard(regular, post, morning)
    assert figures(symbol) == (110, 110, 110, 110, 3)
    assert symbol.hear(late) == "nothing"
    assert symbol.counts["earlier_day"] == 1


def test_a_price_that_was_asked_for_is_the_last_one_when_its_second_is_newer() -> None:
    """Of volume 0, in a bar without trades; the same answer again is no news."""
    symbol = heard(print_(100, 500, 2))
    assert symbol.ask(Answer(100, NOON_MS)) == "nothing"
    assert symbol.ask(Answer(101, NOON_MS)) == "price"
    assert symbol.last == Last(101, 0, NOON_MS + 500, polled=True)
    assert symbol.ask(Answer(101, NOON_MS)) == "nothing"
    assert symbol.ask(Answer(102, NOON_MS + 1000)) == "price"
    assert figures(symbol) == (102, 100, 102, 100, 2)
    assert [one.trades for one in symbol.series.prints] == [1, 0, 0]


def test_an_answer_confirms_a_pending_print() -> None:
    """It is upstream's own last price."""
    symbol = heard(print_(100), print_(130, 1, 2))
    assert symbol.ask(Answer(131, NOON_MS + 1000)) == "price"
    assert figures(symbol) == (131, 100, 131, 100, 3)


def test_polled_day_figures_join_those_of_the_day() -> None:
    """The official open is the open, high and low are the wider ones, the close is the official."""
    symbol = heard(print_(100))
    answer = Answer(100, NOON_MS, open=98, high=104, low=99, prev_close=97)
    assert symbol.ask(answer) == "figures"
    assert (*figures(symbol), symbol.prev_close) == (100, 98, 104, 98, 1, 97)
    symbol.ask(Answer(103, CLOSE_MS))
    symbol.hear(print_(110, DAY_MS))
    assert symbol.prev_close == 103


def test_an_answer_of_the_day_before_is_its_close() -> None:
    """One of before its close is so only where none is known."""
    symbol = heard(print_(100))
    assert symbol.ask(Answer(90, NOON_MS - DAY_MS)) == "figures"
    assert symbol.ask(Answer(91, NOON_MS - DAY_MS)) == "nothing"
    assert symbol.ask(Answer(92, CLOSE_MS - DAY_MS)) == "figures"
    assert symbol.ask(Answer(93, CLOSE_MS - 2 * DAY_MS)) == "nothing"
    assert symbol.prev_close == 92
