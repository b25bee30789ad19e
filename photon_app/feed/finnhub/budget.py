"""How often Finnhub may be asked over REST: 60 times a minute and 30 times a second, for all.

Owns the permits and who waits for one; asks nobody anything itself. Runs on the event loop. The
counting is an exact log of each moving window, with whose each permit was. A lane is one kind of
asker. No lane may have the whole budget, and lanes that wait take turns, so that polling, however
many symbols it has, leaves room for people, and people for polling. In each lane who has had the
least of late is the first to go, by address (``fairness.Spent``), and of equals the first to come.
The last ``RESERVE`` permits of a minute, of each lane and of all, are for addresses that have had
fewer than so many in it: so one that comes when another has asked for all that it could waits for
nobody. A lane's queue has a bound, and who comes then is refused at once, as is who would have to
wait longer than it is willing to.

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
"""Shortest wait: a timer can come a hair too early."""
WAITERS = 32
RESERVE = 5


class Lane(enum.Enum):
    """A kind of asker."""

    POLL = enum.auto()
    """Symbols without a slot, again and again."""
    LOOKUP = enum.auto()
    """A symbol's day or name, once."""
    SEARCH = enum.auto()
    """What somebody types."""


SHARES = {Lane.POLL: 40, Lane.LOOKUP: 40, Lane.SEARCH: 20}
"""The most that each lane may ask in a minute."""


class Budget:
    """The permits of one key.

    Args:
        time: what waits and stamps.
        waiters: most callers that wait in a lane; one that comes then is refused.
    """

    def __init__(self, time: Time, waiters: int = WAITERS) -> None:
        self._time = time
        self._waiters = waiters
        self._common = (_Window(PER_MINUTE, MINUTE_S), _Window(PER_SECOND, SECOND_S, 0))
        self._lanes = {lane: _Window(share, MINUTE_S) for lane, share in SHARES.items()}
        self._queues: dict[Lane, list[_Ticket]] = {lane: [] for lane in Lane}
        self._numbers = itertools.count()
        self._last_served = dict.fromkeys(Lane, 0)
        """When each lane last had a permit, as a number."""

    async def take(self, lane: Lane, patience_s: float, addresses: tuple[str, ...] = ()) -> bool:
        """Wait for a permit to ask once; false when there is none for this caller.

        Args:
            lane: what kind of asker it is.
            patience_s: how long it is willing to wait.
            addresses: who wants to know; without any nothing is kept in reserve from it.
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
        """Seconds until there may be a permit for these, if nobody else asks; 0 when there is."""
        now_s = self._time.monotonic()
        return max(window.wait_s(addresses, now_s) for window in self._windows(lane))

    def _serve(self, asking: "_Ticket") -> float | None:
        """Give permits to all whose turn it is. Returns after how many seconds it may be the
        caller's, or ``None`` when others come before it.
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
        """Who waits looks again: another may be the first now."""
        for queue in self._queues.values():
            for ticket in queue:
                ticket.wakeup.ring()


class _Ticket:
    """One caller that waits."""

    def __init__(self, lane: Lane, addresses: tuple[str, ...], number: int, wakeup: Wakeup) -> None:
        self.lane = lane
        self.addresses = addresses
        self.number = number
        self.wakeup = wakeup
        self.served = False


class _Window:
    """The permits given in the last while, to whom, and whether there is room for another.

    Args:
        most: how many there are.
        window_s: in any so many seconds.
        reserve: how many of them are for those who had fewer.
    """

    def __init__(self, most: int, window_s: float, reserve: int = RESERVE) -> None:
        self._most = most
        self._reserve = reserve
        self._spent = Spent(window_s)

    def had(self, addresses: tuple[str, ...]) -> int:
        """What the one of these that had the least has had."""
        return self._spent.least(addresses)

    def wait_s(self, addresses: tuple[str, ...], now_s: float) -> float:
        """Seconds until there may be a permit for these; 0 when there is one."""
        self._spent.forget(now_s)
        many = bool(addresses) and self.had(addresses) >= self._reserve * UNIT
        return self._spent.free_s(self._most - self._reserve * many, now_s)

    def note(self, addresses: tuple[str, ...], now_s: float) -> None:
        """They have a permit."""
        self._spent.note(addresses, now_s)
