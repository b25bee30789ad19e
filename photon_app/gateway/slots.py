"""A fair limit on long answers in progress: in total, and for each address.

Requests wait in a queue per address, and the queues are served round-robin: however many requests
one address makes, another waits for one round at most. On the event loop only. Bound: the length of
a queue; one more request is refused with 429 (``slot_for``).
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import NamedTuple

from fastapi import HTTPException, Request

from photon_app.gateway.address import client_address
from photon_app.gateway.connections import peer_of


class _Waiting(NamedTuple):
    granted: asyncio.Future[None]
    cost: int


class Slots:
    """The answers in progress, and the requests that wait.

    Args:
        at_once: the total cost of answers in progress, at most.
        of_address: the same of one address; also the highest cost of one answer.
        waiting: the longest that a queue may be.
    """

    def __init__(self, at_once: int, of_address: int, waiting: int) -> None:
        self._at_once = at_once
        self._of_address = of_address
        self.longest = waiting
        self._in_progress: Counter[str | None] = Counter()
        self._queues: dict[str | None, deque[_Waiting]] = {}

    @contextlib.asynccontextmanager
    async def take(self, address: str | None, cost: int = 1) -> AsyncIterator[bool]:
        """Wait for a slot, and keep it for the duration of the block; yields false if too many
        requests of the address wait already.
        """
        queue = self._queues.get(address, ())
        if len(queue) >= self.longest:
            yield False
            return
        await self._enter(address, cost)
        try:
            yield True
        finally:
            self._leave(address, cost)

    async def _enter(self, address: str | None, cost: int) -> None:
        request = _Waiting(asyncio.get_running_loop().create_future(), cost)
        self._queues.setdefault(address, deque()).append(request)
        self._serve()
        try:
            await request.granted
        except asyncio.CancelledError:
            if not request.granted.cancelled():  # it got a slot at the same moment
                self._leave(address, cost)
            raise

    def _leave(self, address: str | None, cost: int) -> None:
        self._in_progress[address] -= cost
        self._in_progress += Counter()  # drops the zeros
        self._serve()

    def _serve(self) -> None:
        """Give out slots, in rotation. A request for which there is no room yet is not overtaken,
        unless it is its address that is at its limit.
        """
        served = True
        while served:
            served = False
            for address in list(self._queues):
                cost = self._queues[address][0].cost
                if self._in_progress[address] + cost > self._of_address:
                    continue
                if self._in_progress.total() + cost > self._at_once:
                    return
                self._begin(address)
                served = True

    def _begin(self, address: str | None) -> None:
        """Give the first in a queue a slot, unless it has left; the queue goes to the end."""
        queue = self._queues.pop(address)
        first = queue.popleft()
        if queue:
            self._queues[address] = queue
        if not first.granted.done():
            first.granted.set_result(None)
            self._in_progress[address] += first.cost


@contextlib.asynccontextmanager
async def slot_for(
    request: Request, slots: Slots, cost: int, *, hops: int, what: str
) -> AsyncIterator[None]:
    """Wait for the slot of an HTTP request, and keep it for the duration of the block.

    Args:
        request: of which client.
        slots: those of its route.
        cost: of its answer.
        hops: trusted proxies in front of this server.
        what: what it waits for, for people: "bars".

    Raises:
        HTTPException: 429, too many requests of its address wait; 204, the client is gone.
    """
    async with slots.take(client_address(request.scope, hops), cost) as granted:
        if not granted:
            sentence = f"{slots.longest} questions of your address wait for their {what}: wait too"
            raise HTTPException(429, sentence, headers={"Retry-After": "1"})
        peer = peer_of(request.scope)
        if peer is not None and peer.gone:
            raise HTTPException(204)  # no client is there to read it
        yield
