"""``python -m photon_app import``: the bars of a recording, into the database.

Called by the command line only, in the main thread. Every line goes the way that a replay's goes:
intake, book, bars; what a minute came to is written to the database batch by batch. It starts no
feed and needs no port, and a Photon may run on the same database meanwhile, unless it writes the
same source: of each there is one writer.

A source ``replay:…`` has the bars of one recording: they are replaced whole, when the first new
ones are written and not before. Of any other source the minutes that the recording has are written
in place of those that are there, and no other is touched. So an import that is done again changes
nothing, and neither does one without a trade that counts, which is an error. What does not count is
told by reason.

Bounds: a batch of ``BATCH_TRADES``, the bars that ``market.bars`` keeps in memory, and one line,
however long the recording is. What came before damage, or before a signal, stays stored.
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
_LOOK_LINES = 500
"""How many lines are read between two looks at the clock."""
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
        settings: of them the database, and how many symbols there may be.
        path: the recording.
        source: whose trades these are; the recording's own, as a replay of it would say, when not
            given.
        out: the standard output.
        screen: the standard error.
        time: of this process.

    Raises:
        RecordingError: the file is not a recording, has no trade that can be used, or is damaged
            on the way.
        SettingsError: nothing is stored, or there is no such source.
        StorageError: the database cannot be used, or another process writes this source.
    """
    where = address.needed(settings, "to import into")
    source = _source(path, source)
    recording = Recording(path)
    recording.first_ms()  # what is no recording must not replace anything
    began = time.monotonic()
    with (
        open_archive(where) as archive,
        _Progress(screen or sys.stderr, time) as progress,
        _signals() as came,
    ):
        archive.claim(source)
        done = Import(archive, source, settings.max_symbols_total)
        stopped = not _read(recording, done, progress, came)
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
    recording: Recording, done: "Import", progress: "_Progress", came: Callable[[], bool]
) -> bool:
    """Import every line; returns whether it came to the end, which a signal can prevent."""
    try:
        for number, line in enumerate(recording.lines()):
            if came():
                done.write()
                return False
            done.take(line)
            if number % _LOOK_LINES == 0:
                progress.look(done.progress)
    except RecordingError as error:
        done.write()
        stored = done.summary() if done.counted else "nothing, as it has no trade that can be used"
        raise RecordingError(f"{error}; stored is what came before: {stored}") from None
    done.write()
    return True


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Whether a signal came that ends the process: it ends between two lines then, so that no
    batch is cut in two. A second one ends it at once.
    """
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if came:
            sys.exit(1)
        came.append(number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _LineClock:
    """The market's clock of a recording that is read as fast as it can be: its newest line's."""

    rate = 1.0

    def __init__(self) -> None:
        self.at_ms = 0

    def now_ms(self) -> int:
        return self.at_ms


class Import:
    """One recording on its way into the database.

    Args:
        archive: the database.
        source: whose bars they are.
        capacity: the most symbols.
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
        """Fold one line in, and write when there is enough of it."""
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
        """Write every minute that changed since the last time, and forget what is old.

        Raises:
            StorageError: it cannot be written.
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
        bars.tick()  # not before: it forgets minutes

    def progress(self) -> str:
        """How far it is, for people."""
        return f"{self._trades:,} trades, {self._tally.bars:,} bars, {shown_utc(self._clock.at_ms)}"

    @property
    def counted(self) -> int:
        """How many trades are in bars."""
        return self._market.bars.counters.folded

    def losses(self) -> list[str]:
        """What is in no bar, by reason, for people."""
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
        """What was written, for people."""
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
    """How many different minutes were written. Those that can still change are remembered: as many
    as a trade can be late, of each symbol.
    """

    def __init__(self) -> None:
        self._lately: dict[str, set[int]] = {}
        self._first_ms: int | None = None
        self.bars = 0
        self.end_ms = 0
        """Where the last of them ends."""

    @property
    def symbols(self) -> int:
        """How many symbols have any."""
        return len(self._lately)

    @property
    def first_ms(self) -> int:
        """Where the first of them begins; 0 when there is none."""
        return self._first_ms or 0

    def add(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Some minutes of a symbol were written, for the first time or again."""
        known = self._lately.get(symbol, set())
        times = {bar.time_ms for bar in bars}
        if not times:
            return
        self.bars += len(times - known)
        self.end_ms = max(self.end_ms, max(times) + MINUTE_MS)
        first_ms = min(times)
        self._first_ms = first_ms if self._first_ms is None else min(self._first_ms, first_ms)
        since_ms = max(times | known) - LATE_MS - MINUTE_MS
        self._lately[symbol] = {time_ms for time_ms in times | known if time_ms >= since_ms}


class _Progress:
    """On a terminal, one line that is written over."""

    def __init__(self, stream: TextIO, time: Time) -> None:
        self._stream = stream
        self._monotonic = time.monotonic
        self._live = stream.isatty()
        self._next = time.monotonic() + _PROGRESS_S

    def look(self, text: Callable[[], str]) -> None:
        """Show how far it is, if it was not shown just now."""
        if self._live and self._monotonic() >= self._next:
            self._next = self._monotonic() + _PROGRESS_S
            self._write(f"{_CLEAR_LINE}{text()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._write(_CLEAR_LINE)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone, the import is not
            self._stream.write(text)
            self._stream.flush()
