"""The bundled list, and the order of what a search finds."""

import asyncio
import csv
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.listings import (
    LEGAL_FORMS,
    LIST,
    PRICES_OF,
    SEPARATORS,
    BundledReference,
    bundled,
    by_symbol,
    exact,
    fold,
    forms,
    prices,
    rank,
    several,
)
from photon_app.model import Listing, parse_symbol
from photon_app.settings import DEFAULT_SYMBOLS

TYPES = {"Common Stock", "ETP", "ADR", "REIT", "MLP", "NY Reg Shrs", "Crypto", "Forex"}

names = st.text(alphabet="abcdé &.'-/XYZ", min_size=1, max_size=12)
symbols = st.from_regex(r"(A:)?[ABC]{1,4}(\.[AB])?", fullmatch=True)
listings = st.lists(
    st.builds(Listing, symbol=symbols, name=names, type=st.just("ETP")),
    max_size=20,
    unique_by=lambda one: one.symbol,
)
queries = st.one_of(st.text(max_size=6), st.text(alphabet="abcABC .&é", max_size=6))


def found(query: str, limit: int = 10) -> list[str]:
    """The symbols that the bundled list gives."""
    return [one.symbol for one in asyncio.run(BundledReference().search(query, limit))]


def test_the_list_is_whole() -> None:
    """Several hundred entries, each once, canonical, with a name that can be shown."""
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["symbol", "name", "type", "price"]
    assert all(len(row) == 4 for row in rows)
    entries = bundled()
    assert len(entries) == len(rows) - 1 >= 480
    for symbol, listing in entries.items():
        assert symbol == listing.symbol == parse_symbol(symbol)
        assert listing.name.isprintable()
        assert listing.name == " ".join(listing.name.split()) != ""
        assert len(listing.name) <= 60
        assert listing.type in TYPES


def test_the_best_known_are_in_it() -> None:
    """The default symbols, the funds and foreign companies that everybody asks for."""
    assert bundled().keys() >= set(DEFAULT_SYMBOLS)
    assert bundled().keys() >= {"SPY", "QQQ", "IWM", "DIA", "VTI", "TSM", "BABA", "BRK.B"}
    assert bundled()["BINANCE:BTCUSDT"] == Listing(
        symbol="BINANCE:BTCUSDT", name="Bitcoin / Tether", type="Crypto"
    )


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("aapl", "AAPL"),
        ("apple", "AAPL"),
        ("  Apple ", "AAPL"),
        ("a", "A"),
        ("brk", "BRK.B"),
        ("at&t", "T"),
        ("mcdonalds", "MCD"),
        ("McDonald's", "MCD"),
        ("estee lauder", "EL"),
        ("ESTÉE", "EL"),
        ("bank of am", "BAC"),
        ("ethereum", "BINANCE:ETHUSDT"),
        ("binance:btc", "BINANCE:BTCUSDT"),
        ("$aapl", "AAPL"),
        ("NASDAQ:AAPL", "AAPL"),
        ("brk-b", "BRK.B"),
        ("BRK B", "BRK.B"),
        ("btcusdt", "BINANCE:BTCUSDT"),
        ("EUR/USD", "OANDA:EUR_USD"),
        ("coca cola", "KO"),
        ("cola coca", "KO"),
        ("tesla inc", "TSLA"),
        ("the coca-cola company", "KO"),
        ("Visa Inc.", "V"),
        ("america bank", "BAC"),
    ],
)
def test_people_find_what_they_mean(query: str, best: str) -> None:
    """Whatever their case, accents, spaces and punctuation."""
    hits = found(query)
    assert best in hits[:3]
    if query != "ethereum":
        assert hits[0] == best


@pytest.mark.parametrize("query", ["", "  ", "&", "…", "日本", "zzzzqq", "<b>", "{apple}"])
def test_what_matches_nothing_finds_nothing(query: str) -> None:
    """Rather than everything."""
    assert found(query) == []


@given(queries, listings, st.integers(0, 25))
def test_a_search_is_ranked_stable_and_limited(
    query: str, given_listings: list[Listing], limit: int
) -> None:
    """The symbol, whole names, beginnings, words' beginnings, parts; each in the order given."""
    hits = rank(query, given_listings, limit)
    whole = rank(query, given_listings)
    assert hits == whole[:limit]
    places = {one.symbol: place for place, one in enumerate(given_listings)}
    keys = [(grade(query, one), places[one.symbol]) for one in whole]
    assert keys == sorted(keys)
    matching = [one for one in given_listings if query.strip() and grade(query, one) < 7]
    assert {one.symbol for one in whole} == {one.symbol for one in matching}


@given(queries, listings)
def test_case_does_not_matter(query: str, given_listings: list[Listing]) -> None:
    """Of letters that have one of each."""
    plain = query.encode("ascii", "ignore").decode()
    assert rank(plain.lower(), given_listings) == rank(plain.upper(), given_listings)


