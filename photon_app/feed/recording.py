"""Reading a recording: one JSON object a line, ``{"at": ms, "frame": "…"}``, gzip or plain.

Owns the file format and nothing of time. Synchronous and streaming: one line in memory, and no
line longer than ``MAX_LINE_BYTES``. Whoever reads slowly only holds a file open. A last line that
was torn off, as by a process killed while it recorded, ends the recording quietly; anything else
that is not a recording line raises ``RecordingError``.
"""

import contextlib
import gzip
import io
import itertools
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import msgspec

from photon_app.errors import RecordingError
from photon_app.feed.finnhub_wire import Trades, decode

MAX_LINE_BYTES = 32 * 2**20
"""Twice Finnhub's largest frame, since quoting makes a frame longer."""

PEEK_FRAMES = 2_000
PEEK_SYMBOLS = 10

_GZIP_MAGIC = b"\x1f\x8b"
_LATEST_MS = 4_102_444_800_000


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a recording."""

    at: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
    """When the frame arrived, UNIX milliseconds up to the year 2100."""
    frame: str
    """The upstream text, exactly."""


_decode_line = msgspec.json.Decoder(Line).decode


class Recording:
    """One recording file. Each ``lines()`` reads it anew.

    Args:
        path: the file.
        max_line_bytes: a longer line is refused before it is in memory.
    """

    def __init__(self, path: Path, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.path = path
        self._max_line_bytes = max_line_bytes

    def lines(self) -> Iterator[Line]:
        """The lines in the order of the file.

        Raises:
            RecordingError: the file cannot be read, or a line is not a recording line. What came
                before it has been yielded.
        """
        number = 0
        try:
            with self._open() as file:
                while text := file.readline(self._max_line_bytes + 1):
                    number += 1
                    line = self._line(number, text)
                    if line is None:
                        return
                    yield line
        except EOFError:
            # A gzip file torn off in the middle; its last line went with it.
            return
        except (OSError, zlib.error) as error:
            raise self._error(number + 1, f"it cannot be read ({error})") from None

    def first_ms(self) -> int:
        """The time of the first line.

        Raises:
            RecordingError: there is none.
        """
        for line in self.lines():
            return line.at
        raise self._error(1, "the file has no line")

    def symbols(self) -> tuple[str, ...]:
        """Up to ten symbols, the most traded of the first 2,000 frames first.

        Damage among them ends the count and is left for the replay to report.
        """
        trades: Counter[str] = Counter()
        with contextlib.suppress(RecordingError):
            for line in itertools.islice(self.lines(), PEEK_FRAMES):
                event = decode(line.frame)
                if isinstance(event, Trades):
                    trades.update(trade.symbol for trade in event.batch)
        return tuple(sorted(trades, key=lambda s: (-trades[s], s))[:PEEK_SYMBOLS])

    def _open(self) -> BinaryIO:
        with self.path.open("rb") as file:
            zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        if not zipped:
            return self.path.open("rb")
        # Buffered once more, in C: GzipFile's own readline is Python.
        return io.BufferedReader(cast("io.RawIOBase", gzip.open(self.path, "rb")))

    def _line(self, number: int, text: bytes) -> Line | None:
        """The line, or ``None`` for a torn one."""
        if len(text) > self._max_line_bytes:
            raise self._error(number, f"the line is longer than {self._max_line_bytes} bytes")
        try:
            return _decode_line(text)
        except (ValueError, RecursionError) as error:
            if not text.endswith(b"\n"):
                return None
            raise self._error(number, str(error)) from None

    def _error(self, number: int, reason: str) -> RecordingError:
        return RecordingError(
            f"{self.path.name} line {number} is not a recording line: expected "
            f'{{"at": milliseconds, "frame": "text"}}, but {reason}'
        )
