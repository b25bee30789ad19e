"""The list and a symbol under a finger."""

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Locator, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

FIRST, SECOND, THIRD = DEFAULT_SYMBOLS[:3]


@pytest.fixture
def phone(visit: Visit, server: Process) -> Visitor:
    """Somebody with a telephone."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live(FIRST)
    return visitor


@contextlib.contextmanager
def finger(visitor: Visitor, on: Locator) -> Iterator[tuple[CDPSession, float, float]]:
    """A finger on the middle of something, lifted at the end."""
    box = on.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    session = visitor.context.new_cdp_session(visitor.page)
    touch(session, "touchStart", x, y)
    yield session, x, y
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def touch(session: CDPSession, kind: str, x: float, y: float) -> None:
    """One event of the finger, as the browser gets it from the screen."""
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})


def swipe(visitor: Visitor, on: Locator, dx: float, dy: float = 0) -> None:
    """Put a finger on something, move it and lift it."""
    with finger(visitor, on) as (session, x, y):
        for step in range(1, 9):
            touch(session, "touchMove", x + dx * step / 8, y + dy * step / 8)


def test_the_pill_shows_percent_difference_and_volume_in_turn(phone: Visitor) -> None:
    """Of all rows, under the price or on it, whichever is touched; the list stays."""
    view = phone.page.locator(".photon")
    for pill, cell in (("change", ".c-change"), ("volume", ".c-change"), ("percent", ".c-volume")):
        phone.row(SECOND).locator(cell).tap(position={"x": 50, "y": 44})
        expect(view).to_have_attribute("data-pill", pill)
    phone.row(SECOND).locator(".c-last").tap()
    expect(view).to_have_attribute("data-pill", "change")
    expect(view).to_have_attribute("data-view", "list")


def test_a_short_way_aside_and_the_way_of_scrolling_remove_nothing(phone: Visitor) -> None:
    """Nor do they open the symbol."""
    swipe(phone, phone.row(SECOND), -60)
    swipe(phone, phone.row(SECOND), -150, 400)
    phone.row(THIRD).locator(".change").tap()
    expect(phone.page.locator(".photon")).to_have_attribute("data-pill", "change")
    phone.expect_symbols(*DEFAULT_SYMBOLS)
    expect(phone.page.locator(".photon")).to_have_attribute("data-view", "list")


def test_a_row_that_is_swiped_aside_is_removed_and_can_be_put_back(phone: Visitor) -> None:
    """The list stays."""
    swipe(phone, phone.row(SECOND), -180)
    phone.expect_symbols(FIRST, *DEFAULT_SYMBOLS[2:])
    phone.page.get_by_role("button", name="Undo").click()
    phone.expect_symbols(*DEFAULT_SYMBOLS)
    expect(phone.page.locator(".photon")).to_have_attribute("data-view", "list")


def test_a_row_that_is_held_can_be_moved(phone: Visitor) -> None:
    """To another place, where it stays."""
    row = phone.row(FIRST)
    box = row.bounding_box()
    assert box is not None
    with finger(phone, row) as (session, x, y):
        expect(row).to_have_attribute("data-dragged", "")
        for step in range(1, 9):
            touch(session, "touchMove", x, y + 2 * box["height"] * step / 8)
    phone.expect_symbols(SECOND, THIRD, FIRST, *DEFAULT_SYMBOLS[3:])
    phone.page.reload()
    phone.expect_symbols(SECOND, THIRD, FIRST, *DEFAULT_SYMBOLS[3:])


def test_a_swipe_over_a_symbol_leads_to_its_neighbours(phone: Visitor) -> None:
    """As the dock names them."""
    phone.open(SECOND)
    head = phone.page.locator(".detail-head")
    dock = phone.page.get_by_label("Neighbours in the list")
    expect(dock).to_contain_text(f"\u2039 {FIRST}")
    expect(dock).to_contain_text(f"{THIRD} \u203a")
    swipe(phone, head, -150)
    expect(phone.page.locator(".detail-symbol")).to_have_text(THIRD)
    swipe(phone, head, 150)
    expect(phone.page.locator(".detail-symbol")).to_have_text(SECOND)


def test_a_telephone_on_its_side_shows_the_chart_alone(phone: Visitor) -> None:
    """From edge to edge, with its price and nothing to scroll."""
    phone.open(SECOND)
    phone.page.set_viewport_size({"width": PHONE["height"], "height": PHONE["width"]})
    for hidden in (".header", ".rail", ".dock"):
        expect(phone.page.locator(hidden)).to_be_hidden()
    expect(phone.page.locator(".detail-head")).to_be_visible()
    expect(phone.page.locator("html")).to_have_js_property("scrollHeight", PHONE["width"])
    chart = phone.page.locator(".chart-box").bounding_box()
    assert chart is not None
    assert chart["width"] >= PHONE["height"] - 2
    assert chart["height"] >= PHONE["width"] / 2
