"""The log of a process: every record of every logger, ours and those of libraries, and what
libraries print.

``owned`` puts one ``Log`` under all loggers while a block runs; ``runtime.logged`` calls it for
servers and commands. One record is one line on standard error, whatever its text: unprintable
characters are escaped, long text is cut, and values of headers, tokens, passwords and the settings'
secrets are removed. A traceback keeps its lines, each marked and cut.

Each kind of record is written at most once per ``EVERY_S``, with the count of those left out. The
kind is the place in the code and the level (for an error also where it was raised), not the text,
so that foreign text cannot create kinds. A record that is left out costs one lookup. Of our own
records the last one left out is written when its time has come (``catch_up``), so that the log does
not end with an outdated state; of other loggers only the count is written. Any thread may log; a
slow standard error slows the thread that logs.

Bounds: ``MOST`` characters a record, ``LINES`` lines of ``LINE_MOST`` a traceback, ``MOST_KINDS``.
It never raises for a record, and never writes any text before it is cleaned and cut.
"""

import contextlib
import io
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO, cast

from photon_app import foreign, printing
from photon_app.clock import SYSTEM, Time

MOST = 500
"""Longest message, in characters."""
LOOKED_AT = 4_000
"""Characters of a message that are examined, more than are written, so that a secret is found
whole."""
LINES = 20
"""Most lines of a traceback: the first few, and the last ones."""
_FIRST_LINES = 3
LINE_MOST = 200
MARK = "  | "
"""Prefix of each line of a traceback; no record begins with it."""
EVERY_S = 10.0
_SLACK_S = 0.5
"""Records that are already paced elsewhere at the same interval pass."""
MOST_KINDS = 512

OURS = "photon_app"
Write = Callable[[str], object]
"""Takes one record: a line, and the lines of its traceback if it has one."""

_owners: list["Log"] = []


class Pace:
    """Lets one record of each kind through per ``EVERY_S``. Beyond ``MOST_KINDS``, all other kinds
    count as one.
    """

    def __init__(self, time: Time) -> None:
        self._now_s = time.monotonic
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def take(self, kind: Hashable) -> int | None:
        """Whether a record of this kind may be written now: the number left out since the last one,
        or ``None`` when it may not.
        """
        now_s = self._now_s()
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            self._sweep(now_s)
            if len(self._kinds) >= MOST_KINDS:
                kind = None
        until_s, left_out = self._kinds.get(kind, (now_s, 0))
        if now_s < until_s:
            self._kinds[kind] = (until_s, left_out + 1)
            return None
        self._kinds[kind] = (now_s + EVERY_S - _SLACK_S, 0)
        return left_out

    def due(self) -> list[tuple[Hashable, int]]:
        """The kinds with records left out that may be written again now, and how many each has.
        Each kind is then paced as if a record had just been written.
        """
        now_s = self._now_s()
        due = [(kind, left) for kind, (until_s, left) in self._kinds.items() if left]
        due = [(kind, left) for kind, left in due if self._kinds[kind][0] <= now_s]
        for kind, _ in due:
            self._kinds[kind] = (now_s + EVERY_S - _SLACK_S, 0)
        return due

    def _sweep(self, now_s: float) -> None:
        self._kinds = {kind: was for kind, was in self._kinds.items() if was[0] > now_s}


