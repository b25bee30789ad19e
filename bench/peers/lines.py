"""The tape's lines of text as a peer reads them, and the clients of each symbol."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Hashable
from typing import Generic, TypeVar

_LIMIT_BYTES = 1 << 20
_SYMBOL_AT = len('{"type":"price_update","symbol":"')

C = TypeVar("C", bound=Hashable)


async def lines() -> AsyncIterator[tuple[str, bytes]]:
    """Symbol and text of every trade, until the tape ends."""
    reader, _ = await asyncio.open_connection("127.0.0.1", int(sys.argv[-1]), limit=_LIMIT_BYTES)
    async for line in reader:
        yield line[_SYMBOL_AT : line.index(b'"', _SYMBOL_AT)].decode(), line[:-1]


class Rooms(Generic[C]):
    """The clients of every symbol."""

    def __init__(self) -> None:
        self._rooms: dict[str, set[C]] = {}
        self._symbols: dict[C, list[str]] = {}

    def join(self, client: C, text: str | bytes) -> None:
        """Add a client with the symbols of its message."""
        self._symbols[client] = symbols = json.loads(text)["symbols"]
        for symbol in symbols:
            self._rooms.setdefault(symbol, set()).add(client)

    def leave(self, client: C) -> None:
        """Remove a client."""
        for symbol in self._symbols.pop(client, ()):
            self._rooms[symbol].discard(client)

    def symbols_of(self, client: C) -> frozenset[str]:
        """The symbols that a client wants."""
        return frozenset(self._symbols[client])

    def of(self, symbol: str) -> set[C]:
        """The clients that want this symbol now."""
        return self._rooms.get(symbol, set())


def say_port(port: int) -> None:
    """Print the port that this peer listens on, for the harness."""
    print(port, flush=True)
