"""The write-behind buffer: bars that were put and are not written yet.

Pure but for a lock. ``put``, ``resume`` and ``replace`` are called on the event loop, ``take``,
``done`` and ``give_back`` in the writer's thread. Each holds the lock only while it handles its own
bars, so that the event loop never waits for a write. There is one bar for each symbol and minute,
the newest that was put.

Bound: ``capacity`` bars; beyond that, the oldest minutes are dropped and counted.
"""

import heapq
import math
import threading
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from photon_app.clock import Time
from photon_app.market.merge import merge
from photon_app.model import Bar
from photon_app.storage.tables import is_sound


class Batch(msgspec.Struct, frozen=True):
    """The bars of one transaction."""

    rows: Sequence[tuple[str, Bar]]
    """Symbols and their bars, at most one per symbol and minute."""
    replaces: bool
    """Whether it removes everything that the source had before."""
    epoch: int
    """``Pending.epoch`` when it was taken."""
    since_s: float | None
    """When the oldest bar that waits, of this batch or of the rest, was put."""


class Pending:
    """The bars of one source that wait."""

    def __init__(self, *, capacity: int, time: Time) -> None:
        """Make an empty buffer.

        Args:
            capacity: the maximum number of bars.
            time: the clocks of this process.
        """
        self._capacity = capacity
        self._monotonic = time.monotonic
        self._lock = threading.Lock()
        self._minutes: dict[int, dict[str, Bar]] = {}
        self._order: list[int] = []
        """A heap of the minutes."""
        self._count = 0
        self._taken = 0
        self._since_s: float | None = None
        self._taken_since_s: float | None = None
        self._replaces = False
        self._replaced = 0
        self.epoch = 0
        """Grows by one with each ``replace``."""
        self.dropped = 0
        """Bars dropped, at the bound or because they do not fit into a row."""
        self._overflowed_s = -math.inf

    def __len__(self) -> int:
        """How many bars wait or are being written."""
        return self._count + self._taken

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to take."""
        return not self._count and not self._replaces

    @property
    def replacing(self) -> bool:
        """Whether disk still has bars that ``replace`` is to remove."""
        return self._replaced < self.epoch

    @property
    def age_s(self) -> float:
        """How long the oldest bar has been waiting."""
        waits = [s for s in (self._since_s, self._taken_since_s) if s is not None]
        return max(0.0, self._monotonic() - min(waits)) if waits else 0.0

    @property
    def since_overflow_s(self) -> float:
        """How long ago bars were last dropped at the bound; infinite when none were."""
        return self._monotonic() - self._overflowed_s

    # On the event loop

    def put(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Add the whole new state of some minutes."""
        with self._lock:
            for bar in bars:
                if is_sound(bar):
                    self._set(symbol, bar)
                else:
                    self.dropped += 1
            if self._since_s is None and self._count:
                self._since_s = self._monotonic()
            self._fit()

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """Merge stored bars into waiting ones of the same minutes: a restart cut these in two."""
        with self._lock:
            for symbol, bars in stored.items():
                for bar in bars:
                    waiting = self._minutes.get(bar.time_ms, {})
                    if symbol in waiting:
                        waiting[symbol] = merge(bar, waiting[symbol])

    def replace(self) -> None:
        """Discard what waits, and let the next batch remove what is on disk."""
        with self._lock:
            self._minutes.clear()
            self._order.clear()
            self._count = 0
            self._since_s = None
            self._replaces = True
            self.epoch += 1

    # In the writer's thread

    def take(self, most: int) -> Batch:
        """Take the oldest bars. A batch must be ``done`` or given back before the next is taken."""
        with self._lock:
            rows: list[tuple[str, Bar]] = []
            while self._order and len(rows) < most:
                minute = self._minutes[self._order[0]]
                while minute and len(rows) < most:
                    rows.append(minute.popitem())
                self._sweep()
            self._count -= len(rows)
            self._taken = len(rows)
            self._taken_since_s = self._since_s
            if not self._count:
                self._since_s = None
            batch = Batch(rows, self._replaces, self.epoch, self._taken_since_s)
            self._replaces = False
            return batch

    def done(self, batch: Batch) -> None:
        """A batch was written."""
        with self._lock:
            self._taken, self._taken_since_s = 0, None
            if batch.replaces:
                self._replaced = batch.epoch

    def give_back(self, batch: Batch) -> None:
        """A batch could not be written: its bars wait again, unless newer ones were put."""
        with self._lock:
            self._taken, self._taken_since_s = 0, None
            if batch.epoch != self.epoch:
                return
            self._replaces |= batch.replaces
            for symbol, bar in batch.rows:
                if symbol not in self._minutes.get(bar.time_ms, {}):
                    self._set(symbol, bar)
            if self._count:
                self._since_s = batch.since_s
            self._fit()

    # Inside, with the lock held

    def _set(self, symbol: str, bar: Bar) -> None:
        minute = self._minutes.get(bar.time_ms)
        if minute is None:
            minute = self._minutes[bar.time_ms] = {}
            heapq.heappush(self._order, bar.time_ms)
        if symbol not in minute:
            self._count += 1
        minute[symbol] = bar

    def _fit(self) -> None:
        while self._count > self._capacity:
            self._minutes[self._order[0]].popitem()
            self._sweep()
            self._count -= 1
            self.dropped += 1
            self._overflowed_s = self._monotonic()

    def _sweep(self) -> None:
        """Remove the oldest minute if it is empty."""
        if not self._minutes[self._order[0]]:
            del self._minutes[heapq.heappop(self._order)]
