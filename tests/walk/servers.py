"""The Photons that are walked: each kind is started when a step first asks for it, and kept.

A ``mortal`` one is killed by its step, so each step gets its own.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Literal, Self

from tests.fakes.dates import OPEN_MS, new_york
from tests.fakes.process import Process, photon
from tests.page.hand import hand_fed

Kind = Literal["open", "closed", "hundred", "by hand", "mortal"]
SUNDAY_MS = new_york(2026, 11, 29, 12)
HUNDRED = (
    "AAPL", "MSFT", "NVDA", "GOOGL", "AMZN", "META", "TSLA", "BRK.B", "BINANCE:BTCUSDT",
    "OANDA:EUR_USD", *(f"S{n}" for n in range(90)),
)  # fmt: skip

_STARTS: dict[Kind, Callable[[], AbstractContextManager[Process]]] = {
    "open": lambda: photon(None, OPEN_MS),
    "closed": lambda: photon(None, SUNDAY_MS),
    "hundred": lambda: photon(None, OPEN_MS, PHOTON_SYMBOLS=",".join(HUNDRED)),
    "by hand": lambda: hand_fed(OPEN_MS),
    "mortal": lambda: photon(None, OPEN_MS),
}


def moment(kind: Kind) -> int:
    """The time by the clocks of such a Photon and its visitors, UNIX ms."""
    return SUNDAY_MS if kind == "closed" else OPEN_MS


class Servers:
    """Those that run, until the end of the walk."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._running: dict[Kind, Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def of(self, kind: Kind) -> Iterator[Process]:
        """One of a kind, for a step."""
        if kind == "mortal":
            with _STARTS[kind]() as process:
                yield process
            return
        if kind not in self._running:
            self._running[kind] = self._stack.enter_context(_STARTS[kind]())
        yield self._running[kind]
