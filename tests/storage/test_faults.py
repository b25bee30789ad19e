"""What drivers and systems say, in one word and one sentence."""

import errno
import sqlite3
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from photon_app.storage.address import Address, parse
from photon_app.storage.faults import MOST, Reason, UnusableError, fault_of

SERVER = parse("postgresql://me:S3cr3t@host/bars")


@pytest.fixture
def file(tmp_path: Path) -> Address:
    return parse(f"sqlite:///{tmp_path / 'photon.db'}")


def sqlite_error(code: int) -> sa.exc.DBAPIError:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    return sa.exc.OperationalError("INSERT …", {}, error)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_READONLY, "read_only"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "gone"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_CORRUPT, "corrupt"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "corrupt"),
        (sqlite3.SQLITE_NOTADB, "corrupt"),
        (sqlite3.SQLITE_CANTOPEN, "gone"),
        (sqlite3.SQLITE_IOERR_READ, "error"),
        (sqlite3.SQLITE_CONSTRAINT, "error"),
    ],
)
def test_sqlite_says_it_in_codes(file: Address, code: int, reason: Reason) -> None:
    """With more in their upper bits."""
    fault = fault_of(sqlite_error(code), file)
    assert fault.reason == reason
    assert "what SQLite says" in fault.detail and "INSERT" not in fault.detail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (psycopg.OperationalError("connection refused"), "gone"),
        (psycopg.errors.AdminShutdown("terminating connection"), "gone"),
        (psycopg.errors.ConnectionFailure("server closed the connection"), "gone"),
        (psycopg.errors.DiskFull("could not extend file"), "full"),
        (psycopg.errors.ReadOnlySqlTransaction("standby"), "read_only"),
        (psycopg.errors.LockNotAvailable("lock timeout"), "locked"),
        (psycopg.errors.QueryCanceled("statement timeout"), "locked"),
        (psycopg.errors.DataCorrupted("invalid page"), "corrupt"),
        (psycopg.errors.InsufficientPrivilege("permission denied"), "error"),
    ],
)
def test_postgresql_says_it_in_states(error: psycopg.Error, reason: Reason) -> None:
    """And not at all when there is no connection."""
    assert fault_of(sa.exc.DBAPIError("SELECT", {}, error), SERVER).reason == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EROFS, "read_only"), (errno.ENOSPC, "full"), (errno.ENOENT, "gone")],
)
def test_the_system_says_it_in_numbers(file: Address, number: int, reason: Reason) -> None:
    """Before SQLite has a say."""
    assert fault_of(OSError(number, "no"), file).reason == reason


def test_a_folder_that_does_not_exist_is_reported_as_such(tmp_path: Path) -> None:
    """SQLite says that it cannot open the file."""
    address = parse(f"sqlite:///{tmp_path / 'none' / 'photon.db'}")
    fault = fault_of(sqlite_error(sqlite3.SQLITE_CANTOPEN), address)
    assert fault.reason == "gone"
    assert fault.detail.endswith("photon.db does not exist: make it")


def test_a_sentence_is_one_short_line_without_the_password() -> None:
    """Whatever a driver says."""
    error = psycopg.OperationalError(f"no {'x' * 40} with S3cr3t\nfurther lines\n")
    detail = fault_of(error, SERVER).detail
    assert detail == f"the database cannot be reached (no {'x' * 40} with ***)"
    assert len(fault_of(psycopg.OperationalError("x" * 500), SERVER).detail) == MOST


def test_what_is_known_already_is_passed_on() -> None:
    """With its own words."""
    fault = fault_of(UnusableError("full", "no room"), SERVER)
    assert (fault.reason, fault.detail) == ("full", "no room")


def test_what_a_database_says_is_one_printable_line() -> None:
    """It is shown in the log and in /health."""
    said = sa.exc.OperationalError("", {}, psycopg.errors.DiskFull("no\x1b[2J\x9broom\u202e\nx"))
    detail = fault_of(said, SERVER).detail
    assert detail.isprintable()
    assert r"no\x1b[2J\x9broom\u202e" in detail
