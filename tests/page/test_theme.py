"""Appearance: dark, light, as the system says; the colours of up and down."""

from playwright.sync_api import expect

from photon_app.ui.theme import DARK, LIGHT, Palette
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

EARLY_GROUNDS = """
window.grounds = new Set();
const look = () => {
  if (document.body) window.grounds.add(getComputedStyle(document.documentElement).backgroundColor);
  requestAnimationFrame(look);
};
look();
"""

COLORS_OF_CHANGES = (
    "(all) => all.map((change) => [change.dataset.direction, getComputedStyle(change).color])"
)


def rgb(color: str) -> str:
    """A colour as browsers write it."""
    return "rgb({}, {}, {})".format(*bytes.fromhex(color[1:]))


def expect_palette(visitor: Visitor, palette: Palette) -> None:
    """Wait until the page stands in this palette."""
    expect(visitor.page.locator("html")).to_have_css("background-color", rgb(palette.bg))
    expect(visitor.page.locator(".header")).to_have_css("background-color", rgb(palette.panel))
    expect(visitor.page.locator(".detail-symbol")).to_have_css("color", rgb(palette.text))


def choose(visitor: Visitor, name: str) -> None:
    """Choose one of the appearances."""
    visitor.page.get_by_role("button", name="Appearance").click()
    visitor.page.get_by_role("radio", name=name, exact=True).click()
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("radiogroup")).to_have_count(0)


def test_it_follows_the_system_at_once(visitor: Visitor) -> None:
    """Dark and light, also when the system changes."""
    visitor.expect_live("AAPL")
    expect_palette(visitor, DARK)
    visitor.page.emulate_media(color_scheme="light")
    expect_palette(visitor, LIGHT)
    visitor.page.emulate_media(color_scheme="dark")
    expect_palette(visitor, DARK)


def test_a_chosen_theme_holds_against_the_system(visit: Visit, server: Process) -> None:
    """And after a reload, from its first paint; one can go back to the system's."""
    visitor = visit(server.http, init_script=EARLY_GROUNDS, color_scheme="dark")
    for name, palette in (("Light", LIGHT), ("Dark", DARK)):
        choose(visitor, name)
        expect_palette(visitor, palette)
        visitor.page.reload()
        visitor.expect_live("AAPL")
        expect_palette(visitor, palette)
        assert visitor.page.evaluate("[...window.grounds]") == [rgb(palette.bg)]
        visitor.page.emulate_media(color_scheme="light")
    choose(visitor, "System")
    expect_palette(visitor, LIGHT)


def test_up_and_down_have_a_second_pair_of_colours(visitor: Visitor) -> None:
    """It is kept by a reload, and holds in every tab; health keeps its green."""
    visitor.expect_live("AAPL")
    other = visitor.tab()
    choose(visitor, "Blue, orange")
    expect(visitor.page.locator("html")).to_have_attribute("data-pair", "blue-orange")
    expect(other.locator("html")).to_have_attribute("data-pair", "blue-orange")
    visitor.page.reload()
    expect(visitor.page.locator("html")).to_have_attribute("data-pair", "blue-orange")
    visitor.expect_live("AAPL")
    shown = dict(visitor.page.locator(".watchlist .change").evaluate_all(COLORS_OF_CHANGES))
    expected = {"up": rgb(DARK.up_alternative), "down": rgb(DARK.down_alternative)}
    assert {way: shown[way] for way in shown if way != "flat"}.items() <= expected.items()
    expect(visitor.page.locator(".foot-connection")).to_have_css("color", rgb(DARK.good))


def expect_frame(visitor: Visitor, palette: Palette) -> None:
    """The browser's own frame has the colour of this palette's header."""
    frame = visitor.page.locator("meta[name=theme-color]")
    expect(frame).to_have_count(1)
    expect(frame).to_have_attribute("content", palette.panel)


def test_the_frame_of_the_browser_has_the_theme_that_is_shown(visitor: Visitor) -> None:
    """The system's, or the chosen one against it, also from a reload's first paint."""
    visitor.expect_live("AAPL")
    expect_frame(visitor, DARK)
    visitor.page.emulate_media(color_scheme="light")
    expect_frame(visitor, LIGHT)
    choose(visitor, "Dark")
    expect_frame(visitor, DARK)
    visitor.page.reload(wait_until="commit")
    expect_frame(visitor, DARK)


def test_a_choice_needs_no_server(visitor: Visitor) -> None:
    """Theme and pair take effect while nothing answers."""
    visitor.expect_live("AAPL")
    visitor.context.set_offline(offline=True)
    choose(visitor, "Light")
    expect_palette(visitor, LIGHT)
    choose(visitor, "Blue, orange")
    expect(visitor.page.locator("html")).to_have_attribute("data-pair", "blue-orange")
    visitor.close()
    visitor.forgive("ERR_INTERNET_DISCONNECTED|WebSocket")
