"""Schedules full garbage collections, which visit every object and block the process meanwhile.

Python frees nearly everything by reference counting. Reference cycles (a connection, its task and
an exception of both) are found by the collector: among young objects often and quickly, among all
objects in a full collection. By default, Python makes full collections while a crowd of clients
connects, when they help least and take longest: some 0.3 µs per object, 10–30 ms with a thousand
connections. Here they run once in ``EVERY_S`` seconds, or less often where they take longer than
``SHARE`` of that, and sooner only if memory has grown by ``GROWN_BYTES``, so that garbage is
bounded. Memory that open sockets explain does not count: else a
crowd that connects would cause one collection after another, each longer than the one before.
"""

import gc
import os
from collections.abc import Sized
from pathlib import Path

from photon_app.clock import SYSTEM, Time

LOOK_S = 1.0
EVERY_S = 60.0
SHARE = 0.001
"""The part of the time that may be spent on them while memory does not grow: half a second with ten
thousand clients, so every eight minutes."""
GROWN_BYTES = 64 * 2**20
YOUNGEST = 200
"""New objects until a collection of the youngest generation."""
YOUNG = 1
"""Collections of the youngest generation until one of the second, which visits 600 objects then.
With Python's defaults of 700 and 10 it visits 8,000, each of which takes 1.5 µs while a crowd
connects and caches are cold."""
SOCKET_BYTES = 20 * 2**10
"""Memory of one open socket (``docs/fan-out.md``), also while its handshake waits."""
NEVER = 2**30
"""Collections of the second generation until a full one: with some 600 objects each, never."""
_PYTHONS = gc.get_threshold()
_STATM = Path("/proc/self/statm")


class Garbage:
    """Makes full collections instead of Python.

    Args:
        time: of this process.
        sockets: all that are open, and those whose handshake waits.
    """

    def __init__(self, time: Time = SYSTEM, sockets: Sized = ()) -> None:
        self._time = time
        self._sockets = sockets
        self._at_s = time.monotonic()
        self._pause_s = EVERY_S
        self._bytes = self._unexplained()
        """The lowest memory use of the process, without sockets, since the last full collection."""

    async def run(self) -> None:
        """Disable Python's full collections and make them here, until cancelled."""
        gc.set_threshold(YOUNGEST, YOUNG, NEVER)
        try:
            while True:
                await self._time.sleep(LOOK_S)
                self.tick()
        finally:
            gc.set_threshold(*_PYTHONS)

    def tick(self) -> None:
        """Collect, if it is time."""
        now_s, unexplained = self._time.monotonic(), self._unexplained()
        self._bytes = min(self._bytes, unexplained)
        if now_s >= self._at_s + self._pause_s or unexplained >= self._bytes + GROWN_BYTES:
            gc.collect()
            self._pause_s = max(EVERY_S, (self._time.monotonic() - now_s) / SHARE)
            self._at_s, self._bytes = now_s, self._unexplained()

    def _unexplained(self) -> int:
        return resident_bytes() - SOCKET_BYTES * len(self._sockets)


def resident_bytes() -> int:
    """The resident memory of this process; 0 if the system does not report it."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
