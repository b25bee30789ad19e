"""Names of what symbols stand for, on the page: the bundled list's, then what upstream says.

Called by ``ui/state.py``. The list answers at once; ``ask`` awaits upstream, which has budgets and
a memory of its own, and takes whatever comes: a name that cannot be shown is none. A symbol
without a name is shown without one.
"""

from collections.abc import Mapping

from photon_app import foreign, listings
from photon_app.model import Reference

MAX_CHARS = 80


def known(symbol: str, learned: Mapping[str, str]) -> str:
    """The name of a symbol, or an empty text."""
    listing = listings.bundled().get(symbol)
    return listing.name if listing else learned.get(symbol, "")


async def ask(reference: Reference, symbol: str) -> str:
    """What upstream says that a symbol stands for, or an empty text."""
    return foreign.plain(await reference.name(symbol), MAX_CHARS)
