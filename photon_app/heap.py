"""Returns free memory to the operating system.

Bars are stored in blocks of some 22 KB (``market.ring``). When many symbols are dropped, their
blocks are free, but glibc keeps them: it returns only memory at the end of its heap, and a block
there may still be in use. After 2,000 symbols' one-second bars, 100 MiB stay with the process.
``malloc_trim`` returns every free page, in some 15 ms for that much; so it is called rarely, in a
thread, and only after many symbols were dropped. On systems without glibc nothing is done.

On the event loop: called once a second, and for each symbol that is dropped.
"""

import asyncio
import contextlib
import ctypes
import functools
from collections.abc import Callable

from photon_app.clock import SYSTEM, Time

LEAST = 100
"""How many dropped symbols are worth a trim."""
EVERY_S = 15.0


class Heap:
    """Decides when to return memory.

    Args:
        time: of this process.
        give_back: starts to return memory, without waiting for it.
    """

    def __init__(self, time: Time = SYSTEM, give_back: Callable[[], object] | None = None) -> None:
        self._now_s = time.monotonic
        self._give_back = give_back or _in_thread
        self._dropped = 0
        self._at_s = time.monotonic()

    def dropped(self) -> None:
        """A symbol was dropped: its memory is free, or will be soon."""
        self._dropped += 1

    def tick(self) -> None:
        """Return free memory, if there may be much of it and this was not done recently."""
        if self._dropped < LEAST or self._now_s() < self._at_s + EVERY_S:
            return
        self._dropped, self._at_s = 0, self._now_s()
        self._give_back()


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    with contextlib.suppress(OSError, AttributeError, TypeError):
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return found
    return None


def trim() -> None:
    """Return every free page; takes milliseconds, and blocks only threads that allocate."""
    found = _malloc_trim()
    if found is not None:
        found(0)


def _in_thread() -> None:
    asyncio.get_running_loop().run_in_executor(None, trim)
