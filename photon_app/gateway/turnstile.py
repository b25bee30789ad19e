"""A fair queue for the work of many clients: one piece per iteration of the event loop.

No work is refused here: a client that asks for more than its rate waits for its turn, and is not
read meanwhile. Each client has a ``Lane`` of its own (a rate, and a reserve for bursts), and all
lanes share one lock that lets one piece through per iteration, so that other work can run between
two pieces of a burst. Lanes and the lock are first come, first served.

On the event loop only; the clock is an argument. Memory: a lane is a few numbers; lanes of
addresses are forgotten when they have no users and their reserve is full again.
"""

import asyncio

from photon_app.clock import SYSTEM, Time
from photon_app.gateway.limits import ROUNDING, TokenBucket

SWEEP_S = 1.0
"""How often unused lanes are looked for, at most."""


class Lane(TokenBucket):
    """The work of one client: ``rate_per_s`` units, and ``burst`` of them at once.

    A piece that is larger than the reserve passes when the reserve is full, and leaves it negative.
    """

    __slots__ = ("queue", "users")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        super().__init__(rate_per_s, burst, now_s)
        self.queue = asyncio.Lock()
        """The queue of the lane: the first waits for the reserve, the others for the first."""
        self.users = 0
        """How many sockets use the lane."""

    def wait_s(self, units: float, now_s: float) -> float:
        """Seconds until a piece of this many units may pass."""
        self.refill(now_s)
        wait_s = self.retry_after_s(units)
        return wait_s if wait_s * self._rate_per_s > ROUNDING else 0.0

    def pay(self, units: float, now_s: float) -> None:
        """Charge a piece that passes."""
        self.refill(now_s)
        self._tokens -= units

    def rested(self, now_s: float) -> bool:
        """Whether the lane is unused and as good as a new one."""
        self.refill(now_s)
        return not self.users and self._tokens >= self._burst - ROUNDING


class Turnstile:
    """The lanes of all addresses, and the lock that they share.

    Args:
        rate_per_s: units per second of one address.
        burst: units at once of one address.
        time: of this process.
    """

    def __init__(
        self,
        *,
        rate_per_s: float,
        burst: float,
        time: Time = SYSTEM,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._now_s, self._sleep = time.monotonic, time.sleep
        self._lanes: dict[str | None, Lane] = {}
        self._swept_s = time.monotonic()
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._lanes)

    def enter(self, address: str | None) -> Lane:
        """The lane of an address for one more user, which must ``leave`` it."""
        self._sweep()
        lane = self._lanes.get(address)
        if lane is None:
            lane = self._lanes[address] = Lane(self._rate_per_s, self._burst, self._now_s())
        lane.users += 1
        return lane

    def leave(self, lane: Lane) -> None:
        """A user of the lane is gone."""
        lane.users -= 1

    async def turn(self, units: float, *lanes: Lane) -> None:
        """Return when it is the turn of a piece of this many units in each of these lanes."""
        for lane in lanes:
            async with lane.queue:
                while wait_s := lane.wait_s(units, self._now_s()):
                    await self._sleep(wait_s)
                lane.pay(units, self._now_s())
        async with self._lock:
            await asyncio.sleep(0)

    def _sweep(self) -> None:
        now = self._now_s()
        if now - self._swept_s < SWEEP_S:
            return
        self._swept_s = now
        for address in [key for key, lane in self._lanes.items() if lane.rested(now)]:
            del self._lanes[address]
