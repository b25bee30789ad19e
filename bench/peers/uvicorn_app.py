"""How the ASGI peers handle clients and run: uvicorn with its defaults, without compression, beside
one task that reads the tape.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.lines import Rooms, say_port

_BACKLOG = 2048


async def listen(websocket: WebSocket, rooms: Rooms[WebSocket]) -> None:
    """Serve one connection until it ends."""
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            rooms.join(websocket, await websocket.receive_text())
    rooms.leave(websocket)


def serve(app: Any, play: Callable[[], Awaitable[None]]) -> None:
    """Serve until the tape ends."""

    async def main() -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.bind(("127.0.0.1", 0))
        sock.listen(_BACKLOG)
        config = uvicorn.Config(app, log_level="warning", ws_per_message_deflate=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        say_port(sock.getsockname()[1])
        await play()
        server.force_exit = server.should_exit = True
        await serving

    asyncio.run(main())
