"""Full garbage collections, which are rare: each looks at every object, and all wait meanwhile.

Python frees nearly everything by its count of references. What refers to itself in a circle (a
connection, its task and an exception of both) is found by the collector: of young objects often and
at once, of all objects in a full collection. Left to itself, Python makes full collections while a
crowd arrives, when they help least and take longest: some 0.3 µs an object, 10–30 ms with a
thousand connections. Here they come once in ``EVERY_S`` seconds, and sooner only when memory has
grown by ``GROWN_BYTES``, so that garbage is bounded.
"""

import gc
import os
from pathlib import Path

from photon_app.clock import SYSTEM, Time

LOOK_S = 1.0
EVERY_S = 60.0
GROWN_BYTES = 64 * 2**20
YOUNG = 3
"""Collections of the youngest until one of the second generation. That looks at 2,000 objects then;
Python's own 10 make it 7,000, for which all wait 10 ms while a crowd arrives."""
NEVER = 2**30
"""Collections of the second generation until a full one: of some 2,000 objects each, never."""
_PYTHONS = gc.get_threshold()
_STATM = Path("/proc/self/statm")


class Garbage:
    """Makes full collections in Python's place.

    Args:
        time: of this process.
    """

    def __init__(self, time: Time = SYSTEM) -> None:
        self._time = time
        self._at_s = time.monotonic()
        self._bytes = resident_bytes()
        """The least that the process held since the last full collection."""

    async def run(self) -> None:
        """Keep Python from full collections, and make them, until cancelled."""
        gc.set_threshold(_PYTHONS[0], YOUNG, NEVER)
        try:
            while True:
                await self._time.sleep(LOOK_S)
                self.tick()
        finally:
            gc.set_threshold(*_PYTHONS)

    def tick(self) -> None:
        """Collect, if it is time."""
        now_s, held = self._time.monotonic(), resident_bytes()
        self._bytes = min(self._bytes, held)
        if now_s >= self._at_s + EVERY_S or held >= self._bytes + GROWN_BYTES:
            gc.collect()
            self._at_s, self._bytes = now_s, resident_bytes()


def resident_bytes() -> int:
    """The memory that this process holds; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
