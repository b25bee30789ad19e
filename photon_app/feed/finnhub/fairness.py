"""Fair shares among addresses when there is not enough for all.

Owns two rules. ``in_turn`` orders requests fairly: the address that has received the least is next,
and of its requests the most wanted one. ``Spent`` counts what each address received recently of
something that comes in units. In both, several addresses that want the same thing pay for it in
equal parts. As a result, a group of addresses gets more than one address alone, and an address gets
no more by requesting more.

Pure and synchronous; the clock is an argument. ``Spent`` forgets what is older than its window, and
its owner bounds how much is given in one window. Without known addresses all requests belong to one
address, and only their order counts.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from photon_app.model import ADDRESSES_PER_SYMBOL

W = TypeVar("W", bound=tuple[Any, ...])
UNIT = math.lcm(*range(1, ADDRESSES_PER_SYMBOL + 1))
"""Cost of one thing, chosen so that each equal part of it is a whole number."""


def in_turn(requests: Mapping[tuple[str, ...], Sequence[W]]) -> Iterator[W]:
    """Yield requests in a fair order: the least-paid address of the next one has paid no more than
    any address of a request that still waits. Ties go to the request of more addresses, then to the
    smaller request.

    Args:
        requests: each group of addresses with its requests, the most wanted one first.
    """
    paid = dict.fromkeys((one for addresses in requests for one in addresses), 0)
    turns = [
        (0, -len(addresses), queue[0], 0, addresses)
        for addresses, queue in requests.items()
        if queue
    ]
    heapq.heapify(turns)
    while turns:
        cost, many, request, place, addresses = turns[0]
        least = min(paid[one] for one in addresses)
        if least > cost:  # they have paid for another meanwhile
            heapq.heapreplace(turns, (least, many, request, place, addresses))
            continue
        yield request
        for one in addresses:
            paid[one] += UNIT // len(addresses)
        place += 1
        if place < len(requests[addresses]):
            heapq.heapreplace(turns, (least, many, requests[addresses][place], place, addresses))
        else:
            heapq.heappop(turns)


class Spent:
    """What each address received within a moving window.

    Args:
        window_s: its length.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._given: deque[tuple[float, tuple[str, ...], int]] = deque()
        self._paid: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._given)

    def note(self, addresses: tuple[str, ...], now_s: float, units: int = UNIT) -> None:
        """Record that these addresses received one."""
        self.forget(now_s)
        each = units // max(len(addresses), 1)
        self._given.append((now_s, addresses, each))
        for one in addresses:
            self._paid[one] = self._paid.get(one, 0) + each

    def least(self, addresses: tuple[str, ...]) -> int:
        """The smallest amount that any of these addresses received."""
        return min((self._paid.get(one, 0) for one in addresses), default=0)

    def free_s(self, most: int, now_s: float) -> float:
        """Seconds until fewer than ``most`` grants are within the window."""
        over = len(self._given) - most
        return 0.0 if over < 0 else max(0.0, self._given[over][0] + self._window_s - now_s)

    def forget(self, now_s: float) -> None:
        """Drop what is no longer within the window."""
        while self._given and self._given[0][0] + self._window_s <= now_s:
            _, addresses, each = self._given.popleft()
            for one in addresses:
                self._paid[one] -= each
                if not self._paid[one]:
                    del self._paid[one]
