"""Compresses texts for clients that negotiated permessage-deflate (RFC 7692).

There is no context takeover: each text is compressed by itself, so the result is the same for
every client, and is made once for all of them (``Frames.deflated``). ``gateway.wire`` negotiates
the extension.

Compression may take ``SHARE`` of one core. When it has used that up, texts are left as they are,
which the protocol allows for each message, until it has saved up half of ``BURST_S``. The time is
measured on the loop's clock.

Called on the event loop only; it never waits. Bound: a few numbers, and one compressor, which lives
for one text.
"""

import zlib
from typing import Protocol

SHARE = 0.1
"""The part of one core that compression may take."""
BURST_S = 0.05
"""The compression time that may be saved up."""
LEAST_BYTES = 200
"""Shorter texts are not compressed: one price update would not become smaller."""
_THOROUGH, _FAST, _LONG_BYTES = 6, 1, 16 * 1024
"""Levels of zlib for texts below and above a length. A long text repeats itself so often that the
fast level saves almost as many bytes, in a tenth of the time."""
_RAW_WINDOW = -15
"""No zlib header, and the largest window: the one that a peer has unless it asks for a smaller."""
_TAIL = b"\x00\x00\xff\xff"
"""The end of a flushed block, which is not sent (RFC 7692 §7.2.1)."""


class LoopClock(Protocol):
    """The loop's clock; the flusher is one."""

    def now_s(self) -> float:
        """Seconds that never step back."""
        ...


class Deflater:
    """Compresses texts while there is time for it.

    Args:
        clock: the loop's.
    """

    def __init__(self, clock: LoopClock) -> None:
        self._now_s = clock.now_s
        self._saved_s = BURST_S
        self._at_s = clock.now_s()
        self.on = True
        """Whether texts are compressed, or have to wait for time to be saved up."""
        self.compressed = 0
        """How many texts were compressed, since the start."""
        self.left_out = 0
        """How many texts were not compressed for want of time, since the start."""

    def deflate(self, text: bytes) -> bytes | None:
        """The payload of a compressed message, or ``None`` if the text is to be sent as it is."""
        if len(text) < LEAST_BYTES:
            return None
        begun_s = self._now_s()
        if not self._has_time(begun_s):
            self.left_out += 1
            return None
        level = _THOROUGH if len(text) < _LONG_BYTES else _FAST
        compressor = zlib.compressobj(level, zlib.DEFLATED, _RAW_WINDOW)
        data = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
        self._saved_s -= self._now_s() - begun_s
        self.compressed += 1
        return data.removesuffix(_TAIL) if len(data) < len(text) else None

    def _has_time(self, now_s: float) -> bool:
        """Save up the time since the last call; whether there is enough of it."""
        self._saved_s = min(BURST_S, self._saved_s + SHARE * (now_s - self._at_s))
        self._at_s = now_s
        self.on = self._saved_s > (0 if self.on else BURST_S / 2)
        return self.on
