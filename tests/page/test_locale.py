"""Numbers and dates as the visitor's language writes them."""

import re

import pytest
from playwright.sync_api import expect

from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.test_list_menu import table
from tests.page.visitor import Visitor

DRAWN = """
window.drawn = new Set();
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  if (window.drawn.size < 500) window.drawn.add(text);
  return fill.call(this, text, ...rest);
};
"""
"""Remembers what is written on the chart: its axes."""
AFTER_THE_DATE = r"""(box) => {
  const text = box.firstChild, at = text.data.search(/\d\d:\d\d/), range = document.createRange();
  const part = (from, to) => {
    range.setStart(text, from);
    range.setEnd(text, to);
    return range.getBoundingClientRect();
  };
  return part(at, at + 5).left - part(0, at - 1).right;
}"""
"""How far right of a date its time begins, CSS pixels."""


def somebody(visit: Visit, server: Process, locale: str) -> Visitor:
    """Somebody of a language, who looks at a month of bars."""
    visitor = visit(server.http, locale=locale, init_script=DRAWN)
    visitor.expect_live("AAPL")
    visitor.page.get_by_role("button", name="1M", exact=True).click()
    expect(visitor.page.locator(".chart")).to_have_attribute("data-shown", "AAPL 1h candles")
    return visitor


def drawn(visitor: Visitor, pattern: str) -> list[str]:
    """What stands on the axes in one form."""
    texts: list[str] = visitor.page.evaluate("[...window.drawn]")
    return [text for text in texts if re.fullmatch(pattern, text)]


@pytest.mark.parametrize(
    ("locale", "marks", "day"),
    [("en-US", r", \.", "Wed, Nov 25"), ("de-DE", r"\. ,", "Mi., 25. Nov.")],
)
def test_numbers_and_dates_are_the_visitors(
    visit: Visit, server: Process, locale: str, marks: str, day: str
) -> None:
    """In the list, the head, the figures, and on the chart; words and times of day are the same."""
    thousands, point = marks.split()
    visitor = somebody(visit, server, locale)
    page = visitor.page
    price = re.compile(rf"^\d{{1,3}}({thousands}?\d{{3}})?{point}\d\d$")
    expect(visitor.price("AAPL")).to_have_text(price)
    expect(page.locator(".price-big .price-text")).to_have_text(price)
    change = visitor.row("AAPL").locator(".change-main")
    expect(change).to_have_text(re.compile(rf"[+\u2212]?\d+{point}\d\d\u00a0%$"))
    expect(page.locator(".legend-close b")).to_have_text(price)
    expect(page.locator(".legend-time")).to_have_text(
        re.compile(rf"^{re.escape(day)} \d\d:\d\d ET$")
    )
    expect(page.locator(".session-clock")).to_have_text(re.compile(r"^\d\d:\d\d:\d\dET$"))
    assert drawn(visitor, rf"\d+{point}\d\d")
    assert drawn(visitor, rf"\d+{thousands}\d\d") == []


def test_what_is_exported_has_no_language(visit: Visit, server: Process) -> None:
    """A decimal point, and times as machines write them."""
    cells = table(somebody(visit, server, "de-DE"))["AAPL"]
    assert re.fullmatch(r"\d+\.?\d*", cells["price"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", cells["time"])


@pytest.mark.parametrize("locale", ["ar-EG", "fa-IR", "th-TH-u-nu-thai-ca-buddhist"])
def test_digits_and_years_are_the_same_in_every_language(
    visit: Visit, server: Process, locale: str
) -> None:
    """0 to 9, of one width in the page's font, and years of the Gregorian calendar; a date that is
    written from right to left stays before its time.
    """
    visitor = somebody(visit, server, locale)
    page = visitor.page
    expect(visitor.price("AAPL")).to_have_text(re.compile(r"^[0-9]+\.[0-9]{2}$"))
    expect(page.locator(".legend-time")).to_have_text(
        re.compile(r"25.*[^0-9][0-9]{2}:[0-9]{2} ET$")
    )
    assert page.locator(".legend-time").evaluate(AFTER_THE_DATE) > 0
    page.get_by_role("button", name="Max", exact=True).click()
    expect(page.locator(".chart")).to_have_attribute("data-shown", "AAPL 1d candles")
    expect(page.locator(".legend-time")).to_have_text(re.compile("2026"))
    seen = page.locator("body").inner_text() + "".join(drawn(visitor, ".*"))
    assert [mark for mark in seen if mark.isdecimal() and not mark.isascii()] == []
