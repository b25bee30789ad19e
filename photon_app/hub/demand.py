"""Which symbols are wanted upstream: counted holders, a linger, and a bound that is shared.

Synchronous and clock-driven; called on the event loop only. A symbol is wanted while at least one
client holds it, for ``linger_s`` after the last one let go (so that a reload does not churn the
upstream subscription), and always when it is a default. Whose a client is (``gateway.address``)
is known too, so that what is scarce can be shared by address.

Bound: ``limit`` distinct symbols in all. At the bound the longest unwanted symbol makes room. When
every one is held, the address with the most gives one up, its newest that nobody else wants, to an
address that has at least two fewer; else ``hold`` refuses. So a lone address may have all, and of
several that want more none can keep another from its equal part.

Memory: an entry for each symbol and each address that holds it.
"""

import itertools
from collections.abc import Iterable

from photon_app.clock import SYSTEM, Time
from photon_app.model import SPEAKERS, UNKNOWN_ADDRESS, Crowd


class DemandListener:
    """Acts on what is wanted; this one does not. Told synchronously, in the middle of what
    ``Demand`` does.
    """

    def added(self, symbol: str) -> None:
        """A symbol is wanted from now on."""

    def dropped(self, symbol: str) -> None:
        """A symbol is wanted no more."""

    def viewed(self) -> None:
        """The first viewer of some symbol has come, or the last has gone."""

    def spelled(self, text: str) -> None:
        """Somebody wrote a symbol so, not in capitals."""

    def spared(self, symbol: str) -> None:
        """The holders of a symbol have to release it now, to make room."""


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
        """Make a demand that wants the defaults.

        Args:
            defaults: symbols wanted for ever.
            limit: the most distinct symbols.
            linger_s: seconds for which an unheld symbol stays wanted.
            time: of this process.
            listener: acts on what is wanted; told of the defaults at once.
        """
        self._limit = limit
        self._linger_s = linger_s
        self._now_s = time.monotonic
        self._listener = listener
        self._holders: dict[str, _Holders] = {}
        self._unheld_since: dict[str, float] = {}
        self._had: dict[str, int] = {}
        """How many symbols each address holds."""
        self.changes = 0
        """How often somebody came or went, so that who reads ``crowd`` knows when to."""
        self.refused = 0
        """How many holds found no room since the start."""
        self.spared = 0
        """How many symbols made room for another address since the start."""
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
        """How many clients hold each symbol; without those that nobody holds."""
        return {symbol: held.count for symbol, held in self._holders.items() if held.count}

    @property
    def crowd(self) -> Crowd:
        """Whose the viewers are."""
        first = itertools.islice
        return Crowd(
            defaults=self._defaults,
            addresses={
                symbol: tuple(first(held.by_address, SPEAKERS))
                for symbol, held in self._holders.items()
                if held.count
            },
        )

    def __len__(self) -> int:
        return len(self._holders) + len(self._unheld_since)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._holders or symbol in self._unheld_since

    def spelled(self, text: str) -> None:
        """Somebody who wants a symbol wrote it so; to be called before ``hold``."""
        if text != text.upper():
            self._listener.spelled(text)

    def hold(self, symbol: str, address: str | None = None) -> bool:
        """One more holder, of this address; false when the bound refuses a new symbol."""
        holder = address or UNKNOWN_ADDRESS
        held = self._holders.get(symbol)
        if held is None:
            lingered = self._unheld_since.pop(symbol, None) is not None
            if not lingered and len(self) >= self._limit and not self._make_room(holder):
                self.refused += 1
                return False
            held = self._holders[symbol] = _Holders()
            self._count(held, holder)
            if lingered:
                self._listener.viewed()
            else:
                self._listener.added(symbol)
            return True
        self._count(held, holder)
        if held.count == 1:
            self._listener.viewed()
        return True

    def release(self, symbol: str, address: str | None = None, *, linger: bool = True) -> None:
        """One holder of this address less. Releasing what is not held is a bug of the caller.

        Args:
            symbol: which.
            address: as it was held.
            linger: whether the symbol stays wanted for a while when this was the last holder.
        """
        holder = address or UNKNOWN_ADDRESS
        held = self._holders[symbol]
        self.changes += 1
        held.count -= 1
        held.by_address[holder] -= 1
        if not held.by_address[holder]:
            del held.by_address[holder]
            self._had[holder] -= 1
            if not self._had[holder]:
                del self._had[holder]
        if held.count:
            return
        if symbol not in self._defaults:
            del self._holders[symbol]
            self._unheld_since[symbol] = self._now_s()
            if not linger:
                self._drop(symbol)
                return
        self._listener.viewed()

    def renew(self, symbol: str) -> None:
        """Somebody asked for a symbol once more: if it lingers, the linger begins anew."""
        if self._unheld_since.pop(symbol, None) is not None:
            self._unheld_since[symbol] = self._now_s()

    def sweep(self) -> None:
        """Let go what nobody has held for the linger."""
        before = self._now_s() - self._linger_s
        gone = [s for s, since in self._unheld_since.items() if since <= before]
        for symbol in gone:
            self._drop(symbol)

    def _count(self, held: _Holders, holder: str) -> None:
        self.changes += 1
        held.count += 1
        before = held.by_address.get(holder, 0)
        held.by_address[holder] = before + 1
        if not before:
            self._had[holder] = self._had.get(holder, 0) + 1

    def _make_room(self, holder: str) -> bool:
        if not self._unheld_since and (spare := self._spare(holder)) is not None:
            self.spared += 1
            self._listener.spared(spare)
        oldest = next(iter(self._unheld_since), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None

    def _spare(self, holder: str) -> str | None:
        """What the address with the most has to give to one that has less."""
        most = max(self._had, key=self._had.__getitem__, default=holder)
        if self._had.get(most, 0) < self._had.get(holder, 0) + 2:
            return None
        mine = {most}
        return next(
            (
                symbol
                for symbol, held in reversed(self._holders.items())
                if held.by_address.keys() == mine and symbol not in self._defaults
            ),
            None,
        )

    def _drop(self, symbol: str) -> None:
        del self._unheld_since[symbol]
        self._listener.dropped(symbol)
