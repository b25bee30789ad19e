"""Nothing that is printed raises, whatever stands behind the stream."""

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import foreign, printing

FULL = Path("/dev/full")


def opened(path: Path, encoding: str = "utf-8") -> io.TextIOWrapper:
    """A stream to a file."""
    stream = path.open("w", encoding=encoding)
    assert isinstance(stream, io.TextIOWrapper)
    return stream


def broken() -> io.TextIOWrapper:
    """A pipe without a reader."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    assert isinstance(stream, io.TextIOWrapper)
    return stream


def test_a_stream_that_takes_nothing_is_left_clean() -> None:
    """Python flushes it again at the end, and would complain then."""
    for stream in (opened(FULL), broken()):
        stream.write("half a line")
        assert not printing.say("more", stream)
        stream.flush()
        assert not printing.say("again", stream)
        stream.close()
        assert not printing.say("closed", stream)


def test_what_a_full_disk_did_not_take_is_dropped_and_the_next_is_written(tmp_path: Path) -> None:
    """When there is room again."""
    stream = opened(FULL)
    assert not printing.say("lost", stream)
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(file, stream.fileno())
    os.close(file)
    assert printing.say("kept", stream)
    stream.close()
    assert (tmp_path / "log").read_text() == "kept\n"


@given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8", "utf-16"]))
def test_every_text_fits_every_encoding(text: str, encoding: str) -> None:
    """Lone surrogates too, which names of files can hold; what fits is written as it is."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    for given_text in (text, text + "\udce9"):
        assert printing.say(given_text, stream)
    written = stream.buffer.getvalue().decode(encoding)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return
    assert written.startswith(foreign.escaped(text, keep="\n\t") + "\n")


def test_the_banners_dots_are_dashes_in_ascii() -> None:
    """And not an escape."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    printing.say("Photon · built … über", stream)
    assert stream.buffer.getvalue() == b"Photon - built ... \\xfcber\n"


def test_streams_that_are_closed_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none then; what is complained of never gets into the standard output."""
    monkeypatch.setattr(sys, "stderr", None)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert not printing.complain("lost")
    assert out.getvalue() == ""
    monkeypatch.setattr(sys, "stdout", None)
    assert not printing.say("lost")
    assert printing.finish(0) == 0


def test_what_a_command_could_not_write_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what it had to complain of, nor one that has failed already."""
    for stdout, stderr, code, ends in (
        (FULL, os.devnull, 0, 1),
        (FULL, os.devnull, 2, 2),
        (os.devnull, FULL, 0, 0),
    ):
        with opened(Path(stdout)) as out, opened(Path(stderr)) as err:
            monkeypatch.setattr(sys, "stdout", out)
            monkeypatch.setattr(sys, "stderr", err)
            out.write("product")
            err.write("complaint")
            ended = printing.finish(code)
            monkeypatch.undo()
            assert ended == ends


def test_what_is_said_drives_no_terminal() -> None:
    """Escapes, the second set of control characters, and what reverses the direction of a line."""
    stream = io.StringIO()
    printing.say("a\x1b[2J\x9b31m\u202e\r\nb\tc", stream)
    assert stream.getvalue() == "a\\x1b[2J\\x9b31m\\u202e\\r\nb\tc\n"
