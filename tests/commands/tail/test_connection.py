"""The connection to a Photon, over real sockets and on a clock of the test."""

import asyncio
import contextlib
import functools
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from http import HTTPStatus

import msgspec
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from photon_app.clock import SystemTime
from photon_app.commands.tail import defaults, wire
from photon_app.commands.tail.board import Board, Row
from photon_app.commands.tail.connection import SILENCE_S, Connection, Defaults
from photon_app.commands.tail.defaults import NoDefaults
from tests.fakes.server import HandFeed, serving
from tests.fakes.time import VirtualTime
from tests.fakes.waiting import wait_until

HELLO = '{"type":"connection","epoch":"one","feed":"live"}'
Script = Callable[[ServerConnection], Awaitable[None]]


class Watched:
    """What a connection delivered, and how to wait for it."""

    def __init__(self, enough: Callable[[Board], bool] = lambda _: False) -> None:
        self.board = Board(["AAPL"])
        self.messages: list[wire.Message] = []
        self._enough = enough
        self._heard = asyncio.Event()

    def read(self, message: wire.Message, _text: str, _row: Row | None) -> bool:
        self.messages.append(message)
        self._heard.set()
        return self._enough(self.board)

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not happened():
                self._heard.clear()
                await self._heard.wait()

    @property
    def price(self) -> float | None:
        quote = self.board.rows["AAPL"].quote
        return None if quote is None else quote.price

    @property
    def seq(self) -> int | None:
        quote = self.board.rows["AAPL"].quote
        return None if quote is None else quote.seq


