"""A book that is asked trade by trade, and says in a number what came of each."""

from photon_app.market import book
from photon_app.market.conditions import NOTHING as PRICE_ALONE
from photon_app.market.conditions import REGULAR
from photon_app.model import Bar, Counted, Effect, Seed, Trade

NOTHING, FIGURES, COUNTED = 0, -1, -2
"""What came of a trade that is no new last price: nothing; figures changed; it is in a bar only."""


def as_counted(trade: Trade, effect: Effect = REGULAR) -> tuple[Counted]:
    """A trade as a book hands it on, for bars alone."""
    return ((trade, effect, 0),)


def code_of(outcome: book.Outcome, symbol: str) -> int:
    """The ``seq`` of a new last price, or one of the numbers above; of a call about one symbol."""
    own = [
        seq
        for _, effect, seq in outcome.counted
        if not any(effect is one for one in book.CONFIRMED)
    ]
    if not own:
        return NOTHING
    return own[-1] or (FIGURES if symbol in outcome.figures else COUNTED)


class Book(book.Book):
    """The book, for tests of its rules."""

    price_only = False
    """Whether a trade was outside the sessions."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.borne_out: list[Trade] = []
        self.turned: list[str] = []

    def apply(self, trade: Trade) -> int:  # type: ignore[override]
        """One trade."""
        outcome = super().apply((trade,))
        code = code_of(outcome, trade.symbol)
        self.borne_out += [
            one for one, e, _ in outcome.counted if any(e is out for out in book.CONFIRMED)
        ]
        alone = any(effect is PRICE_ALONE for _, effect, _ in outcome.counted)
        outside = alone or (code == NOTHING and trade.symbol in outcome.figures)
        self.price_only = self.price_only or outside
        if code > NOTHING and not outside:
            self.turned += outcome.figures
        return code

    def seed(self, seed: Seed) -> int:  # type: ignore[override]
        """One answer."""
        outcome = super().seed(seed)
        return self._code(outcome, seed.symbol)

    def recall(self, symbol: str, bar: Bar, **more: object) -> int:  # type: ignore[override]
        """One day."""
        outcome = super().recall(symbol, bar, **more)  # type: ignore[arg-type]
        return self._code(outcome, symbol)

    def take_turned(self) -> list[str]:
        """Of which symbols a price told figures too since the last call."""
        turned, self.turned = self.turned, []
        return turned

    def _code(self, outcome: book.Outcome, symbol: str) -> int:
        quote = self.quote(symbol)
        if outcome.newest and quote is not None:
            return quote.seq
        return FIGURES if symbol in outcome.figures else NOTHING
