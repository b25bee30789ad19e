"""The wire extension by its contract, with a small ASGI application instead of Photon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast
from unittest import mock

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from photon_app import launcher
from photon_app.gateway import wire as wire_module
from photon_app.gateway.connections import direct_send
from photon_app.gateway.limits import TokenBucket
from photon_app.gateway.origin import Receive, Scope, Send
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.gateway.wire import (
    CLOSE_TIMEOUT_S,
    EXTENSION,
    HIGH_WATER_BYTES,
    LOW_WATER_BYTES,
    READ_BYTES,
    Wire,
    wire_of,
)
from photon_app.hub.frames import frame
from tests.fakes import raw
from tests.fakes.raw import RawClient
from tests.fakes.raw import frame as frame_of
from tests.fakes.server import WIRE
from tests.fakes.waiting import wait_until

Talk = Callable[[Wire, Send], Awaitable[None]]


class Marks:
    """A sink that notes its calls, and writes as sinks do."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._direct = True

    def queue(self) -> None:
        """Not empty."""
        self.calls.append("queue")
        self._direct = False

    def congest(self) -> None:
        """Above the mark."""
        self.calls.append("congest")

    def drain(self) -> None:
        """Empty."""
        self.calls.append("drain")
        self._direct = True

    def lost(self) -> None:
        """Going."""
        self.calls.append("lost")

    def write(self, wire: Wire, data: bytes) -> None:
        """Past the buffer, or behind what is there."""
        sent = 0
        if self._direct:
            with contextlib.suppress(BlockingIOError):
                sent = wire.put(data)
        if sent != len(data):
            wire.write_frames(data[sent:])
            assert not self._direct or not wire.unsent_bytes


