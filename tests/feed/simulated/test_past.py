"""Laws of the time that is made up before a simulation began."""

import asyncio
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app import upstream
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import market_day
from photon_app.calendar.timeframes import DAY_MS, MINUTE_MS
from photon_app.feed.finnhub_wire import Trades, decode
from photon_app.feed.simulated.feed import CROWD_PER_S, SimulatedFeed, Simulator, round_to_tick
from photon_app.feed.simulated.past import REACH_MS, Hours, SimulatedPast, split
from photon_app.market.merge import merge_all
from photon_app.model import Bar, Timeframe, Trade
from photon_app.settings import Settings
from tests.fakes.dates import MOMENTS, OPEN_MS
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime

CALENDAR = Calendar()
SYMBOLS = ("AAPL", "NOBODY", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "X:Y")
SHORTER: tuple[Timeframe, ...] = ("1h", "15m", "5m", "1m")
few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**63 - 1)
symbols = st.sampled_from(SYMBOLS)
moments = st.one_of(
    st.sampled_from(sorted(MOMENTS.values())),
    st.integers(0, 3 * 365 * 24 * 60).map(lambda minute: OPEN_MS + minute * MINUTE_MS + 997),
)


def past_of(seed: int = 1, given: Mapping[str, float] | None = None) -> SimulatedPast:
    """The past of a process."""
    chosen = Settings(sim_seed=seed, start_prices=given or {})
    return upstream.simulated_past(chosen, CALENDAR)


def days_before(past: SimulatedPast, symbol: str, now_ms: int) -> Iterator[Hours]:
    """The trading days before that of a moment, the newest first, as far back as the past goes."""
    day, first_ms = past.hours_at(symbol, now_ms), now_ms - now_ms % DAY_MS - REACH_MS
    while (day := past.hours_at(symbol, day.begins_ms - 1)).begins_ms >= first_ms:
        yield day


@few
@given(seeds, symbols, moments)
def test_shorter_bars_merge_into_the_day(seed: int, symbol: str, now_ms: int) -> None:
    """Prices, volume and count exactly, what was turned over as far as prices allow."""
    past = past_of(seed)
    for day in itertools.islice(days_before(past, symbol, now_ms), 2):
        whole = past.day(symbol, day)
        for timeframe in SHORTER:
            made = merge_all(past.of_day(symbol, timeframe, day), day.start_ms)
            assert made is not None
            assert made.turnover == pytest.approx(whole.turnover, rel=0.01)
            for name in ("open", "high", "low", "close", "volume", "count", "invented"):
                assert getattr(made, name) == getattr(whole, name), (timeframe, name)


@pytest.mark.parametrize(
    ("symbol", "price", "decimals"),
    [
        ("OANDA:EUR_USD", 1.08503, 5),
        ("OANDA:USD_JPY", 149.269, 3),
        ("BINANCE:PEPEUSDT", 0.001234, 6),
        ("BINANCE:SHIBUSDT", 8.714e-6, 9),
        ("BINANCE:TINY", 1.234e-9, 12),
        ("AAPL", 189.57, 2),
        ("KO", 7.44, 2),
        ("PENNY", 0.6538, 4),
    ],
)
def test_past_and_tape_have_the_decimals_of_their_symbol(
    symbol: str, price: float, decimals: int
) -> None:
    """A rate moves by its fifth decimal, and a stock by a cent."""
    given_price = Settings(symbols=(symbol,), start_prices={symbol: price}, sim_seed=1)
    past = upstream.simulated_past(given_price, CALENDAR)
    day = past.hours_at(symbol, START_MS)
    prices = [bar.close for bar in past.of_day(symbol, "1m", day)]
    simulator = Simulator(1, 250, {symbol: price}, to_tick=upstream.to_tick)
    simulator.want(frozenset({symbol}))
    for frame in (f for n in range(400) for f in simulator.frames(START_MS + n * 250)):
        event = decode(frame)
        assert isinstance(event, Trades)
        prices += [trade.price for trade in event.batch]
    assert all(round(one, decimals) == one > 0 for one in prices)
    assert any(round(one, decimals - 1) != one for one in prices)


