"""One connection of the load process: connecting, handshake, open, ended."""

import contextlib
import socket
import struct
from typing import Protocol

from bench.load import wire

STAMP_MARK = b'"volume":1'
STAMP_DIGITS = 9
CARRY_BYTES = len(STAMP_MARK) + STAMP_DIGITS - 1
"""Bytes kept from one read for the next: one less than a mark and its stamp, so that one that is
split between reads is found, and none is found twice.
"""
CLIENTS_PER_ADDRESS = 100
_IP_BIND_ADDRESS_NO_PORT = 24


class Check(Protocol):
    """Inspects everything that one client reads."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""


class Client:
    """One non-blocking socket and its state."""

    __slots__ = (
        "begun_s",
        "carry",
        "check",
        "ended",
        "greeting",
        "head",
        "hello",
        "open",
        "sock",
        "stalled",
    )

    def __init__(self, sock: socket.socket, greeting: bytes, hello: bytes, begun_s: float) -> None:
        self.sock = sock
        self.greeting = greeting
        self.hello = hello
        self.begun_s = begun_s
        self.head = b""
        self.carry: bytes | bytearray = b" " * CARRY_BYTES
        self.check: Check | None = None
        self.open = False
        self.stalled = False
        self.ended = ""

    def greet(self) -> None:
        """Send the upgrade request, once connected."""
        if self.greeting:
            self.sock.send(self.greeting)
            self.greeting = b""

    def shake(self, data: bytes) -> bytes | None:
        """Take more of the answer to the upgrade; return the bytes after it once it is complete.

        Raises:
            ConnectionRefusedError: the server refused the upgrade.
        """
        self.head += data
        head, end, rest = self.head.partition(b"\r\n\r\n")
        if not end:
            return None
        self.head = b""
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise ConnectionRefusedError(head.partition(b"\r\n")[0].decode(errors="replace"))
        self.open = True
        if self.hello:
            self.sock.send(self.hello)
            self.hello = b""
        return rest

    def pong(self, payload: bytes) -> None:
        """Answer a ping."""
        with contextlib.suppress(OSError):
            self.sock.send(wire.frame(wire.PONG, payload))

    def reset(self) -> None:
        """End the connection by RST, like a client whose machine disappears."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def say_goodbye(self) -> None:
        """Send a close frame; the server then closes the connection."""
        with contextlib.suppress(OSError):
            self.sock.send(wire.frame(wire.CLOSE, b"\x03\xe8"))


def connect(port: int, source: int) -> socket.socket:
    """A socket that is connecting, from the loopback address with number ``source``."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((f"127.0.{source // 250}.{source % 250 + 1}", 0))
    with contextlib.suppress(BlockingIOError):
        sock.connect(("127.0.0.1", port))
    return sock
