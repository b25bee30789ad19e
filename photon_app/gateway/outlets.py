"""How frames are written to one client: over the wire extension, or as ordinary ASGI messages.

Both implement ``hub.sink.Outlet``: synchronous writes, high and low water marks, a close that
cannot hang. Created by ``gateway.edge``, one for each connection, on the event loop.
"""

import asyncio
import collections
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from photon_app.gateway.wire import CLOSE_TIMEOUT_S, HIGH_WATER_BYTES, LOW_WATER_BYTES, Wire
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink


class WireOutlet:
    """Writes ready frames straight to the transport, which checks the water marks.

    Args:
        wire: the connection.
        form: whether the client negotiated compression.
    """

    __slots__ = ("_form", "_wire")

    def __init__(self, wire: Wire, form: Form = EVENTS) -> None:
        self._wire = wire
        self._form = form

    @property
    def put(self) -> Callable[[bytes], int]:
        """See ``Outlet``."""
        return self._wire.put

    def put_rest(self, data: bytes) -> None:
        """See ``Outlet``."""
        self._wire.write_frames(data)

    @property
    def unsent_bytes(self) -> int:
        """See ``Outlet``."""
        return self._wire.unsent_bytes

    def attach(self, sink: Sink, on_shutdown: Callable[[], None]) -> None:
        """Connect the transport's marks to the sink."""
        self._wire.attach(sink, on_shutdown)

    def write(self, frames: Frames) -> None:
        """See ``Outlet``."""
        if frames:
            self._wire.write_frames(self._form.joined(frames))

    def close(self, code: int, reason: str) -> None:
        """See ``Outlet``."""
        self._wire.start_close(code, reason)

    async def serve(self, reader: Coroutine[Any, Any, None]) -> None:
        """Run the reader: writes need no task, since they are done when ``write`` returns."""
        await reader


class AsgiOutlet:
    """A queue of texts and the task that sends them, one ASGI message each.

    Bound: above ``HIGH_WATER_BYTES`` the sink is congested and offers nothing more, so the queue
    has at most the high water mark, one flush, and answers.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._texts: collections.deque[str] = collections.deque()
        self.queued_bytes = 0
        """Bytes that wait to be sent; compared with the water marks."""
        self._wake = asyncio.Event()
        self._close_args: tuple[int, str] | None = None
        self._sink: Sink | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def put(self) -> None:
        """See ``Outlet``: texts have to be queued."""
        return

    def put_rest(self, data: bytes) -> None:
        """See ``Outlet``: without ``put`` there is no rest."""

    @property
    def unsent_bytes(self) -> int:
        """See ``Outlet``."""
        return self.queued_bytes

    def attach(self, sink: Sink, on_shutdown: Callable[[], None]) -> None:
        """Connect the queue's marks to the sink. ``on_shutdown`` is not used: without the extension
        the end of the lifespan notifies the client.
        """
        del on_shutdown
        self._sink = sink

    def write(self, frames: Frames) -> None:
        """See ``Outlet``."""
        if self._close_args is not None or not frames:
            return
        for text in frames.texts:
            self._texts.append(text)
            self.queued_bytes += len(text)
        self._wake.set()
        if self.queued_bytes > HIGH_WATER_BYTES and self._sink is not None:
            self._sink.congest()

    def close(self, code: int, reason: str) -> None:
        """See ``Outlet``."""
        if self._close_args is None:
            self._close_args = (code, reason)
            self._wake.set()
            if self._writer is not None:
                asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._writer.cancel)

    async def serve(self, reader: Coroutine[Any, Any, None]) -> None:
        """Run the reader beside the writer; the first to end ends both."""
        reading = asyncio.ensure_future(reader)
        self._writer = asyncio.ensure_future(self._write_all())
        both = {reading, self._writer}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for task in (reading, self._writer):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _write_all(self) -> None:
        """Send until closed; returns when the connection is gone."""
        try:
            while await self._pending():
                text = self._texts.popleft()
                await self._websocket.send_text(text)
                self.queued_bytes -= len(text)
                if self.queued_bytes < LOW_WATER_BYTES and self._sink is not None:
                    self._sink.drain()
            if self._close_args is not None:
                await self._websocket.close(*self._close_args)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # the peer is gone: the reader notices too, and ends the session
        finally:
            if self._sink is not None:
                self._sink.lost()

    async def _pending(self) -> bool:
        """Wait for a text; false when it is time to close."""
        while not self._texts and self._close_args is None:
            self._wake.clear()
            await self._wake.wait()
        return bool(self._texts)
