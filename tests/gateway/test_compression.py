"""Batches and compression over real sockets: who gets which, and what a client may send."""

import asyncio
import json
import random
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tests.fakes import raw
from tests.fakes.outlet import DEFLATED, flat
from tests.fakes.raw import CONTINUATION, HANDSHAKE, TEXT, RawClient, frame, head
from tests.fakes.server import PLAIN, WIRE, HandFeed, Serving, serving

pytestmark = pytest.mark.usefixtures("quiet")
both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
KIB = 1024
RSV1 = 4
FULL = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


def deflated(payload: bytes) -> bytes:
    """The payload of a compressed message, as a client makes it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def in_fragments(data: bytes, size: int) -> bytes:
    """A compressed message, cut: RSV1 is set in the first frame only (RFC 7692 §6.1)."""
    cuts = range(0, len(data), size)
    return b"".join(
        frame(
            CONTINUATION if at else TEXT,
            data[at : at + size],
            fin=at == cuts[-1],
            rsv=0 if at else RSV1,
        )
        for at in cuts
    )


async def agreed(server: Serving, target: str, offer: str | None) -> str | None:
    """The extension in the answer to a handshake."""
    async with RawClient.connect(server.port) as client:
        extensions = () if offer is None else (f"Sec-WebSocket-Extensions: {offer}",)
        await client.send(head(target, *HANDSHAKE, *extensions))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await client.receive()
    assert answer.startswith(b"HTTP/1.1 101"), answer
    found = re.search(rb"sec-websocket-extensions: ([^\r]*)", answer, re.IGNORECASE)
    return None if found is None else found[1].decode()


@pytest.mark.parametrize(
    ("target", "offer", "answer"),
    [
        ("/ws?compress=1", "permessage-deflate", FULL),
        ("/ws?format=batch&compress=1", "permessage-deflate; client_max_window_bits", FULL),
        ("/ws?format=events&compress=1", FULL, FULL),
        ("/ws/?compress=1", "x-other, permessage-deflate", FULL),
        (
            "/ws?compress=1",
            "permessage-deflate; client_max_window_bits=10",
            f"{FULL}; client_max_window_bits=10",
        ),
        (
            "/ws?compress=1",
            "permessage-deflate; server_max_window_bits=15",
            f"{FULL}; server_max_window_bits=15",
        ),
        (
            "/ws?compress=1",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            FULL,
        ),
        ("/ws?compress=1", "permessage-deflate; server_max_window_bits=10", None),
        ("/ws?compress=1", "permessage-deflate; server_max_window_bits=16", None),
        ("/ws?compress=1", "permessage-deflate; unknown_parameter", None),
        ("/ws?compress=1", "permessage-deflate; client_max_window_bits=99", None),
        ("/ws?compress=1", "permessage-deflate; ;", None),
        ("/ws?compress=1", "x-webkit-deflate-frame", None),
        ("/ws?compress=1", None, None),
        ("/ws", "permessage-deflate", None),
        ("/ws?compress=0", "permessage-deflate", None),
        ("/ws?format=batch", "permessage-deflate", None),
        ("/ws?format=array&compress=1", "permessage-deflate", None),
        ("/finnhub?token=x&compress=1", "permessage-deflate", None),
    ],
)
def test_compression_needs_an_offer_and_a_request(
    target: str, offer: str, answer: str | None
) -> None:
    """And is without context takeover in both directions, or not at all."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server:
            assert await agreed(server, target, offer) == answer

    asyncio.run(scenario())


