"""The page in forced colours, with less motion, and on paper."""

import pytest
from playwright.sync_api import Locator, expect

from photon_app.settings import DEFAULT_SYMBOLS
from photon_app.ui.theme import LIGHT
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.test_theme import rgb
from tests.page.visitor import Visitor

SYSTEM = """(name) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.cssText = `forced-color-adjust: none; color: ${name}`;
  const {color} = getComputedStyle(probe);
  probe.remove();
  return color;
}"""
DURATIONS = """(all) => all.map((one) => getComputedStyle(one).transitionDuration)"""


@pytest.fixture
def forced(visit: Visit, server: Process) -> Visitor:
    """Somebody whose system chooses the colours."""
    visitor = visit(server.http, forced_colors="active")
    visitor.expect_live("AAPL")
    return visitor


def expect_border(element: Locator) -> None:
    """It has a visible edge."""
    expect(element).to_have_css("border-top-style", "solid")
    expect(element).not_to_have_css("border-top-width", "0px")


def test_in_forced_colours_the_selected_row_is_outlined(forced: Visitor) -> None:
    highlight = forced.page.evaluate(SYSTEM, "Highlight")
    row = forced.row("AAPL")
    expect(row).to_have_css("outline-style", "solid")
    expect(row).to_have_css("outline-color", highlight)
    expect(forced.row("MSFT")).to_have_css("outline-style", "none")


def test_in_forced_colours_what_is_pressed_is_inverted(forced: Visitor) -> None:
    """Buttons, and the value of a choice."""
    highlight = forced.page.evaluate(SYSTEM, "Highlight")
    pressed = forced.page.locator(".chart-bar [aria-pressed=true]").first
    expect(pressed).to_have_css("background-color", highlight)
    button = forced.page.get_by_role("button", name="Appearance")
    button.click()
    expect(button).to_have_css("background-color", highlight)
    for chosen in forced.page.locator(".segments label:has(:checked)").all():
        expect(chosen).to_have_css("background-color", highlight)


def test_in_forced_colours_badge_and_range_keep_an_edge(forced: Visitor) -> None:
    expect_border(forced.page.locator(".badge"))
    expect_border(forced.row("AAPL").locator(".c-range .range"))
    expect_border(forced.page.get_by_role("button", name="Help"))


def test_less_motion_is_none(visit: Visit, server: Process) -> None:
    visitor = visit(server.http, reduced_motion="reduce")
    visitor.expect_live("AAPL")
    durations = visitor.page.locator(".popover, .dialog, .legend").evaluate_all(DURATIONS)
    assert durations
    assert {part for one in durations for part in one.split(", ")} == {"0s"}


def test_paper_is_light_and_has_nothing_to_press(visitor: Visitor) -> None:
    """Every row, also of a page that is dark."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.page.emulate_media(media="print")
    expect(visitor.page.locator("body")).to_have_css("color", rgb(LIGHT.text))
    expect(visitor.page.locator("html")).to_have_css("background-color", rgb(LIGHT.bg))
    expect(visitor.field).to_be_hidden()
    for name in ("Appearance", "Help", "About the feed"):
        expect(visitor.page.locator(f'button[aria-label="{name}"]')).to_be_hidden()
    for symbol in DEFAULT_SYMBOLS:
        expect(visitor.price(symbol)).to_be_visible()
    expect(visitor.page.locator(".scroll")).to_have_css("overflow", "visible")
    visitor.page.emulate_media(media="screen")
    expect(visitor.field).to_be_visible()
