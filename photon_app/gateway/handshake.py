"""From a TCP connection to a complete request head, and from an answer to a peer that reads it.

A subclass of uvicorn's HTTP/1.1 protocol, which takes what comes: any number of connections, heads
of any length, bodies that nobody reads, answers of any size that nobody takes. Here

- a connection is counted at accept (``connections``), and may be cut off for a newcomer;
- one whose peer owes the rest of a request is cut off after ``HEAD_S``, and one whose peer does not
  read after ``BLOCKED_S``;
- what is read and begun in one turn of the event loop is bounded (``pace``);
- a head is measured before it is parsed, and a request with a body is refused where none is taken,
  or one above ``BODY_BYTES``, or one in chunks, each of which would cost as much as a head;
- an address has a rate of requests (``quota``); upgrades have one of their own (``admission``);
- an answer is handed to the transport in pieces, as its peer reads.

Who is refused is told why in one sentence, in the shape in which its path's routes say so, and
nothing more is read of it. Not limited: how long an answer takes to make, upgraded WebSockets
(protocol pings watch them), and the pause between two requests (uvicorn's ``timeout_keep_alive``).

It also hands over what a client sends right behind its upgrade request, which uvicorn drops. The
WebSocket protocol must hold that until the application has accepted, as ``gateway.wire`` does.

On the event loop only; a timer for each connection that owes something, no task.
"""

import asyncio
import contextlib
import http
import socket
import sys
from typing import Any, ClassVar, cast

import h11
import msgspec
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent
from uvicorn._types import Scope as UvicornScope
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from photon_app.gateway.address import address_key, client_address
from photon_app.gateway.connections import EXTENSION, SPARE, Connections, Ended, let_go
from photon_app.gateway.heads import BoundedConnection, HttpRefusal
from photon_app.gateway.pace import Pace
from photon_app.gateway.quota import Quota
from photon_app.settings import DEFAULTS

HEAD_S = 15.0
"""For the slowest of honest clients: a head is one packet, lost a few times on a bad line. Also
longer than browsers need between opening a spare connection and using it; they take a closed one
as a matter of course. A body has to come in the same time.
"""
BLOCKED_S = 30.0
"""A reader that takes 64 KiB in half a minute is slow; one that takes nothing is not there."""
READ_BYTES = 16 * 1024
"""What one turn of the event loop reads of a connection."""
BURST_S = 30
"""So many seconds' worth of requests at once: sixty people behind one address who open the page at
once, twice, which takes 36 requests."""
BODY_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024
"""Of an answer: what is handed to the transport at once."""
SMALL_BYTES = 4 * 1024
"""An answer that is written whenever it is ready."""
KERNEL_BYTES = 128 * 1024
"""What the kernel may hold of an answer that it has not sent yet."""
GOODBYE_S = 2.0
LAST_WORDS_BYTES = 256 * 1024
"""How long, and how much, is still read and dropped of who was refused: a socket that is closed
with bytes unread is reset, and then the client may never see why."""
STATE = "photon.doorway"
"""Where the connections of a server find its ``Doorway``: beside the state of its lifespan."""
_NOTSENT_LOWAT = 25 if sys.platform == "linux" else getattr(socket, "TCP_NOTSENT_LOWAT", None)


