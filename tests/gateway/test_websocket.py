"""``/ws`` over real sockets, with and without the wire extension."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets.exceptions
from websockets.asyncio.client import ClientConnection, connect

from photon_app.model import parse_symbol
from tests.fakes import raw
from tests.fakes.raw import RawClient, say
from tests.fakes.server import PLAIN, WIRE, HandFeed, Serving, serving
from tests.fakes.waiting import wait_until

both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])


@contextlib.asynccontextmanager
async def client(
    server: Serving, query: str = "", **options: Any
) -> AsyncIterator[ClientConnection]:
    async with connect(server.ws + query, compression=None, **options) as connection:
        yield connection


async def receive(connection: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(connection.recv(), 5))


async def until(connection: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = await receive(connection)
        if message["type"] == kind:
            return message


async def subscribe(connection: ClientConnection, *symbols: str, **more: Any) -> dict[str, Any]:
    await connection.send(json.dumps({"action": "subscribe", "symbols": symbols, **more}))
    return await until(connection, "subscription")


async def closing(connection: ClientConnection) -> tuple[int, str]:
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        while True:
            await asyncio.wait_for(connection.recv(), 5)
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


@both
def test_a_client_subscribes_and_gets_every_trade(ws: str) -> None:
    """Greeting, acknowledgement, snapshot, then updates with seqs that grow by one."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server, client(server) as connection:
            assert (await receive(connection))["type"] == "connection"
            assert (await receive(connection))["type"] == "status"
            feed.trade("AAPL", 150.25)
            acknowledgement = await subscribe(connection, "aapl", id=1)
            assert acknowledgement["subscriptions"] == ["AAPL"]
            snapshot = await receive(connection)
            assert (snapshot["snapshot"], snapshot["seq"]) == (True, 1)
            for n in range(500):
                feed.trade("AAPL", 150 + n / 100)
            updates = [await until(connection, "price_update") for _ in range(500)]
            assert [u["seq"] for u in updates] == list(range(2, 502))
            assert [u["data"]["price"] for u in updates] == [150 + n / 100 for n in range(500)]

    asyncio.run(scenario())


@both
def test_a_new_symbol_is_wanted_upstream_and_let_go_after_the_last_client(ws: str) -> None:
    """Once, however many clients; defaults stay."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, linger_s=0) as server:
            async with client(server) as one, client(server) as two:
                await subscribe(one, "IBM")
                await subscribe(two, "IBM")
                assert feed.subscribed == {"AAPL", "NVDA", "IBM"}
            await wait_until(lambda: not server.live.hub.clients)
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())


@both
def test_the_array_format_sends_all_prices_at_once_and_then_every_second(ws: str) -> None:
    """Symbols without a price are left out; the client need not say anything."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server:
            feed.trade("AAPL", 150)
            feed.seed("AAPL", 147.5)
            async with client(server, "?format=array") as connection:
                assert await receive(connection) == [{"stock": "AAPL", "price": 150, "change": 2.5}]
                await connection.send("whatever")
                feed.trade("NVDA", 20)
                assert await receive(connection) == [
                    {"stock": "AAPL", "price": 150, "change": 2.5},
                    {"stock": "NVDA", "price": 20, "change": None},
                ]
            async with client(server, "?format=array&symbols=nvda,GOOGL") as connection:
                assert await receive(connection) == [{"stock": "NVDA", "price": 20, "change": None}]
                assert "GOOGL" in feed.subscribed

    asyncio.run(scenario())


