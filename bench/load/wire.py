"""The client's half of RFC 6455, as bytes: just enough for all the servers that are compared.

The mask is all zeros, which is valid, so the payload stays as it is.
"""

import json
from collections.abc import Sequence
from typing import Literal

Dialect = Literal["events", "nats"]
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"echo":false,"protocol":1}\r\n'


def upgrade(path: str, port: int) -> bytes:
    """The opening handshake; no compression is offered."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One complete, masked frame."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((0x80 | opcode,)) + length + b"\0\0\0\0" + payload


def subscribe(dialect: Dialect, symbols: Sequence[str]) -> bytes:
    """The message that a client sends once it is connected."""
    if dialect == "nats":
        commands = b"".join(b"SUB %s %d\r\n" % (s.encode(), n) for n, s in enumerate(symbols, 1))
        return frame(BINARY, _CONNECT + commands)
    return frame(TEXT, json.dumps({"action": "subscribe", "symbols": symbols}).encode())
