"""Ready frames straight to the transport: Photon's WebSocket protocol for uvicorn.

A subclass of uvicorn's sans-IO protocol. It puts one ASGI extension into the scope of every
WebSocket::

    scope["extensions"]["photon.wire"]: Wire

through which an application that has sent ``websocket.accept`` may write runs of whole, ready text
frames without the cost of an ASGI message each. Control frames, pings, and the closing handshake
stay the server's; ASGI messages and ready frames may be mixed, since both are written whole. The
application must write well-formed, unmasked text frames (``hub.frames`` makes them).

Bounds for every socket, whatever its path: the kernel's send buffer (else it hides megabytes of
stale prices), a high-water mark of the transport's buffer, the size of a message from the
client, how many control frames and fragments it may send, what is read per iteration of the event
loop (also before the application has accepted), and how long a closed connection may linger. An
application may set the message size and the read size of one socket.

Compression is off, unless the client offers it and the application asks for it before it accepts.
It is permessage-deflate without context takeover (RFC 7692): no socket keeps a compressor, and what
the application compresses is the same for all of them. Compressed frames have RSV1 set, others stay
legal. A compressed message of the client is inflated up to the size of a message, and not further.

If the extension is missing (plain uvicorn, Granian, tests) ``gateway.outlets`` sends ordinary ASGI
messages instead.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidHeader, NegotiationError, PayloadTooBig
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.typing import ExtensionParameter

from photon_app import disconnect, services
from photon_app.errors import NotServingError
from photon_app.gateway.connections import direct_send, free_transport
from photon_app.gateway.lean import Gate, Mailbox
from photon_app.gateway.limits import ClientBucket, TokenBucket
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.hub.stalls import Stalls

EXTENSION = "photon.wire"
KERNEL_BUFFER_BYTES = 128 * 1024
HIGH_WATER_BYTES = 64 * 1024
LOW_WATER_BYTES = 16 * 1024
FRAMES_PER_S, FRAMES_BURST = 100, 400
"""Rate and burst of a client's control frames and fragments."""
QUIET_PER_S, QUIET_BURST = 2, 5
"""How many of them are not charged to the shared budget of its address."""
READ_BYTES = 4 * 1024
"""Bytes read from one client, and parsed, per iteration of the event loop: asyncio's 256 KiB of the
smallest frames would block all others for half a second."""
CLOSE_TIMEOUT_S = 2.0
"""How long a peer may take to answer a close before the connection is aborted."""


class Congestible(Protocol):
    """Receives the events of the transport's buffer."""

    def queue(self) -> None:
        """The kernel did not take all: the buffer is no longer empty, and ``put`` may not be used
        before ``drain``.
        """

    def congest(self) -> None:
        """The buffer rose above the high-water mark."""

    def drain(self) -> None:
        """The buffer is empty again."""

    def lost(self) -> None:
        """The connection is closed or closing; called before a write could raise."""


class Wire(Protocol):
    """The extension's contract. Synchronous; on the event loop only."""

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        ...

    def attach(self, sink: Congestible, on_shutdown: Callable[[], None]) -> None:
        """Set the sink that is notified of the water marks and of the end, and what to do just
        before the server closes with 1012.
        """
        ...

    @property
    def put(self) -> Callable[[bytes], int]:
        """Write whole frames to the kernel, past the buffer: only after ``attach``, between
        ``drain`` and ``queue``, and until ``lost``. Returns how many bytes were taken. The rest,
        all in case of an ``OSError``, must go to ``write_frames`` before anything else is written.
        """
        ...

    @property
    def unsent_bytes(self) -> int:
        """What the transport has not passed to the kernel yet."""
        ...

    def write_frames(self, data: bytes) -> None:
        """Write whole frames, or the rest of those that ``put`` did not take; dropped when the
        connection is closing.
        """
        ...

    def start_close(self, code: int, reason: str) -> None:
        """Queue a close frame, stop writing, and abort if the peer does not answer."""
        ...

    def negotiate_deflate(self) -> bool:
        """Agree with the client on compression without context takeover: only before
        ``websocket.accept``. True if the application may write compressed frames.
        """
        ...

    def share_budget(self, frames: TokenBucket) -> None:
        """Charge this client's control frames and fragments, beyond a small allowance, to a bucket
        that it shares with others.
        """
        ...

    def set_bounds(self, *, message_bytes: int, read_bytes: int) -> None:
        """Set bounds for this client other than ``MAX_MESSAGE_BYTES`` and ``READ_BYTES``."""
        ...


