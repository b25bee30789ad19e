"""``export`` as a user starts it, and the laws of its stream."""

import csv
import datetime as dt
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import __main__ as command
from photon_app.calendar.calendar import NEW_YORK, Calendar
from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import span_at
from photon_app.commands import exporter
from photon_app.errors import CalendarError, SettingsError, StorageError
from photon_app.gateway import bars as api
from photon_app.market.merge import merge_all
from photon_app.model import Bar, Timeframe
from photon_app.settings import Secret, Settings
from photon_app.storage import address
from photon_app.storage.archive import open_archive
from photon_app.storage.database import SeriesInfo
from photon_app.timestamps import parse_moment, shown_utc
from tests.fakes.process import ROOT, environment
from tests.fakes.time import HandTime
from tests.feed import recordings
from tests.feed.recording.test_file import not_a_file

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
NOON_MS = 1_795_194_000_000
"""2026-11-20 12:00 in New York, a Friday in regular hours."""
EARLY = dt.datetime(2026, 11, 27, 12, 0, tzinfo=NEW_YORK)
"""An hour before the exchange closes, the day after Thanksgiving."""


def bar(minute: int, close: float = 10.5, *, start_ms: int = NOON_MS) -> Bar:
    """One minute, counted from noon."""
    time_ms = start_ms + minute * MINUTE_MS
    return Bar(
        time_ms=time_ms,
        open=10.25,
        high=12.0,
        low=9.75,
        close=close,
        volume=100.0,
        turnover=1000.0,
        count=3,
        open_ms=time_ms + 17,
        close_ms=time_ms + 59_000,
    )


class Place:
    """A database of one test."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'photon.db'}"
        self.settings = Settings(database_url=Secret(self.url))

    def put(self, source: str, symbol: str, *bars: Bar) -> None:
        """Store some bars."""
        with open_archive(address.parse(self.url)) as archive:
            archive.write(source, symbol, bars)

    def text(self, symbol: str = "AAPL", timeframe: str = "1m", **options: object) -> str:
        """What is exported."""
        out = io.BytesIO()
        given: dict[str, object] = {"days": lambda *_: Calendar(), "out": out, **options}
        code = exporter.run(self.settings, symbol=symbol, timeframe=timeframe, **given)  # type: ignore[arg-type]
        assert code == 0
        return out.getvalue().decode()

    def rows(
        self, symbol: str = "AAPL", timeframe: str = "1m", **options: object
    ) -> list[dict[str, str]]:
        """The lines, by column."""
        return list(csv.DictReader(io.StringIO(self.text(symbol, timeframe, **options))))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_line_has_the_columns_of_the_api_and_the_time_as_text(place: Place) -> None:
    """Figures as they are stored, to the last digit."""
    assert (*api.COLUMNS, "utc") == exporter.COLUMNS
    odd = bar(0, 0.1 + 0.2)
    place.put("finnhub", "AAPL", odd)
    assert place.text(time=HandTime(at_ms=NOON_MS + HOUR_MS)) == (
        "time,open,high,low,close,volume,count,vwap,final,incomplete,utc\n"
        "1795194000000,10.2500,12.0000,9.7500,0.30000000000000004,100,3,10.0000,true,false,2026-11-20T17:00:00Z\n"
    )


@pytest.mark.parametrize(
    ("symbol", "price", "text"),
    [
        ("OANDA:EUR_USD", 1.085, "1.08500"),
        ("OANDA:USD_JPY", 149.2, "149.200"),
        ("BINANCE:SHIBUSDT", 0.00000871, "0.000008710"),
        ("BRK.A", 712345.0, "712345.00"),
    ],
)
def test_prices_have_the_decimals_of_their_symbol_and_volumes_no_noise(
    place: Place, symbol: str, price: float, text: str
) -> None:
    """And no exponent."""
    told = Bar(NOON_MS, price, price, price, price, 0.1 + 0.2, price * 0.3, 2, NOON_MS, NOON_MS)
    place.put("finnhub", symbol, told)
    (row,) = place.rows(symbol)
    assert {row[name] for name in ("open", "high", "low", "close", "vwap")} == {text}
    assert row["volume"] == "0.3"


def test_a_bar_without_volume_has_no_average(place: Place) -> None:
    """The field is empty, as in the API's CSV."""
    time_ms = NOON_MS
    place.put("finnhub", "AAPL", Bar(time_ms, 1, 1, 1, 1, 0, 0, 0, time_ms, time_ms))
    assert [row["vwap"] for row in place.rows()] == [""]


