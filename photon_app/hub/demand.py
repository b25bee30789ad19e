"""Which symbols are wanted upstream: counted holders, a linger, and a bound.

Synchronous and clock-driven; called on the event loop only. A symbol is wanted while at least one
client holds it, for ``linger_s`` after the last one let go (so that a reload does not churn the
upstream subscription), and always when it is a default.

Bound: ``limit`` distinct symbols in all. At the bound the longest unwanted symbol makes room;
when every one is held, ``hold`` refuses.
"""

from collections.abc import Callable, Iterable


class Demand:
    """The reference-counted set of wanted symbols."""

    def __init__(
        self,
        defaults: Iterable[str],
        *,
        limit: int,
        linger_s: float,
        now_s: Callable[[], float],
        on_add: Callable[[str], None] = lambda _: None,
        on_drop: Callable[[str], None] = lambda _: None,
        on_view: Callable[[str], None] = lambda _: None,
        on_spelling: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make a demand that wants the defaults.

        Args:
            defaults: symbols wanted for ever.
            limit: the most distinct symbols.
            linger_s: seconds for which an unheld symbol stays wanted.
            now_s: a monotonic clock.
            on_add: called when a symbol becomes wanted.
            on_drop: called when it no longer is.
            on_view: called when the first viewer of a symbol has come or the last has gone.
            on_spelling: called with a symbol as somebody wrote it, where not in capitals.
        """
        self._on_spelling = on_spelling
        self._limit = limit
        self._linger_s = linger_s
        self._now_s = now_s
        self._on_add = on_add
        self._on_drop = on_drop
        self._on_view = on_view
        self._holders: dict[str, int] = {}
        self._unheld_since: dict[str, float] = {}
        self._defaults: frozenset[str] = frozenset()
        for symbol in defaults:
            self.hold(symbol)
        self._defaults = frozenset(self._holders)

    @property
    def wanted(self) -> frozenset[str]:
        """Every symbol wanted upstream, lingering ones included."""
        return frozenset(self._holders) | frozenset(self._unheld_since)

    @property
    def viewers(self) -> dict[str, int]:
        """How many clients hold each symbol; without those that nobody holds."""
        by_default = self._defaults
        counts = {s: n - (s in by_default) for s, n in self._holders.items()}
        return {symbol: count for symbol, count in counts.items() if count}

    def __len__(self) -> int:
        return len(self._holders) + len(self._unheld_since)

    def spelled(self, text: str) -> None:
        """Somebody who wants a symbol wrote it so; to be called before ``hold``."""
        if text != text.upper():
            self._on_spelling(text)

    def hold(self, symbol: str) -> bool:
        """One more holder; false when the bound refuses a new symbol."""
        if symbol in self._holders:
            self._holders[symbol] += 1
            if self._holders[symbol] == 1 + (symbol in self._defaults):
                self._on_view(symbol)
        elif symbol in self._unheld_since:
            del self._unheld_since[symbol]
            self._holders[symbol] = 1
            self._on_view(symbol)
        elif len(self) < self._limit or self._make_room():
            self._holders[symbol] = 1
            self._on_add(symbol)
        else:
            return False
        return True

    def release(self, symbol: str) -> None:
        """One holder less. Releasing what is not held is a bug of the caller."""
        count = self._holders[symbol] - 1
        if count:
            self._holders[symbol] = count
            if count == (symbol in self._defaults):
                self._on_view(symbol)
            return
        assert symbol not in self._defaults, "defaults hold themselves"
        del self._holders[symbol]
        self._unheld_since[symbol] = self._now_s()
        self._on_view(symbol)

    def sweep(self) -> None:
        """Let go what nobody has held for the linger."""
        before = self._now_s() - self._linger_s
        gone = [s for s, since in self._unheld_since.items() if since <= before]
        for symbol in gone:
            self._drop(symbol)

    def _make_room(self) -> bool:
        oldest = next(iter(self._unheld_since), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None

    def _drop(self, symbol: str) -> None:
        del self._unheld_since[symbol]
        self._on_drop(symbol)
