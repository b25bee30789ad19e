"""What is left of a lost WebSocket is freed at once: it refers to itself nowhere.

Garbage in circles waits for a full collection, which takes the longer the more there is of it, and
everybody waits for its end.
"""

import asyncio
import gc
import json
import weakref

import pytest

from photon_app.gateway.handshake import PhotonHTTPProtocol
from photon_app.gateway.wire import PhotonWebSocketProtocol
from tests.fakes.raw import CLOSE, TEXT, RawClient, frame, head
from tests.fakes.server import serving
from tests.fakes.waiting import wait_until

PATHS = ("/ws", "/ws?format=array&symbols=AAPL", "/finnhub?token=any", "/nowhere")


def message(**fields: object) -> bytes:
    """A message as a frame."""
    return frame(TEXT, json.dumps(fields).encode())


SUBSCRIPTIONS = message(action="subscribe", symbols=["AAPL"]) + message(
    action="subscribe", channel="bars", timeframe="1m", symbols=["AAPL"]
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ["reset", "close", "half"])
def test_a_lost_socket_is_freed_without_a_collection(path: str, end: str) -> None:
    """However it ended, with its transport and all that was kept of its client."""
    left: list[weakref.ref[object]] = []

    class Remembered(PhotonWebSocketProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            left.append(weakref.ref(self.transport))
            left.append(weakref.ref(self.conn))
            super().connection_lost(exc)
            left.append(weakref.ref(self))

    async def scenario() -> None:
        async with serving(ws=Remembered, http=PhotonHTTPProtocol) as server, asyncio.timeout(10):
            gc.collect()
            gc.disable()
            try:
                async with RawClient.connect(server.port) as client:
                    await client.send(head(path))
                    await client.status()
                    if path == "/ws":
                        await client.send(SUBSCRIPTIONS)
                        await client.read_until("subscription")
                    if end == "reset":
                        client.reset()
                    elif end == "close":
                        await client.send(frame(CLOSE, (1000).to_bytes(2, "big")))
                        await client.read(polite=False)
                    else:
                        client.half_close()
                        await client.read(polite=False)
                await wait_until(lambda: len(left) == 3 and not any(one() for one in left))
            finally:
                gc.enable()

    asyncio.run(scenario())
