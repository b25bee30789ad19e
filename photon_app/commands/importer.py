"""``python -m photon_app import``: the bars of a recording, into the database.

Called by the command line only, in the main thread. Every line takes the path of a replay's lines:
intake, book, bars; changed minutes are written to the database in batches. It starts no feed and
needs no port. A Photon may run on the same database at the same time, unless it writes the same
source: each source has one writer.

A source ``replay:…`` has the bars of one recording: they are all replaced, when the first new ones
are written and not before. For any other source the minutes of the recording overwrite the stored
ones, and no other minute is touched. So repeating an import changes nothing. An import without a
trade that counts is an error and changes nothing either. Trades that do not count are reported by
reason.

Memory is bounded, however long the recording is: a batch of ``BATCH_TRADES``, the bars that
``market.bars`` keeps, and one line. What was read before damage, or before a signal, stays stored.
"""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Self, TextIO

from photon_app import printing
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import market_day
from photon_app.calendar.timeframes import MINUTE_MS
from photon_app.clock import SYSTEM, Time
from photon_app.errors import RecordingError, SettingsError
from photon_app.feed.finnhub_wire import Trades
from photon_app.feed.intake import Intake
from photon_app.feed.recording.file import Line, Recording
from photon_app.feed.recording.replay import source_of
from photon_app.market.bars import LATE_MS, Bars
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.market.silence import Silence
from photon_app.model import Bar, FeedStatus
from photon_app.settings import Settings
from photon_app.storage import address
from photon_app.storage.archive import Archive, open_archive
from photon_app.timestamps import shown_utc

BATCH_TRADES = 100_000
LIVE_SOURCES = ("finnhub", "simulated")
REPLAY = "replay:"

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_CHECK_LINES = 500
"""Lines read between two checks of the clock."""
_PROGRESS_S = 0.2
_CLEAR_LINE = "\r\x1b[2K"


def run(
    settings: Settings,
    path: Path,
    *,
    source: str | None = None,
    out: TextIO | None = None,
    screen: TextIO | None = None,
    time: Time = SYSTEM,
) -> int:
    """Import a recording; returns the exit code.

    Args:
        settings: the database and the largest number of symbols are taken from them.
        path: the recording.
        source: the source of the trades; by default the one that a replay of the file would have.
        out: the standard output.
        screen: the standard error.
        time: the clock of this process.

    Raises:
        RecordingError: the file is not a recording, has no usable trade, or is damaged.
        SettingsError: no database is set, or there is no such source.
        StorageError: the database cannot be used, or another process writes this source.
    """
    where = address.needed(settings, "to import into")
    source = _source(path, source)
    recording = Recording(path)
    recording.first_ms()  # a file that is not a recording must not replace anything
    began = time.monotonic()
    with (
        open_archive(where) as archive,
        _Progress(screen or sys.stderr, time) as progress,
        _signals() as signalled,
    ):
        archive.claim(source)
        done = Import(archive, source, settings.max_symbols_total)
        stopped = not _read(recording, done, progress, signalled)
    torn = "; the recording is torn at its end" if recording.torn else ""
    losses = [*recording.losses, *done.losses()]
    less = f"; left out: {', '.join(losses)}" if losses else ""
    if not (done.counted or stopped):
        raise RecordingError(
            f"{path.name} has no trade that can be used: nothing was imported, and what is stored "
            f"stays{less}{torn}"
        )
    line = f"{done.summary()}, in {where.shown} ({time.monotonic() - began:.1f} s){less}{torn}"
    verb = "stopped by a signal, imported" if stopped else "imported"
    printing.say(f"photon: {verb} {line}", out)
    return 1 if stopped else 0


def _source(path: Path, given: str | None) -> str:
    if given is None:
        return source_of(path)
    if given in LIVE_SOURCES or (given.startswith(REPLAY) and given.strip() != REPLAY):
        return given
    raise SettingsError(
        f"--source={given!r} cannot be used: expected {', '.join(LIVE_SOURCES)}, or {REPLAY}NAME"
    )


