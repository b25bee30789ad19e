"""The log: one record, one line, whatever its text and its source."""

import contextlib
import io
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from photon_app import foreign, logs, printing
from tests.fakes.time import HandTime

SECRET = "p4ssw0rd/with+odd"
FORGED = "2026-11-25 16:00:00,000 CRITICAL photon_app: FORGED"
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+: ")
texts = st.text(st.characters(codec=None))


def record(said: object, *args: object, line: int = 1, **more: object) -> logging.LogRecord:
    """A record as a library makes it."""
    made = logging.LogRecord("library", logging.WARNING, "a.py", line, said, args or None, None)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def raised(message: str) -> BaseException:
    """An error that was raised."""
    try:
        raise ValueError(message)  # noqa: TRY301 - it needs a traceback
    except ValueError as error:
        return error


def as_line(made: logging.LogRecord) -> str:
    return logs.Lines(foreign.forms(SECRET)).format(made)


@given(texts)
def test_any_message_is_one_printable_bounded_line(text: str) -> None:
    """As a template, and as what is put into one."""
    for made in (record(text), record("%s", text), record(text, text), record(f"{text}%d", text)):
        line = as_line(made)
        assert line.isprintable()
        assert RECORD.match(line)
        assert len(line) <= logs.MOST + 100


@given(texts, st.integers(0, 9_000), st.sampled_from(foreign.forms(SECRET)))
def test_no_message_shows_a_known_secret(text: str, before: int, form: str) -> None:
    """Wherever in it, also where it is cut."""
    for said in (f"{'x' * before}{form}{text}", f"{text}{form}", f"{text}Cookie: {form}; {form}"):
        line = as_line(record(said, exc_info=(ValueError, raised(said), None)))
        assert SECRET[:8] not in line


@given(texts)
def test_a_traceback_keeps_its_lines_and_forges_none(text: str) -> None:
    """Each is marked, printable and cut, and there are not many."""
    error = raised(f"{text}\n{FORGED}\n" + f"  File {text}\n" * 50)
    error.add_note(f"  File \n{FORGED}\n{text}")
    first, *rest = as_line(record("failed", exc_info=(type(error), error, None))).split("\n")
    assert RECORD.match(first)
    assert 2 <= len(rest) <= logs.LINES + 1
    for line in rest:
        assert line.startswith(logs.MARK)
        assert line.isprintable()
        assert len(line) <= logs.LINE_MOST + len(logs.MARK)


def test_the_end_of_a_long_message_is_kept() -> None:
    """Others put the point there."""
    line = as_line(record("begin " + "x" * 2_000 + " ValueError: the point"))
    assert line.endswith("ValueError: the point")
    assert "begin x" in line


def test_a_record_that_cannot_be_formatted_is_written_all_the_same() -> None:
    """Others' arguments need not fit."""
    assert as_line(record("%d apples", "two")).endswith(" %d apples")


def test_logging_never_fails_its_caller() -> None:
    """Whatever the record is, and wherever it goes."""

    def full(_: str) -> None:
        raise OSError

    logs.Log(full).handle(record("a"))
    logs.Log(print).handle(record("a", created="never", exc_info=(1, 2), pathname=[]))


class Told:
    """What a log wrote, on a clock of the test's."""

    def __init__(self) -> None:
        self.time = HandTime(100.0)
        self.lines: list[str] = []
        self.log = logs.Log(self.lines.append, time=self.time)


def test_one_of_a_kind_is_written_in_ten_seconds() -> None:
    """The next one says how many were left out."""
    told = Told()
    for number in range(1_000):
        told.log.handle(record(f"text {number}"))
    assert len(told.lines) == 1
    told.time.at_s += logs.EVERY_S
    told.log.handle(record("the next"))
    assert told.lines[1].endswith("the next (999 more like it since the last such line)")
    told.time.at_s += logs.EVERY_S
    told.log.handle(record("one more"))
    assert told.lines[2].endswith(": one more")


def test_the_last_that_was_left_out_is_written_when_its_time_has_come() -> None:
    """Of ours whole, so that a state that lasts is the last word; of others' only how many."""
    told = Told()
    for number in range(4):
        told.log.handle(record(f"state {number}", name="photon_app.storage"))
        told.log.handle(record("theirs"))
    told.log.catch_up()
    assert len(told.lines) == 2
    told.time.at_s += logs.EVERY_S
    told.log.catch_up()
    told.log.catch_up()
    ours, theirs = told.lines[2:]
    assert ours.endswith("photon_app.storage: state 3 (2 more like it since the last such line)")
    assert theirs.endswith("library: 3 more like the last such line")
    assert not told.log._left_out


