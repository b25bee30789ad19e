"""Book and bars as one: what counts in the one counts in the other.

Synchronous and total; called on the event loop only, or by a command that reads a recording. The
book judges (``market.book``), the bars keep what it lets through (``market.bars``).
"""

from photon_app.market.bars import Bars
from photon_app.market.book import NOTHING, Book
from photon_app.market.conditions import Effect, Effects
from photon_app.model import Seed, Trade


class Ledger:
    """Every trade's one way into a book and its bars."""

    def __init__(self, book: Book, bars: Bars) -> None:
        self.book = book
        self.bars = bars
        self._effects = Effects()
        self.outside: set[str] = set()
        """Symbols that were traded outside their sessions, until whoever applies trades takes them
        out: no client can fold such a trade by itself.
        """

    def apply(self, trade: Trade) -> int:
        """Judge one trade and let it count. Returns what ``Book.apply`` does."""
        book = self.book
        seq = book.apply(trade)
        if book.price_only:
            book.price_only = False
            self.outside.add(trade.symbol)
        elif seq != NOTHING:
            self.bars.fold(trade, book.effect)
            if book.borne_out:
                self._fold_borne_out()
        return seq

    def seed(self, seed: Seed) -> int:
        """Learn what was asked for. Returns what ``Book.seed`` does."""
        seq = self.book.seed(seed)
        if self.book.borne_out:
            self._fold_borne_out()
        if seq > NOTHING and (quote := self.book.quote(seed.symbol)) is not None:
            self.bars.sample(quote.symbol, quote.price, quote.time_ms)
        return seq

    def _fold_borne_out(self) -> None:
        """Prints that were held and count now, though never as a last price."""
        held, self.book.borne_out = self.book.borne_out, []
        for trade in held:
            effect = self._effects[trade.conditions]
            self.bars.fold(trade, Effect(last=False, high_low=True, volume=effect.volume))
