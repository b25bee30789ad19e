"""Drops the states of closed tabs, which are kept only for a short time and in small number.

Reflex keeps a tab's state for an hour after its last event, and any client can open new tabs as
often as it likes. A state contains nothing that cannot be restored (``ui/hydration.py``: an empty
one is filled from the browser before any event is handled), so the state of a closed tab is kept
only for a tab that reconnects at once: for ``GONE_S``, and of at most ``MOST_GONE`` tabs; the one
that has been gone longest is dropped first. A state in use is kept until it is not. On the event
loop only.
"""

# ruff: noqa: SLF001
# Reflex drops states by time alone; its functions for dropping them are private.

import asyncio
from collections.abc import Callable, Container
from typing import Final

from reflex.istate.manager.memory import StateManagerMemory

from photon_app.clock import SYSTEM, Time

GONE_S: Final = 60.0
MOST_GONE: Final = 100
SWEEP_S: Final = 1.0


class Visitors:
    """Drops the states of tabs that are gone.

    Args:
        manager: Reflex's store of states.
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
        """A tab's socket has closed: sweep soon, and again while states of gone tabs are left."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self.sweep():
            self.left()

    def sweep(self) -> int:
        """Drop the states that are due; returns how many states of gone tabs are left."""
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
