"""From a TCP connection to a WebSocket: strange requests, early frames, and heads that never end.

Every law ends with the same sentence, said by ``undisturbed`` and ``quiet``: a healthy client still
gets its next update, the broken one's place is free, and nothing is in the log.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import pytest
import uvicorn

from photon_app import launcher
from photon_app.gateway.handshake import PhotonHTTPProtocol
from photon_app.gateway.origin import Receive, Scope, Send, refuse
from tests.fakes import raw
from tests.fakes.bystander import Life, undisturbed
from tests.fakes.raw import RawClient, fragments, frame, head, say
from tests.fakes.server import PLAIN, WIRE, Serving

Lives = Callable[[str], Life]
pytestmark = pytest.mark.usefixtures("quiet")
both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
KIB = 1024


class Handshake(NamedTuple):
    """A request that is no handshake, or a strange one."""

    name: str
    sent: bytes
    statuses: set[int]
    plain: bool = True


def handshake(drop: str = "", *more: str, target: str = "/ws", **options: str) -> bytes:
    """The head of a handshake without one header, and with others."""
    kept = (line for line in raw.HANDSHAKE if not drop or not line.startswith(drop))
    return head(target, *kept, *more, **options)


KEY, VERSION = "Sec-WebSocket-Key", "Sec-WebSocket-Version"
HANDSHAKES = (
    Handshake("no key", handshake(KEY), {400}),
    Handshake("a key that is none", handshake(KEY, f"{KEY}: short"), {400}),
    Handshake("a key not ASCII", handshake(KEY, f"{KEY}: \x80\xff"), {400}),
    Handshake("two keys", handshake("", f"{KEY}: dGhlIHNhbXBsZSBub25jZQ=="), {400}),
    Handshake("no version", handshake(VERSION), {400}),
    Handshake("another version", handshake(VERSION, f"{VERSION}: 8"), {400}),
    Handshake(
        "a subprotocol of \\x80\\xff", handshake("", "Sec-WebSocket-Protocol: \x80\xff"), {400}
    ),
    Handshake("a subprotocol", handshake("", "Sec-WebSocket-Protocol: any"), {101}),
    Handshake("POST", handshake(method="POST"), {405}),
    Handshake("HTTP/1.0", handshake(version="1.0"), {400}, plain=False),
    Handshake("HTTP/9.9", handshake(version="9.9"), {400}, plain=False),
    Handshake("no upgrade", head("/ws", "Accept: */*"), {404}),
    Handshake("no Host", handshake().replace(b"Host", b"Most"), {400}),
    Handshake("a header of 10 KiB", handshake("", "X: " + "x" * 10 * KIB), {431}, plain=False),
    Handshake("a header of 64 KiB", handshake("", "X: " + "x" * 64 * KIB), {400, 431}, plain=False),
    Handshake("a target of 10 KiB", handshake(target="/ws?" + "x" * 10 * KIB), {414}, plain=False),
    Handshake(
        "1,000 headers", handshake("", *(f"X{n}: 1" for n in range(1000))), {431}, plain=False
    ),
    Handshake("a control character in a header", handshake("", "X: a\x01b"), {400}, plain=False),
    Handshake("a body", handshake("", "Content-Length: 2") + b"hi", {400}, plain=False),
    Handshake("a chunked body", handshake("", "Transfer-Encoding: chunked"), {400}, plain=False),
    Handshake("NUL in the path", handshake(target="/ws\0"), {400}),
    Handshake("%00 in the path", handshake(target="/ws%00"), {403}),
    Handshake("not ASCII in the path", handshake(target="/ws\xff"), {400}),
    Handshake("a whole address", handshake(target="http://127.0.0.1/ws"), {403}),
    Handshake("another path", handshake(target="/wss"), {403}),
    Handshake(
        "TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n", {400}
    ),
    Handshake("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 404}),
    Handshake(
        "a chunk that is none",
        head("/health", "Transfer-Encoding: chunked") + b"zz\r\n",
        {400},
        plain=False,
    ),
    Handshake(
        "a refused one with frames behind",
        handshake(target="/ws?format=xml") + frame(3),
        {400},
        plain=False,
    ),
)


@pytest.mark.parametrize(
    ("ws", "case"),
    [
        pytest.param(ws, case, id=f"{name}, {case.name}")
        for name, ws in (("wire", WIRE), ("plain", PLAIN))
        for case in HANDSHAKES
        if case.plain or ws == WIRE
    ],
)
def test_a_strange_handshake_is_answered_with_its_status(
    life: Lives, ws: str, case: Handshake
) -> None:
    """And the connection does not stay open without one."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            await client.send(case.sent)
            client.half_close()
            seen = await client.read()
            assert seen.status in case.statuses or (seen.reset and len(case.sent) > 64 * KIB)

    life(ws).trial(trial)


