"""Decode and apply: how many trades per second one core handles, from upstream bytes to the book.

The same path as in a process (``Intake`` with its check for repeated frames, ``Market``), with hub,
prints channel and time and sales listening but without clients. Sorting prints by symbol is not on
that path: it is a step by itself, in iterations of the event loop that never come here. Prices
follow a random walk, like a real tape: no trade is an outlier. Each of 50 symbols trades eight
times a second, so every eighth trade begins a new second.

``python -m bench.fold`` also prints the cost of each step by itself.
"""

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from photon_app.calendar import session
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.hours import MarketView
from photon_app.clock import SYSTEM
from photon_app.feed import finnhub_wire as wire
from photon_app.feed.intake import Intake
from photon_app.hub.channels.prints import PrintsChannel
from photon_app.hub.clients import Clients
from photon_app.hub.demand import Demand, DemandListener
from photon_app.hub.flusher import Flusher
from photon_app.hub.hub import Hub
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.market.sales import Sales
from photon_app.market.silence import Silence
from photon_app.model import FeedStatus, Trade
from tests.fakes.time import HandClock

SYMBOLS = tuple(f"S{n}" for n in range(50))
TRADES_A_FRAME = 4
FRAMES = 50_000
START_MS = 1_795_194_000_000


class _StillLoop:
    """A loop whose time stands still: nothing is ever flushed."""

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: object) -> "_StillLoop":
        del delay, callback
        return self

    def cancel(self) -> None:
        """Do nothing: no call is scheduled."""


class _EagerLoop:
    """A loop that calls at once."""

    def time(self) -> float:
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        del delay
        callback()


class _Noon:
    """Hours that never change."""

    calendar = Calendar()

    def view(self) -> MarketView:
        return MarketView("regular", START_MS, "post", START_MS, 1.0)


def run(rounds: int = 7) -> float:
    """Trades per second; the best of some rounds, because noise only makes a round slower."""
    frames = _frames()
    return max(asyncio.run(_round(frames)) for _ in range(rounds))


async def _round(frames: list[bytes]) -> float:
    market, intake = _market(), Intake("bench", SYSTEM)
    begun = time.perf_counter()
    for frame in frames:
        await intake.deliver(intake.read(frame), market)
    spent_s = time.perf_counter() - begun
    assert intake.counters.trades == FRAMES * TRADES_A_FRAME
    return FRAMES * TRADES_A_FRAME / spent_s


def stages(rounds: int = 5) -> dict[str, float]:
    """CPU nanoseconds per trade of each step by itself, and of all; the median of some rounds.

    ``market`` is book, bars and the fact that listeners get.
    """
    frames = _frames()
    events = [event for frame in frames if isinstance(event := wire.decode(frame), wire.Trades)]
    batches = [event.batch for event in events]
    book = _market().book
    counted = [book.apply(batch).counted for batch in batches]
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: _each(wire.decode, frames),
        "decode, count, check for repeats": lambda: _each(Intake("bench", SYSTEM).read, frames),
        "book": lambda: _each(_market().book.apply, batches),
        "bars": lambda: _each(_market().bars.fold, counted),
        "market": lambda: _each(_market().trades, batches),
        "sorting prints by symbol, off the path": lambda: _keep(_sales(at_once=True), batches),
        "whole": lambda: asyncio.run(_round(frames)),
    }
    return {
        name: statistics.median(_cost(step) for _ in range(rounds)) for name, step in steps.items()
    }


def _each(call: Callable[[Any], object], values: Iterable[object]) -> None:
    for value in values:
        call(value)


def _keep(sales: Sales, batches: Iterable[Sequence[Trade]]) -> None:
    for batch in batches:
        sales.heard(batch, ())


def _cost(step: Callable[[], object]) -> float:
    gc.collect()
    begun = time.process_time()
    step()
    return (time.process_time() - begun) / (FRAMES * TRADES_A_FRAME) * 1e9


def _frames() -> list[bytes]:
    rng = random.Random(1)
    time_ms = START_MS
    prices = {symbol: rng.uniform(10, 500) for symbol in SYMBOLS}
    frames = []
    for _ in range(FRAMES):
        time_ms += rng.randrange(20)
        batch = [_trade(rng, prices, time_ms) for _ in range(TRADES_A_FRAME)]
        frames.append(wire.encode_trades(batch).encode())
    return frames


def _trade(rng: random.Random, prices: dict[str, float], time_ms: int) -> Trade:
    symbol = rng.choice(SYMBOLS)
    prices[symbol] *= 1 + rng.uniform(-0.001, 0.001)
    return Trade(
        symbol=symbol,
        price=round(prices[symbol], 2),
        volume=rng.randrange(1, 1000),
        time_ms=time_ms,
        conditions=rng.choice((("1",), ("1", "8"), ("1", "12"))),
    )


def _market() -> Market:
    book = Book(session.day_of, clock=HandClock(START_MS + 86_400_000))
    bars = Bars(clock=HandClock(START_MS))
    for symbol in SYMBOLS:
        book.admit(symbol)
        bars.follow(symbol)
    status = FeedStatus(source="bench", state="live", since_ms=START_MS)
    market = Market(book, bars, status, Silence(HandClock(START_MS), Calendar()))
    market.look(SYMBOLS)  # a process does so once a second
    loop = _StillLoop()
    demand = Demand((), limit=100, linger_s=0, listener=DemandListener())
    clients = Clients(demand, slow_s=10)
    flusher = Flusher(loop, 0.02)
    market.listen(Hub(market, _Noon(), clients=clients, flusher=flusher))
    market.listen(PrintsChannel(clients, flusher=flusher))
    market.keep_prints(_sales())
    return market


def _sales(*, at_once: bool = False) -> Sales:
    """Time and sales of all symbols; prints are sorted by symbol at once, or never."""
    sales = Sales(_EagerLoop() if at_once else _StillLoop())
    for symbol in SYMBOLS:
        sales.follow(symbol)
    return sales


if __name__ == "__main__":
    print(f"{run():,.0f} trades/s")
    for name, cost_ns in stages().items():
        print(f"{cost_ns:6,.0f} ns a trade: {name}")
