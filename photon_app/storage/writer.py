"""One round of the writer's thread: open the database, write what waits, delete what is too old.

Synchronous and without a thread of its own: ``Store`` calls ``run_once`` repeatedly from the one
thread that owns the writing connection, and tests call it from theirs. A round never raises.
``condition`` has what went wrong, and bars that were not written wait for a later round.

Each source has one writer among all processes that share a database. A process that is not the
writer reads, lets its bars wait, and checks each second whether the other process has ended.

It logs one line when a fault begins, one when it is over, and one for each file that it moves
aside.
"""

import logging

from photon_app.clock import Time
from photon_app.storage.database import Database
from photon_app.storage.faults import Fault, UnusableError, fault_of
from photon_app.storage.health import Condition, Pace
from photon_app.storage.owner import Owner
from photon_app.storage.pending import Pending
from photon_app.storage.retention import Retention, judge

BATCH = 5_000
"""The most rows of one transaction."""
_log = logging.getLogger(__name__)


class Writer:
    """Writes the bars of one source."""

    def __init__(
        self,
        database: Database,
        pending: Pending,
        *,
        source: str,
        since_ms: int,
        retention: Retention,
        owner: Owner,
        pace: Pace,
        time: Time,
    ) -> None:
        """Make a writer; its first round opens the database.

        Args:
            database: used for writing here and nowhere else.
            pending: the bars that wait.
            source: the source of the bars.
            since_ms: stored bars that begin then or later are passed to the owner.
            retention: how long bars are kept.
            owner: gets what is stored once, after the first opening, and is notified each time that
                the database was replaced by another.
            pace: the pauses.
            time: the clocks of this process.
        """
        self._database = database
        self._pending = pending
        self._source = source
        self._since_ms = since_ms
        self._retention = retention
        self._owner = owner
        self._pace = pace
        self._now_ms = time.now_ms
        self._monotonic = time.monotonic
        self._handed_over = False
        self._lost = False
        self._claimed = False
        self._behind = False
        """Whether another process may have written this source since the waiting bars were put."""
        self._suspected = False
        self._sweep_s = 0.0
        self._sweeping = False
        """Whether a sweep is not finished yet."""
        self._before_ms: int | None = None
        self._aged = 0
        """How much of ``Database.aged`` was logged."""
        self.condition = Condition(pace)

    def suspect(self) -> None:
        """A reader found the database damaged: check the whole file. Callable from any thread."""
        self._suspected = True

    def run_once(self) -> float:
        """Do one round; returns how many seconds to wait before the next."""
        written = self.condition.written
        self.condition.began_s = self._monotonic()
        try:
            self._ready()
            self._write()
            self._sweep()
        except Exception as error:  # noqa: BLE001 - after any error bars wait, and prices flow
            return self._failed(fault_of(error, self._database.address))
        finally:
            self.condition.began_s = None
        self._worked(self.condition.written - written)
        return self._pace.write_s

    def close(self) -> None:
        """Close every connection."""
        self._log_deleted()
        self._database.close()

    # The steps of a round

    def _ready(self) -> None:
        self._look()
        if not self._database.is_open:
            self._database.open()
        try:
            taken = self._database.claim(self._source)
        finally:  # a process that may not write also continues the stored bars, and reads
            if not self._handed_over:
                self._owner.resume(self._database.since(self._source, self._since_ms))
                self._handed_over = True
        self._behind |= taken and self._claimed and not self._lost
        self._claimed = True
        if self._lost:
            self._owner.restore()
        self._lost = False

    def _look(self) -> None:
        state = self._database.look()
        if state == "garbage":
            raise UnusableError("corrupt", "the database file was overwritten with something else")
        if state == "other":
            _log.warning("%s was replaced or removed; it is opened again", self._shown)
            self._lost = True
            self._database.close()
        elif self._suspected and state == "same":
            self._suspected = False
            if not self._database.is_whole():
                raise UnusableError("corrupt", "the database is damaged")

    def _write(self) -> None:
        if self._pending.is_idle:
            self.condition.idle()
        while not self._pending.is_idle:
            batch = self._pending.take(BATCH)
            began_s = self._monotonic()
            try:
                self._database.write(
                    self._source, batch.rows, replaces=batch.replaces, fuller=self._behind
                )
            except BaseException:
                self._pending.give_back(batch)
                raise
            self._pending.done(batch)
            if batch.replaces:
                self._sweep_s = 0.0
            self.condition.wrote(len(batch.rows), self._monotonic() - began_s, self._now_ms())
        self._behind = False

    def _sweep(self) -> None:
        if self._monotonic() < self._sweep_s:
            return
        if not self._sweeping:
            verdict = judge(self._retention, self._now_ms(), self._database.begins)
            self._before_ms = verdict.before_ms
            self._keep_old(verdict.kept)
        self._sweeping = self._database.sweep(self._before_ms, BATCH)
        self._sweep_s = self._monotonic() + (0.0 if self._sweeping else self._pace.sweep_s)
        if not self._sweeping:
            self._log_deleted()

    def _keep_old(self, why: str) -> None:
        """Set which bars are kept although they are too old; logged when that begins."""
        if why and not self.condition.retention:
            _log.warning("in %s %s", self._shown, why)
        self.condition.retention = why

    def _log_deleted(self) -> None:
        """Log how many bars were deleted since the last such record."""
        aged, self._aged = self._database.aged - self._aged, self._database.aged
        if aged:
            _log.info(
                "%d bars of days that ended more than PHOTON_RETENTION_DAYS=%d days ago were "
                "deleted from %s",
                aged,
                self._retention.days,
                self._shown,
            )

    # How it went

    def _worked(self, waited: int) -> None:
        if self.condition.fault is not None:
            took_s = self._monotonic() - self.condition.since_s
            _log.warning(
                "bars are written to %s again, after %.0f s; %d had waited",
                self._shown,
                took_s,
                waited,
            )
        self.condition.worked()

    def _failed(self, fault: Fault) -> float:
        first = self.condition.fault is None
        pause_s = self.condition.failed(fault, self._monotonic())
        if first:
            waiting = len(self._pending)
            _log.warning(
                "bars cannot be written to %s: %s; %d wait", self._shown, fault.detail, waiting
            )
        if fault.reason == "corrupt" and self._set_aside():
            return 0.0 if first else pause_s
        self._behind |= fault.reason == "held"
        if fault.reason not in {"held", "locked"}:
            self._database.disconnect()
        return pause_s

    def _set_aside(self) -> bool:
        """Move a damaged file aside, so that the next round creates a new one."""
        try:
            aside = self._database.set_aside(self._now_ms())
        except OSError as error:
            _log.warning("%s cannot be moved aside: %s", self._shown, error.strerror)
            return False
        if aside is not None:
            _log.warning(
                "%s is damaged and was moved to %s; a new one is begun", self._shown, aside
            )
            self._lost = True
        return aside is not None

    @property
    def _shown(self) -> str:
        return self._database.address.shown
