"""The states of tabs that are gone, and how long they are kept: a moment, and few of them.

Reflex keeps a tab's state an hour after its last event, and whoever likes can be a new tab as often
as it likes. A state holds nothing that cannot be had again (``ui/hydration.py``: an empty one is
filled from the browser before anything is decided), so one whose tab is gone is only kept for a
tab that comes back at once: ``GONE_S``, and of at most ``MOST_GONE`` tabs; the longest gone goes
first. A state that is in use is left until it is not. On the event loop only.
"""

# ruff: noqa: SLF001
# Reflex forgets states by time alone; what it forgets them with has no public name.

import asyncio
from collections.abc import Callable, Container
from typing import Final

from reflex.istate.manager.memory import StateManagerMemory

from photon_app.clock import SYSTEM, Time

GONE_S: Final = 60.0
MOST_GONE: Final = 100
SWEEP_S: Final = 1.0


class Visitors:
    """Forgets the states of tabs that are gone.

    Args:
        manager: what holds the states.
        connected: the tokens of tabs with a socket.
        time: of this process.
    """

    def __init__(
        self,
        manager: StateManagerMemory,
        connected: Callable[[], Container[str]],
        time: Time = SYSTEM,
    ) -> None:
        self._manager = manager
        self._connected = connected
        self._now_s = time.monotonic
        self._gone_s: dict[str, float] = {}
        """When a tab was first found gone; the longest gone first."""
        self._timer: asyncio.TimerHandle | None = None

    def left(self) -> None:
        """A tab's socket ended: look soon, and again while there is anything to forget."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._turn)

    def _turn(self) -> None:
        self._timer = None
        if self.sweep():
            self.left()

    def sweep(self) -> int:
        """Forget what may be forgotten; returns how many states of gone tabs are left."""
        now, connected = self._now_s(), self._connected()
        gone = {key: now for key in self._manager.states if key not in connected}
        before = {key: then for key, then in self._gone_s.items() if key in gone}
        self._gone_s = before | {key: now for key in gone if key not in before}
        for place, (key, then) in enumerate(list(self._gone_s.items())):
            if now - then >= GONE_S or len(gone) - place > MOST_GONE:
                self._forget(key)
        return len(self._gone_s)

    def _forget(self, key: str) -> None:
        _, token = self._manager._token_expires_at.get(key, (0.0, None))
        if token is None:  # of no tab
            return
        lock = self._manager._states_locks.get(token.lock_key)
        if lock is None or not lock.locked():
            self._manager._purge_token(token)
            del self._gone_s[key]
