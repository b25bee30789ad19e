"""The file format of recordings."""

import gzip
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from zlib import compress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.errors import RecordingError
from photon_app.feed.recording.file import Recording
from tests.feed.recordings import DAY, START_MS, frame, ladder, line, needs_recordings, write

HALVES = range(40), range(40, 50)
PING = '{"type":"ping"}'


@pytest.mark.parametrize("zipped", [False, True])
def test_gzip_and_plain_text_are_distinguished_by_content(tmp_path: Path, *, zipped: bool) -> None:
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


ODDITIES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b" \t \n", b"\n\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"  "),
        *(b"\0", b"\0" * 5000, b"\0\0\n", b"\0\xef\xbb\xbf\0\r\n"),
    ]
)


@given(st.lists(st.tuples(st.lists(ODDITIES, max_size=3), st.sampled_from(["\n", "\r\n", " \n"]))))
@pytest.mark.parametrize("zipped", [False, True])
def test_what_editors_and_power_cuts_leave_between_lines_costs_none(
    tmp_path_factory: pytest.TempPathFactory, zipped: bool, story: list[tuple[list[bytes], str]]
) -> None:
    """Empty lines, returns, spaces, marks, zeros; only zeros are counted."""
    text = b"".join(
        b"".join(odd) + line(at, f"é{at}").strip().encode() + end.encode()
        for at, (odd, end) in enumerate(story)
    )
    path = tmp_path_factory.mktemp("recordings") / "r"
    path.write_bytes(gzip.compress(text) if zipped else text)
    recording = Recording(path)
    assert [read.at for read in recording.lines()] == list(range(len(story)))
    assert not recording.torn
    counted = recording.left_out["filled with zeros"]
    assert bool(counted) == (b"\0" in text)
    assert recording.left_out.total() == counted
    if story:
        assert recording.first_ms() == 0


@pytest.mark.parametrize(
    ("text", "expected", "left_out"),
    [
        (line(1, "a") + "\0" * 99, [1], {"filled with zeros": 1}),
        (line(1, "a") + line(2, "b")[:9] + "\0" * 99 + line(3, "c"), [1, 3], None),
        ("\0" * 99 + line(1, "a"), [1], {"filled with zeros": 1}),
        (line(1, "a").rstrip() + "\0" + line(2, "b"), [1, 2], {"filled with zeros": 1}),
        (line(1, "a") + line(2, "b")[:-4] + line(3, "c"), [1, 3], {"cut off": 1}),
        (line(1, "a") + line(2, "b").rstrip() + line(3, "c"), [1, 2, 3], {}),
        (line(1, "a") + line(2, line(7, "b"))[:-4] + line(3, "c"), [1, 3], {"cut off": 1}),
    ],
)
def test_what_was_cut_off_costs_no_other_line(
    tmp_path: Path, text: str, expected: list[int], left_out: dict[str, int] | None
) -> None:
    """By zeros, or by a recording that was joined to it: the half is counted, and what follows
    counts.
    """
    recording = Recording(write(tmp_path / "r", [text]))
    assert [read.at for read in recording.lines()] == expected
    assert recording.left_out == (
        {"filled with zeros": 1, "cut off": 1} if left_out is None else left_out
    )
    assert not recording.torn


def test_more_zeros_than_a_line_may_have_are_passed_over_too(tmp_path: Path) -> None:
    """Bit by bit."""
    path = write(tmp_path / "r", [line(1, "a"), "\0" * 5000, line(2, "b")])
    assert [read.at for read in Recording(path, max_line_bytes=1000).lines()] == [1, 2]


def test_a_torn_line_before_zeros_is_torn(tmp_path: Path) -> None:
    """As a power cut leaves the file's end."""
    recording = Recording(write(tmp_path / "r", [line(1, "a"), line(2, "b")[:9], "\0" * 99]))
    assert [read.at for read in recording.lines()] == [1]
    assert recording.torn


