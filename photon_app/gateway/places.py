"""Whose long answer is made next: so many at once, of one address not all of them.

Who asks for much waits in a line of its own address, and the lines take turns: however many one
address asks for, another waits for no more than a round. On the event loop only. Bound: so many
wait in a line; one more is told so.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class Places:
    """Who is served, and who waits.

    Args:
        at_once: served in all.
        of_address: served of one address.
        waiting: the longest that a line may be.
    """

    def __init__(self, at_once: int, of_address: int, waiting: int) -> None:
        self._at_once = at_once
        self._of_address = of_address
        self._longest = waiting
        self._served: Counter[str | None] = Counter()
        self._lines: dict[str | None, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def one(self, address: str | None) -> AsyncIterator[bool]:
        """Wait for a place, and have it for as long as the block lasts; false where too many of
        the address wait already.
        """
        if not self._has_room(address):
            line = self._lines.setdefault(address, deque())
            if len(line) >= self._longest:
                yield False
                return
            await self._wait(address, line)
        else:
            self._served[address] += 1
        try:
            yield True
        finally:
            self._leave(address)

    async def _wait(self, address: str | None, line: deque[asyncio.Future[None]]) -> None:
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                line.remove(turn)
                self._tidy(address)
            else:  # it was given a place in the same moment
                self._leave(address)
            raise

    def _has_room(self, address: str | None) -> bool:
        return self._served.total() < self._at_once and self._served[address] < self._of_address

    def _leave(self, address: str | None) -> None:
        self._served[address] -= 1
        self._served += Counter()  # without those that have none
        for waiting in list(self._lines):
            if self._has_room(waiting):
                self._serve(waiting)

    def _serve(self, address: str | None) -> None:
        """The first in a line has a place; the line is the last one then."""
        line = self._lines.pop(address)
        line.popleft().set_result(None)
        self._served[address] += 1
        if line:
            self._lines[address] = line

    def _tidy(self, address: str | None) -> None:
        if not self._lines.get(address):
            self._lines.pop(address, None)
