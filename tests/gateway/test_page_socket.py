"""The page's socket, with a small application in Reflex's place."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from photon_app import launcher, services
from photon_app.clock import SYSTEM, Time
from photon_app.gateway import page_socket
from photon_app.gateway.admission import Admission
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send
from photon_app.gateway.page_protocol import MAX_STORAGE_BYTES, Rule, Rules
from photon_app.gateway.page_socket import (
    MOST_REPORTS,
    OUTBOX_BYTES,
    OUTBOX_PACKETS,
    TAB_UNITS_BURST,
    Outbox,
    PageEdge,
)
from photon_app.hub.stalls import Stalls
from photon_app.services import Services
from photon_app.settings import Settings
from tests.fakes.server import HTTP, PLAIN, WIRE
from tests.fakes.time import HandTime, settle
from tests.fakes.waiting import wait_until

STORAGE = msgspec.defstruct("Storage", [("vars", dict[str, str | None] | None, None)])
RULES = Rules(
    events={"hydrate": Rule(STORAGE, "storage"), "move": Rule(msgspec.defstruct("Move", []))},
    stored=frozenset({"list"}),
)
HYDRATE = '40/_event,{"event":{"name":"hydrate","payload":{"vars":{"list":"A"}}}}'
MOVE = '42/_event,["event",{"name":"move"}]'
QUERY = "?EIO=4&transport=websocket&token=a"
both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])


class Page:
    """Stands for Reflex: accepts, and notes what it hears."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.heard: list[str] = []
        self.left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hear one socket to its end, or answer a request."""
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self.heard.append(message["text"])
            await send({"type": "websocket.send", "text": "heard"})


class Served:
    """A running server and what is in it."""

    def __init__(self, page: Page, admission: Admission, port: int) -> None:
        self.page, self.admission, self.port = page, admission, port

    def tab(self, query: str = QUERY, path: str = "/_event/", **options: Any) -> connect:
        """A socket of a tab."""
        return connect(f"ws://127.0.0.1:{self.port}{path}{query}", **options)


@contextlib.contextmanager
def installed(live: Services) -> Iterator[None]:
    """The services of this process for as long as the block lasts."""
    services.install(live)
    try:
        yield
    finally:
        services.remove(live)


@contextlib.asynccontextmanager
async def serving(
    ws: str = WIRE,
    time: Time = SYSTEM,
    page: ASGIApp | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    quiet, loaded = Page(), Settings(**settings)
    admission = Admission.of(loaded)

    def left() -> None:
        quiet.left += 1

    edge = PageEdge(
        page or quiet,
        admission,
        RULES,
        on_left=left,
        time=time,
    )
    live = cast("Any", SimpleNamespace(settings=loaded, stalls=Stalls(HandTime())))
    with installed(live), launcher.bind("127.0.0.1", 0) as sock:
        config = uvicorn.Config(
            edge, http=HTTP if ws == WIRE else "h11", ws=ws, lifespan="off", log_level="error"
        )
        server = uvicorn.Server(config)
        config.load()
        running = asyncio.create_task(server._serve([sock]))
        await wait_until(lambda: server.started)
        try:
            yield Served(quiet, admission, sock.getsockname()[1])
        finally:
            server.should_exit = True
            await running


async def closed(tab: ClientConnection) -> tuple[int | None, str | None]:
    """How a tab was sent away."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await tab.recv()
    return tab.close_code, tab.close_reason


@both
def test_a_tab_takes_a_place_and_gives_it_back(ws: str) -> None:
    """Of its own kind, by address; what is refused says which setting."""

    async def scenario() -> None:
        async with serving(ws, max_per_ip=2) as served:
            async with served.tab(), served.tab():
                assert served.admission.open["page"] == 2
                with pytest.raises(InvalidStatus) as refused:
                    await served.tab()
                assert refused.value.response.status_code == 429
                assert b"PHOTON_MAX_PER_IP" in refused.value.response.body
            await wait_until(lambda: not served.admission.open["page"] and served.page.left == 2, 5)

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("query", ["", "?EIO=4&transport=websocket", QUERY + "&sid=x"])
def test_what_is_no_handshake_of_the_page_never_reaches_it(ws: str, query: str) -> None:
    async def scenario() -> None:
        async with serving(ws) as served:
            with pytest.raises(InvalidStatus) as refused:
                await served.tab(query)
            assert refused.value.response.status_code == 400
            assert served.page.scopes == []

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/_event", "/_event/", "/_event/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_there_is_no_long_polling(path: str, method: str) -> None:
    """Neither a session nor a body; other paths are the page's own."""

    async def scenario() -> None:
        async with serving() as served, httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{served.port}"
            answer = await client.request(method, f"{url}{path}?EIO=4&transport=polling&sid=x")
            assert answer.status_code == 400
            assert "WebSocket" in answer.text
            assert served.page.scopes == []
            assert (await client.get(f"{url}/_events")).status_code == 204

    asyncio.run(scenario())


