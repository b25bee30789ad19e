"""HTTP/1.1 with limits: connections, request heads and bodies, request rates, and unread answers.

A subclass of uvicorn's HTTP/1.1 protocol, which has no limits: it accepts any number of
connections, heads of any length, bodies that no route reads, and answers of any size that no client
reads. Here

- a connection is counted at accept (``connections``), and may be closed to make room for a new one;
- a connection is closed if the rest of a request does not arrive within ``HEAD_S``, or if its peer
  reads nothing for ``BLOCKED_S``;
- what is read and started per iteration of the event loop is bounded (``loop_budget``);
- a head is measured before it is parsed; a body is refused if the path takes none, if it is longer
  than ``BODY_BYTES``, or if it is chunked, since each chunk would cost as much as a head;
- requests of an address have a rate limit (``quota``); upgrades have their own (``admission``);
- an answer is passed to the transport in pieces, as its peer reads.

A refused client is sent the reason in one sentence, in the error format of the path, and nothing
more is read from it. Not limited: the time to produce an answer, upgraded WebSockets (protocol
pings watch them), and the pause between two requests (uvicorn's ``timeout_keep_alive``).

It also passes on what a client sends right behind its upgrade request, which uvicorn drops. The
WebSocket protocol must buffer that until the application has accepted, as ``gateway.wire`` does.

On the event loop only. One timer for each connection with a deadline, no task.
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
from photon_app.gateway.connections import EXTENSION, SPARE, Connections, Ended, free_transport
from photon_app.gateway.heads import BoundedConnection, HttpRefusal
from photon_app.gateway.loop_budget import LoopBudget
from photon_app.gateway.quota import Quota
from photon_app.settings import DEFAULTS

HEAD_S = 15.0
"""Long enough for the slowest honest client: a head is one packet, lost a few times on a bad link.
Also longer than browsers usually wait before they use a spare connection; they cope with one that
was closed. A body has to arrive in the same time.
"""
BLOCKED_S = 30.0
"""A peer that reads 64 KiB in half a minute is slow; one that reads nothing is gone."""
READ_BYTES = 16 * 1024
"""Bytes read from a connection per iteration of the event loop."""
BURST_S = 30
"""Seconds' worth of requests that an address may send at once: enough for sixty people behind one
address who open the page twice at the same time; one page load takes 36 requests."""
BODY_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024
"""Bytes of an answer that are passed to the transport at once."""
SMALL_BYTES = 4 * 1024
"""An answer up to this size is written as soon as it is ready."""
KERNEL_BYTES = 128 * 1024
"""Unsent bytes of an answer that the kernel may buffer."""
DRAIN_S = 2.0
DRAIN_BYTES = 256 * 1024
"""For how long, and how many bytes, a refused connection is still read and its data dropped: a
socket that is closed with unread bytes is reset, and then the client may never see the reason."""
STATE = "photon.shared"
"""Key of the ``SharedState`` of a server in its lifespan state, where its connections find it."""
_NOTSENT_LOWAT = 25 if sys.platform == "linux" else getattr(socket, "TCP_NOTSENT_LOWAT", None)


class _PeerGoneError(Exception):
    """The peer is gone and cannot read the answer."""


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a server."""

    sockets: int = DEFAULTS.max_connections + SPARE
    """Open at once, including upgraded ones."""
    requests_per_s: int = DEFAULTS.requests_per_s
    """Of one address, not counting upgrades."""
    proxy_hops: int = DEFAULTS.proxy_hops


