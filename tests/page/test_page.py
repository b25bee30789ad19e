"""The page as a whole: its socket, its address, its place on the screen."""

import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

LONGEST = "BINANCE:1000SHIBUSDT-PERPETUAL/X"

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({ type: "layout-shift", buffered: true });
"""


def test_one_socket_a_tab_however_many_cells(visitor: Visitor) -> None:
    """Also after adding, selecting and removing."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.add("IBM, BAC, ORCL")
    visitor.expect_live("IBM", "BAC", "ORCL")
    visitor.row("BAC").click()
    visitor.page.keyboard.press("Delete")
    expect(visitor.row("BAC")).to_have_count(0)
    assert len(visitor.sockets_to("/ws")) == 1
    assert len(visitor.sockets_to("/_event")) == 1


def test_one_build_works_on_any_port(visit: Visit, server: Process) -> None:
    """A second process's page talks to that process, with prices and with choices."""
    with photon(None, OPEN_MS) as second, visit(second.http) as visitor:
        assert second.port != server.port
        visitor.add("IBM")
        visitor.expect_live("IBM")
        visitor.expect_moving("IBM")
        assert {urlsplit(url).port for url in visitor.sockets} == {second.port}


def test_the_layout_does_not_shift(visit: Visit, server: Process) -> None:
    """From the first paint on, through the first prices and their moving."""
    visitors = [
        visit(server.http, init_script=WATCH_SHIFTS),
        visit(server.http, init_script=WATCH_SHIFTS, viewport=PHONE),
    ]
    visitors[-1].page.wait_for_timeout(4000)
    for visitor in visitors:
        visitor.expect_live(*DEFAULT_SYMBOLS)
        assert sum(visitor.page.evaluate("window.shifts")) < 0.02
    moving = visitors[0]
    moving.page.evaluate("window.shifts = []")
    for _ in range(3):
        moving.expect_moving("AAPL")
    assert sum(moving.page.evaluate("window.shifts")) < 0.002, "a trade moves nothing"


STOP = """() => {
  const { activeElement: element } = document;
  return element === document.body ? "" : element.outerHTML.slice(0, 90);
}"""
"""What has the focus; empty for the page itself."""


@pytest.mark.parametrize("count", [10, 100])
def test_tab_stops_are_few_whatever_the_list(visitor: Visitor, count: int) -> None:
    """A list, a toolbar, a chart is one each: twelve at most, and each is one of the page's."""
    symbols = [*DEFAULT_SYMBOLS, *(f"T{n}" for n in range(count))][:count]
    stored = json.dumps({"v": 1, "symbols": symbols})
    visitor.page.evaluate("(text) => localStorage.setItem('photon.watchlist', text)", stored)
    visitor.page.reload()
    visitor.expect_live(*symbols)
    expect(visitor.page.locator(".chart")).to_have_attribute("data-shown", re.compile("."))
    stops: list[str] = []
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        stop = visitor.page.evaluate(STOP)
        if not stop or stop in stops:
            break
        stops.append(stop)
    assert 8 <= len(stops) <= 12, stops
    assert len([stop for stop in stops if "data-quote" in stop]) == 1


def expect_within(width: int, *controls: Locator) -> None:
    """Each is seen whole from side to side."""
    for box in [control.bounding_box() for control in controls]:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def swipe_left(row: Locator) -> None:
    """Draw a row aside with a finger."""
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2
    finger = row.page.context.new_cdp_session(row.page)
    for kind, dx in (("touchStart", 0), *(("touchMove", 20 * step) for step in range(1, 9))):
        points = [{"x": x - dx, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_phone_needs_no_sideways_scrolling(visit: Visit, server: Process) -> None:
    """At 360 px everything is in reach, also with the longest of symbols: list and symbol."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.field.tap()
    visitor.field.fill(LONGEST)
    visitor.page.get_by_role("option", name="as typed").tap()
    visitor.expect_live(LONGEST)
    visitor.expect_selected(LONGEST)
    visitor.expect_in_width(PHONE["width"])
    appearance = visitor.page.get_by_role("button", name="Appearance")
    expect_within(PHONE["width"], visitor.badge, visitor.field, appearance, visitor.row(LONGEST))
    visitor.row(LONGEST).tap()
    back = visitor.page.get_by_role("button", name="List", exact=True)
    expect(back).to_be_visible()
    visitor.expect_in_width(PHONE["width"])
    expect_within(PHONE["width"], visitor.badge, visitor.page.locator(".detail-head"), back)
    assert visitor.page.evaluate("visualViewport.width") == PHONE["width"]
    back.tap()
    swipe_left(visitor.row(LONGEST))
    expect(visitor.rows).to_have_count(len(DEFAULT_SYMBOLS))


def test_keys_change_the_theme_and_open_the_help(visitor: Visitor) -> None:
    """Not while somebody types, nor while the help is open."""
    page, root = visitor.page, visitor.page.locator("html")
    visitor.expect_live("AAPL")
    for theme in ("light", "dark"):
        page.keyboard.press("d")
        expect(root).to_have_class(theme)
    visitor.field.press("d")
    expect(visitor.field).to_have_value("d")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Help")).to_be_hidden()
    expect(root).to_have_class("dark")


@pytest.mark.parametrize("path", ["/market", "/developers"])
def test_other_pages_have_the_keys_of_their_header(
    visit: Visit, server: Process, path: str
) -> None:
    """Search, theme and help; those of the rows move and remove nothing that is not seen."""
    visitor = visit(f"{server.http}{path}")
    page, root = visitor.page, visitor.page.locator("html")
    expect(visitor.badge).to_have_text("SIMULATED")
    for theme in ("light", "dark"):
        page.keyboard.press("d")
        expect(root).to_have_class(theme)
    page.keyboard.press("/")
    expect(visitor.field).to_be_focused()
    visitor.field.press("d")
    expect(visitor.field).to_have_value("d")
    expect(root).to_have_class("dark")
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(visitor.field).not_to_be_focused()
    for key in ("ArrowDown", "Delete", "s"):
        page.keyboard.press(key)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(server.http)
    visitor.expect_symbols(*DEFAULT_SYMBOLS)
    visitor.expect_selected(DEFAULT_SYMBOLS[0])
