"""``/_event``: the socket of a tab of the page, with limits in front of Reflex.

Reflex's event socket has no limits of its own: any client may send anything, as fast as it likes,
and what it does not read is queued. So each socket passes through here first. It needs a place like
every other (``gateway.admission``). Its messages are checked before Reflex sees them
(``gateway.page_protocol``). Events wait for their turn, by tab and by address, and a tab that waits
is not read (``gateway.turnstile``). The queue to a tab that does not read is bounded (``Outbox``,
which Engine.IO is made to use). A fast visitor is slowed down at worst, never refused: only what no
page sends is refused, counted, and logged at most once in ten seconds.

On the event loop only, one coroutine for each socket. It knows no state and no event by name.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from photon_app import disconnect
from photon_app.clock import SYSTEM, Time
from photon_app.disconnect import Disconnect
from photon_app.gateway.admission import WARN_EVERY_S, Admission
from photon_app.gateway.edge import placed, refuse_socket
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send, refuse
from photon_app.gateway.page_protocol import (
    HANDSHAKE,
    MAX_STORAGE_BYTES,
    NAMESPACE,
    Packet,
    Rules,
    read,
    token_of,
)
from photon_app.gateway.turnstile import Lane, Turnstile
from photon_app.gateway.wire import CLOSE_TIMEOUT_S, wire_of

TAB_UNITS_PER_S, TAB_UNITS_BURST = 30, 150
"""Rate and burst of one tab. A key that is kept pressed repeats 30 times a second."""
ADDRESS_UNITS_PER_S, ADDRESS_UNITS_BURST = 120, 1_500
"""Rate and burst of all tabs of an address: a hundred may reconnect at once."""
HANDSHAKE_UNITS = 2
READ_BYTES = 1024
"""Bytes read from a tab per iteration of the event loop: so at most this much waits for its turn,
at worst in the smallest messages.
"""
MOST_UNWANTED = 5
"""Refused events in a row after which the socket is closed."""
MOST_REPORTS, MOST_REPORTS_A_MINUTE = 2, 5
"""Errors of browsers that are logged: of one socket, and of all in a minute."""
OUTBOX_BYTES, OUTBOX_PACKETS = 512 * 1024, 256
"""What may wait for a tab, not counting the packet that was put last."""
_KEPT_HEADERS = frozenset({b"host", b"origin", b"connection", b"upgrade", b"user-agent"})
"""The headers of a visitor's request that Reflex may see: it keeps them with the state, and may log
them."""
_KEPT_HEADER_BYTES = 512

_GONE = (OSError, RuntimeError, WebSocketDisconnect)
"""What a send raises when the client is gone or the close message was sent already."""

_log = logging.getLogger(__name__)
_tab: ContextVar["_Tab"] = ContextVar("photon_tab")


class Packeted(Protocol):
    """A packet of Engine.IO."""

    def encode(self) -> str | bytes:
        """The packet as it is sent; the packet caches it."""
        ...


class Outbox(asyncio.Queue[Packeted | None]):
    """Packets that Engine.IO has to send to one tab, bounded in bytes and packets: a tab that does
    not read is closed, and nothing more is queued for it.

    Created by Engine.IO itself, for each of its sockets (``create_queue``), within ``PageEdge``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self._tab = _tab.get(None)

    def put_nowait(self, item: Packeted | None) -> None:
        """Put a packet, or ``None`` for the end, for which there is always room."""
        if item is not None and (self.bytes > OUTBOX_BYTES or self.qsize() >= OUTBOX_PACKETS):
            if self._tab is not None:
                self._tab.slow()
            return
        super().put_nowait(item)

    def _put(self, item: Packeted | None) -> None:
        self.bytes += _size(item)
        super()._put(item)

    def _get(self) -> Packeted | None:
        item = super()._get()
        self.bytes -= _size(item)
        return item


def _size(item: Packeted | None) -> int:
    return 0 if item is None else len(item.encode())