@given(st.text())
def test_folded_text_is_plain_and_stays_so(text: str) -> None:
    """Lower-case ASCII letters and digits with single spaces."""
    folded = fold(text)
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789 " for c in folded)
    assert "  " not in folded
    assert fold(folded) == folded


def meant(folded: str) -> str:
    """Words without the article and the legal forms that a company may have or not."""
    words = folded.removeprefix("the ").split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        del words[-1]
    return " ".join(words)


def grade(query: str, listing: Listing) -> int:
    """The rule as a table says it."""
    if set(query) & set("<>{}|\\"):
        return 7
    symbol, words, name = query.strip().upper(), meant(fold(query)), fold(listing.name)
    starts = [name[at:] for at in range(len(name)) if at == 0 or name[at - 1] == " "]
    bare = listing.symbol.rpartition(":")[2]
    houses = ("", listing.symbol.removesuffix(bare))

    def begun(word: str) -> bool:
        return any(start.startswith(word) for start in starts)

    rules = (
        listing.symbol == symbol,
        not {house + bare.replace(".", gap) for house in houses for gap in SEPARATORS}.isdisjoint(
            forms(query)
        ),
        bool(words) and meant(name) == words,
        listing.symbol.startswith(symbol) or bare.startswith(symbol),
        bool(words) and begun(words),
        bool(words) and all(map(begun, words.split())),
        symbol in listing.symbol or (bool(words) and words in name),
    )
    return rules.index(True) if True in rules else 7


def test_every_symbol_has_a_price_to_begin_at() -> None:
    """Of one day that has been, and of the size that people know."""
    assert prices().keys() == bundled().keys()
    assert dt.date(2025, 1, 1) < PRICES_OF < dt.date(2026, 11, 30)
    for symbol, price in prices().items():
        stock = bundled()[symbol].type not in {"Crypto", "Forex"}
        assert 0.1 < price < 1_000_000
        assert not stock or round(price, 2) == price
    assert prices()["GOOG"] == pytest.approx(prices()["GOOGL"], rel=0.01)
    assert prices()["BRK.A"] == pytest.approx(1_500 * prices()["BRK.B"], rel=0.01)


def test_the_reference_has_names_and_no_prices() -> None:
    """Those are for the simulator only; and it never says that a symbol does not exist."""
    reference = BundledReference()
    assert asyncio.run(reference.name("NVDA")) == "NVIDIA"
    assert asyncio.run(reference.name("NOPE")) is None
    assert asyncio.run(reference.quote("NVDA")) is None


listed = st.sampled_from(list(bundled().values()))


@given(listed, st.sampled_from(["{}", " {} ", "${}"]), st.booleans())
def test_a_symbol_of_the_list_names_itself(listing: Listing, way: str, lower: bool) -> None:
    """In any case, and with the sign that some write before it; and it is found first."""
    text = way.format(listing.symbol.lower() if lower else listing.symbol)
    assert exact(text) == by_symbol(text) == listing
    assert found(text)[0] == listing.symbol


@given(listed, st.sampled_from(["{}", "{} Inc", "The {} Company", "{} CORP."]))
def test_a_whole_name_names_its_company(listing: Listing, way: str) -> None:
    """Unless it is a symbol too; of two with one name the first, which is found first, too."""
    text = way.format(listing.name)
    named = exact(text)
    assert named is not None
    if by_symbol(text) is None:
        assert meant(fold(named.name)) == meant(fold(listing.name))
        assert found(text)[0] == named.symbol


@pytest.mark.parametrize(
    "text", ["", " ", "apple pie", "appl", "coca", "ßß", "日本", "V MA", "$", ":"]
)
def test_what_is_not_whole_names_nothing(text: str) -> None:
    """A guess is for people to choose."""
    assert exact(text) is None


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """Whatever it is."""
    assert exact(text) is None or exact(text) in bundled().values()
    assert all(one in bundled().values() for one in several(text))


@given(st.lists(listed, min_size=2, max_size=8, unique=True), st.sampled_from([" ", "  ", " $"]))
def test_symbols_with_spaces_between_are_those_symbols(given_list: list[Listing], gap: str) -> None:
    """In their order, before anything that has them in its name."""
    text = gap.join(one.symbol for one in given_list)
    if exact(text) is None:
        assert several(text) == tuple(given_list)
        assert found(text) == [one.symbol for one in given_list]


@pytest.mark.parametrize(
    "text", ["coca cola", "tesla inc", "V", "V XYZZ", "BRK B", "apple microsoft", "bank of america"]
)
def test_a_name_is_not_several_symbols(text: str) -> None:
    """Nor is a list with a word that the list does not have."""
    assert several(text) == ()


def test_a_listing_is_prepared_once_however_often_it_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search folds its own text alone: there is one for each key that somebody presses."""
    every = tuple(bundled().values())
    rank("a", every)
    folded: list[str] = []

    def watched(text: str) -> str:
        folded.append(text)
        return fold(text)

    monkeypatch.setattr("photon_app.listings.fold", watched)
    rank("app", every)
    assert folded == ["app"]
