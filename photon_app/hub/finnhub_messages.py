"""What Finnhub's own clients are told, as JSON text in Finnhub's shapes.

Pure; callable from any thread. ``feed.finnhub_wire`` reads what is written here, and a test holds
the two together. Trades are written one by one, so that a trade is encoded once however many
clients get it, and joined to messages afterwards.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from photon_app.model import Trade

PING = b'{"type":"ping"}'
TOO_MANY_SYMBOLS = "Subscribing to too many symbols"
"""Finnhub's own words; it does not say which either."""
_EXACT = 2**53
"""Whole numbers below are exact as floats."""
_HEAD, _TAIL = b'{"data":[', b'],"type":"trade"}'


class _Print(msgspec.Struct, frozen=True, gc=False):
    c: tuple[str, ...] | None
    p: float
    s: str
    t: int
    v: float


class _BarePrint(msgspec.Struct, frozen=True, gc=False):
    p: float
    s: str
    t: int
    v: float


class _Error(msgspec.Struct, frozen=True, gc=False):
    msg: str
    type: str = "error"


_encode = msgspec.json.Encoder().encode


def encode_print(trade: Trade, *, conditions: bool = True) -> bytes:
    """One trade, to be joined by ``trades``.

    ``{"c":["1","8"],"p":122.1,"s":"TSLA","t":1672348887195,"v":1}``. Whole volumes are written as
    integers. No conditions are ``null``, as Finnhub writes them for crypto; in which of its ways
    upstream wrote none is not kept.

    Args:
        trade: what was traded.
        conditions: whether ``c`` is written at all.
    """
    volume = trade.volume
    written = int(volume) if abs(volume) < _EXACT and volume % 1 == 0 else volume
    if conditions:
        print_: Any = _Print(
            trade.conditions or None, trade.price, trade.symbol, trade.time_ms, written
        )
    else:
        print_ = _BarePrint(trade.price, trade.symbol, trade.time_ms, written)
    return _encode(print_)


def trades(prints: Sequence[bytes]) -> bytes:
    """A ``trade`` message of some prints."""
    return _HEAD + b",".join(prints) + _TAIL


def error(message: str) -> bytes:
    """An ``error`` message."""
    return _encode(_Error(message))


def invalid_symbol(symbol: str) -> bytes:
    """That there is no such symbol, in Finnhub's words."""
    return error(f"Invalid symbol {symbol}")
