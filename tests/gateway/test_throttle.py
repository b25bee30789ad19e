"""How fast newcomers are let in where the limit follows the load."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.throttle import (
    MAX_DEBT_S,
    MAX_WAIT_S,
    MIN_PER_S,
    SHARE,
    SLACK_S,
    HandshakeQueue,
    Throttle,
)
from tests.fakes.loop import FakeLoop

TURN_S = 0.001


class Loop:
    """An event loop that works for its clients, and lets newcomers in when it may."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.worked_s = 5.0
        self.throttle = Throttle(self.now_s, self.worked_s)
        self.entered: list[float] = []

    def work(self, seconds: float) -> None:
        """Work for so long."""
        self.now_s += seconds
        self.worked_s += seconds

    def run(self, seconds: float, *, other: float, each_s: float) -> int:
        """Run with endless newcomers; returns how many came in.

        Args:
            seconds: for how long.
            other: the share of the time that all else takes.
            each_s: what a newcomer takes.
        """
        until_s, before = self.now_s + seconds, len(self.entered)
        while self.now_s < until_s:
            self.work(TURN_S * other)
            if (wait_s := self.throttle.wait_s(self.now_s, self.worked_s)) <= 0:
                self.throttle.enter(self.now_s)
                self.entered.append(self.now_s)
                self.work(each_s)
            self.now_s += max(1e-6, min(TURN_S, wait_s), TURN_S * (1 - other) if other else 0.0)
        return len(self.entered) - before


COSTS = st.floats(0.0001, 0.003)


@given(st.floats(0, 0.5), COSTS)
def test_newcomers_never_make_the_loop_work_for_more_than_its_share(
    other: float, each_s: float
) -> None:
    """In any stretch, but for what the slack, one newcomer and the floor are."""
    loop = Loop()
    begun_s, worked_s = loop.now_s, loop.worked_s
    for _ in range(20):
        loop.run(0.25, other=other, each_s=each_s)
        spent_s, passed_s = loop.worked_s - worked_s, loop.now_s - begun_s
        floor_s = MIN_PER_S * passed_s * each_s
        most_s = SHARE * passed_s + 2 * SLACK_S + each_s + TURN_S
        assert spent_s <= max(most_s, other * passed_s + floor_s + each_s)


@given(st.floats(0, 1), COSTS)
def test_somebody_always_gets_in(other: float, each_s: float) -> None:
    """However much there is to do: the floor holds."""
    loop = Loop()
    loop.run(5.0, other=other, each_s=each_s)
    waits = [b - a for a, b in zip(loop.entered, loop.entered[1:], strict=False)]
    assert max(waits) <= 1 / MIN_PER_S + each_s + 3 * TURN_S


@given(st.floats(0, SHARE - 0.1), st.floats(0.02, 1.0))
def test_a_steady_trickle_never_waits(other: float, every_s: float) -> None:
    """While all else leaves room for it."""
    loop = Loop()
    for _ in range(50):
        loop.work(every_s * other)
        loop.now_s += every_s * (1 - other)
        assert loop.throttle.wait_s(loop.now_s, loop.worked_s) == 0.0
        loop.throttle.enter(loop.now_s)
        loop.work(0.0007)


@pytest.mark.parametrize("steps", [(0.0, 0.5, 0.0), (0.5, 0.0, 0.5), (0.2, 1.0, 0.2)])
def test_the_rate_follows_a_step_of_load_at_once_and_settles(steps: tuple[float, ...]) -> None:
    """After a tenth of a second it is what the load leaves, and stays there."""
    loop, each_s = Loop(), 0.0007
    for other in steps:
        loop.run(0.1, other=other, each_s=each_s)
        rates = [loop.run(0.5, other=other, each_s=each_s) / 0.5 for _ in range(6)]
        assert max(rates) <= max(1.1 * min(rates), min(rates) + 10)


