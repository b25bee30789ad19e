"""What clients that stop reading cost, and what they get, over real sockets."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from photon_app.gateway.outlets import AsgiOutlet
from photon_app.gateway.wire import HIGH_WATER_BYTES, KERNEL_BUFFER_BYTES
from photon_app.hub.channels.outboxes import MOST_FRAMES
from tests.fakes.raw import RawClient, say
from tests.fakes.server import PLAIN, WIRE, HandFeed, Serving, serving
from tests.fakes.time import settle
from tests.fakes.waiting import wait_until

both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
SYMBOLS = ("AAPL", "NVDA", "IBM")
TRADES_A_FRAME = 500
FLUSH_BYTES = (MOST_FRAMES + TRADES_A_FRAME) * 120
"""What a client of all symbols is sent in the largest flush; a little more than that."""


@contextlib.asynccontextmanager
async def stalled(server: Serving, count: int) -> AsyncIterator[list[RawClient]]:
    """Clients that have subscribed, and read nothing of it."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(RawClient.upgraded(server.port, receive_buffer=4096))
            for _ in range(count)
        ]
        for client in clients:
            await client.send(say(action="subscribe", symbols=SYMBOLS))
        for client in clients:
            await client.read_until("subscription")
        yield clients


async def pump(feed: HandFeed, frames: int, price: float = 100) -> None:
    """Frames of trades of all symbols in turn, as fast as the loop takes them."""
    for n in range(frames):
        feed.trades([(SYMBOLS[k % 3], price + n + k / 1000, 1.0) for k in range(TRADES_A_FRAME)])
        await settle()


def sinks(server: Serving) -> list[Any]:
    """The outboxes of all clients."""
    return [client.sink for client in server.live.clients.of(server.live.hub)]


def buffered(server: Serving) -> int:
    """The most bytes that Photon holds for one client, the kernel's not counted."""
    unsent = [c.transport.get_write_buffer_size() for c in server.server.server_state.connections]
    outlets = [part for sink in sinks(server) for part in gc.get_referents(sink)]
    queued = [part.unsent_bytes for part in outlets if isinstance(part, AsgiOutlet)]
    return max(unsent) + max(queued, default=0)


@both
def test_what_a_client_that_stops_reading_holds_is_bounded_by_its_subscriptions(ws: str) -> None:
    """Unsent bytes stay at the mark and one flush, however much is traded; the rest is names."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server, stalled(server, 10):
            most = 0
            for n in range(160):
                await pump(feed, 1, 100 + n)
                most = max(most, buffered(server))
            assert all(sink.congested for sink in sinks(server)), "9 MB each, and nobody reads"
            transports_own = HIGH_WATER_BYTES if ws == PLAIN else 0
            assert most <= HIGH_WATER_BYTES + transports_own + FLUSH_BYTES
            assert [sink.missed.symbols for sink in sinks(server)] == [set(SYMBOLS)] * 10

    asyncio.run(scenario())


@both
def test_one_that_reads_again_gets_the_newest_price_of_each_symbol_at_once(ws: str) -> None:
    """As snapshots that cover what was skipped, and from there every trade."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws) as server, stalled(server, 1) as [client]:
            await pump(feed, 160)
            [sink] = sinks(server)
            assert sink.congested
            last: dict[str, int] = {}
            skipped: set[str] = set()
            goal = {s: quote.seq for s in SYMBOLS if (quote := server.live.book.quote(s))}
            while last != goal:
                for update in await client.read_until("price_update"):
                    if update["type"] != "price_update":
                        continue
                    symbol, seq = update["symbol"], update["seq"]
                    if seq != last.get(symbol, seq - 1) + 1:
                        assert update["snapshot"]
                        skipped.add(symbol)
                    last[symbol] = seq
            assert skipped == set(SYMBOLS)
            assert not sink.congested
            feed.trade("AAPL", 260)
            [update] = await client.read_until("price_update")
            assert (update["seq"], update.get("snapshot")) == (goal["AAPL"] + 1, None)

    asyncio.run(scenario())


def test_the_kernel_keeps_little_of_what_a_client_does_not_read() -> None:
    """By default it would hide four megabytes of old prices. Linux doubles what it is asked for."""

    async def scenario() -> None:
        async with serving() as server, stalled(server, 1):
            [connection] = [
                c for c in server.server.server_state.connections if hasattr(c, "start_close")
            ]
            sock = connection.transport.get_extra_info("socket")
            size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert size <= 2 * KERNEL_BUFFER_BYTES

    asyncio.run(scenario())


@both
def test_clients_that_never_read_again_lose_their_places(ws: str) -> None:
    """All of them, and the symbols that only they wanted are let go."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed, ws=ws, slow_s=0.3, linger_s=0) as server, stalled(server, 10):
            assert "IBM" in feed.subscribed
            await pump(feed, 160)

            def gone() -> bool:
                server.live.clients.tick()
                return not server.live.hub.clients

            await wait_until(gone, 8)
            server.live.demand.sweep()
            await asyncio.sleep(0)
            assert feed.subscribed == {"AAPL", "NVDA"}

    asyncio.run(scenario())
