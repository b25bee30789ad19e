"""``/ws``: moves texts between one socket and the rules of its format.

One coroutine for each connection. It reads, hands each message to the ``Session``, and reads no
further while its client is congested; writing is the sink's. It never awaits a write of updates.
"""

import asyncio

from starlette.websockets import WebSocket

from photon_app import services
from photon_app.errors import RequestError
from photon_app.gateway.address import client_address
from photon_app.gateway.admission import Admission
from photon_app.gateway.limits import message_bucket
from photon_app.gateway.origin import ASGIApp, Receive, Scope, Send, refuse
from photon_app.gateway.outlets import AsgiOutlet, WireOutlet
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.gateway.session import RATE_LIMITED, Session
from photon_app.gateway.wire import CAPPED_PATHS, wire_of
from photon_app.hub import messages
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import parse_symbol
from photon_app.services import Services

BINARY, TOO_BIG = 1003, 1009
RETRY_AFTER_MS = 1500


class WebSocketEdge:
    """ASGI middleware that serves ``/ws`` and passes on everything else.

    Not a FastAPI route: the stack of one costs each connection about as much memory as all that
    Photon keeps for it.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        if scope["type"] != "websocket" or scope["path"] not in CAPPED_PATHS:
            await self._app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        try:
            live = services.current()
        except LookupError:
            await _refuse(websocket, 503, "the server is starting or stopping: try again", 1)
            return
        address = client_address(scope, live.settings.proxy_hops)
        with self._admission.place(address) as refusal:
            if refusal is None:
                await _serve(websocket, live)
                return
        await _refuse(websocket, refusal.status, refusal.sentence, refusal.retry_after_s)


async def _serve(websocket: WebSocket, live: Services) -> None:
    wanted = websocket.query_params.get("format", live.settings.ws_format)
    if wanted == "array":
        await _serve_array(websocket, live)
    elif wanted == "events":
        await _serve_events(websocket, live)
    else:
        await _refuse(websocket, 400, "format: expected events or array")


async def _refuse(
    websocket: WebSocket, status: int, reason: str, retry_after_s: int | None = None
) -> None:
    await refuse(
        websocket.scope,
        websocket.receive,
        websocket.send,
        status,
        reason,
        retry_after_s=retry_after_s,
    )


def _outlet(websocket: WebSocket) -> WireOutlet | AsgiOutlet:
    wire = wire_of(websocket.scope.get("extensions", {}))
    return AsgiOutlet(websocket) if wire is None else WireOutlet(wire)


async def _serve_events(websocket: WebSocket, live: Services) -> None:
    await websocket.accept()
    now_s = asyncio.get_running_loop().time
    outlet = _outlet(websocket)
    sink = Sink(outlet, now_s)
    outlet.attach(sink, lambda: sink.send(Frames.of(messages.shutdown(RETRY_AFTER_MS))))
    session = Session(
        live.hub,
        sink,
        max_symbols=live.settings.max_symbols,
        messages_per_s=live.settings.messages_per_s,
        now_s=now_s,
        wall_ms=live.wall_ms,
    )

    async def read() -> None:
        while (text := await _next_text(websocket, sink)) is not None:
            session.receive(text)
            await sink.uncongested()

    try:
        await outlet.serve(read())
    finally:
        session.end()


async def _serve_array(websocket: WebSocket, live: Services) -> None:
    """The array format: all prices at once, then every second; what the client says is ignored."""
    try:
        symbols = _array_symbols(websocket.query_params.get("symbols"), live)
    except RequestError as problem:
        await _refuse(websocket, 400, problem.message)
        return
    held = tuple(symbol for symbol in symbols if live.demand.hold(symbol))
    try:
        await websocket.accept()
        await _run_array(websocket, live, held)
    finally:
        for symbol in held:
            live.demand.release(symbol)


async def _run_array(websocket: WebSocket, live: Services, symbols: tuple[str, ...]) -> None:
    now_s = asyncio.get_running_loop().time
    outlet = _outlet(websocket)
    sink = Sink(outlet, now_s)
    outlet.attach(sink, lambda: None)
    bucket = message_bucket(live.settings.messages_per_s, now_s())

    async def read() -> None:
        while await _next_text(websocket, sink) is not None:
            if not bucket.take(now_s()):
                sink.close(RATE_LIMITED, "too many messages")

    live.arrays.join(sink, symbols)
    try:
        await outlet.serve(read())
    finally:
        live.arrays.leave(sink)


async def _next_text(websocket: WebSocket, sink: Sink) -> str | None:
    """The next text message, or ``None`` when the connection is over.

    A server that knows no caps of ours (plain uvicorn, Granian) may hand over too much.
    """
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        if text is None:
            sink.close(BINARY, "text messages only")
        elif len(text) > MAX_MESSAGE_BYTES or len(text.encode()) > MAX_MESSAGE_BYTES:
            sink.close(TOO_BIG, f"a message may have {MAX_MESSAGE_BYTES} bytes")
        else:
            return text


def _array_symbols(given: str | None, live: Services) -> list[str]:
    if not given:
        return list(live.default_symbols)
    symbols = [parse_symbol(part.strip()) for part in given.split(",") if part.strip()]
    if len(symbols) > live.settings.max_symbols:
        raise RequestError(
            "too_many_symbols", f"one connection may have {live.settings.max_symbols} symbols"
        )
    return list(dict.fromkeys(symbols))
