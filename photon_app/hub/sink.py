"""One client's bounded outbox: what is still sent to it, and what it missed while it was slow.

A sink stands between the hub, which never waits, and an outlet, which is how bytes leave to one
client. While the outlet is above its high-water mark the sink is *congested*: it takes no updates
and only remembers which symbols moved and that a status was told (conflation). When the outlet has
drained, the hub is asked for the newest of exactly those, so memory is bounded by the client's
subscriptions and the newest price is never lost. Blocked for longer than the hub allows, the
client is closed as slow.

Answers to the client's own requests pass even then: they are few, because the reader of a
congested client is paused.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from photon_app.hub.frames import Frames


class Outlet(Protocol):
    """How frames reach one client. All calls are synchronous and never wait.

    An outlet has a high- and a low-water mark of unsent bytes. It calls the sink's ``congest``
    when it rises above the one and ``drain`` when it falls below the other, and ``lost`` before
    it stops taking writes.
    """

    @property
    def put(self) -> Callable[[bytes], None] | None:
        """Where joined frames may be written without asking, while the sink is neither congested
        nor lost; ``None`` when this outlet has no such thing.
        """
        ...

    def write(self, frames: Frames) -> None:
        """Queue frames, in order."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye behind what is queued, and free the connection soon even if the peer never
        reads it. Further writes are dropped.
        """
        ...


class Missed:
    """What a congested client has coming when it reads again; bounded by its subscriptions."""

    __slots__ = ("rejected", "since_s", "status", "symbols")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        """When it stopped reading fast enough."""
        self.symbols: set[str] = set()
        """Whose prices moved."""
        self.status = False
        """Whether a status was told meanwhile."""
        self.rejected: set[str] = set()
        """Which of its symbols upstream refused meanwhile."""


def _nothing() -> Frames:
    return Frames(())


class Sink:
    """The hub's view of one client."""

    __slots__ = ("_catch_up", "_now_s", "_outlet", "_ready", "_uncongested", "missed", "put")

    def __init__(self, outlet: Outlet, now_s: Callable[[], float]) -> None:
        self._outlet = outlet
        self._now_s = now_s
        self._catch_up: Callable[[], Frames] = _nothing
        self._uncongested: asyncio.Event | None = None  # made when somebody waits: a quarter KiB
        self._ready = outlet.put
        self.put = self._ready
        """Where joined frames go right now; ``None`` when the sink has to be asked (``offer``)."""
        self.missed: Missed | None = None
        """What was left out since the client fell behind; ``None`` while it keeps up."""

    def catch_up_with(self, make: Callable[[], Frames]) -> None:
        """Who says what a client missed; asked when it has drained, while it still is congested."""
        self._catch_up = make

    @property
    def congested(self) -> bool:
        """Whether updates are being conflated instead of written."""
        return self.missed is not None

    def congested_for_s(self) -> float:
        """Seconds since the client stopped reading fast enough; 0 when it keeps up."""
        return 0.0 if self.missed is None else self._now_s() - self.missed.since_s

    async def uncongested(self) -> float:
        """Return when the client keeps up; the pause of its own reader, which is told how long it
        was, in seconds.
        """
        if self.missed is None:
            return 0.0
        began_s = self._now_s()
        if self._uncongested is None:
            self._uncongested = asyncio.Event()
        await self._uncongested.wait()
        return self._now_s() - began_s

    def send(self, frames: Frames) -> None:
        """Write answers and snapshots: whatever the client asked for."""
        self._outlet.write(frames)

    def offer(self, frames: Frames, symbols: set[str]) -> None:
        """Write updates of these symbols, or remember that they were missed."""
        if self.missed is None:
            self._outlet.write(frames)
        else:
            self.missed.symbols |= symbols

    def tell(self, frames: Frames) -> None:
        """Write a status, or remember that one was missed."""
        if self.missed is None:
            self._outlet.write(frames)
        else:
            self.missed.status = True

    def forget(self, symbol: str) -> None:
        """The client has this symbol's newest price, or no longer wants it."""
        if self.missed is not None:
            self.missed.symbols.discard(symbol)

    def congest(self) -> None:
        """The outlet rose above its high-water mark."""
        if self.missed is None:
            self.missed = Missed(self._now_s())
            self.put = None

    def drain(self) -> None:
        """The outlet fell below its low-water mark."""
        if self.missed is None:
            return
        frames = self._catch_up()
        self.missed = None
        self.put = self._ready
        self._resume_reading()
        self._outlet.write(frames)  # last: it may congest the outlet again

    def close(self, code: int, reason: str) -> None:
        """End the connection; see ``Outlet.close``."""
        self.lost()
        self._outlet.close(code, reason)

    def lost(self) -> None:
        """The connection is gone or going: whoever waits for it need not."""
        self.put = self._ready = None
        self._catch_up = _nothing
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._uncongested is not None:
            self._uncongested.set()
            self._uncongested = None
