"""Open files: each socket is one, and the system allows a process only so many.

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
"""The fewest of them: the three standard ones, the event loop's, the port, and what a request, or
the child that computes the calendar, needs for a moment."""
SQLITE_FILES = 10
"""A connection that writes and two that read, with the log beside the file, and locks."""
SERVER_FILES = 4
"""Three connections to a database's server, and one that is opened anew."""
UPSTREAM_FILES = 8
"""The line to Finnhub, and its REST."""
ROOM_FILES = 64
"""What is left to the process itself where there is enough; a quarter of all files, else."""
REQUEST_FILES = 2
"""What ``OWN_FILES`` has for requests."""

_log = logging.getLogger(__name__)


def least_reserve(*, sqlite: bool, server: bool, upstream: bool) -> int:
    """The fewest open files that a process needs besides the sockets of clients.

    Args:
        sqlite: whether bars are kept in a file,
        server: or by a database's server.
        upstream: whether prices come over the network.
    """
    files = {SQLITE_FILES: sqlite, SERVER_FILES: server, UPSTREAM_FILES: upstream}
    return OWN_FILES + sum(number for number, used in files.items() if used)


def room_for(connections: int, least: int = OWN_FILES) -> int:
    """Raise the soft limit of open files, 1,024 on many machines, as far as so many connections
    need and the hard limit allows.

    Args:
        connections: how many are wanted.
        least: the fewest files that are needed besides.

    Returns:
        How many are possible: all of them, or, with a warning, as many as leave the reserve. So a
        client too many is told that the server is full, instead of waiting for a socket that
        cannot be opened.

    Raises:
        StartError: not one is.
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
    """How many sockets of all kinds may be open at once, HTTP's too, so that the process has files
    left for its own work: those ``connections`` and the reserve, or what the limit allows.

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
    """Let the kernel make its table of this process' open files as long as it will get. Linux
    doubles it when it is full, and whoever opens that file waits 8 to 25 ms once the process has
    threads: the event loop, at its 256th socket, its 512th, and so on. A place takes 8 bytes.

    Args:
        files: how many will be open at most.
    """
    if sys.platform == "win32":
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = (files if soft == resource.RLIM_INFINITY else min(files, soft)) - 1
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as file:
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, last))


def _raise_file_limit(needed: int) -> int:
    """Raise the soft limit of open files as far as is needed and allowed; returns what it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files, most = (sys.maxsize if n == resource.RLIM_INFINITY else n for n in (soft, hard))
    if files < needed:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than its hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, most), hard))
            files = min(needed, most)
    return files


class FileShortage:
    """Handler of what nobody caught on the event loop. It says in one line, at most every
    ``COMPLAIN_EVERY_S``, that no connection can be accepted; asyncio tries again each second. All
    else is asyncio's affair.
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
