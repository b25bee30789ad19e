"""Open files: each socket is one, and the system allows a process only so many.

Called by the launcher, before and while it serves. Nothing here opens or closes anything.
"""

import asyncio
import contextlib
import errno
import logging
import sys
from collections.abc import Callable
from typing import Any

if sys.platform != "win32":
    import resource

COMPLAIN_EVERY_S = 10.0
RESERVED_FILES = 256
"""Open files besides the sockets of clients: HTTP, the page's sockets, modules, logs, upstream."""

_log = logging.getLogger(__name__)


def room_for(connections: int) -> int:
    """Raise the soft limit of open files, 1,024 on many machines, as far as so many connections
    need and the hard limit allows.

    Returns:
        How many are possible: all of them, or, with a warning, as many as leave the reserve. So a
        client too many is told that the server is full, instead of waiting for a socket that
        cannot be opened.
    """
    if sys.platform == "win32":
        return connections
    needed = connections + RESERVED_FILES
    files = _raise_file_limit(needed)
    if files >= needed:
        return connections
    possible = min(connections, files - min(RESERVED_FILES, files // 2))
    if possible < connections:
        _log.warning(
            "at most %d connections are possible, not PHOTON_MAX_CONNECTIONS=%d, because this "
            "process may have %d files open: raise that limit (ulimit -Hn %d, LimitNOFILE= of "
            "systemd, --ulimit nofile= of Docker), or lower PHOTON_MAX_CONNECTIONS",
            possible,
            connections,
            files,
            needed,
        )
    return possible


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

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
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
