"""The owner of the bars in memory, and how the writer's thread calls it.

A store calls its ``Owner``. ``OwnerOnLoop`` is the same interface for the writer's thread, and
passes each call on to the event loop. Its ``resume`` makes the writer's thread wait until the owner
has taken the bars, so that nothing is written before; the event loop never waits.
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
    """The object that puts bars into a store."""

    def resume(self, stored: Stored) -> None:
        """The database was opened for the first time: take the newest stored bars, by symbol.
        Nothing is written before this returns.
        """
        ...

    def restore(self) -> None:
        """A new database has replaced the old one: bars in memory may be put again."""
        ...


class OwnerOnLoop:
    """An owner that is called from the writer's thread.

    Args:
        pending: the bars that wait; it gets what was stored right before the owner does.
    """

    def __init__(self, pending: Pending) -> None:
        self._pending = pending
        self._owner: Owner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.opened = asyncio.Event()
        """Set once the owner has taken what was stored."""

    def bind(self, owner: Owner) -> None:
        """Set the owner. To be called on the event loop, before the thread starts."""
        self._owner, self._loop = owner, asyncio.get_running_loop()

    def resume(self, stored: Stored) -> None:
        """Give the owner what was stored, and wait until it has taken it.

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
            except Exception:  # noqa: BLE001 - bars put from now on are written all the same
                _log.exception("stored minutes could not be continued")
            self.opened.set()
            taken.set()

        self.call(take)
        while not taken.wait(1.0):
            if self._loop is None or self._loop.is_closed():
                raise UnusableError("gone", "the process is ending")

    def restore(self) -> None:
        """Notify the owner; returns at once."""
        assert self._owner is not None
        self.call(self._owner.restore)

    def call(self, what: Callable[[], object]) -> None:
        """Call a function on the event loop, if it is still open."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            _log.debug("the event loop is closed")
