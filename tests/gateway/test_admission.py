"""Who gets a place, by the rules alone and over real sockets."""

import asyncio
import contextlib
import gc
import logging
from typing import Any

import httpx
import pytest
import websockets.exceptions
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.address import client_address
from photon_app.gateway.admission import Admission, Kind, Refusal
from photon_app.gateway.throttle import MAX_DEBT_S, MAX_WAIT_S, MIN_PER_S
from photon_app.gateway.wire import PhotonWebSocketProtocol
from photon_app.settings import Settings
from tests.fakes.loop import FakeLoop
from tests.fakes.server import Serving, serving
from tests.fakes.waiting import wait_until
from tests.gateway.test_websocket import both, client, receive

KINDS: tuple[Kind, ...] = ("ws", "finnhub", "page")


def admission(
    loop: FakeLoop | None = None, *, total: int = 10, each: int = 3, rate: int = 100
) -> Admission:
    return Admission(
        max_connections=total,
        max_per_address=each,
        handshakes_per_s=rate,
        time=loop or FakeLoop(),
    )


class Door:
    """Opens and closes places by hand."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.given: list[contextlib.ExitStack] = []

    def open(self, address: str | None, kind: Kind = "ws") -> contextlib.ExitStack | Refusal:
        """A place, to be closed, or why there is none."""
        stack = contextlib.ExitStack()
        refusal = stack.enter_context(self.admission.place(address, kind=kind))
        if refusal is None:
            self.given.append(stack)
            return stack
        stack.close()
        return refusal


def refusal(given: object) -> tuple[str, int, int]:
    assert isinstance(given, Refusal)
    return given.reason, given.status, given.retry_after_s


def place(given: object) -> contextlib.ExitStack:
    assert isinstance(given, contextlib.ExitStack)
    return given


def test_the_limit_in_all_is_503_and_a_closed_place_is_free() -> None:
    """Whichever client has them."""
    door = Door(admission(total=2))
    first = place(door.open("1.1.1.1"))
    place(door.open(None))
    refused = door.open("2.2.2.2")
    assert refusal(refused) == ("full", 503, 5)
    assert isinstance(refused, Refusal)
    assert "(2)" in refused.sentence
    first.close()
    place(door.open("2.2.2.2"))


def test_the_limit_of_an_address_is_429_and_concerns_no_other() -> None:
    """Nor one that has no address."""
    door = Door(admission(each=2))
    first = place(door.open("1.1.1.1"))
    place(door.open("1.1.1.1"))
    refused = door.open("1.1.1.1")
    assert refusal(refused) == ("per_ip", 429, 5)
    assert isinstance(refused, Refusal)
    assert "(2)" in refused.sentence
    for address in ("2.2.2.2", None, None, None):
        place(door.open(address))
    first.close()
    place(door.open("1.1.1.1"))


def test_the_limit_of_an_address_holds_for_each_kind_of_socket() -> None:
    """And the limit in all for all kinds together."""
    door = Door(admission(total=5, each=2))
    for kind in KINDS[:2]:
        for _ in range(2):
            place(door.open("1.1.1.1", kind))
        refused = door.open("1.1.1.1", kind)
        assert refusal(refused)[0] == "per_ip"
        assert isinstance(refused, Refusal)
        assert "PHOTON_MAX_PER_IP" in refused.sentence
    place(door.open("1.1.1.1", "page"))
    assert refusal(door.open("1.1.1.1", "page"))[0] == "full"
    assert door.admission.open == {"ws": 2, "finnhub": 2, "page": 1}


@pytest.mark.parametrize("hops", [0, 1])
def test_an_office_behind_one_address_passes_at_once_with_the_default_settings(hops: int) -> None:
    """Sixty people with two tabs each, while others come too; whether or not their proxy is known
    by its hops.
    """
    door = Door(Admission.of(Settings(proxy_hops=hops), FakeLoop()))
    headers = [(b"x-forwarded-for", b"198.51.100.7")]
    office = client_address({"client": ("10.0.0.9", 5), "headers": headers}, hops)
    assert office == ("198.51.100.7" if hops else "10.0.0.9")
    place(door.open("203.0.113.5"))
    for _ in range(60 * 2):
        place(door.open(office, "page"))
        place(door.open(office, "ws"))
    place(door.open("203.0.113.5"))


def test_the_rate_is_429_and_time_refills_it() -> None:
    """A second's worth at once."""
    loop = FakeLoop()
    door = Door(admission(loop, rate=2))
    for _ in range(2):
        place(door.open("1.1.1.1")).close()
    assert refusal(door.open("1.1.1.1")) == ("rate", 429, 1)
    loop.advance(0.5)
    place(door.open("1.1.1.1"))


