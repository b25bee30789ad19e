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
        self.effects = Effects()
        self.outside = False
        """Whether a trade was outside the sessions, since whoever asks set it back: no client can
        fold it by itself.
        """

    def apply(self, trade: Trade) -> int:
        """Judge one trade and let it count. Returns what ``Book.apply`` does."""
        seq = self.book.apply(trade)
        if self.book.price_only:
            self.book.price_only = False
            self.outside = True
        elif seq != NOTHING:
            self.bars.fold(trade, self.effects[trade.conditions])
            if self.book.borne_out:
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
            effect = self.effects[trade.conditions]
            self.bars.fold(trade, Effect(last=False, high_low=True, volume=effect.volume))
