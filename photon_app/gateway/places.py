"""Whose long answer is made next: so much at once, of one address not all of it.

Who asks waits in a line of its own address, and the lines take turns: however much one address asks
for, another waits for no more than a round. On the event loop only. Bound: so many wait in a line;
one more is told so.
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
    """What is in the making, and who waits.

    Args:
        at_once: the most that is in the making, in whatever unit a cost has.
        of_address: the most of one address, and the most that one may cost.
        waiting: the longest that a line may be.
    """

    def __init__(self, at_once: int, of_address: int, waiting: int) -> None:
        self._at_once = at_once
        self._of_address = of_address
        self._longest = waiting
        self._making: Counter[str | None] = Counter()
        self._lines: dict[str | None, deque[_Waiting]] = {}

    @contextlib.asynccontextmanager
    async def one(self, address: str | None, cost: int = 1) -> AsyncIterator[bool]:
        """Wait for a place, and have it for as long as the block lasts; false where too many of
        the address wait already.
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
            if not one.turn.cancelled():  # it was given a place in the same moment
                self._leave(address, cost)
            raise

    def _leave(self, address: str | None, cost: int) -> None:
        self._making[address] -= cost
        self._making += Counter()  # without those that have none
        self._serve()

    def _serve(self) -> None:
        """Give places, in rotation. Who does not fit in yet is not overtaken, except by others of
        whose address there is less in the making.
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
        """The first in a line has a place, unless it has left; the line is the last one then."""
        line = self._lines.pop(address)
        first = line.popleft()
        if line:
            self._lines[address] = line
        if not first.turn.done():
            first.turn.set_result(None)
            self._making[address] += first.cost
