"""``import`` as a user starts it, and the laws of its stream."""

import contextlib
import io
import re
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import __main__ as command
from photon_app.commands import importer
from photon_app.errors import RecordingError, SettingsError
from photon_app.feed.finnhub_wire import encode_trades
from photon_app.feed.recording.file import Line
from photon_app.market.bars import LATE_MS
from photon_app.model import Bar, Trade
from photon_app.settings import Secret, Settings
from photon_app.storage import address
from photon_app.storage.archive import open_archive
from photon_app.storage.database import Database
from tests.fakes.dates import new_york
from tests.fakes.process import run
from tests.fakes.time import TickingTime
from tests.feed.recordings import START_MS, frame, ladder, line, write

MINUTE_MS = 60_000
FIRST_MS = START_MS - START_MS % MINUTE_MS


class Place:
    """A database of one test, and what imports into it print."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'photon.db'}"
        self.settings = Settings(database_url=Secret(self.url))

    def bring(self, path: Path, **options: object) -> str:
        """Import a recording; returns the one line."""
        out = io.StringIO()
        code = importer.run(self.settings, path, out=out, screen=io.StringIO(), **options)  # type: ignore[arg-type]
        assert code == 0
        return out.getvalue()

    def bars(self, source: str, symbol: str = "IBM") -> list[Bar]:
        """What is stored."""
        with open_archive(address.parse(self.url)) as archive:
            return list(archive.rows(source, symbol))

    def closes(self, source: str, symbol: str = "IBM") -> list[tuple[int, float]]:
        """The minute, counted from the first, and the close of each bar."""
        return [
            ((bar.time_ms - FIRST_MS) // MINUTE_MS, bar.close) for bar in self.bars(source, symbol)
        ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def at_minutes(path: Path, *closes: tuple[int, float], symbol: str = "IBM") -> Path:
    """A recording with one trade in each of some minutes."""
    times = [(FIRST_MS + minute * MINUTE_MS, price) for minute, price in closes]
    return write(path, [line(at, frame(symbol, price, at)) for at, price in times])


def test_one_line_says_what_was_imported(tmp_path: Path) -> None:
    """A process of its own: trades, symbols, bars, the span, the source, the database, seconds."""
    times = [START_MS + n * 1000 for n in range(120)]
    path = write(tmp_path / "day.jsonl", [line(at, frame("IBM", 180, at)) for at in times])
    done = run("import", str(path), DATABASE_URL=f"sqlite:///{tmp_path / 'photon.db'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"photon: imported 120 trades of 1 symbol as 2 bars, 2013-10-07T13:25:00Z to "
        r"2013-10-07T13:27:00Z, source replay:day\.jsonl, in sqlite:///\S+/photon\.db "
        r"\(\d+\.\d s\)\n",
        done.stdout,
    )


def test_an_import_that_is_done_again_changes_nothing(place: Place, tmp_path: Path) -> None:
    """Whatever the source."""
    path = ladder(tmp_path / "day.jsonl", 300)
    for source in ("replay:day.jsonl", "finnhub"):
        place.bring(path, source=source)
        once = place.bars(source)
        assert len(once) == 5
        place.bring(path, source=source)
        assert place.bars(source) == once


def test_bars_of_a_recording_are_replaced_whole(place: Place, tmp_path: Path) -> None:
    """The name is the file's; what another one of that name had is gone."""
    path = tmp_path / "day.jsonl"
    place.bring(at_minutes(path, (0, 10), (1, 11), (5, 12)))
    place.bring(at_minutes(path, (1, 20), (2, 21)))
    assert place.closes("replay:day.jsonl") == [(1, 20), (2, 21)]


def test_of_any_other_source_the_same_minutes_are_replaced(place: Place, tmp_path: Path) -> None:
    """And no others, nor those of other sources."""
    first = at_minutes(tmp_path / "first.jsonl", (0, 10), (1, 11), (5, 12))
    place.bring(first, source="finnhub")
    place.bring(first)
    place.bring(at_minutes(tmp_path / "second.jsonl", (1, 20), (2, 21)), source="finnhub")
    assert place.closes("finnhub") == [(0, 10), (1, 20), (2, 21), (5, 12)]
    assert place.closes("replay:first.jsonl") == [(0, 10), (1, 11), (5, 12)]
    assert place.closes("simulated") == []


@pytest.mark.parametrize("zipped", [False, True])
def test_a_torn_recording_is_imported_as_far_as_it_is_whole(
    place: Place, tmp_path: Path, zipped: bool
) -> None:
    """As a replay plays it; the line says so."""
    lines = [line(START_MS + n, frame("IBM", n + 1, START_MS + n)) for n in range(50)]
    path = write(tmp_path / "torn.jsonl", lines, zipped=zipped)
    path.write_bytes(path.read_bytes()[:-12])
    assert "; the recording is torn at its end\n" in place.bring(path)
    assert len(place.bars("replay:torn.jsonl")) == 1


