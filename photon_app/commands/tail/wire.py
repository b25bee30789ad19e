"""What a Photon says on ``/ws``, read by a client. The shapes are those of ``docs/protocol.md``.

``decode`` is pure and total: what cannot be read is ``None``, what is not known is ``Unknown``, and
unknown fields are ignored, so that a newer Photon can be watched too. Words (states, sessions) stay
text for the same reason; text for people is cut and freed of what could steer a terminal.
"""

from collections.abc import Mapping, Sequence

import msgspec

from photon_app import foreign

TEXT_LIMIT = 200


class _Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Base of the messages by type."""


class Connection(_Said, frozen=True, kw_only=True, tag="connection"):
    """The first message."""

    epoch: str
    feed: str


class Status(_Said, frozen=True, kw_only=True, tag="status"):
    """Feed, market, epoch, and the states of symbols that changed."""

    feed: str
    epoch: str
    market: str | None = None
    symbols: Mapping[str, str] = {}
    source: str = ""
    detail: str = ""
    retry_at: float | None = None
    delay_ms: float | None = None
    now: float | None = None
    rate: float = 1.0
    market_until: float | None = None
    market_next: str | None = None


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol that was refused, and why."""

    symbol: str
    code: str = ""
    message: str = ""


class Subscription(_Said, frozen=True, kw_only=True, tag="subscription"):
    """The answer to a request."""

    rejected: Sequence[Rejection] = ()


class Figures(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an update carries; all but the price is unknown in one form or another."""

    price: float
    volume: float = 0.0
    timestamp: float
    prev_close: float | None = None
    change: float | None = None
    change_percent: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    day_volume: float | None = None
    decimals: int | None = None
    state: str | None = None


class Update(_Said, frozen=True, kw_only=True, tag="price_update"):
    """A trade, or with ``snapshot`` a price with its day."""

    symbol: str
    seq: int
    snapshot: bool = False
    polled: bool = False
    data: Figures


class Heartbeat(_Said, frozen=True, kw_only=True, tag="heartbeat"):
    """Proof of life."""

    now: float | None = None


class Error(_Said, frozen=True, kw_only=True, tag="error"):
    """A request that could not be met."""

    code: str = ""
    message: str = ""
    retry_after_ms: float | None = None


class Shutdown(_Said, frozen=True, kw_only=True, tag="shutdown"):
    """The server is going."""

    retry_after_ms: float | None = None


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A message of a type that this version does not know, or does not need."""

    type: str


Message = Connection | Status | Subscription | Update | Heartbeat | Error | Shutdown | Unknown

_TAGGED: msgspec.json.Decoder[
    Connection | Status | Subscription | Update | Heartbeat | Error | Shutdown
] = msgspec.json.Decoder(Connection | Status | Subscription | Update | Heartbeat | Error | Shutdown)
_ANY = msgspec.json.Decoder(Unknown)
_KNOWN = {
    kind.__struct_config__.tag
    for kind in (Connection, Status, Subscription, Update, Heartbeat, Error, Shutdown)
}


def decode(text: str | bytes) -> Message | None:
    """One message; ``None`` for what is none."""
    try:
        return _TAGGED.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        unknown = _ANY.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if unknown.type in _KNOWN else unknown


def subscribe(symbols: Sequence[str], interval_ms: int) -> str:
    """The request for some symbols."""
    request = {"action": "subscribe", "symbols": symbols, "interval_ms": interval_ms}
    return msgspec.json.encode(request).decode()


def clean(text: str) -> str:
    """Foreign text, made fit to be shown on one line of a terminal."""
    return foreign.printable(" ".join(text[: TEXT_LIMIT * 2].split()), TEXT_LIMIT)
