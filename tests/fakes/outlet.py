"""An outlet that keeps what is written, and a client that reads it back."""

from typing import Any

import msgspec

from photon_app.hub.frames import Frames


class FakeOutlet:
    """Keeps every message. With ``ready`` it takes joined bytes too, as the wire does."""

    def __init__(self, *, ready: bool = True) -> None:
        self.put = self._put if ready else None
        self.messages: list[dict[str, Any]] = []
        self._closed: tuple[int, str] | None = None
        self.writes = 0

    def write(self, frames: Frames) -> None:
        """Keep the messages."""
        if frames and self._closed is None:
            self.writes += 1
            self.messages += [msgspec.json.decode(text) for text in frames.texts]

    def _put(self, joined: bytes) -> None:
        assert self._closed is None, "nobody writes without asking to what was closed"
        self.write(Frames(_split(joined)))

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


def _split(joined: bytes) -> list[bytes]:
    """The frames that were joined."""
    frames = []
    while joined:
        size, head = {126: (int.from_bytes(joined[2:4], "big"), 4)}.get(joined[1], (joined[1], 2))
        frames.append(joined[: head + size])
        joined = joined[head + size :]
    return frames


def prices(messages: list[dict[str, Any]]) -> list[tuple[str, int, float]]:
    """(symbol, seq, price) of every price among some messages."""
    return [
        (m["symbol"], m["seq"], m["data"]["price"]) for m in messages if m["type"] == "price_update"
    ]
