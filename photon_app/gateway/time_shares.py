"""How much of the process's time the messages of one address may take while others are connected.

One thread serves all clients, so work for one address delays all others, whichever of its sockets
asks for it and however well each keeps to its own rate. While sockets of other addresses are open
too, an address gets ``SHARE`` of the time. Further messages wait in its own queue, unread; none is
refused. An address that is alone may use all of the time: that is also the case for all clients
behind a proxy if ``PHOTON_PROXY_HOPS`` does not count it.

The rules are pure, the clock is an argument; on the event loop only. Memory: an entry for each
address with open sockets, and for each socket the one message that waits.
"""

import asyncio
from collections.abc import Callable

from photon_app.clock import SYSTEM, Time

SHARE = 0.25
SLACK_S = 0.04
"""By how much an address may be ahead: with its share, 10 ms of work in a burst."""
READING_S = 50e-6
"""The time that a message takes before it is handled: its frames, and waking the task."""


class TimeShare:
    """The share of one address: when its next message may be handled."""

    __slots__ = ("_free_s", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        """The queue of its sockets."""
        self._free_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next message may be handled."""
        return max(0.0, self._free_s - SLACK_S - now_s)

    def spend(self, now_s: float, seconds: float) -> None:
        """Charge the time that a message took."""
        self._free_s = max(self._free_s, now_s) + seconds / SHARE


class TimeShares:
    """The shares of all addresses with open sockets.

    Args:
        time: of this process, fine enough to measure work.
    """

    def __init__(self, time: Time = SYSTEM) -> None:
        self._now_s, self._sleep = time.monotonic, time.sleep
        self._sockets: dict[str | None, int] = {}
        self._shares: dict[str | None, TimeShare] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def enter(self, address: str | None) -> None:
        """A socket of this address has opened."""
        self._sockets[address] = self._sockets.get(address, 0) + 1

    def leave(self, address: str | None) -> None:
        """A socket of this address has closed."""
        self._sockets[address] -= 1
        if not self._sockets[address]:
            del self._sockets[address]
            self._shares.pop(address, None)

    async def run(self, address: str | None, work: Callable[[float], None]) -> None:
        """Handle a message of an address, when its share permits.

        Args:
            address: key of the address.
            work: handles the message; called with the seconds that it had to wait.
        """
        if len(self._sockets) < 2:
            work(0.0)
            return
        share = self._shares.get(address)
        if share is None:
            share = self._shares[address] = TimeShare()
        came_s = self._now_s()
        if not share.lock.locked() and share.wait_s(came_s) <= 0:
            self._spend(share, came_s, 0.0, work)
            return
        async with share.lock:
            await self._sleep(share.wait_s(self._now_s()))
            began_s = self._now_s()
            self._spend(share, began_s, began_s - came_s, work)

    def _spend(
        self, share: TimeShare, began_s: float, waited_s: float, work: Callable[[float], None]
    ) -> None:
        work(waited_s)
        now_s = self._now_s()
        share.spend(now_s, now_s - began_s + READING_S)