def test_the_page_sees_nothing_of_a_visitor_that_it_does_not_need() -> None:
    """It keeps what it sees, and may log it."""
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Long": "y" * 5_000}

    async def scenario() -> None:
        async with serving() as served:
            async with served.tab(QUERY + "&more=z", additional_headers=secrets):
                pass
            scope = served.page.scopes[0]
            names = {name for name, _ in scope["headers"]}
            assert b"host" in names
            assert not names & {b"authorization", b"cookie", b"x-long"}
            assert scope["query_string"] == b"EIO=4&transport=websocket&token=a"

    asyncio.run(scenario())


def test_the_page_knows_a_visitor_by_the_address_of_all_limits() -> None:
    """That of the proxy's header; what upstream is asked for the visitor counts as its own."""

    async def scenario() -> None:
        async with serving(proxy_hops=1) as served:
            async with served.tab(additional_headers={"X-Forwarded-For": "9.9.9.9, 2001:db8::1"}):
                pass
            assert served.page.scopes[0]["client"] == ("2001:db8::/64", 0)

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"\0", 1003),
        ("4" * (MAX_STORAGE_BYTES + 1), 1009),
        ("5", 1008),
        ('42/admin,["event",{}]', 1008),
        (MOVE, 1008),
    ],
    ids=["binary", "too long", "upgrade", "namespace", "before the storage"],
)
def test_what_breaks_the_protocol_ends_the_socket(ws: str, said: str | bytes, code: int) -> None:
    """With a sentence, and without a word to Reflex."""

    async def scenario() -> None:
        async with serving(ws) as served, served.tab() as tab:
            await tab.send(said)
            assert (await closed(tab))[0] == code
            assert served.page.heard == []

    asyncio.run(scenario())


def test_nothing_is_heard_after_a_goodbye() -> None:
    async def scenario() -> None:
        async with serving() as served, served.tab() as tab:
            for said in (HYDRATE, "41/_event,", MOVE):
                await tab.send(said)
            assert (await closed(tab))[0] == 1008
            assert len(served.page.heard) == 2

    asyncio.run(scenario())


@both
def test_the_longest_storage_passes(ws: str) -> None:
    async def scenario() -> None:
        async with serving(ws) as served, served.tab() as tab:
            await tab.send(HYDRATE.replace("A", "A" * (MAX_STORAGE_BYTES - 200)))
            assert await tab.recv() == "heard"

    asyncio.run(scenario())