def test_a_gzip_file_whose_end_became_zeros_gives_its_whole_lines(tmp_path: Path) -> None:
    """Wherever they begin, and when another follows what was whole."""
    halves = ("".join(line(n, "a" * n) for n in span).encode() for span in HALVES)
    parts = [gzip.compress(half, mtime=0) for half in halves]
    path = tmp_path / "r.gz"
    for kept in range(2, len(parts[0]) + 1):
        path.write_bytes(parts[0][:kept] + b"\0" * 4096)
        recording = Recording(path)
        times = [one.at for one in recording.lines()]
        assert times == list(HALVES[0])[: len(times)]
        assert recording.torn == bool(parts[0][kept:].strip(b"\0"))
        assert recording.left_out == {"filled with zeros": 1}
    assert times == list(HALVES[0])
    path.write_bytes(b"".join([parts[0], b"\0" * 200_000, parts[1], b"\0" * 3]))
    recording = Recording(path)
    assert [one.at for one in recording.lines()] == [*HALVES[0], *HALVES[1]]
    assert recording.left_out == {"filled with zeros": 2}
    assert not recording.torn


NOT_FILES = ("a folder", "a pipe", "a socket", "a device", "a link to a pipe", "a loop")


def not_a_file(folder: Path, kind: str) -> Path:
    """Something with a name that is no file."""
    path = folder / "thing"
    match kind:
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "a device":
            path.symlink_to("/dev/zero")
        case "a link to a pipe":
            os.mkfifo(folder / "pipe")
            path.symlink_to(folder / "pipe")
        case _:
            path.symlink_to(path)
    return path


@pytest.mark.parametrize("kind", NOT_FILES)
def test_only_a_file_is_read(tmp_path: Path, kind: str) -> None:
    """A pipe is not waited for, and a device not read without end."""
    with pytest.raises(
        RecordingError, match=r"thing line 1 is not a recording line.*cannot be read"
    ):
        Recording(not_a_file(tmp_path, kind)).first_ms()


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", "a\u202eb", "a\x9bb", "a\udcffb"])
def test_a_name_that_cannot_be_printed_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """It would reach logs, terminals and pages."""
    with pytest.raises(RecordingError) as refused:
        Recording(tmp_path / name / "r.jsonl")
    assert str(refused.value).isprintable()


def bomb(path: Path, text: bytes, times: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(times):
            file.write(text)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "times", "why"),
    [
        (b"\0" * 2**20, 200, "zeros in a row"),
        (b"\n" * 2**20, 200, "so are the 100,000 before it"),
        (b" \0\n" * 2**18, 200, "so are the 100,000 before it"),
        (b'{"at":\0\n' * 2**17, 200, "so are the 100,000 before it"),
        (b"{\0" * 2**19, 30, "so are the 100,000 before it"),
        (b"a" * 2**20, 200, "longer than"),
    ],
)
def test_a_small_file_of_much_nothing_is_refused_within_little_memory(
    tmp_path: Path, text: bytes, times: int, why: str
) -> None:
    """At its begin and between two lines."""
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match=why):
            list(Recording(bomb(tmp_path / "r.gz", text, times)).lines())
        begun = line(1, "a").encode()
        path = tmp_path / "begun"
        path.write_bytes(gzip.compress(begun) + bomb(tmp_path / "r.gz", text, times).read_bytes())
        recording = Recording(path)
        with pytest.raises(RecordingError, match=why):
            list(recording.lines())
        assert tracemalloc.get_traced_memory()[1] < 160 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "head",
    [b"", b"\x1f\x8b", gzip.compress(line(1, "a").encode(), mtime=0)],
    ids=["nothing", "half a head", "a member"],
)
def test_a_file_of_holes_is_refused_at_once(tmp_path: Path, head: bytes) -> None:
    """However large it says that it is, and whatever it begins with."""
    path = tmp_path / "r"
    path.write_bytes(head)
    os.truncate(path, 2**40)
    with pytest.raises(RecordingError, match="zeros"):
        list(Recording(path).lines())


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_that_shrinks_or_grows_while_it_is_read_gives_whole_lines(
    tmp_path: Path, *, zipped: bool
) -> None:
    """What is there is read to its end."""
    texts = [line(at, "a" * 5000) for at in range(2000)]
    path = write(tmp_path / "r", texts, zipped=zipped)
    for change in (0.5, 0.0):
        reading = Recording(path).lines()
        times = [next(reading).at]
        os.truncate(path, int(path.stat().st_size * change))
        times += [read.at for read in reading]
        assert times == list(range(len(times)))
    path = write(tmp_path / "r", texts[:1000])
    reading = Recording(path).lines()
    next(reading)
    with path.open("a") as file:
        file.writelines(texts[1000:])
    assert [read.at for read in reading] == list(range(1, 2000))


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
