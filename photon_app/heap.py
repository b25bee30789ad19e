"""Memory that is free, given back to the system.

Bars live in blocks of some 22 KB (``market.ring``). When a crowd of symbols is let go their blocks
are free, but glibc keeps them: it gives back only what is at the end of its heap, and a block that
still is in use stands there. Of 2,000 symbols' seconds 100 MiB stay with the process so.
``malloc_trim`` gives back every free page, in some 15 ms for that much; so it is called seldom, in
a thread, and only after much was let go. Elsewhere than on glibc nothing is done.

Called on the event loop once a second, and told of each symbol that is let go.
"""

import asyncio
import contextlib
import ctypes
import functools
from collections.abc import Callable

from photon_app.clock import SYSTEM, Time

LEAST = 100
"""So many symbols let go are worth it."""
EVERY_S = 15.0


class Heap:
    """When to give memory back.

    Args:
        time: of this process.
        give_back: begins to, and returns.
    """

    def __init__(self, time: Time = SYSTEM, give_back: Callable[[], object] | None = None) -> None:
        self._now_s = time.monotonic
        self._give_back = give_back or _in_thread
        self._let_go = 0
        self._at_s = time.monotonic()

    def let_go(self) -> None:
        """What a symbol took is free, or will be soon."""
        self._let_go += 1

    def tick(self) -> None:
        """Give back what is free, if that may be much and was not done lately."""
        if self._let_go < LEAST or self._now_s() < self._at_s + EVERY_S:
            return
        self._let_go, self._at_s = 0, self._now_s()
        self._give_back()


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    with contextlib.suppress(OSError, AttributeError, TypeError):
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return found
    return None


def trim() -> None:
    """Give back every free page; takes milliseconds, and holds up only who allocates meanwhile."""
    found = _malloc_trim()
    if found is not None:
        found(0)


def _in_thread() -> None:
    asyncio.get_running_loop().run_in_executor(None, trim)
