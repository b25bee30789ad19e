"""What a visitor chose stands in the browser, whatever the server forgets and other tabs do."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import Visitor

CHOSEN = {
    "photon.watchlist": json.dumps({"v": 1, "symbols": ["SPY", "QQQ", "KO"]}),
    "photon.pair": "blue-orange",
    "photon.timeframe": "5m",
    "photon.chart": "line",
}
CHOOSE = """([chosen, selected]) => {
  for (const [name, text] of Object.entries(chosen)) localStorage.setItem(name, text);
  sessionStorage.setItem("photon.selected", selected);
}"""
HELD = """(expected) => Object.entries(expected)
  .every(([name, text]) => localStorage.getItem(name) === text)"""
CLICKED_AT = """(at) => new Promise((done) => setTimeout(() => {
  document.querySelector("form[role=search]").requestSubmit();
  done();
}, at - Date.now()))"""


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """A server that forgets its tabs when a test says so."""
    with hand_fed() as process:
        yield process


@pytest.fixture
def visitor(visit: Visit, hand: Hand) -> Visitor:
    """Somebody who chose everything differently, and whom the server has just forgotten."""
    opened = visit(hand.http)
    opened.expect_symbols(*DEFAULT_SYMBOLS)
    opened.page.evaluate(CHOOSE, [CHOSEN, "QQQ"])
    opened.page.reload()
    opened.expect_symbols("SPY", "QQQ", "KO")
    opened.expect_selected("QQQ")
    hand.do("forget")
    return opened


def stored(page: Page) -> list[str]:
    """The list as the browser holds it."""
    symbols = page.evaluate("JSON.parse(localStorage.getItem('photon.watchlist')).symbols")
    assert isinstance(symbols, list)
    return symbols


def expect_choices(visitor: Visitor, **changed: str) -> None:
    """All is as it was chosen, on the page and in the browser."""
    expect(visitor.page.locator("html")).to_have_attribute("data-pair", "blue-orange")
    timeframe = changed.get("timeframe", "5m")
    expect(visitor.page.locator('.chart-frames [aria-pressed="true"]')).to_have_text(timeframe)
    expected = {**CHOSEN, "photon.timeframe": timeframe}
    expected.pop("photon.watchlist")
    visitor.page.wait_for_function(HELD, arg=expected)  # a choice is painted before it is kept


def test_an_added_symbol_joins_the_list_that_the_browser_holds(visitor: Visitor) -> None:
    """Once, and the form is emptied, as if nothing had been forgotten."""
    visitor.add("IBM")
    visitor.expect_symbols("SPY", "QQQ", "KO", "IBM")
    visitor.expect_selected("IBM")
    expect(visitor.field).to_have_value("")
    visitor.page.wait_for_function("localStorage.getItem('photon.watchlist').includes('IBM')")
    expect_choices(visitor)
    visitor.page.reload()
    visitor.expect_symbols("SPY", "QQQ", "KO", "IBM")
    assert stored(visitor.page) == ["SPY", "QQQ", "KO", "IBM"]


def test_what_is_asked_for_at_once_is_done_in_order(visitor: Visitor) -> None:
    """Each on the list that the browser holds: down, gone, up, gone."""
    for key in ("ArrowDown", "Delete", "ArrowUp"):
        visitor.page.keyboard.press(key)
    visitor.expect_symbols("SPY", "QQQ")
    visitor.expect_selected("SPY")
    expect_choices(visitor)


@pytest.mark.parametrize("way", ["row", "remove", "timeframe", "pair", "blur"])
def test_no_click_of_any_kind_changes_what_it_does_not_name(visitor: Visitor, way: str) -> None:
    """The one thing is done, and every other choice stays."""
    symbols = ["SPY", "QQQ", "KO"]
    if way == "row":
        visitor.row("KO").click()
        visitor.expect_selected("KO")
    elif way == "remove":
        visitor.row("SPY").hover()
        visitor.page.get_by_label("Remove SPY").click()
        symbols.remove("SPY")
    elif way == "timeframe":
        visitor.page.locator(".chart-frames").get_by_text("15m", exact=True).click()
    elif way == "pair":
        visitor.page.get_by_role("button", name="Appearance").click()
        visitor.page.get_by_role("radio", name="Blue, orange", exact=True).click()
        visitor.page.keyboard.press("Escape")
    else:
        visitor.field.focus()
        visitor.field.blur()
    visitor.expect_symbols(*symbols)
    expect_choices(visitor, **({"timeframe": "15m"} if way == "timeframe" else {}))
    if way != "row":
        visitor.expect_selected("QQQ")
    visitor.page.reload()
    visitor.expect_symbols(*symbols)
    assert stored(visitor.page) == symbols


def test_a_forgotten_tab_follows_another_one(visitor: Visitor, hand: Hand) -> None:
    """Its list comes whole, its own choices stay."""
    other = visitor.tab()
    expect(other.locator('tr[data-quote="KO"]')).to_be_visible()
    hand.do("forget")
    other.get_by_label("Add a symbol", exact=True).fill("IBM")
    other.get_by_label("Add a symbol", exact=True).press("Enter")
    visitor.expect_symbols("SPY", "QQQ", "KO", "IBM")
    visitor.expect_selected("QQQ")
    expect_choices(visitor)


def test_tabs_that_add_at_once_lose_nothing(visitor: Visitor) -> None:
    """Three of them, at the same moment."""
    pages = [visitor.page, visitor.tab(), visitor.tab()]
    for page, symbol in zip(pages, ("IBM", "ORCL", "BAC"), strict=True):
        expect(page.locator('tr[data-quote="KO"]')).to_be_visible()
        page.get_by_label("Add a symbol", exact=True).fill(symbol)
    at = visitor.page.evaluate("Date.now() + 300")
    for page in pages:
        page.evaluate(f"at => {{ ({CLICKED_AT})(at); }}", at)
    for page in pages:
        for symbol in ("SPY", "QQQ", "KO", "IBM", "ORCL", "BAC"):
            expect(page.locator(f'tr[data-quote="{symbol}"]')).to_have_count(1)
    assert sorted(stored(visitor.page)) == sorted(["SPY", "QQQ", "KO", "IBM", "ORCL", "BAC"])


def test_an_entry_that_cannot_be_used_costs_no_other(visitor: Visitor) -> None:
    """Nor is it thrown away by the next change."""
    entries = ["KO", "<b>", 7, "spy"]
    text = json.dumps({"v": 1, "symbols": entries})
    visitor.page.evaluate("(text) => localStorage.setItem('photon.watchlist', text)", text)
    visitor.page.reload()
    visitor.expect_symbols("KO", "SPY")
    visitor.add("IBM")
    visitor.expect_symbols("KO", "SPY", "IBM")
    visitor.page.wait_for_function("localStorage.getItem('photon.watchlist').includes('IBM')")
    assert stored(visitor.page) == [*entries, "IBM"]


def test_everything_but_adding_works_while_the_server_is_away(visit: Visit) -> None:
    """Selecting, sorting, removing and putting back, timeframe, colours."""
    with hand_fed() as process:
        process.do(
            "day", {symbol: 100.0 + place for place, symbol in enumerate(DEFAULT_SYMBOLS)}, 99.0
        )
        visitor = visit(process.http)
        visitor.expect_live(*DEFAULT_SYMBOLS)
        process.kill()
    expect(visitor.badge).to_have_text("RECONNECTING")
    visitor.row(DEFAULT_SYMBOLS[3]).click()
    visitor.expect_selected(DEFAULT_SYMBOLS[3])
    visitor.page.get_by_role("button", name="Last", exact=True).click()
    visitor.expect_symbols(*reversed(DEFAULT_SYMBOLS))
    visitor.page.keyboard.press("Delete")
    expect(visitor.row(DEFAULT_SYMBOLS[3])).to_have_count(0)
    visitor.page.keyboard.press("Control+z")
    visitor.expect_selected(DEFAULT_SYMBOLS[3])
    visitor.page.keyboard.press("3")
    expect(visitor.page.get_by_role("button", name="5m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    visitor.page.get_by_role("button", name="Appearance").click()
    visitor.page.get_by_role("radio", name="Light", exact=True).click()
    expect(visitor.page.locator("html")).to_have_class("light")
    visitor.forgive(r"WebSocket|ERR_CONNECTION|Failed to load|polling|xhr")
