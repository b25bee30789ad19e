"""One writer of a source among all processes, on both databases."""

import contextlib
import errno
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photon_app import ROOT
from photon_app.calendar.timeframes import NEVER_MS
from photon_app.storage import lease
from photon_app.storage.address import Address, parse
from photon_app.storage.database import Database
from photon_app.storage.faults import UnusableError
from photon_app.storage.health import Pace
from photon_app.storage.lease import FileLease
from photon_app.storage.statements import LEASE_S
from tests.storage.material import (
    SOURCE,
    Owner,
    bar,
    bars,
    on_disk,
    run,
    sources,
    stored,
    storing,
    until,
    write,
    written,
)

REFUSED = "another Photon writes here"
KILLED_S = 3.0
"""So soon a killed process' lease is taken: far less than it would last by itself."""
CHILD = """
import asyncio, sys
from photon_app.storage.address import parse
from tests.storage.material import bar, storing, written

async def main():
    async with storing(parse(sys.argv[1])) as store:
        store.put("A", [bar(0, 1.0), bar(1, 1.0, count=1)])
        await written(store)
        print("written", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@contextlib.contextmanager
def another(address: Address) -> Iterator[subprocess.Popen[str]]:
    """A process that writes there; killed with the block, if it was not before."""
    url = address.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "written\n"
            yield child
        finally:
            child.kill()


@pytest.fixture
def two(database: Database) -> Iterator[tuple[Database, Database]]:
    """Two at one address."""
    with contextlib.closing(Database(database.address)) as other:
        other.open()
        yield database, other


# Whole stores


def test_the_second_of_two_says_so_and_goes_on_when_the_first_ends(address: Address) -> None:
    """It reads what the first one stored, and loses nothing that was put meanwhile."""

    async def scenario() -> None:
        owner = Owner()
        async with contextlib.AsyncExitStack() as ending:
            first = await ending.enter_async_context(storing(address))
            first.put("A", bars([1, 2]))
            await written(first)
            async with storing(address, owner, since_ms=bar(2).time_ms) as second:
                second.put("A", [bar(3, 12.0)])
                await until(lambda: second.health.state == "failing")
                assert second.health.reason == "held"
                assert REFUSED in second.health.detail
                assert second.health.pending == 1
                assert owner.resumed == [{"A": bars([2])}]
                assert await second.read("A", 0, NEVER_MS, 9, newest=True) == bars([1, 2])
                first.put("A", bars([4]))
                await written(first)
                assert first.health.state == "ok"
                assert second.health.failures == 1
                await ending.aclose()
                await written(second)
                assert len(await second.read("A", 0, NEVER_MS, 9, newest=True)) == 4

    run(scenario())
    assert on_disk(address) == [*bars([1, 2]), bar(3, 12.0), bar(4)]


def test_a_killed_process_is_taken_over_from_at_once(address: Address) -> None:
    """By one that waited; of a minute that both have the fuller bar stays."""

    async def scenario() -> None:
        with another(address) as child:
            async with storing(address, since_ms=bar(9).time_ms) as store:
                store.put("A", [bar(0, 2.0, count=2), bar(1, 2.0), bar(2, 2.0)])
                await until(lambda: store.health.reason == "held")
                child.kill()
                killed_s = time.monotonic()
                await written(store)
                assert time.monotonic() - killed_s < KILLED_S

    run(scenario())
    assert on_disk(address) == [bar(0, 1.0), bar(1, 2.0), bar(2, 2.0)]


def test_who_starts_after_a_kill_writes_at_once(address: Address) -> None:
    """Without a word about another one."""

    async def scenario() -> None:
        with another(address) as child:
            child.kill()
            child.wait(10)
            began_s = time.monotonic()
            async with storing(address) as store:
                store.put("A", bars([5]))
                await written(store)
                assert store.health.failures == 0
                assert time.monotonic() - began_s < KILLED_S

    run(scenario())
    assert on_disk(address)[-1] == bar(5)


def test_other_sources_are_written_beside_each_other(address: Address) -> None:
    """Each by its own process."""

    async def scenario() -> None:
        names = ("simulated", "finnhub", "replay:a.jsonl", "replay:b.jsonl")
        async with contextlib.AsyncExitStack() as ending:
            for name in names:
                store = await ending.enter_async_context(storing(address, source=name))
                store.put("A", bars([1]))
                await written(store)
        for name in names:
            assert on_disk(address, name) == bars([1])

    run(scenario())


# Databases


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["claim", "write", "close", "lose"])),
        max_size=25,
    )
)
def test_whatever_they_do_one_holds_it_and_only_the_holder_writes(
    address: Address, story: list[tuple[int, str]]
) -> None:
    """Three that claim, write, end, and lose their connections."""
    source = next(sources)
    those = [Database(address) for _ in range(3)]
    holder: int | None = None
    minute = 0
    try:
        for number, step in story:
            one = those[number]
            if step == "close":
                one.close()
                holder = None if holder == number else holder
                continue
            if not one.is_open:
                one.open()
            if step == "lose" and address.is_sqlite:
                one.disconnect()  # its lock stays, as does the process
                continue
            minute += 1
            try:
                if step != "write":
                    one.claim(source)
                else:
                    write(one, source, "A", bars([minute]))
            except UnusableError:
                assert holder not in {None, number}
            else:
                assert holder in {None, number}
                holder = number
                assert step != "write" or stored(one, source)[-1] == bar(minute)
    finally:
        for one in those:
            one.close()


def test_who_stood_still_for_long_cannot_write_what_another_took(
    postgres_address: Address,
) -> None:
    """Its connection is as it was; and as long as no other process took it, it continues."""
    with (
        contextlib.closing(Database(postgres_address)) as first,
        contextlib.closing(Database(postgres_address)) as second,
    ):
        first.open()
        second.open()

        def stand_still() -> None:
            with second._open.begin():
                second._open.execute(sa.text("UPDATE leases SET until = now() - interval '1 s'"))

        assert LEASE_S + Pace().retry_s < 15
        assert first.claim("s")
        stand_still()
        assert not first.claim("s")
        with pytest.raises(UnusableError, match=REFUSED):
            second.claim("s")
        stand_still()
        write(first, "s", "A", bars([1]))
        stand_still()
        assert second.claim("s")
        with pytest.raises(UnusableError, match=REFUSED):
            write(first, "s", "A", bars([2]))
        with pytest.raises(UnusableError, match=REFUSED):
            first.claim("s")
        write(second, "s", "A", bars([3]))
        assert stored(second, "s") == bars([1, 3])


def test_a_lease_whose_connection_is_gone_is_free(postgres_address: Address) -> None:
    """As after a kill, on whatever machine; who comes back later is refused."""
    with (
        contextlib.closing(Database(postgres_address)) as first,
        contextlib.closing(Database(postgres_address)) as second,
    ):
        first.open()
        second.open()
        first.claim("s")
        first.disconnect()
        end_s = time.monotonic() + 5
        while True:
            with contextlib.suppress(UnusableError):
                assert second.claim("s")
                break
            assert time.monotonic() < end_s
        first.open()
        with pytest.raises(UnusableError, match=REFUSED):
            write(first, "s", "A", bars([1]))


def test_a_connection_that_comes_back_keeps_its_lease(postgres_address: Address) -> None:
    """If no other process took it meanwhile."""
    with contextlib.closing(Database(postgres_address)) as first:
        first.open()
        assert first.claim("s")
        first.disconnect()
        first.open()
        assert not first.claim("s")
        write(first, "s", "A", bars([1]))


def test_the_fuller_minute_stays_when_that_is_asked(database: Database) -> None:
    """Of equals the new one is written; what missed something is never the fuller one."""
    cut = {"incomplete": True}
    write(database, "s", "A", [*(bar(n, count=5) for n in range(5)), bar(5, count=5, **cut)])
    new = [
        bar(0, 12.0, count=4),
        bar(1, 12.0, count=5),
        bar(2, 12.0, count=6),
        bar(3, 12.0, count=6, **cut),
        bar(5, 12.0, count=6, **cut),
        bar(6, 12.0),
    ]
    database.write("s", [("A", one) for one in new], replaces=False, fuller=True)
    assert stored(database, "s") == [
        bar(0, count=5),
        *new[1:3],
        bar(3, count=5),
        bar(4, count=5),
        *new[4:],
    ]


def test_a_database_of_the_first_version_is_brought_up_to_date(database: Database) -> None:
    """With all that it has."""
    write(database, "s", "A", bars([1]))
    with database._open.begin():
        database._open.execute(sa.text("DROP TABLE leases"))
        database._open.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    database._leases.clear()
    database.disconnect()
    database.open()
    write(database, SOURCE, "A", bars([2]))
    assert stored(database, "s") == bars([1]) and stored(database) == bars([2])


# SQLite's file


def test_what_is_left_after_a_clean_end_is_the_database_alone(sqlite_address: Address) -> None:
    """Whatever a source is called."""
    assert sqlite_address.path is not None
    with contextlib.closing(Database(sqlite_address)) as database:
        database.open()
        for source in ("simulated", "replay:../x/\x1b[2J.jsonl", "replay:" + "é" * 250):
            assert database.claim(source)
        assert len(list(sqlite_address.path.parent.glob("photon.db-lease-*"))) == 3
    assert [path.name for path in sqlite_address.path.parent.iterdir()] == ["photon.db"]


def test_two_ways_to_one_file_lead_to_one_lease(sqlite_address: Address, tmp_path: Path) -> None:
    """A link to it, or to its folder."""
    assert sqlite_address.path is not None
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "link.db").symlink_to(sqlite_address.path)
    with contextlib.closing(Database(sqlite_address)) as first:
        first.open()
        first.claim("s")
        for other in ("link.db", "folder/photon.db"):
            with contextlib.closing(Database(parse(f"sqlite:///{tmp_path / other}"))) as second:
                second.open()
                with pytest.raises(UnusableError, match=REFUSED):
                    second.claim("s")


def test_a_lease_whose_file_was_removed_is_not_held(tmp_path: Path) -> None:
    """The next process takes it; the one that had it is refused, and removes nothing."""
    first, second = (FileLease(tmp_path / "photon.db", "s") for _ in range(2))
    assert first.take() and not first.take()
    first.path.unlink()
    with pytest.raises(UnusableError, match=REFUSED):
        first.keep()
    assert second.take()
    with pytest.raises(UnusableError, match=REFUSED):
        first.take()
    first.release()
    second.keep()
    second.release()
    assert first.take()
    first.release()


def test_a_file_system_without_locks_is_written_and_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Any other fault is one."""

    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(code, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    mine = FileLease(tmp_path / "photon.db", "s")
    code = errno.ENOLCK
    assert mine.take()
    assert not mine.take()
    assert caplog.text.count("file system without locks") == 1
    mine.release()
    code = errno.EIO
    with pytest.raises(OSError, match="no locks"):
        mine.take()


def test_a_foreign_name_is_made_printable() -> None:
    """And not endless."""
    message = str(lease.held_elsewhere("replay:\x1b[31m" + "x" * 300))
    assert message.isprintable() and len(message) < 200
