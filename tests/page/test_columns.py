"""Columns that are shown by choice, and what the list exports."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.test_list_menu import table
from tests.page.visitor import Visitor

ASKED_TWICE = """() => {
  const loaded = performance.getEntriesByType("resource");
  return loaded.filter(({ name }) => name.includes("sparklines")).length > 1;
}"""
"""The lines of symbols that have just been traded first are asked for once more."""


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """Two symbols with a few trades each."""
    with hand_fed(PHOTON_SYMBOLS="MSFT,AAPL") as process:
        for price, volume in ((100.0, 100), (101.0, 300)):
            process.do("trade", "AAPL", price, volume)
        process.do("trade", "MSFT", 50.0, 100)
        yield process


@pytest.fixture
def visitor(visit: Visit, hand: Hand) -> Visitor:
    """Somebody who looks at both."""
    opened = visit(hand.http)
    opened.expect_live("AAPL", "MSFT")
    return opened


def choose(page: Page, column: str) -> None:
    """Show a column, or no longer."""
    page.get_by_role("button", name="List menu").click()
    page.get_by_role("checkbox", name=column).click()
    page.keyboard.press("Escape")


def test_the_average_price_is_shown_by_choice_and_follows_each_trade(
    visitor: Visitor, hand: Hand
) -> None:
    """By volume; the column sorts as the others do, and the export has it without a locale."""
    column = visitor.page.locator(".c-vwap")
    expect(column.first).to_be_hidden()
    choose(visitor.page, "VWAP")
    figure = visitor.row("AAPL").locator(".c-vwap")
    expect(figure).to_have_text("100.75")
    expect(visitor.row("MSFT").locator(".c-vwap")).to_have_text("50.00")
    width = visitor.page.locator("#list").evaluate("(list) => list.scrollWidth - list.clientWidth")
    assert width == 0, "the list is wider by the column"
    hand.do("trade", "AAPL", 102.0, 400)
    expect(figure).to_have_text("101.38")
    title = visitor.page.get_by_role("button", name="VWAP")
    for order in (("AAPL", "MSFT"), ("MSFT", "AAPL"), ("MSFT", "AAPL")):
        title.click()
        visitor.expect_symbols(*order)
    assert table(visitor)["AAPL"]["vwap"] == "101.38"
    visitor.page.keyboard.press("Escape")
    title.click()
    visitor.expect_symbols("AAPL", "MSFT")
    choose(visitor.page, "VWAP")
    expect(column.first).to_be_hidden()
    visitor.expect_symbols("MSFT", "AAPL")  # in no order that is not seen


def test_the_average_price_is_that_of_now_where_its_column_is_not_shown(
    visitor: Visitor, hand: Hand
) -> None:
    """What is exported follows each trade, as the lines of the rows do."""
    visitor.page.wait_for_function(ASKED_TWICE)  # and then not for half a minute
    hand.do("trade", "MSFT", 54.0, 300)
    expect(visitor.price("MSFT")).to_have_text("54.00")
    assert table(visitor)["MSFT"]["vwap"] == "53"


def test_the_sort_key_goes_through_the_columns_that_are_shown(visitor: Visitor) -> None:
    """Each one way and the other, then the next; those that are not chosen are left out."""
    orders = []
    for _ in range(12):
        visitor.page.keyboard.press("s")
        orders.append(visitor.page.locator("th[aria-sort]").get_attribute("class"))
    shown = ["symbol", "last", "change", "spark", "age"]
    assert orders == [f"c-{name}" for name in [*shown, "symbol"] for _ in "ud"]
