"""What can happen to a file while it is used. After each: everything put is stored, and no more."""

import asyncio
import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from photon_app.calendar.timeframes import NEVER_MS
from photon_app.errors import StorageError
from photon_app.storage.address import Address, parse
from photon_app.storage.store import Store
from tests.fakes.waiting import wait_until
from tests.storage.material import QUICK, Owner, bar, bars, on_disk, run, storing, until, written


@pytest.fixture
def path(sqlite_address: Address) -> Path:
    assert sqlite_address.path is not None
    return sqlite_address.path


@contextlib.contextmanager
def small(tmp_path: Path, options: str) -> Iterator[Path]:
    """A small file system."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "photon-test", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine lets the tests mount nothing")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    with small(tmp_path, "size=1m") as folder:
        yield folder


def in_place(path: Path, content: bytes) -> None:
    """Overwrite a file as another process would: in this one it would drop SQLite's locks."""
    subprocess.run(["dd", f"of={path}", "status=none"], input=content, check=True)


def before_the_next_write(store: Store, statement: str) -> None:
    """Say something on the writing connection, in the thread that owns it."""
    database = store._database
    assert database is not None
    write = database.write

    def once(*given: Any, **named: Any) -> None:
        database.write = write  # type: ignore[method-assign]
        with database._open.begin():
            pass
        database._open.connection.cursor().execute(statement)
        database.write(*given, **named)

    database.write = once  # type: ignore[method-assign]


async def failing(store: Store, reason: str) -> None:
    await until(lambda: store.health.state == "failing" and store.health.reason == reason)


def test_a_lock_is_waited_for(sqlite_address: Address, path: Path) -> None:
    """However long another program holds it; readers do not notice."""

    async def scenario() -> None:
        async with storing(sqlite_address) as store:
            store.put("A", bars(range(5)))
            await written(store)
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                store.put("A", bars(range(3, 8), 11.0))
                await failing(store, "locked")
                assert store.health.pending == 5
                assert await store.read("A", 0, NEVER_MS, 99, newest=True) == bars(range(5))
                store.put("A", [bar(9)])
                other.execute("ROLLBACK")
            await written(store)

    run(scenario())
    assert on_disk(sqlite_address) == [*bars(range(3)), *bars(range(3, 8), 11.0), bar(9)]


LOCKS = """
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX, 8, 120)
    print("locked", flush=True)
    sys.stdin.read()
"""
"""Takes every lock of the log's index, those of readers included (sqlite.org/walformat.html)."""


