"""Decode and apply: how many trades a second one core takes in, from upstream bytes to the book.

The same path as in a process (``Intake`` with its look-out for repeated frames, ``Market``), with
nobody listening. Prices walk, as on a tape: the outlier gate has nothing to hold.
"""

import asyncio
import random
import time

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
from photon_app.market.silence import Silence
from photon_app.model import FeedStatus, Trade
from tests.fakes.time import HandClock

SYMBOLS = tuple(f"S{n}" for n in range(50))
TRADES_A_FRAME = 4
FRAMES = 50_000
START_MS = 1_795_194_000_000


class _StillLoop:
    """Time that stands: nothing is ever flushed."""

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: object) -> "_StillLoop":
        del delay, callback
        return self

    def cancel(self) -> None:
        """Nothing pends."""


class _Noon:
    """Hours that stand."""

    calendar = Calendar()

    def view(self) -> MarketView:
        return MarketView("regular", START_MS, "post", START_MS, 1.0)


def run(rounds: int = 7) -> float:
    """Trades a second; the best of some rounds, because noise only ever takes away."""
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
    market.look(SYMBOLS)  # as once a second in a process
    loop = _StillLoop()
    demand = Demand((), limit=100, linger_s=0, listener=DemandListener())
    clients = Clients(demand, slow_s=10)
    flusher = Flusher(loop, 0.02)
    market.listen(Hub(market, _Noon(), clients=clients, flusher=flusher))
    market.listen(PrintsChannel(clients, flusher=flusher))
    return market


if __name__ == "__main__":
    print(f"{run():,.0f} trades/s")
