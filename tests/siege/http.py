"""Attacks by HTTP, and by TCP before anything was said."""

import asyncio
import contextlib
import re
import resource
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from tests.siege.row import GONE, Row, Seen, Target, together

NEWCOMER = "127.0.0.3"
"""Somebody else, who comes during an attack."""
PATIENCE_S = 3.0
FILES = 1_256
IDLE = 1_500
Attack = Callable[[Target], Coroutine[Any, Any, None]]
PATHS = ("/api/quotes", "/health", "/", "/api/search?q=a", "/photon-client.js", "/openapi.json")


def request(path: str = "/health", *headers: str, method: str = "GET") -> bytes:
    """A request, without a body."""
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers)
    return "\r\n".join((*lines, "", "")).encode()


async def newcomers(target: Target) -> None:
    """Somebody new asks four times a second, and counts how often it is served at once."""
    while True:
        await asyncio.sleep(0.25)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await target.connect(NEWCOMER)
                writer.write(request("/", "Connection: close"))
                answer = await reader.read()
                writer.close()
        except (TimeoutError, *GONE):
            answer = b""
        took_ms = round((time.perf_counter() - began) * 1000)
        target.counts["served" if b" 200 OK" in answer[:20] else "unserved"] += 1
        target.counts["slowest_ms"] = max(target.counts["slowest_ms"], took_ms)


def served(seen: Seen) -> None:
    """Newcomers were, all of them."""
    assert seen.counts.get("served"), "no newcomer came"
    assert not seen.counts.get("unserved"), f"{seen.counts['unserved']} newcomers were not served"


async def again(target: Target, attack: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """The same from the beginning whenever the server ends it."""
    while True:
        try:
            await attack()
        except GONE:
            target.counts["gone"] += 1
        await asyncio.sleep(0)


def many_files() -> None:
    """An attack may need more sockets than the shell allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))


async def idle(target: Target) -> None:
    """More connections than the server has files, over which nothing is said."""
    many_files()
    writers: list[asyncio.StreamWriter] = []

    async def fill() -> None:
        while True:
            writers[:] = [writer for writer in writers if not writer.transport.is_closing()]
            while len(writers) < IDLE:
                with contextlib.suppress(TimeoutError, *GONE):
                    async with asyncio.timeout(PATIENCE_S):
                        writers.append((await target.connect())[1])
            await asyncio.sleep(0.1)

    await together(fill(), newcomers(target))


async def comes_and_goes(target: Target) -> None:
    """Connections as fast as they can be had, left at once."""

    async def one() -> None:
        while True:
            _, writer = await target.connect()
            target.counts["connections"] += 1
            writer.transport.abort()

    await together(*(again(target, one) for _ in range(4)), newcomers(target))


async def tiny_chunks(target: Target) -> None:
    """A body in chunks of one byte, without end."""
    chunks = b"1\r\nx\r\n" * 40_000

    def send(method: str, path: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def one() -> None:
            _, writer = await target.connect()
            writer.write(request(path, "Transfer-Encoding: chunked", method=method))
            while True:
                writer.write(chunks)
                await writer.drain()

        return one

    routes = (("GET", "/health"), ("POST", "/api/quotes"), ("POST", "/_event/"), ("PUT", "/no"))
    await together(*(again(target, send(*route)) for route in routes))


def heads(head: bytes) -> Attack:
    """The same head again and again, each over a connection of its own; its status is counted."""

    async def attack(target: Target) -> None:
        async def one() -> None:
            reader, writer = await target.connect()
            with contextlib.suppress(*GONE):
                writer.write(head)
                await writer.drain()
            status = (await reader.readline()).split()
            target.counts[status[1].decode() if status else "no answer"] += 1
            writer.transport.abort()

        await together(again(target, one), again(target, one))

    return attack


def none_accepted(seen: Seen) -> None:
    """No such head got the answer to a request."""
    assert not seen.counts.get("200"), f"{seen.counts['200']} were answered"
    assert seen.counts.get("431"), f"none was sent the reason: {dict(seen.counts)}"


async def reluctant(target: Target, sent: bytes) -> None:
    """A connection whose peer asks, and takes next to nothing of the answer."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        sock.bind((target.address, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", target.port))
        await loop.sock_sendall(sock, sent)
        target.counts["asked"] += 1
        while await loop.sock_recv(sock, 1):
            await asyncio.sleep(1)
        raise EOFError


