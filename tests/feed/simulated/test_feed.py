"""Laws of the invented tape."""

import asyncio
import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.feed.finnhub_wire import Trades, decode
from photon_app.feed.simulated.feed import (
    CATCH_UP_MS,
    DUE_TRADES,
    SimulatedFeed,
    Simulator,
    round_to_tick,
)
from photon_app.feed.simulated.prices import known_price
from photon_app.model import Trade
from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime

DEFAULTS = frozenset(DEFAULT_SYMBOLS)
seeds = st.integers(0, 2**63 - 1)
few = settings(max_examples=8, deadline=None)


def read(frames: Iterable[str]) -> list[Trade]:
    """The trades of wire frames."""
    trades: list[Trade] = []
    for frame in frames:
        event = decode(frame)
        assert isinstance(event, Trades)
        assert event.skipped == 0
        trades.extend(event.batch)
    return trades


def tape(seed: int, symbols: frozenset[str], seconds: float, interval_ms: int = 250) -> list[Trade]:
    """The trades of a simulator that runs for a while."""
    simulator = Simulator(seed, interval_ms)
    simulator.want(symbols)
    ends = START_MS + int(seconds * 1000)
    return read(
        frame for now_ms in range(START_MS, ends, interval_ms) for frame in simulator.frames(now_ms)
    )


def of(symbol: str, trades: list[Trade]) -> list[Trade]:
    """The trades of one symbol."""
    return [trade for trade in trades if trade.symbol == symbol]


@few
@given(seeds)
def test_the_same_seed_times_and_symbols_make_the_same_trades(seed: int) -> None:
    """A run can be repeated."""
    assert tape(seed, DEFAULTS, 10) == tape(seed, DEFAULTS, 10)


def test_another_seed_makes_other_trades() -> None:
    """The seed matters."""
    assert tape(1, DEFAULTS, 10) != tape(2, DEFAULTS, 10)


@few
@given(seeds, st.frozensets(st.sampled_from(DEFAULT_SYMBOLS)))
def test_a_walk_does_not_depend_on_its_neighbours(seed: int, others: frozenset[str]) -> None:
    """AAPL trades the same alone and in company."""
    alone = tape(seed, frozenset({"AAPL"}), 10)
    assert of("AAPL", tape(seed, others | {"AAPL"}, 10)) == alone


def test_a_walk_does_not_depend_on_how_often_it_is_asked() -> None:
    """One look a second shows the trades that ten looks show."""

    def trades(step_ms: int) -> list[Trade]:
        simulator = Simulator(5)
        simulator.want(DEFAULTS)
        times = range(START_MS, START_MS + 20_001, step_ms)
        return sorted(
            read(f for now_ms in times for f in simulator.frames(now_ms)),
            key=lambda t: (t.time_ms, t.symbol),
        )

    assert trades(100) == trades(1000)


@few
@given(seeds, st.sampled_from([1, 50, 250, 1000]))
def test_no_symbol_is_silent_for_3_s(seed: int, interval_ms: int) -> None:
    """Counted as a client sees it: from one round that brings it to the next."""
    simulator = Simulator(seed, interval_ms)
    simulator.want(DEFAULTS)
    seen = dict.fromkeys(DEFAULTS, START_MS)
    step_ms = max(interval_ms, 50)
    for now_ms in range(START_MS, START_MS + 40_000, step_ms):
        for trade in read(simulator.frames(now_ms)):
            seen[trade.symbol] = now_ms
        assert max(now_ms - last for last in seen.values()) <= 3000


def test_the_tape_has_bursts_and_quiet_spells() -> None:
    """Some trades of a symbol follow within 30 ms, and some after more than a second."""
    times = [trade.time_ms for trade in tape(1, frozenset({"AAPL"}), 120)]
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert sum(gap < 30 for gap in gaps) > 10
    assert sum(gap > 1000 for gap in gaps) > 10


def test_frames_mix_symbols() -> None:
    """As Finnhub's do."""
    simulator = Simulator(1)
    simulator.want(DEFAULTS)
    assert {trade.symbol for trade in read(simulator.frames(START_MS)[:1])} == DEFAULTS


