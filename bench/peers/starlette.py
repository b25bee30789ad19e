"""Plain Starlette with a text that is encoded once: ``await websocket.send_text(text)`` for each
client, in a loop. Gathering the sends makes a task for each of them, and was slower here.
"""

import contextlib

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.lines import Rooms, lines
from bench.peers.uvicorn_app import listen, serve

rooms: Rooms[WebSocket] = Rooms()


async def client(websocket: WebSocket) -> None:
    """One connection."""
    await listen(websocket, rooms)


async def play() -> None:
    """Every trade to every client that wants its symbol."""
    async for symbol, text in lines():
        decoded = text.decode()
        for websocket in tuple(rooms.of(symbol)):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.send_text(decoded)


if __name__ == "__main__":
    serve(Starlette(routes=[WebSocketRoute("/ws", client)]), play)
