"""What hands and keys do with the list on a desk: sort, move, widen, ask."""

import re

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.page.visitor import Visitor

FIRST, SECOND, THIRD = DEFAULT_SYMBOLS[:3]


def spoken(visitor: Visitor) -> Locator:
    """What a reader of the screen hears."""
    return visitor.page.locator("#spoken")


def size(element: Locator) -> FloatRect:
    """Where something stands, and how large it is."""
    box = element.bounding_box()
    assert box is not None
    return box


def drag(visitor: Visitor, handle: Locator, dx: float, dy: float) -> None:
    """Press on the middle of something, move, and let go."""
    box = size(handle)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = visitor.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + dx / 2, y + dy / 2)
    mouse.move(x + dx, y + dy)
    mouse.up()


def test_a_title_sorts_one_way_the_other_and_not_at_all(visitor: Visitor) -> None:
    """It says which, to readers of the screen too."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    title = visitor.page.get_by_role("columnheader", name="Symbol")
    orders = [
        ("ascending", sorted(DEFAULT_SYMBOLS)),
        ("descending", sorted(DEFAULT_SYMBOLS, reverse=True)),
        (None, list(DEFAULT_SYMBOLS)),
    ]
    for way, symbols in orders:
        title.get_by_role("button").click()
        visitor.expect_symbols(*symbols)
        if way is None:
            expect(title).not_to_have_attribute("aria-sort", re.compile("."))
            expect(spoken(visitor)).to_have_text("In the list's own order")
        else:
            expect(title).to_have_attribute("aria-sort", way)
            expect(spoken(visitor)).to_have_text(f"Sorted by symbol, {way}")


def test_a_row_is_moved_by_its_grip_and_by_keys(visitor: Visitor) -> None:
    """And stays there; not while the list is sorted."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    row = visitor.row(FIRST)
    row.click()
    height = size(row)["height"]
    drag(visitor, row.locator(".grip"), 0, 2 * height)
    moved = [SECOND, THIRD, FIRST, *DEFAULT_SYMBOLS[3:]]
    visitor.expect_symbols(*moved)
    visitor.expect_selected(FIRST)
    visitor.page.keyboard.press("Alt+ArrowUp")
    visitor.expect_symbols(SECOND, FIRST, THIRD, *DEFAULT_SYMBOLS[3:])
    visitor.page.keyboard.press("Alt+ArrowDown")
    visitor.expect_symbols(*moved)
    visitor.page.reload()
    visitor.expect_symbols(*moved)
    visitor.page.get_by_role("columnheader", name="Symbol").get_by_role("button").click()
    visitor.page.keyboard.press("Alt+ArrowDown")
    visitor.expect_symbols(*sorted(DEFAULT_SYMBOLS))
    for _ in range(2):
        visitor.page.get_by_role("columnheader", name="Symbol").get_by_role("button").click()
    visitor.expect_symbols(*moved)


def test_the_edge_of_the_list_is_drawn_and_stays(visitor: Visitor) -> None:
    """Within its bounds; a double click gives it back."""
    visitor.expect_live(FIRST)
    panel, edge = visitor.page.locator(".list-panel"), visitor.page.locator(".edge")
    before = size(panel)["width"]
    drag(visitor, edge, 40, 0)
    expect(panel).to_have_css("width", f"{before + 40:g}px")
    visitor.page.reload()
    expect(panel).to_have_css("width", f"{before + 40:g}px")
    drag(visitor, edge, 900, 0)
    expect(panel).to_have_css("width", "560px")
    drag(visitor, edge, -900, 0)
    expect(panel).to_have_css("width", "380px")
    edge.dblclick()
    expect(panel).to_have_css("width", f"{before:g}px")


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        ("End", DEFAULT_SYMBOLS[-1]),
        ("End Home", FIRST),
        ("PageDown", DEFAULT_SYMBOLS[-1]),
        ("PageDown PageUp", FIRST),
        ("j j k", SECOND),
    ],
)
def test_keys_lead_through_the_list(visitor: Visitor, keys: str, selected: str) -> None:
    """And a reader of the screen hears where."""
    visitor.expect_live(FIRST)
    for key in keys.split():
        visitor.page.keyboard.press(key)
    visitor.expect_selected(selected)
    expect(spoken(visitor)).to_contain_text(selected)


def test_p_speaks_the_price_and_no_tick_does(visitor: Visitor) -> None:
    """The selected symbol's, once, until it is asked for again."""
    visitor.expect_live(FIRST)
    expect(spoken(visitor)).not_to_have_text(re.compile(r"\d"))
    visitor.page.keyboard.press("p")
    expect(spoken(visitor)).to_have_text(re.compile(rf"^{FIRST} [\d,.]+, [+−-]?[\d.]+\s%$"))
    words = spoken(visitor).inner_text()
    visitor.expect_moving(FIRST)
    expect(spoken(visitor)).to_have_text(words)


def test_s_sorts_by_one_column_after_another(visitor: Visitor) -> None:
    """Each way, beginning with the symbol."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.page.keyboard.press("s")
    visitor.expect_symbols(*sorted(DEFAULT_SYMBOLS))
    visitor.page.keyboard.press("s")
    visitor.expect_symbols(*sorted(DEFAULT_SYMBOLS, reverse=True))
    visitor.page.keyboard.press("s")
    expect(spoken(visitor)).to_have_text("Sorted by last, descending")


def test_a_filter_finds_by_symbol_and_by_name(visitor: Visitor) -> None:
    """The count says of how many; without it all are back."""
    visitor.expect_live(FIRST)
    visitor.page.get_by_label("List menu").click()
    field = visitor.page.get_by_label("Filter")
    field.fill("microsoft")
    visitor.expect_symbols("MSFT")
    expect(visitor.page.locator(".count")).to_contain_text(f"1 of {len(DEFAULT_SYMBOLS)}")
    field.fill("")
    visitor.expect_symbols(*DEFAULT_SYMBOLS)
