"""Prints lines for people on standard output and standard error.

Called by any command, in any thread. Nothing here raises, whatever is behind a stream: a full disk,
a closed pipe, a closed descriptor, a terminal with ASCII only. And no text can control the
terminal. What cannot be written is dropped, so that Python's own flush at the end of the process
does not fail. It is not for output that programs read (``tail``, ``export``): errors there make the
command fail.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from photon_app import foreign

_IN_ASCII = str.maketrans({"·": "-", "…": "...", "—": "-"})


def say(text: str, stream: TextIO | None = None) -> bool:
    """Write a line to standard output, or another stream; returns whether it was written."""
    stream = stream or sys.stdout
    if stream is None:  # it is closed
        return False
    stream = getattr(stream, "instead_of", stream)  # past the redirection of library output
    try:
        stream.write(_fitting(text, stream) + "\n")
        stream.flush()
    except (OSError, ValueError):
        _drop(stream)
        return False
    return True


def complain(text: str) -> bool:
    """Write a line to standard error; returns whether it was written."""
    return sys.stderr is not None and say(text, sys.stderr)


def open_descriptors() -> None:
    """Make sure that the three standard descriptors are open; closed ones are opened to the null
    device: else the next file or socket would get their number, and what is written to them.
    ``sys.stdout`` stays ``None`` then, so that a command whose output would be lost fails.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = nowhere()


def nowhere() -> TextIO:
    """A stream that discards everything."""
    return Path(os.devnull).open("w", encoding="utf-8")


def finish(code: int) -> int:
    """Flush both streams, for the end of the process.

    Args:
        code: the exit code, if nothing is wrong.

    Returns:
        The exit code: 1 instead of 0 if some of the standard output could not be written.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            _drop(stream)
            code = code or int(stream is sys.stdout)
    return code


def _fitting(text: str, stream: TextIO) -> str:
    """A text that the stream can encode, without control characters for a terminal."""
    text = foreign.escaped(text, keep="\n\t")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _drop(stream: TextIO) -> None:
    """Discard a stream's buffers: they would be flushed again later."""
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        kept, away = os.dup(number), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(away, number)
            stream.flush()
        finally:
            os.dup2(kept, number)
            os.close(kept)
            os.close(away)
