"""A fair limit on long answers in progress: in total, and for each address.

Requests wait in a queue per address, and the queues are served round-robin: however many requests
one address makes, another waits for one round at most. On the event loop only. Bound: the length of
a queue; one more request is refused.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import NamedTuple


class _Waiting(NamedTuple):
    turn: asyncio.Future[None]
    cost: int


class Places:
    """The answers in progress, and the requests that wait.

    Args:
        at_once: the total cost of answers in progress, at most.
        of_address: the same of one address; also the highest cost of one answer.
        waiting: the longest that a queue may be.
    """

    def __init__(self, at_once: int, of_address: int, waiting: int) -> None:
        self._at_once = at_once
        self._of_address = of_address
        self._longest = waiting
        self._making: Counter[str | None] = Counter()
        self._lines: dict[str | None, deque[_Waiting]] = {}

    @contextlib.asynccontextmanager
    async def one(self, address: str | None, cost: int = 1) -> AsyncIterator[bool]:
        """Wait for a place, and keep it for the duration of the block; yields false if too many
        requests of the address wait already.
        """
        line = self._lines.get(address, ())
        if len(line) >= self._longest:
            yield False
            return
        await self._enter(address, cost)
        try:
            yield True
        finally:
            self._leave(address, cost)

    async def _enter(self, address: str | None, cost: int) -> None:
        one = _Waiting(asyncio.get_running_loop().create_future(), cost)
        self._lines.setdefault(address, deque()).append(one)
        self._serve()
        try:
            await one.turn
        except asyncio.CancelledError:
            if not one.turn.cancelled():  # it got a place at the same moment
                self._leave(address, cost)
            raise

    def _leave(self, address: str | None, cost: int) -> None:
        self._making[address] -= cost
        self._making += Counter()  # drops the zeros
        self._serve()

    def _serve(self) -> None:
        """Give places, in rotation. A request for which there is no room yet is not overtaken,
        unless it is its address that is at its limit.
        """
        served = True
        while served:
            served = False
            for address in list(self._lines):
                cost = self._lines[address][0].cost
                if self._making[address] + cost > self._of_address:
                    continue
                if self._making.total() + cost > self._at_once:
                    return
                self._begin(address)
                served = True

    def _begin(self, address: str | None) -> None:
        """Give the first in a queue a place, unless it has left; the queue goes to the end."""
        line = self._lines.pop(address)
        first = line.popleft()
        if line:
            self._lines[address] = line
        if not first.turn.done():
            first.turn.set_result(None)
            self._making[address] += first.cost
