"""How a connection to a client ends: each close code, its meaning, and whether to reconnect.

Plain data, for the code that closes (the hub, the gateway, the process) and for the terminal, which
is a client. ``CODES`` is the one table of close codes; ``docs/protocol.md`` and
``photon-client.js`` cannot import it, so tests compare theirs with it. The constants below it are
what the server sends: a code of the table and a reason, which is part of the wire protocol. This
module closes nothing itself. The codes with which Finnhub closes its connection are in
``feed.outage``.

Codes below 3000 have the names of IANA's registry of WebSocket close codes (RFC 6455, 7.4).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Advice = Literal["reconnect", "never"]

ABNORMAL_CLOSURE = 1006
"""The code that a client sees if a connection ended without a close frame. It is never sent."""
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003
INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
SLOW_CLIENT = 4008
RATE_LIMITED = 4029


class Code(NamedTuple):
    """The meaning of a close code for a client."""

    meaning: str
    advice: Advice


CODES: Mapping[int, Code] = MappingProxyType(
    {
        PROTOCOL_ERROR: Code("the WebSocket protocol is broken", "reconnect"),
        UNSUPPORTED_DATA: Code("a binary message", "reconnect"),
        INVALID_PAYLOAD: Code("text that is not UTF-8", "reconnect"),
        POLICY_VIOLATION: Code("five bad messages in a row", "never"),
        MESSAGE_TOO_BIG: Code("a message above 16 KiB", "reconnect"),
        INTERNAL_ERROR: Code(
            "no answer to a protocol ping in 20 s, or a fault of the server's own", "reconnect"
        ),
        SERVICE_RESTART: Code("the server goes", "reconnect"),
        SLOW_CLIENT: Code("slow: congested for `PHOTON_SLOW_S`", "reconnect"),
        RATE_LIMITED: Code(
            "too many messages, or too many pings, pongs and fragments", "reconnect"
        ),
    }
)
"""Every close code that a client of ``/ws`` can get from this server."""

FINAL_CODES = frozenset(code for code, said in CODES.items() if said.advice == "never")
"""After these a client does not reconnect. After any other, known or not, it does."""


class Disconnect(NamedTuple):
    """One way to close a connection: the arguments of ``close(code, reason)``."""

    code: int
    reason: str


TEXT_ONLY = Disconnect(UNSUPPORTED_DATA, "text messages only")
NOT_UTF8 = Disconnect(INVALID_PAYLOAD, "text that is not UTF-8")
BAD_MESSAGES = Disconnect(POLICY_VIOLATION, "five bad messages in a row")
FAULT = Disconnect(INTERNAL_ERROR, "a fault of this server: reconnect")
NO_PONG = Disconnect(INTERNAL_ERROR, "keepalive ping timeout")
SHUTDOWN = Disconnect(SERVICE_RESTART, "the server is going")
RETRY_AFTER_MS = 1500
"""How long clients should wait before they reconnect after a shutdown; sent in ``shutdown``."""
SLOW = Disconnect(SLOW_CLIENT, "too slow: reconnect for a fresh snapshot")
SLOW_ARRAYS = Disconnect(SLOW_CLIENT, "too slow: reconnect")
"""For a client of the array format, which has no snapshots."""
SLOW_PRINTS = Disconnect(SLOW_CLIENT, "too slow: trades were lost, reconnect")
"""For a client of ``/finnhub``, which must get every trade."""
SLOW_TAB = Disconnect(SLOW_CLIENT, "too slow: what waited for this tab was not read")
TOO_MANY_MESSAGES = Disconnect(RATE_LIMITED, "too many messages")
TOO_MANY_FRAMES = Disconnect(RATE_LIMITED, "too many control frames or fragments")


def too_big(most_bytes: int) -> Disconnect:
    """A message is longer than ``most_bytes``."""
    return Disconnect(MESSAGE_TOO_BIG, f"a message may have {most_bytes} bytes")


def unlike_the_page(sentence: str) -> Disconnect:
    """A tab sends what the page never sends, or not at that point; ``sentence`` says what."""
    return Disconnect(POLICY_VIOLATION, f"not what the page says: {sentence}")
