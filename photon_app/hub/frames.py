"""Messages as WebSocket frames: framed once, joined once, written to many.

A server's text frame is a header of two to ten bytes and the payload, unmasked (RFC 6455 §5.2), so
it is the same for every client. ``Frames`` is a sequence of frames. Each of its representations is
made when it is first needed, and shared by all clients that get the same sequence.
"""

import struct
from collections.abc import Sequence

_FIN_TEXT = 0x81
_SHORT, _MEDIUM = 126, 65_536


def frame(payload: bytes) -> bytes:
    """One whole, unmasked text frame around UTF-8 text."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_FIN_TEXT, size)) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", _FIN_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FIN_TEXT, 127, size) + payload


def payload(framed: bytes) -> bytes:
    """The text inside a frame made by ``frame``."""
    return framed[{126: 4, 127: 10}.get(framed[1], 2) :]


class Frames:
    """A sequence of frames. Immutable; shared between clients."""

    __slots__ = ("_joined", "_texts", "each")

    def __init__(self, each: Sequence[bytes]) -> None:
        self.each = each
        self._joined: bytes | None = None
        self._texts: list[str] | None = None

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
