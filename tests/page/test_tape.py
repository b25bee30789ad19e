"""Time and sales of the selected symbol, as somebody sees them who has just come."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import PHONE, Visitor

TRADES = 230


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """A feed that traded one symbol before anybody came: two of its prints are no simple ones."""
    with hand_fed() as running:
        for n in range(TRADES):
            running.do("printed", "AAPL", 100 + n % 2, TRADES - n)
        running.do("printed", "AAPL", 99.0, 10_000_000, "1")
        running.do("printed", "AAPL", 150.0, 0, "1")
        yield running


def rows(visitor: Visitor) -> Locator:
    """Those that have a trade."""
    return visitor.page.locator(".tape tbody tr").filter(has_text=re.compile(r"\d"))


def test_the_tape_is_full_at_the_first_look(visit: Visit, hand: Hand) -> None:
    """With the newest 200, of which one was held; nothing has to happen first."""
    visitor = visit(hand.http)
    expect(rows(visitor)).to_have_count(200)
    first = rows(visitor).first
    expect(first).to_contain_text("150.00")
    expect(first).to_contain_text("held")
    expect(first).to_have_attribute("data-quiet", "not")
    expect(first.locator("td").nth(1)).to_have_css("text-decoration-line", "line-through")
    expect(rows(visitor).nth(1)).to_contain_text("101.00")
    expect(visitor.page.locator(".tape tr[data-quiet]")).to_have_count(1)


def test_a_trade_comes_on_top_of_those_that_were(visit: Visit, hand: Hand) -> None:
    """None is there twice, none is missing, and the rest moves down."""
    visitor = visit(hand.http)
    expect(rows(visitor)).to_have_count(200)
    before = rows(visitor).locator("td:nth-child(2)").all_inner_texts()
    hand.do("printed", "AAPL", 102.0)
    hand.do("printed", "AAPL", 103.0)
    expect(rows(visitor).first).to_contain_text("103.00")
    oldest = rows(visitor).last.locator("td").nth(1)  # those further down are written later
    expect(oldest).to_have_text(before[197])
    after = rows(visitor).locator("td:nth-child(2)").all_inner_texts()
    assert [text.split()[-1] for text in after[:2]] == ["103.00", "102.00"]
    assert after[2:] == before[:198]


def test_a_late_trade_is_marked_quietly(visit: Visit, hand: Hand) -> None:
    """It has no direction, is not struck, and says why."""
    hand.do("printed", "MSFT", 50.0)
    hand.do("printed", "MSFT", 50.5, 60_000, "1", "12")
    visitor = visit(hand.http)
    visitor.row("MSFT").click()
    visitor.expect_selected("MSFT")
    late = visitor.page.locator(".tape tr[data-quiet='counted']")
    expect(late).to_contain_text("50.50")
    expect(late).to_contain_text("late")
    expect(late.locator("td").nth(1)).to_have_css("text-decoration-line", "none")
    expect(late.locator("[data-direction='flat']")).to_have_count(1)


def test_a_phone_shows_no_tape_and_asks_for_none(visit: Visit, hand: Hand) -> None:
    """Bytes are dear there."""
    visitor = visit(hand.http, viewport=PHONE)
    visitor.expect_live("AAPL")
    assert not any("/api/trades" in url for url in visitor.requests)