def test_a_newly_wanted_symbol_trades_in_the_next_round() -> None:
    """The first look at it is not empty."""
    simulator = Simulator(1)
    simulator.want(frozenset({"AAPL"}))
    simulator.frames(START_MS)
    simulator.want(frozenset({"AAPL", "IBM"}))
    assert of("IBM", read(simulator.frames(START_MS + 250)))


@few
@given(seeds, st.sampled_from(["AAPL", "NVDA", "ZZZZ", "BINANCE:BTCUSDT", "IC MARKETS:1"]))
def test_prices_are_positive_whole_ticks_near_the_previous_close(seed: int, symbol: str) -> None:
    """Cents, and within a few percent of the close that the change is counted from."""
    simulator = Simulator(seed)
    (known,) = simulator.want(frozenset({symbol}))
    close = known.prev_close
    assert close is not None
    for trade in tape(seed, frozenset({symbol}), 60):
        assert trade.price > 0
        assert trade.price == round(trade.price, 2)
        assert abs(trade.price / close - 1) < 0.04


def test_the_change_stays_meaningful_for_days() -> None:
    """A walk is pulled back to where it began: no drift in a process that runs for long."""
    simulator = Simulator(3, 1000)
    (known,) = simulator.want(frozenset({"AAPL"}))
    assert known.prev_close is not None
    prices = [
        trade.price
        for hour in range(200)
        for trade in read(simulator.frames(START_MS + hour * 3_600_000))
    ]
    assert max(abs(price / known.prev_close - 1) for price in prices) < 0.06


@given(st.floats(1e-9, 1e9))
def test_a_tick_is_a_cent_or_a_hundredth_of_one_under_a_dollar(price: float) -> None:
    """And never zero."""
    rounded = round_to_tick(price)
    assert rounded > 0
    assert rounded == round(rounded, 2 if price >= 1 else 4)
    assert rounded == 0.0001 or abs(rounded - price) <= (0.0051 if price >= 1 else 0.000051)


def test_a_given_start_price_wins() -> None:
    """``PHOTON_SYMBOLS=AAPL=189.5``."""
    simulator = Simulator(1, start_prices={"AAPL": 189.5, "PENNY": 0.01})
    simulator.want(frozenset({"AAPL", "PENNY", "MSFT"}))
    first = {trade.symbol: trade.price for trade in read(simulator.frames(START_MS))}
    assert first == {"AAPL": 189.5, "PENNY": 0.01, "MSFT": known_price("MSFT")}


@few
@given(seeds, st.lists(st.integers(0, 5000), min_size=1, max_size=30))
def test_times_never_pass_the_clock_nor_go_back(seed: int, steps: list[int]) -> None:
    """However irregular the rounds are."""
    simulator = Simulator(seed)
    simulator.want(DEFAULTS)
    now_ms = START_MS
    last = dict.fromkeys(DEFAULTS, START_MS)
    for step_ms in steps:
        now_ms += step_ms
        for trade in read(simulator.frames(now_ms)):
            assert last[trade.symbol] <= trade.time_ms <= now_ms
            last[trade.symbol] = trade.time_ms


def test_a_pause_is_not_made_up_for() -> None:
    """After an hour asleep come the trades of the last seconds, not 10,000."""
    simulator = Simulator(1)
    simulator.want(DEFAULTS)
    simulator.frames(START_MS)
    now_ms = START_MS + 3_600_000
    trades = read(simulator.frames(now_ms))
    assert trades
    assert min(trade.time_ms for trade in trades) >= now_ms - CATCH_UP_MS
    assert len(trades) < 200


def test_a_clock_set_back_makes_no_trades_until_it_has_caught_up() -> None:
    """Rather than trades from the future, or from before the last one."""
    simulator = Simulator(1)
    simulator.want(DEFAULTS)
    simulator.frames(START_MS)
    assert simulator.frames(START_MS - 3_600_000) == []


def test_one_round_is_bounded() -> None:
    """Even at the fastest pace and after the longest pause."""
    simulator = Simulator(1, interval_ms=1)
    simulator.want(DEFAULTS)
    simulator.frames(START_MS)
    assert len(read(simulator.frames(START_MS + 10**9))) <= DUE_TRADES * len(DEFAULTS)


def test_an_unwanted_symbol_is_forgotten() -> None:
    """Its walk goes, and when it is wanted again it starts again."""
    simulator = Simulator(1)
    (first,) = simulator.want(frozenset({"IBM"}))
    simulator.want(frozenset())
    assert simulator.symbols == frozenset()
    assert simulator.frames(START_MS) == []
    assert simulator.want(frozenset({"IBM"})) == [first]


