"""The subscriptions of the current connection, and which of them Finnhub accepted, which it never
says.

Owns the order of subscribe and unsubscribe messages on one connection, and the meaning of its error
messages. Pure and synchronous; the clock is an argument; called by ``FinnhubFeed`` on the event
loop. Bounded by the slots.

"Subscribing to too many symbols" does not say which symbol was refused. Before the first such
error, symbols are subscribed one after the other without waiting. After it, every symbol that it
could mean is unsubscribed: all that have not traded and were subscribed so recently that an error
can still be under way. When no error has come for two acknowledgement windows, they are subscribed
again alone: one in flight, until a trade of it or a window without an error shows that it was
accepted. An error that comes meanwhile can still be about another symbol, subscribed before. So the
symbol that is blamed is unsubscribed, since it may have been accepted, and subscribed once more.
Only a symbol refused twice alone is the refused one, and those accepted before it are the cap. When
an error was about no symbol that was found, or blames a symbol again that seemed to be accepted on
its second attempt, errors take longer than assumed: the window is doubled, and all symbols that
have not traded yet are subscribed again, alone. There are never more symbols subscribed than slots,
because one is unsubscribed before another is subscribed.
"""

import re

from photon_app.feed.finnhub.slots import Slots
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.feed.finnhub_wire import Subscribe, Unsubscribe

Command = Subscribe | Unsubscribe

ACKNOWLEDGED_S = 1.5
"""A subscribe without an error for this long was accepted."""
LONGEST_S = 12.0
"""Upper limit of that window, on a connection whose errors were seen to come late."""

RETRY_S = 600.0
"""A symbol that Finnhub calls invalid may become valid: it was seen to refuse valid ones."""

LEAST_S = 0.01
"""Shortest wait: a sum of times can come out slightly before the moment that it should reach."""

_HEARD = float("-inf")
_TOO_MANY = re.compile(r"too many symbols", re.IGNORECASE)
_INVALID = re.compile(r"invalid symbol:? +(?P<symbol>.+?)\s*", re.IGNORECASE)


