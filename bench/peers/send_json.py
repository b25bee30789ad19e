"""The loop of the FastAPI tutorial: ``await websocket.send_json(update)`` for each client, which
encodes each update once for each of them.
"""

import contextlib
import json

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.peers.lines import Rooms, lines
from bench.peers.uvicorn_app import listen, serve

app = FastAPI()
rooms: Rooms[WebSocket] = Rooms()


@app.websocket("/ws")
async def client(websocket: WebSocket) -> None:
    """One connection."""
    await listen(websocket, rooms)


async def play() -> None:
    """Every trade to every client that wants its symbol, one after the other."""
    async for symbol, text in lines():
        update = json.loads(text)
        for websocket in tuple(rooms.of(symbol)):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.send_json(update)


if __name__ == "__main__":
    serve(app, play)
