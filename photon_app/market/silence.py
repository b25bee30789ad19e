"""Whether a market that should trade is silent.

Owns when each kind of market last traded and since when trades of it are expected. Synchronous;
called on the event loop only: ``heard`` with every batch of trades, ``look`` once a second. It
keeps two times per kind of market and never judges a single symbol's silence: many stocks trade
less than once in two minutes.

A kind of market (``session.Venue``) is silent if trades of it were expected for ``SILENT_MS`` and
none arrived in that time. Trades are expected while the feed is live, one of its symbols is
subscribed upstream, and ``session.trades_at`` says so. So a night, a holiday, an early close, or a
lost connection (which is reported by itself) does not count as silence. If all trades are refused,
or all trades of half of a market's symbols, that is reported instead (``refusals``). A clock that
was set, or a sleep of this machine, is never taken for silence.
"""

from collections.abc import Iterable, Sequence

from photon_app.calendar.calendar import CalendarSource
from photon_app.calendar.session import Venue, market_of, trades_at, venue_of
from photon_app.market.book import Book
from photon_app.market.refusals import Frozen, Refusals, frozen_sentence
from photon_app.model import Clock, Trade

SILENT_MS = 120_000
"""Silence of a market in its hours that is no coincidence any more."""
_JUMP_MS = 15_000
"""Looks are a second apart: after a gap of this size the clock was set, or the machine slept."""
_NAMES: dict[Venue, str] = {
    "us": "US stocks",
    "world": "other exchanges",
    "fx": "foreign exchange",
    "crypto": "crypto",
    "other": "other markets",
}


class Silence:
    """Detects markets that should trade and do not.

    Args:
        clock: the wall clock.
        calendars: the source of the exchanges' calendar.
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
        """One sentence about what is silent or refused, as of the last look, or empty."""

    @property
    def last_trade_ms(self) -> int | None:
        """When a trade last arrived from upstream, on the wall clock, to the second."""
        return max(self._heard_ms.values(), default=None)

    def heard(self, batch: Sequence[Trade]) -> None:
        """Note trades from upstream. Cheap: returns at once when every subscribed kind of market
        has traded since the last look.
        """
        if not self._unheard:
            return
        now_ms = self._now_ms()
        for venue in {venue_of(trade.symbol) for trade in batch}:
            self._heard_ms[venue] = now_ms
            self._unheard.discard(venue)

    def look(
        self,
        subscribed: Iterable[str],
        *,
        live: bool,
        book: Book | None = None,
        delay_ms: int = 0,
    ) -> str:
        """Compare the trades that arrived with those that are expected.

        Args:
            subscribed: the symbols that are subscribed upstream.
            live: whether the feed is connected. A simulator or a recording never is.
            book: the book that got the trades; the symbols that it refused since the last look are
                taken out of it.
            delay_ms: how long the tape is delayed; trades of a market are expected that much later.

        Returns:
            ``reason``.
        """
        now_ms, calendar = self._now_ms(), self._calendars.calendar
        subscribed = frozenset(subscribed)
        self._check_clock(now_ms)
        markets = {market_of(symbol): symbol for symbol in subscribed}
        self._unheard = {venue_of(symbol) for symbol in markets.values()}
        expected = {
            venue_of(symbol)
            for symbol in markets.values()
            if live and trades_at(symbol, now_ms - delay_ms, calendar)
        }
        self._expected_ms = {v: self._expected_ms.get(v, now_ms) for v in expected}
        silent = [venue for venue in self._expected_ms if self._is_silent(venue, now_ms)]
        refused = "" if book is None else self._refused(book, subscribed)
        self.reason = (refused if live else "") or _sentence(silent)
        return self.reason

    def _refused(self, book: Book, subscribed: frozenset[str]) -> str:
        """One sentence if all trades, or those of half of a market's symbols, are refused."""
        every = self._refusals.look(book.counters)
        frozen = self._frozen.look(book.take_refused(), book.counted)
        if every or not frozen:
            return every
        said = []
        for venue in sorted({venue_of(symbol) for symbol in frozen}):
            mine = [symbol for symbol in subscribed if venue_of(symbol) == venue]
            said.append(frozen_sentence(frozen, mine, _NAMES[venue]))
        return next(filter(None, said), "")

    def _check_clock(self, now_ms: int) -> None:
        """Start over if the clock jumped forward or back since the last look."""
        looked_ms, self._looked_ms = self._looked_ms, now_ms
        if looked_ms is not None and not -_JUMP_MS < now_ms - looked_ms < _JUMP_MS:
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
