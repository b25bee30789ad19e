"""From a TCP connection to a WebSocket: strange requests, early frames, and heads that never end.

Every law ends with the same sentence, said by ``undisturbed`` and ``quiet``: a healthy client still
gets its next update, the broken one's place is free, and nothing is in the log.
"""

import asyncio
import contextlib
import gc
import json
import weakref
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest
import uvicorn

from photon_app import launcher
from photon_app.gateway.connections import EXTENSION
from photon_app.gateway.handshake import BURST_S, HttpLimits, PhotonHTTPProtocol, protocol
from photon_app.gateway.origin import ASGIApp, Receive, Scope, Send, refuse
from tests.fakes import raw
from tests.fakes.bystander import Life, undisturbed
from tests.fakes.raw import RawClient, fragments, frame, head, say
from tests.fakes.server import PLAIN, WIRE, Serving
from tests.fakes.time import settle
from tests.fakes.waiting import wait_until

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
    Handshake("a header of 64 KiB", handshake("", "X: " + "x" * 64 * KIB), {431}, plain=False),
    Handshake("a head of 60 KB", head("/health", "X: " + "x" * 60_000), {431}, plain=False),
    Handshake("a head of 45,000 lines", head("/health", *["a:"] * 45_000), {431}, plain=False),
    Handshake("a head of 200 lines", head("/health", *["a:"] * 200), {431}, plain=False),
    Handshake("a folded head", head("/health", "a: b", *["  c"] * 200), {431}, plain=False),
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
        "chunks where no body is taken",
        head("/health", "Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 10_000,
        {413},
        plain=False,
    ),
    Handshake(
        "a refused one with frames behind",
        handshake(target="/ws?format=xml") + frame(3),
        {400},
        plain=False,
    ),
    Handshake(
        "a body where none is taken",
        head("/api/quotes", "Content-Length: 100000", method="POST") + b"x",
        {413},
        plain=False,
    ),
    Handshake(
        "a body that waits for consent",
        head("/no", "Content-Length: 1", "Expect: 100-continue", method="PUT"),
        {413},
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


class Taking(PhotonHTTPProtocol):
    """Some path takes a body."""

    head_s = 0.3
    body_paths = frozenset({"/health", "/api/quotes"})


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(head("/health", "Content-Length: 2") + b"hi", 200, id="short"),
        pytest.param(head("/health", "Content-Length: 65537"), 413, id="long"),
        pytest.param(head("/health", "Transfer-Encoding: chunked"), 411, id="in chunks"),
        pytest.param(head("/health?a=b", "Content-Length: 65536") + b"x", 200, id="never whole"),
    ],
)
def test_a_body_has_a_length_and_a_time(sent: bytes, status: int) -> None:
    """Where one is taken at all."""

    async def scenario() -> None:
        async with (
            undisturbed(http=Taking) as server,
            RawClient.connect(server.port) as client,
            asyncio.timeout(6),  # the pause between two requests is 5 s
        ):
            await client.send(sent)
            assert (await client.read()).status == status

    asyncio.run(scenario())


def test_a_body_that_the_application_waits_for_has_a_time_too() -> None:
    """It holds a task besides its connection."""

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass

    async def scenario() -> None:
        async with alone(reads, Taking) as port, RawClient.connect(port) as client:
            await client.send(head("/health", "Content-Length: 9") + b"x")
            assert await client.body() == b""

    asyncio.run(scenario())


def test_a_refusal_is_a_sentence_and_is_counted() -> None:
    """Also when the client goes on sending what nobody reads."""

    async def scenario() -> None:
        async with undisturbed() as server:
            for sent, said in (
                (head("/health", "X: " + "x" * 20_000), b"16384 bytes"),
                (head("/health", "Content-Length: 9"), b"send it without"),
                (b"nonsense\r\n\r\n", b"no valid request"),
            ):
                async with RawClient.connect(server.port) as client:
                    await client.send(sent)
                    await client.send(b"x" * 50_000)
                    assert said in await client.body()
            ended = (await raw.health(server.port))["http"]["ended"]
            assert (ended["head"], ended["body"], ended["malformed"]) == (1, 1, 1)

    asyncio.run(scenario())