class Lines(logging.Formatter):
    """Formats a record as one line, followed by the lines of its traceback.

    Args:
        secrets: in each form in which they can appear in a text, the longest first.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)
        self._longest = max(map(len, self._secrets), default=0)

    def format(self, record: logging.LogRecord, left_out: int = 0) -> str:
        """See ``logging.Formatter``; ``left_out`` is the number of records of its kind left out
        before it.
        """
        more = f" ({left_out} more like it since the last such line)" if left_out else ""
        said = self._shown(_message(record), MOST)
        name = foreign.printable(record.name, 80)
        line = f"{self.formatTime(record)} {record.levelname} {name}: {said}{more}"
        return "\n".join([line, *self._traceback(record)])

    def _shown(self, text: str, most: int) -> str:
        """A text on one line, without secrets, cut; a secret that the cut would halve is removed
        whole.
        """
        whole = len(text) <= LOOKED_AT
        given = text if whole else text[: LOOKED_AT + self._longest]
        clean = foreign.without_secrets(given, self._secrets)
        if not whole:
            clean = clean[: max(len(clean) - self._longest, 0)]
        return _cut(foreign.escaped(clean), most, whole=whole)

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        lines = [line for line in _lines(record) if line.strip()]
        if len(lines) > LINES:
            left_out = len(lines) - LINES
            lines[_FIRST_LINES : _FIRST_LINES + left_out] = [f"… {left_out} lines left out"]
        return [MARK + self._shown(line, LINE_MOST) for line in lines]


class Log(logging.Handler):
    """The handler of all records.

    Args:
        write: takes each formatted record.
        secrets: as ``Lines`` takes them.
        time: of this process.
    """

    def __init__(
        self,
        write: Write,
        secrets: Iterable[str] = (),
        time: Time = SYSTEM,
    ) -> None:
        super().__init__()
        self._write = write
        self._lines = Lines(secrets)
        self._pace = Pace(time)
        self._left_out: dict[Hashable, logging.LogRecord] = {}
        """The last record of each of our own kinds that was left out."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless one of its kind was written recently."""
        with contextlib.suppress(Exception):  # logging never makes its caller fail
            kind = kind_of(record)
            left_out = self._pace.take(kind)
            if left_out is not None:
                self._left_out.pop(kind, None)
                self._write(self._lines.format(record, left_out))
            elif record.name.startswith(OURS):
                self._left_out[kind] = record

    def catch_up(self) -> None:
        """Write the last record of each kind that was left out and may be written now, or their
        count.
        """
        with self.lock or contextlib.nullcontext(), contextlib.suppress(Exception):
            for kind, left_out in self._pace.due():
                record = self._left_out.pop(kind, None)
                if record is not None:
                    self._write(self._lines.format(record, left_out - 1))
                else:
                    more = f"{left_out} more like the last such line"
                    self._write(self._lines.format(_counted(kind, more)))


def kind_of(record: logging.LogRecord) -> Hashable:
    """What identifies the kind of a record: the logger, the place in the code, the level; for an
    error also its type and where it was raised. A record of our own may name a kind in addition,
    ``extra={"kind": …}``, from a small set.
    """
    place = (record.name, record.levelno, record.pathname, record.lineno)
    more = str(getattr(record, "kind", ""))[:40]
    error = _error(record)
    if error is None:
        return (*place, more)
    return (*place, more, type(error).__qualname__, *_raised_at(error.__traceback__))


@contextlib.contextmanager
def owned(
    write: Write | None = None, secrets: Iterable[str] = (), *, prints: bool = False
) -> Iterator[None]:
    """Send every record logged in a block to one place, whatever handlers libraries have or add; a
    nested block has a place of its own.

    Args:
        write: takes each formatted record; standard error by default.
        secrets: as ``Lines`` takes them.
        prints: whether printed text becomes a record too. A server wants that; a command prints its
            result.
    """
    log = Log(write or _to(sys.stderr), secrets)
    _owners.append(log)

    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        del self
        log.handle(record)

    before = logging.Logger.callHandlers
    logging.Logger.callHandlers = handle  # type: ignore[method-assign]
    try:
        with _hooks(log), _printed(log) if prints else contextlib.nullcontext():
            yield
    finally:
        logging.Logger.callHandlers = before  # type: ignore[method-assign]
        _owners.remove(log)


def catch_up() -> None:
    """See ``Log.catch_up``; to be called once a second by long-running owners of the log."""
    for log in _owners[-1:]:
        log.catch_up()


def is_owned() -> bool:
    """Whether the log of this process is owned now."""
    return bool(_owners)


def _to(stream: TextIO | None) -> Write:
    if stream is None:  # it is closed
        return lambda _: None
    return lambda text: printing.say(text, stream)


