"""The rules of a watchlist: reading what a browser stored, and what a visitor typed.

Pure functions over tuples of symbols; ``ui/state.py`` calls them with values from browsers. They
accept any value of any type and size: what cannot be used gives the defaults or a sentence. The
browser stores the list, and edits it by itself (``ui/live/lists.js``).
"""

import functools
import re
import sys
from collections.abc import Callable
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
MAX_TYPED_CHARS: Final = 4_000
"""Characters that are added at once; ``suggest.js`` has the same bound."""
MAX_SHOWN_CHARS: Final = 25
ALLOWED = f"1 to 32 {ALPHABET}, beginning with a letter, a digit, ^, $ or #, such as AAPL"
_BETWEEN = re.compile(r"[,;\r\n\t\u2028\u2029\uff0c\uff1b\u3001]+")
"""What separates the entries of a list, also as keyboards of East Asia write it. Spaces may do so
too; they are also in names.
"""


class _Stored(msgspec.Struct):
    """As ``ui/live/lists.js`` writes it."""

    v: int
    symbols: list[Any]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a typed text names."""

    symbols: tuple[str, ...] = ()
    """The symbols, in the order of the text, each once."""
    unknown: tuple[str, ...] = ()
    """The entries that name no known symbol, as they were typed."""
    notice: str = ""
    """Why nothing was found; empty if something was, or for several entries."""


def read(stored: object, defaults: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The first symbols in a browser's stored text, or of the defaults if Photon did not write it.
    An entry that is not a symbol is left out.
    """
    if not isinstance(stored, str) or not stored or len(stored) > MAX_STORED_CHARS:
        return defaults[:limit]
    entries = _entries(stored)
    return (defaults if entries is None else entries)[:limit]


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


def find(typed: object, known: Callable[[str], str] | None = None) -> Found:
    """Read what was typed: one symbol or name, or several between commas, semicolons, tabs, line
    breaks or spaces.

    Args:
        typed: by the visitor.
        known: the symbol that a text names, or an empty text. Without it every text that can be a
            symbol is taken as it was typed.
    """
    if isinstance(typed, str) and len(typed) > MAX_TYPED_CHARS:
        return Found(notice=f"More than {MAX_TYPED_CHARS:,} characters: add them in parts")
    entries = pieces(typed) if isinstance(typed, str) else ()
    if not entries:
        return Found(notice="Type a symbol or a company, such as AAPL or Apple")
    named = functools.cache(known or _symbol)
    parts = tuple(dict.fromkeys(part for entry in entries for part in _parts(entry, named)))
    symbols = tuple(dict.fromkeys(symbol for part in parts if (symbol := named(part))))
    unknown = tuple(part for part in parts if not named(part))
    alone = len(parts) == 1 and not symbols
    notice = _refusal(parts[0], named, as_typed=known is None) if alone else ""
    return Found(symbols=symbols, unknown=unknown, notice=notice)


def pieces(typed: str) -> tuple[str, ...]:
    """The entries of a typed list, each with single spaces and without quotation marks."""
    entries = (" ".join(entry.split()).strip("\"' ") for entry in _BETWEEN.split(typed))
    return tuple(entry for entry in entries if entry)


def _parts(entry: str, named: Callable[[str], str]) -> tuple[str, ...]:
    """The words of an entry that is a list, else the entry itself. It is a list if it names nothing
    as a whole, and each word names something, or most do, or each has a ``$``.
    """
    words = tuple(entry.split())
    if len(words) == 1 or named(entry):
        return (entry,)
    count = sum(1 for word in words if named(word))
    most = count >= 2 and len(words) < 2 * count
    return words if most or all(word.startswith("$") for word in words) else (entry,)


def _refusal(text: str, named: Callable[[str], str], *, as_typed: bool) -> str:
    """Why the only entry names nothing."""
    shown = foreign.printable(text, MAX_SHOWN_CHARS)
    if as_typed:
        return f"{shown} is not a symbol: {ALLOWED}"
    hint = ": put commas between symbols" if any(map(named, text.split())) else ""
    return f"Nothing found for “{shown}”{hint}"


def _symbol(entry: object) -> str:
    try:
        return parse_symbol(entry) if isinstance(entry, str) else ""
    except RequestError:
        return ""
