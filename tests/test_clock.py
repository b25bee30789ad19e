"""The one door to the time of the process."""

import ast
import time
from pathlib import Path

import pytest

from photon_app import clock
from tests.fakes.dates import MOMENTS, OPEN_MS, at

PACKAGE = Path(clock.__file__).parent
READING = {
    *("time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.localtime"),
    *("dt.datetime.now", "datetime.now", "dt.date.today", "date.today", "dt.datetime.today"),
    *("dt.datetime.utcnow", "datetime.utcnow"),
}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_nobody_reads_a_clock_but_by_this_door(path: Path) -> None:
    """So that the whole process lives at the moment that a test chooses."""
    tree = ast.parse(path.read_text())
    imported = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    read = {
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (text := ast.unparse(node)).partition(".")[0] in imported
    }
    assert read & READING <= ({"time.time_ns", "time.monotonic"} if path.stem == "clock" else set())


@pytest.mark.parametrize("moment_ms", MOMENTS.values(), ids=MOMENTS)
def test_the_clock_goes_on_from_a_moment(moment_ms: int) -> None:
    """At its ordinary pace, and from the operating system's time when no moment is given."""
    with at(moment_ms):
        assert 0 <= clock.now_ms() - moment_ms < 60_000
    assert clock.now_ms() - OPEN_MS >= 0
    clock.start_at(None)
    try:
        assert abs(clock.now_ms() - time.time_ns() // 1_000_000) < 60_000
    finally:
        clock.start_at(OPEN_MS)
