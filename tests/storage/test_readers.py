"""The threads that read, and a database that stops answering."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from photon_app.errors import StorageError
from photon_app.storage.readers import WAITING, Readers
from tests.fakes.time import settle
from tests.storage.material import run, until


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time can be put forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


class Hung:
    """Questions of a database that answers when it is let."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = 0

    def read(self) -> int:
        self.asked += 1
        self.gate.wait(60)
        return 7


def run_ahead(scenario: Callable[[Loop], Coroutine[Any, Any, None]]) -> None:
    """Run it on such a loop."""
    loop = Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scenario(loop))


async def ends(readers: Readers) -> None:
    readers.close()
    await asyncio.to_thread(readers.join, 5)


async def missed(readers: Readers, work: Callable[[], object]) -> float:
    """How long a question took that was not answered."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with pytest.raises(StorageError, match="the database did not answer"):
        await readers.ask(work)
    return loop.time() - began_s


def test_a_question_too_many_is_refused_and_one_that_takes_long_is_given_up() -> None:
    """So that nothing piles up behind a database that hangs."""

    async def scenario() -> None:
        gate = threading.Event()
        readers = Readers(wait_s=0.1, retry_s=0.05)
        waiting = [asyncio.create_task(readers.ask(gate.wait)) for _ in range(WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(StorageError, match="too many"):
            for _ in range(3):  # the threads may have taken two of them
                waiting.append(asyncio.create_task(readers.ask(gate.wait)))
                await asyncio.sleep(0)
                if waiting[-1].done():
                    await waiting.pop()
        for answer in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(answer, StorageError) and "within 0.1 s" in str(answer)
        gate.set()
        await until(lambda: not readers.silent)
        assert await readers.ask(lambda: 7) == 7
        await ends(readers)

    run(scenario())


def test_after_one_time_out_nobody_waits_until_it_answers_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Waiting queries fail with the first; the database is sent one small query."""

    async def scenario(loop: Loop) -> None:
        hung, probe = Hung(), Hung()
        readers = Readers(wait_s=0.5, probe=probe.read, retry_s=0.01)
        first = asyncio.create_task(missed(readers, hung.read))
        await until(lambda: hung.asked == 1)
        loop.ahead_s += 0.3
        later = [asyncio.create_task(missed(readers, hung.read)) for _ in range(50)]
        assert await first >= 0.5
        assert max(await asyncio.gather(*later)) < 0.4
        assert readers.silent
        began_s = loop.time()
        for _ in range(1000):
            await missed(readers, hung.read)
        assert loop.time() - began_s < 0.5
        assert hung.asked == 2 and probe.asked == 0
        hung.gate.set()
        await until(lambda: probe.asked == 1)
        assert readers.silent
        probe.gate.set()
        await until(lambda: not readers.silent)
        assert await readers.ask(hung.read) == 7
        await ends(readers)

    with caplog.at_level(logging.INFO, "photon_app"):
        run_ahead(scenario)
    assert len(caplog.messages) == 2
    assert caplog.messages[0].endswith("are answered from memory until it does")
    assert "answers again, after" in caplog.messages[1]


def test_a_hard_question_among_others_that_are_answered_silences_nothing() -> None:
    """Nor does a crowd whose last ones wait too long: a rude client must not do it for all."""

    async def scenario() -> None:
        hung = Hung()
        readers = Readers(wait_s=0.2)
        task = asyncio.create_task(missed(readers, hung.read))
        await until(lambda: hung.asked == 1)
        assert await readers.ask(lambda: 7) == 7
        await task
        assert not readers.silent
        assert await readers.ask(lambda: 7) == 7
        hung.gate.set()
        await ends(readers)

    run(scenario())


def test_an_error_that_comes_late_silences_and_one_that_comes_at_once_does_not() -> None:
    """As a lock that is waited for, or a server that cannot be reached."""

    async def scenario() -> None:
        broken, gate, tries = [True], threading.Event(), [0]

        def fails() -> int:
            tries[0] += 1
            if broken[0]:
                raise ZeroDivisionError
            return 7

        def fails_late() -> None:
            gate.wait(0.6)
            raise ZeroDivisionError

        readers = Readers(wait_s=30, probe=fails, retry_s=0.01, retry_most_s=0.02, slow_s=0.5)
        for _ in range(9):
            with pytest.raises(ZeroDivisionError):
                await readers.ask(fails)
        assert not readers.silent
        with pytest.raises(ZeroDivisionError):
            await readers.ask(fails_late)
        await until(lambda: tries[0] >= 9 + 3)  # the probe failed, too
        assert "refused after" in readers.silent
        broken[0] = False
        await until(lambda: readers.silent == "")
        await ends(readers)

    run(scenario())


def test_a_silent_database_is_asked_seldomer_and_seldomer() -> None:
    """Up to a bound, and again often once a question was answered."""

    async def scenario() -> None:
        def fails() -> None:
            raise ZeroDivisionError

        readers = Readers(wait_s=0.25, probe=fails, retry_s=0.001, retry_most_s=0.004)
        gate = threading.Event()
        await missed(readers, gate.wait)
        await until(lambda: readers._pause_s == 0.004)
        readers._work = lambda: None
        gate.set()
        await until(lambda: not readers.silent)
        assert readers._pause_s == 0.004
        await readers.ask(lambda: None)
        assert readers._pause_s == 0.001
        await ends(readers)

    run(scenario())


def test_readers_that_are_closed_while_it_is_silent_leave_nothing() -> None:
    """No probe comes after."""

    async def scenario(loop: Loop) -> None:
        hung = Hung()
        readers = Readers(wait_s=0.05, probe=hung.read, retry_s=0.01)
        for _ in range(2):
            await missed(readers, hung.read)
        await until(lambda: hung.asked == 2)  # the question, and the probe
        readers.close()
        hung.gate.set()
        await asyncio.to_thread(readers.join, 5)
        loop.ahead_s += 60
        await settle()
        assert readers._queries.empty()

    run_ahead(scenario)
