"""How long this process stood still, so that nobody is made to pay for it.

A laptop that sleeps, a process that is stopped, a loop that is held up: what clients sent meanwhile
waits in the kernel and is read at once, answers to pings lie unread, and timers are due that nobody
could meet. ``Stalls`` measures that in one place: something beats four times a second, and whoever
is about to refuse, close or give up asks here whether a beat is missing. It need not wait for the
next one: after a stall sockets are read before any timer runs.

On the event loop only. Four numbers. It never decides what is forgiven: budgets
(``gateway.limits``), keepalive (``gateway.wire``) and the time of slow clients (``hub.sink``) do.
"""

from photon_app.clock import Time

BEAT_S = 0.25
STALL_S = 1.0
"""A beat that is later than this is a stall; every budget holds for two seconds."""
MOST_S = 300.0
"""What is forgiven of one client at most: no client waits longer for a silent server."""
FRESH_S = 60.0
"""For how long after a stall: what was sent during it has been read by then."""


class Stalls:
    """The stalls of one process.

    Args:
        time: one of which the machine's sleep is a part (``feed.awake``).
    """

    def __init__(self, time: Time) -> None:
        self._now_s = time.monotonic
        self._beat_s = time.monotonic()
        self._total_s = 0.0
        self._ended_s = self._beat_s
        self._awake_s = self._beat_s

    def beat(self) -> None:
        """To be called every ``BEAT_S``."""
        self._look()
        self._beat_s = self._now_s()

    @property
    def total_s(self) -> float:
        """Seconds for which it stood still so far: a mark for ``fresh_s``."""
        self._look()
        return self._total_s

    def fresh_s(self, mark_s: float) -> float:
        """How much of what came behind a mark may be forgiven now, in seconds."""
        self._look()
        if self._now_s() - self._ended_s > FRESH_S:
            return 0.0
        return min(self._total_s - mark_s, MOST_S)

    def awake_s(self) -> float:
        """Seconds since some moment, without those for which it stood still; never steps back."""
        self._look()
        self._awake_s = max(self._awake_s, self._now_s() - self._total_s)
        return self._awake_s

    def _look(self) -> None:
        now_s = self._now_s()
        late_s = now_s - self._beat_s - BEAT_S
        if late_s >= STALL_S:
            self._total_s += late_s
            self._beat_s = self._ended_s = now_s
