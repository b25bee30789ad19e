"""``/finnhub`` over real sockets, with and without the wire extension."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
import websockets.exceptions
from websockets.asyncio.client import ClientConnection, connect

from photon_app.model import Trade
from tests.fakes import raw
from tests.fakes.bystander import Life, settled
from tests.fakes.raw import RawClient, fragments, frame, text
from tests.fakes.server import PLAIN, WIRE, HandFeed, Serving, serving
from tests.fakes.waiting import wait_until

both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
KIB = 1024
CANARY = "canary-key-0123456789"


@contextlib.asynccontextmanager
async def client(
    server: Serving, *symbols: str, query: str = f"?token={CANARY}", **options: Any
) -> AsyncIterator[ClientConnection]:
    async with connect(server.finnhub + query, compression=None, **options) as connection:
        for symbol in symbols:
            await connection.send(json.dumps({"type": "subscribe", "symbol": symbol}))
        await wait_until(lambda: server.live.prints.symbols.issuperset(symbols), 5)
        yield connection


async def receive(connection: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(connection.recv(), 5))


async def closing(connection: ClientConnection) -> tuple[int, str]:
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        while True:
            await asyncio.wait_for(connection.recv(), 5)
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


@both
def test_a_client_subscribes_and_gets_every_trade_and_nothing_else(ws: str) -> None:
    """In Finnhub's shape, with the conditions that upstream gave."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server:
            feed.trade("AAPL", 150)
            async with client(server, "AAPL", "NVDA") as connection:
                assert feed.market is not None
                feed.market.trades(
                    [
                        Trade("AAPL", 150.25, 100, 1_795_194_000_000, ("1", "8")),
                        Trade("IBM", 7, 1, 1_795_194_000_000),
                        Trade("NVDA", 178.0, 0.5, 1_795_194_000_001),
                    ]
                )
                assert await receive(connection) == {
                    "data": [
                        {"c": ["1", "8"], "p": 150.25, "s": "AAPL", "t": 1795194000000, "v": 100},
                        {"c": None, "p": 178.0, "s": "NVDA", "t": 1795194000001, "v": 0.5},
                    ],
                    "type": "trade",
                }
                await connection.send('{"type":"unsubscribe","symbol":"AAPL"}')
                await connection.send('{"type":"ping"}')
                await wait_until(lambda: "AAPL" not in server.live.prints.symbols)
                feed.trades([("AAPL", 1, 1), ("NVDA", 2, 2)])
                message = await receive(connection)
                assert [trade["s"] for trade in message["data"]] == ["NVDA"]

    asyncio.run(scenario())


@both
def test_conditions_can_be_left_out(ws: str) -> None:
    """For clients that cannot take them."""

    async def scenario() -> None:
        feed = HandFeed()
        query = "?token=x&conditions=0"
        async with (
            serving(feed, ws=ws) as server,
            client(server, "AAPL", query=query) as connection,
        ):
            feed.trade("AAPL", 7)
            [print_] = (await receive(connection))["data"]
            assert set(print_) == {"p", "s", "t", "v"}

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("query", ["", "?token=", f"?token={CANARY}"])
def test_any_token_or_none_is_taken_and_never_written_down(
    ws: str, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even by a server that logs all it may at the launcher's level."""

    async def scenario() -> None:
        async with serving(ws=ws) as server, client(server, "AAPL", query=query):
            assert (await raw.health(server.port))["clients"] == 1

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert CANARY not in caplog.text


@both
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [("", {"Origin": "http://evil.example"}, 403), ("?conditions=maybe", {}, 400)],
)
def test_refusals_come_before_the_handshake(
    ws: str, query: str, headers: dict[str, str], status: int
) -> None:
    """With an HTTP status that says why."""

    async def scenario() -> None:
        async with serving(ws=ws) as server:
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                async with client(server, query=query, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == status

    asyncio.run(scenario())


def test_its_sockets_have_places_like_all_others() -> None:
    """One limit for both paths."""

    async def scenario() -> None:
        async with serving(max_connections=2) as server:
            async with client(server), connect(server.ws):
                with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                    async with client(server):
                        pass
                assert refused.value.response.status_code == 503
            await settled(server, 0)

    asyncio.run(scenario())


@both
def test_what_only_it_wanted_is_wanted_upstream_until_it_has_gone(ws: str) -> None:
    """However it goes."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, linger_s=0) as server:
            async with client(server, "IBM"), client(server, "IBM"):
                assert feed.subscribed == {"AAPL", "NVDA", "IBM"}
            async with RawClient.upgraded(server.port, target="/finnhub") as torn:
                await torn.send(text('{"type":"subscribe","symbol":"GE"}'))
                await wait_until(lambda: "GE" in server.live.prints.symbols)
                torn.reset()
            await wait_until(lambda: not len(server.live.prints), 5)
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())


@both
def test_a_refused_symbol_is_reported(ws: str) -> None:
    """In Finnhub's words, whenever upstream says so."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server, client(server, "NOPE") as connection:
            assert feed.market is not None
            feed.market.rejected("NOPE", "unknown")
            assert await receive(connection) == {"msg": "Invalid symbol NOPE", "type": "error"}

    asyncio.run(scenario())


@both
def test_clients_see_what_was_pending_and_1012_when_the_server_goes(ws: str) -> None:
    """Finnhub has no message for it."""

    async def scenario() -> None:
        feed = HandFeed()
        async with contextlib.AsyncExitStack() as stack, serving(feed, ws=ws) as server:
            connection = await stack.enter_async_context(client(server, "AAPL"))
            feed.trade("AAPL", 1)
            feed.trade("AAPL", 2)
            if ws == PLAIN:
                server.live.clients.shutdown()
            else:
                server.server.should_exit = True
            prices: list[float] = []
            while len(prices) < 2:
                prices += [trade["p"] for trade in (await receive(connection))["data"]]
            assert prices == [1, 2]
            assert (await closing(connection))[0] == 1012

    asyncio.run(scenario())


@both
def test_a_client_that_stops_reading_is_closed_and_hurts_nobody(ws: str) -> None:
    """What it is owed is bounded; the reader beside it gets every trade."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, ws=ws, slow_s=60) as server,
            client(server, "AAPL", max_size=None) as reader,
            RawClient.upgraded(server.port, receive_buffer=4096, target="/finnhub") as stalled,
        ):
            await stalled.send(text('{"type":"subscribe","symbol":"AAPL"}'))
            followers = server.live.clients.of(server.live.prints)
            await wait_until(lambda: sum(one.group is not None for one in followers) == 2)
            seen: list[float] = []
            sent = 0
            while len(server.live.prints) > 1:
                feed.trades([("AAPL", sent + n, 1) for n in range(500)])
                sent += 500
                assert sent < 300_000, "some 20 MB, and nobody reads"
                async with asyncio.timeout(5):
                    while len(seen) < sent:
                        seen += [t["p"] for t in json.loads(await reader.recv())["data"]]
            assert seen == list(range(sent))
            assert server.live.clients.closed_as_slow == 1
            if ws == WIRE:
                assert (await asyncio.wait_for(stalled.read(), 5)).code == 4008

    asyncio.run(scenario())


def test_a_client_that_reads_late_gets_everything_without_a_hole() -> None:
    """The tape is not conflated."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed) as server,
            RawClient.upgraded(server.port, receive_buffer=4096, target="/finnhub") as late,
        ):
            await late.send(text('{"type":"subscribe","symbol":"AAPL"}'))
            await wait_until(lambda: "AAPL" in server.live.prints.symbols)
            sent = 0

            def congested() -> int:
                nonlocal sent
                feed.trades([("AAPL", sent + n, 1) for n in range(500)])
                sent += 500
                return server.live.clients.congested

            await wait_until(congested)
            feed.trades([("AAPL", sent + n, 1) for n in range(500)])
            seen: list[float] = []
            async with asyncio.timeout(10):
                while len(seen) < sent + 500:
                    for message in await late.read_until("trade"):
                        seen += [trade["p"] for trade in message["data"]]
            assert seen == list(range(sent + 500))

    asyncio.run(scenario())


