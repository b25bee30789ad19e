"""A clock that counts the time while the machine sleeps.

``Awake`` is a ``Time`` that wraps another one. A system's monotonic clock stops during sleep, so a
night of silence would count as none; the wall clock does not stop. When the wall clock has moved by
``LEAP_S`` more than the monotonic one between two readings, the machine slept or its clock was set.
The two cannot be told apart, so a clock set forward counts as sleep. A clock set back adds no time.
Used where silence or age is measured: the connection to Finnhub, its REST calls, the terminal. Owns
two readings; not for use by several threads.
"""

from photon_app.clock import SYSTEM, Time

LEAP_S = 15.0
"""Larger than any correction that a clock daemon makes in one step, and longer than any sleep that
a connection survives."""
READ_GAP_S = 1.0
"""Two readings this far apart do not belong to one moment."""
SLICE_S = 2.0
"""Longest time on the monotonic clock between two readings of the clocks by a sleeper."""


class Awake:
    """A ``Time`` whose ``monotonic`` counts sleep of the machine, and whose ``sleep`` ends with it.

    Args:
        time: the clocks; the system's by default.
    """

    def __init__(self, time: Time = SYSTEM) -> None:
        self._time = time
        self._seen_s, self._seen_ms = self._read()
        self.slept_s = 0.0
        """How long the machine has slept so far, or by how much its clock was set forward."""
        self.set_back_ms = 0
        """By how much the wall clock was set back so far."""

    @classmethod
    def over(cls, time: Time) -> "Awake":
        """This time if it already counts sleep, else an ``Awake`` that wraps it."""
        return time if isinstance(time, cls) else cls(time)

    def now_ms(self) -> int:
        """The wall clock, UNIX milliseconds."""
        return self._time.now_ms()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment, sleep included; never decreases."""
        now_s, now_ms = self._read()
        leap_s = (now_ms - self._seen_ms) / 1000 - (now_s - self._seen_s)
        self._seen_s, self._seen_ms = now_s, now_ms
        if leap_s >= LEAP_S:
            self.slept_s += leap_s
        elif leap_s <= -LEAP_S:
            self.set_back_ms += round(-leap_s * 1000)
        return now_s + self.slept_s

    def _read(self) -> tuple[float, int]:
        """Both clocks at one moment; read again when the process was delayed between the two."""
        now_s, now_ms = self._time.monotonic(), self._time.now_ms()
        for _ in range(3):
            before_s, now_s = now_s, self._time.monotonic()
            if now_s - before_s < READ_GAP_S:
                break
            now_ms = self._time.now_ms()
        return now_s, now_ms

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds, or soon after the machine wakes if that is later."""
        if seconds <= SLICE_S:
            await self._time.sleep(seconds)
            return
        until_s = self.monotonic() + seconds
        while (left_s := until_s - self.monotonic()) > 0:
            await self._time.sleep(min(left_s, SLICE_S))