def test_volumes_under_a_hundred_are_odd_lots() -> None:
    """Condition 12 stands exactly at these."""
    trades = tape(1, DEFAULTS, 60)
    assert all(("12" in trade.conditions) == (trade.volume < 100) for trade in trades)
    assert {trade.volume < 100 for trade in trades} == {True, False}


async def run_for(feed: SimulatedFeed, time: VirtualTime, seconds: float) -> FakeMarket:
    """Run the feed for so many virtual seconds."""
    market = FakeMarket()
    task = asyncio.create_task(feed.run(market))
    await time.advance(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    return market


def test_the_feed_says_simulated_first_and_seeds_before_the_first_trade() -> None:
    """So that no client sees an invented price without its name, or a price without a change."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = SimulatedFeed(seed=1, time=time)
        feed.want(DEFAULTS)
        market = await run_for(feed, time, 1)
        assert market.statuses == [market.log[0]]
        assert market.statuses[0].state == "simulated"
        assert set(market.seeds) == DEFAULTS
        kinds = [type(entry).__name__ for entry in market.log]
        assert kinds.index("tuple") > len(DEFAULTS)

    asyncio.run(scenario())


def test_the_feed_delivers_the_simulators_trades_on_its_clock() -> None:
    """One round each interval, counted."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = SimulatedFeed(interval_ms=250, seed=7, time=time)
        feed.want(DEFAULTS)
        market = await run_for(feed, time, 9.999)
        assert market.all_trades == tape(7, DEFAULTS, 10)
        assert feed.counters.trades == len(market.all_trades)
        assert feed.last_message_ms is not None
        assert feed.last_message_ms <= time.now_ms()
        assert set(time.sleeps) == {0.25}

    asyncio.run(scenario())


def test_the_feed_follows_the_demand_while_it_runs() -> None:
    """A symbol wanted later is seeded and trades within an interval; a dropped one stops."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = SimulatedFeed(interval_ms=250, seed=7, time=time)
        feed.want(frozenset({"AAPL"}))
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        await time.advance(1)
        feed.want(frozenset({"IBM"}))
        before = len(market.all_trades)
        await time.advance(0.25)
        assert {trade.symbol for trade in market.all_trades[before:]} == {"IBM"}
        assert "IBM" in market.seeds
        assert feed.subscribed == {"IBM"}
        task.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize("leap_s", [-3600, -45, 3600, -0.4])
def test_a_clock_that_is_set_does_not_silence_the_feed(leap_s: float) -> None:
    """Its own time goes on, and no trade is before the last one, nor after that time."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = SimulatedFeed(seed=1, time=time)
        feed.want(DEFAULTS)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        await time.advance(20)
        count = len(market.all_trades)
        time.doze(leap_s)
        await time.advance(10)
        fresh = market.all_trades[count:]
        task.cancel()
        assert {trade.symbol for trade in fresh} == DEFAULTS
        assert feed.clock.now_ms() == pytest.approx(
            START_MS + 30_000 + (leap_s * 1000 if leap_s > -1 else 0), abs=500
        )
        for symbol in DEFAULTS:
            times = [trade.time_ms for trade in of(symbol, market.all_trades)]
            assert times == sorted(times)
            assert times[-1] <= feed.clock.now_ms()

    asyncio.run(scenario())


def test_a_clock_that_is_set_to_and_fro_leaves_the_feed_in_time() -> None:
    """Each time back is made good by the time forward, and no more than that."""
    time = VirtualTime()
    feed = SimulatedFeed(seed=1, time=time)
    for leap_s in (-3600, 3600, -3600, 1800, 1800, 600):
        feed.clock.now_ms()
        time.doze(leap_s)
    assert feed.clock.now_ms() == time.now_ms() == START_MS + 600_000


def test_without_a_seed_two_feeds_differ() -> None:
    """Invented prices are not the same on every start."""

    async def scenario() -> None:
        tapes = []
        for _ in range(2):
            time = VirtualTime()
            feed = SimulatedFeed(time=time)
            feed.want(DEFAULTS)
            tapes.append((await run_for(feed, time, 3)).all_trades)
        assert tapes[0] != tapes[1]

    asyncio.run(scenario())