def test_an_upgrade_of_another_kind_is_answered_without_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anybody can ask for one, as often as it likes."""

    async def scenario() -> None:
        async with undisturbed() as server, RawClient.connect(server.port) as client:
            await client.send(head("/health", "Connection: Upgrade, close", "Upgrade: h2c"))
            assert await client.status() == 200

    asyncio.run(scenario())
    assert not caplog.records


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
                await settle()  # it is read by itself
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
            await wait_until(lambda: len(connections) == 2)
            await wait_until(lambda: len(connections) == 1)

    asyncio.run(scenario())


async def deadline_passed(port: int) -> None:
    """Twice as long as a request may take: so long live two peers that say nothing, one after the
    other.
    """
    for _ in range(2):
        async with RawClient.connect(port) as silent:
            assert (await silent.read()).status is None


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
            await deadline_passed(server.port)
            await upgraded.send(say(action="list"))
            await upgraded.read_until("subscription")
            await idle.send(head("/health", "Connection: close"))
            assert b"healthy" in (await idle.body()).partition(b"HTTP/1.1 200")[2]

    asyncio.run(scenario())


def test_an_upgrade_that_waited_for_its_turn_is_not_cut_off() -> None:
    """It owes no request any more."""

    async def scenario() -> None:
        async with undisturbed(http=Hasty) as server, RawClient.connect(server.port) as client:
            protocols = server.server.server_state.connections
            await wait_until(lambda: any(isinstance(p, Hasty) for p in protocols))
            [speaking] = [p for p in protocols if isinstance(p, Hasty)]
            speaking._shared.budget.use_up()
            await client.send(head())
            await client.read_until("status")
            await deadline_passed(server.port)
            await client.send(say(action="list"))
            await client.read_until("subscription")

    asyncio.run(scenario())


def test_an_answer_under_way_may_take_its_time() -> None:
    """The deadline is the client's, not the application's."""
    may = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await may.wait()
        await refuse({"type": "http"}, receive, send, 418, "at last")

    async def scenario() -> None:
        async with alone(slow, Hasty) as port, RawClient.connect(port) as client:
            await client.send(head("/", "Connection: close"))
            await deadline_passed(port)
            may.set()
            assert await client.status() == 418

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def alone(app: ASGIApp, protocol: type[PhotonHTTPProtocol]) -> AsyncIterator[int]:
    """An application of a test's own; its port."""
    config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None)
    with launcher.bind("127.0.0.1", 0) as sock:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([sock]))
        yield sock.getsockname()[1]
        server.should_exit = True
        await serving


LONG = bytes(range(256)) * 4_096