class _GoneError(Exception):
    """Nobody is there to take an answer."""


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a server allows."""

    sockets: int = DEFAULTS.max_connections + SPARE
    """Open at once, upgraded ones too."""
    requests_per_s: int = DEFAULTS.requests_per_s
    """Of one address, upgrades apart."""
    proxy_hops: int = DEFAULTS.proxy_hops


class Doorway:
    """What the connections of one server share."""

    def __init__(self, limits: HttpLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.connections = Connections(limits.sockets)
        self.pace = Pace(loop.call_soon)
        self.quota = Quota(limits.requests_per_s, limits.requests_per_s * BURST_S)


class PhotonHTTPProtocol(H11Protocol):
    """uvicorn's protocol with bounds for connections, requests and answers."""

    limits: ClassVar[HttpLimits] = HttpLimits()
    head_s: ClassVar[float] = HEAD_S
    blocked_s: ClassVar[float] = BLOCKED_S
    body_paths: ClassVar[frozenset[str]] = frozenset()
    """Paths that take a body; no route does yet."""
    address: str | None = None
    _application: ASGI3Application
    _blocked: asyncio.TimerHandle | None = None
    _deadline: asyncio.TimerHandle | None = None
    _upgraded = False
    _waits = False
    """Whether something was read that is not parsed yet, for want of time in this turn."""
    _deaf_bytes: int | None = None
    """How much more is read and dropped, once the connection was told to go."""
    _rest_bytes = 0
    """Of the answer: what the transport was not given yet."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn: BoundedConnection = BoundedConnection(self._judge)
        self.app = cast("ASGI3Application", self._answer)
        self._application = cast("ASGI3Application", config.loaded_app)
        if STATE not in app_state:
            app_state[STATE] = Doorway(self.limits, self.loop)
        self._door: Doorway = app_state[STATE]

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection; its first head is owed from now on."""
        super().connection_made(transport)
        self.address = address_key(self.client[0]) if self.client else None
        if not self._door.connections.arrived(self, len(self.connections)):
            self._refuse_newcomer()
            return
        if hasattr(transport, "max_size"):  # asyncio's own; the launcher asks for its loop
            transport.max_size = READ_BYTES
        transport.set_write_buffer_limits(0)  # what the kernel does not take is unread
        sock = cast("socket.socket | None", transport.get_extra_info("socket"))
        if sock is not None and _NOTSENT_LOWAT is not None:
            with contextlib.suppress(OSError):  # a Unix socket
                sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, KERNEL_BYTES)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes: a head, a part of one, or a body."""
        if self._deaf_bytes is not None:
            self._deaf_bytes -= len(data)
            if self._deaf_bytes < 0:
                self.transport.abort()
            return
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._door.connections.left(self)
        self._relieve()
        self._unblock()
        super().connection_lost(exc)
        let_go(self.transport)
        self._forget()

    def pause_writing(self) -> None:
        """The peer does not read what it has asked for."""
        super().pause_writing()
        connections = self._door.connections
        connections.blocked(self)
        connections.owes(self, self._rest_bytes + self.transport.get_write_buffer_size())
        if self._blocked is None:
            self._blocked = self.loop.call_later(self.blocked_s, self._end, "unread")

    def resume_writing(self) -> None:
        """The peer reads."""
        super().resume_writing()
        self._door.connections.flows(self)
        self._door.connections.owes(self, self._rest_bytes)
        self._unblock()

    def cut(self) -> None:
        """End at once, with whatever is queued."""
        self.transport.abort()

    @property
    def gone(self) -> bool:
        """See ``connections.Peer``."""
        return self.transport.is_closing()

    @property
    def all(self) -> Connections:
        """See ``connections.Peer``."""
        return self._door.connections

    # What uvicorn calls

    def handle_events(self) -> None:
        """Parse what was received, now or in a later turn; nothing more is read until then."""
        if not self.conn.trailing_data[0]:
            return
        if not self._waits:
            self._waits = True
            self._door.pace.do(self.address, self._parse)
        if self._waits:
            self.transport.pause_reading()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, with what came behind the head."""
        if event.http_version != b"1.1":
            self.send_400_response("a WebSocket needs HTTP/1.1")
            return
        self._upgraded = True
        self._relieve()
        self._door.connections.left(self)
        self._door.pace.fill()
        self.transport.set_write_buffer_limits()
        self.transport.resume_reading()
        early, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        protocol = self.transport.get_protocol()
        if early and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(early)
        self._forget()

    def send_400_response(self, msg: str) -> None:
        """A request that is none."""
        self._refuse(HttpRefusal("malformed", 400, msg))

    def on_response_complete(self) -> None:
        """An answer is with the transport, whole; the next request may come."""
        self._door.connections.rests(self)
        super().on_response_complete()

    def shutdown(self) -> None:
        """The server goes."""
        if self._deaf_bytes is None:
            super().shutdown()
        else:
            self.transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: anybody can ask for one, as often as it likes, and gets an answer without."""

    # Requests

    def _parse(self) -> None:
        """Everything up to the next request, and that."""
        self._waits = False
        if self._over() or self.transport.is_closing():
            return
        before = self.cycle
        super().handle_events()
        if self._over():
            return
        if self.conn.refusal is not None:
            self._refuse(self.conn.refusal)
            return
        if self.cycle is not before:
            self._door.connections.asked(self)
            self._door.pace.fill()
        if not (self._waits or self.flow.read_paused):
            self.transport.resume_reading()
        if self._answering:
            self._relieve()

    def _over(self) -> bool:
        """Whether no request comes any more."""
        return self._upgraded or self._deaf_bytes is not None

    def _judge(self, request: h11.Request) -> HttpRefusal | None:
        """Whether a request is begun. An upgrade is judged by who answers it."""
        self.headers = [(name.lower(), value) for name, value in request.headers]
        if self._should_upgrade():
            return None
        headers = dict(self.headers)
        if b"transfer-encoding" in headers or int(headers.get(b"content-length", b"0")):
            refusal = self._body_refusal(request, headers)
            if refusal is not None:
                return _keyed(refusal, request)
        address = self.address
        if self.limits.proxy_hops:
            scope = {"headers": self.headers, "client": self.client}
            address = client_address(scope, self.limits.proxy_hops)
        if self._door.quota.take(address, self.loop.time()):
            return None
        sentence = (
            f"more than {self.limits.requests_per_s} requests a second from your address "
            "(PHOTON_REQUESTS_PER_S): try again in a moment"
        )
        return _keyed(HttpRefusal("rate", 429, sentence, retry_after_s=1), request)

    def _body_refusal(
        self, request: h11.Request, headers: dict[bytes, bytes]
    ) -> HttpRefusal | None:
        path = request.target.partition(b"?")[0].decode("ascii").rstrip("/")
        if path not in self.body_paths:
            return HttpRefusal("body", 413, "no request with a body is taken here: send it without")
        if b"transfer-encoding" in headers:
            return HttpRefusal("body", 411, "send the body with its Content-Length, not in chunks")
        if int(headers[b"content-length"]) > BODY_BYTES:
            return HttpRefusal("body", 413, f"the body of a request may have {BODY_BYTES} bytes")
        return None

    def _refuse(self, refusal: HttpRefusal) -> None:
        """Say why, unless an answer has begun, and listen no more. What the application still says
        is dropped.
        """
        self._door.connections.ended[refusal.why] += 1
        cycle = self.cycle
        begun = False
        if cycle is not None and not cycle.response_complete:
            begun = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        self._relieve()
        self._deaf_bytes = LAST_WORDS_BYTES
        if begun:
            self.transport.close()
        else:
            self.transport.write(_answer_of(refusal))
            self.transport.resume_reading()
            if self.transport.can_write_eof():
                self.transport.write_eof()
        self._deadline = self.loop.call_later(GOODBYE_S, self.transport.abort)

    def _refuse_newcomer(self) -> None:
        sentence = "this server has as many connections open as it may: try again later"
        self._deaf_bytes = 0
        self.transport.write(_answer_of(HttpRefusal("full", 503, sentence, retry_after_s=5)))
        self.transport.close()

    # Answers

    async def _answer(
        self, scope: UvicornScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """The application, whose long bodies leave as their peer reads. It ends when nobody is
        there: uvicorn lets it read a file to the end all the same.
        """

        async def in_pieces(message: ASGISendEvent) -> None:
            body = b""
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                if len(body) > PIECE_BYTES:
                    await self._send_long(send, body, more_body=message.get("more_body", False))
                    return
            if len(body) > SMALL_BYTES:
                await self._door.pace.piece(self.address)
            if self.transport.is_closing():
                raise _GoneError
            await send(message)

        extended = {**scope, "extensions": {EXTENSION: self}}
        cycle = self.cycle
        try:
            await self._application(cast("UvicornScope", extended), receive, in_pieces)
        except* _GoneError:
            if cycle is not None:  # uvicorn knows it a turn later, and would log a missing answer
                cycle.disconnected = True

    async def _send_long(self, send: ASGISendCallable, body: bytes, *, more_body: bool) -> None:
        view, connections = memoryview(body), self._door.connections
        for at in range(0, len(body), PIECE_BYTES):
            piece = cast("bytes", view[at : at + PIECE_BYTES])
            self._rest_bytes = len(body) - at - len(piece)
            connections.owes(self, self._rest_bytes)
            more = more_body or self._rest_bytes > 0
            await self._door.pace.piece(self.address)
            if self.transport.is_closing():
                raise _GoneError
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    # Deadlines

    def _watch(self) -> None:
        """The rest of a request is owed, unless it is whole and its answer is being made."""
        if self._deaf_bytes is None and not self._answering and self._deadline is None:
            self._deadline = self.loop.call_later(self.head_s, self._end, "late")

    @property
    def _answering(self) -> bool:
        cycle = self.cycle
        under_way = cycle is not None and not cycle.response_complete and not cycle.more_body
        return under_way or self._upgraded

    def _end(self, why: Ended) -> None:
        self._door.connections.ended[why] += 1
        self.transport.abort()

    def _forget(self) -> None:
        """Let go of what holds this in turn: a collector that has to look for the remains of
        thousands of connections stops everything meanwhile.
        """
        self.app = self._application
        self.conn.judge = _nobody

    def _unblock(self) -> None:
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None

    def _relieve(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _nobody(_: h11.Request) -> None:
    """Of a connection that is over."""


def protocol(limits: HttpLimits) -> type[PhotonHTTPProtocol]:
    """The protocol of a server with these limits."""
    return type("PhotonHTTPProtocol", (PhotonHTTPProtocol,), {"limits": limits})


def _keyed(refusal: HttpRefusal, request: h11.Request) -> HttpRefusal:
    """In the shape in which the routes of that path refuse."""
    key = "error" if request.target.startswith(b"/api/v1/") else "detail"
    return msgspec.structs.replace(refusal, key=key)


def _answer_of(refusal: HttpRefusal) -> bytes:
    """A whole answer, after which the connection ends."""
    kind, body = "text/plain; charset=utf-8", f"{refusal.sentence}\n".encode()
    if refusal.key is not None:
        kind, body = "application/json", msgspec.json.encode({refusal.key: refusal.sentence})
    head = [
        f"HTTP/1.1 {refusal.status} {http.HTTPStatus(refusal.status).phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if refusal.retry_after_s is not None:
        head.append(f"Retry-After: {refusal.retry_after_s}")
    return "\r\n".join([*head, "", ""]).encode() + body
