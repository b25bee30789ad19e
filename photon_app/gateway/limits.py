"""How much one client may ask: a token bucket. Pure; the clock is an argument."""


class TokenBucket:
    """Takes one token a request; refills at ``rate_per_s`` up to ``burst``."""

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether there was a token."""
        refill = max(0.0, now_s - self._at_s) * self._rate_per_s
        self._tokens = min(self._burst, self._tokens + refill)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def retry_after_s(self) -> float:
        """Seconds until the next token."""
        return max(0.0, (1 - self._tokens) / self._rate_per_s)
