"""Attacks through sockets that were upgraded: ``/ws``, ``/finnhub`` and Reflex's ``/_event``."""

import asyncio
import base64
import functools
import itertools
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

from tests.fakes.raw import BINARY, CONTINUATION, PING, frame, text
from tests.siege.row import GONE, Row, Seen, Target, together

PAGE = "/_event/?EIO=4&transport=websocket&token={}"
PATHS = (PAGE, "/ws", "/ws?format=array", "/finnhub?token=x")
MAIN = "reflex___state____state"
DASHBOARD = f"{MAIN}.photon_app___ui___state____dashboard"
CHANGED = f"{MAIN}.reflex___state____update_vars_internal_state.update_vars_internal"
ROUTE = {"pathname": "/", "asPath": "/"}
STORED = json.dumps({"v": 1, "symbols": [f"A{n:x}" for n in range(8_000)]})[:65_000]
"""A long watchlist, which is none."""
LONG = json.dumps({"v": 1, "symbols": [f"LONGSYMBOLNAMEOFMANYLETTERS{n}" for n in range(1_500)]})
"""The longest that a page would store."""


async def upgrade(
    target: Target, path: str, headers: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a library, which would keep its rules; the status is counted."""
    reader, writer = await target.connect()
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path.format(uuid.uuid4())} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n{headers}\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split()[1].decode()
    target.counts[status] += 1
    if status != "101":
        writer.close()
        await asyncio.sleep(0.05)
        raise ConnectionRefusedError(status)
    return reader, writer


def hydrate(stored: str = "") -> bytes:
    """What a page says first."""
    storage = {"vars": {f"{DASHBOARD}.stored_rx_state_": stored}} if stored else {}
    event = {"name": f"{MAIN}.hydrate_and_load", "payload": storage, "router_data": ROUTE}
    return text("40/_event," + json.dumps({"event": event}))


def event(name: str, **payload: Any) -> bytes:
    """One event of a page."""
    event = {"name": name, "payload": payload, "router_data": ROUTE}
    return text("42/_event," + json.dumps(["event", event]))


async def flood(target: Target, path: str, *, sent: bytes, first: bytes = b"") -> None:
    """One socket that sends the same again and again, as fast as it is taken."""
    sent *= 1 + 16_384 // len(sent)
    while True:
        try:
            _, writer = await upgrade(target, path)
            writer.write(first)
            while True:
                writer.write(sent)
                await writer.drain()
                await asyncio.sleep(0)
        except GONE:
            target.counts["gone"] += 1


async def flood_every_path(target: Target, *, sent: bytes, first: bytes = b"") -> None:
    """One such socket on each path."""
    await together(*(flood(target, path, sent=sent, first=first) for path in PATHS))


async def many_pingers(target: Target) -> None:
    """Two hundred sockets, none of which sends more pings than it may."""

    async def one(number: int, path: str) -> None:
        await asyncio.sleep(number / 50)
        try:
            _, writer = await upgrade(target, path)
            while True:
                writer.write(frame(PING) * 8)
                await writer.drain()
                await asyncio.sleep(0.1)
        except GONE:
            target.counts["gone"] += 1

    paths = itertools.islice(itertools.cycle(PATHS), 200)
    await together(*(one(number, path) for number, path in enumerate(paths)))


async def many_tabs(target: Target) -> None:
    """As many page sockets as there are to be had, held open."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / 150)
        try:
            reader, _ = await upgrade(target, PAGE)
            await reader.read()
        except GONE:
            target.counts["gone"] += 1

    await together(*(one(number) for number in range(300)))


def five_tabs(seen: Seen) -> None:
    """Five, and the others were sent the reason."""
    assert seen.counts.get("101", 0) == 5, seen.counts
    assert seen.counts.get("429", 0) > 50, seen.counts
    assert seen.health["sockets"]["page"] == 5, seen.health["sockets"]
    assert seen.health["refused"]["per_ip"] > 50, seen.health["refused"]


async def reads_nothing(target: Target) -> None:
    """Ten tabs that ask for all that the page has, and read none of it."""

    async def one() -> None:
        while True:
            try:
                reader, writer = await upgrade(target, PAGE)
                reader._transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(hydrate(LONG))
                for turn in itertools.count():
                    changed = {f"{DASHBOARD}.stored_rx_state_": f"{LONG}{' ' * (turn % 9)}"}
                    writer.write(event(CHANGED, vars=changed))
                    await writer.drain()
            except GONE:
                target.counts["gone"] += 1

    await together(*(one() for _ in range(10)))


async def long_messages(target: Target) -> None:
    """Messages of 15 MB, in one frame and in fragments, on each path."""
    size = 15_000_000
    whole, begun = text(b" " * size), text(b" " * 100, fin=False)
    more = frame(CONTINUATION, b" " * 100_000, fin=False)

    async def one(path: str, sent: Iterator[bytes]) -> None:
        while True:
            try:
                reader, writer = await upgrade(target, path)
                for part in sent:
                    writer.write(part)
                    await writer.drain()
                    if b"\x03\xf1" in await asyncio.wait_for(reader.read(200_000), 0.5):
                        target.counts["1009"] += 1
                        break
                writer.close()
            except (*GONE, TimeoutError):
                target.counts["gone"] += 1
            await asyncio.sleep(0.05)

    await together(
        *(one(path, iter([whole])) for path in PATHS),
        *(one(path, itertools.chain([begun], itertools.repeat(more, 150))) for path in PATHS),
    )


async def tokens_without_end(target: Target) -> None:
    """A new visitor each time, with as much stored as a page may have, who leaves at once."""

    async def one() -> None:
        while True:
            try:
                reader, writer = await upgrade(target, PAGE)
                writer.write(hydrate(STORED))
                await asyncio.wait_for(reader.readuntil(b"is_hydrated_rx_state_"), 5)
                target.counts["hydrated"] += 1
                writer.close()
            except (*GONE, TimeoutError, asyncio.LimitOverrunError):
                target.counts["gone"] += 1

    await together(*(one() for _ in range(8)))


async def clicking_machines(target: Target) -> None:
    """Thirty tabs that do what a visitor may do, as fast as they can, and read the answers."""
    typed = b"".join(event(f"{DASHBOARD}.take_as_typed", typed=one) for one in "AB") * 10

    async def one() -> None:
        while True:
            try:
                reader, writer = await upgrade(target, PAGE)
                writer.write(hydrate())
                reading = asyncio.create_task(_read_all(reader))
                while not reading.done():
                    writer.write(typed)
                    await writer.drain()
                    await asyncio.sleep(0)
                target.counts["closed"] += 1
            except GONE:
                target.counts["gone"] += 1

    await together(*(one() for _ in range(30)))


async def _read_all(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65_536):
            pass
    except GONE:
        pass


def none_closed(seen: Seen) -> None:
    """Who is fast is slower at worst."""
    assert not seen.counts.get("closed") and not seen.counts.get("gone"), seen.counts


FORGED: dict[str, bytes] = {
    "unknown event": event("evil.event_\u001b[2J\nCRITICAL photon_app: FORGED", x="y" * 3_000),
    "setter": event(f"{DASHBOARD}.setvar", var_name="stored", value="x"),
    "background": event(f"{DASHBOARD}.learn_names", symbols=["A", "B"]),
    "other arguments": event(f"{DASHBOARD}.take_as_typed", typed={"a": [1]}, more=1),
    "unknown name": text('42/_event,["evil",{"a":1}]'),
    "report": event(
        f"{MAIN}.reflex___state____frontend_event_exception_state.handle_frontend_exception",
        info="x" * 10_000,
        component_stack="y" * 5_000,
    ),
    "client_error": text('42/_event,["client_error",{"message":"' + "x" * 9_000 + '"}]'),
    "connect again": hydrate(),
    "namespace": text('40/admin,{"a":1}'),
    "no namespace": text('42["event",{}]'),
    "acknowledgement": text("43/_event,1[]"),
    "binary event": text('451-/_event,["event",{"_placeholder":true,"num":0}]'),
    "binary": frame(BINARY, b"\x00" * 1_000),
    "base64": text("b" + "A" * 1_000),
    "deep": text('42/_event,["event",' + "[" * 8_000),
    "deep argument": text(
        '42/_event,["event",{"name":"' + DASHBOARD + '.find_symbols","payload":{"typed":'
        + "[" * 900 + "]" * 900 + "}}]"
    ),
    "no JSON": text("42/_event,nonsense"),
    "upgrade": text("5") + text("2probe"),
    "noop": text("6"),
    "empty": text(""),
    "disconnect": text("41/_event,"),
    "pongs": text("3") * 500,
}  # fmt: skip


async def forged(target: Target) -> None:
    """What no page says, each again and again on sockets of its own."""
    await together(
        *(flood(target, PAGE, first=hydrate(), sent=sent) for sent in FORGED.values()),
        flood(target, PAGE, sent=event(f"{DASHBOARD}.take_as_typed", typed="A")),
    )


def refused_by_reason(seen: Seen) -> None:
    """Counted, and not written line by line."""
    refused = seen.health["page_refused"]
    for reason in ("unknown", "arguments", "protocol"):
        assert refused.get(reason), refused
    assert "FORGED" not in seen.output, seen.output[:500]


async def long_polling(target: Target) -> None:
    """The transport that the page does not use: to open sessions, and to post to them."""
    requests = (
        "GET /_event/?EIO=4&transport=polling&token={0} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /_event/?EIO=4&transport=polling&sid={0} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        (
            "POST /_event/?EIO=4&transport=polling&sid={0} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Length: 2\r\n\r\n40"
        ),
    )

    async def one(request: str) -> None:
        while True:
            try:
                reader, writer = await target.connect()
                writer.write(request.format(uuid.uuid4()).encode())
                head = await reader.readuntil(b"\r\n\r\n")
                target.counts[head.split()[1].decode()] += 1
                writer.close()
                await asyncio.sleep(0.005)
            except GONE:
                target.counts["gone"] += 1

    await together(*(one(request) for request in requests))


