"""What storage reports about itself, and how long it waits before it tries again.

``Condition`` is written by the writer's thread and read on the event loop. The worst that a reader
can see is one field that is newer than another.
"""

import math
from typing import Literal

import msgspec

from photon_app.model import Fact
from photon_app.storage.faults import Fault

State = Literal["off", "opening", "ok", "slow", "failing"]
HealthReason = Literal[
    "",
    "slow",
    "silent",
    "held",
    "locked",
    "read_only",
    "full",
    "gone",
    "corrupt",
    "error",
    "overflow",
]
SLOW_WRITE_S = 1.0
SLOW_WAIT_S = 5.0
SILENT_S = 35.0
"""Longer than any statement may take on a server that still answers."""
OVERFLOW_S = 60.0
"""How long storage reports that bars were dropped."""


class StorageHealth(Fact, frozen=True):
    """The state of storage, for ``/health``."""

    state: State
    """``off``: nothing is stored. ``slow``: the last write took more than a second, and bars have
    been waiting ever since; or bars have been waiting for more than five seconds. ``failing``: bars
    are not written or queries are not answered, and it is retried; or bars were dropped less than a
    minute ago.
    """
    reason: HealthReason = ""
    detail: str = ""
    """One sentence, without secrets."""
    pending: int = 0
    """Bars that are not on disk yet."""
    written: int = 0
    """Rows written since the start: a running minute is written many times."""
    dropped: int = 0
    """Bars dropped since the start."""
    failures: int = 0
    """Attempts to open or to write that failed, since the start."""
    last_write_ms: int | None = None
    """When bars were last written, on the wall clock."""
    database: str = "none"
    """The address, without its password."""
    retention: str = ""
    """One sentence about what is kept although it is older than ``PHOTON_RETENTION_DAYS``; else
    empty.
    """


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses and timeouts, in seconds. Tests use shorter ones."""

    write_s: float = 1.0
    """The pause between two writes."""
    retry_s: float = 1.0
    """The pause after the first failure; doubled after each further one."""
    retry_most_s: float = 15.0
    """The longest pause after a failure."""
    lock_s: float = 2.0
    """How long to wait for another program that writes into the same file."""
    read_s: float = 5.0
    """How long a query may wait for its answer."""
    close_s: float = 5.0
    """How long the last write may take."""
    sweep_s: float = 3600.0
    """The pause between two sweeps for bars that are too old."""


USUAL_PACE = Pace()


class Condition:
    """The results of the writer's attempts."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._in_a_row = 0
        self.fault: Fault | None = None
        self.since_s = 0.0
        """When the fault began, on the monotonic clock."""
        self.slow_s = 0.0
        """How long the last write took, if it was too long; 0 once nothing waits."""
        self.failures = 0
        self.written = 0
        self.last_write_ms: int | None = None
        self.began_s: float | None = None
        """When the current attempt began, on the monotonic clock."""
        self.retention = ""
        """See ``StorageHealth.retention``."""

    def failed(self, fault: Fault, now_s: float) -> float:
        """An attempt failed; returns how long to wait."""
        if self.fault is None:
            self.since_s = now_s
        self.fault, before = fault, self.fault
        if fault.reason == "held":  # waiting for the lease is not a failed attempt
            self.failures += before is None or before.reason != "held"
            return self._pace.retry_s
        self.failures += 1
        pause_s = self._pace.retry_s * float(1 << min(self._in_a_row, 10))
        self._in_a_row += 1
        return min(pause_s, self._pace.retry_most_s)

    def worked(self) -> None:
        """An attempt succeeded."""
        self.fault = None
        self._in_a_row = 0

    def idle(self) -> None:
        """Nothing waits, so nothing is slow."""
        self.slow_s = 0.0

    def wrote(self, rows: int, took_s: float, now_ms: int) -> None:
        """A transaction was committed."""
        self.slow_s = took_s if took_s > SLOW_WRITE_S else 0.0
        self.written += rows
        self.last_write_ms = now_ms

    def health(
        self,
        *,
        opened: bool,
        pending: int,
        age_s: float,
        dropped: int,
        database: str,
        silent: str = "",
        now_s: float = 0.0,
        since_overflow_s: float = math.inf,
    ) -> StorageHealth:
        """All of it as one fact.

        Args:
            opened: whether the database has ever been opened.
            pending: bars that wait.
            age_s: how long the oldest of them has been waiting.
            dropped: bars dropped.
            database: the address for people.
            silent: why queries are not answered; empty when they are.
            now_s: the monotonic clock.
            since_overflow_s: how long ago bars were last dropped because too many waited.
        """
        fault = self.fault
        busy_s = 0.0 if (began_s := self.began_s) is None else now_s - began_s
        state: State = "ok"
        reason: HealthReason = ""
        detail = ""
        if fault is not None:
            state, reason, detail = "failing", fault.reason, fault.detail
        elif silent:
            state, reason, detail = "failing", "silent", f"{silent}; charts show what memory has"
        elif busy_s > SILENT_S:
            state, reason = "failing", "silent"
            detail = f"the database has not answered the writer for {busy_s:.0f} s"
        elif since_overflow_s < OVERFLOW_S:
            state, reason = "failing", "overflow"
            detail = (
                f"bars were given up {since_overflow_s:.0f} s ago, because too many waited for the "
                "database"
            )
        elif not opened:
            state = "opening"
        elif age_s > SLOW_WAIT_S:
            state = reason = "slow"
            detail = f"the database is slow; the oldest bar has been waiting for {age_s:.0f} s"
        elif self.slow_s:
            state = reason = "slow"
            detail = f"the database is slow; the last write took {self.slow_s:.1f} s"
        return StorageHealth(
            state=state,
            reason=reason,
            detail=detail,
            pending=pending,
            written=self.written,
            dropped=dropped,
            failures=self.failures,
            last_write_ms=self.last_write_ms,
            database=database,
            retention=self.retention,
        )
