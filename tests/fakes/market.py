"""A market that only writes down what a feed delivers.

``FakeMarket`` implements ``model.FeedSink``. ``log`` keeps everything in the order of delivery; a
test waits with ``until`` instead of sleeping.
"""

import asyncio
from collections.abc import Callable, Sequence

from photon_app.model import FeedStatus, Seed, Trade


class FakeMarket:
    """Where a feed under test delivers.

    ``on_trades`` and ``on_relief`` are hooks: replace them to look at the world at that moment,
    or to make a full-speed replay wait.
    """

    def __init__(self) -> None:
        self.log: list[object] = []
        """Tuples of trades, ``Seed``, ``FeedStatus``, ``"epoch"``, ``"drained"``, in order."""
        self.begun: dict[str, tuple[int, float]] = {}
        """When the prices of a symbol began to be made up, and with which."""
        self.on_trades: Callable[[Sequence[Trade]], None] = lambda _: None
        self.stale: frozenset[str] = frozenset()
        """The symbols that are not followed, as told last."""
        self.tapes: list[tuple[int, int]] = []
        self._polled: frozenset[str] = frozenset()
        self.relieved = asyncio.Event()
        self.relieved.set()
        self._changed = asyncio.Event()

    @property
    def batches(self) -> list[tuple[Trade, ...]]:
        """The batches of trades in order."""
        return [entry for entry in self.log if isinstance(entry, tuple)]

    @property
    def all_trades(self) -> list[Trade]:
        """All trades in order."""
        return [trade for batch in self.batches for trade in batch]

    @property
    def statuses(self) -> list[FeedStatus]:
        """The statuses in order."""
        return [entry for entry in self.log if isinstance(entry, FeedStatus)]

    @property
    def seeds(self) -> dict[str, Seed]:
        """The last seed of each symbol."""
        return {entry.symbol: entry for entry in self.log if isinstance(entry, Seed)}

    def trades(self, batch: Sequence[Trade]) -> None:
        """Write the batch down."""
        self._add(tuple(batch))
        self.on_trades(batch)

    def past(self, batch: Sequence[Trade]) -> None:
        """As ``trades``; ``log`` has ``"past"`` before them."""
        self._add("past")
        self.trades(batch)

    def seed(self, seed: Seed) -> None:
        """Write the seed down."""
        self._add(seed)

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """Write it down."""
        self.begun[symbol] = time_ms, price

    def status(self, status: FeedStatus) -> None:
        """Write the status down."""
        self._add(status)

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """Write down which symbols are asked for, as a sorted list, when these are others."""
        self.stale = stale
        if symbols != self._polled:
            self._polled = symbols
            self._add(["polling", *sorted(symbols)])

    def tape_offset(self, behind_ms: int, ahead_ms: int) -> None:
        """Keep the distances of tape and clock."""
        self.tapes.append((behind_ms, ahead_ms))

    def rejected(self, symbol: str, reason: str) -> None:
        """Write the rejection down."""
        self._add(f"rejected {symbol}: {reason}")

    def new_epoch(self) -> None:
        """Write the new epoch down."""
        self._add("epoch")

    async def drained(self) -> None:
        """Wait while ``relieved`` is not set."""
        self._add("drained")
        await self.relieved.wait()

    async def until(self, happened: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Return as soon as a delivery has made this true."""
        async with asyncio.timeout(timeout_s):
            while not happened():
                self._changed.clear()
                await self._changed.wait()

    async def until_state(self, state: str, count: int = 1) -> FeedStatus:
        """Return the status that brought this state for the ``count``-th time."""
        await self.until(lambda: len(self._in_state(state)) >= count)
        return self._in_state(state)[count - 1]

    def _in_state(self, state: str) -> list[FeedStatus]:
        return [status for status in self.statuses if status.state == state]

    def _add(self, entry: object) -> None:
        self.log.append(entry)
        self._changed.set()
