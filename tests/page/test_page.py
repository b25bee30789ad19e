"""The page as a whole: its socket, its address, its place on the screen."""

from urllib.parse import urlsplit

from playwright.sync_api import expect

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


def test_a_phone_needs_no_sideways_scrolling(visit: Visit, server: Process) -> None:
    """At 360 px everything is in reach, also with the longest of symbols."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.field.tap()
    visitor.field.fill(LONGEST)
    visitor.page.get_by_role("option", name="as typed").tap()
    visitor.expect_live(LONGEST)
    visitor.expect_selected(LONGEST)
    visitor.expect_in_width(PHONE["width"])
    assert visitor.page.evaluate("visualViewport.width") == PHONE["width"]
    controls = (visitor.badge, visitor.field, visitor.page.get_by_label("Appearance"))
    for box in [control.bounding_box() for control in controls]:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    visitor.page.get_by_label("Remove this symbol").tap()
    expect(visitor.rows).to_have_count(len(DEFAULT_SYMBOLS))
