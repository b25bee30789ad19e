"""Any client can call any handler with anything: a tab's state stays valid."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import reflex as rx

from photon_app import services, settings
from photon_app.model import parse_symbol
from photon_app.ui import watchlist
from photon_app.ui.state import ADD_FIELD, MOST_ASKED, MOST_EDITS, MOST_NAMES, Dashboard

GARBAGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    float("nan"),
    "",
    "<script>alert(1)</script>",
    "A" * 1_000_000,
    b"AAPL",
    [],
    ["AAPL"],
    {},
    {ADD_FIELD: None},
    {ADD_FIELD: ["AAPL"]},
    {ADD_FIELD: "A" * 1_000_000},
    {"other": "AAPL"},
)


@pytest.fixture
def tab() -> Dashboard:
    """The state of a fresh tab."""
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    state = root.get_substate(Dashboard.get_full_name().split("."))
    assert isinstance(state, Dashboard)
    return state


def call(tab: Dashboard, name: str, *arguments: Any) -> Any:
    return Dashboard.event_handlers[name].fn(tab, *arguments)


def symbols(tab: Dashboard) -> list[str]:
    """The watchlist as the tab's server sees it."""
    return list(tab._symbols())


def assert_valid(tab: Dashboard) -> None:
    listed = symbols(tab)
    assert all(parse_symbol(symbol) == symbol for symbol in [*listed, *tab.names])
    assert len(listed) <= settings.DEFAULTS.max_symbols
    assert len(tab.names) <= settings.DEFAULTS.max_symbols + MOST_ASKED
    assert len(tab.notice) < 200
    assert len(tab.stored) <= watchlist.MAX_STORED_CHARS


def test_a_new_tab_is_told_the_default_symbols_and_the_limit(tab: Dashboard) -> None:
    assert tuple(tab.defaults) == settings.DEFAULT_SYMBOLS
    assert tab.limit == settings.DEFAULTS.max_symbols
    assert tab.names["AAPL"] == "Apple"


@pytest.mark.parametrize(
    "name",
    [
        "add_symbol",
        "want_names",
        "learn_names",
        "kept",
    ],
)
@pytest.mark.parametrize("argument", GARBAGE, ids=lambda value: repr(value)[:24])
def test_no_argument_of_any_handler_breaks_the_choices(
    tab: Dashboard, name: str, argument: Any
) -> None:
    done = call(tab, name, argument)
    if asyncio.iscoroutine(done):
        asyncio.run(done)
    assert_valid(tab)
    assert tuple(symbols(tab)) == settings.DEFAULT_SYMBOLS


@pytest.mark.parametrize("stored", [value for value in GARBAGE if isinstance(value, str)])
def test_no_stored_text_breaks_the_choices(tab: Dashboard, stored: str) -> None:
    tab.stored = stored
    assert tuple(symbols(tab)) == settings.DEFAULT_SYMBOLS


def test_an_added_symbol_is_an_edit_and_has_its_name(tab: Dashboard) -> None:
    call(tab, "add_symbol", {ADD_FIELD: "ibm"})
    assert symbols(tab)[-1] == "IBM"
    assert tab.names["IBM"] == "International Business Machines"
    assert tab.notice == ""


def test_a_refused_symbol_says_why_and_changes_nothing(tab: Dashboard) -> None:
    before = tab.stored
    call(tab, "add_symbol", {ADD_FIELD: "<b>"})
    assert tab.notice.startswith("<b> is not a symbol")
    assert tab.stored == before
    call(tab, "clear_notice")
    assert tab.notice == ""


def test_the_list_is_full_at_the_limit_of_a_connection(tab: Dashboard) -> None:
    tab.stored = watchlist.write(tuple(f"S{index}" for index in range(100)))
    call(tab, "add_symbol", {ADD_FIELD: "IBM"})
    assert tab.notice == "The list is full at 100 symbols: remove one to add IBM"
    assert len(symbols(tab)) == 100


def test_nothing_is_written_from_here(tab: Dashboard) -> None:
    """The browser makes each edit on what it holds, and says so; until then it counts as made."""
    call(tab, "add_symbol", {ADD_FIELD: "IBM"})
    assert tab.stored == ""
    assert [edit.added for edit in tab.edits] == [("IBM",)]
    assert tab.edits[0].instead == settings.DEFAULT_SYMBOLS
    expected = [*settings.DEFAULT_SYMBOLS, "IBM"]
    assert symbols(tab) == expected
    tab.stored = watchlist.write((*expected, "ORCL"))
    call(tab, "kept", [edit.id for edit in tab.edits])
    assert tab.edits == []
    assert symbols(tab) == [*expected, "ORCL"]


def test_edits_that_no_browser_makes_are_bounded(tab: Dashboard) -> None:
    tab.stored = watchlist.write(())
    for _ in range(MOST_EDITS + 8):
        tab._edit(added=("IBM",))
    assert len(tab.edits) == MOST_EDITS
    assert_valid(tab)


def test_names_outside_the_watchlist_are_told_when_they_are_asked_for(tab: Dashboard) -> None:
    """The newest are remembered, however many are asked for."""
    call(tab, "want_names", ["XOM", "xom", "<b>", 7])
    assert tab.names["XOM"] == "Exxon Mobil"
    for page in range(4):
        call(tab, "want_names", [f"S{page}X{number}" for number in range(300)])
    assert len(tab._named) == MOST_ASKED
    assert "XOM" not in tab.names
    assert_valid(tab)


