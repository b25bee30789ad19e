"""Any client can call any handler with anything: the choices stay valid."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import reflex as rx
from reflex.istate.data import RouterData
from reflex_base.constants.route import RouteVar

from photon_app import services, settings
from photon_app.errors import NotServingError
from photon_app.model import Listing, parse_symbol
from photon_app.ui import watchlist
from photon_app.ui.state import BUSY, MOST_ASKED, Dashboard
from tests.names import stored_text

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
    assert len(tab.reply.notice) < 200
    assert len(tab.stored) <= watchlist.MAX_STORED_CHARS


def test_a_new_tab_has_the_default_symbols_and_the_limit(tab: Dashboard) -> None:
    assert tuple(tab.defaults) == settings.DEFAULT_SYMBOLS
    assert tab.limit == settings.DEFAULTS.max_symbols
    assert tab.names["AAPL"] == "Apple"


@pytest.mark.parametrize(
    "name",
    [
        "find_symbols",
        "take_as_typed",
        "ask_upstream",
        "want_names",
        "learn_names",
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


def test_what_is_typed_is_answered_and_changes_nothing(tab: Dashboard) -> None:
    """The page adds what it names to the list that it shows."""
    call(tab, "find_symbols", "ibm, coca cola")
    assert tab.reply.symbols == ("IBM", "KO")
    before = tab.reply.id
    call(tab, "take_as_typed", "appl")
    assert list(tab.reply.symbols) == ["APPL"]
    assert tab.reply.id != before
    call(tab, "take_as_typed", "<b>")
    assert tab.reply.notice.startswith("<b> is not a symbol")
    assert tuple(symbols(tab)) == settings.DEFAULT_SYMBOLS


class Upstream:
    """Names as upstream tells them; it remembers what it was asked."""

    def __init__(self, **given: str) -> None:
        self.given = given
        self.asked: list[str] = []
        self.searched: list[str] = []
        self.addresses: list[str | None] = []
        self.spelled: list[str] = []

    async def name(self, symbol: str) -> str | None:
        """What it was given."""
        self.asked.append(symbol)
        return self.given.get(symbol)

    async def search(self, query: str, *, address: str | None) -> tuple[Listing, ...]:
        """Those of which it was given a name."""
        self.searched.append(query)
        self.addresses.append(address)
        return tuple(
            Listing(symbol=symbol, name=name, type="") for symbol, name in self.given.items()
        )


@contextlib.contextmanager
def running(
    upstream: Upstream, defaults: tuple[str, ...] = settings.DEFAULT_SYMBOLS
) -> Iterator[None]:
    """A process with this upstream."""
    live: Any = SimpleNamespace(
        reference=upstream,
        default_symbols=defaults,
        settings=settings.DEFAULTS,
        demand=SimpleNamespace(spelled=upstream.spelled.append),
    )
    services.install(live)
    try:
        yield
    finally:
        services.remove(live)


def test_how_a_visitor_spells_a_symbol_is_passed_on(tab: Dashboard) -> None:
    """The list itself has capitals."""
    upstream = Upstream()
    with running(upstream):
        call(tab, "take_as_typed", "GEMINI:btcusd, <b>")
    assert tab.reply.symbols == ("GEMINI:BTCUSD",)
    assert "GEMINI:btcusd" in upstream.spelled


def test_upstream_is_asked_for_what_is_not_known_here(tab: Dashboard) -> None:
    """Once each; what it does not know either comes back as it was typed."""
    upstream = Upstream(NEWCO="New Company")
    with running(upstream):
        call(tab, "find_symbols", "AAPL, newco, XYZZ")
        assert tab.reply.id == ""
        asyncio.run(call(tab, "ask_upstream", "AAPL, newco, XYZZ"))
    assert upstream.searched == ["NEWCO", "XYZZ"]
    assert (tab.reply.symbols, tab.reply.unknown) == (("AAPL", "NEWCO"), ("XYZZ",))
    with running(upstream):
        asyncio.run(call(tab, "ask_upstream", "apple NEWCO"))
    assert tab.reply.symbols == ("AAPL", "NEWCO")


def test_a_search_counts_for_the_visitor_who_asked(tab: Dashboard) -> None:
    """By its address, if it has one, so that one who asks for much does not stop the others."""
    upstream = Upstream()
    with running(upstream):
        asyncio.run(call(tab, "ask_upstream", "NEW1"))
        tab.router = RouterData.from_router_data({RouteVar.CLIENT_IP: "1.2.3.4"})
        asyncio.run(call(tab, "ask_upstream", "NEW2"))
    assert upstream.addresses == [None, "1.2.3.4"]


def test_a_long_list_is_sorted_out_at_once(tab: Dashboard) -> None:
    """Each name once: comparing each with each would hold up all prices."""
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    most = settings.DEFAULTS.max_symbols
    tab.stored = stored_text(f"L{n}" for n in range(most))
    call(tab, "want_names", [f"N{n}" for n in range(MOST_ASKED)])
    tab._named = tuple(map(Counted, tab._named))
    tab._to_learn = tuple(map(Counted, tab._named))
    tab._learning = True
    asyncio.run(call(tab, "learn_names", [f"L{n}" for n in range(most)]))
    assert len(tab._to_learn) == most + MOST_ASKED
    assert compared < 10 * MOST_ASKED


def test_one_text_of_a_tab_is_looked_up_at_a_time(tab: Dashboard) -> None:
    """Another one is refused meanwhile; an upstream that fails does not keep the tab waiting."""
    upstream = Upstream()
    gate = asyncio.Event()

    async def search(query: str, **_: Any) -> tuple[Listing, ...]:
        upstream.searched.append(query)
        await gate.wait()
        raise NotServingError

    async def scenario() -> None:
        upstream.search = search  # type: ignore[method-assign]
        first = asyncio.create_task(call(tab, "ask_upstream", "NEW1"))
        while not upstream.searched:
            await asyncio.sleep(0)
        await call(tab, "ask_upstream", "NEW2")
        assert tab.reply.notice == BUSY
        gate.set()
        await first

    with running(upstream):
        asyncio.run(scenario())
        assert upstream.searched == ["NEW1"]
        assert tab.reply.notice == "Nothing found for “NEW1”"
        asyncio.run(call(tab, "ask_upstream", "apple"))
    assert tab.reply.symbols == ("AAPL",)


def test_what_this_server_follows_is_known(tab: Dashboard) -> None:
    """Whether a list has it or not."""
    with running(Upstream(), defaults=("ZZZQ", "HOUSE:AB")):
        call(tab, "find_symbols", "zzzq; $ZZZQ; house:ab")
    assert tab.reply.symbols == ("ZZZQ", "HOUSE:AB")


def test_names_that_no_list_has_are_learned_from_upstream(tab: Dashboard) -> None:
    """Once each, for symbols of the visitor's list only; what is known already is not asked."""
    tab.stored = stored_text(("AAPL", "NEWCO", "NONAME"))
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
    upstream = Upstream(AAA1="One", AAA2="Two")
    with running(upstream):
        for symbol in upstream.given:
            tab.stored = stored_text((symbol,))
            asyncio.run(call(tab, "learn_names", [symbol]))
    assert tab._fetched == {"AAA2": "Two"}


