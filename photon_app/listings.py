"""The bundled list: the best-known symbols with their names and types.

Owns ``listings.csv`` and the ranking of searches. Pure and synchronous, except for the methods that
``Reference`` declares as coroutines; callable from any thread. The list is read once, on first use.
It works without a key or a network, and never says that a symbol does not exist: it has only
several hundred. Names are the companies' own, ordered by how often people look for them; types are
Finnhub's words.

The column ``price`` is what each was worth at about the close of ``PRICES_OF``, rounded. It says
where a simulator begins and nothing else: no client is ever given it as a price.
"""

import csv
import datetime as dt
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from photon_app.model import USUAL_RESULTS, Listing, Seed

LIST = Path(__file__).with_suffix(".csv")
PRICES_OF = dt.date(2025, 11, 21)
"""The day of the prices in the list."""

_DROPPED = re.compile(r"['.&]")
_BETWEEN = re.compile(r"[^a-z0-9]+")


def bundled() -> Mapping[str, Listing]:
    """The list by symbol, in the order of the file."""
    return _read()[0]


def prices() -> Mapping[str, float]:
    """What each symbol of the list was worth on ``PRICES_OF``: where a simulator begins it."""
    return _read()[1]


@functools.cache
def _read() -> tuple[dict[str, Listing], dict[str, float]]:
    listings, known = dict[str, Listing](), dict[str, float]()
    with LIST.open(encoding="utf-8", newline="") as file:
        for symbol, name, type_, price in itertools.islice(csv.reader(file), 1, None):
            listings[symbol] = Listing(symbol=symbol, name=name, type=type_)
            known[symbol] = float(price)
    return listings, known


def rank(query: str, listings: Iterable[Listing], limit: int | None = None) -> tuple[Listing, ...]:
    """The listings that match, the best first, at most ``limit``.

    First the symbol itself, then symbols that begin with the query, then names with a word that
    begins with it, then symbols and names that contain it; within each, in the given order. Case,
    accents and punctuation do not matter.
    """
    symbol, words = query.strip().upper(), fold(query)
    matching = [
        (grade, one) for one in listings if (grade := _grade(symbol, words, one)) is not None
    ]
    matching.sort(key=lambda graded: graded[0])
    return tuple(one for _, one in matching[:limit])


def fold(text: str) -> str:
    """Lower-case ASCII words with a space between, such as ``moet hennessy`` or ``att``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _BETWEEN.sub(" ", _DROPPED.sub("", plain)).strip()


def _grade(symbol: str, words: str, listing: Listing) -> int | None:
    if not symbol:
        return None
    if listing.symbol == symbol:
        return 0
    if listing.symbol.startswith(symbol):
        return 1
    name = _folded(listing.name)
    if words and f" {words}" in f" {name}":
        return 2
    if symbol in listing.symbol or (words and words in name):
        return 3
    return None


_folded = functools.lru_cache(maxsize=4096)(fold)


class BundledReference:
    """The list as a ``Reference``: the only one without a key."""

    @property
    def all(self) -> tuple[Listing, ...]:
        """Every listing, in the order of the list."""
        return tuple(bundled().values())

    def listing(self, symbol: str) -> Listing | None:
        """The listing of one symbol."""
        return bundled().get(symbol)

    def knows_search(self, query: str) -> bool:  # noqa: ARG002 - as Reference has it
        """Always true: nothing is queried upstream."""
        return True

    def knows_quote(self, symbol: str) -> bool:  # noqa: ARG002 - as Reference has it
        """Always false: the list has no prices."""
        return False

    async def search(
        self,
        query: str,
        limit: int = USUAL_RESULTS,
        *,
        address: str | None = None,  # noqa: ARG002 - as Reference has it
    ) -> tuple[Listing, ...]:
        """The listings that match a query best, the best first."""
        return rank(query, self.all, limit)

    async def name(self, symbol: str) -> str | None:
        """The name of a symbol, if it is in the list."""
        listing = self.listing(symbol)
        return listing.name if listing else None

    async def quote(
        self,
        symbol: str,  # noqa: ARG002 - as Reference has it
        *,
        address: str | None = None,  # noqa: ARG002 - as Reference has it
    ) -> Seed | None:
        """Always ``None``: the list has no prices."""
        return None
