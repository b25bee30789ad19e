"""The laws of a watchlist."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.model import parse_symbol
from photon_app.ui import watchlist
from tests.names import SYMBOL

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
    assert watchlist.read(watchlist.write(held), DEFAULTS, LIMIT) == held


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


@given(symbols, symbols, symbols)
def test_edits_name_what_goes_and_what_comes_and_touch_nothing_else(
    before: tuple[str, ...], added: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    edits = [
        watchlist.Edit(id="1", removed=removed),
        watchlist.Edit(id="2", added=added),
    ]
    after = watchlist.edited(before, edits, DEFAULTS)
    assert set(after) == (set(before) - set(removed)) | set(added)
    assert [s for s in after if s in before and s not in added] == [
        s for s in before if s not in removed and s not in added
    ]


def test_an_edit_made_twice_is_made_once() -> None:
    edit = watchlist.Edit(id="1", added=("C",), removed=("A",))
    once = watchlist.edited(("A", "B"), [edit], DEFAULTS)
    assert once == watchlist.edited(once, [edit], DEFAULTS) == ("B", "C")


def test_beginning_anew_is_having_the_defaults() -> None:
    edits = [watchlist.Edit(id="1", anew=True), watchlist.Edit(id="2", added=("C",))]
    assert watchlist.edited(("A",), edits, DEFAULTS) == (*DEFAULTS, "C")


def test_the_longest_list_can_be_read_again() -> None:
    """What can be added can be stored."""
    longest = tuple(f"{index:032d}" for index in range(watchlist.MOST))
    assert watchlist.read_all(watchlist.write(longest), DEFAULTS) == longest


def test_reading_drops_doubles_and_keeps_to_the_limit() -> None:
    stored = json.dumps({"v": 1, "symbols": ["a", "A", "b", "c", "d", "e", "f", "g"]})
    assert watchlist.read(stored, DEFAULTS, LIMIT) == ("A", "B", "C", "D", "E")


def test_an_emptied_list_stays_empty() -> None:
    assert watchlist.read(watchlist.write(()), DEFAULTS, LIMIT) == ()


@given(symbols, anything)
def test_adding_anything_keeps_a_list_of_symbols_within_the_limit(
    held: tuple[str, ...], typed: object
) -> None:
    addition = watchlist.add(held, typed, LIMIT)
    assert addition.symbols[: len(held)] == held
    assert len(addition.symbols) <= LIMIT
    assert len(set(addition.symbols)) == len(addition.symbols)
    assert all(parse_symbol(symbol) == symbol for symbol in addition.symbols)
    assert addition.added or addition.notice


def test_adding_upper_cases_and_shows_the_symbol() -> None:
    addition = watchlist.add(("AAPL",), " brk.b ", LIMIT)
    assert addition.symbols == ("AAPL", "BRK.B")
    assert addition.chosen == "BRK.B"
    assert addition.notice == ""


def test_several_symbols_can_stand_between_commas() -> None:
    assert watchlist.add((), "aapl, msft,,nvda", LIMIT).added == ("AAPL", "MSFT", "NVDA")


@pytest.mark.parametrize(
    ("held", "typed", "notice"),
    [
        (("AAPL",), "aapl", "AAPL is already in the list"),
        ((), "<b>", "<b> is not a symbol"),
        ((), "A" * 33, "AAAAAAAAAAAAAAAAAAAAAAAA… is not a symbol: 1 to 32 letters, digits"),
        ((), "A\u202eB\x07\ud800", r"A\u202eB\x07\ud800 is not a symbol"),
        ((), "", "Type a symbol"),
        ((), "A" * 401, "Type a symbol"),
        (("A", "B", "C", "D", "E"), "F", "The list is full at 5 symbols"),
    ],
)
def test_each_refusal_says_why(held: tuple[str, ...], typed: str, notice: str) -> None:
    addition = watchlist.add(held, typed, LIMIT)
    assert addition.symbols == held
    assert addition.notice.startswith(notice)


def test_adding_what_is_there_shows_it() -> None:
    assert watchlist.add(("AAPL", "MSFT"), "msft", LIMIT).chosen == "MSFT"


def test_a_text_of_many_entries_is_looked_at_in_bounds() -> None:
    """What was written here has no more; and each text is read once, however often it is asked."""
    text = watchlist.write(tuple(f"S{n}" for n in range(7_000)))
    assert len(watchlist.read_all(text, ())) == watchlist.MOST_ENTRIES
    before = watchlist._entries.cache_info().misses
    for _ in range(10):
        watchlist.read_all(text, ())
    assert watchlist._entries.cache_info().misses == before


@given(st.lists(anything | st.sampled_from(["aapl", "AAPL", "x y", "BRK.B"]), max_size=9))
def test_what_a_page_sends_as_symbols_is_symbols_each_once(sent: list[object]) -> None:
    found = watchlist.symbols_in(sent, 5)
    assert all(parse_symbol(symbol) == symbol for symbol in found)
    assert len(found) == len(set(found)) <= 5


@given(anything)
def test_what_is_no_list_has_no_symbols(sent: object) -> None:
    assert watchlist.symbols_in(sent, 5) == ()
