"""Whoever has the bars in memory, and how the writer's thread reaches it.

``Owner`` is what a store tells; ``OwnerOnLoop`` is the same for the writer's thread: each call is
passed on to the event loop. ``resume`` waits there until it was taken, so that nothing is written
before; it never holds up the loop.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from photon_app.model import Bar
from photon_app.storage.faults import UnusableError
from photon_app.storage.pending import Pending

Stored = Mapping[str, Sequence[Bar]]
_log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whoever puts bars into a store."""

    def resume(self, stored: Stored) -> None:
        """The database was opened for the first time: the newest stored bars, by symbol. Nothing is
        written before this returns.
        """
        ...

    def restore(self) -> None:
        """A new database has taken the place of the old one: what memory has may be put again."""
        ...


class OwnerOnLoop:
    """An owner that is called from the writer's thread.

    Args:
        pending: what waits; it learns what was stored right before the owner does.
    """

    def __init__(self, pending: Pending) -> None:
        self._pending = pending
        self._owner: Owner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.opened = asyncio.Event()
        """Set once the owner has what was stored."""

    def bind(self, owner: Owner) -> None:
        """Say whose calls these are. On the event loop, before the thread starts."""
        self._owner, self._loop = owner, asyncio.get_running_loop()

    def resume(self, stored: Stored) -> None:
        """Give the owner what was stored, and wait until it was taken.

        Raises:
            UnusableError: the event loop is closed.
        """
        taken = threading.Event()

        def take() -> None:
            assert self._owner is not None
            mine = {} if self._pending.replacing else stored
            self._pending.resume(mine)
            try:
                self._owner.resume(mine)
            except Exception:  # noqa: BLE001 - what is put from now on is written all the same
                _log.exception("what was stored could not be gone on with")
            self.opened.set()
            taken.set()

        self.call(take)
        while not taken.wait(1.0):
            if self._loop is None or self._loop.is_closed():
                raise UnusableError("gone", "the process is ending")

    def restore(self) -> None:
        """Tell the owner; returns at once."""
        assert self._owner is not None
        self.call(self._owner.restore)

    def call(self, what: Callable[[], object]) -> None:
        """Call something on the event loop, if there still is one."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            _log.debug("the event loop is closed")
