"""What storage says of itself, and how long it waits before it tries again.

``Condition`` is written by the writer's thread and read by the event loop; a reader may see one
field newer than another, and nothing worse.
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
"""Longer than any statement may take that a server still answers."""
OVERFLOW_S = 60.0
"""For so long after bars were given up storage says so."""


class StorageHealth(Fact, frozen=True):
    """How storage is, for ``/health``."""

    state: State
    """``off``: nothing is stored. ``slow``: the last write took more than a second, and something
    waited ever since; or bars have been waiting for more than five. ``failing``: nothing is written
    now, or questions are not answered, and it is tried again; or bars were given up less than a
    minute ago.
    """
    reason: HealthReason = ""
    detail: str = ""
    """One sentence; never holds a secret."""
    pending: int = 0
    """Bars that are not on disk yet."""
    written: int = 0
    """Rows written since the start: a minute that runs is written many times."""
    dropped: int = 0
    """Bars given up."""
    failures: int = 0
    """Attempts to open or to write that failed, since the start."""
    last_write_ms: int | None = None
    """Wall clock."""
    database: str = "none"
    """The address, without its password."""
    retention: str = ""
    """What is kept although it is older than ``PHOTON_RETENTION_DAYS``, one sentence; else empty.
    """


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and how long, in seconds. Tests have less patience."""

    write_s: float = 1.0
    """Between two writes."""
    retry_s: float = 1.0
    """After the first failure; doubled after each further one."""
    retry_most_s: float = 15.0
    lock_s: float = 2.0
    """How long to wait for another program that writes into the same file."""
    read_s: float = 5.0
    """How long whoever asks waits for an answer."""
    close_s: float = 5.0
    """How long the last write may take."""
    sweep_s: float = 3600.0
    """Between two looks for bars that are too old."""


USUAL_PACE = Pace()


class Condition:
    """What became of the writer's attempts."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._in_a_row = 0
        self.fault: Fault | None = None
        self.since_s = 0.0
        """When the fault began, on the monotonic clock."""
        self.slow_s = 0.0
        """How long the last write took, if that was too long; 0 once nothing waits."""
        self.failures = 0
        self.written = 0
        self.last_write_ms: int | None = None
        self.began_s: float | None = None
        """When the attempt that is under way began, on the monotonic clock."""
        self.retention = ""
        """What is kept although it is too old."""

    def failed(self, fault: Fault, now_s: float) -> float:
        """An attempt failed; returns how long to wait."""
        if self.fault is None:
            self.since_s = now_s
        self.fault, before = fault, self.fault
        if fault.reason == "held":  # to wait for one's turn is no attempt that failed
            self.failures += before is None or before.reason != "held"
            return self._pace.retry_s
        self.failures += 1
        pause_s = self._pace.retry_s * float(1 << min(self._in_a_row, 10))
        self._in_a_row += 1
        return min(pause_s, self._pace.retry_most_s)

    def worked(self) -> None:
        """An attempt went well."""
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
            opened: whether the database was opened once.
            pending: bars that wait.
            age_s: since when.
            dropped: bars given up.
            database: the address for people.
            silent: why questions are not answered; empty when they are.
            now_s: the monotonic clock.
            since_overflow_s: how long ago bars were last given up because too many waited.
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