def test_damage_on_the_way_leaves_what_came_before(place: Place, tmp_path: Path) -> None:
    """The line of the file, the reason, and what is stored."""
    path = tmp_path / "damaged.jsonl"
    good = [line(START_MS, frame("IBM", 7)), line(START_MS, frame("IBM", 8))]
    write(path, [*good, "rubbish\n", *good])
    with pytest.raises(
        RecordingError, match=r"line 3 is not .* before: 2 trades of 1 symbol as 1 bar,"
    ):
        place.bring(path)
    assert place.closes("replay:damaged.jsonl") == [(0, 8)]


def test_what_is_no_recording_replaces_nothing(place: Place, tmp_path: Path) -> None:
    """Nor does a file that is empty, or not there."""
    path = tmp_path / "day.jsonl"
    place.bring(at_minutes(path, (0, 10)))
    for text in ("time,price\n1,2\n", ""):
        path.write_text(text)
        with pytest.raises(RecordingError):
            place.bring(path)
    path.unlink()
    with pytest.raises(RecordingError):
        place.bring(path)
    assert place.closes("replay:day.jsonl") == [(0, 10)]


USELESS = {
    "pings": ([line(START_MS, '{"type":"ping"}')], ""),
    "zeros": ([line(START_MS, '{"type":"ping"}'), "\0" * 99], "1 line filled with zeros"),
    "rubbish": ([line(START_MS, "rubbish")] * 2, "2 frames that cannot be read"),
    "price": ([line(START_MS, frame("IBM", -1))], "1 trade with a price that cannot be"),
    "volume": (
        [line(START_MS, frame("IBM", 1, volume=-1))],
        "1 trade with a volume that cannot be",
    ),
    "time": ([line(START_MS, frame("IBM", 1, 7))] * 2, "1 trade with a time that cannot be"),
}


@pytest.mark.parametrize("source", ["replay:day.jsonl", "finnhub"])
@pytest.mark.parametrize("kind", USELESS)
def test_a_recording_without_a_usable_trade_is_an_error_and_replaces_nothing(
    place: Place, tmp_path: Path, kind: str, source: str
) -> None:
    """It says why."""
    path = at_minutes(tmp_path / "day.jsonl", (0, 10), (1, 11))
    place.bring(path, source=source)
    lines, why = USELESS[kind]
    write(path, lines)
    with pytest.raises(RecordingError, match=r"day\.jsonl has no trade that can be used: .*") as no:
        place.bring(path, source=source)
    assert why in str(no.value)
    assert place.closes(source) == [(0, 10), (1, 11)]