def test_more_room_is_more_newcomers() -> None:
    """What flushes take, they do not get."""
    rates = [Loop().run(5.0, other=other, each_s=0.0007) for other in (0.0, 0.2, 0.4, 0.58)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 1.5 * rates[2]


def test_what_was_worked_long_ago_is_not_paid_for() -> None:
    """A second at full load holds newcomers up for less than a tenth of one."""
    loop = Loop()
    loop.work(1.0)
    assert loop.throttle.wait_s(loop.now_s, loop.worked_s) <= MAX_DEBT_S / SHARE


def test_clocks_that_step_back_cost_nobody_anything() -> None:
    """Another thread's processor time, or a clock that stands still."""
    throttle = Throttle(1000.0, 50.0)
    assert throttle.wait_s(999.0, 0.0) == 0.0
    assert throttle.wait_s(1000.0, 0.001) == 0.0


class Busy:
    """A loop whose work is set by hand; a ``clock.WorkClock``."""

    def __init__(self) -> None:
        self.time = FakeLoop()
        self._worked_s = 0.0
        self.queue = HandshakeQueue(self.time, self)

    def worked_s(self) -> float:
        """So far."""
        return self._worked_s

    def work(self) -> None:
        """More than is paid off by the next turn."""
        self._worked_s += MAX_DEBT_S

    async def crowd(self) -> None:
        """Work, and let the one in whom the floor lets in."""
        self.work()
        assert await self.queue.turn(None)


async def settled(turns: int = 20) -> None:
    """Let every task run as far as it can."""
    for _ in range(turns):
        await asyncio.sleep(0)


def played(scenario: Callable[[Busy], object]) -> None:
    """Run a scenario with a loop of its own."""

    async def run() -> None:
        await scenario(Busy())  # type: ignore[misc]

    asyncio.run(run())


def test_who_comes_while_there_is_time_does_not_wait() -> None:
    """And leaves nothing behind."""

    async def scenario(busy: Busy) -> None:
        for n in range(100):
            assert await busy.queue.turn(f"10.0.0.{n}")
        assert not busy.queue._queues

    played(scenario)


def test_addresses_take_turns_and_of_one_the_first_is_first() -> None:
    """Fifty of one address do not keep one of another waiting."""

    async def scenario(busy: Busy) -> None:
        order: list[str] = []

        async def come(address: str, name: str) -> None:
            assert await busy.queue.turn(address)
            order.append(name)
            busy.work()

        await busy.crowd()
        tasks = [asyncio.create_task(come("6.6.6.6", f"many {n}")) for n in range(50)]
        await settled()
        tasks.append(asyncio.create_task(come("1.1.1.1", "one")))
        await settled()
        while not all(task.done() for task in tasks):
            busy.time.advance(1 / MIN_PER_S)
            await settled()
        assert order.index("one") <= 2
        order.remove("one")
        assert order == [f"many {n}" for n in range(50)]
        assert len(busy.queue) == 0

    played(scenario)


def test_a_handshake_that_waits_for_too_long_is_refused() -> None:
    """When its turn would come; and one that is given up leaves its place in line."""

    async def scenario(busy: Busy) -> None:
        await busy.crowd()
        first = asyncio.create_task(busy.queue.turn("1.1.1.1"))
        second = asyncio.create_task(busy.queue.turn("1.1.1.1"))
        await settled()
        assert len(busy.queue) == 2
        busy.time.spend(MAX_WAIT_S)
        busy.work()
        busy.time.advance(1.0)
        await settled()
        assert (await first, await second) == (False, False)
        assert not busy.queue._queues

    played(scenario)


def test_who_has_hung_up_costs_no_turn() -> None:
    """Nor a wait."""

    async def scenario(busy: Busy) -> None:
        await busy.crowd()
        busy.time.spend(0.001)
        gone = asyncio.create_task(busy.queue.turn("1.1.1.1", lambda: True))
        await settled()
        assert gone.done()
        present = asyncio.create_task(busy.queue.turn("1.1.1.1"))
        await settled()
        assert not present.done()
        busy.time.advance(1 / MIN_PER_S - 0.001)
        await settled()
        assert present.done()

    played(scenario)


def test_one_that_is_cancelled_lets_the_next_go_on() -> None:
    """Wherever it stands in line."""

    async def scenario(busy: Busy) -> None:
        await busy.crowd()
        tasks = [asyncio.create_task(busy.queue.turn("1.1.1.1")) for _ in range(3)]
        await settled()
        tasks[0].cancel()
        tasks[1].cancel()
        await settled()
        busy.time.advance(1.0)
        await settled()
        assert await tasks[2]
        assert not busy.queue._queues

    played(scenario)
