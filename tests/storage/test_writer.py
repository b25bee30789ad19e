"""One round of the thread that writes, driven by hand: no thread, no database, no waiting."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.timeframes import DAY_MS
from photon_app.market.merge import merge
from photon_app.model import Bar
from photon_app.storage.address import parse
from photon_app.storage.database import Database
from photon_app.storage.faults import Fault, UnusableError
from photon_app.storage.health import Pace, StorageHealth
from photon_app.storage.lease import held_elsewhere
from photon_app.storage.pending import Pending
from photon_app.storage.retention import AT_ONCE_DAYS, Retention
from photon_app.storage.writer import Writer
from tests.fakes.time import HandTime
from tests.storage.material import NOON_MS, Owner, bar, bars

Look = Literal["closed", "same", "other", "garbage"]


class Disk(Database):
    """A database in a dictionary, which does what a test tells it to."""

    def __init__(self) -> None:
        super().__init__(parse("sqlite:///photon.db"))
        self.rows: dict[tuple[str, int], Bar] = {}
        self.trouble: BaseException | None = None
        self.seems: Look = "same"
        self.opened = False
        self.whole = True
        self.of_another = False
        self.claimed = False
        self.said: list[str] = []
        self.before_ms: list[int | None] = []
        self.more = 0
        self.days = 0

    @property
    def is_open(self) -> bool:
        return self.opened

    def open(self) -> None:
        self._do("open")
        self.opened = True
        self.seems = "same"

    def disconnect(self) -> None:
        self.said.append("disconnect")
        self.opened = False

    def close(self) -> None:
        self.said.append("close")
        self.opened = False

    def look(self) -> Look:
        return self.seems if self.opened else "closed"

    def is_whole(self) -> bool:
        return self.whole

    def set_aside(self, _now_ms: int) -> Path | None:
        self.said.append("set aside")
        self.rows.clear()
        self.opened, self.trouble, self.whole = False, None, True
        return Path("photon.db.corrupt")

    def claim(self, _source: str) -> bool:
        if self.of_another:
            raise held_elsewhere("simulated")
        taken, self.claimed = not self.claimed, True
        return taken

    def write(
        self,
        _source: str,
        rows: Sequence[tuple[str, Bar]],
        *,
        replaces: bool,
        fuller: bool = False,
    ) -> None:
        self._do("write")
        if replaces:
            self.rows.clear()
        for symbol, one in rows:
            there = self.rows.get((symbol, one.time_ms))
            if not (fuller and there is not None and there.count > one.count):
                self.rows[symbol, one.time_ms] = one

    def since(self, _source: str, since_ms: int) -> dict[str, list[Bar]]:
        found: dict[str, list[Bar]] = {}
        for (symbol, time_ms), one in self.rows.items():
            if time_ms >= since_ms:
                found.setdefault(symbol, []).append(one)
        return found

    def begins(self, from_ms: int, _before_ms: int, most: int) -> list[int]:
        return [from_ms + day * DAY_MS for day in range(min(self.days, most))]

    def sweep(self, before_ms: int | None, _rows: int) -> bool:
        self.before_ms.append(before_ms)
        self.aged += 5
        self.more -= 1
        return self.more >= 0

    def _do(self, what: str) -> None:
        self.said.append(what)
        if self.trouble is not None:
            raise self.trouble


class Told(Owner):
    """An owner whose bars that wait learn what was stored."""

    def __init__(self, disk: Disk, pending: Pending) -> None:
        super().__init__()
        self._disk = disk
        self._pending = pending

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """Nothing was written before."""
        assert "write" not in self._disk.said
        self._pending.resume(stored)
        super().resume(stored)


class Scene:
    """A writer and all around it."""

    def __init__(self, retention_days: int = 0) -> None:
        self.time = HandTime(at_ms=NOON_MS)
        self.disk = Disk()
        self.pending = Pending(capacity=100, time=self.time)
        self.owner = Told(self.disk, self.pending)
        self.writer = Writer(
            self.disk,
            self.pending,
            source="simulated",
            since_ms=bar(5).time_ms,
            retention=Retention(days=retention_days),
            owner=self.owner,
            pace=Pace(),
            time=self.time,
        )

    @property
    def health(self) -> StorageHealth:
        return self.writer.condition.health(
            opened=bool(self.owner.resumed),
            pending=len(self.pending),
            age_s=self.pending.age_s,
            dropped=self.pending.dropped,
            database="photon.db",
            since_overflow_s=self.pending.since_overflow_s,
        )

    def put(self, *some: Bar) -> None:
        self.pending.put("A", some)

    def pauses(self, rounds: int) -> list[float]:
        return [self.writer.run_once() for _ in range(rounds)]


LOCKED = sqlite3.OperationalError("database is locked")
LOCKED.sqlite_errorcode = sqlite3.SQLITE_BUSY
GONE = UnusableError("gone", "nobody answers")
CORRUPT = UnusableError("corrupt", "not a database")


def test_what_is_stored_is_handed_over_once_and_before_anything_is_written() -> None:
    """Only bars since the time that was given."""
    scene = Scene()
    scene.disk.rows = {("A", one.time_ms): one for one in bars([4, 5, 6])}
    scene.put(bar(6, count=4))
    scene.pauses(2)
    assert scene.owner.resumed == [{"A": bars([5, 6])}]
    assert scene.disk.rows["A", bar(6).time_ms].count == bar(6).count + 4


def test_bars_that_are_given_up_are_a_fault_for_a_minute() -> None:
    """With its reason; then what waits is well again."""
    scene = Scene()
    scene.pauses(1)
    scene.put(*bars(range(100)))
    assert scene.health.state == "ok"
    scene.put(bar(100))
    scene.time.at_s += 59
    assert (scene.health.state, scene.health.reason) == ("failing", "overflow")
    assert "too many waited" in scene.health.detail
    scene.pauses(1)
    scene.time.at_s += 1
    assert (scene.health.state, scene.health.dropped) == ("ok", 1)


def test_what_waits_is_written_once_a_second() -> None:
    """And only that."""
    scene = Scene()
    scene.put(bar(1))
    assert scene.pauses(2) == [1.0, 1.0]
    assert scene.disk.said == ["open", "write"]
    assert scene.health.written == 1 and scene.health.last_write_ms == NOON_MS


def test_pauses_grow_and_begin_anew() -> None:
    """From a second to a quarter of a minute."""
    scene = Scene()
    scene.disk.trouble = GONE
    assert scene.pauses(6) == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    scene.disk.trouble = None
    assert scene.pauses(1) == [1.0]
    scene.disk.trouble = GONE
    scene.put(bar(1))
    assert scene.pauses(2) == [1.0, 2.0]


def test_a_fault_is_logged_once_when_it_begins_and_once_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However long it lasts."""
    scene = Scene()
    scene.pauses(1)
    scene.disk.trouble = GONE
    with caplog.at_level(logging.INFO):
        for _ in range(30):
            scene.put(bar(1))
            scene.time.at_s += scene.writer.run_once()
        scene.disk.trouble = None
        scene.pauses(3)
    assert [record.getMessage() for record in caplog.records] == [
        "bars cannot be written to sqlite:///photon.db: nobody answers; 1 wait",
        "bars are written to sqlite:///photon.db again, after 405 s; 1 had waited",
    ]


