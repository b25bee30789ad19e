"""``python -m photon_app export``: stored bars of one symbol, as CSV or Parquet.

Called by the command line only, in the main thread. It reads minutes from the database in order of
time and writes each longer bar when its last minute was read, so that one page of minutes is in
memory, whatever the range. Columns and figures are those of ``GET /api/bars``, followed by the time
as text. A file appears under its name when it is complete. When the reader of a pipe has gone, the
export ends quietly. It writes nothing to the database but the version of its tables.
"""

import asyncio
import contextlib
import csv
import datetime as dt
import functools
import io
import itertools
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from photon_app import printing
from photon_app.calendar.calendar import Calendar, new_york_date
from photon_app.calendar.loader import fetch_table
from photon_app.calendar.session import Span, venue_of
from photon_app.calendar.timeframes import NEVER_MS, span_at
from photon_app.clock import SYSTEM, Time
from photon_app.errors import CalendarError, SettingsError, StorageError
from photon_app.hub.messages import BarBody
from photon_app.market.bars import GRACE_MS
from photon_app.market.digits import decimals_of
from photon_app.market.merge import by_span
from photon_app.model import TIMEFRAMES, Bar, Timeframe
from photon_app.settings import Settings
from photon_app.storage import address
from photon_app.storage.address import Address
from photon_app.storage.archive import Archive, open_archive
from photon_app.storage.database import SeriesInfo
from photon_app.timestamps import parse_moment, shown_utc

STORED: tuple[Timeframe, ...] = tuple(name for name in TIMEFRAMES if name != "1s")
COLUMNS = (
    *("time", "open", "high", "low", "close", "volume", "count", "vwap", "final"),
    *("incomplete", "utc"),
)
_ROW_GROUP = 50_000
_SAMPLE_ROWS = 64
_MOST_NAMES = 10
_CLOSED_DAYS = dt.timedelta(days=14)
"""Longer than the exchange has ever been closed."""

Format = Literal["csv", "parquet"]
Row: TypeAlias = tuple[int, float, float, float, float, float, int, float | None, bool, bool, str]
"""The values of ``COLUMNS``."""
Days = Callable[[int, int], Calendar]
"""Returns the exchange's days from one time to another."""


def run(
    settings: Settings,
    *,
    symbol: str,
    timeframe: str = "1m",
    source: str | None = None,
    from_: str | None = None,
    to: str | None = None,
    format: Format = "csv",  # noqa: A002 - its name on the command line
    path: Path | None = None,
    out: BinaryIO | None = None,
    time: Time = SYSTEM,
    days: Days | None = None,
) -> int:
    """Export the bars of one symbol; returns the exit code.

    Args:
        settings: the database is taken from them.
        symbol: such as AAPL.
        timeframe: how long a bar is.
        source: the source of the bars; may be left out where only one has the symbol.
        from_: only bars that begin at this time or later, as text.
        to: only bars that begin before this time, as text.
        format: the output format.
        path: the file; the standard output when not given.
        out: the standard output.
        time: the clock of this process; its wall clock says which bars are final.
        days: looks up the exchange's days.

    Raises:
        SettingsError: an option cannot be used, or the output cannot be written.
        StorageError: the database cannot be used.
    """
    step = _one_of("--timeframe", timeframe, STORED)
    first_ms = 0 if from_ is None else _moment("--from", from_)
    end_ms = NEVER_MS if to is None else _moment("--to", to)
    to_parquet = parquet_writer() if format == "parquet" else None
    with open_archive(_existing(settings)) as archive:
        series = chosen(archive.series(), symbol, source)
        calendar = Calendar()
        if step == "1h" and venue_of(series.symbol) == "us":
            calendar = (days or exchange_days)(
                max(first_ms, series.first_ms), min(end_ms, series.last_ms)
            )
        found = bars(archive, series, step, from_ms=first_ms, to_ms=end_ms, calendar=calendar)
        final_ms = NEVER_MS if series.source.startswith("replay:") else time.now_ms() - GRACE_MS
        rows = (row_of(span, bar, final_ms) for span, bar in found)
        write = to_parquet or functools.partial(write_csv, symbol=series.symbol)
        return _write_all(write, rows, path, out)


def chosen(known: Sequence[SeriesInfo], symbol: str, source: str | None) -> SeriesInfo:
    """The series of a symbol.

    Raises:
        SettingsError: there is none, or more than one; the sentence lists those that exist.
    """
    if not known:
        raise SettingsError(
            "there is nothing to export: no bars are stored yet (what a simulator made up never "
            "is: GET /api/bars has it)"
        )
    sources = sorted({series.source for series in known})
    if source is not None and source not in sources:
        raise _refused("--source", source, f"one that has bars: {_listed(sources)}")
    known = [series for series in known if source in {None, series.source}]
    names = {series.symbol for series in known}
    name = symbol if symbol in names else symbol.upper()
    found = [series for series in known if series.symbol == name]
    if not found:
        raise _refused("--symbol", symbol, f"one that has bars: {_listed(sorted(names))}")
    if len(found) > 1:
        theirs = sorted(series.source for series in found)
        raise SettingsError(
            f"--source is needed: {name} has bars of {_listed(theirs)}; add one of them, such as "
            f"--source {shlex.quote(theirs[0])}"
        )
    return found[0]