@contextlib.contextmanager
def readers_locked_out(path: Path) -> Iterator[None]:
    """Another process has all locks of a database's log."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCKS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.stdin.close()


def test_readers_that_another_program_locks_out_fail_at_once_after_one_time_out(
    sqlite_address: Address, path: Path
) -> None:
    """SQLite would wait ten seconds each time; it is read again when the lock is gone."""
    pace = msgspec.structs.replace(QUICK, read_s=0.5)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with storing(sqlite_address, pace=pace) as store:
            store.put("A", bars(range(5)))
            await written(store)
            with readers_locked_out(path):
                began_s = loop.time()
                for _ in range(20):
                    with pytest.raises(StorageError, match="did not answer"):
                        await store.read("A", 0, NEVER_MS, 9, newest=False)
                assert loop.time() - began_s < 2
                assert (store.health.state, store.health.reason) == ("failing", "silent")
            await until(lambda: store.health.state == "ok")
            assert await store.read("A", 0, NEVER_MS, 9, newest=False) == bars(range(5))

    run(scenario())


def test_a_disk_without_inodes_is_full_and_written_when_there_are_some_again(
    tmp_path: Path,
) -> None:
    """There is room, and no file can be made: neither the database nor what stands beside it."""

    async def scenario(folder: Path) -> None:
        address = parse(f"sqlite:///{folder / 'photon.db'}")
        crowd = [folder / str(number) for number in range(100)]

        def fill() -> None:
            with contextlib.suppress(OSError):
                for file in crowd:
                    file.touch()

        fill()
        async with storing(address, opened=False) as store:
            store.put("A", bars(range(5)))
            await failing(store, "full")
            assert store.health.pending == 5
            for file in crowd:
                file.unlink(missing_ok=True)
            await written(store)
        fill()
        async with storing(address, opened=False) as store:
            store.put("A", bars(range(5, 8)))
            await failing(store, "full")
            crowd[0].unlink()
            crowd[1].unlink()
            crowd[2].unlink()
            await written(store)
        assert on_disk(address) == bars(range(8))

    with small(tmp_path, "size=8m,nr_inodes=16") as folder:
        run(scenario(folder))


def test_a_read_only_file_is_written_when_it_is_not_any_more(mounted: Path) -> None:
    """And is never moved."""
    address = parse(f"sqlite:///{mounted / 'photon.db'}")

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(mounted)], check=True)

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars([1]))
        remount("ro")
        async with storing(address, opened=False) as store:
            store.put("A", bars([2]))
            await failing(store, "read_only")
            remount("rw")
            await written(store)

    run(scenario())
    assert on_disk(address) == bars([1, 2])
    assert [found.name for found in mounted.iterdir()] == ["photon.db"]


def test_a_connection_that_became_read_only_is_opened_anew(sqlite_address: Address) -> None:
    """The file may not be read-only any more, and the connection still is."""

    async def scenario() -> None:
        async with storing(sqlite_address) as store:
            before_the_next_write(store, "PRAGMA query_only = ON")
            store.put("A", bars([1]))
            await until(lambda: store.health.failures)
            await written(store)

    run(scenario())
    assert on_disk(sqlite_address) == bars([1])


def test_a_full_disk_is_written_when_there_is_room_again(mounted: Path) -> None:
    """Also when there was none to begin with."""
    address = parse(f"sqlite:///{mounted / 'photon.db'}")
    ballast = mounted / "ballast"

    def fill() -> None:
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    async def scenario() -> None:
        fill()
        async with storing(address, opened=False) as store:
            store.put("A", bars(range(100)))
            await failing(store, "full")
            ballast.unlink()
            await written(store)
            fill()
            store.put("A", bars(range(50, 3000), 11.0))
            await failing(store, "full")
            store.put("A", bars([10], 12.0))
            assert store.health.pending == 2951
            ballast.unlink()
            await written(store)

    run(scenario())
    expected = [*bars(range(10)), bar(10, 12.0), *bars(range(11, 50)), *bars(range(50, 3000), 11.0)]
    assert on_disk(address) == expected


def test_a_database_that_may_not_grow_is_full(sqlite_address: Address) -> None:
    """As on a disk that is, on machines that mount nothing."""

    async def scenario() -> None:
        async with storing(sqlite_address) as store:
            before_the_next_write(store, "PRAGMA max_page_count = 1")
            store.put("A", bars(range(1000)))
            await until(lambda: store.health.failures)
            await written(store)

    run(scenario())
    assert on_disk(sqlite_address) == bars(range(1000))


GARBAGE = [b"", b"x", b"no database at all\n" * 500, os.urandom(40_000)]


@pytest.mark.parametrize("content", GARBAGE, ids=["nothing", "x", "text", "noise"])
def test_a_file_that_is_overwritten_is_set_aside(
    sqlite_address: Address, path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What memory still has is in the new one, and nothing of the garbage."""

    async def scenario() -> None:
        owner = Owner()
        async with storing(sqlite_address, owner) as store:
            owner.at_reset = lambda: store.put("A", bars(range(10, 20)))
            store.put("A", bars(range(20)))
            await written(store)
            await store.read("A", 0, NEVER_MS, 99, newest=True)
            in_place(path, content)

            async def reset() -> int:
                with contextlib.suppress(StorageError):
                    found = await store.read("A", 0, NEVER_MS, 99, newest=True)
                    assert found in ([], bars(range(10, 20)))
                return owner.resets

            await wait_until(reset, 60)
            store.put("A", bars([20]))
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 99, newest=True) == bars(range(10, 21))

    with caplog.at_level(logging.INFO):
        run(scenario())
    assert on_disk(sqlite_address) == bars(range(10, 21))
    asides = [found for found in path.parent.iterdir() if ".corrupt-" in found.name]
    [aside] = [found for found in asides if not found.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes()[16:].startswith(content[16:][:100])
    assert caplog.text.count("is damaged and was moved to") == 1


def put_aside(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("how", [put_aside, remove])
def test_a_file_that_is_gone_is_made_anew(
    sqlite_address: Address, path: Path, how: Callable[[Path], None]
) -> None:
    """And the owner puts what memory still has."""

    async def scenario() -> None:
        owner = Owner()
        async with storing(sqlite_address, owner) as store:
            owner.at_reset = lambda: store.put("A", bars([1, 2]))
            store.put("A", bars(range(3)))
            await written(store)
            how(path)
            await until(lambda: owner.resets)
            store.put("A", bars([3]))
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 99, newest=True) == bars([1, 2, 3])

    run(scenario())
    assert on_disk(sqlite_address) == bars([1, 2, 3])
    assert not [found for found in path.parent.iterdir() if "corrupt" in found.name]


def test_another_database_in_its_place_is_used(sqlite_address: Address, path: Path) -> None:
    """Such as a backup; the log of the old file does not spoil it."""
    backup = path.with_name("backup.db")

    async def scenario() -> None:
        async with storing(parse(f"sqlite:///{backup}")) as store:
            store.put("A", bars(range(10), 99.0))
        owner = Owner()
        async with storing(sqlite_address, owner) as store:
            owner.at_reset = lambda: store.put("A", bars([8, 9, 10]))
            store.put("A", bars(range(2000)))
            await written(store)
            backup.rename(path)
            await until(lambda: owner.resets)
            store.put("A", bars([11]))
            await written(store)

    run(scenario())
    assert on_disk(sqlite_address) == [*bars(range(8), 99.0), *bars(range(8, 12))]


def half_damaged(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + os.urandom(len(content) - 100))


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(30_000))