@contextlib.asynccontextmanager
async def running(connection: Connection) -> AsyncIterator["asyncio.Task[str]"]:
    """A connection that runs until the block ends."""
    task = asyncio.create_task(connection.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def scripted(
    *scripts: Script, port: int = 0
) -> AsyncIterator[tuple[str, list[float], Server]]:
    """A server that plays one script a connection, the last again and again."""
    opened: list[float] = []

    async def play(connection: ServerConnection) -> None:
        script = scripts[min(len(opened), len(scripts) - 1)]
        opened.append(asyncio.get_running_loop().time())
        await script(connection)

    async with serve(play, "127.0.0.1", port) as server:
        [sock] = list(server.sockets)
        yield f"ws://127.0.0.1:{sock.getsockname()[1]}/ws", opened, server


def connection_to(
    url: str,
    watched: Watched,
    time: SystemTime | VirtualTime | None = None,
    ask: Defaults | None = None,
) -> Connection:
    return Connection(
        url,
        watched.board,
        watched.read,
        time=time or SystemTime(),
        rng=random.Random(1),
        defaults=ask,
    )


async def quiet(connection: ServerConnection) -> None:
    await connection.send(HELLO)
    await connection.wait_closed()


def closing(code: int, *first: str) -> Script:
    async def play(connection: ServerConnection) -> None:
        for text in (HELLO, *first):
            await connection.send(text)
        await connection.recv()
        await connection.close(code, "go")

    return play


def test_prices_of_a_real_server_arrive() -> None:
    """From the first, which is a snapshot, to the next, which is a trade."""

    async def scenario() -> None:
        feed, watched = HandFeed(), Watched()
        async with serving(feed) as server:
            feed.seed("AAPL", 100)
            feed.trade("AAPL", 101)
            async with running(connection_to(f"{server.ws}?format=events", watched)):
                await watched.until(lambda: watched.price == 101)
                feed.trade("AAPL", 102.5, 7)
                await watched.until(lambda: watched.price == 102.5)
            quote = watched.board.rows["AAPL"].quote
            assert quote is not None
            assert (quote.change, quote.change_percent, quote.day_volume) == (2.5, 2.5, 107)
            assert watched.board.feed == "simulated"

    asyncio.run(scenario())


def test_a_server_that_comes_back_on_its_port_is_found_again() -> None:
    """With a new epoch, whose ``seq`` begins again; in between every price is stale."""

    async def scenario() -> None:
        watched = Watched()
        async with contextlib.AsyncExitStack() as stack:
            feed = HandFeed()
            server = await stack.enter_async_context(serving(feed))
            port, url = server.port, server.ws
            await stack.enter_async_context(running(connection_to(url, watched)))
            for n in range(5):
                feed.trade("AAPL", 100 + n)
            await watched.until(lambda: watched.price == 104)
            server.server.should_exit = True
            await watched.until(lambda: any(isinstance(m, wire.Shutdown) for m in watched.messages))
            await wait_until(lambda: watched.board.connection == "lost")
            assert watched.board.state(watched.board.rows["AAPL"]) == "stale"
            assert watched.price == 104
            async with scripted(quiet, port=port) as (_, opened, _server):
                await wait_until(lambda: watched.board.connection == "open")
                assert len(opened) == 1
                assert watched.price is None

    asyncio.run(scenario())


async def opens(watched: Watched, time: VirtualTime) -> bool:
    """Whether a connection is open when a little more time has passed."""
    await time.advance(0.1)
    return watched.board.connection == "open"


def test_what_is_asked_for_is_every_symbol_in_bounded_requests() -> None:
    """Once a connection, after the greeting."""

    async def scenario() -> None:
        asked: list[bytes | str] = []

        async def listen(connection: ServerConnection) -> None:
            await connection.send(HELLO)
            asked.extend([await connection.recv() for _ in range(3)])

        watched = Watched()
        watched.board.watch([f"S{n}" for n in range(249)])
        async with scripted(listen, quiet) as (url, _, _), running(connection_to(url, watched)):
            await wait_until(lambda: len(asked) == 3)
        requests = [msgspec.json.decode(text) for text in asked]
        assert [len(request["symbols"]) for request in requests] == [100, 100, 50]
        assert [name for r in requests for name in r["symbols"]] == list(watched.board.rows)

    asyncio.run(scenario())


@pytest.mark.parametrize(("interval_ms", "since"), [(0, {"AAPL": 8}), (100, None)])
def test_after_a_lost_connection_it_asks_for_what_it_missed(
    interval_ms: int, since: dict[str, int] | None
) -> None:
    """Unless it wants the newest price only."""

    async def scenario() -> None:
        watched = Watched()
        requests: list[dict[str, object]] = []

        async def play(connection: ServerConnection) -> None:
            await connection.send(HELLO)
            requests.append(msgspec.json.decode(await connection.recv()))
            seq, form = (7, '"snapshot":true,') if len(requests) == 1 else (9, "")
            for _ in range(2):
                await connection.send(
                    f'{{"type":"price_update","symbol":"AAPL","seq":{seq},{form}'
                    '"data":{"price":1,"volume":2,"timestamp":3}}'
                )
                seq, form = seq + 1, ""
            if len(requests) > 1:
                await connection.wait_closed()

        async with scripted(play) as (url, _, _):
            connection = Connection(
                url,
                watched.board,
                watched.read,
                time=SystemTime(),
                rng=random.Random(1),
                interval_ms=interval_ms,
            )
            async with running(connection):
                await watched.until(lambda: watched.seq == 10)
        assert "since" not in requests[0]
        expected = None if since is None else {"epoch": "one", "seq": since}
        assert requests[1].get("since") == expected
        seqs = [m.seq for m in watched.messages if isinstance(m, wire.Update)]
        assert seqs == [7, 8, 9, 10]

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4008, 4029])
def test_a_closed_connection_is_opened_again(code: int) -> None:
    async def scenario() -> None:
        watched = Watched()
        async with (
            scripted(closing(code), quiet) as (url, opened, _),
            running(connection_to(url, watched)),
        ):
            await wait_until(lambda: len(opened) == 2)

    asyncio.run(scenario())


