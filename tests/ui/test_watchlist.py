"""The laws of a watchlist."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.listings import bundled
from photon_app.model import parse_symbol
from photon_app.ui import names, watchlist
from tests.names import SYMBOL, stored_text

DEFAULTS = ("AAPL", "MSFT")
LIMIT = 5

symbols = st.lists(st.from_regex(SYMBOL, fullmatch=True), unique=True, max_size=LIMIT).map(tuple)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(symbols)
def test_what_is_written_is_read(held: tuple[str, ...]) -> None:
    assert watchlist.read(stored_text(held), DEFAULTS, LIMIT) == held


@given(anything)
def test_anything_else_reads_as_the_defaults(stored: object) -> None:
    assert watchlist.read(stored, DEFAULTS, LIMIT) == DEFAULTS


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "{}",
        '{"v":2,"symbols":["AAPL"]}',
        '{"v":1,"symbols":"AAPL"}',
        '{"v":1,"symbols":' + "[" * 5000 + "]" * 5000 + "}",
        json.dumps({"v": 1, "symbols": ["AAPL"] * 10_000}),
    ],
)
def test_a_text_that_was_not_written_here_reads_as_the_defaults(stored: str) -> None:
    assert watchlist.read(stored, DEFAULTS, LIMIT) == DEFAULTS


@pytest.mark.parametrize("bad", [1, None, "<script>", "", "A" * 33, ["B"], {"symbol": "B"}, "É"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_entry_that_is_no_symbol_is_left_out_and_the_others_stay(
    bad: object, place: int
) -> None:
    entries: list[object] = ["aapl", "MSFT"]
    entries.insert(place, bad)
    stored = json.dumps({"v": 1, "symbols": entries})
    assert watchlist.read(stored, DEFAULTS, LIMIT) == ("AAPL", "MSFT")


def test_the_longest_list_can_be_read_again() -> None:
    """What can be added can be stored."""
    longest = tuple(f"{index:032d}" for index in range(watchlist.MOST))
    assert watchlist.read(stored_text(longest), DEFAULTS, watchlist.MOST) == longest


def test_reading_drops_doubles_and_keeps_to_the_limit() -> None:
    stored = json.dumps({"v": 1, "symbols": ["a", "A", "b", "c", "d", "e", "f", "g"]})
    assert watchlist.read(stored, DEFAULTS, LIMIT) == ("A", "B", "C", "D", "E")
    for none in (None, "null"):
        assert watchlist.read(none, DEFAULTS, 1) == DEFAULTS[:1]


def test_an_emptied_list_stays_empty() -> None:
    assert watchlist.read(stored_text(()), DEFAULTS, LIMIT) == ()


def known(text: str) -> str:
    """What the tests' server knows: the bundled list."""
    return names.listed(text)


LISTED = st.sampled_from(list(bundled()))
GAPS = st.sampled_from([",", ", ", ";", " ; ", "\n", "\r\n", "\t", "\uff0c", "\u3001", ",,", ", $"])


@given(anything | st.text("AB, ;\n\t$.:-é“\"'", max_size=40), st.booleans())
def test_anything_can_be_typed(typed: object, as_typed: bool) -> None:
    """What is found are symbols, each once; and there is always something to say or to add."""
    found = watchlist.find(typed, None if as_typed else known)
    assert len(set(found.symbols)) == len(found.symbols)
    assert all(parse_symbol(symbol) == symbol for symbol in found.symbols)
    assert found.symbols or found.unknown or found.notice
    assert len(found.notice) < 200
    assert found.notice.isprintable()


@given(st.lists(LISTED, min_size=1, max_size=20, unique=True), GAPS, st.booleans())
def test_a_list_is_split_where_people_split_it(listed: list[str], gap: str, lower: bool) -> None:
    """Comma, semicolon, line break, tab; ``$`` and case do not matter."""
    text = gap.join(listed)
    found = watchlist.find(text.lower() if lower else text, known)
    assert found.symbols == tuple(listed)
    assert (found.unknown, found.notice) == ((), "")


@given(st.lists(LISTED, min_size=2, max_size=20, unique=True), st.sampled_from([" ", "  ", " $"]))
def test_spaces_split_what_is_nothing_but_symbols(listed: list[str], gap: str) -> None:
    text = gap.join(listed)
    if not known(text):
        assert watchlist.find(text, known).symbols == tuple(listed)


