"""Attacks by text: what a client says, and where it ends up in the log."""

import asyncio
import json
import unicodedata
from urllib.parse import quote

from tests.siege.row import GONE, Row, Seen, Target, together
from tests.siege.sockets import upgrade

CANARY = "canary5b1f9c27"
"""Stands in every header and query whose value is nobody's business."""
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u2028\x85\r\n"
FORGED = "2026-11-25 16:00:00,000 CRITICAL photon_app: FORGED"
EVIL = f"{ESCAPES}{FORGED}\n{FORGED} {CANARY[::-1]}"
SECRETS = (
    f"Authorization: Bearer {CANARY}\r\nCookie: session={CANARY}; theme=dark\r\n"
    f"Proxy-Authorization: Basic {CANARY}\r\nX-Finnhub-Token: {CANARY}\r\n"
)
EVENTS = "/_event/?EIO=4&transport=websocket"


def frame(text: str) -> bytes:
    """A text as a client's frame, with a mask of zeros."""
    data = text.encode()
    if len(data) < 126:
        return bytes([0x81, 0x80 | len(data)]) + bytes(4) + data
    if len(data) < 1 << 16:
        return b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data
    return b"\x81\xff" + len(data).to_bytes(8, "big") + bytes(4) + data


def event(name: str, *said: object) -> bytes:
    """A message of Socket.IO to Reflex's namespace."""
    return frame("42/_event," + json.dumps([name, *said]))


async def talk(target: Target, query: str, messages: bytes) -> None:
    """One socket after another to Reflex, each of which says the same again and again."""
    while True:
        try:
            reader, writer = await upgrade(target, f"{EVENTS}{query}", SECRETS)
            writer.write(frame("40/_event,"))
            reading = asyncio.create_task(reader.read(-1))
            try:
                while not reading.done():
                    writer.write(messages)
                    await writer.drain()
                    target.counts["said"] += len(messages)
                    await asyncio.sleep(0.02)
            finally:
                reading.cancel()
        except GONE:
            target.counts["gone"] += 1
        await asyncio.sleep(0.02)


async def without_a_token(target: Target) -> None:
    """Reflex logs whatever a socket without a token says."""
    said = {"name": EVIL, "payload": {"secret": "x" * 4_000}, "router_data": {"cookie": CANARY}}
    await talk(target, "", event("event", said) * 20)


async def unknown_events(target: Target) -> None:
    """Each is a traceback of Reflex's, with the event in it."""
    said = [
        event("event", {"name": f"no.such_{EVIL}", "token": CANARY, "payload": {"x": "y" * 500}}),
        event("event", f"no JSON {EVIL}"),
        event("event", [EVIL]),
        event("event", {"name": 7, "router_data": {"headers": {"cookie": CANARY}}}),
        event(f"nobody_listens_{EVIL}", EVIL),
        event("client_error", {"error_type": EVIL, "message": EVIL}),
    ]
    await talk(target, "&token=0d3f6f0a-8a4e-4d0c-9d0b-000000000000", b"".join(said) * 10)


async def no_packets(target: Target) -> None:
    """What engine.io and Socket.IO cannot read."""
    said = [frame(text) for text in ("9", "4{", f"4{EVIL}", "42[", f"42/{EVIL},[1]", "451-[1]")]
    await talk(target, "", b"".join(said) * 20)


async def asks(target: Target, request: str) -> None:
    """The same request again and again."""
    while True:
        try:
            _, writer = await target.connect()
            writer.write(request.encode("latin-1", "replace"))
            await writer.drain()
            await asyncio.sleep(0.2)
            writer.close()
            target.counts["asked"] += 1
        except GONE:
            target.counts["gone"] += 1
            await asyncio.sleep(0.2)


async def forged_requests(target: Target) -> None:
    """In every part of a request that something could repeat."""
    evil, ours = quote(EVIL), f"Host: 127.0.0.1:{target.port}"
    bent = ESCAPES.encode("latin-1", "replace").decode("latin-1").replace("\r\n", "")
    polling = "/_event/?EIO=4&transport=polling"
    again = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    opening = (*again, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    requests = [
        (f"GET /{evil} HTTP/1.1", ours),
        (f"GET {polling}&sid={evil} HTTP/1.1", ours),
        (f"POST {polling}&sid={evil} HTTP/1.1", ours),
        (f"GET /_event/?EIO={evil}&transport={evil} HTTP/1.1", ours),
        (f"GET {EVENTS}&sid={evil}&token={CANARY} HTTP/1.1", ours, *opening),
        (f"GET {EVENTS}&token={evil} HTTP/1.1", ours, *opening, f"Sec-WebSocket-Protocol: {bent}"),
        (f"GET /ws?token={CANARY}{evil} HTTP/1.1", ours, *opening, f"Origin: http://{bent}"),
        ("GET /ws HTTP/1.1", f"Host: {bent}.example", *opening, "Origin: null"),
        ("GET /health HTTP/1.1", ours, f"User-Agent: {bent}{FORGED}", f"X-Forwarded-For: {bent}"),
        (f"GET /api/bars?symbol={evil}&token={CANARY} HTTP/1.1", ours),
        (f"{bent} {FORGED}",),
        ("GET /ws HTTP/1.1", ours, *again, f"Sec-WebSocket-Key: {bent}"),
        ("GET / HTTP/1.1", ours, "Connection: Upgrade", f"Upgrade: {bent}"),
    ]
    heads = ["\r\n".join(lines) + f"\r\n{SECRETS}\r\n" for lines in requests]
    await together(*[asks(target, head) for head in heads])


def clean(seen: Seen) -> None:
    """One record is one line that drives no terminal, and shows nobody's secrets."""
    for line in seen.output.split("\n"):
        odd = [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        assert not odd, f"a line of the log has {odd[0]!r} in it"
        assert not line.startswith(FORGED), "a line of the log is forged"
        assert len(line) <= 700, f"a line of the log has {len(line)} characters"
    assert CANARY not in seen.output, "a header's value is in the log"


ROWS = (
    Row(name="events without a token", attack=without_a_token, check=clean),
    Row(name="unknown events", attack=unknown_events, check=clean, log_per_s=4_000),
    Row(name="packets that are none", attack=no_packets, check=clean),
    Row(name="requests that forge lines", attack=forged_requests, check=clean),
)
