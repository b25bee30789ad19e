"""A time budget for HTTP per iteration of the event loop.

One iteration reads every socket that has data, and runs every task that is ready: six hundred
requests that arrive together would be six hundred pieces of work in a row, and each price would
wait for all of them. Here HTTP gets ``BUDGET_S`` per iteration, or one request. The rest waits for
the next iteration, in rotation by address, so that one address cannot delay another for long.

While there is budget left, work is done at once, and nothing is scheduled but the reset of the
budget. One for each server, on the event loop only. Bound: each connection has at most one piece of
work waiting, and is not read meanwhile (``gateway.handshake``).
"""

import asyncio
from collections import deque
from collections.abc import Callable

from photon_app.clock import SYSTEM, Time

BUDGET_S = 0.001
PIECE_S = BUDGET_S / 4
"""The fixed cost of a piece of an answer, however long it takes."""
Work = Callable[[], object]


class LoopBudget:
    """The time budget, and the work that waits for it.

    Args:
        soon: runs a callable in the next iteration of the event loop.
        time: of this process.
    """

    def __init__(self, soon: Callable[[Work], object], time: Time = SYSTEM) -> None:
        self._soon = soon
        self._now_s = time.monotonic
        self._spent_s = 0.0
        self._scheduled = False
        self._waiting: dict[str | None, deque[Work]] = {}

    def do(self, address: str | None, work: Work) -> None:
        """Do work now if there is budget and none is waiting, else in a later iteration."""
        if self._waiting or self._spent_s >= BUDGET_S:
            self._waiting.setdefault(address, deque()).append(work)
        else:
            self._do(work)
        self._schedule()

    def use_up(self) -> None:
        """A request has begun and is answered in the next iteration: use up this one's budget."""
        self._spent_s = BUDGET_S

    async def piece(self, address: str | None) -> None:
        """Wait until a piece of an answer may be written."""
        may = asyncio.get_running_loop().create_future()

        def begin() -> None:
            if not may.done():  # else the waiting task was cancelled
                may.set_result(None)
                self._spent_s += PIECE_S

        self.do(address, begin)
        await may

    def _next_iteration(self) -> None:
        self._scheduled = False
        self._spent_s = 0.0
        try:
            while self._waiting and self._spent_s < BUDGET_S:
                self._do(self._next())
        finally:
            if self._waiting:
                self._schedule()

    def _schedule(self) -> None:
        """Schedule the reset of the budget, once per iteration."""
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._next_iteration)

    def _next(self) -> Work:
        """The oldest work of the next address in rotation, which goes to the end."""
        address, queue = next(iter(self._waiting.items()))
        work = queue.popleft()
        del self._waiting[address]
        if queue:
            self._waiting[address] = queue
        return work

    def _do(self, work: Work) -> None:
        began_s = self._now_s()
        work()
        self._spent_s += self._now_s() - began_s
