"""Which silence is a fault and which is the night."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.calendar import NEW_YORK, Calendar
from photon_app.calendar.session import day_of
from photon_app.market.book import Book
from photon_app.market.silence import SILENT_MS, Silence
from photon_app.model import Trade
from tests.fakes.time import HandClock

STOCKS = ("AAPL", "NVDA")


def at(*fields: int) -> int:
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


NOON_MS = at(2026, 11, 20, 12)


class Ear:
    """A silence and its clock, looked at every second."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.clock = HandClock(now_ms)
        self.silence = Silence(self.clock, Calendar())
        self.subscribed: tuple[str, ...] = STOCKS
        self.live = True
        self.delay_ms = 0

    def trade(self, symbol: str) -> None:
        self.silence.heard([Trade(symbol, 1, 1, self.clock.at_ms)])

    def wait(self, seconds: int) -> str:
        """Let time pass; returns what is said at its end."""
        for _ in range(seconds):
            self.clock.at_ms += 1000
            self.silence.look(self.subscribed, live=self.live, delay_ms=self.delay_ms)
        return self.silence.reason


def test_silence_at_noon_is_said_after_two_minutes_and_ends_with_a_trade() -> None:
    """One trade of one symbol speaks for the whole market."""
    ear = Ear()
    ear.wait(1)
    ear.trade("NVDA")
    assert ear.wait(119) == ""
    assert ear.wait(1) == "No trade of US stocks for more than 120 s, in trading hours"
    ear.trade("NVDA")
    assert ear.wait(1) == ""


@pytest.mark.parametrize(
    ("moment", "subscribed"),
    [
        (at(2026, 11, 20, 3), STOCKS),
        (at(2026, 11, 20, 8), STOCKS),
        (at(2026, 11, 20, 17), STOCKS),
        (at(2026, 11, 21, 12), STOCKS),
        (at(2026, 11, 21, 12), ("OANDA:EUR_USD",)),
        (at(2026, 11, 20, 12), ("NOBODY:KNOWS",)),
        (at(2026, 11, 20, 12), ()),
    ],
)
def test_silence_outside_trading_hours_is_healthy(moment: int, subscribed: tuple[str, ...]) -> None:
    """A night, an early morning, an evening, a weekend, unknown hours, and nothing wanted."""
    ear = Ear(moment)
    ear.subscribed = subscribed
    assert ear.wait(600) == ""


@pytest.mark.parametrize(
    ("moment", "subscribed", "names"),
    [
        (at(2026, 11, 21, 12), ("BINANCE:BTCUSDT",), "crypto"),
        (at(2026, 11, 23, 3), ("OANDA:EUR_USD",), "foreign exchange"),
        (
            NOON_MS,
            (*STOCKS, "KRAKEN:XBTUSD", "FXCM:1"),
            "US stocks and crypto and foreign exchange",
        ),
    ],
)
def test_every_market_has_its_own_hours(
    moment: int, subscribed: tuple[str, ...], names: str
) -> None:
    """Those that are silent in them are named."""
    ear = Ear(moment)
    ear.subscribed = subscribed
    assert sorted(ear.wait(200).removeprefix("No trade of ").split(" for ")[0].split(" and ")) == (
        sorted(names.split(" and "))
    )


def test_one_market_does_not_speak_for_another() -> None:
    """Crypto that ticks hides no silent exchange."""
    ear = Ear()
    ear.subscribed = (*STOCKS, "BINANCE:BTCUSDT")
    for _ in range(20):
        ear.trade("BINANCE:BTCUSDT")
        ear.wait(10)
    assert "of US stocks for" in ear.silence.reason