@few
@given(seeds, symbols, moments, st.sampled_from(SHORTER))
def test_every_bar_is_one_that_trades_could_have_made(
    seed: int, symbol: str, now_ms: int, timeframe: Timeframe
) -> None:
    """Prices in order and on ticks, volume at a price between them, times inside the span; and each
    begins where the one before it ended.
    """
    past = past_of(seed)
    day = next(days_before(past, symbol, now_ms))
    bars = past.of_day(symbol, timeframe, day)
    for bar in bars:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        figures = (bar.open, bar.high, bar.low, bar.close)
        assert figures == tuple(upstream.to_tick(symbol, figure) for figure in figures)
        assert bar.vwap is not None
        assert bar.low * (1 - 1e-9) <= bar.vwap <= bar.high * (1 + 1e-9)
        assert 1 <= bar.count <= bar.volume
        assert bar.time_ms == bar.open_ms < bar.close_ms
        assert bar.firm
        assert bar.invented
        assert not bar.incomplete
    for one, following in itertools.pairwise(bars):
        assert (following.open, following.time_ms) == (one.close, one.close_ms + 1)


@few
@given(seeds, symbols, moments)
def test_days_follow_each_other(seed: int, symbol: str, now_ms: int) -> None:
    """Each begins at the close before, ends at its own, and none is older than two years."""
    past = past_of(seed)
    days = list(days_before(past, symbol, now_ms))
    assert len(days) >= 450
    assert days[-1].start_ms == past.first_ms(symbol, now_ms) > now_ms - 730 * DAY_MS
    for day, before in itertools.islice(itertools.pairwise(days), 200):
        bar = past.day(symbol, day)
        assert bar.open == past.close(symbol, before)
        assert bar.close == past.close(symbol, day)
        assert before.ends_ms == day.start_ms
    assert past.prev_close(symbol, now_ms) == past.close(symbol, days[0])


@few
@given(seeds, symbols, moments, st.integers(0, 5 * 24 * 60))
def test_what_is_made_up_once_stays(seed: int, symbol: str, now_ms: int, later: int) -> None:
    """A process that starts later, or another one, makes the same days, closes and minutes."""
    one, other = past_of(seed), past_of(seed)
    later_ms = now_ms + later * MINUTE_MS
    day = next(days_before(one, symbol, now_ms))
    other.price(symbol, later_ms)
    other.prev_close(symbol, later_ms)
    assert one.day(symbol, day) == other.day(symbol, day)
    assert one.of_day(symbol, "5m", day) == other.of_day(symbol, "5m", day)
    running = one.running(symbol, now_ms, one.price(symbol, now_ms))
    if one.hours_at(symbol, later_ms) == one.hours_at(symbol, now_ms):
        again = other.running(symbol, later_ms, other.price(symbol, later_ms))
        assert again[: len(running)] == running


@few
@given(seeds, moments, symbols)
def test_another_seed_makes_another_past(seed: int, now_ms: int, symbol: str) -> None:
    """Of the same symbol."""
    past = past_of(seed)
    day = past.hours_at(symbol, now_ms - 3 * DAY_MS)
    assert past.of_day(symbol, "1m", day) != past_of(seed + 1).of_day(symbol, "1m", day)


@few
@given(seeds, symbols, moments, st.one_of(st.none(), st.floats(0.5, 5000).map(round_to_tick)))
def test_the_running_day_leads_to_the_first_price(
    seed: int, symbol: str, now_ms: int, price: float | None
) -> None:
    """Every whole minute of its sessions until now, the last at the price where the walk begins,
    also where that is given; a day that is done is whole.
    """
    given = {} if price is None else {symbol: price}
    past = past_of(seed, given)
    day = market_day(symbol, now_ms, CALENDAR)
    first = past.price(symbol, now_ms)
    if price is not None:
        assert first == price
    minutes = past.running(symbol, now_ms, first)
    end_ms = min(now_ms - now_ms % MINUTE_MS, day.done_ms)
    assert [bar.time_ms for bar in minutes] == list(range(day.start_ms, end_ms, MINUTE_MS))
    if minutes:
        assert minutes[-1].close == first
        assert minutes[0].open == pytest.approx(past.prev_close(symbol, now_ms), rel=0.2)


def test_given_prices_change_no_close_from_one_hour_to_the_next() -> None:
    """The previous close is of the date, not of the minute at which a process starts."""
    closes = {
        past_of(5, {"AAPL": 189.5}).prev_close("AAPL", OPEN_MS + hour * 3_600_000)
        for hour in range(-6, 9)
    }
    assert len(closes) == 1


@few
@given(seeds)
def test_a_price_stays_near_and_the_open_market_is_the_busy_one(seed: int) -> None:
    """So that the chart looks like a day: a few percent, most shares in the regular session."""
    past = past_of(seed, {"AAPL": 100.0})
    day = past.hours_at("AAPL", OPEN_MS - DAY_MS)
    close = past.close("AAPL", day)
    bars = past.of_day("AAPL", "1m", day)
    assert all(0.8 * close < bar.low <= bar.high < 1.2 * close for bar in bars)
    stocks = market_day("AAPL", day.start_ms, CALENDAR)
    regular = [
        b.volume for b in bars if stocks.start_ms + 330 * MINUTE_MS <= b.time_ms < day.close_ms
    ]
    around = [bar.volume for bar in bars if bar.time_ms >= day.close_ms]
    assert sum(regular) / len(regular) > 2 * sum(around) / len(around)
    assert 30 < past.day("AAPL", past.hours_at("AAPL", OPEN_MS - REACH_MS)).close < 300


