"""The line to Finnhub and the clocks: a machine that sleeps, a tape that is late, a clock that is
wrong or set.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from photon_app.calendar import session
from photon_app.feed.finnhub.offset import LEAST_SPANS, SPAN_S
from photon_app.feed.finnhub_wire import encode_trades
from photon_app.feed.protocol import WallClock
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.model import FeedStatus, Trade
from tests.fakes.market import FakeMarket
from tests.fakes.time import VirtualTime, settle
from tests.feed.finnhub.test_symbols import Rig, rig, run

MEASURED_S = round((LEAST_SPANS + 1) * SPAN_S)


class RealMarket(FakeMarket):
    """Book and bars behind what is written down."""

    def __init__(self, time: VirtualTime, symbols: Sequence[str]) -> None:
        super().__init__()
        self.book = Book(session.day_of, clock=WallClock(time))
        self.bars = Bars(clock=WallClock(time))
        self.early = 0
        """Trades that came for a minute that was final."""
        for symbol in symbols:
            self.book.admit(symbol)
            self.bars.follow(symbol)

    def trades(self, batch: Sequence[Trade]) -> None:
        """As the market."""
        super().trades(batch)
        for trade in batch:
            self.early += trade.time_ms < self.bars.final_ms // 60_000 * 60_000
        self.bars.fold(self.book.apply(batch).counted)

    def status(self, status: FeedStatus) -> None:
        """As the market."""
        super().status(status)
        self.bars.flowing(flows=status.state == "live", lost_ms=status.lost_ms)

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """As the market."""
        super().polling(symbols, stale)
        self.bars.unseen(symbols | stale)

    def tape_offset(self, behind_ms: int, ahead_ms: int) -> None:
        """As the market."""
        super().tape_offset(behind_ms, ahead_ms)
        self.book.ahead_ms = ahead_ms
        self.bars.tape_offset(behind_ms)


@contextlib.asynccontextmanager
async def real(
    symbols: str = "A", fast_ms: int | None = None
) -> AsyncIterator[tuple[Rig, "RealMarket"]]:
    """A feed on a market with book and bars, before it runs."""
    async with rig(symbols, market=lambda time: RealMarket(time, symbols)) as it:
        it.quotes.fast_ms = fast_ms
        assert isinstance(it.market, RealMarket)
        yield it, it.market


async def trade_for(
    it: Rig, seconds: int, behind_ms: Callable[[], int] | int = 0, symbol: str = "A"
) -> None:
    """A trade a second, which the tape has when it has it."""
    for _ in range(seconds):
        late_ms = behind_ms if isinstance(behind_ms, int) else behind_ms()
        time_ms = it.time.now_ms() - late_ms
        await it.fake.connections[-1].send(encode_trades([Trade(symbol, 10, 1, time_ms)]))
        await settle()
        await it.time.advance(1)


@pytest.mark.parametrize("slept_s", [20, 60, 149, 3600, 9 * 3600])
def test_a_line_that_was_slept_over_is_opened_anew_at_once(slept_s: int) -> None:
    """And nothing is live meanwhile: not 150 s of last night's prices."""

    async def scenario() -> None:
        async with rig("AB") as it:
            await it.time.advance(5)
            for _ in range(40):
                await it.trade("A", "B")
                await it.time.advance(1)
            last_ms = it.feed.last_message_ms
            it.time.doze(slept_s)
            await it.time.advance(1.1)
            said = it.market.statuses[-1]
            assert it.market.statuses[2].state == "reconnecting"
            assert said.state in {"reconnecting", "live"}
            await it.time.advance(0.4)
            states = [status.state for status in it.market.statuses]
            assert states[:2] == ["connecting", "live"]
            assert set(states[2:-1]) == {"reconnecting"}
            assert states[-1] == "live"
            assert len(it.fake.connections) == 2
            assert it.fake.most_open == 1
            assert it.subscribed == {"A", "B"}
            lost = [s.lost_ms for s in it.market.statuses[2:-1]]
            assert set(lost) == {last_ms}
            assert it.market.statuses[-1].failures == {"stall": 1}

    run(scenario)


def test_a_wait_ends_with_the_sleep_that_was_longer() -> None:
    """Fifteen minutes for a refused key are over after a night."""

    async def scenario() -> None:
        async with rig("A") as it:
            it.fake.answers.append(401)
            await it.time.advance(5)
            it.time.doze(8 * 3600)
            await it.time.advance(5)
            states = [status.state for status in it.market.statuses]
            assert states == ["connecting", "unauthorized", "unauthorized", "live"]

    run(scenario)


def test_all_figures_are_asked_for_again_after_a_sleep() -> None:
    """The day may be another one, and a minute's memory is hours old."""

    async def scenario() -> None:
        async with rig("AB") as it:
            await it.time.advance(40)
            assert len(it.quotes.asked) == 2
            it.time.doze(3600)
            await it.time.advance(30)
            assert {symbol for _, symbol, _ in it.quotes.asked[2:]} == {"A", "B"}

    run(scenario)