def no_session(seen: Seen) -> None:
    """None was opened."""
    assert not seen.counts.get("200"), seen.counts
    assert seen.counts.get("400"), seen.counts


PINGS, EMPTY = frame(PING) * 2_000, frame(CONTINUATION, fin=False) * 2_000
ROWS = (
    Row(
        name="empty pings on /_event",
        attack=functools.partial(flood, path=PAGE, sent=PINGS),
        seconds=4,
    ),
    Row(
        name="empty pings on every path",
        attack=functools.partial(flood_every_path, sent=PINGS),
        seconds=4,
    ),
    Row(
        name="empty continuations on every path",
        attack=functools.partial(flood_every_path, sent=EMPTY, first=text("a", fin=False)),
        seconds=4,
    ),
    Row(
        name="empty messages on every path",
        attack=functools.partial(flood_every_path, sent=text("") * 500),
        seconds=4,
    ),
    Row(name="200 sockets within their pings", attack=many_pingers, seconds=6),
    Row(name="messages of 15 MB on every path", attack=long_messages, seconds=4),
    Row(
        name="300 tabs where an address may have 5",
        attack=many_tabs,
        settings={"PHOTON_MAX_PER_IP": 5},
        check=five_tabs,
        seconds=4,
    ),
    Row(name="tabs that read nothing", attack=reads_nothing, seconds=6),
    Row(name="tokens without end", attack=tokens_without_end, seconds=6),
    Row(name="clicking machines", attack=clicking_machines, check=none_closed, seconds=4),
    Row(
        name="what no page says",
        attack=forged,
        check=refused_by_reason,
        seconds=5,
        settings={"PHOTON_SIM_SEED": 2},  # its own server: the events of its address are counted
    ),
    Row(name="long polling", attack=long_polling, check=no_session, seconds=3),
)
