"""Gzip for the answers of the API, for clients that accept it.

``Compressor.compressing`` wraps the ``send`` of one request. Short answers, streamed ones, errors,
answers that have an encoding already and those that set a cookie stay as they are. The built page
is not compressed here: it has compressed copies of its files.

One ``Compressor`` for each app, on the event loop. An answer of more than ``ON_LOOP`` bytes is
compressed in a thread, one at a time, which does not hold up the event loop. Bound:
``MOST_WAITING`` bytes of answers wait for that thread; beyond that they leave uncompressed.
"""

import asyncio
import zlib

from starlette.datastructures import Headers, MutableHeaders

from photon_app.gateway.cors import vary
from photon_app.gateway.origin import Message, Scope, Send

LEAST = 1_024
"""Answers with fewer bytes fit into one packet anyway."""
ON_LOOP = 16_384
"""Bytes that are compressed on the event loop: some 0.2 ms."""
MOST_WAITING = 8 * 1024 * 1024
LEVEL = 1
"""The fastest: figures with their many digits gain little from more effort."""
_GZIP_WINDOW = 31
_TYPES = frozenset({"application/json", "application/javascript"})


class Compressor:
    """Compresses answers within bounds."""

    def __init__(self) -> None:
        self._thread = asyncio.Lock()
        self._waiting = 0

    def compressing(self, scope: Scope, send: Send) -> Send:
        """A ``send`` that compresses the answer of a request if that is possible and wanted."""
        return _Answer(self, send, accepted=accepts_gzip(Headers(scope=scope)))

    async def compressed(self, body: bytes) -> bytes | None:
        """A body as gzip; ``None`` if too much waits for that."""
        if len(body) <= ON_LOOP:
            return gzipped(body)
        if self._waiting + len(body) > MOST_WAITING:
            return None
        self._waiting += len(body)
        try:
            async with self._thread:
                return await asyncio.to_thread(gzipped, body)
        finally:
            self._waiting -= len(body)


class _Answer:
    """One answer: its head is held back until its body is known to be whole."""

    def __init__(self, compressor: Compressor, send: Send, *, accepted: bool) -> None:
        self._compressor = compressor
        self._accepted = accepted
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if _varies(message["status"], headers):
                vary(headers, "Accept-Encoding")
                if self._accepted and _may_change(message["status"], headers):
                    self._head = message
                    return
        elif self._head is not None:
            head, self._head = self._head, None
            message = await self._encoded(head, message)
            await self._send(head)
        await self._send(message)

    async def _encoded(self, head: Message, message: Message) -> Message:
        """The body, compressed if it is whole and gets shorter; then the head says so."""
        body = message.get("body", b"")
        if message.get("more_body") or len(body) < LEAST:
            return message
        compressed = await self._compressor.compressed(body)
        if compressed is None or len(compressed) >= len(body):
            return message
        headers = MutableHeaders(scope=head)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(compressed))
        del headers["Accept-Ranges"]
        etag = headers.get("etag", "")
        if etag and not etag.startswith("W/"):
            headers["ETag"] = f"W/{etag}"  # the same content in other bytes
        return {**message, "body": compressed}


def gzipped(body: bytes) -> bytes:
    """A body as gzip; equal bodies are equal."""
    writer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return writer.compress(body) + writer.flush()


def accepts_gzip(headers: Headers) -> bool:
    """Whether a client accepts gzip, and does not prefer an answer as it is (RFC 9110, 12.5.3)."""
    accepted: dict[str, float] = {}
    for entry in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, *parameters = entry.lower().split(";")
        accepted[coding.strip()] = _quality(parameters)
    gzip = accepted.get("gzip", accepted.get("x-gzip", accepted.get("*", 0.0)))
    return gzip > 0 and gzip >= accepted.get("identity", 0.0)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _varies(status: int, headers: MutableHeaders) -> bool:
    """Whether another client may get the same answer in other bytes."""
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return status == 304 or (status == 200 and (kind in _TYPES or kind.startswith("text/")))


def _may_change(status: int, headers: MutableHeaders) -> bool:
    """Whether the answer may be compressed here. One that sets a cookie has a secret, whose length
    must not depend on what a stranger can put beside it.
    """
    plain = "content-encoding" not in headers and "set-cookie" not in headers
    return status == 200 and plain and "no-transform" not in headers.get("cache-control", "")
