"""How often Finnhub may be asked over REST: 60 times a minute and 30 times a second, for all.

Owns the permits and who waits for one; asks nobody anything itself. Runs on the event loop. The
counting is pyrate-limiter's exact log of a moving window, driven by our own clock; the waiting is
here, because its own waiting knows no clock but the system's. A lane is one kind of asker. No lane
may have the whole budget, and lanes that wait take turns, so that polling, however many symbols it
has, leaves room for people, and people for polling. In each lane the first to come is the first to
go. A lane's queue has a bound, and who comes then is refused at once, as is who would have to wait
longer than it is willing to.

It never gives more than the budget in any moving minute or second, cancelled callers included: a
permit that was given and not used is lost.
"""

import asyncio
import enum

from pyrate_limiter import InMemoryBucket, Rate, RateItem
from pyrate_limiter.abstracts.algorithm import Decision

from photon_app.feed.protocol import Time

PER_MINUTE = 60
PER_SECOND = 30
MINUTE_MS = 60_000
SECOND_MS = 1_000
WAITERS = 32


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
        self._all = _Window(Rate(PER_SECOND, SECOND_MS), Rate(PER_MINUTE, MINUTE_MS))
        self._turn = asyncio.Lock()
        self._lanes = {lane: _Window(Rate(share, MINUTE_MS)) for lane, share in SHARES.items()}
        self._turns = {lane: asyncio.Lock() for lane in Lane}
        self._waiting = dict.fromkeys(Lane, 0)

    async def take(self, lane: Lane, patience_s: float) -> bool:
        """Wait for a permit to ask once; false when there is none for this caller."""
        if self._waiting[lane] >= self._waiters:
            return False
        deadline_s = self._time.monotonic() + patience_s
        self._waiting[lane] += 1
        try:
            async with self._turns[lane]:  # so one of a lane stands in front of the common window
                if not await self._pass(self._lanes[lane], deadline_s):
                    return False
                async with self._turn:
                    return await self._pass(self._all, deadline_s)
        finally:
            self._waiting[lane] -= 1

    async def _pass(self, window: "_Window", deadline_s: float) -> bool:
        while wait_s := window.take(self._time.monotonic()):
            if self._time.monotonic() + wait_s > deadline_s:
                return False
            await self._time.sleep(wait_s)
        return True


class _Window:
    """The permits given in the last while, and whether there is room for another."""

    def __init__(self, *rates: Rate) -> None:
        self._bucket = InMemoryBucket(list(rates))

    def take(self, now_s: float) -> float:
        """Take a permit and return 0, or return the seconds until there may be one."""
        now_ms = int(now_s * 1000)
        self._bucket.leak(now_ms)
        decision = self._bucket.put_decision(RateItem("ask", now_ms))
        assert isinstance(decision, Decision), "a bucket in memory answers at once"
        if decision.allowed:
            return 0.0
        return max(decision.retry_after_ms or 0, 1) / 1000
