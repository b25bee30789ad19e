"""Whose turn it is, on a clock that nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.turnstile import Lane, Turnstile
from tests.fakes.time import HandTime


def turnstile(time: HandTime, *, rate: float = 10, burst: float = 5) -> Turnstile:
    return Turnstile(rate_per_s=rate, burst=burst, time=time)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_no_more_passes_than_the_rate_and_the_reserve(pieces: list[int]) -> None:
    """A piece above the reserve is paid for by what comes after it."""
    time = HandTime()

    async def scenario() -> None:
        gate = turnstile(time)
        lane = gate.enter("1.1.1.1")
        for n, units in enumerate(pieces):
            await gate.turn(units, lane)
            before = sum(pieces[:n])
            assert before <= 10 * time.at_s + 5 + 1e-3

    run(scenario())


def test_who_keeps_to_the_reserve_never_waits() -> None:
    time = HandTime()

    async def scenario() -> None:
        gate = turnstile(time)
        lane = gate.enter("1.1.1.1")
        for _ in range(5):
            await gate.turn(1, lane)
        assert time.at_s == 0
        await gate.turn(1, lane)
        assert time.at_s > 0

    run(scenario())


def test_one_address_does_not_wait_for_another() -> None:
    """Whatever that one asks for."""

    async def scenario() -> None:
        asleep = asyncio.Event()

        class Endless(HandTime):
            async def sleep(self, _seconds: float) -> None:
                asleep.set()
                await asyncio.Event().wait()

        gate = turnstile(Endless())
        rude, honest = gate.enter("6.6.6.6"), gate.enter("1.1.1.1")
        waiting = [asyncio.create_task(gate.turn(5, rude)) for _ in range(50)]
        await asleep.wait()
        async with asyncio.timeout(1):
            await gate.turn(5, honest)
        for task in waiting:
            task.cancel()

    run(scenario())


def test_in_a_lane_it_is_first_come_first_served_and_who_goes_holds_up_nobody() -> None:
    time, served = HandTime(), list[int]()

    async def scenario() -> None:
        gate = turnstile(time)
        lane = gate.enter(None)

        async def one(number: int) -> None:
            await gate.turn(3, lane)
            served.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(6)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scenario())
    assert served == [0, 1, 3, 4, 5]


def test_one_piece_passes_in_each_iteration_of_the_loop() -> None:
    """So that something else may happen between any two."""
    time, turns, passed = HandTime(), 0, list[int]()

    async def scenario() -> None:
        gate = turnstile(time, burst=100)

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def one(address: str) -> None:
            await gate.turn(1, gate.enter(address))
            passed.append(turns)

        counting = asyncio.create_task(count())
        await asyncio.gather(*(one(str(number)) for number in range(20)))
        counting.cancel()

    run(scenario())
    assert len(set(passed)) == len(passed)


def test_lanes_are_forgotten_when_they_are_empty_and_rested() -> None:
    """And not before: who comes back at once finds what it has left."""
    time = HandTime()

    async def scenario() -> None:
        gate = turnstile(time)
        for number in range(50):
            lane = gate.enter(f"1.1.1.{number}")
            await gate.turn(5, lane)
            gate.leave(lane)
        held = gate.enter("2.2.2.2")
        assert len(gate) == 51
        time.at_s += 10
        gate.leave(gate.enter("3.3.3.3"))
        assert len(gate) == 2
        gate.leave(held)

    run(scenario())


def test_a_clock_that_steps_back_gives_nothing() -> None:
    lane = Lane(10, 5, 100)
    lane.pay(5, 100)
    assert lane.wait_s(1, 50) > 0
