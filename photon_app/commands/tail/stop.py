"""Stops ``tail``: on Ctrl-C, SIGTERM, or when its terminal is closed.

A signal cancels the main task, and with it every other. While a write to a pipe blocks, the event
loop cannot cancel anything: then the signal interrupts the write. Signal handlers are Python's own
and belong to the main thread.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator


class Stopped(Exception):  # noqa: N818  # not an error
    """A signal arrived while a write was blocked."""


class Stop:
    """Turns signals into a stop of the command."""

    def __init__(self) -> None:
        self.requested = False
        self._task: asyncio.Task[object] | None = None
        self._interruptible = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle signals until the block ends."""
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
        """In this block, a signal cancels the task."""
        self._task = task
        if self.requested:
            task.cancel()
        try:
            yield
        finally:
            self._task = None

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """In this block, a signal raises ``Stopped``."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _signalled(self, *_: object) -> None:
        self.requested = True
        if self._interruptible:
            raise Stopped
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
