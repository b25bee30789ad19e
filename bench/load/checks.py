"""Checks of single clients beyond counting: that nothing is lost, and how they ended."""

import json
import re
from typing import Any

from bench.load.wire import CLOSE, TEXT

_UPDATE = re.compile(
    rb'"symbol":"([^"]+)","seq":(\d+),"(?:snapshot":true,")?data":\{"price":([\d.]+)'
)


def last_prices(data: bytes) -> dict[str, float]:
    """The last price of every symbol in a run of frames, which may begin inside a frame."""
    return {found[1].decode(): float(found[3]) for found in _UPDATE.finditer(data)}


def close_code(tail: bytes) -> int | None:
    """The code of a close frame at the very end of the data. All other frames are ASCII texts, so
    its first byte is unambiguous.
    """
    begin = tail.rfind(0x80 | CLOSE)
    if begin < 0 or len(tail) < begin + 4 or len(tail) != begin + 2 + tail[begin + 1]:
        return None
    return int.from_bytes(tail[begin + 2 : begin + 4], "big")


class Ending:
    """Keeps the last bytes, to find the close frame in them."""

    def __init__(self) -> None:
        self.tail = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self.tail = (self.tail + data)[-128:]


class Continuity:
    """Reads everything, frame by frame, and counts the updates that are missing or doubled.

    A snapshot covers a gap, as the protocol says, and is counted: a client that keeps up gets none
    after its first ones.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._seqs: dict[str, int] = {}
        self.updates = 0
        self.gaps = 0
        self.snapshots = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + data
        begin = 0
        while (end := _frame_end(data, begin)) is not None:
            head, stop = end
            if data[begin] & 0x0F == TEXT:
                self._text(data[head:stop])
            begin = stop
        self._rest = data[begin:]

    def _text(self, text: bytes) -> None:
        message: dict[str, Any] = json.loads(text)
        if message["type"] != "price_update":
            return
        symbol, seq = message["symbol"], message["seq"]
        self.updates += 1
        if message.get("snapshot"):
            self.snapshots += 1
        elif seq != self._seqs.get(symbol, seq - 1) + 1:
            self.gaps += 1
        self._seqs[symbol] = seq


def _frame_end(data: bytes, begin: int) -> tuple[int, int] | None:
    """Where the payload of a server's frame begins and ends; ``None`` if it is incomplete."""
    if len(data) < begin + 2:
        return None
    size, head = data[begin + 1], begin + 2
    if size >= 126:
        wide = 2 if size == 126 else 8
        size, head = int.from_bytes(data[head : head + wide], "big"), head + wide
    stop = head + size
    return (head, stop) if len(data) >= stop else None