class _Inflater(PerMessageDeflate):
    """The extension of one connection. It bounds the compressed bytes of a message as well: those
    behind the end of its data would be kept, and not count as part of the message.
    """

    _taken_bytes = 0

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """See ``Extension``; raises ``PayloadTooBig``."""
        if frame.opcode in DATA_OPCODES:
            begins = frame.opcode is not Opcode.CONT
            self._taken_bytes = len(frame.data) + (0 if begins else self._taken_bytes)
            if self._taken_bytes > MAX_MESSAGE_BYTES:
                raise PayloadTooBig(self._taken_bytes, MAX_MESSAGE_BYTES)
        return super().decode(frame, max_size=max_size)


class _Deflate(ServerPerMessageDeflateFactory):
    """Compression without context takeover in either direction.

    An offer that limits the server's window is declined, and the client's next one is looked at:
    the compressed bytes are the same for all clients, with the largest window.
    """

    def __init__(self) -> None:
        super().__init__(server_no_context_takeover=True, client_no_context_takeover=True)

    def process_request_params(
        self,
        params: Sequence[ExtensionParameter],
        accepted_extensions: Sequence[Extension],
    ) -> tuple[list[ExtensionParameter], _Inflater]:
        """See ``ServerExtensionFactory``."""
        if dict(params).get("server_max_window_bits", "15") != "15":
            raise NegotiationError("the window of the server has 15 bits")
        agreed, made = super().process_request_params(params, accepted_extensions)
        inflater = _Inflater(
            made.remote_no_context_takeover,
            made.local_no_context_takeover,
            made.remote_max_window_bits,
            made.local_max_window_bits,
        )
        return agreed, inflater


_DEFLATE = (_Deflate(),)


class _NullSink:
    def queue(self) -> None: ...
    def congest(self) -> None: ...
    def drain(self) -> None: ...
    def lost(self) -> None: ...


