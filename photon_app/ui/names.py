"""The names of symbols on the page: those of the bundled list, then those from upstream.

Called by ``ui/state.py``. The list answers at once. ``ask`` awaits the reference, which has its own
budgets and cache; the text is sanitised, and a name without printable characters counts as none. A
symbol without a name is shown without one.
"""

from collections.abc import Mapping

from photon_app import foreign, listings
from photon_app.model import Reference

MAX_CHARS = 80


def known(symbol: str, fetched: Mapping[str, str]) -> str:
    """The name of a symbol, or an empty text."""
    listing = listings.bundled().get(symbol)
    return listing.name if listing else fetched.get(symbol, "")


async def ask(reference: Reference, symbol: str) -> str:
    """The name of a symbol from upstream, or an empty text."""
    return foreign.plain(await reference.name(symbol), MAX_CHARS)
