"""How upstream writes symbols: clients name them in any case, upstream knows one spelling of each.

Owns what is known of spellings, and the spelling in which each symbol was subscribed. Pure and
synchronous; the clock is an argument; called on the event loop by the connection to Finnhub and by
its REST calls, which share one object. A symbol is requested in capitals unless upstream itself
wrote it differently, in a trade or in a search. When a client wrote a name with a colon in another
case, that is a guess: while nothing arrives, the guesses are tried one after the other, each for
longer than the one before.

Bound: ``capacity`` symbols of each kind: known to be written in capitals, known not to be, and
guessed; the oldest make room. For one symbol ``MOST_GUESSES``. Any client can guess, so no guess is
taken for a known symbol, and a guess that brings nothing changes nothing for long.
"""

from collections.abc import Callable, Collection
from typing import Any

from photon_app.errors import RequestError
from photon_app.model import parse_symbol

CAPACITY = 4096
MOST_GUESSES = 4
PATIENCE_S = 20.0
"""How long the first guess is tried without a result; each further one twice as long."""
LONGEST_S = 600.0
"""Upper limit of that time."""


class _Guess:
    """The possible spellings of one symbol, the current one first."""

    __slots__ = ("patience_s", "spellings", "tried")

    def __init__(self, spellings: list[str]) -> None:
        self.spellings = spellings
        self.tried = 1
        self.patience_s = PATIENCE_S

    def rotate(self) -> None:
        self.spellings.append(self.spellings.pop(0))
        self.patience_s = min(self.patience_s * 2, LONGEST_S)


class Spellings:
    """What is known of spellings.

    Args:
        capacity: most symbols of which anything is known.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.on_change: Callable[[], None] = lambda: None
        """Called when a symbol may be spelled differently than before."""
        self._known: dict[str, str] = {}
        self._capitals: dict[str, None] = {}
        self._guesses: dict[str, _Guess] = {}
        self._subscribed: dict[str, tuple[str, float]] = {}

    def of(self, symbol: str) -> str:
        """The spelling to request from upstream."""
        known = self._known.get(symbol)
        if known is not None:
            return known
        guess = self._guesses.get(symbol)
        return symbol if guess is None else guess.spellings[0]

    def learn(self, spelling: str) -> None:
        """Remember a spelling that upstream itself uses."""
        symbol = spelling.upper()
        before = self.of(symbol)
        self._guesses.pop(symbol, None)
        self._known.pop(symbol, None)
        self._capitals.pop(symbol, None)
        if spelling == symbol:
            self._capitals[symbol] = None
            _trim(self._capitals, self._capacity)
        else:
            self._known[symbol] = spelling
            _trim(self._known, self._capacity)
        if before != spelling:
            self.on_change()

    def guess(self, typed: str) -> None:
        """Remember a spelling that a client used. Any text may be given."""
        try:
            symbol = parse_symbol(typed)
        except RequestError:
            return
        exchange, colon, _ = typed.partition(":")
        if typed == symbol or not colon or symbol in self._known or symbol in self._capitals:
            return
        guess = self._guesses.get(symbol)
        if guess is not None:
            if typed not in guess.spellings and len(guess.spellings) < MOST_GUESSES:
                guess.spellings.append(typed)
            return
        # A client that writes the exchange in capitals but not the rest most likely means it.
        meant = exchange == exchange.upper()
        self._guesses[symbol] = _Guess([typed, symbol] if meant else [symbol, typed])
        _trim(self._guesses, self._capacity)
        self.on_change()

    def heard(self, symbols: set[str], odd: Collection[str]) -> None:
        """Learn from trades: of these symbols, some were written in the ``odd`` spellings, the
        others in capitals.
        """
        for spelling in odd:
            if self._known.get(spelling.upper()) != spelling:
                self.learn(spelling)
        for symbol in symbols - self._capitals.keys() if symbols else ():
            if symbol not in self._known:
                self.learn(symbol)

    def unanswered(self, symbol: str) -> None:
        """REST had no figures for a symbol: try the next guess, unless the connection is testing
        this one.
        """
        guess = self._guesses.get(symbol)
        if guess is not None and symbol not in self._subscribed:
            guess.rotate()

    def refused(self, symbol: str) -> bool:
        """The connection refused a symbol in its current spelling, in which it must be
        unsubscribed. Returns whether the next spelling was not tried yet; once all were tried, all
        count as untried again.
        """
        guess = self._guesses.get(symbol)
        if guess is None:
            return False
        guess.rotate()
        guess.tried += 1
        if guess.tried <= len(guess.spellings):
            return True
        guess.tried = 1
        return False

    # Spellings in which symbols are subscribed

    def subscribe(self, symbol: str, now_s: float) -> str:
        """The spelling in which to subscribe a symbol; remembered until it is unsubscribed."""
        spelling = self.of(symbol)
        self._subscribed[symbol] = spelling, now_s
        return spelling

    def unsubscribe(self, symbol: str) -> str:
        """The spelling in which a symbol was subscribed."""
        return self._subscribed.pop(symbol, (symbol, 0.0))[0]

    def connection_opened(self) -> None:
        """Forget all subscriptions: a new connection has none yet."""
        self._subscribed.clear()

    def overdue(self, now_s: float) -> str | None:
        """A symbol to subscribe again because its spelling has changed."""
        if not (self._known or self._guesses):
            return None
        for symbol, (spelling, at_s) in self._subscribed.items():
            guess = self._guesses.get(symbol)
            if guess is not None and spelling == guess.spellings[0]:
                if now_s < at_s + guess.patience_s:
                    continue
                guess.rotate()
            if spelling != self.of(symbol):
                return symbol
        return None

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until ``overdue`` is to be called again."""
        waits = [
            self._subscribed[symbol][1] + guess.patience_s - now_s
            for symbol, guess in self._guesses.items()
            if symbol in self._subscribed
        ]
        return max(min(waits), 0.01) if waits else None


def _trim(kept: dict[str, Any], most: int) -> None:
    if len(kept) > most:
        del kept[next(iter(kept))]
