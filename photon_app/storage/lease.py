"""Who may write a source into SQLite's file: whoever holds the lock of a file beside it.

The operating system gives the lock back when the process ends, however it ends, and knows nothing
of clocks or of the numbers of processes: it is the same for two containers that share a folder.
PostgreSQL needs more than one machine to agree, and keeps a row for it (``storage.database``).

Called in the thread that writes. It never waits: a lock that somebody has is an error at once.
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


def held(source: str) -> UnusableError:
    """The error of whoever wants to write what another process writes."""
    return UnusableError(
        "held",
        "another Photon writes here: end it, or give one of the two a DATABASE_URL of its own "
        f"(source {foreign.printable(source, _MOST_SHOWN)})",
    )


class FileLease:
    """That nobody but its holder writes one source into one file of SQLite."""

    def __init__(self, path: Path, source: str) -> None:
        """Remember which; nothing is taken.

        Args:
            path: SQLite's file.
            source: whose bars are written.
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
            UnusableError: another one has it.
            OSError: its file cannot be made.
        """
        if self._is_here():
            return False
        self._let_go()
        for _ in range(_ATTEMPTS):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(self.path, flags, 0o644)
            try:
                self._lock(self._descriptor)
            except BaseException:
                self._let_go()
                raise
            if self._is_here():  # else its last holder took the file away meanwhile
                return True
            self._let_go()
        raise held(self._source)

    def keep(self) -> None:
        """Make sure that it is held.

        Raises:
            UnusableError: it is not.
        """
        if not self._is_here():
            raise held(self._source)

    def release(self) -> None:
        """Give it back, if it is held, and take its file away."""
        if self._is_here():
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._let_go()

    def _lock(self, descriptor: int) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise held(self._source) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning(
                "%s is on a file system without locks: nothing keeps a second Photon from "
                "writing there",
                self.path.parent,
            )

    def _is_here(self) -> bool:
        """Whether it was taken, and its file still is where others look for it."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
