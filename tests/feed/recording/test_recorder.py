"""Writing a recording: what was taken comes back, whatever happens on the way."""

import asyncio
import gzip
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.errors import RecordingError
from photon_app.feed.recording.file import MAX_LINE_BYTES, Recording
from photon_app.feed.recording.recorder import BUFFER_BYTES, Recorder
from photon_app.feed.recording.replay import ReplayFeed
from photon_app.feed.simulated.feed import SimulatedFeed
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, HandTime, VirtualTime
from tests.feed.recordings import DAY, frame, line, needs_recordings, write

NAMES = ["r.jsonl", "r.jsonl.gz"]
FRAMES = [frame("IBM", price, START_MS) for price in range(1, 40)]
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


def record(path: Path, frames: list[str], *, flush: int = 3, **options: int) -> Recorder:
    """Record frames a millisecond apart, flushing after every few, and end it."""
    time = HandTime()
    with Recorder(path, time, **options) as recorder:
        for number, text in enumerate(frames):
            recorder.take(text)
            time.at_ms += 1
            if number % flush == 0:
                recorder.flush()
    return recorder


def frames_of(path: Path) -> list[str]:
    """What a replay of the file reads."""
    return [one.frame for one in Recording(path).lines()]


@pytest.mark.parametrize("name", NAMES)
@given(frames=st.lists(TEXT | TEXT.map(lambda text: text * 3_000), max_size=20))
def test_frames_come_back_exactly_with_their_times(name: str, frames: list[str]) -> None:
    """Any text, in order, as text or as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        recorder = record(path, frames)
        assert [(one.at - START_MS, one.frame) for one in Recording(path).lines()] == list(
            enumerate(frames)
        )
        assert (recorder.frames, recorder.bytes) == (len(frames), path.stat().st_size)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_recording_cut_at_any_byte_replays_its_prefix_and_goes_on(
    name: str, data: st.DataObject
) -> None:
    """As a kill or a power cut leaves it, with zeros in place of what was lost or without; going on
    keeps every line that a replay gave.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        record(path, FRAMES[:10])
        record(path, FRAMES[10:20])  # in gzip a second member
        whole = path.read_bytes()
        zeros = data.draw(st.sampled_from([0, 16, 4096]), label="zeros")
        cut = data.draw(st.integers(2 if zeros else 0, len(whole)), label="cut")
        path.write_bytes(whole[:cut] + b"\0" * zeros)
        kept = frames_of(path)
        assert kept == FRAMES[: len(kept)]
        record(path, FRAMES[20:])
        assert frames_of(path) == kept + FRAMES[20:]
        record(path, ["end"])
        assert frames_of(path) == [*kept, *FRAMES[20:], "end"]
        assert [other.name for other in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_flushed_is_there_while_it_records(tmp_path: Path, name: str) -> None:
    """In plain text even before."""
    path = tmp_path / name
    with Recorder(path, HandTime()) as recorder:
        recorder.take("a")
        if name.endswith(".jsonl"):
            assert frames_of(path) == ["a"]
        recorder.flush()
        recorder.take("b")
        recorder.flush()
        assert frames_of(path) == ["a", "b"]
        assert recorder.bytes == path.stat().st_size


def test_gzip_holds_back_no_more_than_its_bound(tmp_path: Path) -> None:
    """However long nobody flushes."""
    with Recorder(tmp_path / "r.gz", HandTime()) as recorder:
        recorder.take("x" * BUFFER_BYTES)
        assert frames_of(recorder.path) == ["x" * BUFFER_BYTES]


@pytest.mark.parametrize("name", NAMES)
def test_parts_sort_by_time_and_joined_are_one_recording(tmp_path: Path, name: str) -> None:
    """Each within its size; the newest at the path itself; a later recorder counts on."""
    path = tmp_path / name
    frames = [f"{number} {os.urandom(200).hex()}" for number in range(60)]
    recorder = record(path, frames[:30], flush=1, max_bytes=3_000)
    record(path, frames[30:], flush=1, max_bytes=3_000)
    parts = sorted(tmp_path.iterdir())
    assert parts[-1] == path
    assert parts[0].name == name.replace("r.", "r.000001.")
    assert 2 < recorder.parts < len(parts)
    assert max(part.stat().st_size for part in parts) <= 4_000
    assert [text for part in parts for text in frames_of(part)] == frames
    joined = tmp_path / "joined"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert frames_of(joined) == frames


@given(st.integers(0, 3))
def test_only_so_many_full_parts_are_kept(keep: int) -> None:
    """The newest ones, and nothing is removed that is not a part."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.jsonl"
        other = Path(folder) / "r.1.jsonl"
        other.write_text("mine")
        record(path, [f"{number:100}" for number in range(10)], max_bytes=200, keep=keep)
        parts = [part for part in sorted(path.parent.iterdir()) if part != other]
        assert len(parts) == keep + 1
        assert frames_of(parts[-1]) == [f"{9:100}"]
        assert other.read_text() == "mine"


def test_a_part_holds_at_least_one_line(tmp_path: Path) -> None:
    """However long it is."""
    record(tmp_path / "r.jsonl", ["x" * 500, "y" * 500], max_bytes=1)
    assert [part.name for part in sorted(tmp_path.iterdir())] == ["r.000001.jsonl", "r.jsonl"]


@pytest.mark.parametrize(
    "other",
    [
        b"hello",
        b"hello\n",
        b"\x00\x01\x02\xff",
        b"time,price\n1,2\n",
        b'{"type":"ping"}\n',
        b'{"at":"1","frame":"x"}\n',
        b"\x1f\x8brubbish",
        # mtime: a test has one name, whenever a worker collects it
        gzip.compress(b"hello", mtime=0),
        gzip.compress(b'{"at":1,"frame":"x"}\ndamage\n', mtime=0),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_no_recording_stays_as_it_is(
    tmp_path: Path, name: str, other: bytes
) -> None:
    """It is refused in one line with the line and the reason."""
    path = tmp_path / name
    path.write_bytes(other)
    with pytest.raises(RecordingError, match=rf"^{name} line [12] .* but [^\n]+$"):
        Recorder(path, HandTime())
    assert path.read_bytes() == other


def test_a_folder_and_a_place_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """In one line each."""
    with pytest.raises(RecordingError, match="is not a file"):
        Recorder(tmp_path, HandTime())
    with pytest.raises(RecordingError, match="cannot be written: No such file"):
        Recorder(tmp_path / "no" / "r.jsonl", HandTime())


@pytest.mark.parametrize("name", NAMES)
def test_two_recorders_do_not_share_a_file(tmp_path: Path, name: str) -> None:
    """The second is refused, and the first not disturbed, after its next part either."""
    path = tmp_path / name
    with Recorder(path, HandTime(), max_bytes=100) as recorder:
        for number in range(3):
            recorder.take(f"{number:100}")
            recorder.flush()
            with pytest.raises(RecordingError, match="is being recorded by another process"):
                Recorder(path, HandTime())
    assert not frames_of(path)[1:]


def test_a_foreign_gzip_recording_can_be_continued(tmp_path: Path) -> None:
    """Whatever made it, and however it is called."""
    path = write(tmp_path / "r.jsonl", [line(1, "a"), line(2, "b").rstrip()], zipped=True)
    record(path, ["c"])
    assert frames_of(path) == ["a", "b", "c"]


@pytest.mark.parametrize("bad", [b"\xff\xfe", b'{"s":"\xff"}', "\ud800"])
def test_a_frame_that_is_no_text_is_left_out_and_counted(tmp_path: Path, bad: str | bytes) -> None:
    """JSON cannot hold it exactly, and anything else would be a different frame."""
    with Recorder(tmp_path / "r", HandTime()) as recorder:
        for one in ("a", bad, b"b"):
            recorder.take(one)
    assert (recorder.frames, recorder.left_out) == (2, 1)
    assert frames_of(tmp_path / "r") == ["a", "b"]


def test_a_recording_with_a_hole_at_its_end_is_refused_at_once(tmp_path: Path) -> None:
    """However large it says that it is."""
    path = tmp_path / "r.jsonl"
    record(path, ["a"])
    os.truncate(path, 2**40)
    with pytest.raises(RecordingError, match="ends in a line longer than"):
        Recorder(path, HandTime(at_ms=1))
    assert path.stat().st_size == 2**40


def test_a_pipe_is_not_recorded_into(tmp_path: Path) -> None:
    """Nor waited for."""
    os.mkfifo(tmp_path / "r")
    with pytest.raises(RecordingError, match="is not a file"):
        Recorder(tmp_path / "r", HandTime(at_ms=1))


def test_a_frame_too_long_for_a_line_is_left_out_and_counted(tmp_path: Path) -> None:
    """The recording can be read to its end."""
    with Recorder(tmp_path / "r", HandTime()) as recorder:
        recorder.take("\0" * (MAX_LINE_BYTES // 6))
        recorder.take("a")
    assert (recorder.frames, recorder.left_out) == (1, 1)
    assert frames_of(tmp_path / "r") == ["a"]


def test_nothing_is_taken_after_the_end(tmp_path: Path) -> None:
    """A feed that is late does no harm."""
    recorder = record(tmp_path / "r", ["a"])
    recorder.take("b")
    recorder.flush()
    recorder.close()
    assert frames_of(tmp_path / "r") == ["a"]


@pytest.mark.parametrize("name", NAMES)
def test_recording_the_simulator_and_replaying_it_gives_the_same_trades(
    tmp_path: Path, name: str
) -> None:
    """All of them, in the same order and with the same times of arrival."""

    async def recorded() -> FakeMarket:
        time = VirtualTime()
        market = FakeMarket()
        with Recorder(tmp_path / name, time) as recorder:
            feed = SimulatedFeed(seed=1, time=time, tap=recorder.take)
            feed.want(frozenset({"AAPL", "NVDA"}))
            task = asyncio.create_task(feed.run(market))
            await time.advance(60)
            task.cancel()
            assert recorder.frames == feed.counters.frames
        return market

    live = asyncio.run(recorded())
    replayed = FakeMarket()
    asyncio.run(ReplayFeed(tmp_path / name, 0, loop=False).run(replayed))
    assert len(live.batches) > 100
    assert replayed.batches == live.batches


@needs_recordings
def test_recording_a_replay_of_the_real_day_gives_the_day(tmp_path: Path) -> None:
    """Frame by frame, pings too."""
    path = tmp_path / "day.jsonl.gz"
    lines = list(Recording(DAY).lines())
    time = HandTime()
    with Recorder(path, time) as recorder:
        for one in lines:
            time.at_ms = one.at
            recorder.take(one.frame.encode())
    assert list(Recording(path).lines()) == lines
    assert json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])["at"] == lines[0].at
