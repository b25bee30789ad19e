"""Laws of the day that is made up before a simulation begins."""

import asyncio
import functools
import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app import upstream
from photon_app.feed.simulated import SimulatedFeed, round_to_tick
from photon_app.feed.simulated_past import DAY_MS, MINUTE_MS, past_day
from photon_app.market.calendar import Calendar
from photon_app.market.session import day_of
from photon_app.model import Bar, MarketSession, Seed
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime

MONDAY_MS = 1_795_410_000_000
"""2026-11-23 00:00 in New York."""
HOUR_MS = 3_600_000
CALENDAR = Calendar()
few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**63 - 1)
moments = st.integers(0, 7 * 24 * 12).map(lambda fives: MONDAY_MS + fives * 300_000 + fives % 997)
"""Of one week; whole minutes and others."""
prices = st.floats(0.5, 5000).map(round_to_tick)
moves = st.floats(-0.015, 0.015)


@functools.cache
def session_at(time_ms: int) -> MarketSession:
    return CALENDAR.phase_at(time_ms).session


def past(
    seed: int = 1,
    now_ms: int = MONDAY_MS + 12 * HOUR_MS,
    price: float = 100.0,
    prev_close: float = 101.0,
    symbol: str = "AAPL",
) -> list[Bar]:
    """The past of a symbol."""
    return past_day(
        random.Random(seed),
        now_ms=now_ms,
        day_start_ms=day_of(symbol, now_ms).start_ms,
        price=price,
        prev_close=prev_close,
        session_at=session_at if symbol == "AAPL" else lambda _: None,
        round_to_tick=round_to_tick,
    )


@few
@given(seeds, moments)
def test_it_has_every_minute_of_the_sessions_of_24_hours_in_order(seed: int, now_ms: int) -> None:
    """One bar of each, none in a closed market, none of the minute that runs."""
    end_ms = now_ms - now_ms % MINUTE_MS
    open_at = [
        time_ms
        for time_ms in range(end_ms - DAY_MS, end_ms, MINUTE_MS)
        if session_at(time_ms) != "closed"
    ]
    assert [bar.time_ms for bar in past(seed, now_ms)] == open_at


def test_a_market_that_never_closes_has_every_minute() -> None:
    """At the weekend too, when a stock has none."""
    sunday_ms = MONDAY_MS + 6 * DAY_MS + 20 * HOUR_MS
    assert len(past(now_ms=sunday_ms, symbol="BINANCE:BTCUSDT")) == DAY_MS // MINUTE_MS
    assert past(now_ms=sunday_ms) == []


@few
@given(seeds, moments, prices, moves)
def test_every_bar_is_one_that_trades_could_have_made(
    seed: int, now_ms: int, price: float, move: float
) -> None:
    """Prices in order and on ticks, volume at a price between them, times inside the minute."""
    for bar in past(seed, now_ms, price, round_to_tick(price * (1 + move))):
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        figures = (bar.open, bar.high, bar.low, bar.close)
        assert figures == tuple(round_to_tick(figure) for figure in figures)
        assert bar.vwap is not None
        assert bar.low * (1 - 1e-9) <= bar.vwap <= bar.high * (1 + 1e-9)
        assert bar.count >= 1
        assert bar.time_ms <= bar.open_ms <= bar.close_ms < bar.time_ms + MINUTE_MS
        assert bar.firm
        assert not bar.incomplete


@few
@given(seeds, moments, prices, moves)
def test_it_leads_to_the_first_price(seed: int, now_ms: int, price: float, move: float) -> None:
    """Each bar begins where the one before it ended, and the last ends where the walk begins."""
    bars = past(seed, now_ms, price, round_to_tick(price * (1 + move)))
    for one, following in itertools.pairwise(bars):
        assert following.open == one.close
    if bars:
        assert bars[-1].close == price


@few
@given(seeds, moments, prices, moves, st.sampled_from(["AAPL", "BINANCE:BTCUSDT"]))
def test_the_day_begins_at_the_previous_close(
    seed: int, now_ms: int, price: float, move: float, symbol: str
) -> None:
    """By which the change is counted; also where yesterday ended, if it is in sight."""
    prev_close = round_to_tick(price * (1 + move))
    day_start_ms = day_of(symbol, now_ms).start_ms
    bars = past(seed, now_ms, price, prev_close, symbol)
    today = [bar for bar in bars if bar.time_ms >= day_start_ms]
    if today:
        assert today[0].open == prev_close
        assert all(bar.close == prev_close for bar in bars[: -len(today)][-1:])


@few
@given(seeds)
def test_a_price_stays_near_and_the_open_market_is_the_busy_one(seed: int) -> None:
    """So that the chart looks like a day: a few percent, most shares in the regular session."""
    bars = past(seed, MONDAY_MS + 20 * HOUR_MS)
    assert all(80 < bar.low <= bar.high < 120 for bar in bars)
    regular = [bar.volume for bar in bars if session_at(bar.time_ms) == "regular"]
    around = [bar.volume for bar in bars if session_at(bar.time_ms) != "regular"]
    assert sum(regular) / len(regular) > 2 * sum(around) / len(around)