@both
def test_clients_that_come_and_go_leave_nothing_behind(ws: str) -> None:
    """Hanging up or torn down: no task, no follower, no symbol that is wanted upstream."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, linger_s=0, handshakes_per_s=1_000_000) as server:
            tasks = len(asyncio.all_tasks())
            for n in range(100):
                target = f"/finnhub?token=x&conditions={n % 2}"
                async with RawClient.upgraded(server.port, target=target) as client:
                    names = [f"N{(n + k) % 20}" for k in range(5)]
                    for name in names:
                        await client.send(text(f'{{"type":"subscribe","symbol":"{name}"}}'))
                    if n % 3:
                        while not server.live.prints.symbols.issuperset(names):
                            await asyncio.sleep(0)
                        feed.trades([(name, 100, 1) for name in names])
                        await client.read_until("trade")
                    if n % 2:
                        client.reset()
                    else:
                        await client.send(frame(raw.CLOSE, b"\x03\xe8"))
            state = server.server.server_state
            await wait_until(
                lambda: not (len(server.live.prints) or state.tasks or state.connections), 5
            )
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == tasks
            assert server.live.prints.symbols == frozenset()
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())


class Case(NamedTuple):
    """What is sent after a handshake, and the code of the close that comes of it."""

    name: str
    sent: bytes
    code: int
    errors: int = 0
    plain: bool = True


CLOSED = (
    Case("reserved opcode", frame(3), 1002),
    Case("unmasked", frame(raw.TEXT, b"hi", mask=b""), 1002),
    Case("continuation of nothing", frame(raw.CONTINUATION, b"hi"), 1002),
    Case("binary", frame(raw.BINARY, b"\0"), 1003),
    Case("not UTF-8", text(b"\xff\xfe"), 1007, plain=False),
    Case("16 KiB and a byte", text(b" " * (16 * KIB + 1)), 1009),
    Case("16 KiB and a byte in fragments", fragments(b" " * (16 * KIB + 1), KIB), 1009),
    Case("17 MiB", text(b" " * (17 * KIB * KIB)), 1009, plain=False),
    Case("five bad messages", text("?") * 5, 1008, 5),
    Case("too many messages", text('{"type":"ping"}') * 400, 4029, 1),
)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("ws", "case"),
    [
        pytest.param(ws, case, id=f"{name}, {case.name}")
        for name, ws in (("wire", WIRE), ("plain", PLAIN))
        for case in CLOSED
        if case.plain or ws == WIRE
    ],
)
def test_what_breaks_the_rules_ends_as_on_ws(
    life: Callable[[str], Life], ws: str, case: Case
) -> None:
    """With the same code and never a reset; the others notice nothing."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port, target="/finnhub?token=x") as broken:
            sending = asyncio.create_task(broken.send(case.sent))
            seen = await broken.read()
            assert (seen.code, await sending, seen.reset) == (case.code, True, False)
            assert [m["type"] for m in seen.messages] == ["error"] * case.errors

    life(ws).trial(trial)


@pytest.mark.usefixtures("quiet")
def test_floods_of_pings_are_cut_off_as_on_ws(life: Callable[[str], Life]) -> None:
    """The socket has the same bounds."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port, target="/finnhub/") as broken:
            sending = asyncio.create_task(broken.send(frame(raw.PING) * 2000))
            assert (await broken.read()).code == 4029
            await sending

    life(WIRE).trial(trial)