def test_a_bar_of_a_live_source_is_final_when_it_is_over(place: Place) -> None:
    """2 s after its end, by the wall clock; those of a replay always are."""
    for source in ("finnhub", "simulated", "replay:day"):
        place.put(source, source.upper(), bar(0), bar(1))
    now_ms = NOON_MS + MINUTE_MS + 1_999
    for source, final in (("finnhub", "false"), ("simulated", "false"), ("replay:day", "true")):
        found = place.rows(source.upper(), time=HandTime(at_ms=now_ms))
        assert [row["final"] for row in found] == [final, final]
        found = place.rows(source.upper(), time=HandTime(at_ms=now_ms + 1))
        assert [row["final"] for row in found] == ["true", final]


class FakeArchive:
    """Minutes in memory."""

    def __init__(self, minutes: list[Bar]) -> None:
        self.minutes = minutes
        self.read = 0

    def rows(self, source: str, symbol: str, from_ms: int, to_ms: int) -> Iterator[Bar]:
        """One after the other."""
        del source, symbol
        for one in self.minutes:
            if from_ms <= one.time_ms < to_ms:
                self.read += 1
                yield one


def series_of(minutes: list[Bar]) -> SeriesInfo:
    times = [one.time_ms for one in minutes] or [0]
    return SeriesInfo("test", "AAPL", min(times), max(times), len(minutes))


def stream(
    archive: FakeArchive, timeframe: Timeframe, from_ms: int = 0, to_ms: int = 1 << 62
) -> Iterator[tuple[Span, Bar]]:
    return exporter.bars(
        archive,  # type: ignore[arg-type]
        series_of(archive.minutes),
        timeframe,
        from_ms=from_ms,
        to_ms=to_ms,
        calendar=Calendar(),
    )


some_minutes = st.sets(st.integers(0, 4000), max_size=60).map(
    lambda found: [bar(minute, 10 + minute % 7 / 4) for minute in sorted(found)]
)
timeframes = st.sampled_from(exporter.STORED)
offsets = st.integers(-60, 4100).map(lambda minute: NOON_MS + minute * MINUTE_MS + minute % 3)


@given(some_minutes, timeframes)
def test_longer_bars_are_the_merged_minutes_of_their_spans(
    minutes: list[Bar], timeframe: Timeframe
) -> None:
    """Each span that has a minute has a bar, in order."""
    spans: dict[Span, list[Bar]] = {}
    for minute in minutes:
        span = span_at(timeframe, "AAPL", minute.time_ms, Calendar())
        spans.setdefault(span, []).append(minute)
    expected = [(span, merge_all(those, span.start_ms)) for span, those in spans.items()]
    assert list(stream(FakeArchive(minutes), timeframe)) == expected


@given(some_minutes, timeframes, offsets, offsets)
def test_a_range_has_the_bars_that_begin_in_it(
    minutes: list[Bar], timeframe: Timeframe, from_ms: int, to_ms: int
) -> None:
    """Whole ones, as they are without a range; the end is not in it."""
    archive = FakeArchive(minutes)
    every = list(stream(archive, timeframe))
    expected = [(span, one) for span, one in every if from_ms <= span.start_ms < to_ms]
    assert list(stream(archive, timeframe, from_ms, to_ms)) == expected
    before = [(span, one) for span, one in every if span.start_ms < to_ms]
    assert list(stream(archive, timeframe, 0, to_ms)) == before
    after = [(span, one) for span, one in every if from_ms <= span.start_ms]
    assert list(stream(archive, timeframe, from_ms)) == after


def test_a_bar_is_written_as_soon_as_its_last_minute_was_read() -> None:
    """A year is never in memory."""
    archive = FakeArchive([bar(minute) for minute in range(1000)])
    found = stream(archive, "5m")
    for number in range(1, 5):
        next(found)
        assert archive.read == number * 5 + 1


def test_a_range_is_given_as_to_the_api(place: Place) -> None:
    """UNIX ms, or ISO 8601 with a zone or in UTC."""
    place.put("finnhub", "AAPL", *(bar(minute) for minute in range(5)))
    times = [NOON_MS + minute * MINUTE_MS for minute in (1, 2)]
    for from_, to in (
        (str(times[0]), str(times[1] + 1)),
        ("2026-11-20T17:01:00Z", "2026-11-20T12:03:00-05:00"),
        ("2026-11-20 17:01", "2026-11-20T17:02:00.001"),
    ):
        assert [int(row["time"]) for row in place.rows(from_=from_, to=to)] == times


@given(st.integers(10**11, 253_402_300_799_999))
def test_a_moment_is_read_as_it_is_written(time_ms: int) -> None:
    """In either form, to the second in the one."""
    assert parse_moment(str(time_ms)) == time_ms
    assert parse_moment(shown_utc(time_ms)) == time_ms - time_ms % 1000


