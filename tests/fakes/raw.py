"""A WebSocket client made of bytes: it sends what no library would, and sees what comes back.

``frame`` makes one frame, right or wrong. ``RawClient.connect`` opens a TCP connection,
``RawClient.upgraded`` a WebSocket on it; ``read`` collects everything up to the end and, unless
told otherwise, hangs up as RFC 6455 wants. To try another kind of wrong, send other bytes.
"""

import asyncio
import contextlib
import json
import re
import socket
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Self

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
MASK = b"\x12\x34\x56\x78"
ABORT = b"\x01\0\0\0\0\0\0\0"
"""``SO_LINGER`` with no time: closing resets."""
HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = MASK
) -> bytes:
    """One frame; ``mask=b""`` leaves it unmasked, which only a server may."""
    head = bytes((fin << 7 | rsv << 4 | opcode,))
    masked, size = bool(mask) << 7, len(payload)
    if size < 126:
        head += bytes((masked | size,))
    elif size < 65_536:
        head += bytes((masked | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((masked | 127,)) + size.to_bytes(8, "big")
    pad = (mask or b"\0") * (size // 4 + 4)
    body = int.from_bytes(payload, "big") ^ int.from_bytes(pad[:size], "big")
    return head + mask + body.to_bytes(size, "big")


def text(payload: str | bytes, *, fin: bool = True) -> bytes:
    """A text frame."""
    return frame(TEXT, payload if isinstance(payload, bytes) else payload.encode(), fin=fin)


def say(**message: Any) -> bytes:
    """A text frame that holds a message of the event format."""
    return text(json.dumps(message))


def fragments(payload: bytes, size: int) -> bytes:
    """A text message cut into frames of so many bytes."""
    cuts = range(0, len(payload), size)
    return b"".join(
        frame(TEXT if at == 0 else CONTINUATION, payload[at : at + size], fin=at == cuts[-1])
        for at in cuts
    )


def head(target: str = "/ws", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request head; the handshake's where no headers are given."""
    lines = (f"{method} {target} HTTP/{version}", "Host: 127.0.0.1", *(headers or HANDSHAKE))
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Seen(NamedTuple):
    """What a client saw until the end."""

    status: int | None
    """Of HTTP."""
    messages: list[dict[str, Any]]
    code: int | None
    """Of the close frame."""
    reason: str
    reset: bool
    """Whether the connection was torn down instead of closed."""

    def errors(self) -> list[str]:
        """The codes of the ``error`` messages."""
        return [m["code"] for m in self.messages if m["type"] == "error"]


class RawClient:
    """One TCP connection to a server on this machine."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._status: int | None = None
        self._messages: list[dict[str, Any]] = []
        self._close: tuple[int | None, str] = (None, "")
        self._frames: Counter[int] = Counter()
        """How many came, by opcode."""

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, port: int, *, receive_buffer: int = 0) -> AsyncIterator[Self]:
        """A connection over which nothing was said; a small buffer makes a slow reader."""
        with socket.socket() as sock:
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            yield cls(sock)

    @classmethod
    @contextlib.asynccontextmanager
    async def upgraded(
        cls, port: int, *, receive_buffer: int = 0, target: str = "/ws"
    ) -> AsyncIterator[Self]:
        """A WebSocket that has read no more than the server's consent."""
        async with cls.connect(port, receive_buffer=receive_buffer) as client:
            await client.send(head(target))
            client._received += await client._loop.sock_recv(client._sock, 12)
            assert client._received == b"HTTP/1.1 101"
            yield client

    async def send(self, data: bytes) -> bool:
        """Send; whether the other side took it all, instead of tearing the connection down."""
        try:
            await self._loop.sock_sendall(self._sock, data)
        except ConnectionError:
            return False
        return True

    async def drip(self, data: bytes) -> None:
        """Send one byte after the other, each of which the server may read by itself."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(0)

    async def receive(self) -> bytes:
        """Bytes as they come, which no other method sees then."""
        return await self._loop.sock_recv(self._sock, 65_536)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Tear the connection down."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self._sock.close()

    async def read(self, *, polite: bool = True) -> Seen:
        """Everything until the server hangs up; a polite client answers its close frame."""
        reset = False
        try:
            while await self._more():
                if polite and self._close[0] is not None:
                    polite = False
                    await self.send(frame(CLOSE, self._close[0].to_bytes(2, "big")))
        except ConnectionError:
            reset = True
        return Seen(self._status, self._messages, *self._close, reset)

    async def read_until(self, kind: str) -> list[dict[str, Any]]:
        """The messages up to the next one of a type, which is the last of them."""
        while kind not in (types := [message["type"] for message in self._messages]):
            assert await self._more(), f"the server hung up before it said {kind}: {self._close}"
        count = types.index(kind) + 1
        taken, self._messages = self._messages[:count], self._messages[count:]
        return taken

    async def read_frames(self, opcode: int, count: int) -> None:
        """Return when so many frames of a kind have come, or the server has said goodbye."""
        while self._frames[opcode] < count and self._close[0] is None:
            assert await self._more(), f"the server hung up after {self._frames}"

    async def status(self) -> int:
        """The status of the answer, once there is one."""
        while self._status is None:
            assert await self._more(), "the server hung up before it answered"
        return self._status

    async def body(self) -> bytes:
        """The body of an HTTP answer after which the server hangs up."""
        while await self._more():
            pass
        return bytes(self._received)

    async def _more(self) -> bool:
        """Whether more came before the end."""
        chunk = await self._loop.sock_recv(self._sock, 65_536)
        self._received += chunk
        self._parse()
        return bool(chunk)

    def _parse(self) -> None:
        if self._status is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            found = re.match(rb"HTTP/1\.1 (\d+)", self._received)
            assert found is not None
            self._status = int(found[1])
            del self._received[: end + 4]
        while self._status == 101 and self._parse_frame():
            pass

    def _parse_frame(self) -> bool:
        """Take one whole frame of the server's off what was received, if there is one."""
        got = self._received
        if len(got) < 2:
            return False
        wide = {126: 2, 127: 8}.get(got[1], 0)
        start = 2 + wide
        size = int.from_bytes(got[2:start], "big") if wide else got[1]
        if len(got) < start + size:
            return False
        opcode, payload = got[0] & 15, bytes(got[start : start + size])
        deflated = got[0] & 0x40
        self._frames[opcode] += 1
        del got[: start + size]
        if opcode == TEXT:
            if deflated:
                payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
            self._messages.append(json.loads(payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            self._close = (code, payload[2:].decode())
        return True


async def health(port: int) -> dict[str, Any]:
    """``GET /health``."""
    async with RawClient.connect(port) as client:
        await client.send(head("/health", "Connection: close"))
        answer: dict[str, Any] = json.loads(await client.body())
        return answer
