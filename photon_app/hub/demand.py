"""Which symbols are wanted upstream: counted holders, a linger, and a bound shared by address.

Synchronous, with an injected clock; called on the event loop only. A symbol is wanted while at
least one client holds it, for ``linger_s`` seconds after the last hold was released (so that the
reload of a page does not churn the upstream subscription), and always if it is a default. Holds are
counted by client address (``gateway.address``), so that room can be shared fairly among addresses.

Bound: ``limit`` distinct symbols in all. At the bound, the symbol that has lingered longest makes
room. When every symbol is held, the address with the most symbols loses one, the newest that no
other address holds, if the address that asks has at least two fewer. Otherwise ``hold`` refuses.
So a lone address may have all symbols, and of several addresses that want more, none can keep
another from an equal share.

Memory: an entry for each symbol, and for each address that holds it.
"""

import itertools
from collections.abc import Iterable

from photon_app.clock import SYSTEM, Time
from photon_app.model import ADDRESSES_PER_SYMBOL, UNKNOWN_ADDRESS, Crowd


class DemandListener:
    """Reacts to changes of demand; this base class does nothing. Called synchronously, in the
    middle of a call to ``Demand``.
    """

    def added(self, symbol: str) -> None:
        """A symbol is wanted from now on."""

    def dropped(self, symbol: str) -> None:
        """A symbol is no longer wanted."""

    def viewed(self) -> None:
        """A symbol has its first holder again, or lost its last one."""

    def spelled(self, text: str) -> None:
        """A client spelled a symbol this way, not in capitals."""

    def evicted(self, symbol: str) -> None:
        """All holders of a symbol must release it during this call, to make room."""


class _Holders:
    """The clients that hold one symbol."""

    __slots__ = ("by_address", "count")

    def __init__(self) -> None:
        self.count = 0
        self.by_address: dict[str, int] = {}


class Demand:
    """The reference-counted set of wanted symbols."""

    def __init__(
        self,
        defaults: Iterable[str],
        *,
        limit: int,
        linger_s: float,
        time: Time = SYSTEM,
        listener: DemandListener,
    ) -> None:
        """Make a demand for the defaults.

        Args:
            defaults: symbols that are always wanted.
            limit: the maximum number of distinct symbols.
            linger_s: seconds for which a symbol stays wanted without a holder.
            time: the clocks of this process.
            listener: notified of changes; of the defaults before this returns.
        """
        self._limit = limit
        self._linger_s = linger_s
        self._now_s = time.monotonic
        self._listener = listener
        self._holders: dict[str, _Holders] = {}
        self._unheld_since: dict[str, float] = {}
        self._symbol_counts: dict[str, int] = {}
        """How many symbols each address holds."""
        self.changes = 0
        """How often a hold was added or released: while it is the same, so is ``crowd``."""
        self.refused = 0
        """How many holds were refused for want of room since the start."""
        self.evicted = 0
        """How many symbols were taken from one address for another since the start."""
        for symbol in itertools.islice(dict.fromkeys(defaults), limit):
            self._holders[symbol] = _Holders()
            listener.added(symbol)
        self._defaults = frozenset(self._holders)

    @property
    def wanted(self) -> frozenset[str]:
        """Every symbol wanted upstream, lingering ones included."""
        return frozenset(self._holders) | frozenset(self._unheld_since)

    @property
    def viewers(self) -> dict[str, int]:
        """How many clients hold each symbol that has a holder."""
        return {symbol: holders.count for symbol, holders in self._holders.items() if holders.count}

    @property
    def crowd(self) -> Crowd:
        """The addresses that hold each symbol, ``ADDRESSES_PER_SYMBOL`` of each at most, and the
        defaults.
        """
        first = itertools.islice
        return Crowd(
            defaults=self._defaults,
            addresses={
                symbol: tuple(first(holders.by_address, ADDRESSES_PER_SYMBOL))
                for symbol, holders in self._holders.items()
                if holders.count
            },
        )

    def __len__(self) -> int:
        return len(self._holders) + len(self._unheld_since)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._holders or symbol in self._unheld_since

    def spelled(self, text: str) -> None:
        """Note how a client spelled a symbol that it wants; to be called before ``hold``."""
        if text != text.upper():
            self._listener.spelled(text)

    def hold(self, symbol: str, address: str | None = None) -> bool:
        """Add a holder with this address; false when there is no room for a new symbol."""
        holder = address or UNKNOWN_ADDRESS
        holders = self._holders.get(symbol)
        if holders is None:
            lingered = self._unheld_since.pop(symbol, None) is not None
            if not lingered and len(self) >= self._limit and not self._make_room(holder):
                self.refused += 1
                return False
            holders = self._holders[symbol] = _Holders()
            self._count(holders, holder)
            if lingered:
                self._listener.viewed()
            else:
                self._listener.added(symbol)
            return True
        self._count(holders, holder)
        if holders.count == 1:
            self._listener.viewed()
        return True

    def release(self, symbol: str, address: str | None = None, *, linger: bool = True) -> None:
        """Remove a holder with this address. To release a symbol that is not held is a bug of the
        caller.

        Args:
            symbol: which.
            address: the one that was given to ``hold``.
            linger: whether the symbol lingers if this was its last holder.
        """
        holder = address or UNKNOWN_ADDRESS
        holders = self._holders[symbol]
        self.changes += 1
        holders.count -= 1
        holders.by_address[holder] -= 1
        if not holders.by_address[holder]:
            del holders.by_address[holder]
            self._symbol_counts[holder] -= 1
            if not self._symbol_counts[holder]:
                del self._symbol_counts[holder]
        if holders.count:
            return
        if symbol not in self._defaults:
            del self._holders[symbol]
            self._unheld_since[symbol] = self._now_s()
            if not linger:
                self._drop(symbol)
                return
        self._listener.viewed()

    def renew(self, symbol: str) -> None:
        """A symbol was asked for once more: if it lingers, restart its linger."""
        if self._unheld_since.pop(symbol, None) is not None:
            self._unheld_since[symbol] = self._now_s()

    def sweep(self) -> None:
        """Drop the symbols whose linger is over."""
        before = self._now_s() - self._linger_s
        gone = [s for s, since in self._unheld_since.items() if since <= before]
        for symbol in gone:
            self._drop(symbol)

    def _count(self, holders: _Holders, holder: str) -> None:
        self.changes += 1
        holders.count += 1
        before = holders.by_address.get(holder, 0)
        holders.by_address[holder] = before + 1
        if not before:
            self._symbol_counts[holder] = self._symbol_counts.get(holder, 0) + 1

    def _make_room(self, holder: str) -> bool:
        if not self._unheld_since and (spare := self._to_evict(holder)) is not None:
            self.evicted += 1
            self._listener.evicted(spare)
        oldest = next(iter(self._unheld_since), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None

    def _to_evict(self, holder: str) -> str | None:
        """The symbol that the address with the most must give up to this one; ``None`` if none."""
        most = max(self._symbol_counts, key=self._symbol_counts.__getitem__, default=holder)
        if self._symbol_counts.get(most, 0) < self._symbol_counts.get(holder, 0) + 2:
            return None
        mine = {most}
        return next(
            (
                symbol
                for symbol, holders in reversed(self._holders.items())
                if holders.by_address.keys() == mine and symbol not in self._defaults
            ),
            None,
        )

    def _drop(self, symbol: str) -> None:
        del self._unheld_since[symbol]
        self._listener.dropped(symbol)
