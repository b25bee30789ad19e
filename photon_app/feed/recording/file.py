"""Reading a recording: one JSON object per line, ``{"at": ms, "frame": "…"}``, gzip or plain.

Owns the file format but not the timing; ``recorder`` writes it. Synchronous and streaming: one line
in memory, and no line longer than ``MAX_LINE_BYTES``. A slow reader only keeps a file open.

What editors and other systems add does not matter: empty lines, spaces and carriage returns around
a line, a byte order mark before it. Zeros, as a file system leaves them after a power failure,
separate lines like a newline does; they are skipped and counted. So is a line that was cut off, by
zeros or because another recording was appended to it. A last line that is torn, for example by a
process killed while it recorded, ends the recording without an error, and so does a gzip file torn
anywhere. Anything else that is not a recording line raises ``RecordingError``. A first line counts
as torn only if it begins like a recording line, so that no other file passes for an empty
recording.

Only a regular file with a printable name is read: no device, pipe or directory, which may never end
or never begin. Between two lines at most ``MOST_EMPTY`` others and ``MOST_ZEROS`` are skipped, so
that a small gzip file of nothing ends within seconds too.
"""

import contextlib
import io
import itertools
import os
import re
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal, NamedTuple

import msgspec

from photon_app.errors import RecordingError
from photon_app.feed.finnhub_wire import Trades, decode

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE_BYTES = 32 * 2**20
"""Twice Finnhub's largest frame, since quoting makes a frame longer."""

MOST_ZEROS = 64 * 2**20
"""Most zeros in a row that are taken for those that a file system left."""
MOST_EMPTY = 100_000
"""Most empty lines, and parts of lines, in a row."""

PEEK_FRAMES = 2_000
PEEK_SYMBOLS = 10

GZIP_WBITS = 31
"""zlib's code for its own format inside gzip's (RFC 1952), with the largest window."""

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 2**17
_LATEST_MS = 4_102_444_800_000
_BEGINNING = b'{"at":'
_BEFORE = re.compile(rb"\A(?:\s+|\xef\xbb\xbf)+")
_ZERO = b"\0"
_PARTS = re.compile(rb'\0+|(?=\{"at":)')
"""Where a recording line can begin; inside a line the quotes of a frame are escaped."""
_TRAILER = 8
"""Bytes at the end of a gzip member: a checksum and a length."""
_ZERO_TAIL = 2 * _TRAILER
"""With this many zeros at the end of a gzip file, not all of them belong to it."""

LeftOut = Literal["filled with zeros", "cut off"]
"""Why a line was skipped."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a recording."""

    at: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
    """When the frame arrived, UNIX milliseconds up to the year 2100."""
    frame: str
    """The upstream text, exactly."""


class RawLine(NamedTuple):
    """One complete line with its bytes, including the newline if it has one."""

    text: bytes
    line: Line


_decode_line = msgspec.json.Decoder(Line).decode


def is_line(text: bytes) -> bool:
    """Whether these bytes are one complete line of a recording, whatever surrounds it."""
    try:
        _decode_line(_bare(text.strip(_ZERO)))
    except (ValueError, RecursionError):
        return False
    return True


