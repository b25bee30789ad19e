"""Attacks through sockets that were upgraded: ``/ws``, ``/finnhub`` and Reflex's ``/_event``."""

import asyncio
import base64
import os

from tests.siege.row import GONE, Row, Target


async def upgrade(
    target: Target, path: str, headers: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a library, which would keep its rules; the status is counted."""
    reader, writer = await target.connect()
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n{headers}\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    target.counts[head.split()[1].decode()] += 1
    return reader, writer


async def empty_pings(target: Target) -> None:
    """One ``/_event`` socket that sends the smallest of frames as fast as they are taken."""
    ping = b"\x89\x80\x00\x00\x00\x00" * 2_000
    while True:
        try:
            _, writer = await upgrade(target, "/_event/?EIO=4&transport=websocket")
            while True:
                writer.write(ping)
                await writer.drain()
        except GONE:
            target.counts["gone"] += 1


ROWS = (Row(name="empty pings on /_event", attack=empty_pings),)
