"""Finnhub's REST budget on a virtual clock: how often, who, and who waits."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.feed.finnhub.budget import PER_MINUTE, PER_SECOND, RESERVE, SHARES, Budget, Lane
from tests.fakes.time import VirtualTime, settle

Burst = tuple[float, Lane, int, bool]
gaps = st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 30), st.sampled_from([1.0, 60.0]))
bursts = st.lists(
    st.tuples(gaps, st.sampled_from(Lane), st.integers(1, 40), st.booleans()), max_size=20
)


class Grants:
    """Callers of one budget, and when each was let through."""

    def __init__(self, waiters: int = 32) -> None:
        self.time = VirtualTime()
        self.budget = Budget(self.time, waiters)
        self.at: list[tuple[float, Lane]] = []
        self.refused = 0
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, lane: Lane, patience_s: float = 1e6) -> asyncio.Task[None]:
        """Somebody comes."""
        self.tasks.append(asyncio.create_task(self._take(lane, patience_s)))
        return self.tasks[-1]

    async def _take(self, lane: Lane, patience_s: float) -> None:
        if await self.budget.take(lane, patience_s):
            self.at.append((self.time.monotonic(), lane))
        else:
            self.refused += 1

    async def finish(self) -> None:
        """Until nobody waits."""
        await until_done(self.time, self.tasks)

    def most_in(self, window_s: float, lane: Lane | None = None) -> int:
        """The most permits in any moving window."""
        times = [at for at, given in self.at if lane in {None, given}]
        return max(
            (sum(start <= t < start + window_s for t in times) for start in times), default=0
        )


async def until_done(time: VirtualTime, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Pass as much time as the tasks sleep."""
    while not all(task.done() for task in tasks):
        await settle()
        if time._waiting():
            await time.advance_to_sleeper()


def run(scenario: Callable[[Grants], Coroutine[Any, Any, None]], waiters: int = 32) -> Grants:
    """Play a scenario on a fresh budget."""

    async def play() -> Grants:
        grants = Grants(waiters)
        await scenario(grants)
        await grants.finish()
        return grants

    return asyncio.run(play())


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(bursts)
def test_no_moving_minute_has_more_than_60_and_no_second_more_than_30(plan: list[Burst]) -> None:
    """For any callers at any time, even when some give up in between."""

    async def scenario(grants: Grants) -> None:
        for gap_s, lane, count, gives_up in plan:
            await grants.time.advance(gap_s)
            tasks = [grants.ask(lane) for _ in range(count)]
            if gives_up:
                await settle()
                tasks[-1].cancel()

    grants = run(scenario, waiters=1000)
    assert grants.most_in(60.0) <= PER_MINUTE
    assert grants.most_in(1.0) <= PER_SECOND


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_has_no_more_than_its_share(lane: Lane) -> None:
    """However many of it come, at once and later."""

    async def scenario(grants: Grants) -> None:
        for _ in range(5):
            for _ in range(30):
                grants.ask(lane)
            await grants.time.advance(7.0)

    grants = run(scenario, waiters=1000)
    assert len(grants.at) == 150
    # One more: who has its lane's permit may have had to wait for the common one.
    assert grants.most_in(60.0, lane) <= SHARES[lane] + 1


def test_polling_leaves_room_for_people() -> None:
    """A look-up and a search get through at once while polls queue."""

    async def scenario(grants: Grants) -> None:
        for _ in range(60):
            grants.ask(Lane.POLL)
        await grants.time.advance(5.0)
        for lane in (Lane.LOOKUP, Lane.SEARCH):
            task = grants.ask(lane)
            await settle()
            assert task.done()
        assert grants.at[-1][0] == 5.0

    run(scenario, waiters=100)


@pytest.mark.slow
def test_people_leave_room_for_polling() -> None:
    """With every lane full, each gets its turn in every minute."""

    async def scenario(grants: Grants) -> None:
        for _ in range(200):
            for lane in Lane:
                grants.ask(lane)

    grants = run(scenario, waiters=1000)
    busy_until_s = min(max(at for at, lane in grants.at if lane is one) for one in Lane)
    for minute in range(int(busy_until_s // 60)):
        during = [lane for at, lane in grants.at if 60 * minute <= at < 60 * (minute + 1)]
        assert min(during.count(lane) for lane in Lane) >= 10


def test_the_first_to_come_is_the_first_to_go() -> None:
    """In a lane."""

    async def scenario(grants: Grants) -> None:
        order: list[int] = []

        async def caller(number: int) -> None:
            if await grants.budget.take(Lane.LOOKUP, 1e6):
                order.append(number)

        tasks = [asyncio.create_task(caller(number)) for number in range(70)]
        await until_done(grants.time, tasks)
        assert order == list(range(70))

    run(scenario, waiters=1000)


def test_a_full_queue_refuses_at_once() -> None:
    """And only the lane whose queue it is."""

    async def scenario(grants: Grants) -> None:
        for _ in range(SHARES[Lane.SEARCH]):
            await grants.ask(Lane.SEARCH)
        for _ in range(5):
            grants.ask(Lane.SEARCH)
        await settle()
        assert grants.refused == 2
        await grants.ask(Lane.LOOKUP)
        assert grants.at[-1] == (0.0, Lane.LOOKUP)

    run(scenario, waiters=3)


def test_who_would_wait_longer_than_its_patience_is_refused_at_once() -> None:
    """The time of the next permit is known."""

    async def scenario(grants: Grants) -> None:
        for _ in range(SHARES[Lane.SEARCH]):
            grants.ask(Lane.SEARCH)
        await settle()
        grants.ask(Lane.SEARCH, patience_s=1.0)
        await settle()
        assert grants.refused == 1

    run(scenario)


RUDE, HONEST = ("rude",), ("honest",)


def test_the_last_permits_are_for_who_has_had_few() -> None:
    """One address that asks for all that it can leaves some, of a lane and of all, to the next."""

    async def scenario(grants: Grants) -> None:
        budget, time = grants.budget, grants.time
        had = 0
        for lane in (Lane.LOOKUP, Lane.POLL):
            while not budget.wait_s(lane, RUDE):
                assert await budget.take(lane, 0, RUDE)
                had += 1
                await time.advance(0.05)
            assert not await budget.take(lane, 1.0, RUDE)
        assert had == PER_MINUTE - RESERVE
        for lane in (Lane.LOOKUP, Lane.POLL, Lane.SEARCH):
            assert await budget.take(lane, 0, HONEST)

    run(scenario)


def test_who_has_had_the_least_is_the_first_to_go() -> None:
    """However long the queue of another is, and whichever caller has waited longer."""

    async def scenario(grants: Grants) -> None:
        order: list[tuple[str, ...]] = []

        async def caller(whose: tuple[str, ...]) -> None:
            if await grants.budget.take(Lane.SEARCH, 1e6, whose):
                order.append(whose)

        tasks = [asyncio.create_task(caller(RUDE)) for _ in range(60)]
        await grants.time.advance(1.0)
        had = len(order)
        assert had == SHARES[Lane.SEARCH] - RESERVE
        tasks += [asyncio.create_task(caller(HONEST)) for _ in range(10)]
        await settle()
        assert order[had:] == RESERVE * [HONEST]
        await grants.time.advance(61.0)
        assert order.count(HONEST) == 10
        await until_done(grants.time, tasks)
        assert (order.count(RUDE), order.count(HONEST)) == (60, 10)

    run(scenario, waiters=1000)