def test_a_market_is_given_its_two_minutes_from_when_it_is_to_be_heard() -> None:
    """From the opening, from the connection, and from the first symbol of its kind."""
    ear = Ear(at(2026, 11, 20, 9))
    assert ear.wait(30 * 60 + 119) == ""
    assert ear.wait(1) != ""
    ear.live = False
    assert ear.wait(1) == ""
    ear.live = True
    assert ear.wait(SILENT_MS // 1000) == ""
    assert ear.wait(1) != ""
    ear.subscribed = ("BINANCE:BTCUSDT",)
    assert ear.wait(SILENT_MS // 1000) == ""
    assert ear.wait(1) != ""


@pytest.mark.parametrize(
    ("opens", "subscribed"),
    [(at(2026, 11, 22, 17, 5), ("OANDA:EUR_USD",)), (at(2026, 11, 20, 9, 30), STOCKS)],
)
def test_a_delayed_tape_is_to_be_heard_as_much_later(
    opens: int, subscribed: tuple[str, ...]
) -> None:
    """Fifteen minutes after a market opened it still tells of when that was closed."""
    ear = Ear(opens - 60_000)
    ear.subscribed, ear.delay_ms = subscribed, 900_000
    assert ear.wait(60 + 900 + 110) == ""
    assert "in trading hours" in ear.wait(20)


def test_the_last_trade_is_that_of_any_market() -> None:
    """On the wall clock, not the trade's own."""
    ear = Ear()
    ear.silence.heard([])
    ages = [ear.silence.last_trade_ms]
    ear.silence.heard([Trade("AAPL", 1, 1, 5), Trade("BINANCE:BTCUSDT", 1, 1, 7)])
    ear.wait(3)
    ear.silence.heard([])
    ages.append(ear.silence.last_trade_ms)
    assert ages == [None, NOON_MS]


@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=20))
def test_silence_is_said_exactly_when_no_trade_came_for_two_minutes(
    pauses: list[tuple[int, bool]],
) -> None:
    """In regular hours, with the connection open throughout."""
    ear = Ear(at(2026, 11, 20, 10))
    ear.wait(1)
    heard_ms = ear.clock.at_ms
    for seconds, trades in pauses:
        if trades:
            ear.trade("AAPL")
            heard_ms = ear.clock.at_ms
        assert (ear.wait(seconds) != "") == (ear.clock.at_ms - heard_ms >= SILENT_MS)


def a_book(ear: Ear) -> Book:
    """A book that takes the subscribed symbols."""
    book = Book(day_of, clock=ear.clock)
    for symbol in ear.subscribed:
        book.admit(symbol)
    return book


def test_that_all_trades_are_refused_is_said_while_the_connection_is_open() -> None:
    """They are heard, so nothing is silent; yet no price moves. Also where it was so from the
    start, as with a clock that is behind.
    """
    ear = Ear()
    book = a_book(ear)
    for _ in range(60):
        ear.clock.at_ms += 1000
        book.apply((Trade("AAPL", 10, 1, ear.clock.at_ms + 3_600_000),))
        ear.trade("AAPL")
        ear.silence.look(ear.subscribed, live=True, book=book)
    assert ear.silence.reason.startswith("Every trade is refused: its time")
    ear.silence.look(ear.subscribed, live=False, book=book)
    assert ear.silence.reason == ""


def test_that_half_of_a_market_is_refused_is_said_though_others_trade() -> None:
    """Until it trades; fewer are an upstream's slip, and another market's trades hide nothing."""
    ear = Ear()
    ear.subscribed = ("AAPL", "MSFT", "NVDA", "BINANCE:BTCUSDT", "BINANCE:ETHUSDT")
    book = a_book(ear)
    said = []
    for wrong in (1, 2, 0):
        for _ in range(45):
            ear.clock.at_ms += 1000
            for number, symbol in enumerate(ear.subscribed):
                ahead_ms = 3_600_000 if number < wrong else 0
                book.apply((Trade(symbol, 10, 1, ear.clock.at_ms + ahead_ms),))
                ear.trade(symbol)
            ear.silence.look(ear.subscribed, live=True, book=book)
        said.append(ear.silence.reason)
    assert said[0] == said[2] == ""
    assert said[1].startswith(
        "Every trade of 2 of 3 symbols of US stocks is refused, such as AAPL: its time is before"
    )


@pytest.mark.parametrize("leap_s", [-3600, 30, 3600, 9 * 3600])
def test_a_clock_that_was_set_and_a_sleep_are_no_silence(leap_s: int) -> None:
    """What is silent after it is counted from then on, and is found."""
    ear = Ear()
    ear.trade("AAPL")
    ear.wait(60)
    ear.clock.at_ms += leap_s * 1000
    assert ear.wait(SILENT_MS // 1000 - 1) == ""
    expected = leap_s != 9 * 3600
    assert bool(ear.wait(5)) is expected