@few
@given(
    seeds,
    st.tuples(*[st.floats(1, 1000).map(round_to_tick)] * 4),
    st.integers(60, 10**6),
    st.integers(1, 100),
)
def test_a_bar_is_split_without_a_rest(
    seed: int, prices: tuple[float, ...], count: int, lot: int
) -> None:
    """Whatever its prices are, also one and the same."""
    low, *between, high = sorted(prices)
    whole = Bar(
        time_ms=0,
        open=between[0],
        high=high,
        low=low,
        close=between[1],
        volume=float(count * lot),
        turnover=count * lot * math.fsum(prices) / 4,
        count=count,
        open_ms=0,
        close_ms=60 * MINUTE_MS - 1,
        invented=True,
    )
    edges = [0, *(n * 15 * MINUTE_MS for n in (1, 2, 3)), 60 * MINUTE_MS]
    parts = split(random.Random(seed), whole, edges, round_to_tick)
    made = merge_all(parts, 0)
    assert made is not None
    for name in ("open", "high", "low", "close", "volume", "count"):
        assert getattr(made, name) == getattr(whole, name)
    assert all(part.low <= min(part.open, part.close) for part in parts)
    assert all(part.high >= max(part.open, part.close) for part in parts)


# What the feed tells of it


class Diary(FakeMarket):
    """A market that writes down when it was given a past."""

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """In the log, as ``"past of AAPL"``."""
        super().began(symbol, time_ms, price)
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
    feed = SimulatedFeed(seed=7, time=time, past=past_of(7))
    feed.want(frozenset(symbols))
    return feed


