"""The least that Python can do: ``asyncio.Protocol``, a hand-written upgrade, and one
``transport.write`` of a ready frame for each client. With ``--join`` the frames of 20 ms are joined
once for each set of symbols and written at once: an upper bound, not a server.
"""

import asyncio
import base64
import hashlib
import sys

from bench.peers.lines import Rooms, lines, say_port
from photon_app.hub.frames import frame

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_JOIN_S = 0.02
_LONG = 126


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, rooms: "Rooms[Client]") -> None:
        self._rooms = rooms
        self._upgraded = False
        self._data = b""
        self.wanted: frozenset[str] = frozenset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the upgrade, then read the one message that a client sends."""
        self._data += data
        if not self._upgraded and b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self._upgraded = True
        if self._upgraded and self._data:
            self._join(self._data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._rooms.leave(self)

    def _join(self, framed: bytes) -> None:
        head = 8 if framed[1] & 0x7F == _LONG else 6
        mask = framed[head - 4 : head]
        text = bytes(byte ^ mask[n % 4] for n, byte in enumerate(framed[head:]))
        self._rooms.join(self, text)
        self.wanted = self._rooms.symbols_of(self)
        self._data = b""


async def play(rooms: Rooms[Client]) -> None:
    """Make one write per client and trade."""
    async for symbol, text in lines():
        framed = frame(text)
        for client in rooms.of(symbol):
            client.transport.write(framed)


async def play_joined(rooms: Rooms[Client]) -> None:
    """Make one write per client and 20 ms."""
    pending: list[tuple[str, bytes]] = []

    async def flush() -> None:
        while True:
            await asyncio.sleep(_JOIN_S)
            _flush(rooms, pending)
            pending.clear()

    flushing = asyncio.create_task(flush())
    async for symbol, text in lines():
        pending.append((symbol, frame(text)))
    flushing.cancel()


def _flush(rooms: Rooms[Client], pending: list[tuple[str, bytes]]) -> None:
    joined: dict[frozenset[str], bytes] = {}
    for client in set().union(*(rooms.of(symbol) for symbol in {s for s, _ in pending})):
        data = joined.get(client.wanted)
        if data is None:
            data = b"".join(framed for symbol, framed in pending if symbol in client.wanted)
            joined[client.wanted] = data
        client.transport.write(data)


async def main() -> None:
    """Serve until the tape ends."""
    rooms: Rooms[Client] = Rooms()
    server = await asyncio.get_running_loop().create_server(
        lambda: Client(rooms), "127.0.0.1", 0, backlog=2048
    )
    say_port(server.sockets[0].getsockname()[1])
    await (play_joined if "--join" in sys.argv else play)(rooms)


if __name__ == "__main__":
    asyncio.run(main())
