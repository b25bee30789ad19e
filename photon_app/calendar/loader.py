"""The calendar loader: keeps the calendar of this process filled.

Owns the newest ``Calendar`` and the child process that computes the next one (see ``nyse``): one
child at a time, which runs no longer than ``CHILD_S``. The loader's owner runs ``run`` as a task;
all else is synchronous and called on the event loop. No caller waits for a table: until the first
one arrives, about a second after the start, and if every child fails, the calendar has the days of
``nyse.csv`` only. It follows the market's clock, so that a replay has the days of its recording.
"""

import asyncio
import datetime as dt
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from photon_app import ROOT, foreign
from photon_app.calendar.calendar import Calendar, Phase, Table, new_york_date
from photon_app.clock import SYSTEM, Time
from photon_app.errors import CalendarError
from photon_app.model import Clock

BEHIND = dt.timedelta(days=750)
AHEAD = dt.timedelta(days=380)
"""What a table spans, from the day on which it is made. Behind: the days whose bars are usually
kept, since hourly bars are counted from the start of a session. Ahead: a year, with the margin
that ``RENEW_DAYS`` needs."""
RENEW_DAYS = 30
"""With fewer known days ahead of the clock, the next table is made."""
CHILD_S = 30.0
"""The longest that a child may take; it usually takes one or two seconds."""
CHECK_S = 1.0
RETRY_S = 600.0
"""The pause after a child failed."""

Fetch = Callable[..., Awaitable[Table]]
"""Called with the first date and the last, then the codes of other exchanges, if any."""

_END_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)})
_SECRETS = frozenset({"FINNHUB_API_KEY", "DATABASE_URL"})
CHILD = (sys.executable, "-m", "photon_app.calendar.nyse")
_log = logging.getLogger(__name__)


class CalendarLoader:
    """The exchange's calendar, renewed in the background.

    Args:
        fetch: computes a table from one date to another; raises ``CalendarError``.
        time: the clock and sleep of this process.
    """

    def __init__(
        self,
        fetch: Fetch | None = None,
        *,
        time: Time = SYSTEM,
    ) -> None:
        self._fetch = fetch or fetch_table
        self._sleep = time.sleep
        self._failed = False
        self._asked: frozenset[str] = frozenset()
        self.calendar = Calendar()
        """The newest calendar; replaced, never changed."""

    def phase_at(self, time_ms: int) -> Phase:
        """The session at a time, by the newest calendar."""
        return self.calendar.phase_at(time_ms)

    async def run(self, clock: Clock, codes: Callable[[], frozenset[str]] = frozenset) -> None:
        """Keep the days around a clock known, until cancelled.

        Args:
            clock: the market's clock.
            codes: returns the other exchanges whose dates are wanted now, by their names in
                ``pandas_market_calendars``.
        """
        while True:
            time_ms, wanted = clock.now_ms(), codes()
            pause_s = CHECK_S
            if self.calendar.left_days(time_ms) < RENEW_DAYS or not wanted <= self._asked:
                pause_s = CHECK_S if await self._renew(time_ms, wanted | self._asked) else RETRY_S
            await self._sleep(pause_s)

    async def _renew(self, time_ms: int, codes: frozenset[str]) -> bool:
        today = new_york_date(time_ms)
        try:
            table = await self._fetch(today - BEHIND, today + AHEAD, *sorted(codes))
        except _EndedBySignalError as error:  # such as a signal sent to both
            _log.debug("the exchange's calendar is not made: %s", error)
            return True
        except CalendarError as error:
            level = logging.DEBUG if self._failed else logging.WARNING
            _log.log(
                level,
                "the exchange's calendar could not be made, so holidays and early closes are "
                "not known; next attempt in %g min: %s",
                RETRY_S / 60,
                error,
            )
            self._failed = True
            return False
        self.calendar = Calendar(table)
        self._asked = codes
        self._failed = False
        return True


class _EndedBySignalError(CalendarError):
    """A signal ended the child that asks processes to end: this one may be about to end too."""


async def fetch_table(
    first: dt.date,
    last: dt.date,
    *codes: str,
    command: Sequence[str] = CHILD,
    limit_s: float = CHILD_S,
) -> Table:
    """Compute a table in a child process, which outlives neither this call nor this process: it
    ends when the pipe at its standard input closes. It has its own session too, so that a
    terminal's signals (Ctrl-C) reach only this process.

    A thread waits for it: with asyncio's own subprocesses, a call that is cancelled while the child
    starts can wait for ever.

    Args:
        first: the first date of the table.
        last: the last date.
        codes: other exchanges whose dates are wanted too.
        command: the command to run; the two dates and the codes are appended.
        limit_s: the longest that it may take.

    Raises:
        CalendarError: there is no valid table.
    """
    theirs, ours = os.pipe()
    try:
        try:
            child = _start((*command, str(first), str(last), *codes), theirs)
        except OSError as error:
            raise CalendarError(f"the child did not start ({error!r})") from None
        finally:
            os.close(theirs)
        try:
            async with asyncio.timeout(limit_s):
                out, complaint = await asyncio.to_thread(child.communicate)
        except TimeoutError:
            raise CalendarError(f"the child took longer than {limit_s:g} s") from None
        finally:
            child.kill()  # does nothing if it has ended
    finally:
        os.close(ours)
    if -child.returncode in _END_SIGNALS:
        name = signal.Signals(-child.returncode).name
        raise _EndedBySignalError(f"a signal ended the child ({name})")
    table = _read(out, complaint)
    if (table.first, table.last) != (first, last) or not table.days:
        raise CalendarError("the child gave other days than it was asked for")
    return table


def _start(command: Sequence[str], stdin: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in _SECRETS},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _read(out: bytes, complaint: bytes) -> Table:
    try:
        return msgspec.json.decode(out, type=Table)
    except msgspec.DecodeError as error:
        lines = complaint.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), str(error))
        raise CalendarError(f"the child gave no table ({foreign.printable(last)})") from None