def text(path: Path) -> None:
    path.write_text("time,open,high,low,close\n" * 300)


def damaged_in_the_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))


@pytest.mark.parametrize("damage", [half_damaged, cut_off, noise, text])
def test_a_file_that_is_damaged_at_the_start_is_set_aside(
    sqlite_address: Address, path: Path, damage: Callable[[Path], None]
) -> None:
    """With its log, which belongs to it."""

    async def scenario() -> None:
        async with storing(sqlite_address) as store:
            store.put("A", bars(range(3000)))
        damage(path)
        path.with_name("photon.db-wal").write_bytes(b"a log")
        owner = Owner()
        async with storing(sqlite_address, owner, opened=False) as store:
            store.put("A", bars([7]))
            await until(lambda: owner.resumed)
            await written(store)
        assert owner.resumed == [{}]

    run(scenario())
    assert on_disk(sqlite_address) == bars([7])
    names = {found.name.partition(".corrupt-")[0] for found in path.parent.iterdir()}
    assert names == {"photon.db"}


def test_damage_in_the_middle_is_found_by_its_reader(sqlite_address: Address, path: Path) -> None:
    """It is reported as an error, and then there is a new file with what memory has."""

    async def scenario() -> None:
        async with storing(sqlite_address) as store:
            store.put("A", bars(range(20_000)))
        damaged_in_the_middle(path)
        owner = Owner()
        async with storing(sqlite_address, owner, since_ms=bar(19_990).time_ms) as store:
            owner.at_reset = lambda: store.put("A", bars(range(19_000, 20_000)))
            with pytest.raises(StorageError, match="damaged"):
                await store.read("A", 0, NEVER_MS, 20_000, newest=False)
            await until(lambda: owner.resets)
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 1, newest=True) == [bar(19_999)]

    run(scenario())
    assert on_disk(sqlite_address) == bars(range(19_000, 20_000))
