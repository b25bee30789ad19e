"""Popovers and dialogs: opened, closed and left as everywhere in a browser, by pointer and keys."""

import pytest
from playwright.sync_api import Locator, expect

from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

POPOVERS = ("Appearance", "About the feed")
WITHOUT_COMMANDS = """
delete HTMLButtonElement.prototype.commandForElement;
document.addEventListener("command", (event) => event.preventDefault(), true);
"""
NOWHERE = "document.activeElement === document.body"
NAMES = """(boxes) => boxes.map((box) => box.getAttribute("aria-label"))"""


def opener(visitor: Visitor, name: str) -> Locator:
    """The button of a popover or dialog."""
    return visitor.page.get_by_role("button", name=name, exact=True)


def opened(visitor: Visitor, name: str) -> Locator:
    """What it opens."""
    return visitor.page.get_by_role("dialog", name=name, exact=True)


@pytest.mark.parametrize("name", POPOVERS)
def test_a_popover_opens_and_closes_by_its_button(visitor: Visitor, name: str) -> None:
    expect(opened(visitor, name)).to_be_hidden()
    opener(visitor, name).click()
    expect(opened(visitor, name)).to_be_visible()
    expect(opened(visitor, name)).to_be_in_viewport(ratio=1)
    opener(visitor, name).click()
    expect(opened(visitor, name)).to_be_hidden()


@pytest.mark.parametrize("name", [*POPOVERS, "Help"])
def test_escape_closes_and_gives_the_focus_back(visitor: Visitor, name: str) -> None:
    """Opened from the keyboard; the page's own keys rest meanwhile."""
    visitor.expect_live("AAPL")
    opener(visitor, name).focus()
    visitor.page.keyboard.press("Enter")
    expect(opened(visitor, name)).to_be_visible()
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Delete")
    visitor.page.keyboard.press("Escape")
    expect(opened(visitor, name)).to_be_hidden()
    expect(opener(visitor, name)).to_be_focused()
    visitor.expect_selected("AAPL")


@pytest.mark.parametrize("name", [*POPOVERS, "Help"])
def test_a_click_elsewhere_closes(visitor: Visitor, name: str) -> None:
    opener(visitor, name).click()
    expect(opened(visitor, name)).to_be_visible()
    visitor.page.mouse.click(700, 840)
    expect(opened(visitor, name)).to_be_hidden()


def test_one_popover_at_a_time(visitor: Visitor) -> None:
    first, second = POPOVERS
    opener(visitor, first).click()
    opener(visitor, second).click()
    expect(opened(visitor, first)).to_be_hidden()
    expect(opened(visitor, second)).to_be_visible()


def test_the_feeds_panel_asks_only_while_it_is_open(visitor: Visitor) -> None:
    """Its health, each second."""

    def asked() -> int:
        return sum(url.endswith("/health") for url in visitor.requests)

    visitor.expect_live("AAPL")
    assert asked() == 0
    opener(visitor, "About the feed").click()
    panel = opened(visitor, "About the feed")
    expect(panel.get_by_text("Failures since the start")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(panel.get_by_text("Failures since the start")).to_have_count(0)
    before = asked()
    assert before > 0
    visitor.page.wait_for_timeout(1500)
    assert asked() == before


def test_help_is_a_dialog_that_keeps_the_focus(visitor: Visitor) -> None:
    """The key opens it; Tab stays inside; its button closes it."""
    visitor.expect_live("AAPL")
    visitor.page.keyboard.press("?")
    box = opened(visitor, "Help")
    expect(box).to_be_visible()
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        inside = "document.activeElement.closest('dialog, body').tagName"
        assert visitor.page.evaluate(inside) == "DIALOG" or visitor.page.evaluate(NOWHERE)
    box.get_by_role("button", name="Close").click()
    expect(box).to_be_hidden()


def test_a_browser_without_commands_opens_the_dialog_too(visit: Visit, server: Process) -> None:
    """By a few lines in the page's head."""
    visitor = visit(server.http, init_script=WITHOUT_COMMANDS)
    visitor.expect_live("AAPL")
    opener(visitor, "Help").click()
    expect(opened(visitor, "Help")).to_be_visible()
    opened(visitor, "Help").get_by_role("button", name="Close").click()
    expect(opened(visitor, "Help")).to_be_hidden()


def test_every_popover_and_dialog_has_a_name(visitor: Visitor) -> None:
    """And no button says another thing than it shows."""
    boxes = visitor.page.locator("[popover], dialog")
    assert all(boxes.evaluate_all(NAMES))
    shown = visitor.page.locator(".header button[aria-label]").evaluate_all(
        "(all) => all.map((one) => [one.innerText.trim(), one.getAttribute('aria-label')])"
    )
    assert [pair for pair in shown if pair[0] not in pair[1]] == []


def test_on_a_phone_they_fit(visit: Visit, server: Process) -> None:
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live("AAPL")
    for name in (*POPOVERS, "Help"):
        opener(visitor, name).tap()
        expect(opened(visitor, name)).to_be_in_viewport(ratio=1)
        visitor.page.keyboard.press("Escape")
        expect(opened(visitor, name)).to_be_hidden()
