"""How often Finnhub may be asked over REST: 60 times a minute and 30 times a second, for all
callers.

Owns the permits and the callers that wait for one; it sends no request itself. Runs on the event
loop. The count is an exact log of each moving window, with the addresses that each permit went to.
A lane is one kind of caller. No lane may use the whole budget, and waiting lanes take turns, so
that polling, however many symbols it has, leaves room for users, and users leave room for polling.
In each lane the caller whose address received the least recently is first (``fairness.Spent``), and
among equals the first to arrive. The last ``RESERVE`` permits of a minute, of each lane and of all,
are for addresses that had fewer than ``RESERVE`` in that minute. So an address that comes when
another one has asked for all it could does not wait for it. A lane's queue is bounded: a caller
that comes when it is full is refused at once, as is one that would have to wait longer than its
patience.

It never gives more than the budget in any moving minute or second, cancelled callers included: a
permit that was given and not used is lost.
"""

import enum
import itertools

from photon_app.clock import Time
from photon_app.feed.finnhub.fairness import UNIT, Spent
from photon_app.feed.finnhub.wakeup import Wakeup

PER_MINUTE = 60
PER_SECOND = 30
MINUTE_S, SECOND_S = 60.0, 1.0
LEAST_S = 0.001
"""Shortest wait, because a timer can fire slightly too early."""
WAITERS = 32
RESERVE = 5


class Lane(enum.Enum):
    """A kind of caller."""

    POLL = enum.auto()
    """Symbols without a slot, periodically."""
    LOOKUP = enum.auto()
    """A symbol's day or name, once."""
    SEARCH = enum.auto()
    """A search while the user types."""


SHARES = {Lane.POLL: 40, Lane.LOOKUP: 40, Lane.SEARCH: 20}
"""The most requests of each lane in a minute."""


class Budget:
    """The permits of one key.

    Args:
        time: what waits and stamps.
        waiters: most callers that wait in a lane; further ones are refused.
    """

    def __init__(self, time: Time, waiters: int = WAITERS) -> None:
        self._time = time
        self._waiters = waiters
        self._common = (_Window(PER_MINUTE, MINUTE_S), _Window(PER_SECOND, SECOND_S, 0))
        self._lanes = {lane: _Window(share, MINUTE_S) for lane, share in SHARES.items()}
        self._queues: dict[Lane, list[_Ticket]] = {lane: [] for lane in Lane}
        self._numbers = itertools.count()
        self._last_served = dict.fromkeys(Lane, 0)
        """When each lane last got a permit, as a sequence number."""

    async def take(self, lane: Lane, patience_s: float, addresses: tuple[str, ...] = ()) -> bool:
        """Wait for a permit for one request; false when there is none for this caller.

        Args:
            lane: the kind of caller.
            patience_s: how long it is willing to wait.
            addresses: the addresses that want the answer; without any the reserve is open to the
                caller.
        """
        queue = self._queues[lane]
        if len(queue) >= self._waiters:
            return False
        ticket = _Ticket(lane, addresses, next(self._numbers), Wakeup(self._time))
        deadline_s = self._time.monotonic() + patience_s
        queue.append(ticket)
        try:
            while True:
                wait_s = self._serve(ticket)
                if ticket.served:
                    return True
                left_s = deadline_s - self._time.monotonic()
                if left_s <= 0 or (wait_s is not None and wait_s > left_s):
                    return False
                await ticket.wakeup.wait(left_s if wait_s is None else wait_s)
        finally:
            if not ticket.served:
                queue.remove(ticket)
                self._ring()

    def wait_s(self, lane: Lane, addresses: tuple[str, ...]) -> float:
        """Seconds until there may be a permit for these addresses if no other caller asks; 0 when
        there is one now.
        """
        now_s = self._time.monotonic()
        return max(window.wait_s(addresses, now_s) for window in self._windows(lane))

    def _serve(self, asking: "_Ticket") -> float | None:
        """Give permits to all callers whose turn it is. Returns after how many seconds it may be
        this caller's turn, or ``None`` when others come before it.
        """
        now_s = self._time.monotonic()
        while True:
            firsts = [self._first(lane) for lane in Lane if self._queues[lane]]
            firsts.sort(key=lambda one: (self._last_served[one.lane], one.number))
            waits = {one: self.wait_s(one.lane, one.addresses) for one in firsts}
            ready = next((one for one, wait_s in waits.items() if not wait_s), None)
            if ready is None:
                return max(waits[asking], LEAST_S) if asking in waits else None
            self._give(ready, now_s)

    def _first(self, lane: Lane) -> "_Ticket":
        had = self._lanes[lane].had
        return min(self._queues[lane], key=lambda one: (had(one.addresses), one.number))

    def _windows(self, lane: Lane) -> "tuple[_Window, ...]":
        return (self._lanes[lane], *self._common)

    def _give(self, ticket: "_Ticket", now_s: float) -> None:
        for window in self._windows(ticket.lane):
            window.note(ticket.addresses, now_s)
        self._last_served[ticket.lane] = next(self._numbers)
        self._queues[ticket.lane].remove(ticket)
        ticket.served = True
        ticket.wakeup.ring()
        self._ring()

    def _ring(self) -> None:
        """Wake all waiting callers: another one may be first now."""
        for queue in self._queues.values():
            for ticket in queue:
                ticket.wakeup.ring()


class _Ticket:
    """One waiting caller."""

    def __init__(self, lane: Lane, addresses: tuple[str, ...], number: int, wakeup: Wakeup) -> None:
        self.lane = lane
        self.addresses = addresses
        self.number = number
        self.wakeup = wakeup
        self.served = False


class _Window:
    """The permits given within a moving window, to which addresses, and whether there is room for
    another.

    Args:
        most: permits in one window.
        window_s: its length.
        reserve: how many of them are for addresses that had fewer than that.
    """

    def __init__(self, most: int, window_s: float, reserve: int = RESERVE) -> None:
        self._most = most
        self._reserve = reserve
        self._spent = Spent(window_s)

    def had(self, addresses: tuple[str, ...]) -> int:
        """The fewest permits that any of these addresses had, in units."""
        return self._spent.least(addresses)

    def wait_s(self, addresses: tuple[str, ...], now_s: float) -> float:
        """Seconds until there may be a permit for these addresses; 0 when there is one now."""
        self._spent.forget(now_s)
        many = bool(addresses) and self.had(addresses) >= self._reserve * UNIT
        return self._spent.free_s(self._most - self._reserve * many, now_s)

    def note(self, addresses: tuple[str, ...], now_s: float) -> None:
        """Record a permit for these addresses."""
        self._spent.note(addresses, now_s)
