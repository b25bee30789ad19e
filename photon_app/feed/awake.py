"""Time that goes on while the machine sleeps.

``Awake`` is a ``Time`` over another one. A system's monotonic clock stands still in sleep, so that
a night of silence would count as none; the wall clock does not. Where the wall clock has moved by
``LEAP_S`` more than the monotonic one between two looks, the machine slept, or its clock was set:
the two cannot be told apart, and a clock set forward is taken for a sleep. A clock set back is no
time that passed. Used by whoever measures silence or age: the line to Finnhub, its REST calls, the
terminal. Owns two readings; not for threads.
"""

from photon_app.clock import SYSTEM, Time

LEAP_S = 15.0
"""What a clock's daemon corrects at once is less, and so is what a line outlives in sleep."""
READ_GAP_S = 1.0
"""Two looks so far apart are not of one moment."""
SLICE_S = 2.0
"""A sleeper looks at the clocks at least so often, by the monotonic one."""


class Awake:
    """A time whose ``monotonic`` counts sleep, and whose ``sleep`` ends with it.

    Args:
        time: the clocks, by default the system's.
    """

    def __init__(self, time: Time = SYSTEM) -> None:
        self._time = time
        self._seen_s, self._seen_ms = self._read()
        self.slept_s = 0.0
        """How long the machine slept so far, or its clock was set forward."""
        self.set_back_ms = 0
        """How far the wall clock was set back so far."""

    @classmethod
    def over(cls, time: Time) -> "Awake":
        """This time if it counts sleep already, else one over it."""
        return time if isinstance(time, cls) else cls(time)

    def now_ms(self) -> int:
        """The wall clock, UNIX milliseconds."""
        return self._time.now_ms()

    def monotonic(self) -> float:
        """Seconds since some moment, those of sleep included; never steps back."""
        now_s, now_ms = self._read()
        leap_s = (now_ms - self._seen_ms) / 1000 - (now_s - self._seen_s)
        self._seen_s, self._seen_ms = now_s, now_ms
        if leap_s >= LEAP_S:
            self.slept_s += leap_s
        elif leap_s <= -LEAP_S:
            self.set_back_ms += round(-leap_s * 1000)
        return now_s + self.slept_s

    def _read(self) -> tuple[float, int]:
        """Both clocks at one moment: again where the process was held up between the two."""
        now_s, now_ms = self._time.monotonic(), self._time.now_ms()
        for _ in range(3):
            before_s, now_s = now_s, self._time.monotonic()
            if now_s - before_s < READ_GAP_S:
                break
            now_ms = self._time.now_ms()
        return now_s, now_ms

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or soon after the machine woke when that is later."""
        if seconds <= SLICE_S:
            await self._time.sleep(seconds)
            return
        until_s = self.monotonic() + seconds
        while (left_s := until_s - self.monotonic()) > 0:
            await self._time.sleep(min(left_s, SLICE_S))
