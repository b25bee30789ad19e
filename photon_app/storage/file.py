"""The file of SQLite, seen from outside: whether it still is the one that was opened.

SQLite itself does not notice when its file is replaced or overwritten: it goes on writing into a
file that nobody will read, or reads somebody else's bytes. ``File.state`` is two system calls,
asked before each write and after each read, in any thread.

The operating system drops all of a process' locks on a file when the process closes any descriptor
of it (sqlite.org/howtocorrupt.html, 2.2). So there is one descriptor for each file in the process,
which is closed when nothing of the process uses that file any more.
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
"""A database, what was written last, and an index of that."""
Identity = tuple[int, int]

_lock = threading.Lock()
_held: dict[Identity, tuple[int, int]] = {}
"""The descriptor of each file, and how many use it."""


class File:
    """One open database file."""

    def __init__(self, path: Path) -> None:
        """Hold the file, which is made when it is not there. To be called before SQLite opens it.

        Raises:
            UnusableError: its folder is not there.
            OSError: it cannot be opened.
        """
        if not path.parent.is_dir():
            raise UnusableError("gone", f"the folder of {path} does not exist: make it")
        refuse_other_kinds(path)
        self.path = path
        self._id: Identity | None = _hold(path)
        self._wal: Identity | None = None
        self.is_database = False
        """Whether SQLite opened it, so that it must not be anything else from then on."""

    def opened(self) -> None:
        """SQLite has opened it."""
        self.is_database = True
        self._wal = _identity(self._beside("-wal"))

    def state(self) -> State:
        """Whether the path still leads to this file, and it still begins as SQLite's files do."""
        with _lock:
            if self._id is None or _identity(self.path) != self._id:
                return "other"
            descriptor, _ = _held[self._id]
            return "same" if os.pread(descriptor, len(HEADER), 0) == HEADER else "garbage"

    def close(self) -> None:
        """Let it go. To be called after SQLite has closed it."""
        if self._id is None:
            return
        if _identity(self.path) != self._id:
            self._drop_stale()
        with _lock:
            descriptor, users = _held.pop(self._id)
            if users > 1:
                _held[self._id] = descriptor, users - 1
            else:
                os.close(descriptor)
            self._id = None

    def _drop_stale(self) -> None:
        """Take away the log of a file that has another in its place, should SQLite have left it:
        the other would be read together with it.
        """
        if self._wal is not None and _identity(self._beside("-wal")) == self._wal:
            for suffix in SUFFIXES[1:]:
                self._beside(suffix).unlink(missing_ok=True)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def refuse_other_kinds(path: Path) -> None:
    """A database is a file, or is not there yet. What else has a name is never opened: a pipe would
    be waited for, and a device may do anything.

    Raises:
        UnusableError: it is something else.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever opens it is told
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise UnusableError("error", f"{path} is {what}, and no file")


def may_be_moved(path: Path) -> bool:
    """Whether a file is a database by its name, so that it is moved aside when it is none inside.
    Whoever mistypes an address must find what is there as it was.
    """
    return path.suffix.lower() in {".db", ".db3", ".sqlite", ".sqlite3"}


def set_aside(path: Path, now_ms: int) -> Path:
    """Give a damaged database another name, with all that belongs to it; returns that name."""
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


def _hold(path: Path) -> Identity:
    with _lock:
        known = _identity(path)
        if known in _held:
            descriptor, users = _held[known]
            _held[known] = descriptor, users + 1
            return known
        flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags, 0o644)
        status = os.fstat(descriptor)
        found = status.st_dev, status.st_ino
        # It took the place of another just now; its second descriptor cannot be closed.
        first, users = _held.get(found, (descriptor, 0))
        _held[found] = first, users + 1
        return found


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