def test_a_refused_handshake_takes_nothing_from_the_rate() -> None:
    """An address at its limit cannot keep the others out."""
    door = Door(admission(each=1, rate=2))
    place(door.open("1.1.1.1"))
    for _ in range(100):
        assert refusal(door.open("1.1.1.1"))[0] == "per_ip"
    place(door.open("2.2.2.2"))


def test_an_address_that_opens_and_closes_fast_leaves_half_of_the_rate() -> None:
    """To every other client."""
    loop = FakeLoop()
    door = Door(admission(loop, rate=10))
    others = 0
    for ms in range(5000):
        with door.admission.place("6.6.6.6"):
            pass
        if ms % 1000 in {400, 800}:
            with door.admission.place("1.1.1.1") as refused:
                others += refused is None
        loop.advance(0.001)
    assert others >= 9


def test_a_place_is_given_back_once_however_it_ends() -> None:
    """By an error, by cancellation, or by a refusal inside; a refused one holds none."""
    door = admission(total=1)

    async def held() -> None:
        with door.place("1.1.1.1"):
            await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.create_task(held())
        await asyncio.sleep(0)
        assert door.open["ws"] == 1
        with door.place("2.2.2.2") as refused:
            assert refused is not None
            assert door.open["ws"] == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert door.open["ws"] == 0
    with pytest.raises(ZeroDivisionError), door.place("1.1.1.1"):
        raise ZeroDivisionError
    assert (door.open["ws"], door._by_address) == (0, {})


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.booleans()), max_size=60))
def test_counts_are_those_of_the_open_places(steps: list[tuple[str | None, bool]]) -> None:
    """An address with none open has no entry: memory is bounded by what is open."""
    door = Door(admission(total=5, each=2))
    held: dict[str | None, list[contextlib.ExitStack]] = {}
    for address, opens in steps:
        if opens:
            given = door.open(address)
            if isinstance(given, contextlib.ExitStack):
                held.setdefault(address, []).append(given)
        elif held.get(address):
            held[address].pop().close()
        counts = {name: len(places) for name, places in held.items() if places}
        assert door.admission.open["ws"] == sum(counts.values()) <= 5
        counts.pop(None, None)
        assert door.admission._by_address == {("ws", name): n for name, n in counts.items()}
        assert all(n <= 2 for n in counts.values())


def test_an_address_has_one_bucket_of_frames_while_any_of_its_sockets_is_open() -> None:
    door = admission()
    first = door.frames("1.1.1.1")
    assert door.frames("1.1.1.1") is first
    assert door.frames("2.2.2.2") is not first
    del first
    gc.collect()
    assert len(door._frames) == 0


def test_refusals_are_counted_by_reason_and_logged_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line in ten seconds, whatever comes."""
    loop = FakeLoop()
    door = Door(admission(loop, each=1))
    place(door.open("1.1.1.1"))
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            door.open("1.1.1.1")
        loop.advance(11)
        door.open("1.1.1.1")
    assert door.admission.refused == {"full": 0, "per_ip": 101, "rate": 0}
    first, second = caplog.messages
    assert first.startswith("connections refused since the last such line: 1 (")
    assert second.startswith("connections refused since the last such line: 100 (")
    assert "per_ip 100" in second
    assert "from 1.1.1.1: your address has as many connections open as it may (1)" in second


async def refused(server: Serving, query: str = "", **options: Any) -> tuple[int, str | None, str]:
    """Status, ``Retry-After`` and sentence of a handshake that fails."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as problem:
        async with client(server, query, **options):
            pass
    response = problem.value.response
    return response.status_code, response.headers.get("Retry-After"), response.body.decode()


