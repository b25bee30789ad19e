"""Rate limits: token buckets. Pure and synchronous; the clock is an argument.

A message counts at the time when the client sent it, not when this server reads it. For the time
that messages waited here, because the process stalled or the client was not read, its bucket is
refilled beyond its burst.

Memory: a ``TokenBucket`` is four numbers, a ``MessageBudget`` three more; a ``FairBucket`` also has
one entry for each client that got a token within a second: at most twice its rate.
"""

import math

from photon_app.hub.stalls import Stalls

JITTER_S = 0.1
"""Messages that were sent evenly may arrive this much closer together."""
WINDOW_S = 1.0
SYMBOLS_TIMES = 2
"""How many times over a client may name all its symbols at once."""
ROUNDING = 1e-6
"""Of a token: a client exactly at its rate must not fail because of floating-point rounding."""


class TokenBucket:
    """A bucket of tokens; refilled at ``rate_per_s`` up to ``burst``.

    So in any ``t`` seconds it gives at most ``burst + rate_per_s * t`` tokens. If the clock goes
    back, nothing is refilled until it has caught up.
    """

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float, cost: float = 1.0) -> bool:
        """Take tokens; returns false if there are too few. A cost above ``burst`` counts as
        ``burst``, so that no request is impossible for ever.
        """
        self.refill(now_s)
        cost = min(cost, self._burst)
        if self._tokens < cost - ROUNDING:
            return False
        self._tokens -= cost
        return True

    def refill(self, now_s: float) -> float:
        """Let time pass; returns how many tokens overflowed."""
        if now_s <= self._at_s:
            return 0.0
        tokens = self._tokens + (now_s - self._at_s) * self._rate_per_s
        self._at_s = now_s
        self._tokens = max(self._tokens, min(self._burst, tokens))
        return tokens - self._tokens

    def forgive(self, now_s: float, waited_s: float) -> float:
        """Add the tokens of the time that a message waited in this process, even beyond the burst.
        Returns how many tokens overflowed before that time.
        """
        overflow = self.refill(now_s - waited_s)
        self._tokens += waited_s * self._rate_per_s
        self._at_s = max(self._at_s, now_s)
        return overflow

    def retry_after_s(self, cost: float = 1.0) -> float:
        """Seconds until there are enough tokens."""
        return max(0.0, (min(cost, self._burst) - self._tokens) / self._rate_per_s)


class ClientBucket(TokenBucket):
    """The bucket of one client, which is not charged for messages that piled up in a stall."""

    __slots__ = ("_mark_s", "_stalls")

    def __init__(
        self, rate_per_s: float, burst: float, now_s: float, stalls: Stalls | None = None
    ) -> None:
        super().__init__(rate_per_s, burst, now_s)
        self._stalls = stalls
        self._mark_s = 0.0 if stalls is None else stalls.total_s

    def take(self, now_s: float, cost: float = 1.0) -> bool:
        """See ``TokenBucket``; stalls are checked only if there are too few tokens."""
        return super().take(now_s, cost) or (self._forgiven(now_s) and super().take(now_s, cost))

    def _forgiven(self, now_s: float) -> bool:
        if self._stalls is None or (stood_s := self._stalls.fresh_s(self._mark_s)) <= 0:
            return False
        self._mark_s = self._stalls.total_s
        self.forgive(now_s, stood_s)
        return True


def message_bucket(rate_per_s: float, now_s: float, stalls: Stalls | None = None) -> ClientBucket:
    """The bucket of one client's messages: a burst of two seconds' worth, and a little more, so
    that a client that spends it and then keeps to the rate is not closed because of network jitter.
    """
    return ClientBucket(rate_per_s, (2 + JITTER_S) * rate_per_s, now_s, stalls)


class MessageBudget:
    """The message budget of one client: a message costs as much as the work that it causes.

    Symbols are taken from a reserve, which is large enough for all symbols that a client may have,
    twice: so that it may subscribe them in one message or in a hundred, in both channels, or
    unsubscribe them again. If the reserve is too low, a message takes tokens of
    ``message_bucket``, like any other. What overflows that bucket refills the reserve: in any ``t``
    seconds no more messages pass than those of the bucket and the size of the reserve.

    Args:
        rate_per_s: messages per second, of those that cost one token.
        symbols: the most symbols that the client may have in one channel.
        now_s: time of a monotonic clock.
        stalls: for how long this process stalled.
    """

    __slots__ = ("_cost", "_messages", "_most", "_symbols")

    def __init__(
        self, rate_per_s: float, symbols: int, now_s: float, stalls: Stalls | None = None
    ) -> None:
        self._messages = message_bucket(rate_per_s, now_s, stalls)
        self._symbols = self._most = float(SYMBOLS_TIMES * symbols)
        self._cost = 1.0

    def take(self, now_s: float, symbols: int = 0, cost: float = 1.0) -> bool:
        """Whether a message passes.

        Args:
            now_s: time of the same clock.
            symbols: how many it takes from the reserve, if that has enough.
            cost: what it costs otherwise, in tokens.
        """
        overflow = self._messages.refill(now_s)
        self._symbols = min(self._most, self._symbols + overflow)
        if 0 < symbols <= self._symbols + ROUNDING:
            self._symbols -= symbols
            return True
        self._cost = cost
        return self._messages.take(now_s, cost)

    def waited(self, now_s: float, waited_s: float) -> None:
        """The client was not read for this long; what it sent meanwhile comes now."""
        if waited_s > 0:
            overflow = self._messages.forgive(now_s, waited_s)
            self._symbols = min(self._most, self._symbols + overflow)

    def retry_after_s(self) -> float:
        """Seconds until the message that was refused would pass."""
        return self._messages.retry_after_s(self._cost)


class FairBucket:
    """A token bucket for many clients, which no single one can keep empty for the others.

    A lone client may take every token. Once another has asked, in the current or the previous
    window of ``WINDOW_S``, each may take half of the rate per window: a client that was refused
    finds a token one window later. Clients that act together (many addresses) can still use up all
    tokens.
    """

    __slots__ = (
        "_bucket",
        "_contended",
        "_first",
        "_share",
        "_taken",
        "_was_contended",
        "_window_s",
    )

    def __init__(self, rate_per_s: int, now_s: float) -> None:
        self._bucket = TokenBucket(rate_per_s, rate_per_s, now_s)
        self._share = max(1, rate_per_s // 2)
        self._window_s = -math.inf
        self._taken: dict[str | None, int] = {}
        self._first: str | None = None
        self._contended = False
        self._was_contended = False

    def take(self, client: str | None, now_s: float) -> bool:
        """Take a token for a client, if there is one; ``None`` is a client without an address."""
        self._roll_window(client, now_s)
        taken = self._taken.get(client, 0)
        if taken >= self._share and (self._contended or self._was_contended):
            return False
        if not self._bucket.take(now_s):
            return False
        self._taken[client] = taken + 1
        return True

    def _roll_window(self, client: str | None, now_s: float) -> None:
        if now_s - self._window_s >= WINDOW_S:
            self._window_s = now_s
            self._was_contended, self._contended = self._contended, False
            self._taken.clear()
            self._first = client
        if client != self._first:
            self._contended = True
