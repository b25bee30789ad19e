"""picows' core API: a listener for each client, and ``transport.send`` for each of them."""

import asyncio

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

from bench.peers.lines import Rooms, lines, say_port

_BACKLOG = 2048


class Client(WSListener):  # type: ignore[misc, unused-ignore]
    """One connection."""

    def __init__(self, rooms: Rooms[WSTransport]) -> None:
        super().__init__()
        self._rooms = rooms

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Read the symbols that a client wants."""
        if frame.msg_type == WSMsgType.TEXT:
            self._rooms.join(transport, frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the client."""
        self._rooms.leave(transport)


async def main() -> None:
    """Serve until the tape ends."""
    rooms: Rooms[WSTransport] = Rooms()

    def client(request: WSUpgradeRequest) -> WSListener:
        del request
        return Client(rooms)

    server = await ws_create_server(client, "127.0.0.1", 0, backlog=_BACKLOG)
    say_port(server.sockets[0].getsockname()[1])
    async for symbol, text in lines():
        for transport in rooms.of(symbol):
            transport.send(WSMsgType.TEXT, text)


if __name__ == "__main__":
    asyncio.run(main())
