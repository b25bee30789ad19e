"""Finnhub's wire format: the one decoder of upstream frames, and the encoders that mirror it.

Owns the JSON shapes of Finnhub's socket. Pure and synchronous; callable from any thread. Every feed
reads through ``decode``: the live connection, the simulator and a replay, so that an invented or
recorded trade takes the same path as a real one.

``decode`` is total: whatever the bytes are, it returns an event and never raises. It checks the
shape only. Whether a price or a time makes sense is for the market book to judge, except for values
that JSON cannot carry (NaN, infinities, numbers that do not fit) and names that are not symbols.
Symbols are returned in canonical form, however upstream spells them. One bad trade never loses the
good ones around it: a frame that the typed decoder refuses is read again, trade by trade, by a
slower and more lenient one.
"""

import json
import math
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from photon_app import foreign
from photon_app.errors import RequestError
from photon_app.model import Fact, Trade, parse_symbol

SHOWN_CHARS = foreign.MOST
"""Longest foreign text that an event carries; longer text is cut."""

MOST_NAMES = 10
"""Most names that are not symbols reported for one frame."""

_KNOWN_CONDITIONS = 1024
_KNOWN_CONDITION_BYTES = 128
_KNOWN_SYMBOLS = 4096
_MAX_DIGITS = 20

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Trades(Fact, frozen=True):
    """A ``trade`` frame. ``skipped`` counts the unreadable trades in it."""

    batch: tuple[Trade, ...]
    skipped: int = 0
    misnamed: int = 0
    """Skipped trades whose name is not a symbol."""
    names: tuple[str, ...] = ()
    """Some of those names, made printable."""
    odd: tuple[str, ...] = ()
    """Spellings of symbols that upstream does not write in capitals."""


class Ping(Fact, frozen=True):
    """A ``ping`` frame; it needs no reply."""


class UpstreamError(Fact, frozen=True):
    """An ``error`` frame, with Finnhub's own text."""

    message: str


class Unknown(Fact, frozen=True):
    """A frame of a type that Photon does not handle, such as ``news``."""

    type: str


class Malformed(Fact, frozen=True):
    """A frame that is not a message at all."""

    reason: str


Event = Trades | Ping | UpstreamError | Unknown | Malformed


class Subscribe(Fact, frozen=True):
    """A client's request to receive a symbol."""

    symbol: str


class Unsubscribe(Fact, frozen=True):
    """A client's request to stop receiving a symbol."""

    symbol: str


_NO_CONDITIONS = msgspec.Raw(b"null")


