"""``/finnhub``: Finnhub's own protocol, so that programs written for Finnhub share one key.

Moves texts between one socket and ``FinnhubSession``. The token in the query is ignored and passed
on nowhere: Photon has no accounts. ``?conditions=0`` leaves ``c`` out of every trade.
"""

from functools import partial
from typing import ClassVar

from starlette.websockets import WebSocket

from photon_app.gateway.admission import Kind
from photon_app.gateway.edge import Place, SocketEdge, Throttle, next_text, outlet_of, refuse_socket
from photon_app.gateway.finnhub_session import FinnhubSession
from photon_app.hub.sink import Sink


class FinnhubEdge(SocketEdge):
    """ASGI middleware that serves ``/finnhub`` and passes on everything else."""

    paths: ClassVar[frozenset[str]] = frozenset({"/finnhub", "/finnhub/"})
    kind: ClassVar[Kind] = "finnhub"

    async def serve(self, websocket: WebSocket, place: Place, throttle: Throttle) -> None:
        """See ``SocketEdge``."""
        live = place.live
        conditions = websocket.query_params.get("conditions", "1")
        if conditions not in {"0", "1"}:
            await refuse_socket(websocket, 400, "conditions: expected 0 or 1")
            return
        await websocket.accept()
        outlet = outlet_of(websocket)
        sink = Sink(outlet, live.stalls)
        outlet.attach(sink, live.prints.flush)
        session = FinnhubSession(
            live.prints,
            sink,
            conditions=conditions == "1",
            max_symbols=live.settings.max_symbols,
            messages_per_s=live.settings.messages_per_s,
            time=live.time,
            stalls=live.stalls,
            address=place.address,
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
