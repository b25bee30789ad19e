"""``/ws``: moves texts between one socket and the rules of its format.

One coroutine for each connection. It reads, hands each message to the ``Session``, and stops
reading while its client is congested. The sink writes; a write of updates is never awaited.
"""

from functools import partial
from typing import ClassVar

from starlette.websockets import WebSocket

from photon_app import disconnect
from photon_app.errors import RequestError
from photon_app.gateway import protocol
from photon_app.gateway.admission import Kind
from photon_app.gateway.edge import Place, SocketEdge, Throttle, next_text, outlet_of, refuse_socket
from photon_app.gateway.limits import MessageBudget
from photon_app.gateway.session import Session
from photon_app.gateway.wire import wire_of
from photon_app.hub import messages
from photon_app.hub.form import Form
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import parse_symbol
from photon_app.services import Services


class WebSocketEdge(SocketEdge):
    """ASGI middleware that serves ``/ws`` and passes on everything else."""

    paths: ClassVar[frozenset[str]] = frozenset({"/ws", "/ws/"})
    kind: ClassVar[Kind] = "ws"

    async def serve(self, websocket: WebSocket, place: Place, throttle: Throttle) -> None:
        """See ``SocketEdge``."""
        wanted = websocket.query_params.get("format", place.live.settings.ws_format)
        compress = websocket.query_params.get("compress", "0")
        if wanted not in {"events", "batch", "array"}:
            await refuse_socket(websocket, 400, "format: expected events, batch or array")
        elif compress not in {"0", "1"}:
            await refuse_socket(websocket, 400, "compress: expected 0 or 1")
        elif wanted == "array":
            await _serve_array(websocket, place, throttle)
        else:
            asked = compress == "1" and _negotiated(websocket)
            form = Form(
                batch=wanted == "batch", deflater=place.live.hub.deflater if asked else None
            )
            await _serve_events(websocket, place, throttle, form)


def _negotiated(websocket: WebSocket) -> bool:
    """Whether client and server agree on compression. It takes Photon's own WebSocket protocol."""
    wire = wire_of(websocket.scope.get("extensions", {}))
    return wire is not None and wire.negotiate_deflate()


async def _serve_events(websocket: WebSocket, place: Place, throttle: Throttle, form: Form) -> None:
    """The event and the batch format."""
    live = place.live
    await websocket.accept()
    outlet = outlet_of(websocket, form)
    sink = Sink(outlet, live.stalls)
    outlet.attach(sink, lambda: sink.send(Frames.of(messages.shutdown(disconnect.RETRY_AFTER_MS))))
    session = Session(
        live.hub,
        sink,
        max_symbols=live.settings.max_symbols,
        messages_per_s=live.settings.messages_per_s,
        time=live.time,
        stalls=live.stalls,
        address=place.address,
        form=form,
    )

    async def read() -> None:
        text = await place.first_text(websocket, sink)
        while text is not None:
            await throttle(partial(session.receive, text))
            session.waited(await sink.uncongested())
            text = await next_text(websocket, sink)

    try:
        await outlet.serve(read())
    finally:
        session.end()


async def _serve_array(websocket: WebSocket, place: Place, throttle: Throttle) -> None:
    """The array format: all prices at once, then every second; client messages are ignored."""
    live = place.live
    try:
        symbols = _array_symbols(websocket.query_params.get("symbols"), live)
    except RequestError as problem:
        await refuse_socket(websocket, 400, problem.message)
        return
    for text in (websocket.query_params.get("symbols") or "").split(","):
        live.demand.spelled(text.strip())
    await websocket.accept()
    now_s = live.time.monotonic
    outlet = outlet_of(websocket)
    sink = Sink(outlet, live.stalls)
    outlet.attach(sink, lambda: None)
    settings = live.settings
    budget = MessageBudget(settings.messages_per_s, settings.max_symbols, now_s(), live.stalls)

    def ignore(text: str, waited_s: float) -> None:
        budget.waited(now_s(), waited_s)
        if not budget.take(now_s(), *protocol.cost_of(text, settings.max_symbols)):
            sink.close(*disconnect.TOO_MANY_MESSAGES)

    async def read() -> None:
        while (text := await next_text(websocket, sink)) is not None:
            await throttle(partial(ignore, text))

    client = live.arrays.join(sink, tuple(symbols), place.address)
    try:
        await outlet.serve(read())
    finally:
        live.arrays.leave(client)


def _array_symbols(given: str | None, live: Services) -> list[str]:
    if not given:
        return list(live.default_symbols)
    symbols = [parse_symbol(part.strip()) for part in given.split(",") if part.strip()]
    if len(symbols) > live.settings.max_symbols:
        raise RequestError(
            "too_many_symbols",
            f"one connection may have {live.settings.max_symbols} symbols (PHOTON_MAX_SYMBOLS)",
        )
    return list(dict.fromkeys(symbols))