def via(*addresses: str) -> dict[str, Any]:
    return {"additional_headers": {"X-Forwarded-For": ", ".join(addresses)}}


async def health(server: Serving) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=server.http) as http:
        body: dict[str, Any] = (await http.get("/health")).json()
    return body


@both
def test_each_limit_of_sockets_refuses_before_the_handshake_and_says_when_to_come_back(
    ws: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With its status, a sentence, and Retry-After; /health counts them."""

    async def scenario() -> None:
        async with (
            serving(ws=ws, proxy_hops=1, max_connections=3, max_per_ip=2) as server,
            client(server, **via("1.1.1.1")) as one,
            client(server, **via("1.1.1.1")),
        ):
            status, retry, sentence = await refused(server, **via("1.1.1.1"))
            assert (status, retry) == (429, "5")
            assert "your address has as many connections open as it may (2)" in sentence
            async with client(server, **via("2.2.2.2")):
                status, retry, sentence = await refused(server, **via("3.3.3.3"))
                assert (status, retry) == (503, "5")
                assert "this server has as many connections open as it may (3)" in sentence
                counted = await health(server)
                assert counted["clients"] == 3
                assert counted["sockets"] == {"ws": 3, "finnhub": 0, "page": 0}
                assert counted["refused"] == {"full": 1, "per_ip": 1, "rate": 0}
            assert (await receive(one))["type"] == "connection"

    asyncio.run(scenario())
    assert [r.name for r in caplog.records if "Traceback" in r.getMessage()] == []


@both
def test_handshakes_above_the_rate_are_refused_with_429(ws: str) -> None:
    """After Retry-After there is room again."""

    async def scenario() -> None:
        loop = FakeLoop()
        async with serving(ws=ws, time=loop, handshakes_per_s=2) as server:
            async with client(server), client(server):
                status, retry, sentence = await refused(server)
                assert (status, retry) == (429, "1")
                assert "at most 2 a second" in sentence
            loop.advance(1)
            async with client(server) as connection:
                assert (await receive(connection))["type"] == "connection"
            assert (await health(server))["refused"] == {"full": 0, "per_ip": 0, "rate": 1}

    asyncio.run(scenario())


class Overloaded:
    """Processor time of a loop that has worked without a break whenever it is asked."""

    def __init__(self) -> None:
        self._worked_s = 0.0

    def worked_s(self) -> float:
        """So far."""
        self._worked_s += MAX_DEBT_S
        return self._worked_s


def test_by_load_no_number_refuses_and_waiting_too_long_is_429() -> None:
    """A place is held meanwhile, and given back."""

    async def scenario() -> None:
        loop = FakeLoop()
        by_load = Admission(
            max_connections=9,
            max_per_address=9,
            handshakes_per_s=None,
            time=loop,
            work=Overloaded(),
        )
        door = Door(by_load)
        assert await by_load.turn("1.1.1.1") is None
        for _ in range(9):
            place(door.open("1.1.1.1"))
        late = asyncio.create_task(by_load.turn("1.1.1.1"))
        await asyncio.sleep(0)
        loop.spend(MAX_WAIT_S)
        loop.advance(1.0)
        refused = await late
        assert refusal(refused) == ("rate", 429, 1)
        assert isinstance(refused, Refusal)
        assert "too many connections are being opened at once" in refused.sentence
        assert by_load.refused == {"full": 0, "per_ip": 0, "rate": 1}

    asyncio.run(scenario())


def upgraded(server: Serving) -> int:
    """How many connections speak WebSocket, or are about to."""
    connections = server.server.server_state.connections
    return sum(isinstance(one, PhotonWebSocketProtocol) for one in connections)


def test_who_comes_while_the_server_is_busy_waits_and_who_hangs_up_meanwhile_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the order in which they came, each with its place; without a word in the log."""

    async def scenario() -> None:
        loop = FakeLoop()
        async with serving(time=loop, work=Overloaded()) as server:

            async def open_sockets(expected: int) -> bool:
                return bool((await health(server))["clients"] == expected)

            async with client(server) as first:
                assert (await receive(first))["type"] == "connection"
                hasty = await asyncio.open_connection("127.0.0.1", server.port)
                hasty[1].write(
                    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                )
                await wait_until(lambda: open_sockets(2), 5)
                opening = client(server)
                second = asyncio.ensure_future(opening.__aenter__())
                await wait_until(lambda: open_sockets(3), 5)
                hasty[1].transport.abort()
                await wait_until(lambda: upgraded(server) == 2, 5)
                assert not second.done()
                loop.advance(1 / MIN_PER_S)
                connection = await asyncio.wait_for(second, 5)
                assert (await receive(connection))["type"] == "connection"
                await wait_until(lambda: open_sockets(2), 5)
                await opening.__aexit__(None, None, None)
            assert (await health(server))["refused"] == {"full": 0, "per_ip": 0, "rate": 0}

    asyncio.run(scenario())
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


@both
def test_a_header_that_a_client_wrote_itself_is_no_way_around_the_limit(ws: str) -> None:
    """Without trusted proxies it is not read; with one, only what the proxy appended."""

    async def scenario() -> None:
        async with serving(ws=ws, max_per_ip=1) as server, client(server, **via("1.1.1.1")):
            assert (await refused(server, **via("2.2.2.2")))[0] == 429
        async with (
            serving(ws=ws, max_per_ip=1, proxy_hops=1) as server,
            client(server, **via("6.6.6.6", "1.1.1.1")),
        ):
            assert (await refused(server, **via("7.7.7.7", "1.1.1.1")))[0] == 429
            async with client(server, **via("6.6.6.6", "2.2.2.2")):
                pass

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("query", ["?format=xml", "?format=array&symbols=%C3%A9"])
def test_a_request_that_is_refused_for_its_format_keeps_no_place(ws: str, query: str) -> None:
    """However often it comes."""

    async def scenario() -> None:
        async with serving(ws=ws, max_connections=1, max_per_ip=1) as server:
            for _ in range(3):
                assert (await refused(server, query))[0] == 400
            async with client(server) as connection:
                assert (await receive(connection))["type"] == "connection"
            assert (await health(server))["refused"] == {"full": 0, "per_ip": 0, "rate": 0}

    asyncio.run(scenario())


@both
def test_a_client_that_vanishes_gives_its_place_back(ws: str) -> None:
    """Without a closing handshake too."""

    async def scenario() -> None:
        async with serving(ws=ws, max_per_ip=1) as server:
            async with client(server) as connection:
                await receive(connection)
                connection.transport.abort()

            async def vanished() -> bool:
                return not (await health(server))["clients"]

            await wait_until(vanished, 5)
            async with client(server) as connection:
                assert (await receive(connection))["type"] == "connection"

    asyncio.run(scenario())


def test_first_messages_that_come_at_once_are_answered_a_few_in_a_turn() -> None:
    """Those of one address do not keep another's waiting."""

    async def scenario() -> None:
        door = admission()
        answered: list[str] = []

        async def say(address: str) -> None:
            await door.first_answer(address)
            answered.append(address)

        tasks = [asyncio.create_task(say("6.6.6.6")) for _ in range(100)]
        tasks.append(asyncio.create_task(say("1.1.1.1")))
        most = before = 0
        while len(answered) < len(tasks):
            await asyncio.sleep(0)
            most, before = max(most, len(answered) - before), len(answered)
        assert most <= 8
        assert answered.index("1.1.1.1") <= 12
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
