"""The messages of ``/finnhub`` from server to client, as JSON in Finnhub's shapes.

Pure; callable from any thread. ``feed.finnhub_wire`` decodes these messages, and a test checks that
the two modules agree. Trades are encoded one by one and then joined to messages, so that a trade is
encoded once however many clients get it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from photon_app.model import Trade

PING = b'{"type":"ping"}'
TOO_MANY_SYMBOLS = "Subscribing to too many symbols"
"""Finnhub's own text; Finnhub does not name the symbol either."""
_EXACT = 2**53
"""Whole numbers below this are exact as floats."""
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
    integers. Without conditions ``c`` is ``null``, as Finnhub writes it for crypto. Finnhub has
    other ways to write that; which one upstream used is not kept.

    Args:
        trade: the trade.
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
    """A ``trade`` message of encoded prints."""
    return _HEAD + b",".join(prints) + _TAIL


def error(message: str) -> bytes:
    """An ``error`` message."""
    return _encode(_Error(message))


def invalid_symbol(symbol: str) -> bytes:
    """An ``error`` message for an unknown symbol, with Finnhub's text."""
    return error(f"Invalid symbol {symbol}")
