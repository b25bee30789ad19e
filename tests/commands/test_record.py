"""``record`` and ``replay`` as a user starts them."""

import asyncio
import contextlib
import io
import math
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from photon_app.commands import record
from photon_app.errors import RecordingError
from photon_app.feed.recording.file import Recording
from photon_app.model import FeedStatus
from photon_app.settings import Settings
from tests.fakes.finnhub import PING, FakeFinnhub
from tests.fakes.process import ROOT, Process, environment, run, start
from tests.fakes.waiting import wait_for, wait_until
from tests.feed.recordings import START_MS, frame, ladder, line, write

CANARY = "canary-5c1fd2"


def frames_of(path: Path) -> list[str]:
    """What a replay of the file reads."""
    return [one.frame for one in Recording(path).lines()]


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    """The process, which is over when the block is."""
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.kill()
        process._reader.join(5)
        assert process.popen.stdout is not None
        process.popen.stdout.close()


@contextlib.asynccontextmanager
async def recorded(fake: FakeFinnhub, path: Path) -> AsyncIterator[Process]:
    """``record`` of a Finnhub that a test plays, subscribed."""
    lines = len(fake.connections)
    settings = {"FINNHUB_API_KEY": CANARY, "FINNHUB_WS_URL": fake.url, "LOG_LEVEL": "debug"}
    with running(start("record", str(path), "--symbols", "IBM", **settings)) as process:
        await fake.until(lambda: len(fake.connections) > lines, 30)
        await fake.until_subscribed({"IBM"})
        yield process


async def until_recorded(path: Path, frames: list[str]) -> None:
    """Return when the file holds these frames."""
    await wait_until(lambda: frames_of(path) == frames)


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_killed_recording_replays_and_goes_on(tmp_path: Path, name: str) -> None:
    """Everything that Finnhub sent, pings and rubbish too, and the key nowhere."""
    path = tmp_path / name
    first = [PING, frame("IBM", 1), '{"type":"news","é":"\\u2028"}', frame("IBM", 2), "rubbish"]
    more = [frame("IBM", 3), PING]

    async def scenario() -> str:
        async with FakeFinnhub() as fake:
            async with recorded(fake, path) as process:
                for text in first:
                    await fake.send(text)
                await until_recorded(path, first)
                process.kill()
                output = process.output
            async with recorded(fake, path) as process:
                for text in more:
                    await fake.send(text)
                await until_recorded(path, first + more)
                code = await asyncio.get_running_loop().run_in_executor(
                    None, process.stop, signal.SIGINT
                )
                assert code == 0
                return output + process.output

    output = asyncio.run(scenario())
    assert frames_of(path) == first + more
    assert "recording Finnhub of IBM" in output
    assert re.search(
        r"^photon: recorded: 2 frames, 1 trades, 0\.0 MB are in ", output, re.MULTILINE
    )
    assert "Traceback" not in output
    assert CANARY not in output
    assert CANARY.encode() not in path.read_bytes()


