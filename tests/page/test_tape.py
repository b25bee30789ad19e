"""Time and sales of the selected symbol, as somebody sees them who has just come."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import Visitor

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
    expect(first).to_contain_text("outlier · held")
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
    after = rows(visitor).locator("td:nth-child(2)").all_inner_texts()
    assert [text.lstrip("▲▼") for text in after[:2]] == ["103.00", "102.00"]
    assert after[2:] == before[:198]


def test_a_late_trade_is_struck_through(visit: Visit, hand: Hand) -> None:
    """It was no last price: it has no direction, and says why."""
    hand.do("printed", "MSFT", 50.0)
    hand.do("printed", "MSFT", 50.5, 60_000, "1", "12")
    visitor = visit(hand.http)
    visitor.row("MSFT").click()
    visitor.expect_selected("MSFT")
    late = visitor.page.locator(".tape tr[data-quiet='counted']")
    expect(late).to_contain_text("50.50")
    expect(late).to_contain_text("late · not last")
    expect(late.locator("td").nth(1)).to_have_css("text-decoration-line", "line-through")
    expect(late.locator("td").last).to_have_attribute("title", re.compile("^Odd lot. Came late"))
    expect(late.locator("[data-direction='flat']")).to_have_count(1)


def test_the_conditions_of_a_new_trade_follow(visit: Visit, hand: Hand) -> None:
    """The stream has none; the server's next answer has."""
    visitor = visit(hand.http)
    expect(rows(visitor)).to_have_count(200)
    hand.do("printed", "AAPL", 104.0, 0, "8")
    expect(rows(visitor).first).to_contain_text("104.00")
    expect(rows(visitor).first).to_contain_text("ISO sweep")


def pause(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("button", name="Pause the trades")


def fresh(visitor: Visitor) -> Locator:
    """What says that the tape stands still, and lets it go on."""
    return visitor.page.locator(".tape-fresh")


def test_a_paused_tape_stands_and_counts_what_comes(visit: Visit, hand: Hand) -> None:
    """What it says lets it go on."""
    visitor = visit(hand.http)
    hand.do("printed", "AAPL", 105.0)
    expect(rows(visitor).first).to_contain_text("105.00")
    expect(fresh(visitor)).to_be_hidden()
    pause(visitor).click()
    expect(pause(visitor)).to_have_attribute("aria-pressed", "true")
    expect(fresh(visitor)).to_have_text("Paused")
    hand.do("sized", "AAPL", 106.0, 10, 20)
    expect(fresh(visitor)).to_have_text("Paused · 2 new")
    expect(rows(visitor).first).to_contain_text("105.00")
    fresh(visitor).click()
    expect(rows(visitor).first).to_contain_text("106.00")
    expect(fresh(visitor)).to_be_hidden()
    expect(pause(visitor)).to_have_attribute("aria-pressed", "false")


def test_space_pauses_from_the_tape_and_from_nowhere(visit: Visit, hand: Hand) -> None:
    """But not from a field, which it is typed into."""
    visitor = visit(hand.http)
    expect(rows(visitor)).to_have_count(200)
    visitor.page.keyboard.press(" ")
    expect(pause(visitor)).to_have_attribute("aria-pressed", "true")
    visitor.page.locator(".tape-box").focus()
    visitor.page.keyboard.press(" ")
    expect(pause(visitor)).to_have_attribute("aria-pressed", "false")
    visitor.field.focus()
    visitor.page.keyboard.press(" ")
    expect(visitor.field).to_have_value(" ")
    expect(pause(visitor)).to_have_attribute("aria-pressed", "false")


def test_a_tape_that_is_scrolled_away_stands_and_says_so(visit: Visit, hand: Hand) -> None:
    """Back at the top it follows again."""
    visitor = visit(hand.http)
    hand.do("printed", "AAPL", 107.0)
    expect(rows(visitor).first).to_contain_text("107.00")
    box = visitor.page.locator(".tape-box")
    box.evaluate("(box) => { box.scrollTop = 400; }")
    expect(fresh(visitor)).to_have_text("Not following")
    hand.do("printed", "AAPL", 108.0)
    expect(fresh(visitor)).to_have_text("1 new")
    expect(rows(visitor).first).to_contain_text("107.00")
    fresh(visitor).click()
    expect(rows(visitor).first).to_contain_text("108.00")
    expect(box).to_have_js_property("scrollTop", 0)
    expect(fresh(visitor)).to_be_hidden()


def test_only_trades_of_a_size_are_shown(visit: Visit, hand: Hand) -> None:
    """Those that were, also beyond the usual depth, and those that come; none is said so."""
    hand.do("sized", "NVDA", 70.0, 5_000)
    hand.do("sized", "NVDA", 71.0, *[10] * 300)
    visitor = visit(hand.http)
    visitor.row("NVDA").click()
    visitor.expect_selected("NVDA")
    expect(rows(visitor)).to_have_count(200)
    least = visitor.page.get_by_label("Smallest trade shown")
    least.select_option("1000")
    expect(rows(visitor)).to_have_count(1)
    expect(rows(visitor).first).to_contain_text("5,000")
    hand.do("sized", "NVDA", 72.0, 2_000, 50)
    expect(rows(visitor)).to_have_count(2)
    expect(rows(visitor).first).to_contain_text("72.00")
    least.select_option("10000")
    expect(rows(visitor)).to_have_count(0)
    expect(visitor.page.locator(".tape-empty")).to_have_text(re.compile("is that large$"))
    least.select_option("0")
    expect(rows(visitor)).to_have_count(200)


WRITES = """() => {
  globalThis.written = new Set();
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const row = (target.nodeType === 1 ? target : target.parentElement).closest("tr");
      if (row) written.add(row);
    }
  }).observe(document.querySelector(".tape tbody"),
    { subtree: true, childList: true, characterData: true });
}"""


def test_a_new_trade_writes_one_row(visit: Visit, hand: Hand) -> None:
    """Those that move down are not written again."""
    visitor = visit(hand.http)
    hand.do("printed", "AAPL", 109.0)
    expect(rows(visitor).first).to_contain_text("109.00")
    visitor.page.evaluate(WRITES)
    hand.do("printed", "AAPL", 110.0)
    expect(rows(visitor).first).to_contain_text("110.00")
    assert visitor.page.evaluate("written.size") == 1


def test_a_tape_that_is_not_seen_asks_for_nothing(visit: Visit, hand: Hand) -> None:
    """It is loaded when its tab is chosen."""
    visitor = visit(hand.http, init_script="localStorage.setItem('photon.rail', 'about')")
    visitor.expect_live("AAPL")
    expect(visitor.page.locator("[data-figure='source']")).not_to_have_text("—")
    assert not any("/api/trades" in url for url in visitor.requests)
    visitor.page.get_by_role("tab", name="Trades").click()
    expect(rows(visitor)).to_have_count(200)
