"""Any client can call any handler with anything: the choices stay valid."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import reflex as rx

from photon_app import services, settings
from photon_app.model import TIMEFRAMES, parse_symbol
from photon_app.ui import watchlist
from photon_app.ui.state import (
    ADD_FIELD,
    MOST_EDITS,
    MOST_NAMES,
    STYLES,
    TIMEFRAME,
    Dashboard,
)

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


def assert_valid(tab: Dashboard) -> None:
    symbols = tuple(tab.symbols)
    assert all(parse_symbol(symbol) == symbol for symbol in symbols)
    assert len(symbols) <= settings.DEFAULTS.max_symbols
    assert tab.selected in symbols or (not symbols and tab.selected == "")
    assert tab.chart_timeframe in TIMEFRAMES
    assert tab.chart_style in STYLES
    assert len(tab.notice) < 200
    assert len(tab.stored) <= watchlist.MAX_STORED_CHARS


def test_a_new_tab_shows_the_default_symbols_and_the_first_of_them(tab: Dashboard) -> None:
    assert tuple(tab.symbols) == settings.DEFAULT_SYMBOLS
    assert tab.selected == settings.DEFAULT_SYMBOLS[0]


@pytest.mark.parametrize(
    "name",
    [
        "add_symbol",
        "remove",
        "select",
        "move",
        "choose_timeframe",
        "choose_style",
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
    assert tuple(tab.symbols) == settings.DEFAULT_SYMBOLS


@pytest.mark.parametrize("stored", [value for value in GARBAGE if isinstance(value, str)])
def test_no_stored_text_breaks_the_choices(tab: Dashboard, stored: str) -> None:
    tab.stored = stored
    tab.chosen = stored
    tab.timeframe = stored
    tab.style_of_chart = stored
    assert tuple(tab.symbols) == settings.DEFAULT_SYMBOLS
    assert tab.selected == settings.DEFAULT_SYMBOLS[0]
    assert (tab.chart_timeframe, tab.chart_style) == (TIMEFRAME, STYLES[0])


def test_timeframe_and_style_of_the_chart_are_chosen_and_kept(tab: Dashboard) -> None:
    for timeframe in TIMEFRAMES:
        call(tab, "choose_timeframe", timeframe)
        assert tab.chart_timeframe == timeframe
    for style in STYLES:
        call(tab, "choose_style", style)
        assert tab.chart_style == style
    call(tab, "choose_timeframe", "2m")
    call(tab, "choose_style", ["line"])
    assert (tab.chart_timeframe, tab.chart_style) == (TIMEFRAMES[-1], STYLES[-1])


def test_an_added_symbol_is_stored_and_shown(tab: Dashboard) -> None:
    call(tab, "add_symbol", {ADD_FIELD: "ibm"})
    assert tab.symbols[-1] == "IBM"
    assert tab.selected == "IBM"
    assert tab.selected_name == "International Business Machines"
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
    assert len(tab.symbols) == 100


def test_a_lowered_limit_hides_the_rest_of_a_list_and_keeps_it(tab: Dashboard) -> None:
    """What is shown changes; what the browser is sent names one symbol."""
    tab.stored = watchlist.write(tuple(f"S{index}" for index in range(103)))
    assert len(tab.symbols) == 100
    assert tab.summary == "100 of 100 symbols, 3 more kept"
    call(tab, "remove", "S0")
    assert tab.edits[-1].removed == ("S0",)
    assert tab.edits[-1].added == ()
    assert tab.symbols[-1] == "S100"


def test_no_change_is_written_from_here(tab: Dashboard) -> None:
    """The browser makes each on what it holds, and says so; until then it counts all the same."""
    call(tab, "add_symbol", {ADD_FIELD: "IBM"})
    call(tab, "remove", "AAPL")
    assert tab.stored == ""
    assert [(edit.added, edit.removed) for edit in tab.edits] == [(("IBM",), ()), ((), ("AAPL",))]
    assert tab.edits[0].instead == settings.DEFAULT_SYMBOLS
    expected = [*settings.DEFAULT_SYMBOLS[1:], "IBM"]
    assert tab.symbols == expected
    tab.stored = watchlist.write((*expected, "ORCL"))
    call(tab, "kept", [edit.id for edit in tab.edits])
    assert tab.edits == []
    assert tab.symbols == [*expected, "ORCL"]


def test_edits_that_no_browser_makes_are_bounded(tab: Dashboard) -> None:
    for _ in range(MOST_EDITS):
        call(tab, "add_symbol", {ADD_FIELD: "IBM"})
        call(tab, "remove", "IBM")
    assert len(tab.edits) == MOST_EDITS
    assert_valid(tab)


def test_an_emptied_list_stays_empty_until_the_defaults_are_asked_for(tab: Dashboard) -> None:
    for symbol in settings.DEFAULT_SYMBOLS:
        call(tab, "remove", symbol)
    assert tab.symbols == []
    assert tab.selected == ""
    call(tab, "restore_defaults")
    assert tuple(tab.symbols) == settings.DEFAULT_SYMBOLS


def test_moving_and_removing_keep_a_neighbour_shown(tab: Dashboard) -> None:
    call(tab, "move", 1)
    assert tab.selected == settings.DEFAULT_SYMBOLS[1]
    call(tab, "remove", settings.DEFAULT_SYMBOLS[1])
    assert tab.selected == settings.DEFAULT_SYMBOLS[2]


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
    assert "GEMINI:BTCUSD" in tab.symbols
    assert "GEMINI:btcusd" in upstream.spelled


def test_names_that_no_list_has_are_learned_from_upstream(tab: Dashboard) -> None:
    """Once each, for symbols of the visitor's list only; what is known already is not asked."""
    call(tab, "add_symbol", {ADD_FIELD: "NEWCO, NONAME"})
    upstream = Upstream(NEWCO="New Company", OTHER="Not in the list")
    with running(upstream):
        asyncio.run(call(tab, "learn_names", ["NEWCO", "NONAME", "OTHER", "AAPL", 7]))
        assert upstream.asked == ["NEWCO", "NONAME"]
        assert {row.symbol: row.name for row in tab.rows}["NEWCO"] == "New Company"
        assert tab.selected == "NONAME"
        assert tab.selected_name == ""
        asyncio.run(call(tab, "learn_names", ["NEWCO"]))
        assert upstream.asked == ["NEWCO", "NONAME"]


def test_a_removed_symbols_name_is_forgotten(tab: Dashboard) -> None:
    """What a tab remembers is bounded by its list."""
    upstream = Upstream(AAA1="One", AAA2="Two")
    with running(upstream):
        for symbol in upstream.given:
            call(tab, "add_symbol", {ADD_FIELD: symbol})
            asyncio.run(call(tab, "learn_names", [symbol]))
            call(tab, "remove", "AAA1")
    assert tab._fetched == {"AAA2": "Two"}


@pytest.mark.parametrize("value", [*GARBAGE, "é" * 100_000, "\U0001f4a5" * 100_000])
@pytest.mark.parametrize("name", ["stored", "chosen", "timeframe", "style_of_chart"])
def test_what_a_browser_brings_is_cut_when_it_is_set(
    tab: Dashboard, name: str, value: object
) -> None:
    """A tab's state takes no more of the server than a page has to store."""
    setattr(tab, name, value)
    kept = getattr(tab, name)
    most = watchlist.MAX_KEPT_BYTES if name == "stored" else 8 * watchlist.MAX_CHOICE_CHARS
    assert isinstance(kept, str)
    assert sys.getsizeof(kept) <= most
    assert tab.symbols == list(settings.DEFAULT_SYMBOLS)


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