class Subscriptions:
    """The dialogue with one connection after the other.

    Args:
        slots: which symbols are to be subscribed.
        spellings: whether a symbol called invalid has another spelling to try.
        acknowledged_s: the acknowledgement window.
        retry_s: how long a symbol called invalid goes without a slot.
    """

    def __init__(
        self,
        slots: Slots,
        spellings: Spellings,
        acknowledged_s: float = ACKNOWLEDGED_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._spellings = spellings
        self._slots = slots
        self._first_s = self._acknowledged_s = acknowledged_s
        self._retry_s = retry_s
        self._subscribed: dict[str, float] = {}
        self._unheard: set[str] = set()
        self._suspects: set[str] = set()
        self._in_flight: str | None = None
        self._blamed: str | None = None
        self._cleared: set[str] = set()
        """Symbols that were blamed, and seemed to be accepted on their second attempt."""
        self._careful = False
        self._unsolved = False
        """Whether there was an error whose symbol was not found."""
        self._quiet_until_s = _HEARD

    @property
    def subscribed(self) -> frozenset[str]:
        """The symbols that were subscribed on this connection and not refused."""
        return frozenset(self._subscribed)

    def connection_opened(self, now_s: float) -> None:
        """Start again for a new connection: it has no subscriptions yet, and may accept more than
        the last.
        """
        self._subscribed.clear()
        self._unheard.clear()
        self._suspects.clear()
        self._in_flight = self._blamed = None
        self._cleared.clear()
        self._careful = self._unsolved = False
        self._acknowledged_s = self._first_s
        self._quiet_until_s = _HEARD
        self._slots.forget_cap(now_s)

    def take(self, now_s: float) -> Command | None:
        """The next message to send, counted as sent; ``None`` when there is none now."""
        self._slots.assign(now_s)
        if gone := (self._subscribed.keys() - self._slots.assigned) | self._suspects:
            return self._unsubscribe(min(gone))
        if now_s < self._quiet_until_s or not self._settled(now_s):
            return None
        self._in_flight = None
        missing = self._slots.assigned - self._subscribed.keys()
        if not missing:
            return self._done(now_s)
        blamed = self._blamed if self._blamed in missing else None
        return self._subscribe(blamed or min(missing, key=self._slots.rank), now_s)

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until ``take`` is to be called again though nothing else has changed."""
        moments = [self._slots.next_s(now_s), self._quiet_until_s]
        if self._in_flight is not None:
            moments.append(self._subscribed[self._in_flight] + self._acknowledged_s)
        waits = (m - now_s for m in moments if m is not None and m > now_s)
        return min((max(wait, LEAST_S) for wait in waits), default=None)

    def heard(self, symbols: set[str]) -> bool:
        """Record that these symbols traded, so they are subscribed; returns whether one was in
        flight.
        """
        fresh = self._unheard & symbols
        if not fresh:
            return False
        self._unheard -= fresh
        self._subscribed.update(dict.fromkeys(fresh, _HEARD))
        return self._in_flight in fresh

    def error(self, message: str, now_s: float) -> bool:
        """Handle an error message of upstream; returns whether it changed anything here."""
        if _TOO_MANY.search(message):
            self._refused(now_s)
            return True
        invalid = _INVALID.fullmatch(message.strip())
        symbol = "" if invalid is None else invalid["symbol"].upper()
        if symbol not in self._subscribed:
            return False
        self._forget(symbol)
        self._suspects.add(symbol)  # Finnhub was seen to refuse what it had accepted
        if self._spellings.refused(symbol):
            return True
        self._slots.bar(symbol, now_s + self._retry_s)
        self._slots.assign(now_s)
        return True

    def _refused(self, now_s: float) -> None:
        blamed, self._careful = self._in_flight, True
        if blamed is None:
            if now_s >= self._quiet_until_s:
                self._suspects |= self._doubtful(now_s)
            self._begin_quiet(now_s)
            return
        self._forget(blamed)
        self._suspects.add(blamed)  # another may have been meant: then this one is subscribed
        if blamed == self._blamed:
            self._solved(blamed, now_s)
        elif blamed not in self._cleared:
            if self._blamed is not None:
                self._cleared.add(self._blamed)
            self._blamed = blamed
            self._begin_quiet(now_s)
        elif self._acknowledged_s < LONGEST_S:
            self._widen_window(now_s)
        else:
            self._solved(blamed, now_s)

    def _solved(self, refused: str, now_s: float) -> None:
        """The error is about this symbol, and the others that were subscribed are the cap."""
        self._blamed, self._unsolved = None, False
        self._cleared.clear()
        if not self._subscribed:
            self._slots.bar(refused, now_s + self._retry_s)
        self._slots.learn(self._subscribed, now_s)

    def _begin_quiet(self, now_s: float) -> None:
        """Pause, so that errors under way do not meet the symbol that is subscribed next. They are
        slightly more than a window apart when they are about symbols that were subscribed one at a
        time.
        """
        self._unsolved = True
        self._quiet_until_s = now_s + 2 * self._acknowledged_s

    def _done(self, now_s: float) -> Command | None:
        """Everything is subscribed and nothing is in flight, so an unsolved error came late."""
        self._blamed = None
        self._cleared.clear()
        if not self._unsolved or not self._unheard or self._acknowledged_s >= LONGEST_S:
            self._careful = self._unsolved = False
            return None
        self._widen_window(now_s)
        return self._unsubscribe(min(self._suspects))

    def _widen_window(self, now_s: float) -> None:
        """Errors take longer than assumed: subscribe all symbols that may not be accepted once
        more.
        """
        self._acknowledged_s *= 2
        self._suspects |= self._unheard
        self._quiet_until_s = now_s + self._acknowledged_s
        self._blamed, self._unsolved = None, False
        self._cleared.clear()

    def _doubtful(self, now_s: float) -> set[str]:
        """The symbols that an error without a symbol can mean."""
        doubtful = {s for s in self._unheard if now_s < self._subscribed[s] + LONGEST_S}
        if not doubtful:
            latest = max(self._unheard, key=lambda symbol: self._subscribed[symbol], default=None)
            doubtful = set() if latest is None else {latest}
        return doubtful

    def _subscribe(self, symbol: str, now_s: float) -> Subscribe:
        self._subscribed[symbol] = now_s
        self._unheard.add(symbol)
        if self._careful or len(self._subscribed) > self._slots.safe:
            self._in_flight = symbol
        return Subscribe(symbol=symbol)

    def _unsubscribe(self, symbol: str) -> Unsubscribe:
        self._forget(symbol)
        if self._in_flight is not None:  # which was subscribed when fewer places were free
            self._blamed = None
        return Unsubscribe(symbol=symbol)

    def _forget(self, symbol: str) -> None:
        self._subscribed.pop(symbol, None)
        self._unheard.discard(symbol)
        self._suspects.discard(symbol)
        if self._in_flight == symbol:
            self._in_flight = None

    def _settled(self, now_s: float) -> bool:
        at = self._subscribed.get(self._in_flight or "", _HEARD)
        return now_s >= at + self._acknowledged_s