def test_health_tells_the_fault_and_that_it_is_over() -> None:
    """While bars wait, and after they were written."""
    scene = Scene()
    assert scene.health.state == "opening"
    scene.disk.trouble = LOCKED
    scene.put(bar(1))
    scene.pauses(2)
    assert (scene.health.state, scene.health.reason) == ("failing", "locked")
    assert "another program holds the database locked" in scene.health.detail
    assert (scene.health.pending, scene.health.failures) == (1, 2)
    scene.disk.trouble = None
    scene.pauses(1)
    assert (scene.health.state, scene.health.reason, scene.health.pending) == ("ok", "", 0)


def test_bars_that_wait_long_make_it_slow() -> None:
    """Also when the database says nothing at all."""
    scene = Scene()
    scene.pauses(1)
    scene.put(bar(1))
    scene.time.at_s = 5.0
    assert scene.health.state == "ok"
    scene.time.at_s = 5.5
    assert (scene.health.state, scene.health.reason) == ("slow", "slow")


def test_a_write_that_takes_long_makes_it_slow() -> None:
    """Until one does not."""
    scene = Scene()
    scene.pauses(1)

    def take_long(*_: object, **__: object) -> None:
        scene.time.at_s += 1.5

    quick, scene.disk.write = scene.disk.write, take_long  # type: ignore[method-assign]
    scene.put(bar(1))
    scene.pauses(1)
    states = [scene.health.state]
    scene.disk.write = quick  # type: ignore[method-assign]
    scene.put(bar(1))
    scene.pauses(1)
    assert [*states, scene.health.state] == ["slow", "ok"]


