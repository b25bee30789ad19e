"""Attacks with names that anybody may invent: a simulator gives each a price."""

import asyncio
import contextlib
import itertools
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.siege.row import GONE, Row, Seen, Target, together

NAMES = 100
"""As many as one socket may have."""
SOCKETS = 20
LOST = (*GONE, ConnectionClosed, WebSocketException, TimeoutError)
_numbers = itertools.count()


def _invent(count: int = NAMES) -> list[str]:
    """Names that nobody had before: of stocks, coins, other exchanges, and of no market."""
    shapes = ("ZQ{}", "BINANCE:ZQ{}", "ZQ{}.L", "NOWHERE:ZQ{}")
    return [shapes[n % len(shapes)].format(n) for n in itertools.islice(_numbers, count)]


@contextlib.asynccontextmanager
async def _socket(target: Target) -> AsyncIterator[ClientConnection]:
    url = f"ws://127.0.0.1:{target.port}/ws"
    async with connect(
        url, local_addr=(target.address, 0), compression=None, close_timeout=0.1
    ) as it:
        yield it


async def _say(socket: ClientConnection, action: str, symbols: list[str], **more: object) -> None:
    await socket.send(json.dumps({"action": action, "symbols": symbols, **more}))


async def _swallow(target: Target, socket: ClientConnection) -> None:
    """Read whatever comes, so that the socket is not slow."""
    async for text in socket:
        target.counts["messages"] += 1
        if '"too_many_symbols"' in str(text):
            target.counts["refused"] += 1


async def new_names(target: Target) -> None:
    """One client with a hundred new names ten times a second; closed, it comes again."""
    while True:
        with contextlib.suppress(*LOST):
            async with _socket(target) as socket:
                reading = asyncio.create_task(_swallow(target, socket))
                try:
                    while not reading.done():
                        names = _invent()
                        await _say(socket, "subscribe", names)
                        target.counts["names"] += len(names)
                        await asyncio.sleep(0.05)
                        await _say(socket, "unsubscribe", names)
                        await asyncio.sleep(0.05)
                finally:
                    reading.cancel()
                    with contextlib.suppress(*LOST, asyncio.CancelledError):
                        await reading
        target.counts["closed"] += 1
        await asyncio.sleep(0.05)


async def _follow(target: Target, names: list[str], *channels: Mapping[str, object]) -> None:
    """Subscribe names, and stay."""
    while True:
        with contextlib.suppress(*LOST):
            async with _socket(target) as socket:
                for channel in channels:
                    await _say(socket, "subscribe", names, **channel)
                    target.counts["names"] += len(names)
                await _swallow(target, socket)
        target.counts["closed"] += 1
        await asyncio.sleep(0.2)


async def many_sockets(target: Target) -> None:
    """Twenty sockets that follow a hundred names each."""
    await together(*(_follow(target, _invent(), {}) for _ in range(SOCKETS)))


async def many_bars(target: Target) -> None:
    """The same with the bars of each too, of the longest span."""
    bars = {"channel": "bars", "timeframe": "1d"}
    await together(*(_follow(target, _invent(), {}, bars) for _ in range(SOCKETS)))


async def names_for_disk(target: Target) -> None:
    """950 names in turn, and on."""
    await together(*(_follow(target, _invent(95), {}) for _ in range(10)))


async def _ask(target: Target, paths: Iterator[str]) -> None:
    """One HTTP question after the other on one connection."""
    while True:
        with contextlib.suppress(*GONE, ValueError):
            reader, writer = await target.connect()
            try:
                for path in paths:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                    target.counts[head.split()[1]] += 1
                    length = int(head.partition("content-length:")[2].split()[0])
                    await reader.readexactly(length)
            finally:
                writer.close()
        await asyncio.sleep(0.05)


def _bars_of(timeframe: str, limit: int) -> Iterator[str]:
    while True:
        (name,) = _invent(1)
        yield f"/api/bars?symbol={name}&timeframe={timeframe}&limit={limit}"


async def bars_over_http(target: Target) -> None:
    """Bars of names that nobody follows, of every length."""
    spans = [
        ("1m", 500),
        ("1m", 10_000),
        ("5m", 10_000),
        ("15m", 5_000),
        ("1h", 5_000),
        ("1d", 700),
    ]
    await together(*(_ask(target, _bars_of(*span)) for span in spans))


def _quotes() -> Iterator[str]:
    while True:
        yield f"/api/quotes?symbols={','.join(_invent(100))}"
        yield f"/api/quotes?symbols={','.join(_invent(1_000))}"


def _searches() -> Iterator[str]:
    for text in itertools.cycle(
        ["a", "%20".join("abcdefgh"), "%C3%9F" * 20, "z" * 64, "z" * 9_000]
    ):
        yield f"/api/search?q={text}"


async def quotes_and_searches(target: Target) -> None:
    """Quotes of a thousand names, and searches for long and odd text."""
    await together(*(_ask(target, paths) for paths in (_quotes(), _quotes(), _searches())))


class _Disk:
    """A database of a server, and what stood in it in the end."""

    def __init__(self) -> None:
        self.rows = self.bytes = 0

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Mapping[str, object]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photon.db"
            yield {"DATABASE_URL": f"sqlite:///{path}"}
            self._look(path)

    def _look(self, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as database:
            (self.rows,) = database.execute("SELECT count(*) FROM bars").fetchone()
        self.bytes = sum(one.stat().st_size for one in path.parent.iterdir())


DISK = _Disk()
MOST_ROWS = 50
"""Some minutes of the ten default symbols: nobody follows others for long here."""


def _little_on_disk(seen: Seen) -> None:
    assert seen.health["symbols"]["upstream"] > 100, seen.health["symbols"]
    assert 0 < DISK.rows <= MOST_ROWS, f"{DISK.rows} rows are stored"
    assert DISK.bytes < 2_000_000, f"{DISK.bytes} bytes are stored"


def _kept_bound(seen: Seen) -> None:
    assert seen.health["symbols"]["upstream"] <= 2_000, seen.health["symbols"]
    assert seen.health["status"] == "healthy", seen.health["storage"]


def _answered(seen: Seen) -> None:
    assert seen.counts.get("200", 0) > 0, dict(seen.counts)


ROWS = (
    Row(name="a hundred new names ten times a second", attack=new_names, check=_kept_bound),
    Row(
        name="twenty sockets of a hundred names",
        attack=many_sockets,
        seconds=10,
        memory_mib=60,
        check=_kept_bound,
    ),
    Row(
        name="twenty sockets of a hundred names with bars",
        attack=many_bars,
        seconds=10,
        memory_mib=60,
        check=_kept_bound,
    ),
    Row(
        name="950 made-up names and a database",
        attack=names_for_disk,
        seconds=10,
        upstream=DISK,
        check=_little_on_disk,
    ),
    Row(name="bars of names that nobody follows", attack=bars_over_http, check=_answered),
    Row(name="quotes of thousands of names", attack=quotes_and_searches, check=_answered),
)