def test_a_body_that_breaks_after_the_answer_is_the_clients_fault(life: Lives) -> None:
    """The answer went out; the rest of the request is of no use."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            await client.send(head("/health", "Transfer-Encoding: chunked"))
            assert await client.status() == 200
            await client.send(b"zz\r\n")
            await client.read()

    life(WIRE).trial(trial)


def test_frames_right_behind_the_handshake_are_read_and_answered(life: Lives) -> None:
    """A client need not wait for the consent when it can live without."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            sent = head() + frame(raw.PING, b"early") + say(action="ping") + say(action="list")
            await client.send(sent + frame(raw.CLOSE, b"\x03\xe8"))
            seen = await client.read()
            assert (seen.status, seen.code) == (101, 1000)

    life(WIRE).trial(trial)


def test_more_than_a_little_right_behind_the_handshake_is_refused(life: Lives) -> None:
    """A client should wait for the answer; what it sends before is parsed in one go."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            await client.send(head() + frame(raw.PING) * 10_000)
            seen = await client.read()
            assert seen.status == 400 or seen.reset

    life(WIRE).trial(trial)


def test_half_a_frame_right_behind_the_handshake_is_completed_by_the_next_read(life: Lives) -> None:
    """No byte is lost in between."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            ping = say(action="ping", id="early")
            await client.send(head() + ping[:9])
            await client.read_until("status")
            await client.send(ping[9:])
            assert (await client.read_until("pong"))[-1]["id"] == "early"

    life(WIRE).trial(trial)


def test_garbage_right_behind_the_handshake_is_closed_behind_the_consent(life: Lives) -> None:
    """In this order, and without a traceback."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            await client.send(head() + frame(3))
            seen = await client.read()
            assert (seen.status, seen.code) == (101, 1002)

    life(WIRE).trial(trial)


@both
def test_a_request_and_frames_that_come_byte_by_byte_are_read(life: Lives, ws: str) -> None:
    """TCP promises no more."""

    async def trial(server: Serving) -> None:
        async with RawClient.connect(server.port) as client:
            await client.drip(head())
            await client.read_until("status")
            await client.drip(fragments(b'{"action":"ping"}', 5))
            await client.read_until("pong")

    life(ws).trial(trial)


class Hasty(PhotonHTTPProtocol):
    """A deadline that a test can wait for."""

    head_s = 0.2


REQUEST = head("/health", "Accept: */*")


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        pytest.param([b""], None, id="nothing"),
        pytest.param([b"G"], None, id="one byte"),
        pytest.param([head()[:-1]], None, id="half a handshake"),
        pytest.param([bytes((byte,)) for byte in head()[:40]], None, id="a byte now and then"),
        pytest.param([REQUEST[:-1]], None, id="half a request"),
        pytest.param([REQUEST, REQUEST[:-1]], 200, id="half of a second request"),
        pytest.param(
            [head("/health", "Content-Length: 9"), b"ha", b"lf"], 200, id="half a body, answered"
        ),
    ],
)
def test_a_request_that_never_ends_is_cut_off(parts: list[bytes], status: int | None) -> None:
    """However much of it came, and however slowly."""

    async def scenario() -> None:
        async with (
            undisturbed(http=Hasty) as server,
            RawClient.connect(server.port) as client,
            asyncio.timeout(3),
        ):
            for part in parts:
                await client.send(part)
                await asyncio.sleep(0.02)
            assert (await client.read()).status == status

    asyncio.run(scenario())


def test_a_reader_that_stops_is_cut_off() -> None:
    """It has asked for answers, and takes none of them."""

    class Brief(PhotonHTTPProtocol):
        blocked_s = 0.2

    async def scenario() -> None:
        async with (
            undisturbed(http=Brief) as server,
            RawClient.connect(server.port, receive_buffer=4096) as client,
        ):
            connections = server.server.server_state.connections
            await client.send(head("/openapi.json", "Accept: */*") * 2000)
            while len(connections) < 2:
                await asyncio.sleep(0.01)
            while len(connections) > 1:
                await asyncio.sleep(0.02)

    asyncio.run(scenario())


def test_what_is_whole_is_not_cut_off() -> None:
    """An open WebSocket, and an HTTP connection between two requests."""

    async def scenario() -> None:
        async with (
            undisturbed(http=Hasty) as server,
            RawClient.upgraded(server.port) as upgraded,
            RawClient.connect(server.port) as idle,
        ):
            await idle.send(REQUEST)
            assert await idle.status() == 200
            await asyncio.sleep(2 * Hasty.head_s)
            await upgraded.send(say(action="list"))
            await upgraded.read_until("subscription")
            await idle.send(head("/health", "Connection: close"))
            assert b"healthy" in (await idle.body()).partition(b"HTTP/1.1 200")[2]

    asyncio.run(scenario())


def test_an_answer_under_way_may_take_its_time() -> None:
    """The deadline is the client's, not the application's."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await asyncio.sleep(2 * Hasty.head_s)
        await refuse({"type": "http"}, receive, send, 418, "at last")

    async def scenario() -> None:
        config = uvicorn.Config(slow, http=Hasty, lifespan="off", log_config=None)
        with launcher.bind("127.0.0.1", 0) as sock:
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server._serve([sock]))
            async with RawClient.connect(sock.getsockname()[1]) as client:
                await client.send(head("/", "Connection: close"))
                assert await client.status() == 418
            server.should_exit = True
            await serving

    asyncio.run(scenario())
