"""What is particular about a symbol, and what is wrong with the feed, as somebody sees it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import PHONE, WIDE, Visitor

PRICES = {symbol: 100.0 + place for place, symbol in enumerate(DEFAULT_SYMBOLS)}
REFUSED = "Failed to connect to Finnhub: the API key was refused; next attempt at 14:02:11 UTC"
UNTRUSTED = (
    "Failed to connect to Finnhub: its certificate was not accepted (unable to get local issuer "
    "certificate); next attempt at 14:02:11 UTC"
)
BUSY = """() => {
  globalThis.busy = setInterval(() => {
    const end = performance.now() + 1500;
    while (performance.now() < end);
  }, 10);
}"""
"""A page whose scripts leave it no time, one task after the other."""
ROW = "tr[data-quote]"
STANDING = f".header, {ROW}, {ROW} > td, .c-symbol > .symbol, .price, .detail-head, .chart-bar"
PLACES = """(all) => all.map((one) => {
  const { x, y, width } = one.getBoundingClientRect();
  return [x, y, width];
})"""
TINTS = """() => {
  globalThis.tints = new Map();
  const { animate } = Element.prototype;
  Element.prototype.animate = function (frames, ...how) {
    tints.set(this, [...(tints.get(this) ?? []), frames[0].backgroundColor]);
    return animate.call(this, frames, ...how);
  };
}"""
"""Notes every tint of an element."""
HURRIED = "Failed to connect to Finnhub: too many attempts (HTTP 429); next attempt at 14:02:11 UTC"


@pytest.fixture(scope="module")
def process() -> Iterator[Hand]:
    """One for all: to start it takes longer than most tests. No two add the same symbol."""
    with hand_fed() as running:
        yield running


@pytest.fixture
def hand(process: Hand) -> Hand:
    """A feed in this test's hand: live, nothing asked for, a day behind it."""
    process.do("say", "live")
    process.do("polling")
    process.do("day", PRICES, 99.0)
    return process


@pytest.fixture
def visitor(visit: Visit, hand: Hand) -> Iterator[Visitor]:
    """Somebody who sees it live."""
    with visit(hand.http) as opened:
        opened.expect_live(*DEFAULT_SYMBOLS)
        yield opened


def expect_state(visitor: Visitor, symbol: str, state: str) -> None:
    """Row and tag say it; a live symbol has no tag."""
    row = visitor.row(symbol)
    expect(row).to_have_attribute("data-state", state)
    expect(row.locator(".tag")).to_have_text("" if state == "live" else state.upper())


def test_a_polled_symbol_says_so_in_plain_words(visitor: Visitor, hand: Hand) -> None:
    """Its price moves all the same; when it is on the tape again, nothing is said."""
    hand.do("polling", "NVDA", "TSLA")
    for symbol in ("NVDA", "TSLA"):
        expect_state(visitor, symbol, "polled")
    expect_state(visitor, "AAPL", "live")
    tag = visitor.row("NVDA").locator(".tag")
    expect(tag).to_have_attribute("title", re.compile("no place on the live tape"))
    hand.do("polled", "NVDA", 123.45)
    expect(visitor.price("NVDA")).to_have_text("123.45")
    expect_state(visitor, "NVDA", "polled")
    visitor.row("NVDA").click()
    expect(visitor.page.locator(".tag-why")).to_have_text(re.compile("not on the live tape"))
    hand.do("polling")
    expect_state(visitor, "NVDA", "live")
    expect(visitor.page.locator(".tag-why")).to_have_text("")


def test_a_symbol_without_a_price_says_that_there_is_none_yet(visitor: Visitor, hand: Hand) -> None:
    """Until its first trade."""
    visitor.add_as_typed("ZZZQ")
    expect_state(visitor, "ZZZQ", "waiting")
    expect(visitor.row("ZZZQ")).to_contain_text("No price yet")
    expect(visitor.page.locator(".tag-why")).to_have_text("No price yet")
    hand.do("viewed", "ZZZQ")
    hand.do("trade", "ZZZQ", 5.0)
    expect_state(visitor, "ZZZQ", "live")
    expect(visitor.row("ZZZQ")).not_to_contain_text("No price yet")


def test_an_unknown_symbol_says_so_and_can_be_removed(visitor: Visitor, hand: Hand) -> None:
    """Without a pointer over it; added again, it is asked for again."""
    for _ in range(2):
        visitor.add_as_typed("XXXQ")
        expect_state(visitor, "XXXQ", "waiting")
        hand.do("viewed", "XXXQ")
        hand.do("reject", "XXXQ")
        expect_state(visitor, "XXXQ", "rejected")
        expect(visitor.row("XXXQ")).to_contain_text("Unknown symbol")
        expect(visitor.page.locator(".tag-why")).to_have_text("The feed does not know this symbol")
        remove = visitor.page.get_by_label("Remove XXXQ")
        expect(remove).to_have_css("opacity", "1")
        remove.click()
        expect(visitor.row("XXXQ")).to_have_count(0)
        visitor.page.wait_for_timeout(1500)  # a symbol dropped and taken up within 1 s never left