@contextlib.asynccontextmanager
async def application(talk: Talk, **options: Any) -> AsyncIterator[int]:
    """The port of an application that accepts, whatever the path, and then talks."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        wire = wire_of(scope["extensions"])
        assert wire is not None
        wire.write_frames(frame(b"too early"))
        await send({"type": "websocket.accept"})
        await talk(wire, send)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    with launcher.bind("127.0.0.1", 0) as sock:
        config = uvicorn.Config(app, ws=WIRE, lifespan="off", log_level="error", **options)
        server = uvicorn.Server(config)
        config.load()
        serving = asyncio.create_task(server._serve([sock]))
        await wait_until(lambda: server.started)
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def talking(
    talk: Talk, connect_options: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """A client of such an application."""
    async with application(talk, **options) as port:
        address = f"ws://127.0.0.1:{port}/ws"
        async with connect(address, max_size=None, **(connect_options or {})) as client:
            yield client


async def silence(wire: Wire, send: Send) -> None:
    """An application that has nothing to say."""
    del wire, send


def test_ready_frames_and_messages_of_the_server_arrive_whole_and_in_order() -> None:
    """None between the parts of another, however long; and pings find their way between them."""

    async def talk(wire: Wire, send: Send) -> None:
        wire.attach(Marks(), lambda: None)
        for n in range(50):
            wire.write_frames(frame(f"ready {n}".encode()) + frame(b"r" * 30_000))
            await send({"type": "websocket.send", "text": f"asgi {n}" + "a" * 100_000})

    async def scenario() -> None:
        async with talking(talk, ws_ping_interval=0.01, ws_ping_timeout=5) as client:
            for n in range(50):
                assert await client.recv() == f"ready {n}"
                assert await client.recv() == "r" * 30_000
                assert await client.recv() == f"asgi {n}" + "a" * 100_000
            await (await client.ping())

    asyncio.run(scenario())


def test_nothing_is_written_before_the_handshake_or_after_the_close() -> None:
    """It is dropped; the close frame is the last thing that a client sees."""

    async def talk(wire: Wire, send: Send) -> None:
        marks = Marks()
        wire.attach(marks, lambda: None)
        wire.write_frames(frame(b"one"))
        wire.start_close(4008, "enough")
        assert marks.calls == ["lost"]
        wire.write_frames(frame(b"too late"))
        del send

    async def scenario() -> None:
        async with talking(talk) as client:
            assert await client.recv() == "one"
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (4008, "enough")

    asyncio.run(scenario())


def test_a_sink_hears_of_the_marks_and_of_the_end_before_writes_are_refused() -> None:
    """So a caller that writes without asking (``put``) need not ask."""
    marks = Marks()

    async def talk(wire: Wire, send: Send) -> None:
        wire.attach(marks, lambda: None)
        while "congest" not in marks.calls:
            marks.write(wire, frame(b"x" * 50_000))
        del send

    async def scenario() -> None:
        async with talking(talk) as client:
            while "drain" not in marks.calls:
                await client.recv()
            await client.close()
            await wait_until(lambda: "lost" in marks.calls, CLOSE_TIMEOUT_S)
        assert marks.calls[:4] == ["queue", "congest", "drain", "lost"]

    asyncio.run(scenario())


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("put", "put", "put", "write", "asgi", "ping", "rest")),
            st.sampled_from((1, 125, 126, 3_000, 70_000, 300_000)),
        ),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_frames_arrive_whole_and_in_order_however_they_are_written(
    writes: list[tuple[str, int]],
    socket: bool,
) -> None:
    """Past the buffer, into it, by ASGI, with pings between them, while the client reads slowly;
    and where the transport has no socket of its own, as one with TLS.
    """
    marks = Marks()

    async def talk(wire: Wire, send: Send) -> None:
        wire.attach(marks, lambda: None)
        for number, (how, size) in enumerate(writes):
            text = f"{number} ".ljust(size, "x")
            if how == "asgi":
                await send({"type": "websocket.send", "text": text})
            elif how == "rest":
                await asyncio.sleep(0)
            elif how == "ping":
                cast("Any", wire).send_keepalive_ping()
            elif how == "put":
                marks.write(wire, frame(text.encode()))
            else:
                wire.write_frames(frame(text.encode()))
        wire.start_close(1000, "")

    async def scenario() -> None:
        async with talking(talk, connect_options={"max_queue": 1}) as client:
            got = [str(text) async for text in client]
        expected = [
            (n, size) for n, (how, size) in enumerate(writes) if how not in {"rest", "ping"}
        ]
        assert [int(text.split()[0]) for text in got] == [number for number, _ in expected]
        assert [len(text) for text in got] == [max(s, len(f"{n} ")) for n, s in expected]

    send = direct_send if socket else lambda _: None
    with mock.patch.object(wire_module, "direct_send", send):
        asyncio.run(scenario())


def test_an_application_that_fails_leaves_no_connection_to_a_client_that_does_not_read() -> None:
    """What is queued is dropped after the time for a close."""
    marks = Marks()

    async def talk(wire: Wire, send: Send) -> None:
        del send
        wire.attach(marks, lambda: None)
        for _ in range(200):
            wire.write_frames(frame(b"x" * 60_000))
        raise RuntimeError("a fault")

    async def scenario() -> None:
        async with talking(talk, connect_options={"max_queue": 1}):
            await wait_until(lambda: "lost" in marks.calls, 3 * CLOSE_TIMEOUT_S)

    asyncio.run(scenario())


def test_an_application_that_still_talks_learns_that_the_client_is_gone() -> None:
    """As by uvicorn after an end, and not as of a mistake of its own."""
    errors: list[type[BaseException]] = []

    async def talk(wire: Wire, send: Send) -> None:
        wire.attach(Marks(), lambda: None)
        wire.start_close(1011, "over")
        try:
            await send({"type": "websocket.send", "text": "still there?"})
        except Exception as error:
            errors.append(type(error))
            raise

    async def scenario() -> None:
        async with talking(talk) as client:
            with pytest.raises(ConnectionClosed):
                await client.recv()
        assert errors == [ClientDisconnected]

    asyncio.run(scenario())


def test_a_client_that_is_gone_when_its_sink_comes_is_lost_at_once() -> None:
    """The end was before the beginning: nobody would tell it later."""
    marks = Marks()

    async def talk(wire: Wire, send: Send) -> None:
        await send({"type": "websocket.close", "code": 1000})
        wire.attach(marks, lambda: None)

    async def scenario() -> None:
        async with talking(talk) as client:
            with pytest.raises(ConnectionClosedOK):
                await client.recv()
        assert marks.calls[0] == "lost"

    asyncio.run(scenario())


PATHS = ("/ws", "/finnhub/", "/_event/?EIO=4&transport=websocket", "/a/path/of/tomorrow")


@pytest.mark.parametrize("path", PATHS)
def test_the_bounds_of_frames_and_messages_hold_on_every_path(path: str) -> None:
    """None is exempt because nobody thought of it."""
    floods = {
        4029: (
            frame_of(raw.PING) * 2_000,
            frame_of(raw.PONG) * 2_000,
            raw.text("x", fin=False) + frame_of(raw.CONTINUATION, fin=False) * 2_000,
        ),
        1009: (raw.text("x" * (MAX_MESSAGE_BYTES + 1)), raw.text("x" * 1_000_000)),
    }

    async def scenario() -> None:
        async with application(silence) as port:
            for code, sent in (
                (code, sent) for code, all_sent in floods.items() for sent in all_sent
            ):
                async with RawClient.upgraded(port, target=path) as client:
                    sending = asyncio.create_task(client.send(sent))
                    assert (await client.read()).code == code
                    await sending

    asyncio.run(scenario())


@pytest.mark.parametrize("path", PATHS)
def test_every_path_reads_little_at_once_and_compresses_nothing(path: str) -> None:
    """A small frame may not become a large one, also where the server is set to compress."""
    seen: list[Wire] = []

    async def talk(wire: Wire, send: Send) -> None:
        del send
        seen.append(wire)

    async def scenario() -> None:
        async with (
            application(talk, ws_per_message_deflate=True) as port,
            connect(f"ws://127.0.0.1:{port}{path}", compression="deflate") as client,
        ):
            assert client.protocol.extensions == []
        transport = cast("Any", seen[0]).transport
        assert transport.max_size == READ_BYTES
        assert transport.get_write_buffer_limits() == (LOW_WATER_BYTES, HIGH_WATER_BYTES)

    asyncio.run(scenario())


def test_an_application_may_give_one_socket_other_bounds() -> None:
    """Up to what it says, and no other socket's."""
    spoken = asyncio.Event()

    async def talk(wire: Wire, send: Send) -> None:
        del send
        wire.set_bounds(message_bytes=100_000, read_bytes=1_000)
        spoken.set()

    async def scenario() -> None:
        async with application(talk) as port:
            for size, code in ((100_000, 1000), (100_001, 1009)):
                spoken.clear()
                async with RawClient.upgraded(port) as client:
                    await spoken.wait()
                    goodbye = frame_of(raw.CLOSE, b"\x03\xe8")
                    sending = asyncio.create_task(client.send(raw.text("x" * size) + goodbye))
                    assert (await client.read(polite=False)).code == code
                    await sending

    asyncio.run(scenario())


def test_sockets_of_an_address_share_what_they_send_beyond_the_quiet() -> None:
    """One that only answers pings never meets what another of its address has used up."""
    shared = TokenBucket(0.001, 50, 0)
    spoken = asyncio.Event()

    async def talk(wire: Wire, send: Send) -> None:
        del send
        wire.share_budget(shared)
        spoken.set()

    async def scenario() -> None:
        async with application(talk) as port:
            goodbye = frame_of(raw.CLOSE, b"\x03\xe8")
            for pings, code in ((25, 1000), (25, 1000), (25, 4029), (25, 4029), (3, 1000)):
                spoken.clear()
                async with RawClient.upgraded(port) as client:
                    await spoken.wait()
                    await client.send(frame_of(raw.PING) * pings)
                    await client.read_frames(raw.PONG, pings)
                    await client.send(goodbye)
                    assert (await client.read(polite=False)).code == code

    asyncio.run(scenario())


def test_a_server_without_the_extension_says_so_by_its_absence() -> None:
    """Then ordinary ASGI messages are sent."""
    assert EXTENSION == "photon.wire"
    assert wire_of({"websocket.http.response": {}}) is None