def test_a_write_that_took_long_is_over_when_nothing_waits_any_more() -> None:
    """It is not reported all night because it was the last one of the day."""
    scene = Scene()
    scene.pauses(1)
    quick = scene.disk.write

    def take_long(*given: Any, **named: Any) -> None:
        scene.time.at_s += 1.5
        quick(*given, **named)

    scene.disk.write = take_long  # type: ignore[method-assign]
    scene.put(bar(1))
    scene.pauses(1)
    assert (scene.health.state, scene.health.pending) == ("slow", 0)
    assert scene.health.detail == "the database is slow; the last write took 1.5 s"
    scene.pauses(1)
    assert (scene.health.state, scene.health.detail) == ("ok", "")


def test_a_connection_that_failed_is_opened_anew() -> None:
    """One that waits for a lock is not: it would lose its place."""
    scene = Scene()
    scene.pauses(1)
    for trouble, expected in ((LOCKED, 1), (GONE, 2)):
        scene.disk.trouble = trouble
        scene.put(bar(1))
        scene.pauses(1)
        scene.disk.trouble = None
        scene.pauses(1)
        assert scene.disk.said.count("open") == expected


def test_what_another_writes_is_waited_for_each_second_and_read() -> None:
    """However long; the connection stays, and the fuller of two bars is kept in the end."""
    scene = Scene()
    scene.disk.of_another = True
    scene.disk.rows = {("A", one.time_ms): one for one in [bar(5, count=9), bar(6, count=1)]}
    scene.put(bar(6), bar(7))
    assert scene.pauses(8) == [1.0] * 8
    assert scene.disk.said == ["open"]
    assert (scene.health.state, scene.health.reason) == ("failing", "held")
    assert (scene.health.failures, scene.health.pending) == (1, 2)
    scene.put(bar(5, 12.0))
    scene.disk.of_another = False
    scene.pauses(1)
    assert scene.health.state == "ok"
    halves = merge(bar(6, count=1), bar(6))
    assert list(scene.disk.rows.values()) == [bar(5, count=9), halves, bar(7)]
    scene.put(bar(5, 12.0))
    scene.pauses(1)
    assert scene.disk.rows["A", bar(5).time_ms] == bar(5, 12.0)


def test_who_lost_its_lease_keeps_what_another_wrote_meanwhile() -> None:
    """Also when that one came and went between two rounds."""
    scene = Scene()
    scene.put(bar(1))
    scene.pauses(1)
    scene.disk.claimed = False
    scene.disk.rows["A", bar(1).time_ms] = bar(1, count=7)
    scene.put(bar(1, 12.0), bar(2))
    scene.pauses(1)
    assert list(scene.disk.rows.values()) == [bar(1, count=7), bar(2)]


def test_a_damaged_database_is_set_aside_at_once_and_memory_asked() -> None:
    """What waits is written into the new one, and so is what the owner puts again."""
    scene = Scene()
    scene.put(bar(1))
    scene.pauses(1)
    scene.owner.at_reset = lambda: scene.put(bar(1), bar(2))
    scene.disk.trouble = CORRUPT
    scene.put(bar(2))
    assert scene.pauses(2) == [0.0, 1.0]
    assert scene.owner.resets == 1
    assert list(scene.disk.rows.values()) == bars([1, 2])


def test_a_database_that_is_damaged_again_and_again_is_tried_more_and_more_seldom() -> None:
    """A broken disk is not filled with damaged files."""
    scene = Scene()

    class Worse(Disk):
        def set_aside(self, _now_ms: int) -> Path | None:
            return Path("photon.db.corrupt")

    scene.disk.__class__ = Worse
    scene.disk.trouble = CORRUPT
    assert scene.pauses(5) == [0.0, 2.0, 4.0, 8.0, 15.0]


@pytest.mark.parametrize("reason", ["locked", "read_only", "full", "gone", "error"])
def test_nothing_but_damage_sets_a_database_aside(reason: Literal["locked"]) -> None:
    """It may be the only copy of something."""
    scene = Scene()
    scene.disk.trouble = UnusableError(reason, "not now")
    scene.put(bar(1))
    scene.pauses(5)
    assert "set aside" not in scene.disk.said


def test_what_stands_in_the_place_of_the_file_is_opened() -> None:
    """And the owner puts what memory still has."""
    scene = Scene()
    scene.pauses(1)
    scene.disk.seems = "other"
    scene.pauses(1)
    assert scene.disk.said == ["open", "close", "open"]
    assert scene.owner.resets == 1