@contextlib.contextmanager
def _hooks(log: Log) -> Iterator[None]:
    """Log what Python itself writes to standard error: warnings and uncaught errors."""

    def warned(  # noqa: PLR0917 - as Python calls it
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del file, line
        said = f"{category.__name__}: {message}"
        log.handle(
            logging.LogRecord("py.warnings", logging.WARNING, filename, lineno, said, None, None)
        )

    def thread_failed(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            name = "?" if args.thread is None else args.thread.name
            _failed(f"the thread {name} failed", args.exc_value)

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        _failed(args.err_msg or "an error could not be raised", args.exc_value)

    before = warnings.showwarning, threading.excepthook, sys.unraisablehook
    warnings.showwarning, threading.excepthook, sys.unraisablehook = (
        warned,
        thread_failed,
        unraisable,
    )
    try:
        yield
    finally:
        warnings.showwarning, threading.excepthook, sys.unraisablehook = before


def _failed(what: str, error: BaseException | None) -> None:
    logging.getLogger(__name__).error("%s", what, exc_info=error)


@contextlib.contextmanager
def _printed(log: Log) -> Iterator[None]:
    streams = sys.stdout, sys.stderr
    sys.stdout = cast(TextIO, _Printed("stdout", logging.INFO, log, sys.stdout))
    sys.stderr = cast(TextIO, _Printed("stderr", logging.WARNING, log, sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


class _Printed(io.TextIOBase):
    """A stream that logs each printed line under the place that printed it; ``printing`` bypasses
    it.
    """

    encoding = "utf-8"

    def __init__(self, name: str, level: int, log: Log, instead_of: TextIO) -> None:
        super().__init__()
        self._name = name
        self._level = level
        self._log = log
        self.instead_of = instead_of
        """The stream that this one replaces."""
        self._lock = threading.RLock()
        self._begun = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.instead_of.fileno()

    def write(self, text: str) -> int:
        by = sys._getframe(1)  # noqa: SLF001 - as logging does it
        with self._lock:
            *lines, begun = (self._begun + text).split("\n")
            self._begun = begun[:LOOKED_AT]
            for line in lines:
                if line.strip():
                    self._log.handle(
                        logging.LogRecord(
                            *(self._name, self._level, by.f_code.co_filename, by.f_lineno),
                            *(line, None, None),
                        )
                    )
        return len(text)


def _counted(kind: Hashable, said: str) -> logging.LogRecord:
    """A record that only reports how many others of its kind were left out."""
    name, level = kind[:2] if isinstance(kind, tuple) else ("others", logging.WARNING)
    return logging.LogRecord(name, level, "", 0, said, None, None)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments of foreign records need not fit their formats
        return foreign.printable(record.msg, LOOKED_AT)


def _lines(record: logging.LogRecord) -> Iterator[str]:
    """A record's traceback, stack, and further lines of our own (``extra={"more": …}``)."""
    error = _error(record)
    if error is not None:
        try:
            for part in traceback.format_exception(error):
                yield from _frame(part) if part.lstrip(" |").startswith("File ") else [part.strip()]
        except Exception:  # noqa: BLE001 - foreign errors can fail while they are formatted
            yield f"{type(error).__qualname__}, which cannot be formatted"
    for text in (record.stack_info, getattr(record, "more", None)):
        if isinstance(text, str):
            yield from text.split("\n")


def _frame(part: str) -> list[str]:
    """The lines of one frame of a traceback, without the one that marks a part of the code. Every
    other part of a traceback becomes one line, because it can contain foreign text.
    """
    return [line for line in part.split("\n") if line.strip("| ^~")]


def _error(record: logging.LogRecord) -> BaseException | None:
    given: Any = record.exc_info
    error = given[1] if isinstance(given, tuple) and len(given) > 1 else given
    return error if isinstance(error, BaseException) else None


def _raised_at(trace: TracebackType | None) -> tuple[str, int]:
    """File and line number of the innermost frame of a traceback."""
    if trace is None:
        return ("", 0)
    while trace.tb_next is not None:
        trace = trace.tb_next
    return (trace.tb_frame.f_code.co_filename, trace.tb_lineno)


def _cut(text: str, most: int, *, whole: bool) -> str:
    """Cut a text in its middle, because the end of a foreign message is often the point; at its end
    when the whole text is not known.
    """
    if len(text) <= most:
        return text if whole else text[: most - 1] + "…"
    end = most // 3 if whole else 0
    return text[: most - 1 - end] + "…" + text[len(text) - end :]
