"""How ``tail`` is told to stop: Ctrl-C, SIGTERM, or a terminal that went away.

A signal cancels the one task that everything hangs on. While a write to a pipe blocks, the event
loop cannot cancel anything: then the signal breaks the write off. Signal handlers are Python's own
and belong to the main thread.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator


class Stopped(Exception):  # noqa: N818  # it is no error
    """A signal came while a write was blocked."""


class Stop:
    """One wish to stop."""

    def __init__(self) -> None:
        self.asked = False
        self._task: asyncio.Task[object] | None = None
        self._breakable = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to signals until the block ends."""
        numbers = [
            getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)
        ]
        before = {number: signal.signal(number, self._signalled) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def cancels(self, task: "asyncio.Task[object]") -> Iterator[None]:
        """What a signal cancels, in this block."""
        self._task = task
        if self.asked:
            task.cancel()
        try:
            yield
        finally:
            self._task = None

    @contextlib.contextmanager
    def may_break(self) -> Iterator[None]:
        """A block that a signal ends with ``Stopped``."""
        self._breakable = True
        try:
            yield
        finally:
            self._breakable = False

    def _signalled(self, *_: object) -> None:
        self.asked = True
        if self._breakable:
            raise Stopped
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