def test_1008_is_not_tried_again() -> None:
    """The reason is returned."""

    async def scenario() -> None:
        watched = Watched()
        async with scripted(closing(1008)) as (url, opened, _):
            why = await asyncio.wait_for(connection_to(url, watched).run(), 5)
        assert why == "the server closed the connection (1008: go)"
        assert watched.board.connection == "ended"
        assert len(opened) == 1

    asyncio.run(scenario())


def test_the_pause_that_a_server_asks_for_is_kept() -> None:
    """Here 30 s to a minute; on a clock of the test."""

    async def scenario() -> None:
        time, watched = VirtualTime(), Watched()
        script = closing(1012, '{"type":"shutdown","retry_after_ms":30000}')
        async with (
            scripted(script, quiet) as (url, opened, _),
            running(connection_to(url, watched, time)),
        ):
            await wait_until(lambda: watched.board.connection == "lost")
            retry_s = watched.board.retry_s
            assert retry_s is not None
            assert 30 <= retry_s - time.monotonic() <= 60
            await time.advance(29.9)
            assert watched.board.connection == "lost"
            await time.advance(31)
            await wait_until(lambda: len(opened) == 2)

    asyncio.run(scenario())


def test_a_connection_that_says_nothing_is_given_up() -> None:
    """Also one that sends nothing that Photon would send."""

    async def scenario() -> None:
        async def chatter(connection: ServerConnection) -> None:
            await connection.send(HELLO)
            await connection.send('[{"stock":"AAPL","price":1}]')
            await connection.wait_closed()

        time, watched = VirtualTime(), Watched()
        async with scripted(chatter) as (url, _, _), running(connection_to(url, watched, time)):
            await wait_until(lambda: watched.board.connection == "open")
            await time.advance(SILENCE_S - 1)
            assert watched.board.connection == "open"
            await time.advance(1)
            await wait_until(lambda: watched.board.connection == "lost")
            assert watched.board.why == "no message for 40 s"

    asyncio.run(scenario())


class FaultyTime(VirtualTime):
    """A clock whose second sleep fails by a fault of ours."""

    async def sleep(self, seconds: float) -> None:
        if self.sleeps:
            raise ZeroDivisionError
        await super().sleep(seconds)


def test_a_fault_in_the_silence_guard_is_raised() -> None:
    """A connection is never left without its guard."""

    async def scenario() -> None:
        time, watched = FaultyTime(), Watched()
        async with scripted(quiet) as (url, _, _):
            running = asyncio.create_task(connection_to(url, watched, time).run())
            await wait_until(lambda: watched.board.connection == "open")
            await time.advance(1)
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(running, 5)

    asyncio.run(scenario())