async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """A megabyte."""
    del scope, receive
    length = (b"content-length", str(len(LONG)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": LONG})


def test_a_long_answer_is_whole() -> None:
    """In pieces, in order."""

    async def scenario() -> None:
        async with (
            alone(long_answer, PhotonHTTPProtocol) as port,
            RawClient.connect(port, receive_buffer=4096) as client,
        ):
            await client.send(head("/", "Connection: close"))
            assert await client.body() == LONG

    asyncio.run(scenario())


def test_an_answer_to_who_is_going_is_no_fault_of_the_application() -> None:
    """Its connection is closing, and is lost only in the next iteration: nothing is logged
    (``quiet``).
    """

    async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        scope["extensions"][EXTENSION].transport.close()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def scenario() -> None:
        async with (
            alone(leaves, PhotonHTTPProtocol) as port,
            RawClient.connect(port) as client,
        ):
            await client.send(head("/", "Connection: close"))
            assert not await client._more()

    asyncio.run(scenario())


def test_a_long_answer_waits_for_its_reader_outside_the_transport() -> None:
    """And what peers leave unread has a bound, at which the one that waits longest is cut off."""

    async def scenario() -> None:
        async with (
            alone(long_answer, PhotonHTTPProtocol) as port,
            contextlib.AsyncExitStack() as clients,
        ):
            several = [
                await clients.enter_async_context(RawClient.connect(port, receive_buffer=4096))
                for _ in range(40)
            ]
            for client in several:
                await client.send(head("/", "Connection: close"))
                assert await client.status() == 200
            assert await several[-1].body() == LONG
            assert len(await several[0].body()) < len(LONG)

    asyncio.run(scenario())


def test_many_requests_of_one_address_are_refused_with_a_time() -> None:
    """The connection ends with it; another address is served."""
    limits = HttpLimits(requests_per_s=1, proxy_hops=1)

    async def scenario() -> None:
        async with undisturbed(http=protocol(limits)) as server:
            for address, status in (("1.1.1.1", 429), ("2.2.2.2", 200)):
                async with RawClient.connect(server.port) as client:
                    forwarded = f"X-Forwarded-For: {address}"
                    count = BURST_S if status == 429 else 0
                    await client.send(head("/", forwarded) * count)
                    await client.send(head("/", forwarded, "Connection: close"))
                    answers = b"HTTP/1.1 200" + await client.body()
                    assert answers.count(b"HTTP/1.1 200") == max(1, count)
                    assert (b"Retry-After: 1" in answers) == (status == 429)
                    assert (b"PHOTON_REQUESTS_PER_S" in answers) == (status == 429)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/api/quotes", "detail"),
        ("/", "detail"),
        ("/no?q=/api/v1/quote", "detail"),
        ("/api/v1/search?q=apple", "error"),
        ("/api/v1/%00", "error"),
    ],
)
def test_a_refused_request_is_answered_as_the_routes_of_its_path_do(target: str, key: str) -> None:
    """In JSON, one sentence, whether it was its body or its rate."""
    limits = HttpLimits(requests_per_s=1, proxy_hops=1)
    forwarded = "X-Forwarded-For: 1.1.1.1"

    async def scenario() -> None:
        async with undisturbed(http=protocol(limits)) as server:
            for sent, status, said in (
                (head(target, "Content-Length: 1", method="POST"), b"413", "body"),
                (head(target, forwarded) * (BURST_S + 1), b"429", "PHOTON_REQUESTS_PER_S"),
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(sent)
                *_, refused, body = (await reader.read()).split(b"\r\n\r\n")
                writer.close()
                assert refused.rpartition(b"HTTP/1.1 ")[2].startswith(status)
                assert b"Content-Type: application/json" in refused
                assert list(json.loads(body)) == [key]
                assert said in json.loads(body)[key]

    asyncio.run(scenario())


def test_a_newcomer_is_served_where_idle_connections_have_all_places() -> None:
    """The oldest of them goes."""

    async def scenario() -> None:
        async with (
            undisturbed(http=protocol(HttpLimits(sockets=12))) as server,
            contextlib.AsyncExitStack() as clients,
        ):
            idle = [
                await clients.enter_async_context(RawClient.connect(server.port)) for _ in range(40)
            ]
            assert (await raw.health(server.port))["http"]["connections"] <= 6
            assert await idle[0].body() == b""
            await idle[-1].send(head("/health", "Connection: close"))
            assert await idle[-1].status() == 200

    asyncio.run(scenario())


def test_a_newcomer_is_refused_where_all_others_are_at_work() -> None:
    """With a sentence."""
    begun, release = asyncio.Semaphore(0), asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        begun.release()
        await release.wait()
        await refuse(scope, receive, send, 418, "at last")

    async def scenario() -> None:
        async with (
            alone(waits, protocol(HttpLimits(sockets=4))) as port,
            RawClient.connect(port) as first,
            RawClient.connect(port) as second,
        ):
            for busy in (first, second):
                await busy.send(head("/", "Connection: close"))
                await begun.acquire()
            async with RawClient.connect(port) as third:
                assert b"as many connections open" in await third.body()
            release.set()
            assert await first.status() == await second.status() == 418

    asyncio.run(scenario())


def test_an_answer_is_not_made_on_for_nobody() -> None:
    """Left to uvicorn it would be, and dropped."""
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
                await asyncio.sleep(0)
        finally:
            ended.set()

    async def scenario() -> None:
        async with alone(endless, PhotonHTTPProtocol) as port, asyncio.timeout(5):
            async with RawClient.connect(port) as client:
                await client.send(head("/", "Accept: */*"))
                await client.status()
            await ended.wait()

    asyncio.run(scenario())


def test_what_is_left_of_a_connection_is_freed_at_once() -> None:
    """A collector that had to search for thousands of them would stop everything meanwhile."""
    left: list[weakref.ref[object]] = []

    class Remembered(PhotonHTTPProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            left.append(weakref.ref(self.transport))
            super().connection_lost(exc)
            left.append(weakref.ref(self))

    async def scenario() -> None:
        async with undisturbed(http=Remembered) as server, asyncio.timeout(5):
            gc.disable()
            try:
                for sent in (head("/health", "Connection: close"), head("/", "Content-Length: 1")):
                    async with RawClient.connect(server.port) as client:
                        await client.send(sent)
                        await client.status()
                await wait_until(lambda: len(left) > 3 and not any(one() for one in left[:4]))
            finally:
                gc.enable()

    asyncio.run(scenario())