def test_unknown_events_are_left_out_and_five_in_a_row_end_the_socket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Counted, and logged in one line, without a word of what they said."""

    async def scenario() -> None:
        async with serving() as served:
            async with served.tab() as tab:
                await tab.send(HYDRATE)
                for _ in range(3):
                    for _ in range(4):
                        await tab.send(MOVE.replace("move", "evil\\u001b[2J FORGED"))
                    await tab.send(MOVE)
                for _ in range(4):
                    assert await tab.recv() == "heard"
                assert len(served.page.heard) == 4
                for _ in range(5):
                    await tab.send(MOVE.replace("move", "evil"))
                code, reason = await closed(tab)
                assert code == 1008
                assert reason is not None
                assert "does not have" in reason
            assert served.admission.page_refused == {"unknown": 17}

    with caplog.at_level(logging.WARNING, page_socket.__name__):
        asyncio.run(scenario())
    assert len(caplog.messages) == 1
    assert "FORGED" not in caplog.text


def test_who_is_fast_waits_and_is_not_read_meanwhile_but_never_refused() -> None:
    """What comes above the budget of a tab stays in the network."""

    async def scenario() -> None:
        gate, waits = asyncio.Event(), asyncio.Event()

        class Gated(HandTime):
            async def sleep(self, seconds: float) -> None:
                waits.set()
                await gate.wait()
                await super().sleep(seconds)

        async with serving(time=Gated()) as served, served.tab(close_timeout=1) as tab:
            await tab.send(HYDRATE)
            for _ in range(TAB_UNITS_BURST + 50):
                await tab.send(MOVE)
            await wait_until(lambda: len(served.page.heard) >= TAB_UNITS_BURST - 20)
            await waits.wait()
            async with httpx.AsyncClient() as client:  # the server has read on meanwhile
                await client.get(f"http://127.0.0.1:{served.port}/")
            await settle()
            assert len(served.page.heard) <= TAB_UNITS_BURST
            gate.set()
            await wait_until(lambda: len(served.page.heard) == TAB_UNITS_BURST + 51)
            assert served.admission.page_refused == {}

    asyncio.run(scenario())


def test_a_tab_reports_a_few_errors_of_its_browser() -> None:
    async def scenario() -> None:
        report = '42/_event,["client_error",{"message":"x"}]'
        async with serving() as served, served.tab() as tab:
            await tab.send(HYDRATE)
            for _ in range(MOST_REPORTS + 20):
                await tab.send(report)
            await tab.send(MOVE)
            for _ in range(MOST_REPORTS + 2):
                assert await tab.recv() == "heard"
            assert json.loads(served.page.heard[-1].partition(",")[2])[1]["name"] == "move"
            assert served.admission.page_refused == {"reports": 20}

    asyncio.run(scenario())


class Slow:
    """A tab that only notes that it is slow."""

    def __init__(self) -> None:
        self.notices = 0

    def slow(self) -> None:
        """Counted."""
        self.notices += 1


class Sent:
    """A packet of Engine.IO."""

    def __init__(self, size: int) -> None:
        self.text = "x" * size

    def encode(self) -> str:
        """As it is sent."""
        return self.text


@pytest.fixture
def slow() -> Iterator[Slow]:
    tab = Slow()
    inside = page_socket._tab.set(cast("Any", tab))
    yield tab
    page_socket._tab.reset(inside)


@pytest.mark.parametrize("size", [1, 1_000, 100_000])
def test_what_waits_for_a_tab_is_bounded_in_bytes_and_packets(slow: Slow, size: int) -> None:
    """One that reads nothing is closed; the end of all has room even then."""
    outbox = Outbox()
    for _ in range(2_000):
        outbox.put_nowait(Sent(size))
    assert slow.notices > 0
    assert outbox.qsize() <= OUTBOX_PACKETS
    assert outbox.bytes <= OUTBOX_BYTES + size
    before = outbox.qsize()
    outbox.put_nowait(None)
    assert outbox.qsize() == before + 1


def test_one_packet_of_any_size_has_room_and_what_was_read_makes_room(slow: Slow) -> None:
    outbox = Outbox()
    for _ in range(50):
        outbox.put_nowait(Sent(2 * OUTBOX_BYTES))
        outbox.get_nowait()
    assert (slow.notices, outbox.bytes) == (0, 0)


async def overflowing(_scope: Scope, receive: Receive, send: Send) -> None:
    """A page that sends more than a tab may have waiting."""
    await receive()
    await send({"type": "websocket.accept"})
    outbox = Outbox()
    for _ in range(OUTBOX_PACKETS + 1):
        outbox.put_nowait(Sent(1))
    await receive()


@both
def test_a_slow_tab_gets_its_close_code(ws: str) -> None:
    """Also while nothing is read from it."""

    async def scenario() -> None:
        async with serving(ws, page=overflowing) as served, served.tab() as tab:
            code, reason = await closed(tab)
            assert (code, served.admission.page_refused) == (4008, {"slow": 1})
            assert reason is not None
            assert "too slow" in reason

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", [OSError, ZeroDivisionError])
def test_a_close_that_cannot_be_sent_is_a_fault_unless_the_tab_is_gone(
    fault: type[Exception],
) -> None:
    """It is raised where the socket is served, and the place is free again."""
    admission = Admission.of(Settings())
    messages = iter(["websocket.connect", "websocket.disconnect"])

    async def receive() -> Message:
        return {"type": next(messages)}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.close":
            raise fault

    async def scenario() -> None:
        edge = PageEdge(overflowing, admission, RULES)
        live = cast("Any", SimpleNamespace(settings=Settings(), stalls=Stalls(HandTime())))
        scope = {
            "type": "websocket",
            "path": "/_event/",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "query_string": QUERY[1:].encode(),
        }
        with installed(live):
            await edge(scope, receive, send)

    expected = contextlib.nullcontext() if fault is OSError else pytest.raises(fault)
    with expected:
        asyncio.run(scenario())
    assert admission.open["page"] == 0
