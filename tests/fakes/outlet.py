"""An outlet that keeps what is written, and a client that reads it back."""

import zlib
from typing import Any

import msgspec

from photon_app.hub.frames import Frames, frame


class FakeOutlet:
    """Keeps every message. With ``ready`` it takes joined bytes too, as the wire does."""

    unsent_bytes: int = 0

    def __init__(self, *, ready: bool = True) -> None:
        self.put = self._put if ready else None
        self.messages: list[dict[str, Any]] = []
        self._closed: tuple[int, str] | None = None
        self.writes = 0
        self.deflated = 0
        """How many messages came compressed."""

    def write(self, frames: Frames) -> None:
        """Keep the messages."""
        if frames and self._closed is None:
            self.writes += 1
            self.messages += [msgspec.json.decode(text) for text in frames.texts]

    def put_rest(self, data: bytes) -> None:
        """There is none: ``put`` takes all."""
        raise AssertionError(data)

    def _put(self, joined: bytes) -> int:
        assert self._closed is None, "nobody writes without asking to what was closed"
        frames = split(joined)
        self.deflated += sum(one[0] == DEFLATED for one in frames)
        self.write(Frames([inflated(one) for one in frames]))
        return len(joined)

    def close(self, code: int, reason: str) -> None:
        """Keep the first goodbye."""
        self._closed = self._closed or (code, reason)

    def closed(self) -> tuple[int, str] | None:
        """The first goodbye: code and reason."""
        return self._closed

    def take(self) -> list[dict[str, Any]]:
        """The messages since the last call."""
        taken, self.messages = self.messages, []
        return taken


DEFLATED = 0xC1
"""The first byte of a compressed text frame: FIN, RSV1, text."""


def inflated(framed: bytes) -> bytes:
    """A frame, without the compression that it may have; its compressor knew nothing before it."""
    if framed[0] != DEFLATED:
        return framed
    data = framed[{126: 4, 127: 10}.get(framed[1], 2) :]
    return frame(zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff"))


def flat(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, with those of each batch in its place."""
    return [one for m in messages for one in (m["updates"] if m["type"] == "batch" else [m])]


def split(joined: bytes) -> list[bytes]:
    """The frames that were joined."""
    frames = []
    while joined:
        size, head = {
            126: (int.from_bytes(joined[2:4], "big"), 4),
            127: (int.from_bytes(joined[2:10], "big"), 10),
        }.get(joined[1], (joined[1], 2))
        frames.append(joined[: head + size])
        joined = joined[head + size :]
    return frames


def prices(messages: list[dict[str, Any]]) -> list[tuple[str, int, float]]:
    """(symbol, seq, price) of every price among some messages."""
    return [
        (m["symbol"], m["seq"], m["data"]["price"]) for m in messages if m["type"] == "price_update"
    ]