def bars(
    archive: Archive,
    series: SeriesInfo,
    timeframe: Timeframe,
    *,
    from_ms: int,
    to_ms: int,
    calendar: Calendar,
) -> Iterator[tuple[Span, Bar]]:
    """The bars that begin in a half-open range, the oldest first, each with its span."""

    def span(time_ms: int) -> Span:
        return span_at(timeframe, series.symbol, time_ms, calendar)

    first_ms, end_ms = max(from_ms, 0), min(to_ms, series.last_ms + 1)
    if first_ms and (cut := span(first_ms)).start_ms < first_ms:
        first_ms = cut.end_ms
    if end_ms <= first_ms:
        return iter(())
    # The last bar begins in the range, and is exported whole.
    minutes = archive.rows(series.source, series.symbol, first_ms, span(end_ms - 1).end_ms)
    return by_span(minutes, span)


def row_of(span: Span, bar: Bar, final_ms: int) -> Row:
    """A bar as ``COLUMNS``; final when its span ends at ``final_ms`` or before."""
    body = BarBody.of(bar, final=span.end_ms <= final_ms)
    return (
        *(body.time, body.open, body.high, body.low, body.close, body.volume, body.count),
        *(body.vwap, bool(body.final), body.incomplete, shown_utc(body.time)),
    )


def exchange_days(from_ms: int, to_ms: int) -> Calendar:
    """The exchange's days, computed in a child process within a second or two.

    When that fails, every weekday is an ordinary day, and a line on standard error says so.
    """
    first, last = new_york_date(from_ms) - _CLOSED_DAYS, new_york_date(to_ms) + _CLOSED_DAYS
    try:
        return Calendar(asyncio.run(fetch_table(first, last)))
    except CalendarError as error:
        printing.complain(
            f"photon: every weekday counts as an ordinary day of the exchange: {error}"
        )
        return Calendar()


# Writing


def write_csv(rows: Iterable[Row], out: BinaryIO, *, symbol: str) -> None:
    """Write a header line and one line for each row.

    Prices have the decimals of their symbol, as found in the first ``_SAMPLE_ROWS`` rows.
    """
    rows = iter(rows)
    first = list(itertools.islice(rows, _SAMPLE_ROWS))
    decimals = decimals_of(symbol, (close for _, _, _, _, close, *_ in first))
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in itertools.chain(first, rows):
            *_, final, incomplete, utc = row
            flags = ["true" if flag else "false" for flag in (final, incomplete)]
            writer.writerow([row[0], *BarBody(*row[:8]).written(decimals), *flags, utc])
    finally:
        text.detach()  # flushes, and leaves the file open


def parquet_writer() -> Callable[[Iterable[Row], BinaryIO], None]:
    """A function that writes Parquet with the columns of the CSV, ``utc`` as a timestamp.

    Raises:
        SettingsError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to load
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise SettingsError(
            "--format=parquet needs pyarrow: .venv/bin/pip install -r requirements-parquet.txt"
        ) from None
    utc = pa.timestamp("ms", tz="UTC")
    kinds = [pa.int64(), *[pa.float64()] * 5, pa.int64(), pa.float64(), pa.bool_(), pa.bool_(), utc]
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))

    def write(rows: Iterable[Row], out: BinaryIO) -> None:
        rows = iter(rows)
        with parquet.ParquetWriter(out, schema) as writer:
            while group := list(itertools.islice(rows, _ROW_GROUP)):
                columns = list(zip(*group, strict=True))
                columns[-1] = columns[0]
                arrays = [pa.array(c, k) for c, k in zip(columns, kinds, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    return write


def _write_all(
    write: Callable[[Iterable[Row], BinaryIO], None],
    rows: Iterable[Row],
    path: Path | None,
    out: BinaryIO | None,
) -> int:
    try:
        if path is not None:
            with _file(path) as file:
                write(rows, file)
        else:
            if out is None and sys.stdout is None:
                raise SettingsError("the output cannot be written (standard output is closed)")
            out = out or sys.stdout.buffer
            write(rows, out)
            out.flush()
    except BrokenPipeError:
        _silence_stdout()
    except OSError as error:
        shown = "the output" if path is None else f"-o {path}"
        raise SettingsError(f"{shown} cannot be written ({error.strerror})") from None
    return 0


@contextlib.contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    """A file that is replaced when the new one is complete, and unchanged otherwise.

    Whatever has the name of the temporary file is removed and never written through: it may be a
    link to somewhere else.
    """
    if not str(path).isprintable():
        raise _refused("-o", str(path), "a path of printable characters")
    if path.exists() and not path.is_file():  # a pipe, or a device
        with os.fdopen(_open_writing(path), "wb") as file:
            yield file
        return
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        made = os.fstat(file.fileno())
        try:
            yield file
            file.flush()
            part.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                if os.path.samestat(made, part.lstat()):
                    part.unlink()
            raise


def _open_writing(path: Path) -> int:
    """Open a pipe or a device for writing, without waiting for ever for a reader of a pipe."""
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    with contextlib.suppress(OSError, AttributeError):
        os.set_blocking(descriptor, True)
    return descriptor


def _silence_stdout() -> None:
    """Redirect it to nowhere: Python would report the unread rest when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


# Reading options


def _existing(settings: Settings) -> Address:
    where = address.needed(settings, "to export from")
    if where.path is not None and not where.path.exists():
        raise StorageError(f"there is nothing to export: {where.path} does not exist")
    return where


def _moment(name: str, text: str) -> int:
    try:
        return parse_moment(text.strip())
    except ValueError as error:
        raise _refused(name, text, str(error)) from None


def _one_of(name: str, text: str, choices: Sequence[Timeframe]) -> Timeframe:
    for choice in choices:
        if text == choice:
            return choice
    raise _refused(name, text, f"one of {', '.join(choices)} (seconds are not stored)")


def _refused(name: str, text: str, expected: str) -> SettingsError:
    shown = text if len(text) <= 40 else text[:40] + "…"
    return SettingsError(f"{name}={shown!r} cannot be used: expected {expected}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