class Recording:
    """One recording file. Each ``lines()`` reads it from the start.

    Args:
        path: the file.
        max_line_bytes: a longer line is refused before it is in memory.

    Raises:
        RecordingError: its path has characters that cannot be printed.
    """

    def __init__(self, path: Path, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        if not str(path).isprintable():
            raise RecordingError(
                f"{str(path)!a} cannot be used: expected a path of printable characters, since a "
                "recording's name is shown in many places"
            )
        self.path = path
        self.torn = False
        """Whether the last complete read met a torn line or a torn gzip file."""
        self.left_out: Counter[LeftOut] = Counter()
        """Lines that the last read skipped, by reason."""
        self._begun = False
        self._passed = 0
        """Lines, or parts of them, skipped since the last complete one."""
        self._max_line_bytes = max_line_bytes

    @property
    def zipped(self) -> bool:
        """Whether the file begins as gzip, even if it is torn after its first byte.

        Raises:
            OSError: it cannot be read.
        """
        with opened(self.path) as file:
            head = file.read(len(_GZIP_MAGIC))
        return bool(head) and _GZIP_MAGIC.startswith(head)

    def lines(self) -> Iterator[Line]:
        """The lines in the order of the file.

        Raises:
            RecordingError: the file cannot be read, or a line is not a recording line. What came
                before it has been yielded.
        """
        for raw in self.raw_lines():
            yield raw.line

    def raw_lines(self) -> Iterator[RawLine]:
        """Like ``lines``, with the bytes of each line."""
        number = 0
        self.torn = self._begun = False
        self._passed = 0
        self.left_out.clear()
        try:
            with self._open() as file:
                while text := self._next_line(file):
                    number += 1
                    for raw in self._read(number, text):
                        self._begun, self._passed = True, 0
                        yield raw
                    if self.torn:
                        return
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

    @property
    def losses(self) -> list[str]:
        """``left_out`` as sentences for people."""
        return [
            f"{count:,} line{'' if count == 1 else 's'} {what}"
            for what, count in sorted(self.left_out.items())
        ]

    def symbols(self) -> tuple[str, ...]:
        """Up to ten symbols, the most traded of the first 2,000 frames first.

        Damage within those frames ends the count and is left for the replay to report.
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
            return opened(self.path)
        return io.BufferedReader(_Unzipped(opened(self.path), self._met_zeros), _CHUNK_BYTES)

    def _next_line(self, file: BinaryIO) -> bytes:
        """The next line, without preceding zeros that would make it too long."""
        text = file.readline(self._max_line_bytes + 1)
        if len(text) > self._max_line_bytes and text.startswith(_ZERO):
            self._met_zeros()
            zeros = 0
            while len(text) > self._max_line_bytes and text.startswith(_ZERO):
                bare = text.lstrip(_ZERO)
                zeros += len(text) - len(bare)
                if zeros > MOST_ZEROS:
                    raise OSError(f"there are more than {MOST_ZEROS:,} zeros in a row")
                text = bare + file.readline(self._max_line_bytes + 1 - len(bare))
        return text

    def _read(self, number: int, text: bytes) -> Iterable[RawLine]:
        """The recording lines in one line of the file, normally one."""
        if len(text) <= self._max_line_bytes:
            with contextlib.suppress(ValueError, RecursionError):
                return (RawLine(text, _decode_line(text)),)
        else:
            raise self._error(number, f"the line is longer than {self._max_line_bytes} bytes")
        return self._pieces(number, text)

    def _pieces(self, number: int, text: bytes) -> Iterator[RawLine]:
        """The recording lines in a line of the file that contains several, or none."""
        if _ZERO in text:
            self._met_zeros()
        end = text[len(text.rstrip(b"\r\n")) :]
        self._pass_over(number)
        for piece, left in _with_more(_bare_pieces(text)):
            try:
                yield RawLine(piece + end, _decode_line(piece))
            except (ValueError, RecursionError) as error:
                self._pass_over(number)
                begun = self._begun or _BEGINNING.startswith(piece[: len(_BEGINNING)])
                if begun and left:
                    self.left_out["cut off"] += 1
                elif begun and not text.endswith(b"\n"):
                    self.torn = True
                elif begun and _ZERO in text:
                    self.left_out["cut off"] += 1
                else:
                    raise self._error(number, str(error)) from None

    def _pass_over(self, number: int) -> None:
        self._passed += 1
        if self._passed > MOST_EMPTY:
            raise self._error(
                number, f"so are the {MOST_EMPTY:,} before it: they are empty, or cut off"
            )

    def _met_zeros(self) -> None:
        self.left_out["filled with zeros"] += 1

    def _error(self, number: int, reason: str) -> RecordingError:
        return RecordingError(
            f"{self.path.name} line {number} is not a recording line: expected "
            f'{{"at": milliseconds, "frame": "text"}}, but {reason}'
        )


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading, and nothing else that has a name: opening a pipe waits for
    ever, and a device need not end.

    Raises:
        OSError: it is not a regular file, or cannot be read.
    """
    waits = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | waits)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a file")
    return os.fdopen(descriptor, "rb")