def test_the_command_ends_with_2_when_nothing_is_usable(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And one line on standard error."""
    path = write(tmp_path / "day.jsonl", [line(START_MS, '{"type":"ping"}')])
    monkeypatch.setenv("DATABASE_URL", place.url)
    assert command.main(["import", str(path)]) == 2
    said = capsys.readouterr()
    assert "no trade that can be used: nothing was imported" in said.err
    assert (said.err.count("\n"), said.out) == (1, "")


def test_damage_before_the_first_usable_trade_replaces_nothing(
    place: Place, tmp_path: Path
) -> None:
    """The bars of before stay, and the line says that there are no new ones."""
    path = at_minutes(tmp_path / "day.jsonl", (0, 10))
    place.bring(path)
    write(path, [line(START_MS, '{"type":"ping"}'), "rubbish\n", line(START_MS, frame("IBM", 7))])
    with pytest.raises(RecordingError, match=r"line 2 is not .* before: nothing, as it has no"):
        place.bring(path)
    assert place.closes("replay:day.jsonl") == [(0, 10)]


@pytest.mark.parametrize("zipped", [False, True])
def test_what_editors_and_power_cuts_leave_does_not_end_an_import(
    place: Place, tmp_path: Path, zipped: bool
) -> None:
    """A mark, empty lines, returns, zeros: all trades are there, and the zeros are reported."""
    times = [FIRST_MS + n * MINUTE_MS for n in range(3)]
    first, second, third = (line(at, frame("IBM", 7, at)) for at in times)
    second = second.replace("\n", " \r\n")
    text = ["\ufeff", first, "\r\n", "  \n", second, "\0" * 99, third, "\0" * 9]
    path = write(tmp_path / "day.jsonl", text, zipped=zipped)
    assert place.bring(path).endswith(" s); left out: 2 lines filled with zeros\n")
    assert place.closes("replay:day.jsonl") == [(0, 7), (1, 7), (2, 7)]


def test_what_counts_in_no_bar_is_counted(place: Place, tmp_path: Path) -> None:
    """An outlier, a price that cannot be, a trade that is too late, a symbol beyond the bound."""
    times = [START_MS + LATE_MS + 2000 + n for n in range(4)]
    frames = [
        frame("IBM", 100, times[0]),
        frame("IBM", 300, times[1]),
        frame("IBM", -1, times[2]),
        frame("IBM", 100, START_MS),
        frame("BAC", 14, times[3]),
        frame("IBM", 101, times[3]),
    ]
    path = write(tmp_path / "day.jsonl", [line(times[3], text) for text in frames])
    place.settings = Settings(database_url=Secret(place.url), max_symbols_total=1)
    said = place.bring(path)
    assert "imported 2 trades of 1 symbol (4 more are in no bar) as 1 bar," in said
    assert said.endswith(
        "; left out: 1 trade too late for a bar, 1 trade far from the market's "
        "price, 1 trade with a price that cannot be, 1 trade of symbols beyond "
        "PHOTON_MAX_SYMBOLS_TOTAL\n"
    )
    assert place.bars("replay:day.jsonl", "BAC") == []


def test_trades_outside_the_sessions_make_no_bar(place: Place, tmp_path: Path) -> None:
    """As when a feed brings them: of stocks those of nights and weekends, of crypto none."""
    times = [new_york(2013, 10, 11, 15), *(new_york(2013, 10, 11 + days, 22) for days in range(3))]
    path = write(
        tmp_path / "day.jsonl",
        [line(at, frame(symbol, 100, at)) for at in times for symbol in ("IBM", "BINANCE:X")],
    )
    assert place.bring(path).endswith("; left out: 3 trades outside the sessions of their market\n")
    source = "replay:day.jsonl"
    assert [bar.open_ms for bar in place.bars(source)] == times[:1]
    assert [bar.open_ms for bar in place.bars(source, "BINANCE:X")] == times


def test_a_frame_that_comes_twice_counts_once(place: Place, tmp_path: Path) -> None:
    """As everywhere."""
    text = frame("IBM", 7)
    path = write(tmp_path / "day.jsonl", [line(START_MS, text), line(START_MS + 1, text)])
    place.bring(path)
    assert [bar.count for bar in place.bars("replay:day.jsonl")] == [1]


@pytest.mark.parametrize("source", ["forgotten:1", "replay:", "Finnhub", ""])
def test_a_source_that_cannot_be_is_refused(place: Place, tmp_path: Path, source: str) -> None:
    """Before anything is opened."""
    path = ladder(tmp_path / "day.jsonl", 3)
    with pytest.raises(SettingsError, match="expected finnhub, simulated, or replay:NAME"):
        place.bring(path, source=source)
    assert not (tmp_path / "photon.db").exists()


def test_without_a_database_nothing_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear sentence and code 2; likewise where there is no folder for it."""
    path = ladder(tmp_path / "day.jsonl", 3)
    for url, says in (("none", "DATABASE_URL=none"), (f"sqlite:///{tmp_path}/no/p.db", "folder")):
        monkeypatch.setenv("DATABASE_URL", url)
        assert command.main(["import", str(path)]) == 2
        said = capsys.readouterr()
        assert says in said.err
        assert (said.err.count("\n"), said.out) == (1, "")


def test_what_a_photon_writes_cannot_be_imported(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence and code 2, and what is stored stays; other sources can be."""
    path = at_minutes(tmp_path / "day.jsonl", (0, 10))
    place.bring(path)
    place.bring(path, source="finnhub")
    at_minutes(path, (0, 20))
    monkeypatch.setenv("DATABASE_URL", place.url)
    with contextlib.closing(Database(address.parse(place.url))) as photon:
        photon.open()
        for source, option in (("replay:day.jsonl", []), ("finnhub", ["--source", "finnhub"])):
            photon.claim(source)
            assert command.main(["import", str(path), *option]) == 2
            said = capsys.readouterr()
            assert "another Photon writes here: end it, or give one of the two a " in said.err
            assert f"(source {source})" in said.err
            assert (said.err.count("\n"), said.out) == (1, "")
            assert place.closes(source) == [(0, 10)]
        place.bring(path, source="simulated")
    place.bring(path)
    assert place.closes("replay:day.jsonl") == [(0, 20)]


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_counts_and_goes(place: Place, tmp_path: Path) -> None:
    """It is written over, and nothing of it stays."""
    screen, out = Terminal(), io.StringIO()
    path = ladder(tmp_path / "day.jsonl", 600)
    importer.run(place.settings, path, out=out, screen=screen, time=TickingTime())
    assert re.match(r"\r\x1b\[2K1 trades, 0 bars, 2013-10-07T13:25:00Z\r", screen.getvalue())
    assert screen.getvalue().endswith("\r\x1b[2K")
    assert out.getvalue().count("\n") == 1


class Interrupting(Terminal):
    """A screen where Ctrl-C is pressed when it first shows something."""

    pressed = False

    def write(self, text: str, /) -> int:
        if not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_a_signal_keeps_what_came_before(place: Place, tmp_path: Path) -> None:
    """The line says that it is not all, and so does the exit code."""
    out = io.StringIO()
    path = ladder(tmp_path / "day.jsonl", 600)
    code = importer.run(
        place.settings,
        path,
        out=out,
        screen=Interrupting(),
        time=TickingTime(),
    )
    assert code == 1
    assert "photon: stopped by a signal, imported 1 trade of 1 symbol as 1 bar," in out.getvalue()
    assert place.closes("replay:day.jsonl") == [(0, 1)]


class FakeArchive:
    """What was written, and nothing else."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Bar] = {}
        self.largest = 0

    def write(self, source: str, symbol: str, bars: Iterable[Bar]) -> int:
        """Keep the bars in place of those of the same minutes."""
        del source
        written = list(bars)
        self.largest = max(self.largest, len(written))
        self.rows |= {(symbol, bar.time_ms): bar for bar in written}
        return len(written)


def fold(trades: Iterable[Trade], archive: FakeArchive) -> importer.Import:
    """Import trades, each in a frame of its own."""
    done = importer.Import(archive, "test", 100)  # type: ignore[arg-type]
    for at, trade in enumerate(trades):
        done.take(Line(at=START_MS + at * 20_000, frame=encode_trades([trade])))
    done.write()
    return done


steps = st.integers(-LATE_MS - 60_000, 3 * LATE_MS)
walks = st.lists(st.tuples(st.sampled_from(["IBM", "BAC"]), steps, st.integers(90, 110)))


@given(walks, st.integers(1, 5))
def test_batches_change_nothing(walk: list[tuple[str, int, int]], size: int) -> None:
    """However small, and however late trades are; each minute is counted once."""
    trades, now_ms = [], FIRST_MS
    for symbol, step_ms, price in walk:
        trades.append(Trade(symbol, price, 100, now_ms + step_ms))
        now_ms = max(now_ms, now_ms + step_ms)
    whole, parts = FakeArchive(), FakeArchive()
    fold(trades, whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "BATCH_TRADES", size)
        done = fold(trades, parts)
    assert parts.rows == whole.rows
    assert done._tally.bars == len(whole.rows)
    if whole.rows:
        times = [at for _, at in whole.rows]
        assert (done._tally.first_ms, done._tally.end_ms) == (min(times), max(times) + MINUTE_MS)


odd = st.builds(
    Trade,
    symbol=st.sampled_from(["IBM", "BAC", *"CDE"]),
    price=st.sampled_from([-1.0, 0.0, 1.0, 100.0, 101.0, 300.0]),
    volume=st.sampled_from([-1.0, 0.0, 100.0]),
    time_ms=st.sampled_from([7, *(FIRST_MS + n * LATE_MS for n in (-2000, -3, 0, 1, 5, 900))]),
    conditions=st.sampled_from([(), ("1",), ("3",), ("9",), ("12", "37"), ("38",)]),
)


@given(st.lists(odd, max_size=30))
def test_every_trade_is_in_a_bar_or_among_those_left_out(trades: list[Trade]) -> None:
    """Each once, of every kind."""
    done = importer.Import(FakeArchive(), "test", 3)  # type: ignore[arg-type]
    for at, trade in enumerate(trades):
        done.take(Line(at=START_MS + at, frame=encode_trades([trade])))
    done.write()
    duplicates = done._intake.counters.duplicates
    left_out = [loss.split() for loss in done.losses()]
    told = sum(int(number) for number, what, *_ in left_out if what.startswith("trade"))
    assert told + done.counted + duplicates == len(trades)


def test_memory_is_bounded_whatever_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of minutes leaves a day of them in memory, and every one on disk."""
    monkeypatch.setattr(importer, "BATCH_TRADES", 500)
    archive, minutes = FakeArchive(), 10_000
    trades = (Trade("BINANCE:X", 100, 1, FIRST_MS + n * MINUTE_MS) for n in range(minutes))
    done = fold(trades, archive)
    assert len(archive.rows) == minutes
    assert archive.largest <= 501
    assert len(done._market.bars.between("BINANCE:X", "1m")) < 2_200
    assert len(done._tally._recent["BINANCE:X"]) < 10
