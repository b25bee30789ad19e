"""Bars that were worked out by hand."""

from decimal import Decimal

from tests.reference.bars import LATE_MS, MINUTE_MS, Bar, Counted, Series, bars, counted
from tests.reference.prints import Print

NOON_MS = 1_780_416_000_000
"""12:00 in New York."""


def print_(after_ms: int, price: float, volume: float = 1, *codes: str) -> Print:
    return Print("A", price, volume, NOON_MS + after_ms, codes, after_ms + 50)


def made(timeframe: str, *prints: Print) -> list[Bar]:
    return bars([counted(one) for one in prints], timeframe)


def test_a_bar_has_every_figure_of_its_prints() -> None:
    """Worked out by hand: 0.1 + 0.2 shares at 10 and 12, 3 at 11."""
    [bar] = made("1m", print_(20, 12, 0.2), print_(10, 10, 0.1), print_(30, 11, 3))
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 12, 10, 11)
    assert (bar.volume, bar.turnover, bar.trades) == (Decimal("3.3"), Decimal("36.4"), 3)
    assert (bar.open_ms, bar.close_ms) == (NOON_MS + 10, NOON_MS + 30)
    assert (bar.time_ms, bar.firm, bar.born_ms) == (NOON_MS, True, 60)


def test_of_one_millisecond_the_first_to_come_is_the_open_and_the_last_the_close() -> None:
    """Whatever they cost."""
    [bar] = made("1s", print_(5, 11), print_(5, 9), print_(5, 10))
    assert (bar.open, bar.close) == (11, 10)


def test_conditions_forbid_in_a_bar_what_they_forbid_in_the_book() -> None:
    """30 may not open or close it, 3 has no price, 39 no volume."""
    prints = print_(0, 50, 1, "30"), print_(1, 10, 2), print_(2, 99, 4, "3"), print_(3, 11, 8, "39")
    [bar] = made("1s", *prints)
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 50, 10, 11)
    assert (bar.volume, bar.trades, bar.firm) == (Decimal(7), 4, True)


def test_without_a_last_price_others_open_and_close() -> None:
    """The bar says so."""
    [bar] = made("1s", print_(0, 50, 1, "30"), print_(1, 51, 1, "30"))
    assert (bar.open, bar.close, bar.firm) == (50, 51, False)


def test_volume_of_a_minute_without_a_price_is_in_no_bar() -> None:
    """In no longer one either; in a minute that has a price, of another second, it is."""
    alone, second = print_(0, 9, 100, "3"), print_(MINUTE_MS, 9, 20, "3")
    priced = print_(MINUTE_MS + 1000, 10, 3)
    for timeframe, volume in (("1s", 3), ("1m", 23), ("5m", 23), ("1h", 23), ("1d", 23)):
        assert [bar.volume for bar in made(timeframe, alone, second, priced)] == [volume]


def test_bars_come_in_order_of_time() -> None:
    """A span without a print has none."""
    made_ms = [bar.time_ms for bar in made("1m", print_(3 * MINUTE_MS, 10), print_(0, 10))]
    assert made_ms == [NOON_MS, NOON_MS + 3 * MINUTE_MS]


def test_five_minutes_behind_the_newest_is_too_late() -> None:
    """Exactly five are not; a first price that was polled may not be that old."""
    series = Series(since_ms=NOON_MS)
    asked = Counted(NOON_MS - LATE_MS - 1, 10, Decimal(0), trades=0)
    series.add(asked)
    assert (series.kept, series.too_late) == ([], 0)
    for after_ms in (LATE_MS, 0, -1):
        series.add(print_(after_ms, 10))
    assert [one.time_ms - NOON_MS for one in series.prints] == [LATE_MS, 0]
    assert (series.too_late, series.late) == (1, 1)
