"""What the present line was told, and what Finnhub made of it, which it never says.

Owns the order of subscribe and unsubscribe messages on one line, and the meaning of its error
messages. Pure and synchronous; the clock is an argument; called by ``FinnhubFeed`` on the event
loop. Bounded by the slots.

"Subscribing to too many symbols" does not say which. While it has not come, symbols are told one
after the other without waiting. Once it has, every symbol that it could mean is let go: all that
have not traded and were told so lately that an error can still be under way. When no error has come
for two acknowledgement windows, they are told again alone: one in flight, until a trade of it or a
window without an error shows that it was taken. An error that comes meanwhile can still be about
another, asked before: so who is blamed is let go, since it may have been taken, and asked once
more; only who is refused twice alone is the refused one, and who was taken before it are the cap.
When an error was about nobody that was found, or one is blamed again who was thought to be taken
when asked once more, errors take longer than was thought: the window is doubled, and all who have
not traded yet are told again, alone. It never has more symbols told than there are slots, because
it lets one go before it asks for another.
"""

import re

from photon_app.feed.finnhub.slots import Slots
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.feed.finnhub_wire import Subscribe, Unsubscribe

Command = Subscribe | Unsubscribe

ACKNOWLEDGED_S = 1.5
"""A subscribe that has met no error for so long was taken."""
LONGEST_S = 12.0
"""The same at most, on a line whose errors were seen to come late."""

RETRY_S = 600.0
"""A symbol that Finnhub calls invalid may be good again: it was seen to refuse valid ones."""

LEAST_S = 0.01
"""Shortest wait: a sum of times can come out a hair below the moment that it should reach."""

_HEARD = float("-inf")
_TOO_MANY = re.compile(r"too many symbols", re.IGNORECASE)
_INVALID = re.compile(r"invalid symbol:? +(?P<symbol>.+?)\s*", re.IGNORECASE)


class Subscriptions:
    """The dialogue with one line after the other.

    Args:
        slots: which symbols shall be subscribed.
        spellings: whether a symbol called invalid is to be asked for in another one.
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
        """Who was blamed, and thought to be taken when asked once more."""
        self._careful = False
        self._unsolved = False
        """Whether there was an error, and nobody found whom it was about."""
        self._quiet_until_s = _HEARD

    @property
    def subscribed(self) -> frozenset[str]:
        """What the line was asked for and has not refused."""
        return frozenset(self._subscribed)

    def connection_opened(self, now_s: float) -> None:
        """A new line was told nothing yet, and may take more than the last one did."""
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
        """The next thing to tell the line, counted as told; ``None`` when there is none now."""
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
        """After how long to call ``take`` again though nothing else has changed."""
        moments = [self._slots.next_s(now_s), self._quiet_until_s]
        if self._in_flight is not None:
            moments.append(self._subscribed[self._in_flight] + self._acknowledged_s)
        waits = (m - now_s for m in moments if m is not None and m > now_s)
        return min((max(wait, LEAST_S) for wait in waits), default=None)

    def heard(self, symbols: set[str]) -> bool:
        """These traded, so they are subscribed; whether one of them had been waited for."""
        fresh = self._unheard & symbols
        if not fresh:
            return False
        self._unheard -= fresh
        self._subscribed.update(dict.fromkeys(fresh, _HEARD))
        return self._in_flight in fresh

    def error(self, message: str, now_s: float) -> bool:
        """Upstream sent an error message; whether it changed anything here."""
        if _TOO_MANY.search(message):
            self._refused(now_s)
            return True
        invalid = _INVALID.fullmatch(message.strip())
        symbol = "" if invalid is None else invalid["symbol"].upper()
        if symbol not in self._subscribed:
            return False
        self._forget(symbol)
        self._suspects.add(symbol)  # Finnhub was seen to refuse what it had taken
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
        self._suspects.add(blamed)  # another may have been meant: then this one has a place
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
        """The error is about this one, and the others that were told are the cap."""
        self._blamed, self._unsolved = None, False
        self._cleared.clear()
        if not self._subscribed:
            self._slots.bar(refused, now_s + self._retry_s)
        self._slots.learn(self._subscribed, now_s)

    def _begin_quiet(self, now_s: float) -> None:
        """Errors that are under way are not to meet whoever is asked next. They are a window and a
        little apart when they are about some that were asked one at a time.
        """
        self._unsolved = True
        self._quiet_until_s = now_s + 2 * self._acknowledged_s

    def _done(self, now_s: float) -> Command | None:
        """All was told and nobody is in flight: an error that is unsolved came late."""
        self._blamed = None
        self._cleared.clear()
        if not self._unsolved or not self._unheard or self._acknowledged_s >= LONGEST_S:
            self._careful = self._unsolved = False
            return None
        self._widen_window(now_s)
        return self._unsubscribe(min(self._suspects))

    def _widen_window(self, now_s: float) -> None:
        """Errors take longer than was thought: all who may not be taken are asked once more."""
        self._acknowledged_s *= 2
        self._suspects |= self._unheard
        self._quiet_until_s = now_s + self._acknowledged_s
        self._blamed, self._unsolved = None, False
        self._cleared.clear()

    def _doubtful(self, now_s: float) -> set[str]:
        """Whom an error about nobody in particular can mean."""
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
        if self._in_flight is not None:  # which was asked when fewer places were free
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
