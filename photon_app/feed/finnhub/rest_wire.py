"""Finnhub's REST format: the one decoder of its answers.

Owns what a status and a body mean. Pure and synchronous; callable from any thread. Like
``finnhub_wire`` it is total: whatever the bytes are, it returns a fact and never raises, and no
foreign text passes except symbols, names and types, cleaned and cut.

The sources are the vendor facts in ``docs/finnhub.md``. An unknown symbol is answered with HTTP 200
and zeros. That alone is a verdict, and only for a name without a colon: a name with one belongs to
an exchange whose quotes a free key may not have. "API limit reached" comes with 429 or with 200.
"""

import email.utils
import re
from typing import Literal

import msgspec

from photon_app import foreign
from photon_app.errors import RequestError
from photon_app.model import Fact, Listing, Seed, parse_symbol

MOST_LISTINGS = 50
"""Most listings that are kept of one search."""

_EPOCH_2000_S = 946_684_800
_AHEAD_S = 60
_NAME_CHARS = 120

Reason = Literal["network", "server", "auth", "plan", "throttle", "garbage", "empty", "busy"]
"""Why there is no answer.

``network``: no response, or not in time. ``server``: HTTP 5xx. ``auth``: the key was refused.
``plan``: the key is valid, but its plan does not include this. ``throttle``: asked too often.
``garbage``: not the status or the JSON that is documented. ``empty``: no figures for a name that
Finnhub may know. ``busy``: not asked, because the budget was exhausted or Photon is stopping."""


class Unknown(Fact, frozen=True):
    """Finnhub's verdict that there is no such symbol, or no such company."""

    symbol: str


class Failed(Fact, frozen=True):
    """There is no answer. That never counts against the symbol."""

    reason: Reason
    detail: str
    """One sentence in our own words; contains no foreign text and no key."""
    retry_s: float = 0.0
    """Seconds before which a retry is pointless."""


class _Quote(msgspec.Struct, frozen=True, gc=False):
    c: float | None = None
    h: float | None = None
    l: float | None = None  # noqa: E741 - Finnhub's name
    o: float | None = None
    pc: float | None = None
    t: float | None = None


class _Found(msgspec.Struct, frozen=True, gc=False):
    symbol: str | None = None
    description: str | None = None
    type: str | None = None


class _Search(msgspec.Struct, frozen=True, gc=False):
    result: list[_Found]


