"""How much may be asked: token buckets. Pure and synchronous; the clock is an argument.

What a client asks counts when it asks, not when this server comes to read it: for what waited here,
because the process stood still or the client was not read, its bucket saves up beyond its burst.

Memory: a ``TokenBucket`` is four numbers, a ``MessageBudget`` three more; a ``FairBucket`` has one
entry besides for each asker that got a token within a second, which is at most twice its rate.
"""

import math

from photon_app.hub.stalls import Stalls

JITTER_S = 0.1
"""Messages that were sent evenly may arrive this much closer together."""
TURN_S = 1.0
SYMBOLS_TIMES = 2
"""How often a client may name all that it may have, at once."""
ROUNDING = 1e-6
"""Of a token: a client that keeps exactly to the rate must not fail by the sums of floats."""


class TokenBucket:
    """Takes one token a request; refills at ``rate_per_s`` up to ``burst``.

    So in any ``t`` seconds it gives at most ``burst + rate_per_s * t`` tokens. While its clock is
    behind where it has been, nothing refills.
    """

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float, price: float = 1.0) -> bool:
        """Whether there were so many tokens. What costs more than the bucket holds costs all that
        it holds: nothing is out of reach for ever.
        """
        self.refill(now_s)
        price = min(price, self._burst)
        if self._tokens < price - ROUNDING:
            return False
        self._tokens -= price
        return True

    def refill(self, now_s: float) -> float:
        """Let time pass; returns how many tokens found no room."""
        if now_s <= self._at_s:
            return 0.0
        tokens = self._tokens + (now_s - self._at_s) * self._rate_per_s
        self._at_s = now_s
        self._tokens = max(self._tokens, min(self._burst, tokens))
        return tokens - self._tokens

    def forgive(self, now_s: float, waited_s: float) -> float:
        """What is asked now has waited here for so long, at most: save that time's tokens up,
        whatever the burst. Returns what found no room before it.
        """
        spilt = self.refill(now_s - waited_s)
        self._tokens += waited_s * self._rate_per_s
        self._at_s = max(self._at_s, now_s)
        return spilt

    def retry_after_s(self, price: float = 1.0) -> float:
        """Seconds until there are so many tokens."""
        return max(0.0, (min(price, self._burst) - self._tokens) / self._rate_per_s)


class ClientBucket(TokenBucket):
    """The bucket of one client, which is not charged for what a stall of this process heaped up."""

    __slots__ = ("_mark_s", "_stalls")

    def __init__(
        self, rate_per_s: float, burst: float, now_s: float, stalls: Stalls | None = None
    ) -> None:
        super().__init__(rate_per_s, burst, now_s)
        self._stalls = stalls
        self._mark_s = 0.0 if stalls is None else stalls.total_s

    def take(self, now_s: float, price: float = 1.0) -> bool:
        """See ``TokenBucket``; only where there are too few tokens is a stall looked for."""
        return super().take(now_s, price) or (self._forgiven(now_s) and super().take(now_s, price))

    def _forgiven(self, now_s: float) -> bool:
        if self._stalls is None or (stood_s := self._stalls.fresh_s(self._mark_s)) <= 0:
            return False
        self._mark_s = self._stalls.total_s
        self.forgive(now_s, stood_s)
        return True


def message_bucket(rate_per_s: float, now_s: float, stalls: Stalls | None = None) -> ClientBucket:
    """The bucket of one client's messages: two seconds' worth at once, and a little more, so that
    one that spends all of that and then keeps to the rate is not closed for the network's jitter.
    """
    return ClientBucket(rate_per_s, (2 + JITTER_S) * rate_per_s, now_s, stalls)


class MessageBudget:
    """What one client may ask, by work: a message costs what it gives to do.

    Symbols are taken from a reserve, wide enough for all that a client may have, twice: so that it
    may subscribe it in one message or in a hundred, in both channels, or let it go again. Without
    enough of it, a message costs its price in tokens of ``message_bucket``, as any other does. What
    that bucket has no room for refills the reserve: in any ``t`` seconds no more messages pass than
    those of the bucket and the reserve's width.

    Args:
        rate_per_s: messages a second, of those that cost one token.
        symbols: the most that the client may have in one channel.
        now_s: of a monotonic clock.
        stalls: for how long this process stood still.
    """

    __slots__ = ("_messages", "_most", "_price", "_symbols")

    def __init__(
        self, rate_per_s: float, symbols: int, now_s: float, stalls: Stalls | None = None
    ) -> None:
        self._messages = message_bucket(rate_per_s, now_s, stalls)
        self._symbols = self._most = float(SYMBOLS_TIMES * symbols)
        self._price = 1.0

    def take(self, now_s: float, symbols: int = 0, price: float = 1.0) -> bool:
        """Whether a message passes.

        Args:
            now_s: of the same clock.
            symbols: how many it takes from the reserve, if that has enough.
            price: what it costs otherwise, in tokens.
        """
        spilt = self._messages.refill(now_s)
        self._symbols = min(self._most, self._symbols + spilt)
        if 0 < symbols <= self._symbols + ROUNDING:
            self._symbols -= symbols
            return True
        self._price = price
        return self._messages.take(now_s, price)

    def waited(self, now_s: float, waited_s: float) -> None:
        """The client was not read for so long; what it sent meanwhile comes now."""
        if waited_s > 0:
            spilt = self._messages.forgive(now_s, waited_s)
            self._symbols = min(self._most, self._symbols + spilt)

    def retry_after_s(self) -> float:
        """Seconds until what was refused would pass."""
        return self._messages.retry_after_s(self._price)


class FairBucket:
    """A token bucket for many askers, which one of them cannot keep empty for the others.

    A lone asker may have every token. Once another has asked, in this turn of ``TURN_S`` or in the
    one before, each may take half of the rate per turn: an asker that was refused finds a token a
    turn later.
    Askers that act together (many addresses) can still use all of it up.
    """

    __slots__ = ("_bucket", "_contended", "_first", "_share", "_taken", "_turn_s", "_was_contended")

    def __init__(self, rate_per_s: int, now_s: float) -> None:
        self._bucket = TokenBucket(rate_per_s, rate_per_s, now_s)
        self._share = max(1, rate_per_s // 2)
        self._turn_s = -math.inf
        self._taken: dict[str | None, int] = {}
        self._first: str | None = None
        self._contended = False
        self._was_contended = False

    def take(self, asker: str | None, now_s: float) -> bool:
        """Whether there was a token for this asker; ``None`` is somebody unknown."""
        self._turn(asker, now_s)
        taken = self._taken.get(asker, 0)
        if taken >= self._share and (self._contended or self._was_contended):
            return False
        if not self._bucket.take(now_s):
            return False
        self._taken[asker] = taken + 1
        return True

    def _turn(self, asker: str | None, now_s: float) -> None:
        if now_s - self._turn_s >= TURN_S:
            self._turn_s = now_s
            self._was_contended, self._contended = self._contended, False
            self._taken.clear()
            self._first = asker
        if asker != self._first:
            self._contended = True
