"""Prices with the decimals of their symbol, and names of the world, as somebody sees them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import Visitor

EUR, YEN, TINY = "OANDA:EUR_USD", "OANDA:USD_JPY", "BINANCE:XUSDT"
PRICES = {EUR: (1.085, "1.08500"), YEN: (149.2, "149.200"), TINY: (1.2e-9, "0.000000001200")}
WORLD = ("M&M.NS", "^DJI", "GC=F", "ACAQ+", "BAC$L", "ES1!", "#A", "IC MARKETS:1")
WHOLE = """(element) => {
  const text = document.createRange(), cell = element.closest("td").getBoundingClientRect();
  text.selectNodeContents(element.lastChild ?? element);
  const { left, right, width } = text.getBoundingClientRect();
  return width > 0 && left >= cell.left - 0.5 && right <= cell.right + 0.5 && right <= innerWidth
    && element.scrollWidth <= element.clientWidth + 0.5;
}"""
"""Whether the last words of an element are seen whole in their cell."""


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """Photon in the test's hand, with symbols of many digits."""
    with hand_fed(PHOTON_SYMBOLS=",".join([*PRICES, "OANDA:EUR_GBP"])) as running:
        for symbol, (price, _) in PRICES.items():
            running.do("trade", symbol, price)
        yield running


@pytest.fixture
def visitor(visit: Visit, hand: Hand) -> Visitor:
    """Somebody who has just come."""
    return visit(hand.http)


def figure(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator(".rail-day .figures > div", has_text=title).locator("dd")


def test_a_long_price_is_drawn_smaller_and_not_cut(visit: Visit, hand: Hand) -> None:
    """Its last digits are those that count."""
    for width in (1280, 360):
        visitor = visit(hand.http, viewport={"width": width, "height": 800})
        visitor.expect_live(TINY)
        assert visitor.row(TINY).locator(".price-text").evaluate(WHOLE), width
        small, normal = (
            visitor.price(symbol).evaluate(
                "(price) => parseFloat(getComputedStyle(price).fontSize)"
            )
            for symbol in (TINY, EUR)
        )
        assert small < normal


@pytest.mark.parametrize("symbol", list(PRICES))
def test_row_detail_tape_and_chart_have_the_decimals_of_the_symbol(
    visitor: Visitor, hand: Hand, symbol: str
) -> None:
    """Zeros at the end among them, and no exponent anywhere."""
    price, text = PRICES[symbol]
    visitor.expect_live(symbol)
    visitor.row(symbol).click()
    visitor.expect_selected(symbol)
    hand.do("trade", symbol, price)
    page = visitor.page
    expect(visitor.price(symbol)).to_have_text(text)
    expect(page.locator(".price-big .price-text > span")).to_have_text(text)
    expect(page.locator(".tape tbody tr").first).to_contain_text(text)
    page.get_by_role("tab", name="Day").click()
    expect(figure(visitor, "Open")).to_have_text(text)
    expect(page.locator(".legend-close b")).to_have_text(text)
    assert "e-" not in (visitor.row(symbol).locator(".price").get_attribute("title") or "")


def test_two_pairs_of_one_house_can_be_distinguished_on_a_telephone(
    visit: Visit, hand: Hand
) -> None:
    """The exchange stands on the second line, beside the name."""
    visitor = visit(hand.http, viewport={"width": 320, "height": 700})
    visitor.expect_symbols(*PRICES, "OANDA:EUR_GBP")  # whole for readers of the screen
    names = visitor.rows.locator(".symbol")
    assert [names.nth(n).evaluate(WHOLE) for n in range(4)] == [True] * 4
    seen = names.evaluate_all("(all) => all.map((name) => name.lastChild.textContent)")
    assert seen == ["EUR_USD", "USD_JPY", "XUSDT", "EUR_GBP"]
    houses = visitor.rows.locator(".name")
    expect(houses).to_contain_text(["OANDA", "OANDA", "BINANCE", "OANDA"])


def test_names_of_the_world_are_added_shown_and_charted(visitor: Visitor, hand: Hand) -> None:
    """As they are written, in any case."""
    for name in WORLD:
        visitor.add_as_typed(name.lower())
        visitor.expect_selected(name)
        hand.do("viewed", name)
        hand.do("trade", name, 101.25)
        expect(visitor.price(name)).to_contain_text("101.25")
        expect(visitor.page.locator(".legend-close b")).to_contain_text("101.25")
        expect(visitor.page.locator(".chart")).to_have_attribute("data-shown", f"{name} 1m candles")
    visitor.page.reload()
    visitor.expect_symbols(*PRICES, "OANDA:EUR_GBP", *WORLD)
