"""The rate of handshakes when no setting gives it: as many as the event loop has time for.

A handshake and the first answers after it take some half a millisecond of the one thread that also
sends prices. Ten thousand clients that reconnect at once must not take all of it, and need not wait
for a number that was chosen for a slower machine or a busier hour. So handshakes pass while the
event loop works for less than ``SHARE`` of the time, whatever it works for: the time that flushes
take is not available to handshakes. ``MIN_PER_S`` pass at any load.

The work is the processor time of the loop's thread. It includes everything that new clients cause
(accept, head, greeting, subscription, snapshots), and nothing has to be measured there.

A handshake that comes too early waits: addresses alternate, and those of one address pass in order.
So no client is refused that would only retry and cost another handshake, and one address cannot
delay another. After ``MAX_WAIT_S`` a handshake is refused; one whose client has hung up takes no
turn.

``Throttle`` is pure, its clocks are arguments; ``HandshakeQueue`` is on the event loop only.
Memory: one lock for each address that has a handshake waiting. Those that wait have a place already
(``gateway.admission``), so there are no more of them than sockets that may be open.
"""

import asyncio
from collections.abc import Callable

from photon_app.clock import SYSTEM, WORK, Time, WorkClock

SHARE = 0.7
"""The part of the event loop's time up to which handshakes pass."""
SLACK_S = 0.004
"""By how much the work may be ahead of or behind its share, since timers of the event loop are late
by a millisecond."""
MAX_DEBT_S = 0.05
"""The work that is remembered: handshakes wait for present work, not for work long past."""
MIN_PER_S = 100.0
"""Handshakes that pass per second at any load."""
MAX_WAIT_S = 30.0
"""Proxies give up after 60 s. A client that gives up sooner retries by itself; after a refusal many
libraries do not."""


class Throttle:
    """When the next handshake may pass: a debt of work, which is paid off at the rate ``SHARE``.

    Args:
        now_s: of a monotonic clock.
        worked_s: for how long the event loop has worked so far.
    """

    __slots__ = ("_at_s", "_debt_s", "_last_s", "_worked_s")

    def __init__(self, now_s: float, worked_s: float) -> None:
        self._at_s = now_s
        self._worked_s = worked_s
        self._debt_s = 0.0
        self._last_s = now_s - 1 / MIN_PER_S

    def wait_s(self, now_s: float, worked_s: float) -> float:
        """Seconds until the next one may pass, if the loop is idle until then."""
        self._look(now_s, worked_s)
        if self._debt_s <= SLACK_S:
            return 0.0
        at_least_s = self._last_s + 1 / MIN_PER_S - now_s
        return max(0.0, min((self._debt_s - SLACK_S) / SHARE, at_least_s))

    def enter(self, now_s: float) -> None:
        """A handshake passes."""
        self._last_s = now_s

    def _look(self, now_s: float, worked_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        work_s = max(0.0, worked_s - self._worked_s)
        debt_s = self._debt_s + work_s - SHARE * passed_s
        self._debt_s = min(MAX_DEBT_S, max(-SLACK_S, debt_s))
        self._at_s, self._worked_s = now_s, worked_s


class _Queue:
    """The waiting handshakes of one address."""

    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class HandshakeQueue:
    """The handshakes of one process, and those that wait.

    Args:
        time: of this process.
        work: of the event loop so far.
    """

    def __init__(self, time: Time = SYSTEM, work: WorkClock = WORK) -> None:
        self._now_s, self._sleep, self._work_s = time.monotonic, time.sleep, work.worked_s
        self._throttle = Throttle(time.monotonic(), work.worked_s())
        self._queues: dict[str | None, _Queue] = {}
        self._next = asyncio.Lock()

    def __len__(self) -> int:
        return sum(queue.waiting for queue in self._queues.values())

    async def turn(self, address: str | None, gone: Callable[[], bool] = lambda: False) -> bool:
        """Wait until a handshake of this address may pass; false if that takes too long.

        Args:
            address: key of the client's address.
            gone: returns whether the client has hung up; then this returns when it is next.
        """
        if not self._queues and self._wait_s() <= 0:
            self._throttle.enter(self._now_s())
            return True
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = _Queue()
        queue.waiting += 1
        until_s = self._now_s() + MAX_WAIT_S
        try:
            async with queue.lock, self._next:
                return await self._enter(until_s, gone)
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[address]

    async def _enter(self, until_s: float, gone: Callable[[], bool]) -> bool:
        """Wait for the rate, as the next one of all."""
        while not gone():
            now_s = self._now_s()
            if now_s >= until_s:
                return False
            if (wait_s := self._wait_s()) <= 0:
                self._throttle.enter(now_s)
                break
            await self._sleep(wait_s)
        return True

    def _wait_s(self) -> float:
        return self._throttle.wait_s(self._now_s(), self._work_s())