@pytest.mark.parametrize(
    ("typed", "symbols", "unknown"),
    [
        ("apple", ("AAPL",), ()),
        ("coca cola", ("KO",), ()),
        ("tesla inc", ("TSLA",), ()),
        ("V MA", ("V", "MA"), ()),
        ("AAPL MSFT NVDA", ("AAPL", "MSFT", "NVDA"), ()),
        ("$AAPL, $TSLA;MSFT\nNVDA", ("AAPL", "TSLA", "MSFT", "NVDA"), ()),
        ("AAPL, MSFT $NVDA", ("AAPL", "MSFT", "NVDA"), ()),
        ("coca cola, tesla inc", ("KO", "TSLA"), ()),
        ('"AAPL","MSFT"', ("AAPL", "MSFT"), ()),
        ("NASDAQ:AAPL;NYSE:BRK.B", ("AAPL", "BRK.B"), ()),
        ("aapl, Apple, $AAPL", ("AAPL",), ()),
        ("AAPL\u00a0MSFT", ("AAPL", "MSFT"), ()),
        ("AAPL,MSFT,XYZZ,QQQX1", ("AAPL", "MSFT"), ("XYZZ", "QQQX1")),
        ("V MA XYZZ", ("V", "MA"), ("XYZZ",)),
        ("$V $XYZZ", ("V",), ("$XYZZ",)),
        ("V XYZZ", (), ("V XYZZ",)),
        ("key systems", (), ("key systems",)),
        ("APPL", (), ("APPL",)),
        ("aple", (), ("aple",)),
        ("BRK B", ("BRK.B",), ()),
    ],
)
def test_what_is_typed_names_what_people_mean(
    typed: str, symbols: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    """A name is not a list, a list is not a name, and what is not known is not guessed."""
    found = watchlist.find(typed, known)
    assert (found.symbols, found.unknown) == (symbols, unknown)


def test_what_is_typed_is_taken_as_it_is_when_that_is_asked_for() -> None:
    """In capitals; between commas, also where words would be symbols."""
    assert watchlist.find(" appl ").symbols == ("APPL",)
    assert watchlist.find("ic markets:1, btc-usd,,appl").symbols == (
        *("IC MARKETS:1", "BTC-USD", "APPL"),
    )


@pytest.mark.parametrize(
    ("typed", "as_typed", "notice"),
    [
        ("appl", False, "Nothing found for “appl”"),
        ("V XYZZ", False, "Nothing found for “V XYZZ”: put commas between symbols"),
        ("<b>", False, "Nothing found for “<b>”"),
        ("<b>", True, "<b> is not a symbol: 1 to 32 letters, digits"),
        ("A" * 33, True, "AAAAAAAAAAAAAAAAAAAAAAAA… is not a symbol: 1 to 32 letters, digits"),
        ("A\u202eB\x07\ud800", False, r"Nothing found for “A\u202eB\x07\ud800”"),
        ("", False, "Type a symbol or a company"),
        (" ,;\n", False, "Type a symbol or a company"),
        ("A" * 4001, False, "More than 4,000 characters: add them in parts"),
    ],
)
def test_each_refusal_says_why(typed: str, as_typed: bool, notice: str) -> None:
    found = watchlist.find(typed, None if as_typed else known)
    assert found.symbols == ()
    assert found.notice.startswith(notice)


def test_the_longest_text_is_read_soon() -> None:
    """Each different entry once."""
    asked: list[str] = []

    def counted(text: str) -> str:
        asked.append(text)
        return ""

    watchlist.find("a " * 2_000, counted)
    assert len(asked) <= 2
    watchlist.find(",".join(f"{n:03}" for n in range(1_000)), counted)
    assert len(asked) <= 1_002


def test_a_text_of_many_entries_is_looked_at_in_bounds() -> None:
    """What was written here has no more; and each text is read once, however often it is asked."""
    text = stored_text(tuple(f"S{n}" for n in range(7_000)))
    assert len(watchlist.read(text, (), 7_000)) == watchlist.MOST_ENTRIES
    before = watchlist._entries.cache_info().misses
    for _ in range(10):
        watchlist.read(text, (), 7_000)
    assert watchlist._entries.cache_info().misses == before


@given(st.lists(anything | st.sampled_from(["aapl", "AAPL", "x y", "BRK.B"]), max_size=9))
def test_what_a_page_sends_as_symbols_is_symbols_each_once(sent: list[object]) -> None:
    found = watchlist.symbols_in(sent, 5)
    assert all(parse_symbol(symbol) == symbol for symbol in found)
    assert len(found) == len(set(found)) <= 5


@given(anything.filter(lambda sent: not isinstance(sent, list)))
def test_what_is_no_list_has_no_symbols(sent: object) -> None:
    assert watchlist.symbols_in(sent, 5) == ()
