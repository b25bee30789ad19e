"""How many sockets this process serves at once. Counted here because no ASGI server counts
upgrades; called on the event loop only.
"""

import contextlib
from collections.abc import Iterator


class Admission:
    """A bounded count of open sockets."""

    def __init__(self) -> None:
        self.open = 0

    def full(self, limit: int) -> bool:
        """Whether one more would be above the limit."""
        return self.open >= limit

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count one socket for as long as it is served."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
