"""``websockets.asyncio.server.broadcast``: what the library's documentation recommends for many
clients. The text is encoded by the tape, so it is sent as a text message of ready bytes.
"""

import asyncio

from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.peers.lines import Rooms, lines, say_port

_BACKLOG = 2048


async def main() -> None:
    """Serve until the tape ends."""
    rooms: Rooms[ServerConnection] = Rooms()

    async def client(connection: ServerConnection) -> None:
        async for text in connection:
            rooms.join(connection, text)
        rooms.leave(connection)

    async with serve(client, "127.0.0.1", 0, compression=None, backlog=_BACKLOG) as server:
        say_port(next(iter(server.sockets)).getsockname()[1])
        async for symbol, text in lines():
            broadcast(rooms.of(symbol), text.decode())


if __name__ == "__main__":
    asyncio.run(main())
