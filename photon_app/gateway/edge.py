"""What all WebSocket paths share: admission, writing of frames, and reading of texts.

``SocketEdge`` is the ASGI middleware for a path; ``websocket`` and ``finnhub_socket`` subclass it.
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
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.sink import Sink
from photon_app.services import Services

Throttle = Callable[[Callable[[float], None]], Awaitable[None]]


class SocketEdge:
    """ASGI middleware that serves the WebSockets of some paths and passes on everything else.

    Not a FastAPI route: its call stack costs each connection about as much memory as everything
    else that Photon keeps for it.
    """

    paths: ClassVar[frozenset[str]]
    kind: ClassVar[Kind]

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        """Wrap an app.

        Args:
            app: gets everything else.
            admission: decides which sockets get a place.
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
                throttle = partial(self._admission.time_shares.run, place.address)
                await self.serve(websocket, place, throttle)

    async def serve(self, websocket: WebSocket, place: "Place", throttle: Throttle) -> None:
        """Serve one connection that has a place, from before it is accepted to its end.

        Args:
            websocket: the connection.
            place: what it got.
            throttle: awaits until the address may have another message handled, then calls the
                handler with the seconds that the message had to wait.
        """
        raise NotImplementedError


class Place(NamedTuple):
    """What an admitted socket gets."""

    live: Services
    address: str | None
    admission: Admission

    async def first_text(self, websocket: WebSocket, sink: Sink) -> str | None:
        """The first text message, as ``next_text`` returns it, in its turn among new sockets."""
        text = await next_text(websocket, sink)
        if text is not None:
            await self.admission.first_answer(self.address)
        return text


@contextlib.asynccontextmanager
async def placed(
    websocket: WebSocket, admission: Admission, kind: Kind
) -> AsyncIterator[Place | None]:
    """Occupy a place for a socket for the duration of the block; yields ``None`` if it was refused
    and has been answered. The sockets of an address share a budget of control frames and fragments,
    if the server supports that.

    Args:
        websocket: a handshake, not accepted yet.
        admission: decides which sockets get a place.
        kind: the path of the socket.
    """
    try:
        live = services.current()
    except NotServingError as error:
        await refuse_socket(websocket, 503, str(error), 1)
        yield None
        return
    address = client_address(websocket.scope, live.settings.proxy_hops)
    wire = wire_of(websocket.scope.get("extensions", {}))

    def gone() -> bool:
        return wire is not None and wire.gone

    with admission.place(address, kind=kind) as full:
        refusal = full or await admission.turn(address, gone)
        if gone():
            yield None
            return
        if refusal is None:
            if wire is not None:
                wire.share_budget(admission.frames(address, live.stalls))
            yield Place(live, address, admission)
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


def outlet_of(websocket: WebSocket, form: Form = EVENTS) -> WireOutlet | AsgiOutlet:
    """How frames are written to an accepted socket. Its request is cleared, since nothing reads it
    any more, and it would live as long as the socket.
    """
    wire = wire_of(websocket.scope.get("extensions", {}))
    websocket.scope.clear()
    return AsgiOutlet(websocket) if wire is None else WireOutlet(wire, form)


async def next_text(websocket: WebSocket, sink: Sink) -> str | None:
    """The next text message, or ``None`` when the connection is over.

    A server without Photon's limits (plain uvicorn, Granian) may deliver longer messages.
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