@pytest.mark.parametrize(
    ("state", "detail", "kind"),
    [
        ("unauthorized", REFUSED, "bad"),
        ("throttled", HURRIED, "note"),
        ("reconnecting", UNTRUSTED, "lost"),
    ],
)
def test_the_reason_of_trouble_is_read_on_the_page(
    visitor: Visitor, hand: Hand, state: str, detail: str, kind: str
) -> None:
    """Whole, without a pointer, at every width; and it goes with the trouble."""
    hand.do("fail", state, detail, 62, {})
    expect(visitor.badge).to_have_text(state.upper())
    expect(visitor.page.locator(".badge")).to_have_attribute("data-kind", kind)
    expect_state(visitor, "AAPL", "stale")
    sentence = visitor.page.locator(".trouble")
    expect(sentence).to_have_text(detail)
    for width in (1440, 1181, 1021, 821, 390, 360):
        visitor.page.set_viewport_size({"width": width, "height": PHONE["height"]})
        expect(sentence).to_be_in_viewport(ratio=1)
        assert sentence.evaluate("(p) => p.scrollHeight <= p.clientHeight + 1"), width
        assert sentence.evaluate("(p) => p.clientWidth >= p.scrollWidth"), width
    visitor.expect_in_width(360)
    hand.do("say", "live")
    expect(sentence).to_be_hidden()


@pytest.mark.parametrize("viewport", [PHONE, {"width": 390, "height": 844}, WIDE])
def test_trouble_moves_nothing_but_by_its_strip(
    visit: Visit, hand: Hand, viewport: dict[str, int]
) -> None:
    """Neither the tags nor the words beside the price move anything; the strip goes as it came."""
    mobile = viewport != WIDE
    options = {"viewport": viewport, "has_touch": mobile, "is_mobile": mobile}
    with visit(hand.http, **options) as visitor:
        visitor.expect_live(*DEFAULT_SYMBOLS)
        cells = visitor.page.locator(f":is({STANDING}):visible")
        before = cells.evaluate_all(PLACES)
        hand.do("fail", "reconnecting", REFUSED, 60, {"network": 1})
        expect(visitor.page.locator(".trouble")).to_have_text(REFUSED)
        expect_state(visitor, "AAPL", "stale")
        hand.do("polling", "AAPL")
        expect_state(visitor, "AAPL", "polled")
        strip = visitor.page.locator(".strip").bounding_box()
        assert strip
        header, *others = before
        after = cells.evaluate_all(PLACES)
        moved = [[x, y + strip["height"], width] for x, y, width in others]
        assert after == [pytest.approx(place, abs=0.5) for place in (header, *moved)]
        hand.do("polling")
        hand.do("say", "live")
        expect(visitor.page.locator(".trouble")).to_be_hidden()
        expect_state(visitor, "AAPL", "live")
        assert cells.evaluate_all(PLACES) == before


def test_failures_are_counted_behind_the_badge(visitor: Visitor, hand: Hand) -> None:
    """By reason, as ``/health`` has them, and newer ones without a reload."""
    visitor.page.get_by_role("button", name="About the feed").click()
    panel = visitor.page.locator(".connection-panel")
    expect(panel).to_contain_text("None")
    hand.do("fail", "throttled", HURRIED, 60, {"network": 2, "throttle": 5})
    expect(panel).to_contain_text(HURRIED)
    expect(panel.locator(".failures dd")).to_have_text(["5", "2"])
    expect(panel.locator(".failures code")).to_have_text(["throttle", "network"])
    visitor.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_a_name_that_no_list_has_is_learned(visitor: Visitor, hand: Hand) -> None:
    """When its symbol is added, and for a list that somebody comes with."""
    for symbol in ("NEWCO", "LATER"):
        visitor.add_as_typed(symbol)
        expect_state(visitor, symbol, "waiting")
    hand.do("name", "NEW2", "New  Second\nCompany")
    visitor.add_as_typed("NEW2")
    expect(visitor.row("NEW2").locator(".name")).to_have_text("New Second Company")
    expect(visitor.page.locator(".detail-name")).to_have_text("New Second Company")
    hand.do("name", "LATER", "Later Company")
    visitor.page.reload()
    expect(visitor.row("LATER").locator(".name")).to_have_text("Later Company")
    expect(visitor.row("NEWCO").locator(".name")).to_have_text("")


def test_the_tint_of_a_price_is_that_of_the_tape(visitor: Visitor, hand: Hand) -> None:
    """Also when one frame brings a rise and then a smaller fall; at most once a second."""
    base = PRICES["AAPL"]
    visitor.page.evaluate(TINTS)
    for prices, way, arrow in (
        ((base + 5, base + 3), "down", "▼"),
        ((base + 1, base + 2, base + 2), "up", "▲"),
    ):
        visitor.page.wait_for_timeout(1100)
        visitor.page.evaluate("tints.clear()")
        hand.do("burst", "AAPL", *prices)
        shown = f"{prices[-1]:.2f}"
        expect(visitor.page.locator(".price-big .price-text > span")).to_have_text(shown)
        expect(visitor.price("AAPL")).to_have_text(shown)
        for price in (visitor.page.locator(".price-big"), visitor.row("AAPL").locator(".price")):
            assert price.evaluate("(box) => tints.get(box)") == [f"var(--{way}-tint)"]
        moved = visitor.page.locator(
            ".tape tbody [data-direction='up'], .tape [data-direction='down']"
        )
        expect(moved.first).to_contain_text(arrow)


def test_a_page_that_cannot_keep_up_says_so_until_it_can(visitor: Visitor) -> None:
    """In the badge, and in a sentence."""
    words = visitor.page.locator(".badge [role=status]")
    trouble = visitor.page.locator(".trouble")
    expect(words).to_have_text("LIVE")
    visitor.page.evaluate(BUSY)
    expect(words).to_have_text(re.compile(r"BEHIND \d+ s"), timeout=60_000)
    expect(trouble).to_contain_text("cannot keep up")
    visitor.page.evaluate("clearInterval(busy)")
    expect(words).to_have_text("LIVE", timeout=60_000)
    expect(trouble).to_have_text("")