def test_a_server_without_the_wire_extension_does_not_negotiate() -> None:
    """It sends the same messages, uncompressed."""

    async def scenario() -> None:
        async with serving(HandFeed(), ws=PLAIN) as server:
            assert await agreed(server, "/ws?compress=1", "permessage-deflate") is None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?compress=2", "compress: expected 0 or 1"),
        ("?compress=", "compress: expected 0 or 1"),
        ("?format=batch&compress=yes", "compress: expected 0 or 1"),
        ("?format=batches", "format: expected events, batch or array"),
    ],
)
def test_a_query_that_means_nothing_is_refused_before_the_socket_opens(
    query: str, sentence: str
) -> None:
    """With the values that there are."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server:
            with pytest.raises(InvalidStatus) as refused:
                async with connect(server.ws + query):
                    pass
            assert refused.value.response.status_code == 400
            assert sentence in refused.value.response.body.decode()

    asyncio.run(scenario())


class Reader:
    """A client that collects what it is sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.messages: list[dict[str, Any]] = []

    async def subscribe(self, *symbols: str) -> None:
        """Subscribe, and read up to the acknowledgement."""
        await self.connection.send(json.dumps({"action": "subscribe", "symbols": symbols}))
        while not any(m["type"] == "subscription" for m in self.messages):
            await self.read()

    async def read(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), 5))
        self.messages.append(message)
        return message

    async def read_updates(self, count: int) -> None:
        """Read until there are so many prices."""
        came = len(self.updates())
        while came < count:
            came += sum(m["type"] == "price_update" for m in flat([await self.read()]))

    def updates(self) -> list[dict[str, Any]]:
        """Every price so far."""
        return [m for m in flat(self.messages) if m["type"] == "price_update"]


@asynccontextmanager
async def reader(server: Serving, query: str, **options: Any) -> AsyncIterator[Reader]:
    """A client of the websockets library."""
    async with connect(server.ws + query, **options) as connection:
        yield Reader(connection)