def test_a_server_that_is_not_there_is_tried_again_and_again() -> None:
    """With growing pauses, and a sentence; once it is there, it is used."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        time, watched = VirtualTime(), Watched()
        async with running(connection_to(f"ws://127.0.0.1:{port}/ws", watched, time)):
            for _ in range(6):
                await wait_until(lambda: watched.board.connection == "lost")
                assert watched.board.why == "no connection (Connection refused)"
                await time.advance_to_sleeper()
            pauses = [seconds for seconds in time.sleeps if seconds > 0]
            assert pauses[0] <= 0.25
            assert all(seconds <= 5 for seconds in pauses)
            async with scripted(quiet, port=port):
                await wait_until(functools.partial(opens, watched, time))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "least_s", "headers"),
    [(403, 30, {}), (429, 7, {"Retry-After": "7"}), (503, 9, {"Retry-After": "9"})],
)
def test_a_refused_handshake_waits_as_long_as_it_says(
    status: int, least_s: float, headers: dict[str, str]
) -> None:
    """And says so."""

    async def scenario() -> None:
        def refuse(connection: ServerConnection, _request: Request) -> Response:
            answer = connection.respond(HTTPStatus(status), "not you\n")
            for name, value in headers.items():
                answer.headers[name] = value
            return answer

        async with serve(quiet, "127.0.0.1", 0, process_request=refuse) as server:
            [sock] = list(server.sockets)
            url = f"ws://127.0.0.1:{sock.getsockname()[1]}/ws"
            time, watched = VirtualTime(), Watched()
            async with running(connection_to(url, watched, time)):
                await wait_until(lambda: watched.board.connection == "lost")
            assert watched.board.why == f"refused with HTTP {status}: not you"
            assert watched.board.retry_s is not None
            assert watched.board.retry_s - time.monotonic() >= least_s

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ws://no.such.host.invalid:1/ws", "its name cannot be resolved"),
        ("ws://" + "a" * 70 + ".invalid/ws", ""),
    ],
)
def test_an_odd_host_is_a_sentence(url: str, why: str) -> None:
    """Not a traceback."""

    async def scenario() -> None:
        watched = Watched()
        async with running(connection_to(url, watched, VirtualTime())):
            await wait_until(lambda: watched.board.connection == "lost")
        assert why in watched.board.why
        assert watched.board.why

    asyncio.run(scenario())


def test_enough_ends_the_connection() -> None:
    """Without a reason."""

    async def scenario() -> None:
        feed = HandFeed()
        watched = Watched(lambda board: board.updates >= 2)
        async with serving(feed) as server:
            feed.trade("AAPL", 1)
            task = asyncio.create_task(connection_to(server.ws, watched).run())
            await watched.until(lambda: watched.price == 1)
            feed.trade("AAPL", 1.01)
            assert await asyncio.wait_for(task, 5) == ""

    asyncio.run(scenario())


def test_without_symbols_the_servers_defaults_are_watched() -> None:
    """Those with a price first."""

    async def scenario() -> None:
        feed, watched = HandFeed(), Watched()
        watched.board.rows.clear()
        async with serving(feed) as server:
            feed.trade("NVDA", 1)

            async def ask() -> Sequence[str]:
                return await defaults.ask(f"{server.http}/api/quotes")

            async with running(connection_to(server.ws, watched, ask=ask)):
                await watched.until(lambda: watched.board.updates == 1)
            assert list(watched.board.rows) == ["NVDA", "AAPL"]

    asyncio.run(scenario())


def test_a_server_without_defaults_is_a_sentence() -> None:
    """One that is there, but not for that."""

    async def scenario() -> None:
        watched = Watched()
        watched.board.rows.clear()

        async def ask() -> Sequence[str]:
            return await defaults.ask("http://127.0.0.1:1/api/quotes")

        async with (
            scripted(quiet) as (url, _, _),
            running(connection_to(url, watched, VirtualTime(), ask)),
        ):
            await wait_until(lambda: watched.board.connection == "lost")
        assert watched.board.why == (
            "the server did not tell its default symbols (ConnectError): name some"
        )

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"quotes":[{"symbol":"\\u00e9"}],"missing":[]}'])
def test_an_answer_that_is_none_names_no_symbols(body: bytes) -> None:
    assert defaults.read(body) == ()
    assert issubclass(NoDefaults, Exception)


@pytest.mark.parametrize("slept_s", [20, 3600, 30_000])
def test_a_connection_that_was_slept_over_is_opened_again_at_once(slept_s: int) -> None:
    """And the prices are stale meanwhile."""

    async def scenario() -> None:
        time, watched = VirtualTime(), Watched()
        async with scripted(quiet) as (url, _, _), running(connection_to(url, watched, time)):
            await wait_until(lambda: watched.board.connection == "open")
            await time.advance(20)
            time.doze(slept_s)
            await time.advance(1)
            await wait_until(lambda: watched.board.connection == "lost")
            assert watched.board.why == "this machine slept, or its clock was set"
            await wait_until(functools.partial(opens, watched, time))

    asyncio.run(scenario())