class _Lean(WebSocketsSansIOProtocol):
    """uvicorn's protocol with its attributes in slots, which take a sixth of the memory of a dict,
    and with a smaller queue and event.
    """

    __slots__ = (
        "app",
        "app_state",
        "asgi_version",
        "client",
        "close_sent",
        "close_timeout",
        "close_timer",
        "config",
        "conn",
        "connections",
        "curr_msg_data_type",
        "default_headers",
        "disconnected",
        "frames",
        "handshake_complete",
        "handshake_initiated",
        "initial_response",
        "last_ping_rtt",
        "logger",
        "loop",
        "pending_ping_payload",
        "ping_interval",
        "ping_sent_at",
        "ping_timeout",
        "ping_timer",
        "pong_timer",
        "queue",
        "read_paused",
        "request",
        "response",
        "root_path",
        "scheme",
        "scope",
        "server",
        "tasks",
        "transport",
        "writable",
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        mailbox: Mailbox[ASGIReceiveEvent] = Mailbox()  # ``Mailbox[...]()`` takes microseconds
        self.queue = cast("asyncio.Queue[ASGIReceiveEvent]", mailbox)
        self.writable = cast("asyncio.Event", Gate())


class PhotonWebSocketProtocol(_Lean):
    """uvicorn's protocol with ready frames, bounded buffers and a polite shutdown."""

    _sink: Congestible = _NullSink()
    _bucket: TokenBucket
    _quiet: TokenBucket
    _shared: TokenBucket | None = None
    _dropping_input = False
    """Whether further input is dropped: the client broke the rules, and has been answered."""
    _early = b""
    _ended = False
    """Whether the connection is ending: an application that still sends gets an exception."""
    _pinged_at_s = 0.0
    """Total stall time of this process when the peer was pinged last."""
    _closing_bytes = MAX_MESSAGE_BYTES
    """Bytes of a client that are still parsed after a close frame was sent to it."""

    def _on_shutdown(self) -> None:
        """Replaced by ``attach``."""

    @property
    def gone(self) -> bool:
        """See ``Wire``."""
        return self.disconnected

    def attach(self, sink: Congestible, on_shutdown: Callable[[], None]) -> None:
        """See ``Wire``."""
        self._sink = sink
        self._on_shutdown = on_shutdown  # type: ignore[method-assign]
        if not self._open:
            sink.lost()
            return
        if not self.writable.is_set():
            sink.queue()
            sink.congest()
        self.transport.set_write_buffer_limits(0)  # calls ``pause_writing`` if it is not empty

    def negotiate_deflate(self) -> bool:
        """See ``Wire``. A malformed offer counts as none."""
        self.conn.available_extensions = _DEFLATE
        try:
            agreed, self.conn.extensions = self.conn.process_extensions(self.request.headers)
        except InvalidHeader:
            return False
        if agreed is None:
            return False
        self.response.headers["Sec-WebSocket-Extensions"] = agreed
        return True

    @property
    def put(self) -> Callable[[bytes], int]:
        """See ``Wire``."""
        return direct_send(self.transport) or self._put

    @property
    def unsent_bytes(self) -> int:
        """See ``Wire``."""
        return self.transport.get_write_buffer_size()

    def write_frames(self, data: bytes) -> None:
        """See ``Wire``."""
        if self._open:
            self.transport.write(data)
            self._check_high_water()

    def start_close(self, code: int, reason: str) -> None:
        """See ``Wire``."""
        if not self._open:
            return
        self._end(code, reason)
        if self.conn.state is State.OPEN:  # else the client's own close frame came in the same read
            self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _end(self, code: int, reason: str) -> None:
        """The one way to end an open connection, whatever the cause: nothing more is written, the
        application is notified, and the socket is freed soon, even if its peer neither hangs up nor
        reads what is still queued.
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
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)

    @property
    def _open(self) -> bool:
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    def share_budget(self, frames: TokenBucket) -> None:
        """See ``Wire``."""
        self._shared = frames

    def set_bounds(self, *, message_bytes: int, read_bytes: int) -> None:
        """See ``Wire``."""
        self.conn.max_message_size = message_bytes
        if hasattr(self.transport, "max_size"):  # asyncio's; the launcher selects its loop
            self.transport.max_size = read_bytes

    # What uvicorn calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection was handed over; the request's head comes next."""
        super().connection_made(transport)
        self._apply_bounds()

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
            self._closing_bytes -= len(data)
            self._dropping_input |= self._closing_bytes < 0
        if self._dropping_input:
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
        elif pongs := self.conn.data_to_send():  # the answers to all pings of one read
            self.transport.write(b"".join(pongs))

    def _refuse_head(self) -> None:
        """Refuse a head that the HTTP parser accepts and that of ``websockets`` does not (too many
        headers, one too long, a body): uvicorn leaves such a connection open without an answer.
        """
        self._dropping_input = self._ended = self.handshake_complete = self.close_sent = True
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        self.transport.close()

    def handle_ping(self) -> None:
        """A ping; its pong is queued already, and written with all others of the same read."""
        self._charge()

    def handle_pong(self, event: Frame) -> None:
        """A pong, solicited or not."""
        self._charge()
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """A further fragment of a message, which may be empty."""
        self._charge()
        if not self._dropping_input:
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """The client closes, or answers a close; it may still not read what is queued for it."""
        self._sink.lost()
        super().handle_close(event)
        self._ended = True
        self._abort_soon()

    def eof_received(self) -> None:
        """The client sends no more. asyncio closes the transport, which waits for it to read."""
        super().eof_received()
        if not self.disconnected:
            self._end(disconnect.ABNORMAL_CLOSURE, "")

    def handle_parser_exception(self) -> None:
        """The client broke the protocol: send it a close frame, and let it hang up.

        What it still sends is read and dropped meanwhile: a socket that is closed with unread bytes
        is reset, and then the client may never see the reason.
        """
        self._dropping_input = True
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
        """No answer to a ping: the peer is gone. Close it and free its place, without waiting for
        it to read what is queued. If the process stalled meanwhile, the answer may be unread here,
        or the peer may have been suspended too: then it is pinged once more.
        """
        if (stalls := _stalls()) is not None and stalls.fresh_s(self._pinged_at_s) > 0:
            self.pong_timer = None
            self.send_keepalive_ping()
            return
        self.start_close(*disconnect.NO_PONG)

    def send_keepalive_ping(self) -> None:
        """Ping the peer."""
        stalls = _stalls()
        self._pinged_at_s = 0.0 if stalls is None else stalls.total_s
        super().send_keepalive_ping()

    def _charge(self) -> None:
        """Count control frames and fragments, which never reach the application and its limits."""
        if self._dropping_input or self._may_send(self.loop.time()):
            return
        self.start_close(*disconnect.TOO_MANY_FRAMES)
        self._dropping_input = True
        self.transport.pause_reading()

    def _may_send(self, now_s: float) -> bool:
        if not self._bucket.take(now_s):
            return False
        return self._shared is None or self._quiet.take(now_s) or self._shared.take(now_s)

    def send_receive_event_to_app(self) -> None:
        """Deliver a message; text that is not UTF-8 is closed with 1007, without a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.start_close(*disconnect.NOT_UTF8)
                return
        super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send the application's message; raises ``ClientDisconnected`` once the connection is
        ending, as if the client were gone.

        A refusal with a status is a complete answer: without this, uvicorn logs an error for it.
        """
        if self._ended:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self._sink.lost()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
        if message["type"] == "websocket.accept":
            self.request.headers.clear()  # a browser's take 1 KiB, and are not read again
            self.response.headers.clear()
        if message["type"] == "websocket.accept" and self._early:
            early, self._early = self._early, b""
            self.transport.resume_reading()
            self.data_received(early)

    def pause_writing(self) -> None:
        """The transport rose above its high-water mark, or is not empty, if a sink is attached."""
        if isinstance(self._sink, _NullSink):
            super().pause_writing()
        else:
            self._sink.queue()
            self._check_high_water()

    def resume_writing(self) -> None:
        """The transport fell below its low-water mark, or is empty, if a sink is attached."""
        super().resume_writing()
        self._sink.drain()

    def _put(self, data: bytes) -> int:
        self.transport.write(data)
        self._check_high_water()
        return len(data)

    def _check_high_water(self) -> None:
        if self.unsent_bytes > HIGH_WATER_BYTES and self.writable.is_set():
            super().pause_writing()
            self._sink.congest()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application has returned or failed; uvicorn would wait for ever for a peer that does
        not read what is queued.
        """
        super().on_task_complete(task)
        if not self.disconnected:
            self._abort_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._sink.lost()
        self._break_cycles()

    def shutdown(self) -> None:
        """The server shuts down: notify the client and close with 1012, with a time limit."""
        if self._open:
            self._on_shutdown()
        self._sink.lost()
        if self._ended:
            self.transport.close()
        else:
            super().shutdown()
        self._abort_soon()

    async def run_asgi(self) -> None:
        """Run the application until it returns."""
        await super().run_asgi()
        self.scope.get("extensions", {}).pop(EXTENSION, None)

    def _break_cycles(self) -> None:
        """Break reference cycles: a garbage collection that has to find the remains of thousands
        of connections stops everything meanwhile.
        """
        free_transport(self.transport)
        self._sink = _NullSink()
        vars(self).pop("_on_shutdown", None)
        self.conn.parser.close()

    def _apply_bounds(self) -> None:
        self.conn.available_extensions = []
        self.set_bounds(message_bytes=MAX_MESSAGE_BYTES, read_bytes=READ_BYTES)
        self._bucket = ClientBucket(FRAMES_PER_S, FRAMES_BURST, self.loop.time(), _stalls())
        self._quiet = ClientBucket(QUIET_PER_S, QUIET_BURST, self.loop.time(), _stalls())
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES, LOW_WATER_BYTES)
        sock = cast("socket.socket | None", self.transport.get_extra_info("socket"))
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            with contextlib.suppress(OSError):
                # asyncio leaves Nagle's algorithm on if the listening socket was made without a
                # protocol number, which delays a small frame behind another by 40 ms
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)


def _stalls() -> Stalls | None:
    """The stalls of this process, while it serves."""
    try:
        return services.current().stalls
    except NotServingError:
        return None


def wire_of(extensions: dict[str, object]) -> Wire | None:
    """The extension in a scope, if the server has it."""
    return cast("Wire | None", extensions.get(EXTENSION))
