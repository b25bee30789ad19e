"""A second book beside that of the running app: ``tests.reference``, and not the first one's code.

``Shadow`` gets what the feed received (``heard``), compares each trade that reaches the book
with what the fake meant by its frame, lets the reference fold it, and complains where the book came
to something else. What it made of every price is kept, so that what clients received can be
compared with it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from photon_app.market.bars import Bars
from photon_app.market.book import Book, Outcome
from photon_app.model import Quote, Seed, Trade
from tests.chaos.candles import compare
from tests.chaos.clock import FastTime
from tests.chaos.exchange import Meaning
from tests.fakes.book import FIGURES, code_of
from tests.reference.book import Answer, Last, Made, Symbol
from tests.reference.prints import Print

REPEAT_S, REPEAT_FRAMES = 10.0, 8
AHEAD_MS = 60_000
"""How far ahead of the clock a trade may be."""


class Shadow:
    """The second book.

    Args:
        meanings: what each frame of the fake is.
        time: the feed's.
        complain: called with each difference.
    """

    def __init__(
        self,
        meanings: Mapping[bytes, Meaning],
        time: FastTime,
        complain: Callable[[str], None],
    ) -> None:
        self._meanings = meanings
        self._time = time
        self._complain = complain
        self._began_ms = time.now_ms()
        self._recent: dict[bytes, float] = {}
        self._expected: deque[Print] = deque()
        self.states: dict[str, Symbol] = {}
        self.made: dict[str, dict[int, Last]] = {}
        """Every last price by symbol and seq."""
        self.tape: dict[str, list[tuple[float, float, int]]] = {}
        """Price, volume and time of all that went to followers."""
        self.admitted_s: dict[str, float] = {}
        self.trades = self.duplicates = self.seeds = 0

    @property
    def late(self) -> int:
        """How many trades were late in bars, of the symbols that are followed now."""
        return sum(state.series.late for state in self.states.values())

    def watch(self, book: Book, wanted: frozenset[str]) -> None:
        """Stand beside a book that wants these already."""
        for symbol in wanted:
            self._admit(symbol)
        self._before(book, "admit", self._admit)
        self._before(book, "drop", lambda symbol: self.states.pop(symbol, None))
        apply, seed = book.apply, book.seed

        def applied(batch: Iterable[Trade]) -> Outcome:
            all_of_it = Outcome()
            for trade in batch:
                was = apply((trade,))
                seq = code_of(was, trade.symbol)
                self._compare(trade.symbol, self._expect(trade), seq, book.quote)
                all_of_it.counted += was.counted
                all_of_it.figures |= was.figures
            return all_of_it

        def seeded(given: Seed) -> Outcome:
            was, quote = seed(given), book.quote(given.symbol)
            changed = FIGURES if given.symbol in was.figures else 0
            seq = quote.seq if was.newest and quote is not None else changed
            self._compare(given.symbol, self._ask(given), seq, book.quote)
            return was

        book.apply = applied  # type: ignore[method-assign]
        book.seed = seeded  # type: ignore[method-assign, assignment]

    def heard(self, frame: bytes) -> None:
        """The feed has received this."""
        meaning = self._meanings.get(frame)
        if meaning is None or not meaning.tape:
            return
        now_s = self._time.monotonic()
        last_s = self._recent.get(frame)
        if last_s is not None and now_s - last_s <= REPEAT_S:
            self.duplicates += 1
            return
        self._recent.pop(frame, None)
        self._recent[frame] = now_s
        while len(self._recent) > REPEAT_FRAMES:
            del self._recent[next(iter(self._recent))]
        self._expected.extend(meaning.prints)

    def compare(self, symbol: str, quote: Quote | None) -> None:
        """The book's word on a symbol against ours."""
        state = self.states.get(symbol)
        if state is None or state.last is None:
            if quote is not None:
                self._complain(f"{symbol} has a price in the book and should have none")
            return
        if quote is None:
            self._complain(f"{symbol} has no price in the book")
            return
        ours = _figures(state)
        theirs = {name: getattr(quote, name) for name in ours}
        if any(not _same(ours[name], theirs[name]) for name in ours):
            self._complain(f"{symbol} is {theirs} in the book and should be {ours}")

    def compare_bars(self, symbol: str, bars: Bars) -> Iterator[str]:
        """What differs in the bars of memory."""
        state = self.states.get(symbol)
        return compare(symbol, [] if state is None else state.series.prints, bars)

    def finish(self) -> None:
        """Nothing that was received may still be on its way."""
        if self._expected:
            self._complain(f"{len(self._expected)} trades were received and never applied")

    def _before(self, book: Book, name: str, note: Callable[[str], Any]) -> None:
        original = getattr(book, name)

        def noted(symbol: str) -> None:
            note(symbol)
            original(symbol)

        setattr(book, name, noted)

    def _admit(self, symbol: str) -> None:
        if symbol not in self.states:
            self.states[symbol] = Symbol(
                symbol,
                latest_ms=lambda: self._time.now_ms() + AHEAD_MS,
                since_ms=self._began_ms,
            )
            self.admitted_s[symbol] = self._time.monotonic()

    def _compare(
        self, symbol: str, ours: str, seq: int, quote: Callable[[str], Quote | None]
    ) -> None:
        theirs = "price" if seq > 0 else "figures" if seq == FIGURES else "nothing"
        if ours != theirs:
            self._complain(f"{symbol}: the book made {theirs} where the rules make {ours}")
        if seq > 0 and (state := self.states.get(symbol)) is not None and state.last is not None:
            made = self.made.setdefault(symbol, {})
            if made and seq <= next(reversed(made)):
                self._complain(f"{symbol}: seq {seq} after {next(reversed(made))}")
            now = made[seq] = state.last
            if now.polled:
                self.tape.setdefault(symbol, []).append((now.price, 0, now.time_ms))
        if seq != 0:
            self.compare(symbol, quote(symbol))

    def _expect(self, trade: Trade) -> Made:
        """The next trade of those received."""
        got = Print(trade.symbol, trade.price, trade.volume, trade.time_ms, trade.conditions)
        meant = self._expected.popleft() if self._expected else None
        if got != meant:
            self._complain(f"{got} was applied where {meant} was sent")
        self.trades += 1
        self.tape.setdefault(got.symbol, []).append((got.price, got.volume, got.time_ms))
        state = self.states.get(got.symbol)
        return "nothing" if state is None else state.hear(got)

    def _ask(self, seed: Seed) -> Made:
        """What was asked for."""
        self.seeds += 1
        state = self.states.get(seed.symbol)
        if state is None:
            return "nothing"
        given = Answer(seed.price, seed.time_ms, seed.open, seed.high, seed.low, seed.prev_close)
        return state.ask(given)


def _figures(state: Symbol) -> dict[str, Any]:
    """What a quote tells of it."""
    assert state.last is not None and state.figures is not None
    return {
        **state.last._asdict(),
        "open": state.figures.open,
        "high": state.figures.high,
        "low": state.figures.low,
        "day_volume": float(state.figures.volume),
        "prev_close": state.prev_close,
    }


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
