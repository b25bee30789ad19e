"""How much HTTP may do in one turn of the event loop."""

import asyncio
from collections.abc import Callable

import pytest

from photon_app.gateway.pace import PIECE_S, TURN_S, Pace
from tests.fakes.time import HandTime, settle


class Loop:
    """Turns by hand, on a clock by hand."""

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

    def turn(self) -> str:
        """One turn; what was done in it."""
        soon, self.soon, self.done = self.soon, [], []
        for callback in soon:
            callback()
        return "".join(self.done)


def paced() -> tuple[Loop, Pace]:
    loop = Loop()
    return loop, Pace(loop.later, loop.time)


def test_work_is_done_at_once_while_there_is_time() -> None:
    loop, pace = paced()
    for name in "abc":
        pace.do(None, loop.work(name, TURN_S / 3.5))
    assert loop.done == ["a", "b", "c"]
    assert loop.turn() == ""
    assert loop.soon == []


def test_what_is_beyond_waits_for_the_next_turns() -> None:
    loop, pace = paced()
    for name in "abcde":
        pace.do(None, loop.work(name, TURN_S * 0.6))
    assert loop.done == ["a", "b"]
    assert [loop.turn(), loop.turn(), loop.turn()] == ["cd", "e", ""]


def test_a_request_that_has_begun_fills_a_turn() -> None:
    loop, pace = paced()
    pace.do(None, pace.fill)
    pace.do(None, loop.work("a"))
    assert (loop.done, loop.turn()) == ([], "a")


def test_addresses_take_turns() -> None:
    """Nobody waits for all that another has asked for."""
    loop, pace = paced()
    pace.fill()
    for address, name in zip("xxxxyz", "abcdef", strict=True):
        pace.do(address, loop.work(name, TURN_S))
    assert [loop.turn() for _ in range(6)] == ["a", "e", "f", "b", "c", "d"]


def test_work_that_fails_holds_up_nobody() -> None:
    loop, pace = paced()

    def fails() -> None:
        raise ZeroDivisionError

    pace.fill()
    pace.do("x", fails)
    pace.do("y", loop.work("a"))
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    assert loop.turn() == "a"


def test_pieces_of_answers_share_the_turn() -> None:
    """A few of them; the others wait, in rotation by address."""

    async def scenario() -> None:
        loop, pace = paced()
        written: list[str] = []

        async def answer(name: str) -> None:
            for _ in range(3):
                await pace.piece(name)
                written.append(name)

        tasks = [asyncio.create_task(answer(name)) for name in "abc"]
        turns = []
        while any(not task.done() for task in tasks):
            await settle()
            turns.append(len(written))
            loop.turn()
        assert turns[0] == TURN_S // PIECE_S
        assert sorted(written) == sorted("abcabcabc")
        assert turns[1] == 2 * TURN_S // PIECE_S
        assert set(written[: turns[1]]) == set("abc")

    asyncio.run(scenario())
