"""The page's address is what it shows."""

import json

import pytest
from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

FIRST, SECOND, THIRD = DEFAULT_SYMBOLS[:3]
FEW = """let left = 100;
const {replaceState} = History.prototype;
History.prototype.replaceState = function (...given) {
  if (left-- <= 0) throw new DOMException("more than 100 times per 30 seconds", "SecurityError");
  replaceState.apply(this, given);
};"""
"""As browsers have it."""
HELD = """() => {
  for (let press = 0; press < 150; press += 1) {
    const key = press % 2 ? "ArrowUp" : "ArrowDown";
    document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  }
}"""
"""Ends where it began."""


def at(visitor: Visitor, address: str) -> None:
    """Wait until the page is at an address."""
    expect(visitor.page).to_have_url(f"{visitor.url}{address}")


def go(visitor: Visitor, address: str) -> None:
    """Open an address anew."""
    visitor.page.goto(f"{visitor.url}{address}")


def test_a_selection_is_an_address_and_back_leads_to_the_one_before(visitor: Visitor) -> None:
    """Forward too; the chart and its connection stay as they are."""
    visitor.expect_live(FIRST)
    at(visitor, "/")
    sockets = len(visitor.sockets_to("/ws"))
    visitor.row(SECOND).click()
    at(visitor, f"/s/{SECOND}")
    visitor.row(THIRD).click()
    at(visitor, f"/s/{THIRD}")
    visitor.page.go_back()
    visitor.expect_selected(SECOND)
    visitor.page.go_forward()
    visitor.expect_selected(THIRD)
    visitor.page.go_back()
    visitor.page.go_back()
    at(visitor, "/")
    assert len(visitor.sockets_to("/ws")) == sockets


def test_a_link_shows_symbol_interval_and_list(visitor: Visitor) -> None:
    """A reload shows the same."""
    go(visitor, f"/s/{SECOND}?tf=5m")
    for _ in range(2):
        visitor.expect_selected(SECOND)
        pressed = visitor.page.locator('.chart-frames [aria-pressed="true"]')
        expect(pressed).to_have_text("5m")
        at(visitor, f"/s/{SECOND}?tf=5m")
        visitor.page.reload()


def test_a_shared_list_stands_beside_ones_own_and_changes_it_not(visitor: Visitor) -> None:
    """Its symbols, the chosen one, and nothing in the storage."""
    go(visitor, "/?s=KO,IBM&sel=IBM")
    visitor.expect_symbols("KO", "IBM")
    visitor.expect_selected("IBM")
    at(visitor, "/?s=KO,IBM&sel=IBM")
    assert visitor.page.evaluate("localStorage.getItem('photon.watchlist')") is None
    visitor.page.get_by_role("tab", name="Watchlist").click()
    visitor.expect_symbols(*DEFAULT_SYMBOLS)


def test_a_link_to_a_symbol_that_is_in_no_list_shows_it_all_the_same(visitor: Visitor) -> None:
    """Without adding it."""
    go(visitor, "/s/KO")
    visitor.expect_selected("KO")
    visitor.page.get_by_role("tab", name="Watchlist").click()
    visitor.expect_symbols(*DEFAULT_SYMBOLS)


@pytest.mark.parametrize("address", ["/?s=%3Cb%3E&sel=é", "/?tf=7m&list=none", "/?s=,,,&sel=AAPL"])
def test_an_address_that_names_nothing_shows_ones_own_list(visitor: Visitor, address: str) -> None:
    go(visitor, address)
    visitor.expect_symbols(*DEFAULT_SYMBOLS)
    visitor.expect_selected(FIRST)


def test_a_list_of_ones_own_is_in_the_address(visitor: Visitor) -> None:
    """So a reload comes back to it."""
    lists = {"v": 1, "lists": [{"id": "energy", "name": "Energy", "symbols": ["XOM", "CVX"]}]}
    visitor.page.evaluate("(text) => localStorage.setItem('photon.lists', text)", json.dumps(lists))
    go(visitor, "/s/CVX?list=energy")
    visitor.expect_symbols("XOM", "CVX")
    visitor.expect_selected("CVX")
    visitor.row("XOM").click()
    at(visitor, "/s/XOM?list=energy")


def test_on_a_telephone_back_leads_from_a_symbol_to_the_list(visit: Visit, server: Process) -> None:
    """To the same place of it."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live(FIRST)
    last = DEFAULT_SYMBOLS[-1]
    visitor.row(last).scroll_into_view_if_needed()
    place = visitor.page.evaluate("scrollY")
    visitor.row(last).tap()
    at(visitor, f"/s/{last}")
    expect(visitor.page.locator(".stage")).to_be_visible()
    expect(visitor.row(last)).to_be_hidden()
    visitor.page.go_back()
    at(visitor, "/")
    expect(visitor.row(last)).to_be_visible()
    visitor.page.wait_for_function("(place) => Math.abs(scrollY - place) < 2", arg=place)
    expect(visitor.page.locator(".stage")).to_be_hidden()


def test_a_key_that_is_held_does_not_use_up_the_addresses(visit: Visit, server: Process) -> None:
    """A browser refuses so many: the selection moves on, and the address follows it."""
    visitor = visit(server.http, init_script=FEW)
    visitor.expect_live(FIRST)
    visitor.row(SECOND).click()
    visitor.page.evaluate(HELD)
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected(THIRD)
    at(visitor, f"/s/{THIRD}")
