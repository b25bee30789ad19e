"""The bundled list: the best-known symbols with their names and types.

Owns ``listings.csv``, the ranking of searches, and what a text names exactly. Pure, synchronous and
total, except for the methods that ``Reference`` declares as coroutines; callable from any thread.
The list is read once, on first use.
It works without a key or a network, and never says that a symbol does not exist: it has only
several hundred. Names are the companies' own, ordered by how often people look for them; types are
Finnhub's words.

The column ``price`` is what each was worth at about the close of ``PRICES_OF``, rounded. It says
where a simulator begins and nothing else: no client is ever given it as a price.

Bound: 4,096 listings, also of those that Finnhub finds, are kept as a search compares them.
"""

import csv
import datetime as dt
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from photon_app.model import USUAL_RESULTS, Listing, Seed

LIST = Path(__file__).with_suffix(".csv")
PRICES_OF = dt.date(2025, 11, 21)
"""The day of the prices in the list."""

US_PREFIXES = frozenset(
    ("NASDAQ", "NYSE", "AMEX", "ARCA", "NYSEARCA", "NYSEAMERICAN", "BATS", "CBOE", "IEX", "OTC")
)
"""What others write before the colon of a US symbol, which has no prefix here."""
LEGAL_FORMS = frozenset(
    (
        *("ag", "co", "company", "corp", "corporation", "inc", "incorporated", "limited", "llc"),
        *("lp", "ltd", "nv", "plc", "sa", "se", "spa"),
    )
)
"""Words at the end of a company's name that people add or leave out."""
SEPARATORS = ("", ".", "-", "/", "_", " ")
"""What stands before a class of shares, or between the currencies of a pair: it depends on who
writes."""

_DROPPED = re.compile(r"['.&]")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_SEPARATED = re.compile(r"[._-]")
_IN_NO_NAME = re.compile(r"[<>{}|\\]")
"""A text with one of these was not meant as a name; it is not searched for without them."""


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


def exact(text: str) -> Listing | None:
    """The listing whose symbol or whole name a text is; ``None`` if it is none's.

    Case does not matter, nor a ``$`` before the symbol, nor its exchange, nor how its parts are
    separated: ``$aapl``, ``NASDAQ:AAPL``, ``BRK-B``, ``BTCUSDT``. A name may have its legal form or
    not. A symbol goes before another listing's name.
    """
    if _IN_NO_NAME.search(text):
        return None
    return by_symbol(text) or _by_name().get(_meant(fold(text)))


def by_symbol(text: str) -> Listing | None:
    """The listing whose symbol a text is, written as ``exact`` allows."""
    written = _by_way()
    return next((written[form] for form in forms(text) if form in written), None)


def several(text: str) -> tuple[Listing, ...]:
    """The listings of a text that consists of symbols with spaces between, such as ``V MA``. None
    of a text that names one listing exactly, or in which a word is no symbol of the list.
    """
    words = text.split()
    if len(words) < 2 or exact(text):
        return ()
    found = tuple(filter(None, map(by_symbol, words)))
    return tuple(dict.fromkeys(found)) if len(found) == len(words) else ()


def forms(text: str) -> tuple[str, ...]:
    """The symbols that a text can stand for: in capitals, without ``$``, without a US exchange."""
    symbol = " ".join(text.upper().split()) if text.isascii() else ""
    bare = symbol.removeprefix("$")
    exchange, _, rest = bare.partition(":")
    return tuple(filter(None, (symbol, bare, rest if exchange in US_PREFIXES else "")))


def rank(query: str, listings: Iterable[Listing], limit: int | None = None) -> tuple[Listing, ...]:
    """The listings that match, the best first, at most ``limit``.

    First the symbol itself, then symbols that are written another way (``forms``, ``SEPARATORS``,
    without their exchange), then whole names, then symbols that begin with the query, then names
    with a word that begins with it, then names in which each of its words begins one, then symbols
    and names that contain it; within each, in the given order. Case, accents, punctuation and the
    legal form of a company do not matter.
    """
    symbol = "" if _IN_NO_NAME.search(query) else query.strip().upper()
    if not symbol:
        return ()
    written, words = frozenset(forms(query)), _meant(fold(query))
    parts = tuple(f" {word}" for word in words.split())
    matching = [
        (grade, one)
        for one in listings
        if (grade := _grade(symbol, written, words, parts, _card(one.symbol, one.name))) is not None
    ]
    matching.sort(key=lambda graded: graded[0])
    return tuple(one for _, one in matching[:limit])


def fold(text: str) -> str:
    """Lower-case ASCII words with a space between, such as ``moet hennessy`` or ``att``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _BETWEEN.sub(" ", _DROPPED.sub("", plain)).strip()


class _Card(NamedTuple):
    """What a search compares with, of one listing."""

    symbol: str
    bare: str
    """Without its exchange."""
    ways: frozenset[str]
    name: str
    """Folded, after a space."""
    meant: str


@functools.lru_cache(maxsize=4096)
def _card(symbol: str, name: str) -> _Card:
    folded = fold(name)
    return _Card(symbol, _bare(symbol), _ways(symbol), f" {folded}", _meant(folded))


def _grade(
    symbol: str, written: frozenset[str], words: str, parts: tuple[str, ...], card: _Card
) -> int | None:
    """How well a listing matches, 0 the best; hot: once for each listing and search."""
    own, bare, ways, name, meant = card
    if own == symbol:
        return 0
    if not ways.isdisjoint(written):
        return 1
    if words and meant == words:
        return 2
    if own.startswith(symbol) or bare.startswith(symbol):
        return 3
    if parts and parts[0] in name:  # most names end here
        if f" {words}" in name:
            return 4
        if all(part in name for part in parts):
            return 5
    if symbol in own or (words and words in name):
        return 6
    return None


def _meant(folded: str) -> str:
    """Folded words without ``the`` before them and legal forms after, unless nothing is left."""
    words = folded.removeprefix("the ").split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return " ".join(words)


def _bare(symbol: str) -> str:
    """A symbol without its exchange."""
    return symbol.rpartition(":")[2]


def _ways(symbol: str) -> frozenset[str]:
    """The ways to write a symbol, with and without its exchange."""
    return frozenset(filter(None, _all_ways(symbol)))


def _all_ways(symbol: str) -> Iterator[str]:
    bare = _bare(symbol)
    exchange, parts = symbol.removesuffix(bare), _SEPARATED.split(bare)
    yield symbol
    yield bare
    for separator in SEPARATORS if len(parts) > 1 and all(parts) else ():
        yield separator.join(parts)
        yield exchange + separator.join(parts)


@functools.cache
def _by_way() -> dict[str, Listing]:
    """The listings by each way to write their symbols; a symbol itself goes before other ways."""
    ways = dict(bundled())
    for listing in bundled().values():
        for way in sorted(_ways(listing.symbol)):
            ways.setdefault(way, listing)
    return ways


@functools.cache
def _by_name() -> dict[str, Listing]:
    """The listings by their names, the first of those with the same one."""
    names: dict[str, Listing] = {}
    for listing in bundled().values():
        names.setdefault(_meant(fold(listing.name)), listing)
    return names


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
        """The listings that match a query best, the best first; for several symbols, those."""
        return several(query)[:limit] or rank(query, self.all, limit)

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
