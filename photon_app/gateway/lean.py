"""Smaller versions of ``asyncio.Event`` and ``asyncio.Queue``; every socket needs one of each.

An empty deque takes some 700 bytes, and asyncio's two classes have five of them: 37 MB for ten
thousand idle clients.

On the event loop only, as their models. ``Mailbox`` is bounded by those who fill it: a socket is
not read while a message waits (``gateway.wire``).
"""

import asyncio
from typing import Generic, TypeVar

ItemType = TypeVar("ItemType")


class Gate:
    """An ``asyncio.Event`` that is set at first."""

    __slots__ = ("_shut",)

    def __init__(self) -> None:
        self._shut: asyncio.Event | None = None

    def is_set(self) -> bool:
        """Whether ``wait`` returns at once."""
        return self._shut is None

    def set(self) -> None:
        """Wake all waiters."""
        if self._shut is not None:
            self._shut.set()
            self._shut = None

    def clear(self) -> None:
        """Make further waiters wait."""
        if self._shut is None:
            self._shut = asyncio.Event()

    async def wait(self) -> bool:
        """Return when it is set."""
        if self._shut is not None:
            await self._shut.wait()
        return True


class Mailbox(Generic[ItemType]):
    """An ``asyncio.Queue`` without a bound of its own."""

    __slots__ = ("_items", "_readers")

    def __init__(self) -> None:
        self._items: list[ItemType] = []
        self._readers: list[asyncio.Future[None]] = []

    def empty(self) -> bool:
        """Whether it has no item."""
        return not self._items

    def qsize(self) -> int:
        """How many items it has."""
        return len(self._items)

    def put_nowait(self, item: ItemType) -> None:
        """Append an item."""
        self._items.append(item)
        self._wake()

    async def get(self) -> ItemType:
        """Remove and return the first item, when there is one; readers are served in order."""
        while not self._items:
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except asyncio.CancelledError:
                if reader.done() and not reader.cancelled():
                    self._wake()  # the wake-up is for the next reader
                elif reader in self._readers:
                    self._readers.remove(reader)
                raise
        return self._items.pop(0)

    def _wake(self) -> None:
        while self._readers:
            reader = self._readers.pop(0)
            if not reader.done():
                reader.set_result(None)
                return
