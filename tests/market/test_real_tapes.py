"""Tapes on which nothing is wrong: nothing of them is judged away."""

from pathlib import Path

import pytest

from photon_app.calendar.session import day_of
from photon_app.feed.finnhub_wire import Trades
from photon_app.feed.intake import Intake
from photon_app.feed.recording.file import Recording
from photon_app.feed.simulated.feed import Simulator
from photon_app.market.book import Book, Counters
from tests.fakes.time import VirtualTime
from tests.feed.recordings import DAY, PREMARKET, needs_recordings

NOON_MS = 1_795_194_000_000
HOUR_MS = 3_600_000


def play(book: Book, intake: Intake, frame: str, at_ms: int) -> None:
    event = intake.read(frame, at_ms / 1000)
    if isinstance(event, Trades):
        for trade in event.batch:
            book.apply((trade,))


@needs_recordings
@pytest.mark.parametrize(("path", "prints"), [(DAY, 26_154), (PREMARKET, 1_427)])
def test_every_print_of_a_real_recording_is_applied(path: Path, prints: int) -> None:
    """None is set aside, none is late, and no frame is taken for another."""
    book, intake = Book(day_of, admit_all=True), Intake("test", VirtualTime())
    for line in Recording(path).lines():
        play(book, intake, line.frame, line.at)
    assert book.counters == Counters(applied=prints)
    assert intake.counters.duplicates == 0


def test_no_simulated_price_is_ever_set_aside() -> None:
    """Not for a penny stock, whose tick is a quarter of its price, and not after a pause."""
    start_prices = {"PENNY": 0.00035, "DIME": 0.1, "HIGH": 900_000.0}
    simulator = Simulator(seed=1, interval_ms=250, start_prices=start_prices)
    simulator.want(frozenset({"AAPL", "ZZZ", "BINANCE:BTCUSDT", *start_prices}))
    book, intake = Book(day_of, admit_all=True), Intake("test", VirtualTime())
    now_ms = NOON_MS
    for step_ms in [250] * 2_000 + [HOUR_MS, 60_000] * 50 + [250] * 2_000:
        now_ms += step_ms
        for frame in simulator.frames(now_ms):
            play(book, intake, frame, now_ms)
    assert book.counters == Counters(applied=book.counters.applied)
    assert book.counters.applied > 5_000
    assert intake.counters.duplicates == 0
