"""The sink of one client: it writes to the client, or remembers what a slow client missed.

A sink is between the hub, which never waits, and an outlet, which sends bytes to one client. While
the outlet is above its high-water mark the sink is *congested*: it takes no updates, and only
remembers which symbols moved and that there was a status (conflation). When the outlet has drained,
the sink asks the hub for the newest of exactly those. So its memory is bounded by the client's
subscriptions, and the newest price is never lost. A client that stays congested for too long is
closed as slow (``hub.clients``).

A client that comes back and is sent what it missed (``hub.resuming``) counts as congested until it
has all of that: it is *held*. While it is held, ``drain`` continues that instead.

Answers to the client's own requests are written even then. They are few, because a congested client
is not read.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from photon_app.hub.frames import Frames


class Outlet(Protocol):
    """How frames reach one client. All calls are synchronous and never wait.

    An outlet has a high- and a low-water mark of unsent bytes. It calls the sink's ``congest`` when
    it rises above the first, ``drain`` when it falls below the second, and ``lost`` before it stops
    accepting writes. One with a ``put`` calls ``queue`` when it has the first unsent byte, and
    ``drain`` only when it has none.
    """

    @property
    def put(self) -> Callable[[bytes], int] | None:
        """A direct write of joined frames, for while the sink is neither queueing, congested nor
        lost; ``None`` when this outlet has none. Returns how many bytes were taken. The rest, all
        in case of an ``OSError``, must go to ``put_rest`` at once.
        """
        ...

    def put_rest(self, data: bytes) -> None:
        """Queue what ``put`` did not take."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """What was written and is not sent yet; compared with the marks."""
        ...

    def write(self, frames: Frames) -> None:
        """Queue frames, in order."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send the close frame after what is queued, and free the connection soon even if the peer
        never reads it. Further writes are dropped.
        """
        ...


class AwakeClock(Protocol):
    """A clock that leaves out the stalls of this process: the part of ``Stalls`` used here."""

    def awake_s(self) -> float:
        """Monotonic seconds, stalls not counted."""
        ...


class Missed:
    """What to send to a congested client once it has drained; bounded by its subscriptions."""

    __slots__ = ("more", "rejected", "since_s", "status", "symbols")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        """When it became congested, or drained last while it was held, on the sink's clock."""
        self.more: Callable[[], None] | None = None
        """While the client is held: called when it has drained."""
        self.symbols: set[str] = set()
        """The symbols whose updates it missed."""
        self.status = False
        """Whether it missed a status."""
        self.rejected: set[str] = set()
        """Those of its symbols that upstream refused meanwhile."""


def _nothing() -> Frames:
    return Frames(())


class Sink:
    """The hub's view of one client."""

    __slots__ = (
        "_catch_up",
        "_clock",
        "_outlet",
        "_queueing",
        "_ready",
        "_uncongested",
        "full",
        "missed",
        "put",
    )

    def __init__(self, outlet: Outlet, clock: AwakeClock) -> None:
        self._outlet = outlet
        self._clock = clock
        self._catch_up: Callable[[], Frames] = _nothing
        self._uncongested: asyncio.Event | None = None  # made when a task waits: 256 bytes
        self._ready = outlet.put
        self.put = self._ready
        """See ``Outlet``; ``None`` when callers must use ``offer``."""
        self._queueing = False
        self.full = False
        """Whether the outlet is above its marks."""
        self.missed: Missed | None = None
        """What was not written since the client is congested; ``None`` while it keeps up."""

    def catch_up_with(self, make: Callable[[], Frames]) -> None:
        """Set the function that makes the frames for what a client missed. It is called when the
        client has drained, while ``missed`` is still set.
        """
        self._catch_up = make

    @property
    def congested(self) -> bool:
        """Whether updates are being conflated instead of written."""
        return self.missed is not None

    @property
    def unsent_bytes(self) -> int:
        """What was written to the client, and is still here."""
        return self._outlet.unsent_bytes

    def congested_for_s(self) -> float:
        """Seconds since the client became congested; 0 when it is not."""
        return 0.0 if self.missed is None else self._clock.awake_s() - self.missed.since_s

    async def uncongested(self) -> float:
        """Wait until the client is not congested; its own reader pauses here. Returns how long it
        waited, in seconds.
        """
        if self.missed is None:
            return 0.0
        began_s = self._clock.awake_s()
        if self._uncongested is None:
            self._uncongested = asyncio.Event()
        await self._uncongested.wait()
        return self._clock.awake_s() - began_s

    def send(self, frames: Frames) -> None:
        """Write answers and snapshots that the client asked for, congested or not."""
        self._outlet.write(frames)

    def offer(self, frames: Frames, symbols: set[str]) -> None:
        """Write updates of these symbols, or remember that they were missed."""
        if self.missed is None:
            self._outlet.write(frames)
        else:
            self.missed.symbols |= symbols

    def write_now(self, joined: bytes) -> None:
        """Write joined frames by ``put``, which there must be."""
        assert self.put is not None, "neither queueing, congested nor lost"
        try:
            sent = self.put(joined)
        except OSError:  # none was taken, or the connection is lost: the outlet finds out which
            sent = 0
        if sent != len(joined):
            self.put_rest(joined[sent:])

    def put_rest(self, data: bytes) -> None:
        """Write what ``put`` did not take."""
        self._outlet.put_rest(data)

    def send_status(self, frames: Frames) -> None:
        """Write a status, or remember that one was missed."""
        if self.missed is None:
            self._outlet.write(frames)
        else:
            self.missed.status = True

    def forget(self, symbol: str) -> None:
        """Note that the client has this symbol's newest price, or no longer wants it."""
        if self.missed is not None:
            self.missed.symbols.discard(symbol)

    def queue(self) -> None:
        """The outlet has unsent bytes: writes go behind them."""
        self._queueing = True
        self.put = None

    def congest(self) -> None:
        """The outlet rose above its high-water mark."""
        self.full = True
        self._begin_missing()

    def hold(self, more: Callable[[], None]) -> Missed:
        """Treat the client as congested until ``release``. Returns what it misses.

        Args:
            more: called each time when the outlet has drained.
        """
        missed = self._begin_missing()
        missed.more = more
        return missed

    def release(self) -> None:
        """Treat the client as any other again."""
        if self.missed is not None:
            self.missed.more = None
            if not self.full:
                self._continue()

    def drain(self) -> None:
        """The outlet has sent all, or what is left is below its low-water mark."""
        self.full = self._queueing = False
        self._continue()

    def close(self, code: int, reason: str) -> None:
        """End the connection; see ``Outlet.close``."""
        self.lost()
        self._outlet.close(code, reason)

    def lost(self) -> None:
        """The connection is closed or closing: tasks that wait for it continue."""
        self.put = self._ready = None
        self._catch_up = _nothing
        self._resume_reading()

    def _continue(self) -> None:
        """Write what was missed, if the client is not held, and allow direct writes."""
        if self.missed is None:
            self._allow_put()
            return
        if self.missed.more is not None:
            self.missed.since_s = self._clock.awake_s()
            self.missed.more()
            return
        frames = self._catch_up()
        self.missed = None
        self._allow_put()
        self._resume_reading()
        self._outlet.write(frames)  # last: it may congest the outlet again

    def _allow_put(self) -> None:
        self.put = None if self._queueing else self._ready

    def _begin_missing(self) -> Missed:
        if self.missed is None:
            self.missed = Missed(self._clock.awake_s())
            self.put = None
        return self.missed

    def _resume_reading(self) -> None:
        if self._uncongested is not None:
            self._uncongested.set()
            self._uncongested = None
