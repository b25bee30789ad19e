"""The event loop as the hub uses it: a clock and timers. asyncio's loop implements both."""

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending call that can be cancelled."""

    def cancel(self) -> None:
        """Cancel the call."""


class Loop(Protocol):
    """A clock and timers."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` after ``delay`` seconds."""
        ...
