"""Lines for people, on standard output and standard error.

Called by whatever a person started, in any thread. Nothing here raises, whatever stands behind a
stream: a disk that is full, a reader that is gone, a closed descriptor, a terminal that knows
ASCII only; and nothing here drives a terminal, whatever the text. What cannot be written is
dropped, and Python's own writing at the end of the process finds nothing to complain of. It is not
for what a program reads (``tail``, ``export``): that fails with its command.
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
    stream = getattr(stream, "instead_of", stream)  # what libraries print is another's affair
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


def hold_descriptors() -> None:
    """Let the three standard descriptors be open, to nowhere where they were not: else the next
    file or socket would get their number, and with it what is written to them. Standard output
    stays ``None`` then, so that a command whose output nobody can get fails.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = nowhere()


def nowhere() -> TextIO:
    """A stream that takes everything."""
    return Path(os.devnull).open("w", encoding="utf-8")


def finish(code: int) -> int:
    """Flush both streams, for the end of the process.

    Args:
        code: its exit code, if nothing is wrong.

    Returns:
        The exit code: 1 instead of 0 when something of the standard output could not be written.
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
    """A text as the stream's encoding can show it, with nothing in it that drives a terminal."""
    text = foreign.escaped(text, keep="\n\t")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _drop(stream: TextIO) -> None:
    """Empty a stream's buffers to nowhere: they would be flushed again later."""
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