class _Print(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade. The fields are in Finnhub's order, which is also the fastest to decode. The
    conditions stay undecoded, because a tape has few different lists of them (see ``_Conditions``).
    """

    c: msgspec.Raw = _NO_CONDITIONS
    p: float
    s: str
    t: _Int64
    v: _Int64 | float = 0


class _WrittenPrint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade to encode."""

    c: tuple[str, ...] | None
    p: float
    s: str
    t: int
    v: float


class _LoosePrint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade whose time may be written as a float."""

    c: tuple[str, ...] | None = None
    p: float
    s: str
    t: _Int64 | float
    v: _Int64 | float = 0


class _ReadFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    data: list[_Print] | None = None
    type: str
    msg: str = ""


class _TradeFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    data: list[_WrittenPrint]
    type: str = "trade"


class _Command(msgspec.Struct, frozen=True, gc=False):
    type: str
    symbol: str


class _Canonical(dict[str, str | None]):
    """Remembers the symbol for each spelling, ``None`` for a spelling that is not one; cleared when
    full.
    """

    def __init__(self) -> None:
        super().__init__()
        self.odd = False
        """Whether any spelling differs from its symbol."""

    def __missing__(self, spelling: str) -> str | None:
        if len(self) >= _KNOWN_SYMBOLS:
            self.clear()
        try:
            known = parse_symbol(spelling)
        except RequestError:
            known = None
        self.odd |= known != spelling
        self[spelling] = known
        return known


class _Conditions(dict[bytes, tuple[str, ...] | None]):
    """Remembers the decoded form of each list of conditions, so that equal lists are one object and
    are decoded once; returns ``None`` for text that is not such a list. Cleared when full.
    """

    def __missing__(self, text: bytes) -> tuple[str, ...] | None:
        if len(self) >= _KNOWN_CONDITIONS:
            self.clear()
        try:
            known = _decode_conditions(text) or ()
        except _REFUSALS:
            return None
        if len(text) <= _KNOWN_CONDITION_BYTES:
            self[text] = known
        return known


_decode_conditions = msgspec.json.Decoder(tuple[str, ...] | None).decode
_decode_frame = msgspec.json.Decoder(_ReadFrame).decode
_decode_loose = msgspec.json.Decoder(_LoosePrint).decode
_decode_command = msgspec.json.Decoder(_Command).decode
_encode = msgspec.json.Encoder().encode
_canonical = _Canonical()
_conditions = _Conditions()

_REFUSALS = (ValueError, RecursionError, OverflowError)
"""What decoders raise for bytes that they refuse; errors of msgspec and Unicode are
``ValueError``."""


def decode(frame: bytes | str) -> Event:
    """Read one upstream frame.

    A trade without ``v`` is a price-only update of volume 0, like the zero that Finnhub sends for
    currencies; integral volumes stay integers. Without ``c``, or with ``null``, it has no
    conditions. A ``trade`` frame whose ``data`` is absent or ``null`` carries no trades.

    Returns:
        What was understood; ``Malformed`` if nothing was. Never raises.
    """
    try:
        read = _decode_frame(frame)
    except _REFUSALS:
        return _salvage(frame)
    if read.type != "trade":
        return _other(read.type, read.msg)
    data = read.data
    if not data:
        return Trades(batch=())
    canonical, conditions = _canonical, _conditions
    batch = [
        Trade(symbol, p.p, p.v, p.t, meant)
        for p in data
        if (symbol := canonical[p.s]) and (meant := conditions[bytes(p.c)]) is not None
    ]
    if canonical.odd:
        return _trades(batch, [p.s for p in data], len(data))
    return Trades(batch=tuple(batch), skipped=len(data) - len(batch))


def decode_command(text: bytes | str) -> Subscribe | Unsubscribe | Malformed:
    """Read a message of a client to Finnhub. Never raises."""
    try:
        command = _decode_command(text)
    except _REFUSALS as error:
        return Malformed(reason=foreign.printable(error))
    if command.type == "subscribe":
        return Subscribe(symbol=command.symbol)
    if command.type == "unsubscribe":
        return Unsubscribe(symbol=command.symbol)
    return Malformed(reason=f"unknown type {foreign.printable(command.type)!r}")


def encode_trades(batch: Iterable[Trade]) -> str:
    """One ``trade`` frame in Finnhub's shape; no conditions are written as ``null``."""
    prints = [
        _WrittenPrint(c=t.conditions or None, p=t.price, s=t.symbol, t=t.time_ms, v=t.volume)
        for t in batch
    ]
    return _encode(_TradeFrame(data=prints)).decode()


def encode_subscribe(symbol: str) -> str:
    """The message that subscribes to a symbol."""
    return _encode(_Command(type="subscribe", symbol=symbol)).decode()


def encode_unsubscribe(symbol: str) -> str:
    """The message that unsubscribes from a symbol."""
    return _encode(_Command(type="unsubscribe", symbol=symbol)).decode()


def _other(kind: str, message: object) -> Event:
    if kind == "ping":
        return Ping()
    if kind == "error":
        return UpstreamError(message=foreign.printable(message))
    return Unknown(type=foreign.printable(kind))


def _salvage(frame: bytes | str) -> Event:
    """Read a frame that the typed decoder refused, keeping every trade that is good by itself."""
    try:
        text = frame if isinstance(frame, str) else frame.decode(errors="replace")
        read: Any = json.loads(text, parse_int=_integer)
    except _REFUSALS as error:
        return Malformed(reason=foreign.printable(error))
    match read:
        case {"type": "trade"}:
            return _salvage_trades(read.get("data"))
        case {"type": str(kind)}:
            return _other(kind, read.get("msg", ""))
        case dict():
            return Malformed(reason="no type")
        case _:
            return Malformed(reason="not a JSON object")


def _salvage_trades(data: object) -> Trades | Malformed:
    if data is None:
        return Trades(batch=())
    if not isinstance(data, list):
        return Malformed(reason="data is not a list")
    batch = [trade for trade in map(_salvage_trade, data) if trade is not None]
    names = [
        item["s"] for item in data if isinstance(item, dict) and isinstance(item.get("s"), str)
    ]
    return _trades(batch, names, len(data))


def _trades(batch: list[Trade], names: list[str], total: int) -> Trades:
    """The readable trades of a frame of ``total`` trades, with what is reported of their names."""
    misnamed = [name for name in names if _canonical[name] is None]
    odd = [name for name in dict.fromkeys(names) if _canonical[name] not in {None, name}]
    return Trades(
        batch=tuple(batch),
        skipped=total - len(batch),
        misnamed=len(misnamed),
        names=tuple(map(foreign.printable, dict.fromkeys(misnamed[:MOST_NAMES]))),
        odd=tuple(odd),
    )


def _integer(digits: str) -> int | float:
    """An integer, or NaN for one with more digits than any number of a trade can have."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.nan


def _salvage_trade(item: Any) -> Trade | None:
    try:
        # Encoding refuses lone surrogates and turns NaN and infinities into null, which no number
        # of a trade may be: what passes is a trade that JSON can carry.
        read = _decode_loose(_encode(item))
    except (*_REFUSALS, TypeError):
        return None
    time_ms, symbol = int(read.t), _canonical[read.s]
    if time_ms != read.t or not -(2**63) <= time_ms < 2**63 or not symbol:
        return None
    return Trade(
        symbol=symbol, price=read.p, volume=read.v, time_ms=time_ms, conditions=read.c or ()
    )
