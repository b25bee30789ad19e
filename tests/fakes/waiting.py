"""Waits for a fact and never for a time: the only places where tests look again and again.

For what another process, a thread or the other end of a socket makes true and nothing announces.
Each wait has a bound, which is long beside what it waits for: it is there to fail a test, not to
pace it. What a test can be told of, it waits for with an event.
"""

import asyncio
import inspect
import time
from collections.abc import Callable

WITHIN_S = 10.0
LOOK_S = 0.005
"""The pause between two looks."""


def wait_for(happened: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Return when a callable is true. It blocks the thread: what it waits for is elsewhere."""
    assert comes_true(happened, within_s), "it did not happen in time"


def comes_true(happened: Callable[[], object], within_s: float) -> bool:
    """Whether a callable becomes true in time; the same without an error."""
    until_s = time.monotonic() + within_s
    while not happened():
        if time.monotonic() >= until_s:
            return False
        time.sleep(LOOK_S)
    return True


async def wait_until(happened: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Return when a callable is true, or what it returns is once awaited; the event loop runs
    meanwhile.
    """
    until_s = time.monotonic() + within_s
    while not await _answer(happened):
        assert time.monotonic() < until_s, "it did not happen in time"
        await asyncio.sleep(LOOK_S)


async def _answer(happened: Callable[[], object]) -> object:
    answer = happened()
    return await answer if inspect.isawaitable(answer) else answer
