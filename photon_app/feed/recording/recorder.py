"""Writing a recording: every frame as it arrives, in parts of bounded size.

Owns the file at its path while it is open, locked against a second recorder. Synchronous, on the
event loop: a slow disk slows the caller of ``take``, so frames wait upstream and never here. The
buffer is bounded: nothing in plain text, in gzip the frames since the last ``flush``, at most
``BUFFER_BYTES`` of them.

It can be killed at any moment: a plain line is one write, and gzip is written with a sync flush
that ends at a complete line, so a replay gets all that was flushed. To continue a torn file, its
torn line is cut off; a torn gzip file is rewritten beside it and replaces it atomically.

It makes the system write to the disk (fsync) when a part ends. A power failure can lose what the
system still buffers, about half a minute on Linux; a kill loses nothing that was flushed.

It never overwrites a file that is not a recording, never raises from ``take``, and never continues
after half a line: after a failed write it removes the half and stops.
"""

import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from photon_app.clock import SYSTEM, Time
from photon_app.errors import RecordingError
from photon_app.feed.recording.file import GZIP_WBITS, MAX_LINE_BYTES, Line, Recording, is_line

if sys.platform != "win32":
    import fcntl

PART_BYTES = 100_000_000
"""Default size at which a part is full."""
BUFFER_BYTES = 2**20
"""Most text buffered for the compressor before it is flushed."""

_BLOCK_BYTES = 2**16

_encode = msgspec.json.Encoder().encode