async def play(feed: SimulatedFeed, time: VirtualTime, market: Diary, seconds: float) -> None:
    """Run a new feed for a while."""
    running = asyncio.create_task(feed.run(market))
    await time.advance(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_the_past_of_each_symbol_is_delivered_once_before_its_first_trade() -> None:
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


@pytest.mark.parametrize("moment_ms", MOMENTS.values(), ids=MOMENTS)
def test_the_past_meets_the_tape_and_the_previous_close(moment_ms: int) -> None:
    """It ends before the first trade, at its price; the day begins at the delivered close."""

    async def scenario() -> None:
        time, market = VirtualTime(moment_ms), Diary()
        await play(feed_of(time, "AAPL"), time, market, 5)
        bars, first = past_of(7).running("AAPL", *market.begun["AAPL"]), market.all_trades[0]
        if bars:
            assert bars[-1].time_ms + MINUTE_MS <= first.time_ms
            assert bars[-1].close == first.price
            assert bars[0].open == market.seeds["AAPL"].prev_close

    asyncio.run(scenario())


def test_nothing_is_delivered_when_nothing_is_invented() -> None:
    """A feed needs no past."""

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        feed = SimulatedFeed(seed=7, time=time)
        feed.want(frozenset({"AAPL"}))
        await play(feed, time, market, 5)
        assert market.begun == {}

    asyncio.run(scenario())


def test_a_simulation_goes_on_from_where_an_earlier_process_left_it() -> None:
    """The first trade is at the last price, the previous close is the old one, and the past leads
    to where the walk begins.
    """

    async def scenario() -> None:
        time, market = VirtualTime(), Diary()
        feed = feed_of(time, "AAPL", "MSFT")
        feed.resume({"AAPL": 280.5, "GONE": 1.0}, {"AAPL": 279.25, "GONE": 2.0})
        await play(feed, time, market, 5)
        first = next(trade for trade in market.all_trades if trade.symbol == "AAPL")
        assert first.price == 280.5
        assert market.seeds["AAPL"].prev_close == 279.25
        assert set(market.seeds) == set(market.begun) == {"AAPL", "MSFT"}
        minutes = past_of(7).running("AAPL", *market.begun["AAPL"])
        assert minutes[-1].close == 280.5

    asyncio.run(scenario())


@pytest.mark.parametrize("prev_closes", [{}, {"MSFT": 480.0}])
def test_what_is_not_known_of_before_begins_again(prev_closes: dict[str, float]) -> None:
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


def test_a_price_of_another_list_is_not_continued() -> None:
    """A stored price of quite another size is of an older version: the symbol begins as ever, and
    does not climb to its level within an hour.
    """

    async def scenario() -> None:
        time, plain, resumed = VirtualTime(), Diary(), Diary()
        await play(feed_of(time, "AAPL", "MSFT"), time, plain, 1)
        feed = feed_of(time, "AAPL", "MSFT")
        feed.resume({"MSFT": 8.96, "AAPL": 9_000.0}, {"MSFT": 9.01, "AAPL": 9_001.0})
        await play(feed, time, resumed, 1)
        assert resumed.seeds == plain.seeds

    asyncio.run(scenario())


def test_a_walk_that_lives_for_days_goes_where_its_days_lead() -> None:
    """So that what is made up after a restart meets what was traded before it."""

    async def scenario() -> None:
        time, market = VirtualTime(START_MS), Diary()
        feed = feed_of(time, "AAPL")
        past = past_of(7)
        feed._interval_ms = 60_000
        await play(feed, time, market, 3 * 86_400)
        last = market.all_trades[-1]
        close = past.close("AAPL", past.hours_at("AAPL", last.time_ms))
        assert last.price == pytest.approx(close, rel=0.03)

    asyncio.run(scenario())


class Costly(SimulatedPast):
    """A past in which every first price takes a while."""

    def __init__(self, past: SimulatedPast, time: VirtualTime) -> None:
        self.__dict__.update(past.__dict__)
        self._time = time

    def price(self, symbol: str, now_ms: int) -> float:
        """Of a symbol at a time, 4 ms later."""
        self._time.jump(0.004)
        return super().price(symbol, now_ms)


def test_a_price_waits_for_no_name_that_somebody_invents() -> None:
    """However many there are: a symbol that was wanted before keeps its pace, and so do others in
    the process, while names get their prices one after the other.
    """

    async def scenario() -> None:
        time, market = VirtualTime(OPEN_MS), Diary()
        feed = SimulatedFeed(seed=7, time=time, past=Costly(past_of(7), time))
        feed.want(frozenset({"AAPL"}))
        running = asyncio.create_task(feed.run(market))
        await time.advance(1)
        names = frozenset(f"N{number}" for number in range(500))
        feed.want(names | {"AAPL"}, dict.fromkeys(names, 1))
        late_ms, since_s = 0, time.monotonic()

        def traded(batch: Sequence[Trade]) -> None:
            nonlocal late_ms
            mine = [trade.time_ms for trade in batch if trade.symbol == "AAPL"]
            assert len(mine) in {0, len(batch)}  # it leaves before the crowd
            late_ms = max(late_ms, time.now_ms() - min(mine, default=time.now_ms()))

        market.on_trades = traded
        await time.advance(3)
        spent_s = time.monotonic() - since_s
        assert 0 < late_ms < 300  # a round and what it waits for
        assert 100 < len(market.begun) < 500
        assert len(market.begun) * 0.004 < 0.6 * spent_s
        await time.advance(3)
        assert set(market.begun) == {trade.symbol for trade in market.all_trades}
        assert set(market.begun) == names | {"AAPL"}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())


def test_a_name_that_nobody_looks_at_any_more_is_not_begun() -> None:
    """It lingers for clients that return, and costs nothing; what is wanted for ever is begun."""

    async def scenario() -> None:
        time, market = VirtualTime(OPEN_MS), Diary()
        feed = feed_of(time, "AAPL")
        feed.want(frozenset({"AAPL", "SEEN", "GONE"}), {"SEEN": 1})
        await play(feed, time, market, 1)
        assert set(market.begun) == {"AAPL", "SEEN"}
        feed.want(frozenset({"AAPL", "SEEN", "GONE"}), {"GONE": 1})
        await play(feed, time, market, 1)
        assert set(market.begun) == {"AAPL", "SEEN", "GONE"}
        assert feed.subscribed == {"AAPL", "SEEN", "GONE"}

    asyncio.run(scenario())


def test_a_crowd_shares_one_pace_and_takes_none_of_a_symbol_that_was_there() -> None:
    """The tape has so many trades a second, whatever names are invented."""

    def played(crowd: int) -> tuple[list[Trade], int]:
        simulator = Simulator(1, 50)
        simulator.begin("AAPL")
        for number in range(crowd):
            simulator.begin(f"N{number}", in_crowd=True)
        mine, others = [], 0
        for now_ms in range(START_MS, START_MS + 10_000, 50):
            mine += simulator.due("AAPL", now_ms)
            others += sum(len(simulator.due(f"N{n}", now_ms)) for n in range(crowd))
        return mine, others

    alone, _ = played(0)
    beside, others = played(1_000)
    assert beside == alone
    assert others < 10 * 2 * CROWD_PER_S