def _bare_pieces(text: bytes) -> Iterator[bytes]:
    """Split text where recording lines can begin, and leave out empty pieces. Yields one at a time:
    there may be millions.
    """
    begin = 0
    for found in _PARTS.finditer(text):
        if piece := _bare(text[begin : found.start()]):
            yield piece
        begin = found.end()
    if piece := _bare(text[begin:]):
        yield piece


def _with_more(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece with whether another one follows."""
    before = next(pieces, None)
    while before is not None:
        after = next(pieces, None)
        yield before, after is not None
        before = after


def _bare(text: bytes) -> bytes:
    """The text without spaces at its ends, and without byte order marks before it."""
    return _BEFORE.sub(b"", text, count=1).rstrip()


class _Unzipped(io.RawIOBase):
    """The uncompressed text of a gzip file with any number of members, and with zeros between them
    and at the end. Unlike the standard library's reader, it reports a file torn within the header
    of a later member as such: ``EOFError``.
    """

    def __init__(self, file: BinaryIO, met_zeros: Callable[[], None]) -> None:
        self._file = file
        self._met_zeros = met_zeros
        self._end = _end_before_zeros(file)
        if self._end is not None:
            met_zeros()
        self._first = True
        """Whether no member was read completely yet."""
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
            read = self._waiting or self._next()
            if not self._begun and not self._first and read.startswith(_ZERO):
                self._met_zeros()
                self._waiting = b""
                read = self._after_zeros(read)
            text = self._inflated(read, len(view))
            if not read and not text and self._begun:
                text = self._closed()
            if text or not read:
                view[: len(text)] = text
                return len(text)

    def _next(self) -> bytes:
        if self._end is None:
            return self._file.read(_CHUNK_BYTES)
        return self._file.read(min(_CHUNK_BYTES, self._end - self._file.tell()))

    def _after_zeros(self, read: bytes) -> bytes:
        zeros = 0
        while read and not (bare := read.lstrip(_ZERO)):
            zeros += len(read)
            if zeros > MOST_ZEROS:
                raise OSError(f"there are more than {MOST_ZEROS:,} zeros in a row")
            read = self._next()
        return bare if read else read

    def _closed(self) -> bytes:
        """The rest of a member whose last bytes are zeros themselves.

        Raises:
            EOFError: it is torn.
        """
        closing = self._inflate.copy()
        try:
            text = closing.decompress(b"" if self._end is None else _ZERO * _TRAILER)
        except zlib.error:
            text = b""
        if not closing.eof:
            raise EOFError
        self._begun = False
        return text

    def _inflated(self, read: bytes, most: int) -> bytes:
        text = self._inflate.decompress(read, most)
        if self._inflate.eof:
            self._waiting = self._inflate.unused_data
            self._inflate = zlib.decompressobj(GZIP_WBITS)
            self._begun = self._first = False
        else:
            self._waiting = self._inflate.unconsumed_tail
            self._begun = self._begun or bool(read)
        return text


def _end_before_zeros(file: BinaryIO) -> int | None:
    """Where the zeros at the end of a gzip file begin if not all of them belong to it, else
    ``None``. Leaves the file at its start.
    """
    size = end = file.seek(0, io.SEEK_END)
    while end > 0:
        start = max(end - _CHUNK_BYTES, 0)
        file.seek(start)
        left = len(file.read(end - start).rstrip(_ZERO))
        end = start + left
        if left:
            break
        if size - end > MOST_ZEROS:
            raise OSError(f"it ends in more than {MOST_ZEROS:,} zeros")
    file.seek(0)
    return end if size - end >= _ZERO_TAIL else None
