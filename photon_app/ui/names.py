"""The names of symbols on the page, and the symbols that names stand for: by the bundled list, then
by upstream.

Called by ``ui/state.py``. The list answers at once. ``ask`` and ``find`` await the reference, which
has its own budgets, cache and deadline; the text is sanitised, and a name without printable
characters counts as none. A symbol without a name is shown without one. ``find`` looks up
``MOST_LOOKUPS`` texts at most: what is beyond that stays unknown.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from photon_app import foreign, listings
from photon_app.errors import RequestError
from photon_app.model import Reference, parse_symbol

MAX_CHARS = 80
MOST_LOOKUPS: Final = 8


def known(symbol: str, fetched: Mapping[str, str]) -> str:
    """The name of a symbol, or an empty text."""
    listing = listings.bundled().get(symbol)
    return listing.name if listing else fetched.get(symbol, "")


async def ask(reference: Reference, symbol: str) -> str:
    """The name of a symbol from upstream, or an empty text."""
    return foreign.plain(await reference.name(symbol), MAX_CHARS)


def listed(text: str) -> str:
    """The symbol that a text names exactly by the list, or an empty text."""
    listing = listings.exact(text)
    return listing.symbol if listing else ""


async def find(
    reference: Reference, entries: Iterable[str], address: str | None = None
) -> dict[str, str]:
    """The symbols that upstream knows among what was typed, by the words that name them; upstream
    is asked for the client with this address.
    """
    words = dict.fromkeys(
        word for entry in entries for word in ((entry,) if ":" in entry else entry.split())
    )
    asked = [word for word in words if _can_be_symbol(word) and not listed(word)][:MOST_LOOKUPS]
    found = await asyncio.gather(*(_find(reference, word, address) for word in asked))
    return {word: symbol for word, symbol in zip(asked, found, strict=True) if symbol}


async def _find(reference: Reference, word: str, address: str | None) -> str:
    written = listings.forms(word)
    results = await reference.search(written[-1], address=address)
    matching = (one.symbol for one in results if one.symbol in written)
    return next(filter(_can_be_symbol, matching), "")


def _can_be_symbol(text: str) -> bool:
    try:
        parse_symbol(text)
    except RequestError:
        return False
    return True