class PageEdge:
    """ASGI middleware around the page: limits on its event socket; everything else is passed on.

    Args:
        app: the page.
        admission: decides which sockets get a place.
        rules: the events of the page's app.
        on_left: called when a socket has ended.
        time: of this process.
    """

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        rules: Rules,
        *,
        on_left: Callable[[], None] = lambda: None,
        time: Time = SYSTEM,
    ) -> None:
        self._app = app
        self._admission = admission
        self._on_left = on_left
        self.now_s = time.monotonic
        self.rules = rules
        self.turnstile = Turnstile(
            rate_per_s=ADDRESS_UNITS_PER_S, burst=ADDRESS_UNITS_BURST, time=time
        )
        self._refusals = _Refusals(admission, time)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end, refuse long polling, pass on everything else."""
        path = scope.get("path", "")
        if path != NAMESPACE and not path.startswith(NAMESPACE + "/"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._place(WebSocket(scope, receive, send))
        else:
            sentence = "the page's events go over a WebSocket: there is no long polling"
            await refuse(scope, receive, send, 400, sentence)

    async def _place(self, websocket: WebSocket) -> None:
        token = token_of(websocket.scope["query_string"])
        if token is None:
            await refuse_socket(websocket, 400, HANDSHAKE)
            return
        async with placed(websocket, self._admission, "page") as place:
            if place is not None:
                await self._serve(websocket, place.address, token)

    async def _serve(self, websocket: WebSocket, address: str | None, token: str) -> None:
        lane = self.turnstile.enter(address)
        tab = _Tab(websocket, self, self._refusals, lane, address)
        previous = _tab.set(tab)
        try:
            await self.turnstile.turn(HANDSHAKE_UNITS, lane)
            scope = _scope_for_reflex(websocket.scope, token, address)
            await self._app(scope, tab.receive, tab.send)
        finally:
            _tab.reset(previous)
            self.turnstile.leave(lane)
            self._on_left()
            await tab.finish()


class _Tab:
    """One socket: the messages from the tab to Reflex, and from Reflex to the tab."""

    def __init__(
        self,
        websocket: WebSocket,
        edge: PageEdge,
        refusals: "_Refusals",
        lane: Lane,
        address: str | None,
    ) -> None:
        self._edge = edge
        self._receive, self._send = websocket.receive, websocket.send
        self._wire = wire_of(websocket.scope.get("extensions", {}))
        self._refusals = refusals
        self._address = address
        self._lanes = (Lane(TAB_UNITS_PER_S, TAB_UNITS_BURST, edge.now_s()), lane)
        self._connected = self._disconnected = self._over = False
        self._unwanted = self._reports = 0
        self._close_message: Message | None = None
        """The close message, if the server has no wire extension."""
        self._closing: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Send Reflex's message, unless the tab is being closed."""
        if self._over:
            return
        if message["type"] == "websocket.accept" and self._wire is not None:
            self._wire.set_bounds(message_bytes=MAX_STORAGE_BYTES, read_bytes=READ_BYTES)
        await self._send(message)

    async def receive(self) -> Message:
        """The next message for Reflex."""
        while not self._over:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            if text is None:
                self._violation(disconnect.TEXT_ONLY)
            elif len(text) > MAX_STORAGE_BYTES:
                self._violation(disconnect.too_big(MAX_STORAGE_BYTES))
            elif self._disconnected:
                self._violation(disconnect.unlike_the_page("more after its goodbye"))
            elif (packet := self._read(text)) is not None:
                await self._edge.turnstile.turn(packet.units, *self._lanes)
                if not self._over:
                    return {"type": "websocket.receive", "text": packet.text}
            else:
                await self._edge.turnstile.turn(1 + len(text) // 1024, *self._lanes)
        await self._send_close()
        return {"type": "websocket.disconnect", "code": disconnect.POLICY_VIOLATION}

    def slow(self) -> None:
        """The tab does not read: close it."""
        if self._over:
            return
        self._refusals.add("slow", self._address)
        self._close(disconnect.SLOW_TAB)
        if self._close_message is not None:
            self._closing = asyncio.create_task(self._send_close(), name="photon closes a slow tab")

    async def finish(self) -> None:
        """The socket has ended: wait until the close message of a slow tab is sent, or give it up.
        Raises a fault of ours in sending it.
        """
        if self._closing is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._closing

    def _read(self, text: str) -> Packet | None:
        result = read(text, self._edge.rules, connected=self._connected)
        if isinstance(result, Packet) and (result.kind != "report" or self._may_report()):
            self._unwanted = 0
            self._connected |= result.kind == "connect"
            self._disconnected |= result.kind == "goodbye"
            return result
        if isinstance(result, Packet):
            self._refusals.add("reports", self._address)
            return None
        self._refusals.add(result.reason, self._address)
        self._unwanted += 1
        if result.reason == "protocol" or self._unwanted >= MOST_UNWANTED:
            self._close(disconnect.unlike_the_page(result.sentence))
        return None

    def _violation(self, disconnection: Disconnect) -> None:
        self._refusals.add("protocol", self._address)
        self._close(disconnection)

    def _may_report(self) -> bool:
        self._reports += 1
        return self._reports <= MOST_REPORTS and self._refusals.may_report()

    def _close(self, disconnection: Disconnect) -> None:
        if self._over:
            return
        self._over = True
        if self._wire is not None:
            self._wire.start_close(*disconnection)
        else:
            self._close_message = {
                "type": "websocket.close",
                "code": disconnection.code,
                "reason": disconnection.reason,
            }

    async def _send_close(self) -> None:
        message, self._close_message = self._close_message, None
        if message is not None:
            with contextlib.suppress(*_GONE):
                await self._send(message)


class _Refusals:
    """What was refused on all tabs: counted for ``/health``, and logged now and then."""

    def __init__(self, admission: Admission, time: Time) -> None:
        self._counts = admission.page_refused
        self._now_s = time.monotonic
        self._since: Counter[str] = Counter()
        self._report_at_s = self._minute_s = time.monotonic()
        self._reports = 0

    def add(self, reason: str, address: str | None) -> None:
        """Something was refused."""
        self._counts[reason] += 1
        self._since[reason] += 1
        now = self._now_s()
        if now < self._report_at_s:
            return
        self._report_at_s = now + WARN_EVERY_S
        since, self._since = self._since, Counter()
        _log.warning(
            "refused on the page's sockets since the last such line: %d (%s); the last one from %s",
            since.total(),
            ", ".join(f"{reason} {n}" for reason, n in sorted(since.items())),
            address or "no address",
        )

    def may_report(self) -> bool:
        """Whether one more error of a browser may be logged."""
        now = self._now_s()
        if now - self._minute_s >= 60:
            self._minute_s, self._reports = now, 0
        self._reports += 1
        return self._reports <= MOST_REPORTS_A_MINUTE


def _scope_for_reflex(scope: Scope, token: str, address: str | None) -> dict[str, Any]:
    """The scope as Reflex may see it: only with the headers and query that the page needs, and with
    the client's address as all limits have it.
    """
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.lower() in _KEPT_HEADERS and len(value) <= _KEPT_HEADER_BYTES
    ]
    query = f"EIO=4&transport=websocket&token={token}".encode()
    return {**scope, "headers": headers, "query_string": query, "client": (address or "", 0)}
