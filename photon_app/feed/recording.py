"""Reading a recording: one JSON object a line, ``{"at": ms, "frame": "…"}``, gzip or plain.

Owns the file format and nothing of time; ``recorder`` writes it. Synchronous and streaming: one
line in memory, and no line longer than ``MAX_LINE_BYTES``. Whoever reads slowly only holds a file
open. A last line that was torn off, as by a process killed while it recorded, ends the recording
quietly, and so does a gzip file torn anywhere; anything else that is not a recording line raises
``RecordingError``. A first line counts as torn only if it begins as one, so that no other file
passes for an empty recording.
"""

import contextlib
import io
import itertools
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import msgspec

from photon_app.errors import RecordingError
from photon_app.feed.finnhub_wire import Trades, decode

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE_BYTES = 32 * 2**20
"""Twice Finnhub's largest frame, since quoting makes a frame longer."""

PEEK_FRAMES = 2_000
PEEK_SYMBOLS = 10

GZIP_WBITS = 31
"""zlib's word for its own format inside gzip's (RFC 1952), with the largest window."""

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 2**17
_LATEST_MS = 4_102_444_800_000
_BEGINNING = b'{"at":'


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a recording."""

    at: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
    """When the frame arrived, UNIX milliseconds up to the year 2100."""
    frame: str
    """The upstream text, exactly."""


class Whole(NamedTuple):
    """One whole line with its bytes, the newline included if it has one."""

    text: bytes
    line: Line


_decode_line = msgspec.json.Decoder(Line).decode


def is_line(text: bytes) -> bool:
    """Whether these bytes are one whole line of a recording."""
    try:
        _decode_line(text)
    except (ValueError, RecursionError):
        return False
    return True


class Recording:
    """One recording file. Each ``lines()`` reads it anew.

    Args:
        path: the file.
        max_line_bytes: a longer line is refused before it is in memory.
    """

    def __init__(self, path: Path, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.path = path
        self.torn = False
        """Whether the last reading to the end met a torn line or a torn gzip file."""
        self._max_line_bytes = max_line_bytes

    @property
    def zipped(self) -> bool:
        """Whether the file begins as gzip, even one torn after its first byte.

        Raises:
            OSError: it cannot be read.
        """
        with self.path.open("rb") as file:
            head = file.read(len(_GZIP_MAGIC))
        return bool(head) and _GZIP_MAGIC.startswith(head)

    def lines(self) -> Iterator[Line]:
        """The lines in the order of the file.

        Raises:
            RecordingError: the file cannot be read, or a line is not a recording line. What came
                before it has been yielded.
        """
        for whole in self.wholes():
            yield whole.line

    def wholes(self) -> Iterator[Whole]:
        """As ``lines``, with the bytes of each."""
        number = 0
        self.torn = False
        try:
            with self._open() as file:
                while text := file.readline(self._max_line_bytes + 1):
                    number += 1
                    line = self._line(number, text)
                    if line is None:
                        self.torn = True
                        return
                    yield Whole(text, line)
        except EOFError:
            self.torn = True
        except (OSError, zlib.error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise self._error(number + 1, f"it cannot be read ({reason})") from None

    def first_ms(self) -> int:
        """The time of the first line.

        Raises:
            RecordingError: there is none.
        """
        for line in self.lines():
            return line.at
        raise self._error(1, "the file has no whole line")

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
        if not self.zipped:
            return self.path.open("rb")
        return io.BufferedReader(_Unzipped(self.path.open("rb")), _CHUNK_BYTES)

    def _line(self, number: int, text: bytes) -> Line | None:
        """The line, or ``None`` for a torn one."""
        if len(text) > self._max_line_bytes:
            raise self._error(number, f"the line is longer than {self._max_line_bytes} bytes")
        try:
            return _decode_line(text)
        except (ValueError, RecursionError) as error:
            begun = number > 1 or _BEGINNING.startswith(text[: len(_BEGINNING)])
            if begun and not text.endswith(b"\n"):
                return None
            raise self._error(number, str(error)) from None

    def _error(self, number: int, reason: str) -> RecordingError:
        return RecordingError(
            f"{self.path.name} line {number} is not a recording line: expected "
            f'{{"at": milliseconds, "frame": "text"}}, but {reason}'
        )


class _Unzipped(io.RawIOBase):
    """The text of a gzip file of any number of members. Unlike the standard library's, it takes a
    file torn within the head of a later member for what it is: ``EOFError``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(GZIP_WBITS)
        self._waiting = b""
        self._begun = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, into: "WriteableBuffer") -> int:
        view = memoryview(into).cast("B")
        while True:
            read = self._waiting or self._file.read(_CHUNK_BYTES)
            text = self._inflated(read, len(view))
            if text:
                view[: len(text)] = text
                return len(text)
            if not read and self._begun:
                raise EOFError
            if not read:
                return 0

    def _inflated(self, read: bytes, most: int) -> bytes:
        text = self._inflate.decompress(read, most)
        if self._inflate.eof:
            self._waiting = self._inflate.unused_data
            self._inflate = zlib.decompressobj(GZIP_WBITS)
            self._begun = False
        else:
            self._waiting = self._inflate.unconsumed_tail
            self._begun = self._begun or bool(read)
        return text
