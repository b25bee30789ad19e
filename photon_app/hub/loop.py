"""What the hub needs of an event loop: a clock and a timer. asyncio's loop has both."""

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending call that can be taken back."""

    def cancel(self) -> None:
        """Take the call back."""


class Loop(Protocol):
    """Clock and timer."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back after so many seconds."""
        ...
