"""The calendar of a process: when its days are computed, and what if they are not."""

import asyncio
import contextlib
import datetime as dt
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from photon_app.calendar.calendar import NEW_YORK, Table
from photon_app.calendar.loader import CHECK_S, RETRY_S, CalendarLoader, fetch_table
from photon_app.calendar.nyse import table
from photon_app.errors import CalendarError
from tests.fakes.loader import weekdays
from tests.fakes.process import ROOT
from tests.fakes.time import HandTime
from tests.fakes.waiting import wait_for, wait_until

FIRST, LAST = dt.date(2024, 11, 4), dt.date(2026, 12, 31)
DAY_MS = 86_400_000


def at(*fields: int) -> int:
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


NOW_MS = at(2026, 11, 24, 12)


class Life(HandTime):
    """A loader's life on a clock of its own: ``pauses`` has what happens in each pause."""

    def __init__(self, *pauses: Callable[["Life"], None]) -> None:
        super().__init__(at_ms=NOW_MS)
        self.asked: list[tuple[dt.date, dt.date]] = []
        self.slept: list[float] = []
        self.works = True
        self.ends: list[str] = []
        self._pauses = list(pauses)
        self.loader = CalendarLoader(self._fetch, time=self)
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self.loader.run(self))

    async def _fetch(self, first: dt.date, last: dt.date) -> Table:
        self.asked.append((first, last))
        if self.ends:
            await fetch_table(first, last, command=(sys.executable, "-c", self.ends.pop()))
        if not self.works:
            raise CalendarError("the child gave no table (no module named pandas)")
        return await weekdays(first, last)

    async def sleep(self, seconds: float) -> None:
        """Run what happens in this pause."""
        self.slept.append(seconds)
        if not self._pauses:
            raise asyncio.CancelledError
        self._pauses.pop(0)(self)


def passes(days: float) -> Callable[[Life], None]:
    def pause(life: Life) -> None:
        life.at_ms += round(days * DAY_MS)

    return pause


def works(life: Life) -> None:
    life.works = True


def test_the_days_of_the_coming_year_are_asked_for_once() -> None:
    """From a fortnight ago, in New York's dates."""
    life = Life(passes(0), passes(1), passes(300))
    assert life.asked == [(dt.date(2024, 11, 4), dt.date(2027, 12, 9))]
    assert set(life.slept) == {CHECK_S}


def test_the_days_are_renewed_a_month_before_they_end() -> None:
    """380 are known; the clock has moved by 351."""
    life = Life(passes(350), passes(1))
    assert len(life.asked) == 2
    assert life.loader.calendar.left_days(life.at_ms) == 380


def test_a_clock_that_leaves_the_table_gets_another() -> None:
    """As that of a replay that begins again, or of a machine that was asleep."""
    life = Life(passes(-4800), passes(4800))
    assert [first.year for first, _ in life.asked] == [2024, 2011, 2024]


def test_a_child_that_fails_is_tried_again_later_and_complained_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Meanwhile every weekday is an ordinary day."""
    with caplog.at_level(logging.WARNING):

        def fails(life: Life) -> None:
            life.works = False
            life.at_ms += 1000 * DAY_MS

        def looks(life: Life) -> None:
            assert life.loader.phase_at(at(2029, 8, 21, 12)).session == "regular"

        life = Life(fails, looks, works, passes(0))
    assert life.slept == [CHECK_S, RETRY_S, RETRY_S, CHECK_S, CHECK_S]
    assert life.loader.calendar.last == dt.date(2030, 9, 4)
    [line] = caplog.messages
    assert "holidays and early closes are not known" in line
    assert "no module named pandas" in line


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_child_that_a_signal_ended_is_no_reason_to_complain(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Ending a service signals all of its processes. If this one continues, it tries again."""

    def signalled(life: Life) -> None:
        default = f"import os, signal; signal.signal(signal.{name}, signal.SIG_DFL)"
        life.ends = [f"{default}; os.kill(os.getpid(), signal.{name})"]
        life.at_ms += 1000 * DAY_MS

    life = Life(signalled, passes(0), passes(0))
    assert not caplog.messages
    assert life.slept == [CHECK_S] * 4
    assert len(life.asked) == 3


