"""One client's bounded outbox: what is still sent to it, and what it missed while it was slow.

A sink stands between the hub, which never waits, and an outlet, which is how bytes leave to one
client. While the outlet is above its high-water mark the sink is *congested*: it takes no updates
and only remembers which symbols moved (conflation). When the outlet has drained, the hub is asked
for the newest price of exactly those, so memory is bounded by the client's subscriptions and the
newest price is never lost. Blocked for longer than the hub allows, the client is closed as slow.

Answers to the client's own requests pass even then: they are few, because the reader of a
congested client is paused.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from photon_app.hub.frames import Frames

SLOW_CLIENT = 4008


class Outlet(Protocol):
    """How frames reach one client. All calls are synchronous and never wait.

    An outlet has a high- and a low-water mark of unsent bytes. It calls the sink's ``congest``
    when it rises above the one and ``drain`` when it falls below the other.
    """

    def write(self, frames: Frames) -> None:
        """Queue frames, in order."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye behind what is queued, and free the connection soon even if the peer never
        reads it. Further writes are dropped.
        """
        ...


class Sink:
    """The hub's view of one client."""

    __slots__ = ("_catch_up", "_congested_since", "_missed", "_now_s", "_outlet", "_uncongested")

    def __init__(self, outlet: Outlet, now_s: Callable[[], float]) -> None:
        self._outlet = outlet
        self._now_s = now_s
        self._catch_up: Callable[[], Frames] = lambda: Frames(())
        self._congested_since: float | None = None
        self._missed: set[str] = set()
        self._uncongested = asyncio.Event()
        self._uncongested.set()

    def catch_up_with(self, make: Callable[[], Frames]) -> None:
        """Who says what a client missed; asked when it has drained, while it still is congested."""
        self._catch_up = make

    @property
    def congested(self) -> bool:
        """Whether updates are being conflated instead of written."""
        return self._congested_since is not None

    def congested_for_s(self) -> float:
        """Seconds since the client stopped reading fast enough; 0 when it keeps up."""
        return 0.0 if self._congested_since is None else self._now_s() - self._congested_since

    async def uncongested(self) -> None:
        """Return when the client keeps up; the pause of its own reader."""
        await self._uncongested.wait()

    def send(self, frames: Frames) -> None:
        """Write answers, snapshots and status: whatever the client must not miss."""
        self._outlet.write(frames)

    def offer(self, frames: Frames, symbols: set[str]) -> None:
        """Write updates of these symbols, or remember that they were missed."""
        if self._congested_since is None:
            self._outlet.write(frames)
        else:
            self._missed |= symbols

    def miss(self, symbol: str) -> None:
        """Remember one symbol as missed."""
        self._missed.add(symbol)

    def take_missed(self) -> set[str]:
        """The symbols that moved while congested; forgets them."""
        missed, self._missed = self._missed, set()
        return missed

    def forget(self, symbol: str) -> None:
        """The client no longer wants this symbol."""
        self._missed.discard(symbol)

    def congest(self) -> None:
        """The outlet rose above its high-water mark."""
        if self._congested_since is None:
            self._congested_since = self._now_s()
            self._uncongested.clear()

    def drain(self) -> None:
        """The outlet fell below its low-water mark."""
        if self._congested_since is None:
            return
        frames = self._catch_up()
        self._congested_since = None
        self._uncongested.set()
        self._outlet.write(frames)  # last: it may congest the outlet again

    def close(self, code: int, reason: str) -> None:
        """End the connection; see ``Outlet.close``."""
        self.lost()
        self._outlet.close(code, reason)

    def lost(self) -> None:
        """The connection is gone or going: whoever waits for it need not."""
        self._uncongested.set()
