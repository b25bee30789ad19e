"""A server that goes and comes back: the page says so, and is itself again without a reload."""

import re

from playwright.sync_api import expect

from tests.fakes.dates import OPEN_MS
from tests.fakes.process import photon
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

BROWSERS_OWN = "Failed to load resource|WebSocket connection to .* failed"
"""What Chromium itself writes about a server that is not there."""


def expect_down(visitor: Visitor) -> None:
    """The badge says it in 3 s, and every price that it may be old; the chart stays."""
    expect(visitor.badge).to_have_text("RECONNECTING", timeout=3000)
    for row in visitor.rows.all():
        expect(row).to_have_attribute("data-state", "stale")
        expect(row.locator(".tag")).to_have_text("STALE")
        expect(row.locator(".tag")).to_be_hidden()  # the header says it for all of them
    clock, field = (
        visitor.page.locator(place).bounding_box() for place in (".session-clock", ".finder")
    )
    assert clock
    assert field
    assert clock["x"] + clock["width"] <= field["x"]
    expect_chart(visitor)


def expect_back(visitor: Visitor) -> None:
    """Within 5 s, by itself: prices that move."""
    expect(visitor.badge).to_have_text("SIMULATED", timeout=5000)
    visitor.expect_live(*visitor.symbols())
    visitor.expect_moving("AAPL")
    expect_chart(visitor)
    volume = visitor.page.locator(".legend-volume b")
    expect(volume).not_to_have_text(volume.inner_text())


def expect_chart(visitor: Visitor) -> None:
    """There is a picture of the selected symbol, also while the connection is lost."""
    chart = visitor.page.locator(".chart")
    expect(chart).to_have_attribute("data-shown", re.compile(" 1m candles$"))
    expect(chart).to_have_attribute("data-bars", re.compile("^[1-9]"))


def test_a_page_survives_its_server(visit: Visit) -> None:
    """Killed or stopped; the list is kept, and what was added meanwhile joins it."""
    with photon(None, OPEN_MS) as first, visit(first.http) as visitor:
        visitor.expect_live("AAPL")
        visitor.add("IBM")
        visitor.expect_live("IBM")
        symbols = visitor.symbols()
        visitor.page.evaluate("window.never_reloaded = true")
        expect_chart(visitor)
        first.kill()
        expect_down(visitor)
        visitor.add("BAC")
        with photon(None, OPEN_MS, PORT=first.port) as second:
            expect_back(visitor)
            visitor.expect_live("BAC")
            second.stop()
            expect_down(visitor)
        with photon(None, OPEN_MS, PORT=first.port):
            expect_back(visitor)
            visitor.add("ORCL")
            visitor.expect_live("ORCL")
            assert visitor.page.evaluate("window.never_reloaded")
            visitor.page.reload()
            visitor.expect_live("AAPL")
            visitor.expect_symbols(*symbols, "BAC", "ORCL")
            visitor.close()
        visitor.forgive(BROWSERS_OWN)
