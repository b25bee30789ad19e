"""Why there is no connection to Finnhub, in words for the person who reads the status.

Owns the sentences, and the reason as which each kind of failure counts. Pure; knows status codes,
close codes and operating system errors, not the WebSocket library. It never repeats a message of
the library, because that can contain the address and with it the key.
"""

import datetime as dt
import email.utils
import os
import socket
import ssl

import msgspec

from photon_app import foreign
from photon_app.model import Fact, FailureReason

SHORT_S = 10.0
"""A connection that ended sooner was dropped right after it opened."""

_KICKS_FROM = 2
_PRIVATE_CODES = range(4000, 5000)
_CLOSED_FOR: dict[int, FailureReason] = {1000: "network", 1005: "network", 1008: "kick"}
"""The reason for a close by the server whose code does not blame the server itself."""


class Outage(Fact, frozen=True):
    """Why there is no connection."""

    reason: FailureReason
    words: str
    open_s: float | None = None
    """From the opening of the connection to its end; ``None`` if it never opened."""
    delivered_s: float = 0.0
    """From the opening of the connection to its last trade or ping."""
    retry_after_s: float = 0.0
    """The wait that the server asked for."""
    at_once: bool = False
    """Whether neither side caused the end, so that a connection that had proven itself is reopened
    at once."""


class Uptime(Fact, frozen=True):
    """How long a connection was open when it ended, and how long it delivered."""

    open_s: float
    delivered_s: float


NOT_A_WEBSOCKET = Outage(reason="server", words="the server did not answer as a WebSocket")


class Streak:
    """Recognises a key that is in use elsewhere.

    Finnhub accepts a second connection on a key and drops one or both within a second or two,
    without a reason. One such end can have any cause; two in a row are taken as this one.
    """

    def __init__(self) -> None:
        self._short = 0

    def judge(self, outage: Outage) -> Outage:
        """The outage as it looks in view of those before it."""
        short = outage.open_s is not None and outage.open_s < SHORT_S
        self._short = self._short + 1 if short and outage.reason in {"network", "kick"} else 0
        if self._short < _KICKS_FROM:
            return outage
        words = (
            f"{outage.words}, {self._short} times in a row right after it opened: "
            "another program seems to use this key"
        )
        return msgspec.structs.replace(outage, reason="kick", words=words)


def answered(status: int, retry_after_s: float = 0.0) -> Outage:
    """The handshake was answered with an HTTP status other than 101.

    Finnhub refuses a key with 401 and too many reconnects with 429; during an outage it was seen to
    answer 200.
    """
    reason: FailureReason = "server"
    words = f"the server answered HTTP {status} instead of opening a WebSocket"
    if status == 401:
        reason, words = "auth", "the API key was refused"
    elif status == 403:
        words = "the server forbids it (HTTP 403), to this key's plan or to this network"
    elif status == 429:
        reason, words = "throttle", "too many attempts (HTTP 429)"
    return Outage(reason=reason, words=words, retry_after_s=retry_after_s)


def retry_after(text: str | None, now_ms: int) -> float:
    """Seconds from now that a ``Retry-After`` header asks for; 0 if it asks for nothing.

    Source: RFC 9110, 10.2.3: a number of seconds, or a date.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return max(moment.timestamp() - now_ms / 1000, 0.0)


def unreachable(error: Exception) -> Outage:
    """There was no answer: a failure of the network, the name or the certificate."""
    match error:
        case TimeoutError():
            words = "no answer in time"
        case ssl.SSLCertVerificationError():
            words = f"its certificate was not accepted ({error.verify_message})"
        case ssl.SSLError():
            words = "the server does not speak TLS as it should"
        case socket.gaierror():
            words = "its name cannot be resolved"
        case OSError() if error.errno:
            words = f"no connection ({os.strerror(error.errno)})"
        case _:
            words = f"no connection ({type(error).__name__})"
    return Outage(reason="network", words=words)


def closed(code: int, said: str, uptime: Uptime) -> Outage:
    """The server closed an open connection.

    A policy code or a private code is directed at this client and counts as a kick.

    Args:
        code: the close code.
        said: the server's reason, without secrets.
        uptime: of the connection.
    """
    reason = "kick" if code in _PRIVATE_CODES else _CLOSED_FOR.get(code, "server")
    said = foreign.printable(said)
    words = f"the server closed the line ({code}{': ' if said else ''}{said})"
    return _ended(reason, words, uptime)


def broken(uptime: Uptime) -> Outage:
    """An open connection ended without a closing frame."""
    return _ended("network", "the line broke", uptime)


def silent(watchdog_s: float, uptime: Uptime) -> Outage:
    """An open connection was given up because it was silent."""
    return _ended("stall", f"the line was silent for {watchdog_s:g} s", uptime)


def slept(seconds: float, uptime: Uptime) -> Outage:
    """An open connection was given up because this machine slept, or seems to have slept."""
    words = f"this machine slept for {seconds:.0f} s, or its clock was set forward"
    return msgspec.structs.replace(_ended("stall", words, uptime), at_once=True)


def unlawful(code: int, uptime: Uptime) -> Outage:
    """The server violated the WebSocket protocol, or sent a frame that is too long."""
    return _ended("server", f"the server broke the protocol ({code})", uptime)


def _ended(reason: FailureReason, words: str, uptime: Uptime) -> Outage:
    return Outage(reason=reason, words=words, open_s=uptime.open_s, delivered_s=uptime.delivered_s)
