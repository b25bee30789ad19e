"""Attacks through what clients of ``/ws``, ``/finnhub`` and the array format may ask for, and
through the handshakes before it.
"""

import asyncio
import base64
import itertools
import json
import os
import random
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.siege.row import GONE, Row, Seen, Target, together

KNOWN = tuple(f"N{n}" for n in range(100))
BEYOND = tuple(
    "".join(each)
    for each in itertools.product(string.ascii_uppercase, string.digits, string.digits)
)
"""Nearly as many as one message of 16 KiB can name."""
A_HUNDRED = {"PHOTON_SYMBOLS": ",".join(("AAPL", *KNOWN)), "PHOTON_SIM_INTERVAL_MS": 25}
OFTEN_S = 1 / 19
"""Just within the rate of messages."""
Messages = Iterable[dict[str, Any]]


class Client:
    """A WebSocket without a library, which reads whatever comes and looks at nothing of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reading = asyncio.create_task(_read_all(reader))

    @classmethod
    async def at(cls, target: Target, path: str, headers: str = "") -> "Client | None":
        """A client of this path, or ``None`` when it is refused; the status is counted."""
        reader, writer = await target.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n{headers}"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        try:
            status = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        except BaseException:
            writer.transport.abort()
            raise
        target.counts[status] += 1
        if status == "101":
            return cls(reader, writer)
        writer.transport.abort()
        return None

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message; fails when the connection is over."""
        text = json.dumps(message, separators=(",", ":")).encode()
        size = len(text)
        head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
        self._writer.write(b"\x81" + head + bytes(4) + text)
        await self._writer.drain()
        if self._reading.done():
            raise ConnectionResetError

    def close(self) -> None:
        """Hang up without a word."""
        self._reading.cancel()
        self._writer.transport.abort()


async def _read_all(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65_536):
            pass
    except GONE:
        return


async def asking(
    target: Target, path: str, messages: Callable[[], Messages], *, pause_s: float = OFTEN_S
) -> None:
    """Say one thing after the other, and connect again when the server has had enough."""
    while True:
        client = None
        try:
            client = await Client.at(target, path)
            if client is not None:
                for message in messages():
                    await client.say(message)
                    target.counts["said"] += 1
                    await asyncio.sleep(pause_s)
        except GONE:
            target.counts["gone"] += 1
        finally:
            if client is not None:
                client.close()
        await asyncio.sleep(pause_s)


def _many(
    clients: int, path: str, messages: Callable[[], Messages], *, pause_s: float = OFTEN_S
) -> Callable[[Target], Any]:
    """An attack by so many clients that all ask for the same."""

    async def attack(target: Target) -> None:
        each = (asking(target, path, messages, pause_s=pause_s) for _ in range(clients))
        await together(*each)

    return attack


def subscribe(names: Iterable[str], **more: Any) -> dict[str, Any]:
    """A subscription."""
    return {"action": "subscribe", "symbols": list(names), **more}


def unsubscribe(names: Iterable[str], **more: Any) -> dict[str, Any]:
    """The end of one."""
    return {"action": "unsubscribe", "symbols": list(names), **more}


def beyond_the_limit() -> Iterator[dict[str, Any]]:
    """All that a client may have, and then as many names more as a message holds."""
    yield subscribe(KNOWN)
    yield from itertools.repeat(subscribe(BEYOND))


def no_symbols() -> Iterator[dict[str, Any]]:
    """As many names that are none as a message holds."""
    yield from itertools.repeat(subscribe(f"é{n}" for n in range(1_800)))


def ever_new_intervals() -> Iterator[dict[str, Any]]:
    """The same symbols at a pace that nobody has asked for."""
    while True:
        yield subscribe(("AAPL", *KNOWN[:40]), interval_ms=random.randint(50, 10_000))


def churn() -> Iterator[dict[str, Any]]:
    """A hundred symbols, and their snapshots, again and again."""
    while True:
        yield subscribe(KNOWN)
        yield unsubscribe(KNOWN)


def one_by_one() -> Iterator[dict[str, Any]]:
    """A set of symbols that changes by one each time."""
    yield subscribe(KNOWN)
    for name in itertools.cycle(KNOWN):
        yield unsubscribe([name])
        yield subscribe([name])


def bars_churn() -> Iterator[dict[str, Any]]:
    """A hundred bars of every timeframe, again and again."""
    for timeframe in itertools.cycle(("1d", "1s", "1h", "1m", "15m", "5m")):
        yield subscribe(KNOWN, channel="bars", timeframe=timeframe)
        yield unsubscribe(KNOWN, channel="bars")