class SharedState:
    """State shared by the connections of one server."""

    def __init__(self, limits: HttpLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.connections = Connections(limits.sockets)
        self.budget = LoopBudget(loop.call_soon)
        self.quota = Quota(limits.requests_per_s, limits.requests_per_s * BURST_S)


class PhotonHTTPProtocol(H11Protocol):
    """uvicorn's protocol with bounds for connections, requests and answers."""

    limits: ClassVar[HttpLimits] = HttpLimits()
    head_s: ClassVar[float] = HEAD_S
    blocked_s: ClassVar[float] = BLOCKED_S
    body_paths: ClassVar[frozenset[str]] = frozenset()
    """Paths that accept a body; no route does yet."""
    address: str | None = None
    _application: ASGI3Application
    _blocked_timer: asyncio.TimerHandle | None = None
    _deadline: asyncio.TimerHandle | None = None
    _upgraded = False
    _parse_pending = False
    """Whether data was read that waits to be parsed in a later iteration of the event loop."""
    _drain_bytes: int | None = None
    """How many more bytes are read and dropped, once the connection was refused; else ``None``."""
    _unsent_bytes = 0
    """Bytes of the answer that were not passed to the transport yet."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn: BoundedConnection = BoundedConnection(self._check)
        self.app = cast("ASGI3Application", self._answer)
        self._application = cast("ASGI3Application", config.loaded_app)
        if STATE not in app_state:
            app_state[STATE] = SharedState(self.limits, self.loop)
        self._shared: SharedState = app_state[STATE]

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection; its first head has a deadline from now on."""
        super().connection_made(transport)
        self.address = address_key(self.client[0]) if self.client else None
        if not self._shared.connections.arrived(self, len(self.connections)):
            self._refuse_newcomer()
            return
        if hasattr(transport, "max_size"):  # asyncio's; the launcher selects its loop
            transport.max_size = READ_BYTES
        transport.set_write_buffer_limits(0)  # what the kernel does not accept counts as unread
        sock = cast("socket.socket | None", transport.get_extra_info("socket"))
        if sock is not None and _NOTSENT_LOWAT is not None:
            with contextlib.suppress(OSError):  # a Unix socket
                sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, KERNEL_BYTES)
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Received bytes: a head, part of one, or a body."""
        if self._drain_bytes is not None:
            self._drain_bytes -= len(data)
            if self._drain_bytes < 0:
                self.transport.abort()
            return
        super().data_received(data)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._shared.connections.left(self)
        self._cancel_deadline()
        self._cancel_blocked_timer()
        super().connection_lost(exc)
        free_transport(self.transport)
        self._break_cycles()

    def pause_writing(self) -> None:
        """The peer does not read its answer."""
        super().pause_writing()
        connections = self._shared.connections
        connections.blocked(self)
        connections.set_unread(self, self._unsent_bytes + self.transport.get_write_buffer_size())
        if self._blocked_timer is None:
            self._blocked_timer = self.loop.call_later(self.blocked_s, self._end, "unread")

    def resume_writing(self) -> None:
        """The peer reads."""
        super().resume_writing()
        self._shared.connections.unblocked(self)
        self._shared.connections.set_unread(self, self._unsent_bytes)
        self._cancel_blocked_timer()

    def cut(self) -> None:
        """End at once, with whatever is queued."""
        self.transport.abort()

    @property
    def gone(self) -> bool:
        """See ``connections.Peer``."""
        return self.transport.is_closing()

    @property
    def server_connections(self) -> Connections:
        """See ``connections.Peer``."""
        return self._shared.connections

    # What uvicorn calls

    def handle_events(self) -> None:
        """Parse what was received, now or in a later iteration; nothing more is read until then."""
        if not self.conn.trailing_data[0]:
            return
        if not self._parse_pending:
            self._parse_pending = True
            self._shared.budget.do(self.address, self._parse)
        if self._parse_pending:
            self.transport.pause_reading()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to the WebSocket protocol, with what came behind the head."""
        if event.http_version != b"1.1":
            self.send_400_response("a WebSocket needs HTTP/1.1")
            return
        self._upgraded = True
        self._cancel_deadline()
        self._shared.connections.left(self)
        self._shared.budget.use_up()
        self.transport.set_write_buffer_limits()
        self.transport.resume_reading()
        early, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        protocol = self.transport.get_protocol()
        if early and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(early)
        self._break_cycles()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request."""
        self._refuse(HttpRefusal("malformed", 400, msg))

    def on_response_complete(self) -> None:
        """The transport has the whole answer; the next request may come."""
        self._shared.connections.idle(self)
        super().on_response_complete()

    def shutdown(self) -> None:
        """The server shuts down."""
        if self._drain_bytes is None:
            super().shutdown()
        else:
            self.transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: any client can ask for one, as often as it likes; it is answered without."""

    # Requests

    def _parse(self) -> None:
        """Parse up to and including the next request."""
        self._parse_pending = False
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
            self._shared.connections.requested(self)
            self._shared.budget.use_up()
        if not (self._parse_pending or self.flow.read_paused):
            self.transport.resume_reading()
        if self._answering:
            self._cancel_deadline()

    def _over(self) -> bool:
        """Whether no further request is read from this connection."""
        return self._upgraded or self._drain_bytes is not None

    def _check(self, request: h11.Request) -> HttpRefusal | None:
        """Why a request is refused, or ``None``. Upgrades are checked by the path they are for."""
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
        if self._shared.quota.take(address, self.loop.time()):
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
        """Answer with the reason, unless an answer has begun, and read no more requests. What the
        application still sends is dropped.
        """
        self._shared.connections.ended[refusal.why] += 1
        cycle = self.cycle
        begun = False
        if cycle is not None and not cycle.response_complete:
            begun = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        self._cancel_deadline()
        self._drain_bytes = DRAIN_BYTES
        if begun:
            self.transport.close()
        else:
            self.transport.write(_answer_of(refusal))
            self.transport.resume_reading()
            if self.transport.can_write_eof():
                self.transport.write_eof()
        self._deadline = self.loop.call_later(DRAIN_S, self.transport.abort)

    def _refuse_newcomer(self) -> None:
        sentence = "this server has as many connections open as it may: try again later"
        self._drain_bytes = 0
        self.transport.write(_answer_of(HttpRefusal("full", 503, sentence, retry_after_s=5)))
        self.transport.close()

    # Answers

    async def _answer(
        self, scope: UvicornScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Run the application, and write long bodies as the peer reads. The application ends when
        the peer is gone: with uvicorn alone it would read a file to the end all the same.
        """

        async def in_pieces(message: ASGISendEvent) -> None:
            body = b""
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                if len(body) > PIECE_BYTES:
                    await self._send_long(send, body, more_body=message.get("more_body", False))
                    return
            if len(body) > SMALL_BYTES:
                await self._shared.budget.piece(self.address)
            if self.transport.is_closing():
                raise _PeerGoneError
            await send(message)

        extended = {**scope, "extensions": {EXTENSION: self}}
        cycle = self.cycle
        try:
            await self._application(cast("UvicornScope", extended), receive, in_pieces)
        except* _PeerGoneError:
            if cycle is not None:  # uvicorn notices later, and would log a missing answer
                cycle.disconnected = True

    async def _send_long(self, send: ASGISendCallable, body: bytes, *, more_body: bool) -> None:
        view, connections = memoryview(body), self._shared.connections
        for at in range(0, len(body), PIECE_BYTES):
            piece = cast("bytes", view[at : at + PIECE_BYTES])
            self._unsent_bytes = len(body) - at - len(piece)
            connections.set_unread(self, self._unsent_bytes)
            more = more_body or self._unsent_bytes > 0
            await self._shared.budget.piece(self.address)
            if self.transport.is_closing():
                raise _PeerGoneError
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    # Deadlines

    def _start_deadline(self) -> None:
        """Start the deadline for the rest of a request, unless that is being answered already."""
        if self._drain_bytes is None and not self._answering and self._deadline is None:
            self._deadline = self.loop.call_later(self.head_s, self._end, "late")

    @property
    def _answering(self) -> bool:
        cycle = self.cycle
        under_way = cycle is not None and not cycle.response_complete and not cycle.more_body
        return under_way or self._upgraded

    def _end(self, why: Ended) -> None:
        self._shared.connections.ended[why] += 1
        self.transport.abort()

    def _break_cycles(self) -> None:
        """Break reference cycles: a garbage collection that has to find the remains of thousands
        of connections stops everything meanwhile.
        """
        self.app = self._application
        self.conn.check = _no_check

    def _cancel_blocked_timer(self) -> None:
        if self._blocked_timer is not None:
            self._blocked_timer.cancel()
            self._blocked_timer = None

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _no_check(_: h11.Request) -> None:
    """Check of a connection that is closed; refuses nothing."""


def protocol(limits: HttpLimits) -> type[PhotonHTTPProtocol]:
    """The protocol of a server with these limits."""
    return type("PhotonHTTPProtocol", (PhotonHTTPProtocol,), {"limits": limits})


def _keyed(refusal: HttpRefusal, request: h11.Request) -> HttpRefusal:
    """A refusal in the error format of the request's path."""
    key = "error" if request.target.startswith(b"/api/v1/") else "detail"
    return msgspec.structs.replace(refusal, key=key)


def _answer_of(refusal: HttpRefusal) -> bytes:
    """A complete answer, after which the connection is closed."""
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
