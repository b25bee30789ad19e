"""Messages as WebSocket frames: framed once, joined once, written to many.

A server's text frame is a header of two to ten bytes and the payload, unmasked (RFC 6455 §5.2), so
it is the same for every client. ``Frames`` is a sequence of frames. Each of its representations is
made when it is first needed, and shared by all clients that get the same sequence. A compressed
frame differs in one bit of the header (RFC 7692 §6).

Bound: a batch has at most ``MOST_BATCH_BYTES``; what is more goes into further batches.
"""

import struct
from collections.abc import Iterator, Sequence

from photon_app.hub import messages
from photon_app.hub.deflate import Deflater

MOST_BATCH_BYTES = 512 * 1024
"""Half of what clients accept in one message by default (``websockets``: 1 MiB)."""
_FIN_TEXT = 0x81
_FIN_TEXT_DEFLATED = 0xC1
_HEAD_BYTES = {126: 4, 127: 10}
"""By the second byte of a frame; otherwise 2."""
_SHORT, _MEDIUM = 126, 65_536


def frame(payload: bytes, head: int = _FIN_TEXT) -> bytes:
    """One whole, unmasked text frame around UTF-8 text."""
    size = len(payload)
    if size < _SHORT:
        return bytes((head, size)) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", head, 126, size) + payload
    return struct.pack("!BBQ", head, 127, size) + payload


def payload(framed: bytes) -> bytes:
    """The text inside a frame made by ``frame``."""
    return framed[_HEAD_BYTES.get(framed[1], 2) :]


class Frames:
    """A sequence of frames. Immutable; shared between clients."""

    _joined: bytes | None = None
    _texts: list[str] | None = None
    _batched: "Frames | None" = None
    _deflated: bytes | None = None

    def __init__(self, each: Sequence[bytes]) -> None:
        self.each = each

    @classmethod
    def of(cls, *payloads: bytes) -> "Frames":
        """Frame messages."""
        return cls([frame(one) for one in payloads])

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def joined(self) -> bytes:
        """All frames as bytes for one write."""
        if self._joined is None:
            self._joined = b"".join(self.each)
        return self._joined

    @property
    def texts(self) -> list[str]:
        """The messages as text, for a server that does its own framing."""
        if self._texts is None:
            self._texts = [payload(one).decode() for one in self.each]
        return self._texts

    @property
    def batched(self) -> "Frames":
        """The messages in one ``batch``, or in a few if they are long."""
        if self._batched is None:
            heads = _HEAD_BYTES
            texts = [one[heads.get(one[1], 2) :] for one in self.each]  # payload, in place
            self._batched = Frames([frame(messages.batch(those)) for those in _cut(texts)])
        return self._batched

    def deflated(self, deflater: Deflater) -> bytes:
        """All frames as bytes for one write, compressed where that makes them smaller."""
        if self._deflated is None:
            self._deflated = b"".join([_deflated(one, deflater) for one in self.each])
        return self._deflated


def _cut(texts: list[bytes]) -> Sequence[list[bytes]]:
    """Runs of texts, each of at most ``MOST_BATCH_BYTES`` unless one text alone is longer."""
    if sum(map(len, texts)) + len(texts) <= MOST_BATCH_BYTES:
        return [texts] if texts else []
    return list(_cuts(texts))


def _cuts(texts: list[bytes]) -> Iterator[list[bytes]]:
    size = begin = 0
    for place, text in enumerate(texts):
        size += len(text) + 1
        if size > MOST_BATCH_BYTES and place > begin:
            yield texts[begin:place]
            begin, size = place, len(text) + 1
    yield texts[begin:]


def _deflated(framed: bytes, deflater: Deflater) -> bytes:
    smaller = deflater.deflate(payload(framed))
    return framed if smaller is None else frame(smaller, _FIN_TEXT_DEFLATED)