@both
def test_every_form_gets_the_same_prices(ws: str) -> None:
    """With a client's own decompression, whatever the server compressed and batched."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, ws=ws) as server,
            reader(server, "?format=events") as events,
            reader(server, "?format=events&compress=1") as deflated_events,
            reader(server, "?format=batch", compression=None) as batch,
            reader(server, "?format=batch&compress=1") as deflated_batch,
        ):
            readers = (events, deflated_events, batch, deflated_batch)
            feed.trade("AAPL", 149)
            for one in readers:
                await one.subscribe("AAPL", "NVDA")
            rng = random.Random(1)
            for n in range(60):
                symbols = rng.choices(("AAPL", "NVDA"), k=20)
                feed.trades([(symbol, 150 + n + k / 100, 10) for k, symbol in enumerate(symbols)])
                await asyncio.sleep(0)
                if n % 10 == 9:  # before anybody's queue is too long
                    await asyncio.gather(*(one.read_updates(20 * n + 21) for one in readers))
            told = [one.updates() for one in readers]
            assert told[1:] == told[:-1]
            for one in (batch, deflated_batch):
                assert {"batch"} == {m["type"] for m in one.messages if "price" in str(m)}
            compressed = server.live.hub.deflater.compressed
            assert compressed if ws == WIRE else not compressed

    asyncio.run(scenario())


def test_a_compressed_batch_is_one_frame_with_rsv1_and_a_fraction_of_the_bytes() -> None:
    """On the wire itself."""

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed) as server, RawClient.connect(server.port) as client:
            offer = "Sec-WebSocket-Extensions: permessage-deflate"
            await client.send(head("/ws?format=batch&compress=1", *HANDSHAKE, offer))
            want = json.dumps({"action": "subscribe", "symbols": ["AAPL"]}).encode()
            await client.send(frame(TEXT, want))
            received = b""
            while b'"subscription"' not in received:
                received += await client.receive()
            feed.trades([("AAPL", 150 + n / 100, 10) for n in range(200)])
            received = await client.receive()
            assert received[0] == DEFLATED
            size = int.from_bytes(received[2:4], "big")
            text = zlib.decompressobj(-15).decompress(received[4 : 4 + size] + b"\0\0\xff\xff")
            assert len(json.loads(text)["updates"]) == 200
            assert size * 6 < len(text)

    asyncio.run(scenario())


PING = json.dumps({"action": "ping", "id": "x" * 40}).encode()
BOMB = deflated(b" " * (8 * KIB * KIB))
FINAL = zlib.compressobj(9, zlib.DEFLATED, -15)
ENDED = FINAL.compress(PING) + FINAL.flush(zlib.Z_FINISH)
"""A message whose last block says that it is the last (RFC 7692 §7.2.3.4 allows it)."""


@asynccontextmanager
async def compressing(server: Serving, target: str = "/ws?compress=1") -> AsyncIterator[RawClient]:
    """A client of bytes that may compress its messages."""
    async with RawClient.connect(server.port) as client:
        offer = "Sec-WebSocket-Extensions: permessage-deflate"
        await client.send(head(target, *HANDSHAKE, offer))
        assert await client.status() == 101
        yield client


@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, PING),
        frame(TEXT, deflated(PING), rsv=RSV1),
        in_fragments(deflated(PING), 1),
        in_fragments(deflated(PING), 7),
        frame(TEXT, deflated(PING)[:9], fin=False, rsv=RSV1)
        + frame(raw.PING)
        + frame(CONTINUATION, deflated(PING)[9:]),
        frame(TEXT, ENDED + b"\0", rsv=RSV1),
        frame(TEXT, deflated(PING.ljust(16 * KIB)), rsv=RSV1),
        in_fragments(deflated(PING.ljust(12 * KIB)), 5),
    ],
    ids=[
        "plain",
        "whole",
        "bytes",
        "sevens",
        "ping-between",
        "final-block",
        "16-KiB",
        "12-KiB-in-fragments",
    ],
)
def test_a_message_of_the_client_may_be_compressed(sent: bytes) -> None:
    """And cut; or not, once compression is agreed on. Twice, since no context is kept."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server, compressing(server) as client:
            for _ in range(2):
                await client.send(sent)
                assert (await client.read_until("pong"))[-1]["id"] == "x" * 40

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, BOMB, rsv=RSV1), 1009),
        (in_fragments(BOMB, KIB), 1009),
        (in_fragments(BOMB, 100), 1009),
        (frame(TEXT, deflated(b" " * (16 * KIB + 1)), rsv=RSV1), 1009),
        (in_fragments(deflated(b" " * (16 * KIB + 1)), 5), 1009),
        (
            frame(TEXT, ENDED, fin=False, rsv=RSV1)
            + frame(CONTINUATION, b"a" * (4 * KIB), fin=False) * 5,
            1009,
        ),
        (frame(TEXT, b"\xff\xff\xff", rsv=RSV1), 1002),
        (frame(TEXT, deflated(PING)[:5], fin=False, rsv=RSV1) + frame(CONTINUATION, rsv=4), 1002),
        (frame(TEXT, PING, rsv=2), 1002),
        (frame(raw.BINARY, deflated(PING), rsv=RSV1), 1003),
        (frame(TEXT, deflated(b"\xff\xfe"), rsv=RSV1), 1007),
    ],
    ids=[
        "bomb",
        "bomb-in-fragments",
        "bomb-in-small-ones",
        "a-byte-too-many",
        "in-fragments",
        "behind-the-end",
        "garbage",
        "rsv1-again",
        "rsv2",
        "binary",
        "not-utf8",
    ],
)
def test_what_a_client_compresses_is_inflated_within_the_bound_of_a_message(
    sent: bytes, code: int
) -> None:
    """And an attack costs its sender the connection."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server, compressing(server) as client:
            await client.send(sent)
            assert (await client.read()).code == code

    asyncio.run(scenario())


def test_compressed_messages_are_refused_where_nothing_was_agreed_on() -> None:
    """As before."""

    async def scenario() -> None:
        async with serving(HandFeed()) as server, compressing(server, "/ws") as client:
            await client.send(frame(TEXT, deflated(PING), rsv=RSV1))
            assert (await client.read()).code == 1002

    asyncio.run(scenario())


def test_a_client_that_offers_a_smaller_window_first_is_understood() -> None:
    """A library's offer, and what it sends with the window that it asked for."""

    async def scenario() -> None:
        factory = ClientPerMessageDeflateFactory(client_max_window_bits=9)
        async with (
            serving(HandFeed()) as server,
            reader(server, "?compress=1", compression=None, extensions=[factory]) as one,
        ):
            await one.subscribe("AAPL")
            assert one.messages[-1]["subscriptions"] == ["AAPL"]

    asyncio.run(scenario())


def test_a_shutdown_reaches_a_client_that_negotiated() -> None:
    """``shutdown``, then 1012."""

    async def scenario() -> None:
        async with connect_later() as (server, connection):
            server.server.should_exit = True
            with pytest.raises(ConnectionClosed):
                while json.loads(await asyncio.wait_for(connection.recv(), 5)):
                    pass
            assert connection.close_code == 1012

    asyncio.run(scenario())


@asynccontextmanager
async def connect_later() -> AsyncIterator[tuple[Serving, ClientConnection]]:
    """A server and one of its compressing clients."""
    async with (
        serving(HandFeed()) as server,
        connect(f"{server.ws}?format=batch&compress=1") as connection,
    ):
        yield server, connection
