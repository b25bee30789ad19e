"""The rules of a watchlist: reading what a browser stored, and adding.

Pure functions over tuples of symbols; ``ui/state.py`` calls them with values from browsers. They
accept any value of any type and size: what cannot be used gives the defaults or a sentence. The
browser stores the list and applies each ``Edit`` to it (``ui/live/lists.js``); ``edited`` computes
the result.
"""

import functools
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from photon_app import foreign
from photon_app.errors import RequestError
from photon_app.model import ALPHABET, parse_symbol

VERSION = 1
MAX_STORED_CHARS = 65_536
"""A longer stored text was not written by Photon; ``lists.js`` has the same bound."""
MOST: Final = 1_500
"""Symbols of a list, whatever the limit of a connection: so many of the longest fit the text."""
MOST_ENTRIES: Final = 2 * MOST
"""Entries of a stored text that are read; Photon writes no more."""
MAX_KEPT_BYTES: Final = 160 * 1024
"""The longest stored text that is kept in memory: twice the longest that Photon writes, so that a
text that something else wrote is left as it is.
"""
MAX_TYPED_CHARS = 400
MAX_SHOWN_CHARS = 25
ALLOWED = f"1 to 32 {ALPHABET}, beginning with a letter, a digit, ^, $ or #, such as AAPL"


class _Stored(msgspec.Struct):
    v: int
    symbols: list[Any]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change that the browser makes to its stored list; the fields are those of ``lists.js``."""

    id: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    """The list to start with if none is stored."""
    anew: bool = False
    """Whether to remove the stored list."""


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """The result of adding typed text to a list."""

    symbols: tuple[str, ...]
    """The list afterwards."""
    added: tuple[str, ...] = ()
    notice: str = ""
    """Why something was not added; empty when all was."""
    chosen: str = ""
    """The symbol to show now: the last one added, or the one that was already there."""


def read_all(stored: object, defaults: tuple[str, ...]) -> tuple[str, ...]:
    """All symbols in a browser's stored text, or the defaults if Photon did not write it. An entry
    that is not a symbol is left out.
    """
    if not isinstance(stored, str) or not stored or len(stored) > MAX_STORED_CHARS:
        return defaults
    entries = _entries(stored)
    return defaults if entries is None else entries


@functools.lru_cache(maxsize=64)
def _entries(stored: str) -> tuple[str, ...] | None:
    """The symbols of a text; cached, since each event of a tab needs them several times."""
    try:
        decoded = msgspec.json.decode(stored, type=_Stored)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if decoded.v != VERSION:
        return None
    names = map(_symbol, decoded.symbols[:MOST_ENTRIES])
    return tuple(dict.fromkeys(name for name in names if name))


def kept_text(value: object) -> str:
    """A watchlist as a browser stores it, or an empty text if it is none or far too long."""
    return value if isinstance(value, str) and sys.getsizeof(value) <= MAX_KEPT_BYTES else ""


def symbols_in(value: object, most: int) -> tuple[str, ...]:
    """The symbols in what a page sent, each once; anything else is left out."""
    entries = value[:most] if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in map(_symbol, entries) if name))


def read(stored: object, defaults: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The symbols of a browser's stored text that are shown: the first ones."""
    return read_all(stored, defaults)[:limit]


def edited(
    symbols: tuple[str, ...], edits: Iterable[Edit], defaults: tuple[str, ...]
) -> tuple[str, ...]:
    """The list that the browser will have when it has applied these edits."""
    for edit in edits:
        if edit.anew:
            symbols = defaults
            continue
        kept = [symbol for symbol in symbols if symbol not in edit.removed]
        symbols = tuple(dict.fromkeys([*kept, *edit.added]))
    return symbols


def write(symbols: tuple[str, ...]) -> str:
    """The text that ``read`` reads."""
    return msgspec.json.encode(_Stored(v=VERSION, symbols=list(symbols))).decode()


def add(symbols: tuple[str, ...], typed: object, limit: int) -> Addition:
    """Add one symbol, or several between commas; each refusal says why."""
    if not isinstance(typed, str) or len(typed) > MAX_TYPED_CHARS:
        return Addition(symbols=symbols, notice="Type a symbol, such as AAPL")
    parts = [part for part in (text.strip() for text in typed.split(",")) if part]
    if not parts:
        return Addition(symbols=symbols, notice="Type a symbol, such as AAPL")
    after, added, notice, chosen = list(symbols), [], "", ""
    for part in parts:
        try:
            symbol = parse_symbol(part)
        except RequestError:
            notice = f"{foreign.printable(part, MAX_SHOWN_CHARS)} is not a symbol: {ALLOWED}"
            continue
        if symbol in after:
            notice, chosen = f"{symbol} is already in the list", symbol
        elif len(after) >= limit:
            notice = f"The list is full at {limit} symbols: remove one to add {symbol}"
        else:
            after.append(symbol)
            added.append(symbol)
            chosen = symbol
    return Addition(symbols=tuple(after), added=tuple(added), notice=notice, chosen=chosen)


def _symbol(entry: object) -> str:
    try:
        return parse_symbol(entry) if isinstance(entry, str) else ""
    except RequestError:
        return ""