@few
@given(seeds, moments)
def test_the_same_seed_makes_the_same_past(seed: int, now_ms: int) -> None:
    """And another one another."""
    assert past(seed, now_ms) == past(seed, now_ms)
    if past(seed, now_ms):
        assert past(seed, now_ms) != past(seed + 1, now_ms)


class Diary(FakeMarket):
    """A market that writes down when it was told of the past."""

    def history(self, symbol: str, minutes: Sequence[Bar]) -> None:
        """In the log, as ``"past of AAPL"``."""
        super().history(symbol, minutes)
        self.log.append(f"past of {symbol}")

    def first(self, symbol: str) -> int:
        """Where in the log the symbol's first trade is."""
        return next(
            at
            for at, entry in enumerate(self.log)
            if isinstance(entry, tuple) and any(trade.symbol == symbol for trade in entry)
        )


def feed_of(time: VirtualTime, *symbols: str) -> SimulatedFeed:
    """A feed as a process has it, in which these are wanted."""
    feed = SimulatedFeed(seed=7, time=time, past=upstream._past(Calendar))
    feed.want(frozenset(symbols))
    return feed


async def play(feed: SimulatedFeed, time: VirtualTime, market: Diary, seconds: float) -> None:
    """Run a feed for a while, anew."""
    running = asyncio.create_task(feed.run(market))
    await time.advance(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_the_past_of_each_symbol_is_told_once_before_its_first_trade() -> None:
    """Also of one that is wanted later, and again of one that comes back."""

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        feed = feed_of(time, "AAPL", "MSFT")
        await play(feed, time, market, 5)
        feed.want(frozenset({"AAPL", "NVDA"}))
        await play(feed, time, market, 5)
        for symbol in ("AAPL", "MSFT", "NVDA"):
            told = [at for at, entry in enumerate(market.log) if entry == f"past of {symbol}"]
            assert len(told) == 1
            assert told[0] < market.first(symbol)
        feed.want(frozenset({"AAPL", "MSFT"}))
        await play(feed, time, market, 5)
        assert market.log.count("past of MSFT") == 2
        assert market.log.count("past of AAPL") == 1

    asyncio.run(scenario())


def test_the_past_meets_the_tape_and_the_previous_close() -> None:
    """It ends before the first trade, at its price; the day begins at the close that is told."""

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        await play(feed_of(time, "AAPL"), time, market, 5)
        bars, first = market.histories["AAPL"], market.all_trades[0]
        assert bars[-1].time_ms + MINUTE_MS <= first.time_ms
        assert bars[-1].close == first.price
        day_start_ms = day_of("AAPL", START_MS).start_ms
        opening = next(bar for bar in bars if bar.time_ms >= day_start_ms)
        assert opening.open == market.seeds["AAPL"].prev_close

    asyncio.run(scenario())


def test_nothing_is_told_when_nothing_makes_it_up() -> None:
    """A feed needs no past."""

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        feed = SimulatedFeed(seed=7, time=time)
        feed.want(frozenset({"AAPL"}))
        await play(feed, time, market, 5)
        assert market.histories == {}

    asyncio.run(scenario())


def test_a_simulation_goes_on_from_where_an_earlier_process_left_it() -> None:
    """The first trade is at the last price, the previous close is the old one, and the past leads
    from the one to the other.
    """

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        feed = feed_of(time, "AAPL", "MSFT")
        feed.resume({"AAPL": 280.5, "GONE": 1.0}, {"AAPL": 279.25, "GONE": 2.0})
        await play(feed, time, market, 5)
        first = next(trade for trade in market.all_trades if trade.symbol == "AAPL")
        assert first.price == 280.5
        assert market.seeds["AAPL"] == Seed(symbol="AAPL", prev_close=279.25)
        assert set(market.seeds) == set(market.histories) == {"AAPL", "MSFT"}
        bars = market.histories["AAPL"]
        assert bars[-1].close == 280.5
        assert 279.25 in {bar.open for bar in bars}

    asyncio.run(scenario())


@pytest.mark.parametrize("prev_closes", [{}, {"MSFT": 480.0}])
def test_what_is_not_known_of_before_begins_anew(prev_closes: dict[str, float]) -> None:
    """A symbol without a last price begins as ever, one without a close has its own."""

    async def scenario() -> None:
        time, plain, resumed = VirtualTime(), Diary(), Diary()
        await play(feed_of(time, "AAPL", "MSFT"), time, plain, 1)
        feed = feed_of(time, "AAPL", "MSFT")
        feed.resume({"MSFT": 475.0}, prev_closes)
        await play(feed, time, resumed, 1)
        assert resumed.seeds["AAPL"] == plain.seeds["AAPL"]
        own = plain.seeds["MSFT"].prev_close
        assert resumed.seeds["MSFT"].prev_close == prev_closes.get("MSFT", own)

    asyncio.run(scenario())
