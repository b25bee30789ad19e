"""Ready frames straight to the transport: Photon's WebSocket protocol for uvicorn.

A subclass of uvicorn's sans-IO protocol. It puts one ASGI extension into the scope of every
WebSocket::

    scope["extensions"]["photon.wire"]: Wire

through which an application that has sent ``websocket.accept`` may write runs of whole, ready text
frames without the cost of an ASGI message each. Control frames, pings, and the closing handshake
stay the server's; ASGI messages and ready frames may be mixed, since both are written whole. The
application must write well-formed, unmasked, uncompressed text frames (``hub.frames`` makes them).

Bounds, for every socket, whatever its path: the kernel's send buffer (else it hides megabytes of
stale prices), high and low water of the transport's buffer, the size of a message from the client
(an application may set others for one socket), how many control frames and fragments it may send,
what is read in one turn of the event loop, also before the application has accepted, and how long
an ended connection may linger. Nothing is compressed: a small frame may not become a large one.

Where the extension is missing (plain uvicorn, Granian, tests) ``gateway.outlets`` sends ordinary
ASGI messages instead.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from photon_app import disconnect, services
from photon_app.errors import NotServingError
from photon_app.gateway.connections import let_go
from photon_app.gateway.limits import ClientBucket, TokenBucket
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.hub.stalls import Stalls

EXTENSION = "photon.wire"
KERNEL_BUFFER_BYTES = 128 * 1024
HIGH_WATER_BYTES = 64 * 1024
LOW_WATER_BYTES = 16 * 1024
FRAMES_PER_S, FRAMES_BURST = 100, 400
"""How many control frames and fragments a client may send."""
QUIET_PER_S, QUIET_BURST = 2, 5
"""How many of them concern nobody else of its address."""
READ_BYTES = 4 * 1024
"""What one turn of the event loop reads, and parses whole, of one client: with asyncio's 256 KiB of
the smallest frames it would keep everybody waiting for half a second."""
GOODBYE_S = 2.0
"""How long a peer may take to answer a close before the connection is aborted."""


class Congestible(Protocol):
    """Who is told about the transport's buffer."""

    def congest(self) -> None:
        """It rose above the high-water mark."""

    def drain(self) -> None:
        """It fell below the low-water mark."""

    def lost(self) -> None:
        """The connection is gone or going; said before a write could raise."""


class Wire(Protocol):
    """The extension's contract. Synchronous; on the event loop only."""

    def attach(self, sink: Congestible, on_shutdown: Callable[[], None]) -> None:
        """Who hears of high and low water and of the end, and what to do just before the server
        closes with 1012.
        """
        ...

    @property
    def put(self) -> Callable[[bytes], None]:
        """Write whole frames without a check, as fast as the transport can: only after ``attach``
        and until ``lost``.
        """
        ...

    def write_frames(self, data: bytes) -> None:
        """Write whole frames; dropped when the connection is closing."""
        ...

    def goodbye(self, code: int, reason: str) -> None:
        """Queue a close frame, stop writing, and abort if the peer does not answer."""
        ...

    def share(self, frames: TokenBucket) -> None:
        """Have the control frames and fragments of this client, beyond a quiet client's, taken from
        a bucket that it shares with others.
        """
        ...

    def bound(self, *, message_bytes: int, read_bytes: int) -> None:
        """Give this client other bounds than ``MAX_MESSAGE_BYTES`` and ``READ_BYTES``."""
        ...


class _Nobody:
    def congest(self) -> None: ...
    def drain(self) -> None: ...
    def lost(self) -> None: ...


class PhotonWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with ready frames, bounded buffers and a polite shutdown."""

    _sink: Congestible = _Nobody()
    _bucket: TokenBucket
    _quiet: TokenBucket
    _shared: TokenBucket | None = None
    _deaf = False
    """Whether nothing more is heard from the client: it broke the rules, and has been told so."""
    _early = b""
    _ended = False
    """Whether this side has seen to the end: an application that still talks is told so."""
    _pinged_at_s = 0.0
    """For how long this process had stood still when the peer was pinged last."""
    _last_words_bytes = MAX_MESSAGE_BYTES
    """How much is still parsed of a client after a close frame was sent to it."""

    def _on_shutdown(self) -> None:
        """Replaced by ``attach``."""

    def attach(self, sink: Congestible, on_shutdown: Callable[[], None]) -> None:
        """See ``Wire``."""
        self._sink = sink
        self._on_shutdown = on_shutdown  # type: ignore[method-assign]
        if not self._open:
            sink.lost()
        elif not self.writable.is_set():
            sink.congest()

    @property
    def put(self) -> Callable[[bytes], None]:
        """See ``Wire``."""
        return self.transport.write

    def write_frames(self, data: bytes) -> None:
        """See ``Wire``."""
        if self._open:
            self.transport.write(data)

    def goodbye(self, code: int, reason: str) -> None:
        """See ``Wire``."""
        if not self._open:
            return
        self._end(code, reason)
        if self.conn.state is State.OPEN:  # else the client's own close came in the same read
            self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _end(self, code: int, reason: str) -> None:
        """The one way to the end of an open connection, whatever the cause: nobody writes any more,
        the application hears of it, and the socket is free soon, even if its peer neither hangs up
        nor reads what is still queued.
        """
        self.stop_keepalive()
        self._sink.lost()
        if not self._ended:
            self._ended = True
            message = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.queue.put_nowait(cast("ASGIReceiveEvent", message))
        self._abort_soon()

    def _abort_soon(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(GOODBYE_S, self.transport.abort)

    @property
    def _open(self) -> bool:
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    def share(self, frames: TokenBucket) -> None:
        """See ``Wire``."""
        self._shared = frames

    def bound(self, *, message_bytes: int, read_bytes: int) -> None:
        """See ``Wire``."""
        self.conn.max_message_size = message_bytes
        if hasattr(self.transport, "max_size"):  # asyncio's own; the launcher asks for its loop
            self.transport.max_size = read_bytes

    # What uvicorn calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection was handed over, with the request's head to come."""
        super().connection_made(transport)
        self._cap()

    def handle_connect(self, event: Request) -> None:
        """The handshake arrived; ``scope`` exists only when it was well-formed."""
        super().handle_connect(event)
        if self.close_sent:
            return
        extensions = cast("dict[str, object]", self.scope["extensions"])
        extensions[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: the head of its request, in one piece, and then frames.

        Frames that come before the application has accepted wait for it; uvicorn answers them in
        front of the handshake, or fails. (A client should wait, RFC 6455 §4.1.)
        """
        if self.close_sent:
            self._last_words_bytes -= len(data)
            self._deaf |= self._last_words_bytes < 0
        if self._deaf:
            return
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            self.transport.pause_reading()
            if len(self._early) > READ_BYTES:
                self._refuse_head()
            return
        super().data_received(data)
        if not self.handshake_initiated:
            self._refuse_head()
        elif pongs := self.conn.data_to_send():  # all that were asked for in one read
            self.transport.write(b"".join(pongs))

    def _refuse_head(self) -> None:
        """A head that the HTTP parser takes and the one of ``websockets`` does not (too many
        headers, one too long, a body): uvicorn leaves such a connection open without an answer.
        """
        self._deaf = self._ended = self.handshake_complete = self.close_sent = True
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        self.transport.close()

    def handle_ping(self) -> None:
        """A ping; the answer is queued by now, and written with all others of the same read."""
        self._charge()

    def handle_pong(self, event: Frame) -> None:
        """A pong, asked for or not."""
        self._charge()
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """A further fragment of a message, which may be empty."""
        self._charge()
        if not self._deaf:
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """The client hangs up, or agrees to; it may still not read what is queued for it."""
        self._sink.lost()
        super().handle_close(event)
        self._ended = True
        self._abort_soon()

    def eof_received(self) -> None:
        """The client will say no more. asyncio closes the transport, which waits for it to read."""
        super().eof_received()
        if not self.disconnected:
            self._end(disconnect.ABNORMAL_CLOSURE, "")

    def handle_parser_exception(self) -> None:
        """The client broke the protocol: tell it, and let it hang up.

        What else it sends is read and dropped meanwhile: a socket that is closed with bytes unread
        is reset, and then the client may never see why.
        """
        self._deaf = True
        close = self.conn.close_sent
        if close is None:
            self._end(disconnect.ABNORMAL_CLOSURE, "")
        else:
            self._end(close.code, close.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def keepalive_timeout(self) -> None:
        """No answer to a ping: the peer is gone, and so is its place; do not wait for it to read
        what is queued. Where the process stood still meanwhile the answer may lie unread, or the
        peer was not there either: it is asked once more.
        """
        if (stalls := _stalls()) is not None and stalls.fresh_s(self._pinged_at_s) > 0:
            self.pong_timer = None
            self.send_keepalive_ping()
            return
        self.goodbye(*disconnect.NO_PONG)

    def send_keepalive_ping(self) -> None:
        """Ask whether the peer is there."""
        stalls = _stalls()
        self._pinged_at_s = 0.0 if stalls is None else stalls.total_s
        super().send_keepalive_ping()

    def _charge(self) -> None:
        """Control frames and fragments never reach the application and its limits: count them."""
        if self._deaf or self._may_send(self.loop.time()):
            return
        self.goodbye(*disconnect.TOO_MANY_FRAMES)
        self._deaf = True
        self.transport.pause_reading()

    def _may_send(self, now_s: float) -> bool:
        if not self._bucket.take(now_s):
            return False
        return self._shared is None or self._quiet.take(now_s) or self._shared.take(now_s)

    def send_receive_event_to_app(self) -> None:
        """Text that is not UTF-8 is the client's fault: 1007, without a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.goodbye(*disconnect.NOT_UTF8)
                return
        super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Whoever talks to a client that is going is told, as if it were gone.

        A refusal with a status is a whole answer: without this, uvicorn logs an error for it.
        """
        if self._ended:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self._sink.lost()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
        if message["type"] == "websocket.accept" and self._early:
            early, self._early = self._early, b""
            self.transport.resume_reading()
            self.data_received(early)

    def pause_writing(self) -> None:
        """The transport rose above its high-water mark."""
        super().pause_writing()
        self._sink.congest()

    def resume_writing(self) -> None:
        """The transport fell below its low-water mark."""
        super().resume_writing()
        self._sink.drain()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done, or has failed; uvicorn would wait for ever for a peer that does
        not read what it has left.
        """
        super().on_task_complete(task)
        if not self.disconnected:
            self._abort_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._sink.lost()
        self._forget()

    def shutdown(self) -> None:
        """The server goes: tell the client, close with 1012, and wait for nobody for long."""
        if self._open:
            self._on_shutdown()
        self._sink.lost()
        if self._ended:
            self.transport.close()
        else:
            super().shutdown()
        self._abort_soon()

    async def run_asgi(self) -> None:
        """The application, until it returns."""
        await super().run_asgi()
        self.scope.get("extensions", {}).pop(EXTENSION, None)

    def _forget(self) -> None:
        """Let go of what holds this in turn: a collector that has to look for the remains of
        thousands of connections stops everything meanwhile.
        """
        let_go(self.transport)
        self._sink = _Nobody()
        vars(self).pop("_on_shutdown", None)
        self.conn.parser.close()

    def _cap(self) -> None:
        self.conn.available_extensions = []
        self.bound(message_bytes=MAX_MESSAGE_BYTES, read_bytes=READ_BYTES)
        self._bucket = ClientBucket(FRAMES_PER_S, FRAMES_BURST, self.loop.time(), _stalls())
        self._quiet = ClientBucket(QUIET_PER_S, QUIET_BURST, self.loop.time(), _stalls())
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES, LOW_WATER_BYTES)
        sock = cast("socket.socket | None", self.transport.get_extra_info("socket"))
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            with contextlib.suppress(OSError):
                # asyncio leaves Nagle on when the listening socket was made without a protocol
                # number: 40 ms for a small frame behind another
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)


def _stalls() -> Stalls | None:
    """The stalls of this process, while it serves."""
    try:
        return services.current().stalls
    except NotServingError:
        return None


def wire_of(extensions: dict[str, object]) -> Wire | None:
    """The extension in a scope, where the server has it."""
    return cast("Wire | None", extensions.get(EXTENSION))
