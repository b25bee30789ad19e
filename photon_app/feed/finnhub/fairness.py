"""What is fair among addresses, where there is too little for all.

Owns two rules. ``in_turn`` puts wishes in an order in which they can be met: whoever has had the
least is next, and of its wishes the most wanted one. ``Spent`` counts what each address had of late
of something that comes in units. In both, what several addresses want is paid by all of them, in
equal parts: so many viewers get more than one, and one gets no more for wishing more.

Pure and synchronous; the clock is an argument. ``Spent`` forgets what is older than its window, and
its owner bounds how much is given in one. Without known addresses everybody is one, and only the
order of the wishes counts.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from photon_app.model import SPEAKERS

W = TypeVar("W", bound=tuple[Any, ...])
UNIT = math.lcm(*range(1, SPEAKERS + 1))
"""What one thing costs, so that each part of it is a whole number."""


def in_turn(wishes: Mapping[tuple[str, ...], Sequence[W]]) -> Iterator[W]:
    """The wishes, fairly: at each one, no address behind a wish that waits has paid less than who
    pays for this one. What more addresses want comes first where that does not matter, and then
    what is smaller.

    Args:
        wishes: by whose they are, the one to be met first first.
    """
    paid = dict.fromkeys((one for those in wishes for one in those), 0)
    turns = [(0, -len(those), queue[0], 0, those) for those, queue in wishes.items() if queue]
    heapq.heapify(turns)
    while turns:
        cost, many, wish, place, those = turns[0]
        least = min(paid[one] for one in those)
        if least > cost:  # they have paid for another meanwhile
            heapq.heapreplace(turns, (least, many, wish, place, those))
            continue
        yield wish
        for one in those:
            paid[one] += UNIT // len(those)
        place += 1
        if place < len(wishes[those]):
            heapq.heapreplace(turns, (least, many, wishes[those][place], place, those))
        else:
            heapq.heappop(turns)


class Spent:
    """What each address had within a moving window.

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
        """They got one."""
        self.forget(now_s)
        each = units // max(len(addresses), 1)
        self._given.append((now_s, addresses, each))
        for one in addresses:
            self._paid[one] = self._paid.get(one, 0) + each

    def least(self, addresses: tuple[str, ...]) -> int:
        """What the one of them had that had the least."""
        return min((self._paid.get(one, 0) for one in addresses), default=0)

    def free_s(self, most: int, now_s: float) -> float:
        """Seconds until fewer than so many are within the window."""
        over = len(self._given) - most
        return 0.0 if over < 0 else max(0.0, self._given[over][0] + self._window_s - now_s)

    def forget(self, now_s: float) -> None:
        """Let go what is no longer within the window."""
        while self._given and self._given[0][0] + self._window_s <= now_s:
            _, addresses, each = self._given.popleft()
            for one in addresses:
                self._paid[one] -= each
                if not self._paid[one]:
                    del self._paid[one]
