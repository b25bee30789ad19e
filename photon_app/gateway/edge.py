"""What every path with an open socket shares: who gets a place, how frames leave, how texts come.

``SocketEdge`` is the ASGI middleware around a path; ``websocket`` and ``finnhub_socket`` are two.
On the event loop, one coroutine for each connection; it never awaits a write of updates.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import ClassVar, NamedTuple

from starlette.websockets import WebSocket

from photon_app import disconnect, services
from photon_app.errors import NotServingError
from photon_app.gateway.address import client_address
from photon_app.gateway.admission import Admission, Kind
from photon_app.gateway.origin import ASGIApp, Receive, Scope, Send, refuse
from photon_app.gateway.outlets import AsgiOutlet, WireOutlet
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.gateway.wire import wire_of
from photon_app.hub.sink import Sink
from photon_app.services import Services

InTurn = Callable[[Callable[[float], None]], Awaitable[None]]


class SocketEdge:
    """ASGI middleware that serves the WebSockets of some paths and passes on everything else.

    Not a FastAPI route: the stack of one costs each connection about as much memory as all that
    Photon keeps for it.
    """

    paths: ClassVar[frozenset[str]]
    kind: ClassVar[Kind]

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        """Wrap an app.

        Args:
            app: gets everything else.
            admission: who gets a place.
        """
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        if scope["type"] != "websocket" or scope["path"] not in self.paths:
            await self._app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        async with placed(websocket, self._admission, self.kind) as place:
            if place is not None:
                in_turn = partial(self._admission.shares.take, place.address)
                await self.serve(websocket, place.live, in_turn)

    async def serve(self, websocket: WebSocket, live: Services, in_turn: InTurn) -> None:
        """One connection that has a place and is not accepted yet, to its end.

        Args:
            websocket: the connection.
            live: the services of this process.
            in_turn: does what a message asks for when its address may go on, and tells it for how
                many seconds the message had to wait.
        """
        raise NotImplementedError


class Place(NamedTuple):
    """What a socket has that was let in."""

    live: Services
    address: str | None


@contextlib.asynccontextmanager
async def placed(
    websocket: WebSocket, admission: Admission, kind: Kind
) -> AsyncIterator[Place | None]:
    """Hold a place for a socket for as long as the block lasts; ``None`` where it was refused, and
    told why. It shares its address' control frames and fragments, where the server can.

    Args:
        websocket: a handshake, not accepted yet.
        admission: who gets a place.
        kind: of which path it is.
    """
    try:
        live = services.current()
    except NotServingError as error:
        await refuse_socket(websocket, 503, str(error), 1)
        yield None
        return
    address = client_address(websocket.scope, live.settings.proxy_hops)
    with admission.place(address, kind=kind) as refusal:
        if refusal is None:
            wire = wire_of(websocket.scope.get("extensions", {}))
            if wire is not None:
                wire.share(admission.frames(address, live.stalls))
            yield Place(live, address)
            return
    await refuse_socket(websocket, refusal.status, refusal.sentence, refusal.retry_after_s)
    yield None


async def refuse_socket(
    websocket: WebSocket, status: int, reason: str, retry_after_s: int | None = None
) -> None:
    """Answer a handshake with a status and a sentence."""
    await refuse(
        websocket.scope,
        websocket.receive,
        websocket.send,
        status,
        reason,
        retry_after_s=retry_after_s,
    )


def outlet_of(websocket: WebSocket) -> WireOutlet | AsgiOutlet:
    """How frames leave to an accepted socket."""
    wire = wire_of(websocket.scope.get("extensions", {}))
    return AsgiOutlet(websocket) if wire is None else WireOutlet(wire)


async def next_text(websocket: WebSocket, sink: Sink) -> str | None:
    """The next text message, or ``None`` when the connection is over.

    A server that knows no caps of ours (plain uvicorn, Granian) may hand over too much.
    """
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        if text is None:
            sink.close(*disconnect.TEXT_ONLY)
        elif len(text) > MAX_MESSAGE_BYTES or len(text.encode()) > MAX_MESSAGE_BYTES:
            sink.close(*disconnect.too_big(MAX_MESSAGE_BYTES))
        else:
            return text
