"""When to connect to a Photon again, and its refusals in words.

Owns the delays of one client and the sentences for people. Synchronous, without a clock of its
own; randomness is an argument. A server that says how long to wait is obeyed, and one that says not
to come back is not contacted again.
"""

import random
from collections.abc import Mapping

from photon_app.commands.tail.wire import clean
from photon_app.disconnect import FINAL_CODES
from photon_app.feed import outage
from photon_app.model import Fact

FIRST_S, CAP_S = 0.25, 5.0
STEADY_S = 5.0
"""After a connection that lasted this long, the delays start from the shortest again."""
REFUSED_S = 30.0
"""Shortest delay after an answer that only the server's operator can change."""
BUSY_S = 5.0
"""The same after 429 or 503 without a ``Retry-After``."""
LONGEST_S = 3600.0


class Ending(Fact, frozen=True):
    """Why a connection ended, or did not open."""

    reason: str
    least_s: float = 0.0
    """The shortest delay before the next attempt."""
    final: bool = False
    """Whether there is no next attempt."""
    lasted_s: float = 0.0


class Retry:
    """The delays of one client, in order.

    Args:
        rng: jitter, so that the clients of one server do not return together.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._attempt = 0
        self._least_s = 0.0

    def wait_at_least(self, asked_ms: float | None) -> None:
        """Make the next delay at least what the server asks for, times a random 1 to 2."""
        if asked_ms is not None and asked_ms > 0:
            drawn = asked_ms / 1000 * self._rng.uniform(1, 2)
            self._least_s = max(self._least_s, min(drawn, LONGEST_S))

    def delay(self, ending: Ending) -> float:
        """Seconds until the next attempt: drawn from [d/2, d] with d = 0.25·2ⁿ s, at most 5 s, and
        never less than what the server asked for.
        """
        if ending.lasted_s >= STEADY_S:
            self._attempt = 0
        longest = min(FIRST_S * 2.0**self._attempt, CAP_S)
        self._attempt = min(self._attempt + 1, 16)
        least_s, self._least_s = max(ending.least_s, self._least_s), 0.0
        return max(self._rng.uniform(longest / 2, longest), least_s)


def answered(status: int, headers: Mapping[str, str], body: bytes, now_ms: int = 0) -> Ending:
    """The server answered the handshake with an HTTP status other than 101.

    Photon refuses with 403 (origin, token), 429 (an address's sockets, rate) and 503 (full), and
    one sentence.

    Args:
        status: the status.
        headers: the answer's headers, by names in any case.
        body: the sentence.
        now_ms: the wall clock, for a ``Retry-After`` that is a date.
    """
    said = clean(body.decode(errors="replace")) if _is_text(headers) else ""
    reason = f"refused with HTTP {status}{said and ': '}{said}"
    asked_s = min(outage.retry_after(headers.get("Retry-After"), now_ms), LONGEST_S)
    if status in {429, 503}:
        return Ending(reason=reason, least_s=asked_s or BUSY_S)
    if 400 <= status < 500:
        return Ending(reason=reason, least_s=REFUSED_S)
    return Ending(reason=reason if status >= 500 else f"not a WebSocket there (HTTP {status})")


def closed(code: int, said: str) -> Ending:
    """The server closed an open connection; final with a code that forbids coming back."""
    text = clean(said)
    reason = f"the server closed the connection ({code}{text and ': '}{text})"
    return Ending(reason=reason, final=code in FINAL_CODES)


def _is_text(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").startswith("text/plain")
