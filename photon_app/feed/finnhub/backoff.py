"""How long to wait before the next attempt to reach Finnhub.

Owns the policy of ``docs/finnhub.md`` and nothing else: synchronous, no clock of its own, its
random source an argument. The trap it avoids: Finnhub drops a client that reconnects at once again,
so an opened connection proves nothing. Only one that has delivered for 30 s does.
"""

import random

from photon_app.model import FailureReason

PROVEN_S = 30.0
"""A connection that has delivered for this long was a good one."""

FIRST_S = 2.0
CAP_S = 60.0
PUNISHED_S = 60.0
"""Shortest wait after a 429 or a kick."""

REFUSED_KEY_S = 900.0
"""On the socket and over REST: a refused key does not become valid by itself; its owner may
have fixed the account."""

LONGEST_S = 900.0
"""Longest wait that the server can ask for."""


class Backoff:
    """The delays of one feed's attempts, in order.

    Args:
        rng: jitter, so that many clients of one outage do not return together.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._attempt = 0

    def delay(
        self, reason: FailureReason, delivered_s: float = 0.0, retry_after_s: float = 0.0
    ) -> float:
        """Seconds to wait before the next attempt.

        The n-th delay is drawn from [d/2, d] with d = 2·2ⁿ s, at most 60 s. A connection that
        delivered for 30 s sets n to 0 and is retried soon, however it ended.

        Args:
            reason: what ended the connection, or kept it from opening.
            delivered_s: from the opening of the connection to its last message; 0 if it never
                opened.
            retry_after_s: the wait that the server asked for; followed up to 15 minutes.
        """
        proven = delivered_s >= PROVEN_S
        if proven:
            self._attempt = 0
        longest = min(FIRST_S * 2.0**self._attempt, CAP_S)
        # The exponent stops growing when the cap applies anyway: 2**n would overflow a float.
        self._attempt = min(self._attempt + 1, 16)
        delay = self._rng.uniform(longest / 2, longest)
        if reason == "auth":
            delay = REFUSED_KEY_S
        elif reason == "throttle" or (reason == "kick" and not proven):
            delay += PUNISHED_S
        return max(delay, min(retry_after_s, LONGEST_S))
