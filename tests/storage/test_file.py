"""Whether a path still leads to the file that was opened."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from photon_app.storage.address import parse
from photon_app.storage.database import Database
from photon_app.storage.faults import UnusableError
from photon_app.storage.file import HEADER, File, set_aside
from photon_app.storage.lease import FileLease
from tests.feed.recording.test_file import not_a_file

MOMENT_MS = 1_795_541_400_000
"""17:30 on 24 November 2026, UTC."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database."""
    path = tmp_path / "photon.db"
    path.write_bytes(HEADER + bytes(4080))
    return path


@pytest.fixture
def file(path: Path) -> Iterator[File]:
    held = File(path)
    yield held
    held.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_stays_the_same_while_nobody_touches_it(path: Path, file: File) -> None:
    """Or writes into it as databases are written."""
    assert file.state() == "same"
    with path.open("ab") as end:
        end.write(b"more")
    assert file.state() == "same"


def test_another_file_in_its_place_is_another(path: Path, file: File) -> None:
    """Even with the same bytes."""
    path.rename(path.with_name("old"))
    assert file.state() == "other"
    path.write_bytes(HEADER)
    assert file.state() == "other"


@pytest.mark.parametrize("content", [b"", b"hello", os.urandom(10_000)])
def test_a_file_that_is_no_database_any_more_is_garbage(
    path: Path, file: File, content: bytes
) -> None:
    """Overwritten in place, or cut off."""
    path.write_bytes(content)
    assert file.state() == "garbage"


def test_two_may_hold_one_file_and_each_lets_it_go(path: Path) -> None:
    """By one descriptor: to close a second one would take away SQLite's locks."""
    before = open_files()
    first, second = File(path), File(path)
    assert open_files() == before + 1
    first.close()
    first.close()
    assert first.state() == "other" and second.state() == "same"
    second.close()
    assert open_files() == before


def test_it_is_made_where_there_is_none(tmp_path: Path) -> None:
    """But for its folder."""
    File(tmp_path / "new.db").close()
    assert (tmp_path / "new.db").exists()
    with pytest.raises(UnusableError, match=r"the folder of .*x\.db does not exist: make it"):
        File(tmp_path / "none" / "x.db")
    with pytest.raises(UnusableError, match="is a folder"):
        File(tmp_path)


def test_the_log_of_a_file_that_was_replaced_is_taken_away(tmp_path: Path) -> None:
    """The file in its place would be read together with it."""
    path = tmp_path / "photon.db"
    file = File(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    file.opened()
    kept = path.with_name("photon.db-wal")
    assert kept.stat().st_size
    path.rename(tmp_path / "old")
    file.close()
    assert not kept.exists()
    connection.close()


def test_what_is_set_aside_keeps_all_that_belongs_to_it(path: Path) -> None:
    """Under a name with the time, and a number if need be."""
    path.with_name("photon.db-wal").write_bytes(b"log")
    aside = set_aside(path, MOMENT_MS)
    assert aside.name == "photon.db.corrupt-20261124-173000"
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"log"
    assert not path.exists()
    path.write_bytes(b"again")
    assert set_aside(path, MOMENT_MS).name == "photon.db.corrupt-20261124-173000-2"
    assert aside.read_bytes().startswith(HEADER)


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a socket", "a device"])
def test_what_is_no_file_is_refused_and_not_opened(tmp_path: Path, kind: str) -> None:
    """A pipe is not waited for."""
    before = open_files()
    with pytest.raises(UnusableError, match="and no file"):
        File(not_a_file(tmp_path, kind))
    assert open_files() == before


@pytest.mark.parametrize("name", ["README.md", "passwd", "bars.jsonl.gz"])
def test_a_file_that_is_no_database_by_its_name_stays_where_it_is(
    tmp_path: Path, name: str
) -> None:
    """A file named by a mistyped address stays as it was."""
    path = tmp_path / name
    path.write_text("precious\n" * 1000)
    database = Database(parse(f"sqlite:///{path}"))
    with contextlib.closing(database):
        with pytest.raises(sa.exc.DatabaseError):
            database.open()
        assert database.set_aside(MOMENT_MS) is None
    assert path.read_text() == "precious\n" * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_lease_is_not_taken_through_a_link(tmp_path: Path) -> None:
    """Another may have put it there."""
    lease = FileLease(tmp_path / "photon.db", "simulated")
    lease.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        lease.take()
    assert not (tmp_path / "elsewhere").exists()
