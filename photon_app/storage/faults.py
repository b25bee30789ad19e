"""Why a database cannot be used, in one word and one sentence. Pure.

Drivers report errors in codes and texts of their own. The word decides what the writer does next;
the sentence is for ``/health`` and the log: one line of at most ``MOST`` characters, without a
password.
"""

import errno
import os
import sqlite3
from typing import Literal

import msgspec
import sqlalchemy as sa

from photon_app import foreign
from photon_app.errors import StorageError
from photon_app.storage.address import Address

Reason = Literal["held", "locked", "read_only", "full", "gone", "corrupt", "error"]
MOST = 200

_SQLITE: dict[int, Reason] = {
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CANTOPEN: "gone",
    sqlite3.SQLITE_NOTADB: "corrupt",
}
_POSTGRES: dict[str, Reason] = {
    "25006": "read_only",
    "40P01": "locked",
    "53100": "full",
    "55P03": "locked",
    "57014": "locked",
    "57P01": "gone",
    "57P02": "gone",
    "57P03": "gone",
    "XX001": "corrupt",
    "XX002": "corrupt",
}
_SYSTEM: dict[int, Reason] = {
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.ENOENT: "gone",
    errno.ENOTDIR: "gone",
}
_SENTENCES: dict[Reason, str] = {
    "held": "another Photon writes here",
    "locked": "another program holds the database locked",
    "read_only": "the database is read-only for this process",
    "full": "the disk is full, or has no inodes left",
    "gone": "the database cannot be reached",
    "corrupt": "the database is damaged",
    "error": "the database refuses",
}


class Fault(msgspec.Struct, frozen=True):
    """A reason, and a sentence for the operator."""

    reason: Reason
    detail: str


class UnusableError(StorageError):
    """A database cannot be used, for a known reason."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


def fault_of(error: BaseException, address: Address) -> Fault:
    """The fault of an error from a driver, from the operating system, or of our own."""
    if isinstance(error, UnusableError):
        return Fault(error.reason, _line(str(error), address))
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    reason = _reason(cause, address)
    sentence = _SENTENCES[reason]
    if reason == "gone" and address.path is not None and not address.path.parent.is_dir():
        return Fault(
            reason, _line(f"the folder of {address.path} does not exist: make it", address)
        )
    return Fault(reason, _line(f"{sentence} ({_first_line(cause, address)})", address))


def _reason(error: BaseException, address: Address) -> Reason:
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(getattr(error, "sqlite_errorcode", None) or 0, address)
    if hasattr(error, "sqlstate"):
        return _of_postgres(error, error.sqlstate)
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, "error")
    return "error"


def _of_postgres(error: BaseException, state: str | None) -> Reason:
    """By its SQLSTATE, which is missing when there is no connection. psycopg's classes are compared
    by name, because psycopg is not loaded unless PostgreSQL is used.
    """
    if state is None or state.startswith("08"):
        operational = any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
        return "gone" if operational else "error"
    return _POSTGRES.get(state, "error")


def _of_sqlite(code: int, address: Address) -> Reason:
    """By its code. SQLite reports a file that was moved as read-only. A file that cannot be opened
    may be in a read-only folder or on a full disk.
    """
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return "gone"
    reason = _SQLITE.get(code & 0xFF, "error")
    unclear = code & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
    if unclear and address.path is not None and address.path.parent.is_dir():
        if not os.access(address.path.parent, os.W_OK):
            return "read_only"
        if _is_full(address):
            return "full"
    return reason


def _is_full(address: Address) -> bool:
    """Whether the disk has no room, or no inode for one more file."""
    assert address.path is not None
    disk = os.statvfs(address.path.parent)
    no_inodes = disk.f_files > 0 and disk.f_favail < 1  # some file systems do not count inodes
    return no_inodes or disk.f_bavail * disk.f_frsize < 1 << 17


def _first_line(error: BaseException, address: Address) -> str:
    """The first line of an error's text, or its type. The text is scrubbed before it is cut: a
    password that was cut in two would not be found.
    """
    said = address.scrub(str(error)).strip()
    return next(iter(said.splitlines()), "") or type(error).__name__


def _line(text: str, address: Address) -> str:
    return foreign.printable(" ".join(address.scrub(text).split()), MOST)
