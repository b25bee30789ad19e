"""Which symbols Finnhub is asked for: a plan has few slots, and nothing acknowledges a request.

Owns the wanted set, the held set and what the present line was told. Pure and synchronous;
called by ``FinnhubFeed`` alone. Bounded by the wanted set. It never asks for more than ``limit``
at once, and lets a symbol go before it asks for another, so that upstream never counts more.
"""

from photon_app.feed.finnhub_wire import Subscribe, Unsubscribe

Command = Subscribe | Unsubscribe


class Slots:
    """Hands out ``limit`` slots: who holds one keeps it, then by order of name."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: frozenset[str] = frozenset()
        self._told: set[str] = set()

    @property
    def held(self) -> frozenset[str]:
        """The wanted symbols that have a slot; the others are waiting."""
        return self._held

    def want(self, symbols: frozenset[str]) -> None:
        """Hand out the slots anew for this whole set."""
        kept = self._held & symbols
        free = max(self._limit - len(kept), 0)
        self._held = kept | frozenset(sorted(symbols - kept)[:free])

    def line_opened(self) -> None:
        """A new line was told nothing yet."""
        self._told.clear()

    def take(self) -> Command | None:
        """The next thing to tell the line, counted as told; ``None`` when it knows all."""
        if gone := self._told - self._held:
            symbol = min(gone)
            self._told.discard(symbol)
            return Unsubscribe(symbol=symbol)
        if missing := self._held - self._told:
            symbol = min(missing)
            self._told.add(symbol)
            return Subscribe(symbol=symbol)
        return None
