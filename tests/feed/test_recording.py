"""The file format of recordings."""

import gzip
from collections.abc import Callable
from pathlib import Path
from zlib import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.errors import RecordingError
from photon_app.feed.recording import Recording
from tests.feed.recordings import DAY, START_MS, frame, ladder, line, needs_recordings, write

PING = '{"type":"ping"}'


@pytest.mark.parametrize("zipped", [False, True])
def test_gzip_and_plain_text_are_told_apart_by_content(tmp_path: Path, *, zipped: bool) -> None:
    """Whatever the file is called."""
    path = write(tmp_path / "any.name", [line(1, "a"), line(2, "b")], zipped=zipped)
    assert [(read.at, read.frame) for read in Recording(path).lines()] == [(1, "a"), (2, "b")]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_frames_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, frames: list[str]
) -> None:
    """Any text can be a frame."""
    path = tmp_path_factory.mktemp("recordings") / "r.jsonl"
    write(path, [line(i, text) for i, text in enumerate(frames)])
    assert [read.frame for read in Recording(path).lines()] == frames


def test_a_torn_last_line_ends_the_recording(tmp_path: Path) -> None:
    """As a killed recorder leaves it; what came before is kept."""
    path = write(tmp_path / "r", [line(1, "a"), line(2, "b")[:-5]])
    assert [read.at for read in Recording(path).lines()] == [1]


def test_a_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    """It is complete."""
    path = write(tmp_path / "r", [line(1, "a"), line(2, "b").rstrip()])
    assert [read.at for read in Recording(path).lines()] == [1, 2]


@needs_recordings
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_torn_gzip_file_gives_its_whole_lines(tmp_path: Path, part: float) -> None:
    """And no error."""
    whole = DAY.read_bytes()
    torn = tmp_path / "torn.gz"
    torn.write_bytes(whole[: int(len(whole) * part)])
    lines = list(Recording(torn).lines())
    assert 0 < len(lines) < 7414
    assert lines == list(Recording(DAY).lines())[: len(lines)]


@pytest.mark.parametrize(
    "bad",
    [
        "hello\n",
        "\n",
        "[]\n",
        '{"at":1}\n',
        '{"frame":"x"}\n',
        '{"at":"1","frame":"x"}\n',
        '{"at":1.5,"frame":"x"}\n',
        '{"at":-1,"frame":"x"}\n',
        '{"at":1e20,"frame":"x"}\n',
        '{"at":1,"frame":{"type":"ping"}}\n',
        '{"at":1,"frame":"x"\n',
        "[" * 100_000 + "\n",
    ],
)
def test_anything_else_is_an_error_with_file_line_and_reason(tmp_path: Path, bad: str) -> None:
    """After the good lines before it."""
    path = write(tmp_path / "day.jsonl", [line(1, "a"), line(2, "b"), bad, line(3, "c")])
    read: list[int] = []
    with pytest.raises(RecordingError, match=r"day\.jsonl line 3 .* but .+"):
        read.extend(one.at for one in Recording(path).lines())


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    """The bound holds for the read itself."""
    path = write(tmp_path / "r", [line(1, "a"), line(2, "x" * 2000)])
    with pytest.raises(RecordingError, match=r"r line 2 .* longer than 1000 bytes"):
        list(Recording(path, max_line_bytes=1000).lines())


@needs_recordings
def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    """A flipped byte is no torn end."""
    damaged = bytearray(DAY.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path = tmp_path / "damaged.gz"
    path.write_bytes(damaged)
    with pytest.raises(RecordingError, match=r"damaged\.gz line \d+"):
        list(Recording(path).lines())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x7fELF\x02\x01\x01\x00\xff\n", "malformed"),
        (b"\x7fELF\x02\x01\x01\x00\xff", "malformed"),
        (b"time,price\n1,2\n", "malformed"),
        (b"time,price", "malformed"),
        (b"", "no whole line"),
        (b'{"at":138115', "no whole line"),
        (b'{"symbol":"IBM"}\n', "missing required field `at`"),
        (b'{"at":"now","frame":"x"}\n', "Expected `int`"),
        (b"\x1f\x8brubbish", "cannot be read"),
        # mtime: a test has one name, whenever a worker collects it
        (gzip.compress(b"time,price\n1,2\n", mtime=0), "malformed"),
        (gzip.compress(b"", mtime=0), "no whole line"),
        (gzip.compress(line(1, "a").encode(), mtime=0)[:12], "no whole line"),
        (compress(line(1, "a").encode()), "malformed"),
        (b"PK\x03\x04zip", "malformed"),
        ("{".encode("utf-16"), "malformed"),
    ],
)
def test_every_other_kind_of_file_is_refused_in_one_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """By name, with the line and the reason."""
    path = tmp_path / "other.gz"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as refused:
        Recording(path).first_ms()
    message = str(refused.value)
    assert message.startswith("other.gz line 1 is not a recording line: expected ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("more", [b"rubbish", b"\x1f\x8b\x08rubbish"])
def test_what_follows_a_gzip_file_and_is_no_gzip_is_an_error(tmp_path: Path, more: bytes) -> None:
    """After the lines before it."""
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress(line(1, "a").encode()) + more)
    read: list[int] = []
    with pytest.raises(RecordingError, match=r"r\.gz line 2 .* cannot be read"):
        read.extend(one.at for one in Recording(path).lines())
    assert read == [1]


def test_gzip_files_joined_are_one_recording_and_may_be_torn_anywhere(tmp_path: Path) -> None:
    """Within the head of the second too."""
    parts = [gzip.compress(line(at, "a" * 300).encode()) for at in (1, 2)]
    path = tmp_path / "r.gz"
    for end in range(len(parts[0]), len(parts[0] + parts[1]) + 1):
        path.write_bytes(b"".join(parts)[:end])
        recording = Recording(path)
        times = [one.at for one in recording.lines()]
        assert times in ([1], [1, 2])
        assert recording.torn == (len(parts[0]) < end < len(parts[0] + parts[1]))


@pytest.mark.parametrize("make", [lambda p: p.write_bytes(b""), lambda p: p.mkdir(), lambda _: 0])
def test_a_file_without_a_line_has_no_beginning(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """Empty, a directory, or not there: one error that names it."""
    path = tmp_path / "day.jsonl"
    make(path)
    with pytest.raises(RecordingError, match=r"day\.jsonl line 1"):
        Recording(path).first_ms()


def test_the_symbols_are_the_most_traded_first_and_at_most_ten(tmp_path: Path) -> None:
    """Equals by name; pings do not matter."""
    names = ["C", "B", "B", "A", "A", *"DEFGHIJKL"]
    frames = [frame(name, 1) for name in names]
    path = write(tmp_path / "r", [line(START_MS, text) for text in [PING, *frames]])
    assert Recording(path).symbols() == ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J")


def test_the_symbols_are_found_by_peeking(tmp_path: Path) -> None:
    """Damage behind the first 2,000 frames does not matter, and earlier damage ends the count."""
    path = ladder(tmp_path / "r", 3)
    with path.open("a") as file:
        file.write("damage\n" + line(START_MS, frame("LATE", 1)))
    assert Recording(path).symbols() == ("IBM",)


@needs_recordings
def test_the_real_day_begins_with_bac_and_ibm() -> None:
    """As its README says."""
    assert Recording(DAY).symbols() == ("BAC", "IBM")
    assert Recording(DAY).first_ms() == 1381152300389
