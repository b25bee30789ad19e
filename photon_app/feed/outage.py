"""Why there is no line to Finnhub, in words for the person who reads the status.

Owns the sentences and what each kind of failure means for waiting. Pure; knows status codes,
close codes and operating system errors, not the WebSocket library. It never repeats what the
library says, because that can contain the address and with it the key.
"""

import os
import socket
import ssl

from photon_app.feed.backoff import Trouble
from photon_app.model import Fact

_POLICY_VIOLATION = 1008
_PRIVATE_CODES = range(4000, 5000)


class Outage(Fact, frozen=True):
    """Why there is no line, and how long it had delivered before it ended."""

    trouble: Trouble
    reason: str
    delivered_s: float = 0.0


NOT_A_WEBSOCKET = Outage(trouble=Trouble.LOST, reason="the server did not answer as a WebSocket")


def answered(status: int) -> Outage:
    """The handshake was answered with an HTTP status other than 101.

    Finnhub refuses a key with 401 and churn with 429; in an outage it was seen to say 200.
    """
    if status == 401:
        return Outage(trouble=Trouble.UNAUTHORIZED, reason="the API key was refused")
    if status == 429:
        return Outage(trouble=Trouble.THROTTLED, reason="too many attempts (HTTP 429)")
    reason = f"the server answered HTTP {status} instead of opening a WebSocket"
    return Outage(trouble=Trouble.LOST, reason=reason)


def unreachable(error: Exception) -> Outage:
    """No answer at all: the network, the name or the certificate."""
    match error:
        case TimeoutError():
            reason = "no answer in time"
        case ssl.SSLCertVerificationError():
            reason = f"its certificate was not accepted ({error.verify_message})"
        case socket.gaierror():
            reason = "its name cannot be resolved"
        case OSError() if error.errno:
            reason = f"no connection ({os.strerror(error.errno)})"
        case _:
            reason = f"no connection ({type(error).__name__})"
    return Outage(trouble=Trouble.LOST, reason=reason)


def closed(code: int, said: str, delivered_s: float) -> Outage:
    """The server closed an open line.

    A policy code or a private one is aimed at us and counts as a kick; every other means only
    that the line has ended.

    Args:
        code: the close code.
        said: the server's reason, without secrets.
        delivered_s: from the line's opening to its last trade or ping.
    """
    kicked = code == _POLICY_VIOLATION or code in _PRIVATE_CODES
    return Outage(
        trouble=Trouble.KICKED if kicked else Trouble.LOST,
        reason=f"the server closed the line ({code}{': ' if said else ''}{said})",
        delivered_s=delivered_s,
    )


def broken(reason: str, delivered_s: float) -> Outage:
    """An open line ended without the server closing it."""
    return Outage(trouble=Trouble.LOST, reason=reason, delivered_s=delivered_s)
