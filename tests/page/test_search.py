"""Suggestions while one types: a help that can be ignored, and by keys, pointer or touch."""

import pytest
from playwright.sync_api import Locator, Route, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

DEFAULTS = list(DEFAULT_SYMBOLS)


def options(visitor: Visitor) -> Locator:
    """What is suggested."""
    return visitor.page.get_by_role("option")


def typed(visitor: Visitor, text: str) -> None:
    """Type as people do, from the keyboard."""
    visitor.expect_live("AAPL")
    visitor.page.keyboard.press("/")
    expect(visitor.field).to_be_focused()
    visitor.page.keyboard.type(text, delay=10)


def expect_open(visitor: Visitor, symbol: str) -> None:
    """Wait until a symbol is suggested."""
    expect(options(visitor).filter(has_text=symbol).first).to_be_visible()
    expect(visitor.field).to_have_attribute("aria-expanded", "true")


def expect_shut(visitor: Visitor) -> None:
    """Wait until nothing is."""
    expect(options(visitor)).to_have_count(0)
    expect(visitor.field).to_have_attribute("aria-expanded", "false")


def test_a_company_is_found_by_its_name(visitor: Visitor) -> None:
    """And added by the arrow and Enter; the field is free for the next."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    expect(options(visitor).first).to_contain_text("Oracle")
    expect(visitor.field).not_to_have_attribute("aria-activedescendant", "suggestions-0")
    visitor.page.keyboard.press("ArrowDown")
    expect(options(visitor).first).to_have_attribute("aria-selected", "true")
    expect(visitor.field).to_have_attribute("aria-activedescendant", "suggestions-0")
    visitor.page.keyboard.press("Enter")
    visitor.expect_live("ORCL")
    visitor.expect_selected("ORCL")
    expect(visitor.field).to_have_value("")
    expect_shut(visitor)
    expect(visitor.row("ORCL").locator(".name")).to_have_text("Oracle")


def test_one_question_a_pause_in_typing(visitor: Visitor) -> None:
    """Not one a letter."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    asked = [url for url in visitor.requests if "/api/search" in url]
    assert len(asked) <= 2
    assert asked[-1].endswith("?q=oracl")


def test_a_pointer_chooses_too(visitor: Visitor) -> None:
    """The field keeps the keyboard."""
    typed(visitor, "citi")
    expect_open(visitor, "Citigroup")
    options(visitor).filter(has_text="Citigroup").click()
    visitor.expect_live("C")
    expect(visitor.field).to_be_focused()


def test_a_finger_chooses_too(visit: Visit, server: Process) -> None:
    """On a phone, where the field is at the bottom and the suggestions above it."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live("AAPL")
    visitor.field.tap()
    visitor.page.keyboard.type("citi")
    expect_open(visitor, "Citigroup")
    expect(options(visitor).first).to_be_in_viewport()
    visitor.expect_in_width(PHONE["width"])
    options(visitor).filter(has_text="Citigroup").tap()
    visitor.expect_live("C")
    visitor.expect_selected("C")


def test_enter_adds_what_was_typed(visitor: Visitor) -> None:
    """Whatever is suggested, unless one is chosen."""
    typed(visitor, "T")
    expect_open(visitor, "AT&T")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("ArrowUp")
    visitor.page.keyboard.press("Enter")
    visitor.expect_symbols(*DEFAULTS, "T")
    expect_shut(visitor)


def test_escape_shuts_the_list_and_then_leaves(visitor: Visitor) -> None:
    """In two steps; the arrows are the list's while it is open."""
    typed(visitor, "micro")
    expect_open(visitor, "MSFT")
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected("AAPL")
    visitor.page.keyboard.press("Escape")
    expect_shut(visitor)
    expect(visitor.field).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.field).not_to_be_focused()
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected(DEFAULTS[1])


def test_several_can_be_chosen_between_commas(visitor: Visitor) -> None:
    """Each part is searched for by itself."""
    typed(visitor, "ibm, oracl")
    expect_open(visitor, "ORCL")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    visitor.expect_symbols(*DEFAULTS, "IBM", "ORCL")


def test_what_is_in_the_list_is_marked_so(visitor: Visitor) -> None:
    """And choosing it shows it."""
    typed(visitor, "nvidia")
    expect_open(visitor, "NVDA")
    expect(options(visitor).first).to_contain_text("in the list")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    visitor.expect_selected("NVDA")


@pytest.mark.parametrize("answer", ["broken", "404", "rubbish"])
def test_a_search_that_fails_is_silent(visitor: Visitor, answer: str) -> None:
    """What was typed is added all the same."""

    def respond(route: Route) -> None:
        if answer == "broken":
            route.abort()
        else:
            route.fulfill(status=404 if answer == "404" else 200, body="<!doctype html>")

    visitor.page.route("**/api/search*", respond)
    with visitor.page.expect_request("**/api/search*"):
        typed(visitor, "ibm")
    expect_shut(visitor)
    visitor.page.keyboard.press("Enter")
    visitor.expect_live("IBM")
    visitor.forgive("Failed to load resource")


def test_a_refused_text_goes_when_the_visitor_goes(visitor: Visitor) -> None:
    """So that the next one is not written behind it."""
    typed(visitor, "<b>")
    visitor.page.keyboard.press("Enter")
    expect(visitor.notice).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(visitor.field).to_have_value("")
    expect(visitor.notice).to_be_hidden()
    typed(visitor, "IBM")
    visitor.page.keyboard.press("Enter")
    visitor.expect_symbols(*DEFAULTS, "IBM")


def test_suggestions_are_text(visitor: Visitor) -> None:
    """Whatever a search may bring."""
    name = "<img src=x onerror=alert(1)>"
    results = [{"symbol": "EVIL", "name": name, "type": "Stock"}]
    visitor.page.route("**/api/search*", lambda route: route.fulfill(json={"results": results}))
    typed(visitor, "e")
    expect(options(visitor).first).to_contain_text(name)
    assert visitor.page.locator("img[src='x']").count() == 0
