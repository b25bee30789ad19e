"""From a TCP connection to a complete request head, within a deadline.

A subclass of uvicorn's HTTP/1.1 protocol, which waits for ever for a head: twenty thousand
connections that send nothing, or a byte now and then, would use up the process's descriptors
without one request. Here a connection whose peer owes the rest of a request, while no answer to it
is under way, is cut off after ``HEAD_S``, and one whose peer does not read its answer after
``BLOCKED_S``. Not limited: answers that take long to make or to read, upgraded WebSockets (protocol
pings watch them), and the pause between two requests (uvicorn's ``timeout_keep_alive``).

It also hands over what a client sends right behind its upgrade request, which uvicorn drops. The
WebSocket protocol must hold that until the application has accepted, as ``gateway.wire`` does.

On the event loop only; one timer for each connection that owes something, no task.
"""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0
"""For the slowest of honest clients: a head is one packet, lost a few times on a bad line. Also
longer than browsers need between opening a spare connection and using it; they take a closed one
as a matter of course.
"""
BLOCKED_S = 30.0
"""A reader that takes 64 KiB in half a minute is slow; one that takes nothing is not there."""


class PhotonHTTPProtocol(H11Protocol):
    """uvicorn's protocol with a deadline for the request head, and one for a reader that stops."""

    head_s: ClassVar[float] = HEAD_S
    blocked_s: ClassVar[float] = BLOCKED_S
    _blocked: asyncio.TimerHandle | None = None
    _deadline: asyncio.TimerHandle | None = None
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection; its first head is owed from now on."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes: a head, a part of one, or a body."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._relieve()
        self._unblock()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read what it has asked for."""
        super().pause_writing()
        if self._blocked is None:
            self._blocked = self.loop.call_later(self.blocked_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer reads."""
        super().resume_writing()
        self._unblock()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, with what came behind the head."""
        if event.http_version != b"1.1":
            self.send_400_response("a WebSocket needs HTTP/1.1")
            return
        self._upgraded = True
        early, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        protocol = self.transport.get_protocol()
        if early and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(early)

    def send_400_response(self, msg: str) -> None:
        """A request that is none, or a body that is none; where an answer has begun, no other can
        be given any more, and what the application still says is dropped.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _watch(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self._upgraded:
            self._relieve()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.head_s, self.transport.abort)

    def _unblock(self) -> None:
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None

    def _relieve(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