def test_damage_that_a_reader_found_is_looked_for_by_the_writer() -> None:
    """A reader may have been unlucky; the writer reads the whole file."""
    scene = Scene()
    scene.pauses(1)
    scene.writer.suspect()
    scene.pauses(1)
    assert "set aside" not in scene.disk.said
    scene.writer.suspect()
    scene.disk.whole = False
    scene.pauses(1)
    assert "set aside" in scene.disk.said


def test_old_bars_are_looked_for_each_hour_and_at_once_while_there_are_more() -> None:
    """From the first round on."""
    scene = Scene(retention_days=2)
    scene.disk.more = 2
    scene.pauses(5)
    assert scene.disk.before_ms == [NOON_MS - 2 * DAY_MS] * 3
    scene.time.at_s = 3600
    scene.pauses(2)
    assert len(scene.disk.before_ms) == 4


def test_what_is_deleted_is_logged_once_for_each_sweep(caplog: pytest.LogCaptureFixture) -> None:
    """However many calls it takes, and at the end when it was not over."""
    scene = Scene(retention_days=2)
    scene.disk.more = 2
    with caplog.at_level(logging.INFO):
        scene.pauses(9)
        scene.time.at_s, scene.disk.more = 3600, 9
        scene.pauses(2)
        scene.writer.close()
    said = [record.getMessage() for record in caplog.records]
    assert [line.split(" bars")[0] for line in said] == ["15", "10"]
    assert "more than PHOTON_RETENTION_DAYS=2 days ago were deleted" in said[0]


def test_too_much_at_once_is_kept_and_reported_until_it_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once in the log, and in health; what was forgotten is deleted all the same."""
    scene = Scene(retention_days=2)
    scene.disk.days = AT_ONCE_DAYS + 1
    for hour in range(5):
        scene.time.at_s = hour * 3600
        scene.pauses(2)
    assert scene.disk.before_ms == [None] * 5
    assert "start with PHOTON_RETENTION_FORCE=" in scene.health.retention
    assert scene.health.state == "ok"
    assert sum("PHOTON_RETENTION_FORCE" in line for line in caplog.messages) == 1
    scene.disk.days, scene.time.at_s = AT_ONCE_DAYS, 18_000
    scene.pauses(1)
    assert scene.disk.before_ms[-1] == NOON_MS - 2 * DAY_MS
    assert scene.health.retention == ""


def test_a_clock_that_leaps_within_a_round_deletes_no_more_than_was_judged() -> None:
    """A sweep keeps the verdict that it began with."""
    scene = Scene(retention_days=2)
    scene.disk.more = 3
    scene.pauses(1)
    scene.time.at_ms += 1_000 * DAY_MS
    scene.disk.days = AT_ONCE_DAYS + 1
    scene.pauses(5)
    assert scene.disk.before_ms == [NOON_MS - 2 * DAY_MS] * 4


def test_a_replacement_is_swept_up_after() -> None:
    """Not an hour later."""
    scene = Scene()
    scene.pauses(1)
    scene.pending.replace()
    scene.pauses(2)
    assert scene.disk.before_ms == [None, None]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 6), st.integers(1, 9)),
            st.sampled_from(["round", "break", "mend", "corrupt"]),
        ),
        max_size=50,
    )
)
def test_whatever_fails_in_between_everything_put_is_stored(
    story: list[str | tuple[int, int]],
) -> None:
    """When the owner puts again what it still has, as memory does."""
    scene = Scene()
    truth: dict[tuple[str, int], Bar] = {}
    scene.owner.at_reset = lambda: scene.put(*truth.values())
    for step in story:
        match step:
            case (int(minute), int(close)):
                scene.put(bar(minute, float(close)))
                truth["A", bar(minute).time_ms] = bar(minute, float(close))
            case "round":
                scene.pauses(1)
            case "break":
                scene.disk.trouble = GONE
            case "corrupt":
                scene.disk.trouble = CORRUPT
            case _:
                scene.disk.trouble = None
    scene.disk.trouble = None
    scene.pauses(3)
    assert scene.disk.rows == truth


def test_a_fault_of_our_own_is_a_fault_like_others() -> None:
    """The thread that writes must not end by it."""
    scene = Scene()
    scene.disk.trouble = ZeroDivisionError("oops")
    scene.pauses(1)
    assert scene.writer.condition.fault == Fault("error", "the database refuses (oops)")