def test_a_line_that_died_silently_was_lost_with_its_last_frame() -> None:
    """A line that was closed in words was not lost before."""

    async def scenario() -> None:
        async with rig("A", script=()) as it:
            await it.time.advance(5)
            await it.trade("A")
            last_ms = it.time.now_ms()
            await it.time.advance(149)
            assert [s.lost_ms for s in it.market.statuses] == [None, None]
            await it.time.advance(2)
            assert it.market.statuses[-1].lost_ms == last_ms
            await it.time.advance(10)
            assert it.market.statuses[-1].state == "live"
            await it.fake.connections[-1].kick(1012)
            await it.market.until(lambda: it.market.statuses[-1].state == "reconnecting")
            assert it.market.statuses[-1].lost_ms == it.time.now_ms()

    run(scenario)


@pytest.mark.parametrize(("minutes", "fast_ms"), [(15, 0), (40, 0), (15, None), (40, None)])
def test_a_delayed_tape_is_reported_and_its_bars_are_final_by_its_own_time(
    minutes: int, fast_ms: int | None
) -> None:
    """The state stays; no bar is sent as final before its trades are there."""

    async def scenario() -> None:
        async with real(fast_ms=fast_ms) as (it, market):
            await it.time.advance(1)
            await it.time.advance(6)
            await trade_for(it, 150, minutes * 60_000)
            status = market.statuses[-1]
            assert status.state == "live"
            assert status.delay_ms == minutes * 60_000
            assert f"Trades come {minutes} min late" in status.detail
            assert market.early == 0
            assert market.bars.counters.late == 0
            assert [bar.incomplete for bar in market.bars.between("A", "1m")][1:] == [False, False]
            assert sum(s.delay_ms is not None for s in market.statuses) <= 2

    run(scenario)


def test_a_slow_clock_here_refuses_no_trade_for_long() -> None:
    """A tape 90 s ahead: accepted by what is measured, and said with what to do."""

    async def scenario() -> None:
        async with real() as (it, market):
            await it.time.advance(1)
            await trade_for(it, MEASURED_S, -90_000)
            refused = market.book.counters.bad_time
            await trade_for(it, 60, -90_000)
            assert market.book.counters.bad_time == refused <= MEASURED_S
            status = market.statuses[-1]
            assert status.delay_ms is None
            assert status.detail.startswith("This machine's clock is 90 s slow: set it")

    run(scenario)


def test_a_slow_clock_is_known_by_the_first_answer_to_a_question() -> None:
    """Then not one trade is refused."""

    async def scenario() -> None:
        async with real(fast_ms=-90_000) as (it, market):
            await it.time.advance(1)
            assert "90 s slow" in market.statuses[-1].detail
            await trade_for(it, 60, -90_000)
            assert market.book.counters.bad_time == 0
            assert market.book.counters.applied == 60

    run(scenario)


def test_a_fast_clock_here_is_no_delayed_tape() -> None:
    """Where the server's own clock is known; bars are final by the tape's time all the same."""

    async def scenario() -> None:
        async with real(fast_ms=90_000) as (it, market):
            await it.time.advance(1)
            await trade_for(it, 150, 90_000)
            assert market.statuses[-1].delay_ms is None
            assert "90 s fast" in market.statuses[-1].detail
            assert market.early == 0

    run(scenario)


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_clock_that_is_set_while_running_is_noticed(step_s: int) -> None:
    """By an hour, in either direction: prices go on, and it is said until the clock is right."""

    async def scenario() -> None:
        async with real() as (it, market):
            true_ms = 0

            def off_ms() -> int:
                return true_ms

            await it.time.advance(1)
            await trade_for(it, 60)
            assert market.statuses[-1].detail == ""
            it.time.doze(step_s)
            true_ms = step_s * 1000
            await it.time.advance(5)
            refused = market.book.counters.bad_time
            await trade_for(it, MEASURED_S + 10, off_ms)
            assert market.book.counters.bad_time == refused == 0
            assert market.book.counters.applied >= 60
            status = market.statuses[-1]
            assert status.state == "live"
            assert "60 min" in status.detail
            assert (status.delay_ms is None) is (step_s < 0)
            it.time.doze(-step_s)
            true_ms = 0
            await it.time.advance(5)
            await trade_for(it, 90, off_ms)
            assert market.statuses[-1].detail == ""
            assert market.statuses[-1].delay_ms is None

    run(scenario)


def test_a_tape_in_time_says_nothing() -> None:
    """Nor do reports that come late now and then."""

    async def scenario() -> None:
        async with real() as (it, market):
            await it.time.advance(1)
            for _ in range(20):
                await trade_for(it, 4, 300)
                await trade_for(it, 1, 40_000)
            assert len(market.statuses) == 2
            assert market.tapes == []

    run(scenario)


def test_a_delay_is_reported_over_a_quiet_time_and_over_a_lost_connection() -> None:
    """A plan does not change by night."""

    async def scenario() -> None:
        async with real() as (it, market):
            await it.time.advance(1)
            await trade_for(it, 60, 900_000)
            it.fake.connections[-1].cut()
            await it.time.advance(3600)
            assert market.statuses[-1].delay_ms == 900_000
            assert market.statuses[-1].state == "live"
            await trade_for(it, 60, 200)
            assert market.statuses[-1].delay_ms is None

    run(scenario)


def test_bounds_are_small() -> None:
    """Whatever is traded, memory holds some spans of some exchanges."""

    async def scenario() -> None:
        async with rig("A") as it:
            await it.time.advance(1)
            for number in range(40):
                await trade_for(it, 1, symbol=f"X{number}:A")
            assert len(it.feed._tape._offset._spans) <= 16

    asyncio.run(scenario())
