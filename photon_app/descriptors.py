"""Limits of open files: each socket is one, and the system allows a process only so many.

Called by the launcher, before and while it serves.
"""

import asyncio
import contextlib
import errno
import logging
import os
import sys
from pathlib import Path
from typing import Any

from photon_app.clock import SYSTEM, Time
from photon_app.errors import StartError

if sys.platform != "win32":
    import fcntl
    import resource

COMPLAIN_EVERY_S = 10.0
RESERVED_FILES = 256
"""Open files besides the sockets of clients: HTTP, the page's sockets, modules, logs, upstream."""
OWN_FILES = 14
"""The minimum for the process itself: the three standard streams, the event loop's files, the
listening port, and what a request or the child that computes the calendar needs for a moment."""
SQLITE_FILES = 10
"""One connection that writes and two that read, each with the log file beside the database, and
locks."""
SERVER_FILES = 4
"""Three connections to a database server, and one that is being reopened."""
UPSTREAM_FILES = 8
"""The connection to Finnhub, and its REST calls."""
ROOM_FILES = 64
"""Files left to the process itself when there are enough; else a quarter of all files."""
REQUEST_FILES = 2
"""The part of ``OWN_FILES`` that is for requests."""

_log = logging.getLogger(__name__)


def least_reserve(*, sqlite: bool, server: bool, upstream: bool) -> int:
    """The fewest open files that a process needs besides the sockets of clients.

    Args:
        sqlite: whether bars are kept in a file.
        server: whether bars are kept by a database server.
        upstream: whether prices come over the network.
    """
    files = {SQLITE_FILES: sqlite, SERVER_FILES: server, UPSTREAM_FILES: upstream}
    return OWN_FILES + sum(number for number, used in files.items() if used)


def room_for(connections: int, least: int = OWN_FILES) -> int:
    """Raise the soft limit of open files, 1,024 on many machines, as far as the connections need
    and the hard limit allows.

    Args:
        connections: how many are wanted.
        least: the fewest files that are needed besides.

    Returns:
        How many connections are possible: all of them, or, with a warning, as many as leave the
            reserve. A client beyond that number is then rejected because the server is full,
            instead of waiting for a socket that cannot be opened.

    Raises:
        StartError: not even one connection is possible.
    """
    if sys.platform == "win32":
        return connections
    needed = connections + RESERVED_FILES
    files = _raise_file_limit(needed)
    possible = min(connections, files - max(least, min(RESERVED_FILES, files // 2)))
    raising = f"(ulimit -Hn {needed}, LimitNOFILE= of systemd, --ulimit nofile= of Docker)"
    if possible < 1:
        raise StartError(
            f"nobody can be served, because this process may have {files} files open and needs "
            f"{least} without any client: raise that limit {raising}"
        )
    if possible < connections:
        _log.warning(
            "at most %d connections are possible, not PHOTON_MAX_CONNECTIONS=%d, because this "
            "process may have %d files open: raise that limit %s, or lower PHOTON_MAX_CONNECTIONS",
            possible,
            connections,
            files,
            raising,
        )
    return possible


def sockets_for(connections: int, least: int = OWN_FILES) -> int:
    """How many sockets of all kinds, HTTP included, may be open at once so that the process has
    files left for its own work: ``connections`` and the reserve, or what the limit allows.

    Args:
        connections: as many as ``room_for`` says are possible.
        least: the fewest files that are needed besides.
    """
    if sys.platform == "win32":
        return connections + RESERVED_FILES
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return connections + RESERVED_FILES
    left = max(least - REQUEST_FILES, min(ROOM_FILES, files // 4))
    return min(connections + RESERVED_FILES, files - left)


def lengthen_table(files: int) -> None:
    """Make the kernel grow this process's table of open files to its final size now. Linux doubles
    the table when it is full, and once the process has threads, the thread that opens the next file
    waits 8 to 25 ms. That would be the event loop, at its 256th socket, its 512th, and so on. An
    entry takes 8 bytes.

    Args:
        files: the most files that will be open.
    """
    if sys.platform == "win32":
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = (files if soft == resource.RLIM_INFINITY else min(files, soft)) - 1
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as file:
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, last))


def _raise_file_limit(needed: int) -> int:
    """Raise the soft limit of open files as far as is needed and allowed; returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files, most = (sys.maxsize if n == resource.RLIM_INFINITY else n for n in (soft, hard))
    if files < needed:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than its hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, most), hard))
            files = min(needed, most)
    return files


class FileShortage:
    """Exception handler of the event loop. It logs in one line, at most once every
    ``COMPLAIN_EVERY_S``, that no connection can be accepted; asyncio tries again each second. It
    passes every other exception to asyncio's default handler.
    """

    def __init__(self, time: Time = SYSTEM) -> None:
        self._now_s = time.monotonic
        self._silent_until_s = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """See ``loop.set_exception_handler``."""
        problem = context.get("exception")
        if not isinstance(problem, OSError) or problem.errno not in {errno.EMFILE, errno.ENFILE}:
            loop.default_exception_handler(context)
        elif self._now_s() >= self._silent_until_s:
            self._silent_until_s = self._now_s() + COMPLAIN_EVERY_S
            _log.error(
                "no connection can be accepted for now: %s. Raise the limit of open files, or find "
                "out who opens so many connections",
                problem.strerror,
            )