def test_other_kinds_come_all_the_same() -> None:
    """Another place, logger, level or error, and what ours call a kind."""
    told = Told()
    error, other = raised("x"), KeyError("y")
    for made in (
        record("a"),
        record("a", line=2),
        record("a", name="other"),
        record("a", levelno=logging.ERROR),
        record("a", exc_info=(type(error), error, error.__traceback__)),
        record("a", exc_info=(type(other), other, None)),
        record("a", kind="live"),
        record("a", kind="reconnecting"),
    ):
        told.log.handle(made)
        told.log.handle(made)
    assert len(told.lines) == 8


def test_kinds_are_bounded() -> None:
    """Beyond the bound all others are one kind; what is over makes room."""
    told = Told()
    for line in range(10 * logs.MOST_KINDS):
        told.log.handle(record("x", line=line))
    assert len(told.log._pace) <= logs.MOST_KINDS + 1
    assert len(told.lines) == logs.MOST_KINDS + 1
    told.time.at_s += logs.EVERY_S
    told.log.handle(record("x", line=10**6))
    assert len(told.log._pace) == 1


@contextlib.contextmanager
def owned() -> Iterator[list[str]]:
    """What is written while a log is owned, and nothing besides."""
    lines: list[str] = []
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        with logs.owned(lines.append, foreign.forms(SECRET), prints=True):
            yield lines
        assert (sys.stdout, sys.stderr) == (out, error)
    assert out.getvalue() == error.getvalue() == ""


def test_every_logger_writes_there_and_nowhere_else() -> None:
    """Whatever handlers it has, brings or gets."""
    with owned() as told:
        theirs = logging.getLogger("theirs")
        own = io.StringIO()
        handler = logging.StreamHandler(own)
        theirs.addHandler(handler)
        theirs.propagate = False
        try:
            theirs.warning("one\n%s", FORGED)
            logging.getLogger("theirs.below").error("two")
            logging.getLogger().error("three")
        finally:
            theirs.removeHandler(handler)
            theirs.propagate = True
        assert own.getvalue() == ""
        assert [line.split(": ", 1)[1] for line in told] == [rf"one\n{FORGED}", "two", "three"]


def test_what_is_printed_is_a_record() -> None:
    """By line, under the place that prints it."""
    with owned() as told:
        print("\x1b[31mred", SECRET, end="\n\n")  # noqa: T201
        print("begun ", end="", file=sys.stderr)  # noqa: T201
        print("ended", file=sys.stderr)  # noqa: T201
        assert [line.split(" ", 2)[2] for line in told] == [
            r"INFO stdout: \x1b[31mred ***",
            "WARNING stderr: begun ended",
        ]


def test_lines_for_people_go_past_it() -> None:
    """Such as the one that says what runs where."""
    lines: list[str] = []
    with contextlib.redirect_stdout(io.StringIO()) as out, logs.owned(lines.append, prints=True):
        printing.say("ready")
    assert (out.getvalue(), lines) == ("ready\n", [])


def test_what_is_printed_without_end_is_bounded() -> None:
    """It is no memory leak."""
    with owned() as told:
        for _ in range(100):
            sys.stdout.write("x" * 1_000)
        assert len(sys.stdout._begun) <= logs.LOOKED_AT  # type: ignore[union-attr]
        assert told == []


def test_warnings_and_errors_of_threads_are_records() -> None:
    """Python would print them."""
    with owned() as told:

        def fail() -> None:
            raise ValueError(FORGED)

        thread = threading.Thread(target=fail, name="worker\n")
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning(UserWarning(f"odd\n{FORGED}"), UserWarning, "b.py", 1)
        said, warned = told
        assert "the thread worker\\n failed\n" in said
        assert said.split("\n")[-1] == f"{logs.MARK}ValueError: {FORGED}"
        assert warned.endswith(f"py.warnings: UserWarning: odd\\n{FORGED}")


def test_a_block_within_another_has_its_own_way() -> None:
    """After it the outer one goes on."""
    outer: list[str] = []
    inner: list[str] = []
    with logs.owned(outer.append):
        with logs.owned(inner.append, prints=True):
            logging.getLogger("x").error("a")
        logging.getLogger("x").error("b")
    assert not logs.is_owned()
    assert (len(inner), len(outer)) == (1, 1)
