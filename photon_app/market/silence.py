"""Whether a market that should trade is silent.

Owns when each kind of market was last heard and since when it is to be heard. Synchronous; called
on the event loop only: ``heard`` with every batch of trades, ``look`` once a second. It holds four
numbers and never judges a single symbol's silence: many a stock trades less than once in two
minutes.

A kind of market (``session.Venue``) is silent when it was to be heard for ``SILENT_MS`` and no
trade of it came in that time. It is to be heard while the feed is live, upstream is asked for one
of its symbols and ``session.trades_at`` expects trades: so the silence of a night, a holiday, an
early close, or of a line that is down (which says so itself) is none. Where all trades are refused,
or all of half of a market's symbols, it says that instead (``refusals``). It never takes a clock
that was set, or a sleep of this machine, for silence.
"""

from collections.abc import Iterable, Sequence

from photon_app.calendar.calendar import CalendarSource
from photon_app.calendar.session import Venue, market_of, trades_at, venue_of
from photon_app.market.book import Book
from photon_app.market.refusals import Frozen, Refusals, frozen_sentence
from photon_app.model import Clock, Trade

SILENT_MS = 120_000
"""Silence of a market in its hours that is no chance any more."""
_LOOKS_MS = 15_000
"""Between two looks there is a second: after so much the clock was set, or the machine slept."""
_NAMES: dict[Venue, str] = {
    "us": "US stocks",
    "world": "other exchanges",
    "fx": "foreign exchange",
    "crypto": "crypto",
    "other": "other markets",
}


class Silence:
    """Listens for markets that should trade.

    Args:
        clock: the wall clock.
        calendars: what is known of the exchange's days.
    """

    def __init__(self, clock: Clock, calendars: CalendarSource) -> None:
        self._now_ms = clock.now_ms
        self._calendars = calendars
        self._heard_ms: dict[Venue, int] = {}
        self._expected_ms: dict[Venue, int] = {}
        self._unheard: set[Venue] = set(_NAMES)
        self._looked_ms: int | None = None
        self._refusals = Refusals()
        self._frozen = Frozen()
        self.reason = ""
        """One sentence about what is silent or refused, as of the last look; else empty."""

    @property
    def last_trade_ms(self) -> int | None:
        """When a trade last came from upstream, on the wall clock, to the second."""
        return max(self._heard_ms.values(), default=None)

    def heard(self, batch: Sequence[Trade]) -> None:
        """Trades have come from upstream. Cheap: once all is heard, until the next look."""
        if not self._unheard:
            return
        now_ms = self._now_ms()
        for venue in {venue_of(trade.symbol) for trade in batch}:
            self._heard_ms[venue] = now_ms
            self._unheard.discard(venue)

    def look(
        self,
        held: Iterable[str],
        *,
        live: bool,
        book: Book | None = None,
        delay_ms: int = 0,
    ) -> str:
        """Compare what is heard with what should be.

        Args:
            held: the symbols that upstream is asked for.
            live: whether the feed's line is open. A simulator or a recording never is.
            book: where the trades went; what it refused since the last look is taken out.
            delay_ms: how long the tape is held back: so much later a market is to be heard.

        Returns:
            ``reason``.
        """
        now_ms, calendar = self._now_ms(), self._calendars.calendar
        held = frozenset(held)
        self._mind_the_clock(now_ms)
        markets = {market_of(symbol): symbol for symbol in held}
        self._unheard = {venue_of(symbol) for symbol in markets.values()}
        expected = {
            venue_of(symbol)
            for symbol in markets.values()
            if live and trades_at(symbol, now_ms - delay_ms, calendar)
        }
        self._expected_ms = {v: self._expected_ms.get(v, now_ms) for v in expected}
        silent = [venue for venue in self._expected_ms if self._is_silent(venue, now_ms)]
        refused = "" if book is None else self._refused(book, held)
        self.reason = (refused if live else "") or _sentence(silent)
        return self.reason

    def _refused(self, book: Book, held: frozenset[str]) -> str:
        """What is refused, of all or of half of a market's symbols."""
        every = self._refusals.look(book.counters)
        frozen = self._frozen.look(book.take_refused(), book.counted)
        if every or not frozen:
            return every
        said = []
        for venue in sorted({venue_of(symbol) for symbol in frozen}):
            mine = [symbol for symbol in held if venue_of(symbol) == venue]
            said.append(frozen_sentence(frozen, mine, _NAMES[venue]))
        return next(filter(None, said), "")

    def _mind_the_clock(self, now_ms: int) -> None:
        """Begin anew when more or less than a second or so has passed since the last look."""
        looked_ms, self._looked_ms = self._looked_ms, now_ms
        if looked_ms is not None and not -_LOOKS_MS < now_ms - looked_ms < _LOOKS_MS:
            self._expected_ms.clear()
            self._heard_ms = {venue: min(ms, now_ms) for venue, ms in self._heard_ms.items()}

    def _is_silent(self, venue: Venue, now_ms: int) -> bool:
        since_ms = max(self._expected_ms[venue], self._heard_ms.get(venue, 0))
        return now_ms - since_ms >= SILENT_MS


def _sentence(silent: Iterable[Venue]) -> str:
    names = " and ".join(sorted(_NAMES[venue] for venue in silent))
    if not names:
        return ""
    return f"No trade of {names} for more than {SILENT_MS // 1000} s, in trading hours"