def test_without_a_key_the_simulator_is_recorded_and_named(tmp_path: Path) -> None:
    """Plainly."""
    path = tmp_path / "sim.jsonl"
    done = run("record", str(path), "--seconds", "3", PHOTON_SIM_INTERVAL_MS=50)
    assert done.returncode == 0
    assert "recording SIMULATED prices" in done.stderr
    assert done.stdout == ""
    assert len(frames_of(path)) > 3


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_full_disk_ends_it_in_one_line_and_loses_nothing(tmp_path: Path, name: str) -> None:
    """What is said to be in the recording is in it."""
    path = tmp_path / name
    limited = ["sh", "-c", 'ulimit -f 20 && exec "$@"', "sh", sys.executable, "-m", "photon_app"]
    done = subprocess.run(
        [*limited, "record", str(path)],
        cwd=ROOT,
        env=environment(PHOTON_SIM_INTERVAL_MS=1, PYTHONDONTWRITEBYTECODE=1),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"{name} cannot be written: " in done.stderr.splitlines()[-1]
    assert done.stderr.count("\n") == 2
    recorded_frames = int(re.findall(r"([\d,]+) frames", done.stderr)[-1].replace(",", ""))
    assert len(frames_of(path)) == recorded_frames > 10


@pytest.mark.parametrize("command", ["record", "replay"])
def test_a_file_that_is_no_recording_is_one_line_and_code_2(tmp_path: Path, command: str) -> None:
    """With its line and the reason, before anything starts."""
    path = tmp_path / "prices.csv"
    path.write_text("time,price\n1,2\n")
    done = run(command, str(path))
    assert done.returncode == 2
    assert re.fullmatch(r"photon: prices\.csv line 1 is not .* but .+\n", done.stderr)
    assert path.read_text() == "time,price\n1,2\n"


def test_a_replay_is_not_recorded_again(tmp_path: Path) -> None:
    """It is one."""
    path = ladder(tmp_path / "r.jsonl", 3)
    done = run("record", str(tmp_path / "copy.jsonl"), PHOTON_FEED=f"replay:{path}")
    assert done.returncode == 2
    assert "a recording already" in done.stderr
    assert not (tmp_path / "copy.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--start", "3600"], "ends before the start"),
        (["--start", "noon"], "PHOTON_REPLAY_START='noon' cannot be used: expected"),
        (["--speed", "fast"], "PHOTON_REPLAY_SPEED='fast' cannot be used: expected"),
    ],
)
def test_options_of_a_replay_that_cannot_be_used_are_one_line(
    tmp_path: Path, options: list[str], says: str
) -> None:
    """And code 2."""
    done = run("replay", str(ladder(tmp_path / "r.jsonl", 3)), *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_replay_serves_from_its_start_on(tmp_path: Path) -> None:
    """What came before is in the day's figures at once, and the rest comes at its pace."""
    frames = [(START_MS + 60_000 * n, frame("IBM", 100 + n, START_MS + n)) for n in range(10)]
    path = write(tmp_path / "day file.jsonl", [line(at, text) for at, text in frames])
    options = ["--start", "+300", "--once", "--speed", "0.001"]
    with running(start("replay", str(path), *options)) as process:
        process.wait_ready()
        assert "REPLAY of" in process.banner

        def quote() -> dict[str, float]:
            found: list[dict[str, float]] = httpx.get(f"{process.http}/api/quotes").json()["quotes"]
            return found[0] if found else {}

        wait_for(lambda: quote().get("price") == 105)
        assert quote()["day_volume"] == 600
        assert process.stop() == 0


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_counts(tmp_path: Path) -> None:
    """It is written over, and the last word stands on a line of its own."""
    screen = Terminal()
    path = tmp_path / "r.jsonl"
    settings = Settings(sim_interval_ms=1, sim_seed=1, symbols=("AAPL",))
    assert record.record(settings, path, seconds=0.1, screen=screen) == 0
    opening, counting = screen.getvalue().split("\n", 1)
    assert "SIMULATED" in opening
    assert re.match(r"\r\x1b\[2K\d+ frames, \d+ trades, 0\.0 MB · simulated\r", counting)
    assert counting.endswith(f" MB are in {path}\n")


def test_parts_are_named_in_the_last_line(tmp_path: Path) -> None:
    """How many there are."""
    screen = io.StringIO()
    settings = Settings(sim_interval_ms=1, symbols=("AAPL",))
    record.record(settings, tmp_path / "r.jsonl", seconds=0.2, max_bytes=1, keep=1, screen=screen)
    assert re.search(r"MB in \d+ parts are in", screen.getvalue())
    assert len(list(tmp_path.iterdir())) == 2
    assert math.isfinite(Recording(tmp_path / "r.jsonl").first_ms())


class FaultySink(record.StateSink):
    """A sink with a fault of ours."""

    def status(self, status: FeedStatus) -> None:
        raise ZeroDivisionError(status.state)


def test_a_fault_of_ours_ends_it_with_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, with its traceback; what was recorded is kept and counted."""
    monkeypatch.setattr(record, "StateSink", FaultySink)
    screen, path = io.StringIO(), tmp_path / "r.jsonl"
    settings = Settings(sim_interval_ms=1, symbols=("AAPL",))
    assert record.record(settings, path, seconds=30, screen=screen) == 1
    assert "ZeroDivisionError" in screen.getvalue()
    last = screen.getvalue().splitlines()[-1]
    assert last.startswith("photon: stopped, the feed failed by a fault of Photon's own; 0 frames")


def test_a_files_odd_name_drives_no_terminal(tmp_path: Path) -> None:
    """It is refused in a line that can be printed."""
    screen = io.StringIO()
    path = tmp_path / "a\x1b[2J\x9b\u202e.jsonl"
    with pytest.raises(RecordingError) as refused:
        record.record(Settings(feed="simulated"), path, seconds=0, screen=screen)
    assert r"a\x1b[2J\x9b\u202e.jsonl" in str(refused.value)
    assert str(refused.value).isprintable()
    assert screen.getvalue().replace("\n", "").isprintable()
