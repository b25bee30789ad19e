"""How much HTTP may do per iteration of the event loop."""

import asyncio
from collections.abc import Callable

import pytest

from photon_app.gateway.loop_budget import BUDGET_S, PIECE_S, LoopBudget
from tests.fakes.time import HandTime, settle


class Loop:
    """An event loop whose iterations and clock the test drives."""

    def __init__(self) -> None:
        self.time = HandTime()
        self.soon: list[Callable[[], object]] = []
        self.done: list[str] = []

    def work(self, name: str, takes_s: float = 0.0) -> Callable[[], None]:
        def do() -> None:
            self.time.at_s += takes_s
            self.done.append(name)

        return do

    def later(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def iteration(self) -> str:
        """Run one iteration; returns what was done in it."""
        soon, self.soon, self.done = self.soon, [], []
        for callback in soon:
            callback()
        return "".join(self.done)


def budgeted() -> tuple[Loop, LoopBudget]:
    loop = Loop()
    return loop, LoopBudget(loop.later, loop.time)


def test_work_is_done_at_once_while_there_is_time() -> None:
    loop, budget = budgeted()
    for name in "abc":
        budget.do(None, loop.work(name, BUDGET_S / 3.5))
    assert loop.done == ["a", "b", "c"]
    assert loop.iteration() == ""
    assert loop.soon == []


def test_work_beyond_the_budget_waits_for_later_iterations() -> None:
    loop, budget = budgeted()
    for name in "abcde":
        budget.do(None, loop.work(name, BUDGET_S * 0.6))
    assert loop.done == ["a", "b"]
    assert [loop.iteration(), loop.iteration(), loop.iteration()] == ["cd", "e", ""]


def test_a_request_that_has_begun_uses_up_the_budget() -> None:
    loop, budget = budgeted()
    budget.do(None, budget.use_up)
    budget.do(None, loop.work("a"))
    assert (loop.done, loop.iteration()) == ([], "a")


def test_addresses_take_turns() -> None:
    """No address waits for all that another has asked for."""
    loop, budget = budgeted()
    budget.use_up()
    for address, name in zip("xxxxyz", "abcdef", strict=True):
        budget.do(address, loop.work(name, BUDGET_S))
    assert [loop.iteration() for _ in range(6)] == ["a", "e", "f", "b", "c", "d"]


def test_work_that_fails_blocks_no_other() -> None:
    loop, budget = budgeted()

    def fails() -> None:
        raise ZeroDivisionError

    budget.use_up()
    budget.do("x", fails)
    budget.do("y", loop.work("a"))
    with pytest.raises(ZeroDivisionError):
        loop.iteration()
    assert loop.iteration() == "a"


def test_pieces_of_answers_share_the_budget() -> None:
    """A few of them; the others wait, in rotation by address."""

    async def scenario() -> None:
        loop, budget = budgeted()
        written: list[str] = []

        async def answer(name: str) -> None:
            for _ in range(3):
                await budget.piece(name)
                written.append(name)

        tasks = [asyncio.create_task(answer(name)) for name in "abc"]
        counts = []
        while any(not task.done() for task in tasks):
            await settle()
            counts.append(len(written))
            loop.iteration()
        assert counts[0] == BUDGET_S // PIECE_S
        assert sorted(written) == sorted("abcabcabc")
        assert counts[1] == 2 * BUDGET_S // PIECE_S
        assert set(written[: counts[1]]) == set("abc")

    asyncio.run(scenario())