@both
def test_the_default_format_is_a_setting_and_events_can_always_be_asked_for(ws: str) -> None:
    """For old clients that know nothing else."""

    async def scenario() -> None:
        async with serving(ws=ws, ws_format="array") as server:
            async with client(server) as connection:
                assert await receive(connection) == []
            async with client(server, "?format=events") as connection:
                assert (await receive(connection))["type"] == "connection"

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"Origin": "http://evil.example"}, 403),
        ("?format=xml", {}, 400),
        ("?format=array&symbols=%C3%A9", {}, 400),
    ],
)
def test_refusals_come_before_the_handshake(
    ws: str, query: str, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """With an HTTP status that says why, and nothing in the log of Photon's own protocol but a
    refused Origin.
    """

    async def scenario() -> None:
        async with serving(ws=ws) as server:
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                async with client(server, query, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == status
            assert refused.value.response.body.decode().strip()

    asyncio.run(scenario())
    if ws == WIRE:
        assert ("refused /ws from Origin" in caplog.text) == (status == 403)
        assert caplog.text.count("\n") == (status == 403)


@both
def test_a_name_pointed_at_this_machine_is_refused(ws: str) -> None:
    """Else a page of that name would be its own origin here (DNS rebinding)."""

    async def scenario() -> None:
        async with serving(ws=ws) as server:
            address = f"ws://evil.example:{server.port}/ws"
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                async with connect(address, host="127.0.0.1", port=server.port):
                    pass
            assert refused.value.response.status_code == 403

    asyncio.run(scenario())


def test_a_full_server_refuses_with_503() -> None:
    """And serves again when a place is free."""

    async def scenario() -> None:
        async with serving(max_connections=1) as server:
            async with client(server):
                with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                    async with client(server):
                        pass
                assert refused.value.response.status_code == 503
            await wait_until(lambda: not server.live.hub.clients)
            async with client(server) as connection:
                assert (await receive(connection))["type"] == "connection"

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("message", "code"),
    [(b"\x00", 1003), ("x" * 16_385, 1009), ("é" * 8_193, 1009)],
    ids=["binary", "too big", "too big in bytes"],
)
def test_what_no_client_should_send_closes_with_its_code(
    ws: str, message: str | bytes, code: int
) -> None:
    """Binary, and more than 16 KiB."""

    async def scenario() -> None:
        async with serving(ws=ws) as server, client(server) as connection:
            await connection.send(message)
            assert (await closing(connection))[0] == code

    asyncio.run(scenario())


@both
def test_a_message_of_16_kib_is_read(ws: str) -> None:
    """The cap is inclusive."""

    async def scenario() -> None:
        async with serving(ws=ws) as server, client(server) as connection:
            await connection.send(json.dumps({"action": "ping"}).ljust(16_384))
            assert (await until(connection, "pong"))["type"] == "pong"

    asyncio.run(scenario())


@both
def test_bad_messages_are_answered_and_five_in_a_row_close(ws: str) -> None:
    """With 1008."""

    async def scenario() -> None:
        async with serving(ws=ws) as server, client(server) as connection:
            for _ in range(5):
                await connection.send("?")
            errors = [await until(connection, "error") for _ in range(5)]
            assert {error["code"] for error in errors} == {"bad_json"}
            assert (await closing(connection))[0] == 1008

    asyncio.run(scenario())


@both
def test_a_client_that_stops_reading_is_conflated_closed_and_freed_and_hurts_nobody(
    ws: str,
) -> None:
    """Its memory is bounded; the reader beside it gets every trade."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, ws=ws, slow_s=0.5) as server,
            client(server) as reader,
            RawClient.upgraded(server.port, receive_buffer=4096) as stalled,
        ):
            await subscribe(reader, "AAPL")
            await stalled.send(say(action="subscribe", symbols=["AAPL"]))
            await stalled.read_until("subscription")
            sent = 0
            seen: list[int] = []
            megabytes = 2 if ws == WIRE else 7  # without bounds of ours the kernel takes four
            for _ in range(20 * megabytes):
                feed.trades([("AAPL", 100 + n / 100, 1) for n in range(500)])
                sent += 500
                while len(seen) < sent:
                    seen.append((await until(reader, "price_update"))["seq"])
            assert seen == list(range(1, sent + 1))

            def closed() -> bool:
                server.live.clients.tick()
                return server.live.hub.clients == 1

            await wait_until(closed, 8)

    asyncio.run(scenario())


def test_a_slow_client_that_reads_again_sees_4008() -> None:
    """The close frame is behind what was queued."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, slow_s=0.2) as server,
            RawClient.upgraded(server.port, receive_buffer=4096) as stalled,
        ):
            await stalled.send(say(action="subscribe", symbols=["AAPL"]))
            await wait_until(lambda: server.live.hub.subscribed)
            for _ in range(100):
                feed.trades([("AAPL", 100 + n / 100, 1) for n in range(100)])
                await asyncio.sleep(0)

            def closed() -> int:
                server.live.clients.tick()
                return server.live.clients.closed_as_slow

            await wait_until(closed)
            seen = await asyncio.wait_for(stalled.read(), 5)
            assert (seen.code, seen.reason) == (4008, "too slow: reconnect for a fresh snapshot")

    asyncio.run(scenario())


@both
def test_clients_are_notified_when_the_server_goes(ws: str) -> None:
    """``shutdown`` with a time to come back, then 1012."""

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack, serving(ws=ws) as server:
            connection = await stack.enter_async_context(client(server))
            await until(connection, "status")
            if ws == PLAIN:
                server.live.clients.shutdown()
            else:
                server.server.should_exit = True
            assert (await until(connection, "shutdown"))["retry_after_ms"] == 1500
            assert (await closing(connection))[0] == 1012

    asyncio.run(scenario())


@both
def test_clients_that_come_and_go_leave_nothing_behind(ws: str) -> None:
    """Hanging up or torn down, with symbols at any pace: no task, no registration, no connection,
    no symbol that is wanted upstream.
    """

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, linger_s=0, handshakes_per_s=1_000_000) as server:
            tasks = len(asyncio.all_tasks())
            for n in range(150):
                async with RawClient.upgraded(server.port) as client:
                    names = [f"N{(n + k) % 20}" for k in range(5)]
                    await client.send(
                        say(action="subscribe", symbols=names, interval_ms=n % 2 * 50)
                    )
                    feed.trades([(name, 100 + n, 1) for name in names])
                    if n % 3:
                        await client.read_until("subscription")
                    if n % 2:
                        client.reset()
                    else:
                        await client.send(raw.frame(raw.CLOSE, b"\x03\xe8"))
            state = server.server.server_state
            await wait_until(
                lambda: not (server.live.hub.clients or state.tasks or state.connections), 5
            )
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == tasks
            assert server.live.hub.subscribed == 0
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())


def test_ten_thousand_subscriptions_of_ever_new_names_leave_nothing_behind() -> None:
    """Over a real socket, within the limit of symbols in all."""

    async def scenario() -> None:
        feed = HandFeed()
        options = {"messages_per_s": 1_000_000, "max_symbols_total": 200, "linger_s": 0}
        async with serving(feed, **options) as server, client(server) as connection:  # type: ignore[arg-type]
            for start in range(0, 10_000, 50):
                names = [parse_symbol(f"N{n}") for n in range(start, start + 50)]
                answer = await subscribe(connection, *names)
                assert answer["rejected"] == []
                await connection.send(json.dumps({"action": "unsubscribe_all"}))
                assert (await until(connection, "subscription"))["status"] == "unsubscribed"
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert len(server.live.book) == 2
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())
