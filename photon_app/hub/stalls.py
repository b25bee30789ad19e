"""How long this process was stalled, so that clients are not closed or refused because of it.

A laptop sleeps, a process is stopped, the event loop is blocked. Afterwards, everything that
clients sent meanwhile is in the kernel's buffers and is read at once, answers to pings are still
unread, and deadlines have passed that no client could have met. ``Stalls`` measures this in one
place. A task calls ``beat`` four times a second, and code that is about to refuse, close or give up
asks here whether a beat is missing. It does not wait for the next beat, because after a stall
sockets are read before any timer runs.

On the event loop only. Four numbers. This module does not decide what is forgiven: budgets
(``gateway.limits``), keepalive (``gateway.wire``) and the time limit of slow clients (``hub.sink``)
do.
"""

from photon_app.clock import Time

BEAT_S = 0.25
STALL_S = 1.0
"""A beat that is later than this is a stall; every budget has a burst of two seconds."""
MOST_S = 300.0
"""The most that is forgiven to one client: no client waits longer for a silent server."""
FRESH_S = 60.0
"""How long after a stall it is forgiven: by then, everything sent during it has been read."""


class Stalls:
    """The stalls of one process.

    Args:
        time: clocks that include the machine's sleep (``feed.awake``).
    """

    def __init__(self, time: Time) -> None:
        self._now_s = time.monotonic
        self._beat_s = time.monotonic()
        self._total_s = 0.0
        self._ended_s = self._beat_s
        self._awake_s = self._beat_s

    def beat(self) -> None:
        """Note that the event loop runs; to be called every ``BEAT_S``."""
        self._measure()
        self._beat_s = self._now_s()

    @property
    def total_s(self) -> float:
        """Seconds of all stalls so far: a mark for ``fresh_s``."""
        self._measure()
        return self._total_s

    def fresh_s(self, mark_s: float) -> float:
        """How much of the stalls since a mark may be forgiven now, in seconds."""
        self._measure()
        if self._now_s() - self._ended_s > FRESH_S:
            return 0.0
        return min(self._total_s - mark_s, MOST_S)

    def awake_s(self) -> float:
        """Seconds since some moment, stalls not counted; never goes back."""
        self._measure()
        self._awake_s = max(self._awake_s, self._now_s() - self._total_s)
        return self._awake_s

    def _measure(self) -> None:
        now_s = self._now_s()
        late_s = now_s - self._beat_s - BEAT_S
        if late_s >= STALL_S:
            self._total_s += late_s
            self._beat_s = self._ended_s = now_s