class _Profile(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None


class _Error(msgspec.Struct, frozen=True, gc=False):
    error: str | None = None


_decode_quote = msgspec.json.Decoder(_Quote).decode
_decode_search = msgspec.json.Decoder(_Search).decode
_decode_profile = msgspec.json.Decoder(_Profile).decode
_decode_error = msgspec.json.Decoder(_Error).decode

_REFUSALS = (ValueError, RecursionError, OverflowError)
"""What decoders raise for bytes that they refuse; errors of msgspec and Unicode are
``ValueError``."""

_NO_ROOM = Failed(reason="throttle", detail="Finnhub was asked too often")
_NO_KEY = Failed(reason="auth", detail="Finnhub refused the API key")
_NO_PLAN = Failed(reason="plan", detail="the key's plan does not have this")
_GARBAGE = Failed(reason="garbage", detail="Finnhub's answer could not be read")


def trouble(status: int, body: bytes) -> Failed | None:
    """Why an answer is unusable, or ``None`` if it can be decoded."""
    if status == 200:
        return _complaint(body)
    known = {401: _NO_KEY, 403: _NO_PLAN, 429: _NO_ROOM}.get(status)
    reason: Reason = "server" if status >= 500 else "garbage"
    return known or Failed(reason=reason, detail=f"Finnhub answered HTTP {status}")


def _complaint(body: bytes) -> Failed | None:
    """An ``error`` in the body of an answer whose status reports success."""
    try:
        said = _decode_error(body).error
    except _REFUSALS:
        return None  # the decoder of this kind of answer decides whether that is garbage
    if said is None:
        return None
    words = said.lower()
    if "limit" in words:
        return _NO_ROOM
    if "api key" in words:
        return _NO_KEY
    if "access" in words:
        return _NO_PLAN
    return Failed(reason="garbage", detail="Finnhub answered with an error")


def decode_quote(symbol: str, body: bytes, now_ms: int) -> Seed | Unknown | Failed:
    """Read ``/quote``.

    Impossible figures are left out: zero, below zero, and a price whose time is before 2000 or more
    than a minute ahead.
    """
    try:
        quote = _decode_quote(body)
    except _REFUSALS:
        return _GARBAGE
    figures = (quote.c, quote.h, quote.l, quote.o, quote.pc, quote.t)
    if None in figures:
        return _GARBAGE
    if not any(figures):
        nothing = Failed(reason="empty", detail="Finnhub has no figures for this symbol")
        return nothing if ":" in symbol else Unknown(symbol=symbol)
    price, time_ms = _price(quote, now_ms)
    seed = Seed(
        symbol=symbol,
        prev_close=_positive(quote.pc),
        open=_positive(quote.o),
        high=_positive(quote.h),
        low=_positive(quote.l),
        price=price,
        time_ms=time_ms,
    )
    return _GARBAGE if seed == Seed(symbol=symbol) else seed


def _price(quote: _Quote, now_ms: int) -> tuple[float, int] | tuple[None, None]:
    price, time_s = _positive(quote.c), quote.t
    if price is None or time_s is None:
        return None, None
    if not _EPOCH_2000_S <= time_s <= now_ms / 1000 + _AHEAD_S:
        return None, None
    return price, int(time_s) * 1000


def _positive(figure: float | None) -> float | None:
    return figure if figure is not None and figure > 0 else None


def decode_search(body: bytes) -> tuple[Listing, ...] | Failed:
    """Read ``/search``: canonical symbols with a name, each once, in Finnhub's order."""
    try:
        found = _decode_search(body).result
    except _REFUSALS:
        return _GARBAGE
    listings: dict[str, Listing] = {}
    for one in found:
        symbol, name = _canonical(one.symbol), foreign.plain(one.description, _NAME_CHARS)
        if symbol and name and symbol not in listings:
            listings[symbol] = Listing(
                symbol=symbol,
                name=name,
                type=foreign.plain(one.type, _NAME_CHARS),
                spelling="" if one.symbol in {None, symbol} else one.symbol or "",
            )
            if len(listings) == MOST_LISTINGS:
                break
    return tuple(listings.values())


def decode_profile(symbol: str, body: bytes) -> Listing | Unknown | Failed:
    """Read ``/stock/profile2``. It knows companies only: a fund that exists can be ``Unknown``
    here, and the type is not given.
    """
    try:
        name = foreign.plain(_decode_profile(body).name, _NAME_CHARS)
    except _REFUSALS:
        return _GARBAGE
    return Listing(symbol=symbol, name=name, type="") if name else Unknown(symbol=symbol)


def _canonical(symbol: str | None) -> str:
    try:
        return parse_symbol(symbol or "")
    except RequestError:
        return ""


def date_ms(header: str | None) -> int | None:
    """The time of a ``Date`` (RFC 9110, 6.6.1) in UNIX ms: the middle of its second."""
    try:
        return round(email.utils.parsedate_to_datetime(header or "").timestamp() * 1000) + 500
    except (ValueError, OverflowError, OSError):
        return None


def retry_after_s(header: str | None, now_ms: int) -> float | None:
    """The seconds of a ``Retry-After``, given as a number or as a date (RFC 9110, 10.2.3)."""
    given = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", given):
        return float(given)
    try:
        return max(email.utils.parsedate_to_datetime(given).timestamp() - now_ms / 1000, 0.0)
    except (ValueError, OverflowError, OSError):
        return None