def lists() -> Iterator[dict[str, Any]]:
    """What is subscribed, again and again."""
    yield subscribe(KNOWN)
    yield subscribe(KNOWN, channel="bars", timeframe="1m")
    yield from itertools.repeat({"action": "list"})


def letting_all_go() -> Iterator[dict[str, Any]]:
    """Everything, and nothing."""
    while True:
        yield subscribe(KNOWN)
        yield {"action": "unsubscribe_all"}


def pings() -> Iterator[dict[str, Any]]:
    """The smallest of messages."""
    yield from itertools.repeat({"action": "ping"})


def one_of_finnhubs() -> Iterator[dict[str, Any]]:
    """A symbol more and a symbol less, in Finnhub's words."""
    for name in KNOWN:
        yield {"type": "subscribe", "symbol": name}
    for name in itertools.cycle(KNOWN):
        yield {"type": "unsubscribe", "symbol": name}
        yield {"type": "subscribe", "symbol": name}


async def a_hundred_others(target: Target) -> None:
    """Clients of Finnhub's protocol that change their minds, and array clients that come and go."""

    async def array() -> None:
        while True:
            names = random.sample(KNOWN, 100)
            client = None
            try:
                client = await Client.at(target, f"/ws?format=array&symbols={','.join(names)}")
                await asyncio.sleep(random.uniform(0.2, 1.2))
            except GONE:
                target.counts["gone"] += 1
            finally:
                if client is not None:
                    client.close()

    finnhub = (asking(target, "/finnhub?token=x", one_of_finnhubs) for _ in range(50))
    await together(*finnhub, *(array() for _ in range(50)))


def handshakes(
    headers: Callable[[], str] = lambda: "", *, at_once: int = 16, hold: int = 0
) -> Callable[[Target], Any]:
    """One handshake after the other, as fast as they are answered.

    Args:
        headers: further lines of the head.
        at_once: how many are under way.
        hold: how many are kept open; the others are let go at once.
    """

    async def attack(target: Target) -> None:
        held: list[Client] = []

        async def one() -> None:
            while True:
                try:
                    client = await Client.at(target, "/ws", headers())
                except GONE:
                    target.counts["gone"] += 1
                    await asyncio.sleep(0.01)
                    continue
                if client is not None and len(held) < hold:
                    held.append(client)
                elif client is not None:
                    client.close()

        await together(*(one() for _ in range(at_once)))

    return attack


def forged(own: str) -> Callable[[], str]:
    """A head that claims another address each time, and what a proxy writes behind it."""

    def header() -> str:
        claimed = f"203.0.113.{random.randint(1, 254)}"
        return f"X-Forwarded-For: {claimed}{own}\r\n"

    return header


def _five_at_most(seen: Seen) -> None:
    assert seen.counts.get("101", 0) <= 5, f"{seen.counts['101']} sockets for one address"
    assert seen.health["refused"]["per_ip"] > 0


FIVE = {"PHOTON_MAX_PER_IP": 5}
ROWS = (
    Row(
        name="2,600 names beyond the limit",
        attack=_many(5, "/ws", beyond_the_limit),
        settings=A_HUNDRED,
    ),
    Row(name="names that are none", attack=_many(20, "/ws", no_symbols), settings=A_HUNDRED),
    Row(name="ever-new intervals", attack=_many(20, "/ws", ever_new_intervals), settings=A_HUNDRED),
    Row(name="subscribe and unsubscribe", attack=_many(20, "/ws", churn), settings=A_HUNDRED),
    Row(name="one symbol less, one more", attack=_many(20, "/ws", one_by_one), settings=A_HUNDRED),
    Row(name="bars on and off", attack=_many(20, "/ws", bars_churn), settings=A_HUNDRED),
    Row(name="lists", attack=_many(20, "/ws", lists), settings=A_HUNDRED),
    Row(name="all and nothing", attack=_many(20, "/ws", letting_all_go), settings=A_HUNDRED),
    Row(name="two hundred clients within the rate", attack=_many(200, "/ws", pings)),
    Row(name="a hundred others that churn", attack=a_hundred_others, settings=A_HUNDRED),
    Row(name="handshakes", attack=handshakes()),
    Row(
        name="handshakes that are refused",
        attack=handshakes(hold=5),
        settings=FIVE,
        check=_five_at_most,
    ),
    Row(
        name="forged addresses, no hops",
        attack=handshakes(forged(""), hold=5),
        settings=FIVE,
        check=_five_at_most,
    ),
    Row(
        name="forged addresses, one hop",
        attack=handshakes(forged(", 198.51.100.9"), hold=5),
        settings={**FIVE, "PHOTON_PROXY_HOPS": 1},
        check=_five_at_most,
    ),
)
