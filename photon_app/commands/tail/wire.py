"""The client's side of ``/ws``: decodes messages, in the shapes of ``docs/protocol.md``.

``decode`` is pure and total. A message that cannot be read is ``None``, an unknown type is
``Unknown``, and unknown fields are ignored, so that a newer Photon can be watched too. Words
(states, sessions) stay text for the same reason. Text for people is cut, and characters that
control a terminal are escaped.
"""

from collections.abc import Mapping, Sequence

import msgspec

from photon_app import foreign

TEXT_LIMIT = 200


class _Base(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Base of the messages, tagged by type."""


class Connection(_Base, frozen=True, kw_only=True, tag="connection"):
    """The first message."""

    epoch: str
    feed: str


class Status(_Base, frozen=True, kw_only=True, tag="status"):
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


class Subscription(_Base, frozen=True, kw_only=True, tag="subscription"):
    """The answer to a request."""

    rejected: Sequence[Rejection] = ()
    recovered: Mapping[str, bool] = {}
    """Whether every update since the last connection follows, by symbol."""


class Figures(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The data of an update; each form has its own fields, and both have price and time."""

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


class Update(_Base, frozen=True, kw_only=True, tag="price_update"):
    """A trade, or with ``snapshot`` a price with the figures of its day."""

    symbol: str
    seq: int
    snapshot: bool = False
    polled: bool = False
    data: Figures


class Heartbeat(_Base, frozen=True, kw_only=True, tag="heartbeat"):
    """Proof of life."""

    now: float | None = None


class Error(_Base, frozen=True, kw_only=True, tag="error"):
    """A request that the server refused."""

    code: str = ""
    message: str = ""
    retry_after_ms: float | None = None


class Shutdown(_Base, frozen=True, kw_only=True, tag="shutdown"):
    """The server is stopping."""

    retry_after_ms: float | None = None


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A message of a type that this version does not know or need."""

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
    """Decode one message; ``None`` when it cannot be read."""
    try:
        return _TAGGED.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        unknown = _ANY.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if unknown.type in _KNOWN else unknown


def subscribe(
    symbols: Sequence[str], interval_ms: int, epoch: str = "", seqs: Mapping[str, int] | None = None
) -> str:
    """The request to subscribe to some symbols.

    Args:
        symbols: which.
        interval_ms: 0 for every trade, else the newest price at most that often.
        epoch: that of ``seqs``.
        seqs: the last ``seq`` of each symbol that has one, to be sent what came since.
    """
    request: dict[str, object] = {
        "action": "subscribe",
        "symbols": symbols,
        "interval_ms": interval_ms,
    }
    if seqs:
        request["since"] = {"epoch": epoch, "seq": seqs}
    return msgspec.json.encode(request).decode()


def clean(text: str) -> str:
    """Foreign text, made safe to show on one line of a terminal."""
    return foreign.printable(" ".join(text[: TEXT_LIMIT * 2].split()), TEXT_LIMIT)
