"""Which process may write a source into SQLite's file: the one that holds the lock of a file beside
it.

The operating system releases the lock when the process ends, however it ends. This does not depend
on clocks or process ids, so it also works for two containers that share a folder. With PostgreSQL
several machines must agree, so the lease is a row there (``storage.database``).

Called in the thread that writes. It never waits: a lock that another process holds is an error at
once.
"""

import contextlib
import errno
import hashlib
import logging
import os
import re
import sys
from pathlib import Path

from photon_app import foreign
from photon_app.storage.faults import UnusableError

if sys.platform != "win32":
    import fcntl

_ATTEMPTS = 5
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_MOST_SHOWN = 60
_log = logging.getLogger(__name__)


def held_elsewhere(source: str) -> UnusableError:
    """The error for a source that another process writes."""
    return UnusableError(
        "held",
        "another Photon writes here: end it, or give one of the two a DATABASE_URL of its own "
        f"(source {foreign.printable(source, _MOST_SHOWN)})",
    )


class FileLease:
    """The right to write one source into one SQLite file, which one process has at a time."""

    def __init__(self, path: Path, source: str) -> None:
        """Make a lease that is not taken yet.

        Args:
            path: SQLite's file.
            source: the source of the bars.
        """
        plain = re.fullmatch(r"[a-z]{1,40}", source) is not None
        name = source if plain else hashlib.sha256(source.encode()).hexdigest()[:16]
        path = path.resolve()
        self.path = path.with_name(f"{path.name}-lease-{name}")
        self._source = source
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it, or keep it; returns whether it was taken just now.

        Raises:
            UnusableError: another process holds it.
            OSError: its file cannot be created.
        """
        if self._is_here():
            return False
        self._close()
        for _ in range(_ATTEMPTS):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(self.path, flags, 0o644)
            try:
                self._lock(self._descriptor)
            except BaseException:
                self._close()
                raise
            if self._is_here():  # else its last holder removed the file meanwhile
                return True
            self._close()
        raise held_elsewhere(self._source)

    def keep(self) -> None:
        """Check that it is held.

        Raises:
            UnusableError: it is not.
        """
        if not self._is_here():
            raise held_elsewhere(self._source)

    def release(self) -> None:
        """Release it, if it is held, and remove its file."""
        if self._is_here():
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._close()

    def _lock(self, descriptor: int) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise held_elsewhere(self._source) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning(
                "%s is on a file system without locks: nothing keeps a second Photon from "
                "writing there",
                self.path.parent,
            )

    def _is_here(self) -> bool:
        """Whether it was taken, and its file still is where other processes look for it."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