def _read(
    recording: Recording, done: "Import", progress: "_Progress", signalled: Callable[[], bool]
) -> bool:
    """Import every line; false when a signal stopped it before the end."""
    try:
        for number, line in enumerate(recording.lines()):
            if signalled():
                done.write()
                return False
            done.take(line)
            if number % _CHECK_LINES == 0:
                progress.show(done.progress)
    except RecordingError as error:
        done.write()
        stored = done.summary() if done.counted else "nothing, as it has no trade that can be used"
        raise RecordingError(f"{error}; stored is what came before: {stored}") from None
    done.write()
    return True


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether a signal to end the process has arrived.

    The import then ends between two lines, so that no batch is cut in two. A second signal ends the
    process at once.
    """
    signals: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if signals:
            sys.exit(1)
        signals.append(number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _LineClock:
    """The market's clock while a recording is read as fast as possible: the newest line's time."""

    rate = 1.0

    def __init__(self) -> None:
        self.at_ms = 0

    def now_ms(self) -> int:
        return self.at_ms


class Import:
    """Folds one recording into bars and writes them to the database.

    Args:
        archive: the database.
        source: the source of the bars.
        capacity: the largest number of symbols.
    """

    def __init__(self, archive: Archive, source: str, capacity: int) -> None:
        self._archive = archive
        self._source = source
        self._clock = _LineClock()
        self._intake = Intake(source, SYSTEM)
        bars = Bars(clock=self._clock, follow_all=True, gaps=False, capacity=capacity)
        calendar = Calendar()
        book = Book(
            lambda symbol, time_ms: market_day(symbol, time_ms, calendar),
            admit_all=True,
            capacity=capacity,
        )
        status = FeedStatus(source=source, state="replay", since_ms=0)
        silence = Silence(self._clock, calendar)
        self._market = Market(book, bars, status, silence)
        self._replaces = source.startswith(REPLAY)
        self._trades = 0
        self._waiting = 0
        self._tally = Tally()

    def take(self, line: Line) -> None:
        """Fold one line in, and write when a batch is full."""
        self._clock.at_ms = max(self._clock.at_ms, line.at)
        event = self._intake.read(line.frame, line.at / 1000)
        if not isinstance(event, Trades):
            return
        self._market.trades(event.batch)
        self._trades += len(event.batch)
        self._waiting += len(event.batch)
        if self._waiting >= BATCH_TRADES:
            self.write()

    def write(self) -> None:
        """Write every minute that changed since the last call, and forget old minutes.

        Raises:
            StorageError: the minutes cannot be written.
        """
        self._waiting = 0
        bars = self._market.bars
        dirty = bars.take_dirty()
        if dirty and self._replaces:
            self._archive.replace(self._source)
            self._replaces = False
        for symbol, minutes in dirty:
            self._archive.write(self._source, symbol, minutes)
            self._tally.add(symbol, minutes)
        bars.tick()  # only after the write: it forgets minutes

    def progress(self) -> str:
        """How far the import is, for people."""
        return f"{self._trades:,} trades, {self._tally.bars:,} bars, {shown_utc(self._clock.at_ms)}"

    @property
    def counted(self) -> int:
        """Trades that count in bars."""
        return self._market.bars.counters.folded

    def losses(self) -> list[str]:
        """What is in no bar, with the reason, for people."""
        frames, book = self._intake.counters, self._market.book.counters
        trades = {
            "too late for a bar": self._market.bars.counters.too_late,
            "far from the market's price": book.outliers - book.outliers_confirmed,
            "with a price that cannot be": book.bad_price,
            "with a volume that cannot be": book.bad_volume,
            "with a time that cannot be": book.bad_time,
            "marked as repeats": book.repeats,
            "outside the sessions of their market": book.outside,
            "of symbols beyond PHOTON_MAX_SYMBOLS_TOTAL": book.unwanted,
        }
        rest = self._trades - self.counted - sum(trades.values())
        return [
            f"{_count(number, what)} {why}"
            for number, what, why in (
                (frames.malformed, "frame", "that cannot be read"),
                (frames.unknown, "frame", "of a kind that is not known"),
                (frames.errors, "frame", "with an error of upstream"),
                (frames.duplicates, "frame", "that came twice"),
                (frames.skipped, "trade", "that cannot be read"),
                *((number, "trade", why) for why, number in trades.items()),
                (rest, "trade", "of days that were over"),
            )
            if number > 0
        ]

    def summary(self) -> str:
        """What was written so far, for people."""
        tally, counted = self._tally, self.counted
        left_out = self._trades - counted
        less = f" ({left_out:,} more are in no bar)" if left_out else ""
        span = f", {shown_utc(tally.first_ms)} to {shown_utc(tally.end_ms)}" if tally.bars else ""
        return (
            f"{_count(counted, 'trade')} of {_count(tally.symbols, 'symbol')}{less} as "
            f"{_count(tally.bars, 'bar')}{span}, source {self._source}"
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Tally:
    """Counts the distinct minutes that were written.

    Minutes that can still change are remembered: for each symbol, those that a late trade reaches.
    """

    def __init__(self) -> None:
        self._recent: dict[str, set[int]] = {}
        self._first_ms: int | None = None
        self.bars = 0
        self.end_ms = 0
        """Where the last written minute ends."""

    @property
    def symbols(self) -> int:
        """Symbols with at least one written minute."""
        return len(self._recent)

    @property
    def first_ms(self) -> int:
        """Where the first written minute begins; 0 when there is none."""
        return self._first_ms or 0

    def add(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Count minutes of a symbol that were written, for the first time or again."""
        known = self._recent.get(symbol, set())
        times = {bar.time_ms for bar in bars}
        if not times:
            return
        self.bars += len(times - known)
        self.end_ms = max(self.end_ms, max(times) + MINUTE_MS)
        first_ms = min(times)
        self._first_ms = first_ms if self._first_ms is None else min(self._first_ms, first_ms)
        since_ms = max(times | known) - LATE_MS - MINUTE_MS
        self._recent[symbol] = {time_ms for time_ms in times | known if time_ms >= since_ms}


class _Progress:
    """On a terminal, one line of text that is overwritten."""

    def __init__(self, stream: TextIO, time: Time) -> None:
        self._stream = stream
        self._monotonic = time.monotonic
        self._live = stream.isatty()
        self._next = time.monotonic() + _PROGRESS_S

    def show(self, text: Callable[[], str]) -> None:
        """Show the progress, at most once in ``_PROGRESS_S``."""
        if self._live and self._monotonic() >= self._next:
            self._next = self._monotonic() + _PROGRESS_S
            self._write(f"{_CLEAR_LINE}{text()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._write(_CLEAR_LINE)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the import outlives its terminal
            self._stream.write(text)
            self._stream.flush()
