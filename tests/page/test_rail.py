"""The rail: the day's figures, what is known of the symbol, and the tabs that choose among them."""

import re

import pytest
from playwright.sync_api import Locator, expect

from photon_app.ui.components.rail import ABOUT, DAY
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

DESK = {"width": 1920, "height": 1080}
KNOWN = re.compile(r"[\dA-Za-z]")


def tab(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("tab", name=name, exact=True)


def figure(visitor: Visitor, name: str, pane: str = "day") -> Locator:
    return visitor.page.locator(f".rail-{pane} [data-figure='{name}']").first


def test_under_the_chart_the_trades_stand_first(visitor: Visitor) -> None:
    """One tab is chosen, and what belongs to it is shown."""
    expect(tab(visitor, "Trades")).to_have_attribute("aria-selected", "true")
    expect(visitor.page.locator(".tape")).to_be_visible()
    expect(visitor.page.locator(".rail-day")).to_be_hidden()
    tab(visitor, "Day").click()
    expect(visitor.page.locator(".rail-day")).to_be_visible()
    expect(visitor.page.locator(".tape")).to_be_hidden()
    visitor.page.reload()
    expect(tab(visitor, "Day")).to_have_attribute("aria-selected", "true")


def test_the_tabs_are_one_stop_and_arrows_choose(visitor: Visitor) -> None:
    """Round and round; Home and End go to the first and the last."""
    visitor.expect_live("AAPL")
    tab(visitor, "Trades").focus()
    presses = (
        ("ArrowRight", "Day"),
        ("End", "About"),
        ("ArrowRight", "Trades"),
        ("ArrowLeft", "About"),
        ("Home", "Trades"),
    )
    for key, name in presses:
        visitor.page.keyboard.press(key)
        expect(tab(visitor, name)).to_be_focused()
        expect(tab(visitor, name)).to_have_attribute("aria-selected", "true")
        expect(visitor.page.locator(".rail-tabs [tabindex='0']")).to_have_count(1)


def test_every_figure_of_a_day_is_known(visitor: Visitor) -> None:
    """With the price between the day's low and high, and average and trades that move on."""
    visitor.expect_live("AAPL")
    tab(visitor, "Day").click()
    for name, _ in DAY:
        expect(figure(visitor, name)).to_have_text(KNOWN)
    mark = visitor.page.locator("[data-span='day']")
    expect(mark).not_to_have_attribute("hidden", re.compile(".*"))
    trades = figure(visitor, "trades")
    expect(trades).not_to_have_text(trades.inner_text())
    low, average, high = (
        float(figure(visitor, name).inner_text().replace(",", ""))
        for name in ("low", "vwap", "high")
    )
    assert low <= average <= high


def test_about_says_what_is_known(visitor: Visitor) -> None:
    """That prices are invented among it."""
    visitor.expect_live("AAPL")
    tab(visitor, "About").click()
    for name, _ in ABOUT:
        expect(figure(visitor, name, "about")).to_have_text(KNOWN)
    expect(visitor.page.locator(".rail-about")).to_contain_text("Apple")
    expect(figure(visitor, "kind", "about")).to_have_text("Common Stock")
    expect(figure(visitor, "source", "about")).to_have_text(re.compile("invented"))


def test_a_time_is_that_of_the_chosen_zone(visit: Visit, server: Process) -> None:
    """In the tape and in the figures."""
    visitor = visit(server.http, init_script="localStorage.setItem('photon.zone', 'utc')")
    visitor.expect_live("AAPL")
    hour = visitor.page.evaluate("new Date().getUTCHours()")
    newest = visitor.page.locator(".tape tbody td").first
    expect(newest).to_have_text(re.compile(rf"^({hour:02}|{(hour + 1) % 24:02}):"))
    tab(visitor, "About").click()
    expect(figure(visitor, "began", "about")).to_have_text(re.compile("UTC$"))


def test_a_wide_screen_shows_figures_and_trades_at_once(visit: Visit, server: Process) -> None:
    """Then the trades have a panel and a heading, and no tab."""
    visitor = visit(server.http, viewport=DESK)
    visitor.expect_live("AAPL")
    expect(tab(visitor, "Trades")).to_have_count(0)
    expect(tab(visitor, "Day")).to_have_attribute("aria-selected", "true")
    expect(visitor.page.locator(".rail-day")).to_be_visible()
    expect(visitor.page.locator(".tape")).to_be_visible()
    expect(visitor.page.get_by_role("heading", name="Trades")).to_be_visible()
    tab(visitor, "About").click()
    expect(visitor.page.locator(".rail-day")).to_be_hidden()
    expect(visitor.page.locator(".rail-about")).to_be_visible()
    expect(visitor.page.locator(".tape")).to_be_visible()


def test_a_phone_has_everything_of_a_symbol_without_tabs(visit: Visit, server: Process) -> None:
    """One below the other, once the symbol is opened."""
    visitor = visit(server.http, viewport=PHONE)
    visitor.expect_live("AAPL")
    visitor.open("AAPL")
    for part in (".rail-day", ".tape", ".rail-about"):
        expect(visitor.page.locator(part)).to_be_visible()
    expect(visitor.page.locator(".rail-tabs")).to_be_hidden()


def test_where_the_chart_would_be_low_only_the_tabs_stand(visit: Visit, server: Process) -> None:
    """A tab that is chosen shows its part over the chart, which keeps its height."""
    visitor = visit(server.http, viewport={"width": 1280, "height": 640})
    visitor.expect_live("AAPL")
    expect(visitor.page.locator(".tape")).to_be_hidden()
    chart = visitor.page.locator(".chart-box")
    before = chart.evaluate("(box) => box.clientHeight")
    tab(visitor, "Day").click()
    expect(visitor.page.locator(".rail-day")).to_be_visible()
    expect(chart).to_have_js_property("clientHeight", before)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator(".rail-day")).to_be_hidden()


@pytest.mark.parametrize("width", [1920, 1280, 390])
def test_in_forced_colours_marks_and_choices_are_seen(
    visit: Visit, server: Process, width: int
) -> None:
    """The mark of a range differs from its line, the chosen tab from the others."""
    visitor = visit(server.http, viewport={"width": width, "height": 900}, forced_colors="active")
    visitor.expect_live("AAPL")
    if width <= 820:
        visitor.open("AAPL")
    else:
        tab(visitor, "Day").click()
        grounds = visitor.page.locator(".rail-tabs button").evaluate_all(
            "(tabs) => tabs.map((tab) => getComputedStyle(tab).backgroundColor)"
        )
        assert len(set(grounds)) == 2
    span = visitor.page.locator(".rail-day .range").first
    expect(span).to_be_visible()
    mark, ground = span.evaluate(
        """(line) => [getComputedStyle(line.firstChild, "::before"), getComputedStyle(line)]
            .map((style) => style.backgroundColor)"""
    )
    assert mark != ground