def unread(sent: bytes, count: int) -> Attack:
    """So many of them at once, and new ones for those that are ended."""

    async def attack(target: Target) -> None:
        many_files()
        await together(
            *(again(target, partial(reluctant, target, sent)) for _ in range(count)),
            newcomers(target),
        )

    return attack


def flood(connections: int, together_: int) -> Attack:
    """Requests as fast as they are answered, so many in one packet."""

    async def attack(target: Target) -> None:
        async def one(number: int) -> None:
            reader, writer = await target.connect()
            at = number
            while True:
                path = PATHS[at % len(PATHS)]
                at += 1
                writer.write(request(path) * together_)
                for _ in range(together_):
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    target.counts[head.split()[1].decode()] += 1
                    _, _, rest = head.partition(b"content-length:")
                    await reader.readexactly(int(rest.split(b"\r\n")[0]))

        await together(*(again(target, partial(one, n)) for n in range(connections)))

    return attack


async def slow_bodies(target: Target) -> None:
    """Bodies and heads of which a byte comes now and then."""
    many_files()

    async def one(sent: bytes) -> None:
        _, writer = await target.connect()
        writer.write(sent)
        while True:
            await asyncio.sleep(0.5)
            writer.write(b"x")
            await writer.drain()

    starts = (
        request("/api/quotes", "Content-Length: 60000", method="POST"),
        request("/health", "Content-Length: 1000000000000"),
        request("/_event/", "Content-Length: 100", "Expect: 100-continue", method="POST"),
        b"GET /health HTTP/1.1\r\nX: ",
    )
    attacks = (again(target, partial(one, start)) for start in starts for _ in range(150))
    await together(*attacks, newcomers(target))


async def unread_files(target: Target) -> None:
    """Files of the page, each of which is open while it is sent, that nobody takes."""
    many_files()
    reader, writer = await target.connect()
    writer.write(request("/", "Accept: text/html", "Connection: close"))
    page = (await reader.read()).decode()
    files = sorted(set(re.findall(r"/assets/[\w.-]+\.(?:js|css)", page))) or ["/"]

    async def one(number: int) -> None:
        path = files[number % len(files)]
        await reluctant(target, request(path, "Accept-Encoding: identity") * 30)

    await together(
        *(again(target, partial(one, number)) for number in range(900)), newcomers(target)
    )


async def upgrades(target: Target) -> None:
    """Handshakes where no WebSocket is, as fast as they are refused."""

    async def one() -> None:
        reader, writer = await target.connect()
        key = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        head = request("/nothing", "Connection: Upgrade", "Upgrade: websocket", *key)
        writer.write(head)
        status = (await reader.readline()).split()
        target.counts[status[1].decode() if status else "no answer"] += 1
        writer.transport.abort()

    await together(*(again(target, one) for _ in range(50)), newcomers(target))


BARS = request("/api/bars?symbol=AAPL&timeframe=1m&limit=10000")
ROWS = (
    Row(name="1,500 idle connections, few files", attack=idle, files=FILES, check=served),
    Row(name="connections that come and go", attack=comes_and_goes, check=served),
    Row(name="bodies in chunks of one byte", attack=tiny_chunks),
    Row(
        name="heads of 45,000 lines",
        attack=heads(request("/", *["a:"] * 45_000)),
        check=none_accepted,
    ),
    Row(
        name="whole heads of 60,000 bytes",
        attack=heads(request("/", "X: " + "x" * 60_000)),
        check=none_accepted,
    ),
    Row(
        name="heads of 300 lines",
        attack=heads(request("/", *["a: b"] * 300)),
        check=none_accepted,
    ),
    Row(
        name="150 unread answers of 10,000 bars",
        attack=unread(BARS, 150),
        memory_mib=64,
        check=served,
    ),
    Row(
        name="400 unread answers to requests in one packet",
        attack=unread(request("/openapi.json") * 60, 400),
        memory_mib=60,
        check=served,
    ),
    Row(name="requests in one packet, again and again", attack=flood(1, 50)),
    Row(name="requests over 200 connections", attack=flood(200, 1)),
    Row(name="slow bodies", attack=slow_bodies, check=served),
    Row(
        name="unread files of the page, few files open",
        attack=unread_files,
        files=FILES,
        memory_mib=64,
        check=served,
    ),
    Row(name="handshakes where no socket is", attack=upgrades, check=served),
)