class Upstream:
    """Names as upstream tells them; it remembers what it was asked."""

    def __init__(self, **given: str) -> None:
        self.given = given
        self.asked: list[str] = []
        self.spelled: list[str] = []

    async def name(self, symbol: str) -> str | None:
        """What it was given."""
        self.asked.append(symbol)
        return self.given.get(symbol)


@contextlib.contextmanager
def running(upstream: Upstream) -> Iterator[None]:
    """A process with this upstream."""
    live: Any = SimpleNamespace(
        reference=upstream,
        default_symbols=settings.DEFAULT_SYMBOLS,
        settings=settings.DEFAULTS,
        demand=SimpleNamespace(spelled=upstream.spelled.append),
    )
    services.install(live)
    try:
        yield
    finally:
        services.remove(live)


def test_how_a_visitor_spells_a_symbol_is_passed_on_once_it_is_in_the_list(tab: Dashboard) -> None:
    """The list itself has capitals."""
    upstream = Upstream()
    with running(upstream):
        call(tab, "add_symbol", {ADD_FIELD: "GEMINI:btcusd, <b>"})
        call(tab, "add_symbol", {ADD_FIELD: "<i>"})
    assert "GEMINI:BTCUSD" in symbols(tab)
    assert "GEMINI:btcusd" in upstream.spelled


def test_names_that_no_list_has_are_learned_from_upstream(tab: Dashboard) -> None:
    """Once each, for symbols of the visitor's list only; what is known already is not asked."""
    call(tab, "add_symbol", {ADD_FIELD: "NEWCO, NONAME"})
    upstream = Upstream(NEWCO="New Company", OTHER="Not in the list")
    with running(upstream):
        asyncio.run(call(tab, "learn_names", ["NEWCO", "NONAME", "OTHER", "AAPL", 7]))
        assert upstream.asked == ["NEWCO", "NONAME"]
        assert tab.names["NEWCO"] == "New Company"
        assert "NONAME" not in tab.names
        asyncio.run(call(tab, "learn_names", ["NEWCO"]))
        assert upstream.asked == ["NEWCO", "NONAME"]


def test_a_removed_symbols_name_is_forgotten(tab: Dashboard) -> None:
    """What a tab remembers is bounded by its list."""
    upstream = Upstream(AAA1="One", AAA2="Two", AAA4="Four")
    with running(upstream):
        for symbol in ("AAA1", "AAA2"):
            call(tab, "add_symbol", {ADD_FIELD: symbol})
            asyncio.run(call(tab, "learn_names", [symbol]))
        tab.edits = []
        tab.stored = watchlist.write(("AAA2", "AAA3"))
        call(tab, "add_symbol", {ADD_FIELD: "AAA3, AAA4"})
        asyncio.run(call(tab, "learn_names", ["AAA4"]))
    assert tab._fetched == {"AAA2": "Two", "AAA4": "Four"}


@pytest.mark.parametrize("value", [*GARBAGE, "é" * 100_000, "\U0001f4a5" * 100_000])
def test_what_a_browser_brings_is_cut_when_it_is_set(tab: Dashboard, value: Any) -> None:
    """A tab's state takes no more of the server than a page has to store."""
    tab.stored = value
    assert isinstance(tab.stored, str)
    assert sys.getsizeof(tab.stored) <= watchlist.MAX_KEPT_BYTES
    assert symbols(tab) == list(settings.DEFAULT_SYMBOLS)


def test_the_longest_list_that_a_page_stores_is_kept_whole(tab: Dashboard) -> None:
    text = watchlist.write(tuple(f"{n:032}" for n in range(watchlist.MOST)))
    tab.stored = text
    assert tab.stored == text


def test_edits_of_long_lists_wait_in_bounds(tab: Dashboard) -> None:
    """Each holds the list that it begins with, and all are sent with each change."""
    tab.stored = watchlist.write(tuple(f"S{n}" for n in range(watchlist.MOST)))
    for _ in range(MOST_EDITS):
        tab._edit(added=("AAPL",))
    assert sum(len(edit.instead) for edit in tab.edits) <= MOST_NAMES + watchlist.MOST + 1


def test_names_are_asked_for_one_at_a_time_however_often_that_is_asked_for(tab: Dashboard) -> None:
    """What came meanwhile is asked for afterwards."""
    call(tab, "add_symbol", {ADD_FIELD: "NEW1, NEW2"})
    upstream = Upstream(NEW1="One", NEW2="Two")
    gate, asked_at_once = asyncio.Event(), 0

    async def name(symbol: str) -> str | None:
        nonlocal asked_at_once
        asked_at_once += 1
        assert asked_at_once == 1
        await gate.wait()
        asked_at_once -= 1
        upstream.asked.append(symbol)
        return upstream.given[symbol]

    async def scenario() -> None:
        upstream.name = name  # type: ignore[method-assign]
        learning = [
            asyncio.create_task(call(tab, "learn_names", [symbol]))
            for symbol in ("NEW1", "NEW2", "NEW1", "NEW2")
        ]
        await asyncio.wait(learning, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        await asyncio.gather(*learning)

    with running(upstream):
        asyncio.run(scenario())
    assert upstream.asked[:2] == ["NEW1", "NEW2"]
    assert tab._fetched == {"NEW1": "One", "NEW2": "Two"}
