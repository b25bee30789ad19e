"""What the market leaves in memory: its bars, and nothing else."""

import gc
import json
import random
import sys

import pytest

from photon_app.gateway.session import Session
from photon_app.history.history import History
from photon_app.hub.sink import Sink
from photon_app.market.book import Book
from photon_app.model import Trade
from tests.fakes.exchange import FakeExchange

SYMBOLS = ["A", "B", "C"]
WARM_S, PLAYED_S = 400, 1600


class Sinkhole:
    """An outlet that keeps nothing."""

    put = None
    unsent_bytes = 0

    def write(self, frames: object) -> None:
        """Drop it."""

    def put_rest(self, data: bytes) -> None:
        """There is no ``put``."""
        raise AssertionError(data)

    def close(self, code: int, reason: str) -> None:
        """No client is closed here."""
        raise AssertionError(code, reason)


class Street:
    """Book, bars, history, hub and clients, without a network and without waiting."""

    def __init__(self) -> None:
        self.exchange = FakeExchange(book_type=Book)
        self.history = History(
            self.exchange.bars,
            None,
            calendars=self.exchange,
            clock=self.exchange,
        )
        self._random = random.Random(1)
        self._prices = dict.fromkeys(SYMBOLS, 100.0)
        for extra in (
            {},
            {"interval_ms": 1000},
            {"channel": "bars", "timeframe": "1s"},
            {"channel": "bars", "timeframe": "1m"},
            {"channel": "bars", "timeframe": "1d"},
        ):
            self.session().receive(json.dumps({"action": "subscribe", "symbols": SYMBOLS, **extra}))

    def session(self) -> Session:
        """A client."""
        return Session(
            self.exchange.hub,
            Sink(Sinkhole(), self.exchange.loop),
            max_symbols=100,
            messages_per_s=20,
            time=self.exchange.loop,
        )

    def play(self, seconds: int) -> None:
        """That many seconds of trades, some of them late, and of clients that come and go."""
        for second in range(seconds):
            now_ms = self.exchange.now_ms()
            self.exchange.market.trades([self._trade(symbol, now_ms) for symbol in SYMBOLS])
            if second % 30 == 0:
                guest = self.session()
                guest.receive(json.dumps({"action": "subscribe", "symbols": SYMBOLS[:3]}))
                guest.end()
            self.exchange.loop.advance(1)
            self.history.flush()
            self.exchange.hub.tick()
            self.exchange.hub.heartbeat(now_ms)
            self.exchange.demand.sweep()

    def _trade(self, symbol: str, now_ms: int) -> Trade:
        draw = self._random
        price = self._prices[symbol] = round(self._prices[symbol] * draw.gauss(1, 0.0002), 2)
        late_ms = draw.randrange(9_000) if draw.random() < 0.02 else 0
        return Trade(symbol, price, draw.randrange(1, 500), now_ms - late_ms)


@pytest.mark.slow
def test_the_market_leaves_its_bars_in_memory_and_nothing_else() -> None:
    """No object stays of what was traded, told, corrected or asked, whatever clients come and go;
    and bars are numbers in a few blocks.
    """
    street = Street()
    street.play(WARM_S + PLAYED_S)  # what is remembered within bounds is full by then
    gc.collect()
    before = sys.getallocatedblocks()
    street.play(PLAYED_S)
    gc.collect()
    bars = len(SYMBOLS) * PLAYED_S
    assert all(len(street.exchange.bars.between(s, "1s")) > PLAYED_S for s in SYMBOLS)
    assert sys.getallocatedblocks() - before < bars / 10