def test_the_real_child_gives_the_real_days() -> None:
    """The same as in this process, which has pandas loaded for it."""
    assert asyncio.run(fetch_table(FIRST, LAST)) == table(FIRST, LAST)


def test_the_child_does_not_load_what_serves() -> None:
    """Nor does the calendar loader load pandas."""
    loads = "import sys, photon_app.calendar.{}; print([m for m in {!r} if m in sys.modules])"
    for module, kept_out in (
        ("nyse", ("reflex", "fastapi", "websockets", "asyncio")),
        ("loader", ("pandas", "numpy", "exchange_calendars")),
    ):
        command = [sys.executable, "-c", loads.format(module, kept_out)]
        out = asyncio.run(_output(command))
        assert out.strip() == "[]"


async def _output(command: list[str]) -> str:
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return out.decode()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("print('hello')", "the child gave no table"),
        ("pass", "the child gave no table"),
        ('print(\'{"first":"2026-01-01","last":"2026-01-02","days":[]}\')', "other days"),
        ('print(\'{"first":"2026-11-09","last":"2026-12-31","days":[]}\')', "other days"),
        ("import time; time.sleep(60)", "longer than 0.5 s"),
        ("import os; os.kill(os.getpid(), 9)", "the child gave no table"),
    ],
)
def test_whatever_a_child_does_is_a_reason(script: str, reason: str) -> None:
    """It raises one error, in time, and leaves no process."""

    async def scenario() -> None:
        command = (sys.executable, "-c", script)
        with pytest.raises(CalendarError, match=reason):
            await fetch_table(FIRST, LAST, command=command, limit_s=0.5 if "sleep" in script else 9)

    asyncio.run(scenario())


def test_the_child_does_not_get_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no use for it."""
    monkeypatch.setenv("FINNHUB_API_KEY", "canary")
    script = "import os, sys; sys.exit('given: ' + os.environ.get('FINNHUB_API_KEY', 'nothing'))"
    with pytest.raises(CalendarError, match="given: nothing"):
        asyncio.run(fetch_table(FIRST, LAST, command=(sys.executable, "-c", script)))


def test_a_command_that_is_not_there_is_a_reason() -> None:
    """Not a crash."""
    with pytest.raises(CalendarError, match="did not start"):
        asyncio.run(fetch_table(FIRST, LAST, command=("/nothing/here",)))


def test_a_cancelled_fetch_takes_its_child_along(tmp_path: Path) -> None:
    """Within a moment, whenever it is cancelled, and the child is reaped."""
    pids = tmp_path / "pids"
    script = f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(60)"

    def born() -> list[str]:
        return pids.read_text().split() if pids.exists() else []

    async def scenario(iterations: int | None) -> None:
        command = (sys.executable, "-c", script)
        before = len(born())
        task = asyncio.create_task(fetch_table(FIRST, LAST, command=command))
        if iterations is None:
            await wait_until(lambda: len(born()) > before)
        for _ in range(iterations or 0):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await task

    for iterations in (0, 1, 2, 4, 8, None):  # while it is started, and when it runs
        asyncio.run(scenario(iterations))
    for pid in born():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


PARENT = """
import asyncio, datetime as dt, sys
from photon_app.calendar import loader
print("starts", flush=True)
asyncio.run(loader.fetch_table(dt.date(2024, 1, 2), dt.date(2026, 12, 31)))
"""


def test_the_real_child_has_a_session_of_its_own_and_ends_with_its_parent() -> None:
    """Also when that is killed; a terminal's Ctrl-C does not reach it."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        wait_for(children.read_text)
        child = int(children.read_text())
        wait_for(lambda: os.getsid(child) == child)
        os.kill(child, signal.SIGSTOP)  # so that it does not end by itself before
        parent.kill()
        parent.wait()
        os.kill(child, signal.SIGCONT)
        wait_for(lambda: not _lives(child), 5)


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