def test_names_outside_the_watchlist_come_when_they_are_asked_for(tab: Dashboard) -> None:
    """The newest are remembered, however many are asked for."""
    call(tab, "want_names", ["XOM", "xom", "<b>", 7])
    assert tab.names["XOM"] == "Exxon Mobil"
    for page in range(4):
        call(tab, "want_names", [f"S{page}X{number}" for number in range(300)])
    assert len(tab._named) == MOST_ASKED
    assert "XOM" not in tab.names
    assert_valid(tab)


@pytest.mark.parametrize("value", [*GARBAGE, "é" * 100_000, "\U0001f4a5" * 100_000])
def test_what_a_browser_brings_is_cut_when_it_is_set(tab: Dashboard, value: Any) -> None:
    """A tab's state takes no more of the server than a page has to store."""
    tab.stored = value
    assert isinstance(tab.stored, str)
    assert sys.getsizeof(tab.stored) <= watchlist.MAX_KEPT_BYTES
    assert symbols(tab) == list(settings.DEFAULT_SYMBOLS)


def test_the_longest_list_that_a_page_stores_is_kept_whole(tab: Dashboard) -> None:
    text = stored_text(tuple(f"{n:032}" for n in range(watchlist.MOST)))
    tab.stored = text
    assert tab.stored == text


def test_names_are_asked_for_one_at_a_time_however_often_that_is_asked_for(tab: Dashboard) -> None:
    """What came meanwhile is asked for afterwards."""
    tab.stored = stored_text(("NEW1", "NEW2"))
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


def test_names_are_learned_again_after_upstream_failed(
    tab: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page goes on without them until then."""
    tab.stored = stored_text(("NEW1", "NEW2"))
    upstream = Upstream(NEW1="One", NEW2="Two")

    async def refuse(*_: object) -> str | None:
        raise NotServingError

    with running(upstream):
        with monkeypatch.context() as failing:
            failing.setattr(upstream, "name", refuse)
            asyncio.run(call(tab, "learn_names", ["NEW1"]))
        assert tab._fetched == {}
        asyncio.run(call(tab, "learn_names", ["NEW2"]))
    assert tab._fetched == {"NEW2": "Two"}


def test_a_name_that_is_asked_for_as_the_last_ones_are_done_is_learned(
    tab: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between two steps of a run that has nothing more to ask."""
    tab.stored = stored_text(("NEW1",))
    upstream = Upstream(NEW1="One")
    state, steps, later = asyncio.Lock(), 0, set[asyncio.Task[None]]()

    async def enter(self: Dashboard) -> Dashboard:
        nonlocal steps
        await state.acquire()
        steps += 1
        if steps == 2:
            later.add(asyncio.create_task(call(tab, "learn_names", ["NEW1"])))
            await asyncio.sleep(0)
        return self

    async def leave(*_: object) -> None:
        state.release()

    async def scenario() -> None:
        monkeypatch.setattr(Dashboard, "__aenter__", enter)
        monkeypatch.setattr(Dashboard, "__aexit__", leave)
        await call(tab, "learn_names", ["AAPL"])
        await asyncio.gather(*later)

    with running(upstream):
        asyncio.run(scenario())
    assert tab._fetched == {"NEW1": "One"}