@pytest.mark.parametrize(
    "text", ["noon", "-1", "1e9", "", "253402300800000", "1795194000", "20261120", "2026-13-01"]
)
def test_a_moment_that_cannot_be_read_is_refused(place: Place, text: str) -> None:
    """With the option and what is expected."""
    place.put("finnhub", "AAPL", bar(0))
    with pytest.raises(SettingsError, match=r"^--to=.* expected UNIX milliseconds such as"):
        place.rows(to=text)


def test_an_empty_range_has_its_columns(place: Place) -> None:
    """And nothing else."""
    place.put("finnhub", "AAPL", bar(0))
    assert place.text(from_=str(NOON_MS + 1)) == ",".join(exporter.COLUMNS) + "\n"


def test_the_source_may_be_left_out_where_there_is_one(place: Place) -> None:
    """Else the existing ones are listed."""
    place.put("simulated", "AAPL", bar(0, 1))
    assert [row["close"] for row in place.rows("aapl")] == ["1.000"]
    place.put("finnhub", "AAPL", bar(0, 2))
    with pytest.raises(SettingsError, match="--source is needed: AAPL has bars of finnhub, simul"):
        place.rows("aapl")
    assert [row["close"] for row in place.rows(source="finnhub")] == ["2.000"]


def test_an_export_right_after_an_import_works_or_says_what_to_add(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """What it says can be pasted."""
    trade = recordings.frame("AAPL", 7, NOON_MS)
    path = recordings.write(tmp_path / "my day.jsonl", [recordings.line(NOON_MS, trade)])
    monkeypatch.setenv("DATABASE_URL", place.url)
    export = ["export", "--symbol", "AAPL"]
    assert command.main(["import", str(path)]) == 0
    capfdbinary.readouterr()
    assert command.main(export) == 0
    once = capfdbinary.readouterr().out
    assert b",7.000," in once
    place.put("simulated", "AAPL", bar(0))
    assert command.main(export) == 2
    said = capfdbinary.readouterr().err.decode()
    assert "has bars of replay:my day.jsonl, simulated; add one" in said
    assert command.main([*export, *shlex.split(said.partition("such as ")[2])]) == 0
    assert capfdbinary.readouterr().out == once


def test_what_is_not_stored_is_refused_with_what_is(place: Place) -> None:
    """Symbols and sources, ten of them at most."""
    for number in range(12):
        place.put("finnhub", f"S{number:02}", bar(0))
    place.put("simulated", "AAPL", bar(0))
    ten = ", ".join(f"S{number:02}" for number in range(10))
    with pytest.raises(SettingsError, match=rf"^--symbol='AAPL' .* has bars: {ten} and 2 more$"):
        place.rows(source="finnhub")
    with pytest.raises(SettingsError, match=r"^--source='replay:x' .*: finnhub, simulated$"):
        place.rows(source="replay:x")


def test_where_nothing_is_stored_nothing_is_made(place: Place, tmp_path: Path) -> None:
    """No file, no line of columns."""
    with pytest.raises(StorageError, match=r"photon\.db does not exist"):
        place.rows()
    assert list(tmp_path.iterdir()) == []
    place.put("finnhub", "AAPL")
    with pytest.raises(SettingsError, match=r"no bars are stored yet .*GET /api/bars"):
        place.rows()
    place.settings = Settings(database_url=None)
    with pytest.raises(SettingsError, match="DATABASE_URL=none"):
        place.rows()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--timeframe", "1s"], "--timeframe='1s' cannot be used: expected one of 1m, 5m"),
        (["--from", "noon"], "--from='noon' cannot be used"),
        (["-o", "/dev/full"], "-o /dev/full cannot be written (No space left on device)"),
        (["-o", "/no/such/file"], "-o /no/such/file cannot be written (No such file or dir"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_2(
    place: Place,
    options: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As of every command."""
    place.put("finnhub", "AAPL", bar(0))
    monkeypatch.setenv("DATABASE_URL", place.url)
    assert command.main(["export", "--symbol", "AAPL", *options]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"photon: {says}")
    assert (said.err.count("\n"), said.out) == (1, "")


def test_a_reader_that_has_enough_ends_it_quietly(place: Place) -> None:
    """As ``| head`` does; a process of its own."""
    place.put("finnhub", "AAPL", *(bar(minute) for minute in range(5000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "photon_app", "export", "--symbol", "AAPL"],
        cwd=ROOT,
        env=environment(DATABASE_URL=place.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"time,open")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 0


def test_a_standard_output_that_is_closed_fails_it(place: Place) -> None:
    """Nothing is exported into nowhere as if all were well."""
    place.put("finnhub", "AAPL", bar(0))
    command_line = [sys.executable, "-m", "photon_app", "export", "--symbol", "AAPL"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command_line],
        cwd=ROOT,
        env=environment(DATABASE_URL=place.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = "photon: the output cannot be written (standard output is closed)\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_file_is_there_when_it_is_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was there stays as it was, and nothing half is left."""
    place.put("finnhub", "AAPL", *(bar(minute) for minute in range(3)))
    path = tmp_path / "aapl.csv"
    path.write_text("old")

    def fails(*_: object) -> Iterator[tuple[Span, Bar]]:
        yield Span(0, 1), bar(0)
        raise StorageError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(exporter, "by_span", fails)
        with pytest.raises(StorageError):
            place.text(path=path)
    assert path.read_text() == "old"
    assert place.text(path=path) == ""
    assert path.read_text() == place.text()
    assert {one.name for one in tmp_path.iterdir()} <= {
        *("aapl.csv", "photon.db", "photon.db-wal", "photon.db-shm")
    }


def test_a_link_where_it_is_written_meanwhile_is_not_followed(place: Place, tmp_path: Path) -> None:
    """What it leads to stays as it is."""
    place.put("finnhub", "AAPL", bar(0))
    victim, path = tmp_path / "victim", tmp_path / "x.csv"
    victim.write_text("precious")
    (tmp_path / "x.csv.part").symlink_to(victim)
    assert exporter.run(place.settings, symbol="AAPL", path=path) == 0
    assert victim.read_text() == "precious"
    assert path.read_text() == place.text()
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert {found.name for found in tmp_path.iterdir()} == {"victim", "x.csv", "photon.db"}


def umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a socket", "a name with ESC"])
def test_what_cannot_be_written_into_is_one_line(place: Place, tmp_path: Path, kind: str) -> None:
    """A pipe without a reader is not waited for, and nothing is made."""
    place.put("finnhub", "AAPL", bar(0))
    path = tmp_path / "\x1b[2J\n.csv" if "ESC" in kind else not_a_file(tmp_path, kind)
    before = set(tmp_path.iterdir())
    with pytest.raises(SettingsError) as refused:
        exporter.run(place.settings, symbol="AAPL", path=path)
    assert str(refused.value).isprintable()
    assert set(tmp_path.iterdir()) == before


def test_a_pipe_that_is_read_is_written_into(place: Place, tmp_path: Path) -> None:
    """As before."""
    place.put("finnhub", "AAPL", bar(0))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        while True:
            try:
                assert exporter.run(place.settings, symbol="AAPL", path=pipe) == 0
                break
            except SettingsError:
                assert reader.poll() is None
        assert reader.stdout is not None
        assert reader.stdout.read().decode() == place.text()


def test_hours_follow_the_exchanges_own_days(place: Place) -> None:
    """Where it closes early, its late session begins a new hour: the real calendar is asked."""
    start_ms = round(EARLY.timestamp() * 1000)
    place.put("finnhub", "AAPL", *(bar(minute, start_ms=start_ms) for minute in range(120)))
    spans = [(int(row["time"]) - start_ms) // MINUTE_MS for row in place.rows(timeframe="1h")]
    assert spans == [-30, 30, 60]  # by the days that are shipped
    real = place.rows(timeframe="1h", days=exporter.exchange_days)
    assert [(int(row["time"]) - start_ms) // MINUTE_MS for row in real] == [-30, 30, 60]


def test_without_a_calendar_hours_are_those_of_ordinary_days(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a line says so."""

    async def fails(first: dt.date, last: dt.date) -> None:
        raise CalendarError(f"no table of {first} to {last}")

    monkeypatch.setattr(exporter, "fetch_table", fails)
    assert exporter.exchange_days(NOON_MS, NOON_MS).last is None
    said = capsys.readouterr().err
    assert "every weekday counts as an ordinary day" in said
    assert said.count("\n") == 1


def test_parquet_without_its_library_says_how_to_get_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, before the database is opened."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-parquet\.txt$"):
        place.text(format="parquet")
    pins = (ROOT / "requirements-parquet.txt").read_text()
    assert "\npyarrow==" in pins


def test_parquet_has_the_rows_of_the_csv(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is installed; in groups of bounded size."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="requirements-parquet.txt")
    place.put("finnhub", "AAPL", *(bar(minute) for minute in range(25)))
    monkeypatch.setattr(exporter, "_ROW_GROUP", 10)
    out = io.BytesIO()
    place.text(format="parquet", out=out)
    file = parquet.ParquetFile(io.BytesIO(out.getvalue()))
    assert file.num_row_groups == 3
    found = file.read().to_pylist()
    for row, line in zip(found, place.rows(), strict=True):
        assert int(row["utc"].timestamp() * 1000) == row["time"] == int(line["time"])
        names = ("open", "high", "low", "close", "volume", "count", "vwap")
        assert [str(row[name]) for name in names] == [line[name] for name in names]
        assert str(row["final"]).lower() == line["final"]
