"""The file of SQLite, checked from outside: whether it still is the one that was opened.

SQLite itself does not notice when its file is replaced or overwritten: it continues to write into a
file that will never be read, or reads foreign bytes. ``File.state`` costs two system calls, and is
called before each write and after each read, in any thread.

The operating system drops all of a process's locks on a file when the process closes any descriptor
of it (sqlite.org/howtocorrupt.html, 2.2). So the process has one descriptor for each file, and
closes it when the last user of the file is gone.
"""

import contextlib
import datetime as dt
import os
import stat
import threading
from pathlib import Path
from typing import Literal

from photon_app.storage.faults import UnusableError

State = Literal["same", "other", "garbage"]
HEADER = b"SQLite format 3\0"
SUFFIXES = ("", "-wal", "-shm")
"""The files of a database: the database, its write-ahead log, and the index of the log."""
Identity = tuple[int, int]

_lock = threading.Lock()
_descriptors: dict[Identity, tuple[int, int]] = {}
"""The descriptor of each file, and the number of its users."""


class File:
    """One open database file."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if it does not exist. To be called before SQLite opens it.

        Raises:
            UnusableError: its folder does not exist, or it is no regular file.
            OSError: it cannot be opened.
        """
        if not path.parent.is_dir():
            raise UnusableError("gone", f"the folder of {path} does not exist: make it")
        refuse_other_kinds(path)
        self.path = path
        self._id: Identity | None = _acquire(path)
        self._wal: Identity | None = None
        self.is_database = False
        """Whether SQLite has opened it: from then on it must stay a database."""

    def opened(self) -> None:
        """Note that SQLite has opened it."""
        self.is_database = True
        self._wal = _identity(self._beside("-wal"))

    def state(self) -> State:
        """Whether the path still leads to this file, and the file still has SQLite's header."""
        with _lock:
            if self._id is None or _identity(self.path) != self._id:
                return "other"
            descriptor, _ = _descriptors[self._id]
            return "same" if os.pread(descriptor, len(HEADER), 0) == HEADER else "garbage"

    def close(self) -> None:
        """Stop using the file. To be called after SQLite has closed it."""
        if self._id is None:
            return
        if _identity(self.path) != self._id:
            self._drop_stale()
        with _lock:
            descriptor, users = _descriptors.pop(self._id)
            if users > 1:
                _descriptors[self._id] = descriptor, users - 1
            else:
                os.close(descriptor)
            self._id = None

    def _drop_stale(self) -> None:
        """Remove the log of a file that was replaced by another, if SQLite left it: SQLite would
        apply it to the other file.
        """
        if self._wal is not None and _identity(self._beside("-wal")) == self._wal:
            for suffix in SUFFIXES[1:]:
                self._beside(suffix).unlink(missing_ok=True)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def refuse_other_kinds(path: Path) -> None:
    """Refuse what is neither a regular file nor absent. Nothing else is ever opened: to open a pipe
    can block, and a device may do anything.

    Raises:
        UnusableError: it is something else.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # opening it will raise
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise UnusableError("error", f"{path} is {what}, and no file")


def may_be_moved(path: Path) -> bool:
    """Whether a file may be moved aside when its content is no database: only if its name is one of
    a database. Where an address was mistyped, the file that it names must stay as it was.
    """
    return path.suffix.lower() in {".db", ".db3", ".sqlite", ".sqlite3"}


def set_aside(path: Path, now_ms: int) -> Path:
    """Rename a damaged database and the files that belong to it; returns the new path."""
    moment = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    name = f"{path.name}.corrupt-{moment:%Y%m%d-%H%M%S}"
    aside, number = path.with_name(name), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{name}-{number}")
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _acquire(path: Path) -> Identity:
    with _lock:
        known = _identity(path)
        if known in _descriptors:
            descriptor, users = _descriptors[known]
            _descriptors[known] = descriptor, users + 1
            return known
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags, 0o644)
        status = os.fstat(descriptor)
        found = status.st_dev, status.st_ino
        # It replaced another file just now; its second descriptor must not be closed.
        first, users = _descriptors.get(found, (descriptor, 0))
        _descriptors[found] = first, users + 1
        return found


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
