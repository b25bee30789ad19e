"""Admission of WebSockets: limits in total, per kind and address, and on the rate of handshakes.

One for each process, for every path that keeps a socket open; called on the event loop only. ASGI
servers do not count upgrades, so they are counted here. A socket occupies a place from its
handshake to its end. A tab of the page has sockets of two kinds, so the limit of an address applies
to each kind. Memory: one entry for each address and kind with an open socket, plus the bounds of
``limits.FairBucket``.

Refusals are counted by reason, and logged at most once in ten seconds, since a refused client can
retry as fast as it likes.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal
from weakref import WeakValueDictionary

import msgspec

from photon_app.clock import SYSTEM, WORK, Time, WorkClock
from photon_app.gateway.limits import ClientBucket, FairBucket
from photon_app.gateway.loop_budget import LoopBudget
from photon_app.gateway.throttle import MAX_WAIT_S, HandshakeQueue
from photon_app.gateway.time_shares import TimeShares
from photon_app.hub.stalls import Stalls
from photon_app.settings import Settings

Reason = Literal["full", "per_ip", "rate"]
Kind = Literal["ws", "finnhub", "page"]
"""The path of a socket: ``/ws``, ``/finnhub``, or the events of the page."""
PLACE_RETRY_S, RATE_RETRY_S = 5, 1
"""When to try again: when a place will be free is unknown; a token is there within a second."""
WARN_EVERY_S = 10.0
FRAMES_PER_S, FRAMES_BURST = 500, 1_000
"""Control frames and fragments of all sockets of an address, beyond the allowance of each quiet
client (``gateway.wire``).
"""

_log = logging.getLogger(__name__)


class Refusal(msgspec.Struct, frozen=True):
    """Why a socket gets no place, as sent to the client."""

    reason: Reason
    status: int
    sentence: str
    retry_after_s: int
    """The value of ``Retry-After``."""


class Frames(ClientBucket):
    """The bucket of control frames of one address; exists while a socket refers to it."""

    __slots__ = ("__weakref__",)


class Admission:
    """The open sockets of one process, and whether another may be opened.

    Args:
        max_connections: open sockets in total.
        max_per_address: open sockets of one kind and address.
        handshakes_per_s: sockets opened per second; also the burst. ``None``: as many as the load
            allows (``gateway.throttle``).
        time: of this process.
        work: of the event loop so far.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        max_per_address: int,
        handshakes_per_s: int | None,
        time: Time = SYSTEM,
        work: WorkClock = WORK,
    ) -> None:
        self.open: dict[Kind, int] = {"ws": 0, "finnhub": 0, "page": 0}
        """How many sockets of each kind are open."""
        self.refused: dict[Reason, int] = {"full": 0, "per_ip": 0, "rate": 0}
        self._frames: WeakValueDictionary[str | None, Frames] = WeakValueDictionary()
        self.page_refused: Counter[str] = Counter()
        """What was refused on the page's sockets, by reason (``gateway.page_socket``)."""
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._handshakes_per_s = handshakes_per_s
        self._handshakes = (
            None if handshakes_per_s is None else FairBucket(handshakes_per_s, time.monotonic())
        )
        self._queue = HandshakeQueue(time, work)
        self._first_answers: LoopBudget | None = None
        self.time_shares = TimeShares(time)
        """How much time the messages of each address may take."""
        self._by_address: dict[tuple[Kind, str], int] = {}
        self._now_s = time.monotonic
        self._reported = dict(self.refused)
        self._report_at_s = time.monotonic()

    @classmethod
    def of(cls, settings: Settings, time: Time = SYSTEM, work: WorkClock = WORK) -> "Admission":
        """Admission with the limits of these settings."""
        return cls(
            max_connections=settings.max_connections,
            max_per_address=settings.max_per_ip,
            handshakes_per_s=settings.handshakes_per_s,
            time=time,
            work=work,
        )

    def __len__(self) -> int:
        """How many sockets have a place, of any kind."""
        return sum(self.open.values())

    @contextlib.contextmanager
    def place(self, address: str | None, *, kind: Kind = "ws") -> Iterator[Refusal | None]:
        """Occupy a place for the duration of the block, or yield why there is none.

        Args:
            address: key of the client's address (``gateway.address``); without one only the total
                limits apply.
            kind: the path of the socket.
        """
        refusal = self._refusal(address, kind)
        if refusal is not None:
            self._count(refusal, address)
            yield refusal
            return
        self._enter(address, kind)
        try:
            yield None
        finally:
            self._leave(address, kind)

    async def turn(
        self, address: str | None, gone: Callable[[], bool] = lambda: False
    ) -> Refusal | None:
        """Wait until a socket that has a place may be opened; returns why not, if it may not. With
        a constant rate this returns at once, since ``place`` has checked the rate.

        Args:
            address: key of the client's address.
            gone: returns whether the client has hung up meanwhile.
        """
        if self._handshakes is not None or await self._queue.turn(address, gone):
            return None
        sentence = (
            "too many connections are being opened at once, more than this server has time for "
            f"within {MAX_WAIT_S:g} s: try again in a moment"
        )
        refusal = Refusal("rate", 429, sentence, RATE_RETRY_S)
        self._count(refusal, address)
        return refusal

    async def first_answer(self, address: str | None) -> None:
        """Wait until the first message of a new socket may be handled: a few in one iteration of
        the event loop, in rotation by address, since thousands may send theirs at once.
        """
        if self._first_answers is None:
            self._first_answers = LoopBudget(asyncio.get_running_loop().call_soon)
        await self._first_answers.piece(address)

    def frames(self, address: str | None, stalls: Stalls | None = None) -> Frames:
        """The bucket of an address' control frames and fragments, which its sockets share.

        Args:
            address: key of the address.
            stalls: for how long this process stalled.
        """
        frames = self._frames.get(address)
        if frames is None:
            frames = Frames(FRAMES_PER_S, FRAMES_BURST, self._now_s(), stalls)
            self._frames[address] = frames
        return frames

    def _refusal(self, address: str | None, kind: Kind) -> Refusal | None:
        """The rate comes last: a client that is refused for another reason must not use a token."""
        if len(self) >= self._max_connections:
            sentence = (
                "this server has as many connections open as it may "
                f"({self._max_connections}): try again later, or raise PHOTON_MAX_CONNECTIONS"
            )
            return Refusal("full", 503, sentence, PLACE_RETRY_S)
        if (
            address is not None
            and self._by_address.get((kind, address), 0) >= self._max_per_address
        ):
            sentence = (
                "your address has as many connections open as it may "
                f"({self._max_per_address}): close some first, or raise PHOTON_MAX_PER_IP"
            )
            return Refusal("per_ip", 429, sentence, PLACE_RETRY_S)
        if self._handshakes is not None and not self._handshakes.take(address, self._now_s()):
            sentence = (
                "too many connections are being opened at once, of at most "
                f"{self._handshakes_per_s} a second: try again in a moment, or raise "
                "PHOTON_HANDSHAKES_PER_S"
            )
            return Refusal("rate", 429, sentence, RATE_RETRY_S)
        return None

    def _enter(self, address: str | None, kind: Kind) -> None:
        self.open[kind] += 1
        self.time_shares.enter(address)
        if address is not None:
            key = kind, address
            self._by_address[key] = self._by_address.get(key, 0) + 1

    def _leave(self, address: str | None, kind: Kind) -> None:
        self.open[kind] -= 1
        self.time_shares.leave(address)
        if address is not None:
            left = self._by_address[kind, address] - 1
            if left:
                self._by_address[kind, address] = left
            else:
                del self._by_address[kind, address]

    def _count(self, refusal: Refusal, address: str | None) -> None:
        self.refused[refusal.reason] += 1
        now = self._now_s()
        if now < self._report_at_s:
            return
        self._report_at_s = now + WARN_EVERY_S
        since = {reason: n - self._reported[reason] for reason, n in self.refused.items()}
        self._reported = dict(self.refused)
        _log.warning(
            "connections refused since the last such line: %d (%s); the last one, from %s: %s",
            sum(since.values()),
            ", ".join(f"{reason} {n}" for reason, n in since.items()),
            address or "no address",
            refusal.sentence,
        )
