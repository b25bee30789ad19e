"""What somebody sees who only looks: prices that move, and what the page says of itself."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

GROUNDS_SEEN = """async () => {
  const boxes = document.querySelectorAll(".price"), seen = new Set();
  const until = performance.now() + 1500;
  while (performance.now() < until) {
    for (const box of boxes) seen.add(getComputedStyle(box).backgroundColor);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  return [...seen];
}"""
TRANSPARENT = "rgba(0, 0, 0, 0)"

WIDTHS_OF_DIGITS = """(element) => {
  const probe = element.appendChild(document.createElement("span"));
  const widths = [..."0123456789"].map((digit) => {
    probe.textContent = digit.repeat(20);
    return probe.getBoundingClientRect().width;
  });
  probe.remove();
  return widths;
}"""


def test_the_default_symbols_are_there_and_prices_move(onlooker: Visitor) -> None:
    """In the list and beside it, with the trades."""
    onlooker.expect_live(*DEFAULT_SYMBOLS)
    onlooker.expect_symbols(*DEFAULT_SYMBOLS)
    for symbol in DEFAULT_SYMBOLS[:3]:
        onlooker.expect_moving(symbol)
    big = onlooker.page.locator(".price-big .price-text > span")
    expect(big).not_to_have_text(big.inner_text())
    expect(onlooker.page.locator(".tape tbody tr").nth(1)).to_contain_text(re.compile(r"\d"))


def test_the_badge_says_that_prices_are_invented(onlooker: Visitor) -> None:
    """And the footer names the source."""
    expect(onlooker.badge).to_have_text("SIMULATED")
    expect(onlooker.page.locator(".foot")).to_contain_text("simulator")


def test_the_page_has_its_own_name_and_face(onlooker: Visitor) -> None:
    """Title, description and icon are Photon's; no other maker's badge is on it."""
    page = onlooker.page
    assert re.search(r"(^|· )Photon$", page.title())
    assert page.locator("html").get_attribute("lang") == "en"
    description = page.locator('meta[name="description"]').get_attribute("content") or ""
    assert "stock ticker" in description
    icons = [icon.get_attribute("href") or "" for icon in page.locator('link[rel="icon"]').all()]
    assert icons
    assert all(page.request.get(icon).ok for icon in icons)
    assert "Built with" not in page.inner_text("body")
    assert page.locator('a[href*="reflex.dev"]').count() == 0


def test_digits_are_as_wide_as_each_other(visit: Visit, server: Process) -> None:
    """In the page's own font, so that a column stands still; in every column that can be shown."""
    columns = "localStorage.setItem('photon.columns', 'volume,vwap,age')"
    visitor = visit(server.http, init_script=columns)
    visitor.expect_live("AAPL")
    assert visitor.page.evaluate("document.fonts.check('600 14px \"Inter Variable\"')")
    for figure in (".price-text", ".change-main", ".volume", ".vwap", ".age", ".tape td"):
        widths = visitor.page.locator(figure).first.evaluate(WIDTHS_OF_DIGITS)
        assert min(widths) > 50, figure
        assert max(widths) - min(widths) < 0.5, figure


def test_a_move_tints_the_price_for_a_moment(onlooker: Visitor) -> None:
    """And then it is as before."""
    onlooker.expect_live(*DEFAULT_SYMBOLS)
    grounds = onlooker.page.evaluate(GROUNDS_SEEN)
    assert len(grounds) > 2
    assert TRANSPARENT in grounds


def test_nothing_flashes_for_those_who_want_no_motion(onlooker: Visitor) -> None:
    """Prices move all the same."""
    onlooker.page.emulate_media(reduced_motion="reduce")
    onlooker.expect_live(*DEFAULT_SYMBOLS)
    onlooker.page.wait_for_timeout(500)
    assert onlooker.page.evaluate(GROUNDS_SEEN) == [TRANSPARENT]
    onlooker.expect_moving("AAPL")


def test_nothing_leaves_the_pages_own_origin(onlooker: Visitor, server: Process) -> None:
    """No font, script, picture or socket of anyone else's."""
    onlooker.page.get_by_role("button", name="Help").click()
    expect(onlooker.page.get_by_role("dialog")).to_be_visible()
    onlooker.page.keyboard.press("Escape")
    asked = [*onlooker.requests, *onlooker.sockets]
    assert {urlsplit(url).netloc for url in asked} == {f"127.0.0.1:{server.port}"}