class Recorder:
    """Writes what a feed receives; ``take`` is the feed's ``Tap``.

    Full parts are renamed to ``name.000001.jsonl``, ``name.000002.jsonl`` and so on, in the order
    of time; the newest is always at ``path`` itself. Joined in this order they are one recording.

    Args:
        path: the file; gzip when its name ends in ``.gz``, or when it exists and is gzip.
        time: of this process; its wall clock is the time of arrival.
        max_bytes: size at which a part is full. A part has at least one line, and in gzip may
            exceed the size by one flush.
        keep: most full parts to keep besides the newest; ``None`` keeps all.

    Raises:
        RecordingError: the file is not a recording, is being recorded, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        time: Time = SYSTEM,
        *,
        max_bytes: int = PART_BYTES,
        keep: int | None = None,
    ) -> None:
        self.path = path
        self.frames = 0
        """Frames written, buffered ones included; after a failure, those in the file."""
        self.bytes = 0
        """Bytes written to the disk."""
        self.parts = 1
        """Parts written to, the newest included."""
        self.left_out = 0
        """Frames that are not UTF-8 text, or are longer than a line of a recording may be."""
        self.failure = ""
        """Why nothing is written any more, as one sentence."""
        self._closed = False
        self._now_ms = time.now_ms
        self._max_bytes = max_bytes
        self._keep = keep
        try:
            self._part = _opened(path)
        except OSError as error:
            raise RecordingError(_cannot(path, error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, frame: str | bytes) -> None:
        """Write one frame as it arrived, with the current time."""
        if self.failure or self._closed:
            return
        line = self._line(frame)
        if line is None:
            self.left_out += 1
            return
        with self._guarded():
            if self._part.size and self._part.size + len(line) > self._max_bytes:
                self._next_part()
            self.frames += 1
            self.bytes += self._part.write(line)

    def flush(self) -> None:
        """Pass everything to the operating system; to be called about once a second."""
        if not (self.failure or self._closed):
            with self._guarded():
                self.bytes += self._part.flush()

    def close(self) -> None:
        """End the recording completely, on the disk. Afterwards no frame is taken."""
        if not (self.failure or self._closed):
            with self._guarded():
                self.bytes += self._part.finish()
        self._closed = True
        self._part.close()

    def _line(self, frame: str | bytes) -> bytes | None:
        try:
            text = frame if isinstance(frame, str) else frame.decode()
            line = _encode(Line(at=self._now_ms(), frame=text)) + b"\n"
        except ValueError:  # not UTF-8
            return None
        return line if len(line) <= MAX_LINE_BYTES else None

    def _next_part(self) -> None:
        self.bytes += self._part.finish()
        self._part.close()
        numbers = _numbers(self.path)
        self.path.rename(_part_path(self.path, max(numbers, default=0) + 1))
        if self._keep is not None:
            full = sorted(_numbers(self.path))
            for number in full[: max(len(full) - self._keep, 0)]:
                _part_path(self.path, number).unlink()
        self._part = _opened(self.path)
        self.parts += 1

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = _cannot(self.path, error)
            self.frames -= self._part.unwritten
        except RecordingError as error:  # another file is where the next part should be
            self.failure = str(error)


class _Part:
    """One open file that is only appended to, in complete lines or complete flushes."""

    def __init__(self, descriptor: int, *, zipped: bool) -> None:
        self._descriptor = descriptor
        self._zipped = zipped
        self._deflate = _compressor()
        self._buffered = 0
        self._out: list[bytes] = []
        self._member = False
        self.unwritten = 0
        """Lines given that are not in the file."""
        self.size = os.fstat(descriptor).st_size

    def write(self, line: bytes) -> int:
        """Append a line; returns the number of bytes that this wrote to the file."""
        self.unwritten += 1
        if not self._zipped:
            return self._put(line)
        self._out.append(self._deflate.compress(line))
        self._buffered += len(line)
        self._member = True
        return self.flush() if self._buffered >= BUFFER_BYTES else 0

    def flush(self) -> int:
        """Write the buffer where a kill does not lose it."""
        if not self._buffered:
            return 0
        self._buffered = 0
        return self._put(b"".join([*self._take(), self._deflate.flush(zlib.Z_SYNC_FLUSH)]))

    def finish(self) -> int:
        """End the gzip member, if one was begun, and wait for the disk."""
        put = 0
        if self._member:
            put = self._put(b"".join([*self._take(), self._deflate.flush(zlib.Z_FINISH)]))
            self._deflate, self._buffered, self._member = _compressor(), 0, False
        os.fsync(self._descriptor)
        return put

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _put(self, data: bytes) -> int:
        written = 0
        try:
            while written < len(data):  # once, unless the disk is full
                written += os.write(self._descriptor, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += written
        self.unwritten = 0
        return written


def _opened(path: Path) -> _Part:
    """The file, locked, at the end of its complete lines; created when it does not exist."""
    recording = Recording(path)
    if path.exists():
        _refuse_another_kind(recording)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        _lock(descriptor, path)
        zipped = _made_whole(recording, descriptor)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return _Part(descriptor, zipped=zipped)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return _opened(path)  # another file has taken its place


def _made_whole(recording: Recording, descriptor: int) -> bool:
    """Make the file end with a complete line; returns whether it is gzip."""
    if os.fstat(descriptor).st_size == 0:
        return recording.path.suffix == ".gz"
    if not recording.zipped:
        _mend(descriptor, recording.path)
        return False
    if _must_be_rewritten(recording):
        _rewrite(recording)
    return True


def _refuse_another_kind(recording: Recording) -> None:
    if not recording.path.is_file():
        raise RecordingError(f"{recording.path} is not a file, and nothing can be recorded into it")
    next(recording.lines(), None)


def _lock(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EAGAIN, errno.EACCES}:
            return  # a file system without locks
        raise RecordingError(f"{path} is being recorded by another process") from None


def _mend(descriptor: int, path: Path) -> None:
    """Make plain text end with a complete line: complete the last one, or cut it off."""
    end = os.fstat(descriptor).st_size
    with open(descriptor, "rb", closefd=False) as file:
        start = _last_line_start(file, end)
        file.seek(start)
        tail = file.read(MAX_LINE_BYTES + 1)
    if len(tail) > MAX_LINE_BYTES:
        raise RecordingError(f"{path} ends in a line longer than {MAX_LINE_BYTES} bytes")
    if is_line(tail):
        os.write(descriptor, b"\n")
    elif tail:
        os.ftruncate(descriptor, start)


def _last_line_start(file: BinaryIO, end: int) -> int:
    """Where the text after the last newline begins; somewhere within it when it is too long."""
    size = end
    while end > 0 and size - end <= MAX_LINE_BYTES:
        start = max(end - _BLOCK_BYTES, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return end


def _must_be_rewritten(recording: Recording) -> bool:
    last = b"\n"
    for raw in recording.raw_lines():
        last = raw.text
    return recording.torn or not last.endswith(b"\n")


def _rewrite(recording: Recording) -> None:
    """Replace a torn gzip file atomically by one of all its complete lines."""
    path = recording.path
    number, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        part = _Part(number, zipped=True)
        for raw in recording.raw_lines():
            part.write(raw.text.removesuffix(b"\n") + b"\n")
        part.finish()
        part.close()
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _compressor() -> "zlib._Compress":
    return zlib.compressobj(6, zlib.DEFLATED, GZIP_WBITS)


def _part_path(path: Path, number: int) -> Path:
    stem, suffix = _split(path)
    return path.with_name(f"{stem}.{number:06}{suffix}")


def _numbers(path: Path) -> list[int]:
    """The numbers of the full parts that exist."""
    stem, suffix = _split(path)
    pattern = re.compile(re.escape(stem) + r"\.(\d{6,})" + re.escape(suffix))
    found = (pattern.fullmatch(other.name) for other in path.parent.iterdir())
    return [int(match[1]) for match in found if match]


def _split(path: Path) -> tuple[str, str]:
    zipped = ".gz" if path.suffix == ".gz" else ""
    inner = Path(path.name.removesuffix(".gz") if zipped else path.name)
    return inner.stem, inner.suffix + zipped


def _cannot(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror or error}"
