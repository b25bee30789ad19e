"""The chart of the selected symbol: choices, live bars, the past, its picture and its look."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from photon_app.model import TIMEFRAMES
from photon_app.settings import DEFAULT_SYMBOLS
from photon_app.ui.theme import DARK, LIGHT
from tests.fakes.dates import MOMENTS
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.test_theme import choose
from tests.page.visitor import PHONE, Visitor

PIXELS = """(color) => {
  const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let found = 0;
  for (const canvas of document.querySelectorAll(".chart-canvas canvas")) {
    if (!canvas.width || !canvas.height) continue;
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      found += wanted.every((value, part) => data[at + part] === value) && data[at + 3] === 255;
    }
  }
  return found;
}"""
"""How much of the chart is drawn in exactly this colour."""

ON_TOP = """(element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  element.style.pointerEvents = "auto";
  const found = document.elementFromPoint(left + width / 2, top + height / 2);
  element.style.pointerEvents = "";
  return found === element;
}"""
"""Whether nothing lies over an element."""

PNG = b"\x89PNG\r\n\x1a\n"


def expect_shown(visitor: Visitor, symbol: str, timeframe: str, style: str = "candles") -> None:
    """Wait until the chart is that of this choice."""
    chart = visitor.page.locator(".chart")
    expect(chart).to_have_attribute("data-shown", f"{symbol} {timeframe} {style}")


LATE_ANSWERS = """window.WebSocket = class extends WebSocket {
  set onmessage(heard) {
    const late = this.url.includes("/_event");
    super.onmessage = late ? (event) => setTimeout(() => {
      heard(event);
      if (event.data.includes("timeframe")) setTimeout(() => { window.answers += 1; }, 200);
    }, 1500) : heard;
  }
};"""
"""The server's answers to the page take their time; prices do not."""

WATCH_CHOICES = """() => {
  window.answers = 0;
  window.choices = [];
  new MutationObserver(() => {
    const chosen = document.querySelector('.chart-frames [aria-pressed="true"]').textContent;
    if (chosen !== window.choices.at(-1)) window.choices.push(chosen);
  }).observe(document.querySelector(".chart-frames"), { attributes: true, subtree: true });
}"""


def expect_color(visitor: Visitor, color: str, least: int = 20) -> None:
    """Wait until a colour is on the chart."""
    visitor.page.wait_for_function(f"({PIXELS})('{color}') >= {least}")


def bars(visitor: Visitor) -> int:
    """How many bars the chart holds."""
    return int(visitor.page.locator(".chart").get_attribute("data-bars") or 0)


def drag_right(visitor: Visitor) -> None:
    """Pull the chart to the right, so that older bars come into view."""
    box = visitor.page.locator(".chart-canvas").bounding_box()
    assert box is not None
    mouse, y = visitor.page.mouse, box["y"] + 60
    mouse.move(box["x"] + 20, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] - 100, y, steps=5)
    mouse.up()


@pytest.fixture
def viewer(visitor: Visitor) -> Visitor:
    """Somebody before whom the chart stands."""
    expect_shown(visitor, "AAPL", "1m")
    return visitor


def test_every_timeframe_and_style_is_drawn(viewer: Visitor) -> None:
    """By click and by key; the legend has figures of each."""
    for place, timeframe in enumerate(TIMEFRAMES):
        if place % 2:
            viewer.page.keyboard.press(str(place + 1))
        else:
            viewer.page.locator(".chart-frames button").nth(place).click()
        expect_shown(viewer, "AAPL", timeframe)
        chosen = viewer.page.locator('.chart-frames [aria-pressed="true"]')
        expect(chosen).to_have_text(timeframe)
        expect(viewer.page.locator(".legend-close b")).to_have_text(re.compile(r"^\d+\.\d\d$"))
    viewer.page.keyboard.press("2")
    expect_shown(viewer, "AAPL", "1m")
    for color in (DARK.up, DARK.down):
        expect_color(viewer, color)
    for style in ("Area", "Line"):
        viewer.page.get_by_role("button", name=style, exact=True).click()
        expect_shown(viewer, "AAPL", "1m", style.lower())
        expect_color(viewer, DARK.text)


def test_what_was_chosen_is_kept_by_a_reload(viewer: Visitor) -> None:
    """And goes along to another symbol; what is stored wrongly is the default."""
    viewer.page.keyboard.press("3")
    viewer.page.get_by_role("button", name="Line", exact=True).click()
    expect_shown(viewer, "AAPL", "5m", "line")
    viewer.row("NVDA").click()
    expect_shown(viewer, "NVDA", "5m", "line")
    viewer.page.reload()
    expect_shown(viewer, "NVDA", "5m", "line")
    viewer.page.evaluate("localStorage['photon.timeframe'] = localStorage['photon.chart'] = '2m'")
    viewer.page.reload()
    expect_shown(viewer, "NVDA", "1m")


def test_an_earlier_choice_that_comes_back_late_is_not_shown(visit: Visit, server: Process) -> None:
    """There and back again before the server has answered: what was clicked last stays."""
    viewer = visit(server.http, init_script=LATE_ANSWERS)
    expect_shown(viewer, "AAPL", "1m")
    viewer.page.evaluate(WATCH_CHOICES)
    for timeframe in ("5m", "1m"):
        viewer.page.locator(".chart-frames").get_by_text(timeframe, exact=True).click()
        expect_shown(viewer, "AAPL", timeframe)
    viewer.page.wait_for_function("window.answers >= 2")
    assert viewer.page.evaluate("window.choices") == ["5m", "1m"]


def test_the_running_bar_moves(viewer: Visitor) -> None:
    """With the feed's prices, invented ones said to be so; the newest price is the tape's."""
    close = viewer.page.locator(".legend-close b")
    for _ in range(2):
        expect(close).not_to_have_text(close.inner_text())
    expect(viewer.page.locator(".legend .tag")).to_have_text("SIMULATED")
    viewer.page.wait_for_function(
        """() => document.querySelector(".legend-close b").textContent
            === document.querySelector(".price-big .price-text > span").textContent"""
    )


def test_a_symbol_that_is_new_to_the_server_has_its_past_soon(viewer: Visitor) -> None:
    """The first answer comes before its day was looked up; the chart asks again."""
    viewer.add("VZ")
    expect_shown(viewer, "VZ", "1m")
    viewer.page.wait_for_function("Number(document.querySelector('.chart').dataset.bars) > 100")


def test_older_bars_come_when_they_are_looked_for(viewer: Visitor) -> None:
    """A page at a time, until there are none; the view stays where it was pulled to."""
    first = bars(viewer)
    assert first >= 500
    for _ in range(30):
        drag_right(viewer)
        if bars(viewer) > first + 400:
            break
        viewer.page.wait_for_timeout(50)
    assert bars(viewer) > first + 400
    older = [url for url in viewer.requests if "/api/bars" in url and "to=" in url]
    assert len(older) == 1
    for _ in range(3):
        drag_right(viewer)
    viewer.page.wait_for_timeout(200)
    assert [url for url in viewer.requests if "/api/bars" in url and "to=" in url] == older


def test_the_legend_is_of_the_bar_under_the_pointer(viewer: Visitor) -> None:
    """Or of the one that keys lead to; of the newest when both are away."""
    page, time = viewer.page, viewer.page.locator(".legend-time")
    newest = re.compile(re.escape(time.inner_text()[:12]))
    box = page.locator(".chart-canvas").bounding_box()
    assert box is not None
    shown = time.inner_text()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    expect(time).not_to_have_text(shown)
    page.mouse.move(5, 5)
    expect(time).to_have_text(newest)
    page.locator(".chart-reader").focus()
    page.keyboard.press("Home")
    expect(time).not_to_have_text(shown)
    oldest = time.inner_text()
    page.keyboard.press("ArrowRight")
    expect(time).not_to_have_text(oldest)
    page.keyboard.press("Escape")
    expect(page.locator(".legend-close b")).to_have_text(re.compile(r"\d"))
    expect(time).not_to_have_text(oldest)
    page.locator(".chart-reader").blur()
    page.mouse.click(box["x"] + 80, box["y"] + 80)
    page.mouse.move(5, 5)
    page.keyboard.press("Home")
    expect(time).not_to_have_text(newest)
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "0")


def test_it_follows_theme_and_colours_at_once(viewer: Visitor) -> None:
    """Without a reload."""
    expect_color(viewer, DARK.panel, 10_000)
    viewer.page.emulate_media(color_scheme="light")
    for color in (LIGHT.up, LIGHT.down):
        expect_color(viewer, color)
    expect_color(viewer, LIGHT.panel, 10_000)
    black = viewer.page.evaluate(f"({PIXELS})('#000000')")
    assert black < 20, "a colour that the canvas does not understand"
    choose(viewer, "Blue, orange")
    for color in (LIGHT.up_alternative, LIGHT.down_alternative):
        expect_color(viewer, color)


def test_it_is_saved_as_a_picture(viewer: Visitor, tmp_path: Path) -> None:
    """Named by symbol, timeframe and day."""
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name="Save as picture").click()
    assert re.fullmatch(r"AAPL-1m-\d{4}-\d\d-\d\d\.png", download.value.suggested_filename)
    file = tmp_path / "chart.png"
    download.value.save_as(file)
    picture = file.read_bytes()
    assert picture.startswith(PNG)
    assert len(picture) > 5_000


def test_its_makers_are_named(viewer: Visitor) -> None:
    """On the chart and in the help, with the licence."""
    page = viewer.page
    link = page.locator('.chart a[href^="https://www.tradingview.com/"]')
    expect(link).to_be_visible()
    expect(page.get_by_role("slider").get_by_role("link")).to_have_count(0)  # would not be read
    page.get_by_role("button", name="Help").click()
    credit = page.locator(".credit")
    expect(credit).to_contain_text("TradingView Lightweight Charts™. Copyright (c) 2026")
    licence = credit.get_by_role("link", name="Apache License").get_attribute("href")
    assert "Apache License" in page.request.get(str(licence)).text()


def test_the_list_does_not_wait_for_the_charts_library(visit: Visit, server: Process) -> None:
    """Prices come without it, and its place says why it is empty."""
    visitor = visit(server.http)
    visitor.page.route("**/lightweight-charts*", lambda route: route.abort())
    visitor.page.reload()
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect(visitor.page.locator(".chart-empty")).to_contain_text("could not be loaded")
    visitor.forgive("Failed to load resource")


def test_a_phone_has_a_chart_too(visit: Visit, server: Process) -> None:
    """As wide as the screen, with every choice in reach and nothing to scroll sideways."""
    options: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    visitor = visit(server.http, **options)
    expect_shown(visitor, "AAPL", "1m")
    visitor.page.get_by_label("1 day", exact=True).tap()
    expect_shown(visitor, "AAPL", "1d")
    box = visitor.page.locator(".chart-canvas").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, PHONE["width"])
    assert 200 <= box["height"] <= 260
    visitor.expect_in_width(PHONE["width"])


@pytest.fixture
def hand() -> Iterator[Hand]:
    """A feed in this test's hand, with two prices."""
    with hand_fed() as process:
        process.do("day", {"AAPL": 100.0}, 99.0)
        yield process


def test_no_history_says_so_until_the_first_trade(visit: Visit, hand: Hand) -> None:
    """Then it says since when it is collected."""
    with visit(hand.http) as visitor:
        visitor.expect_live("AAPL")
        visitor.add_as_typed("ZZZQ")
        visitor.expect_selected("ZZZQ")
        expect(visitor.page.locator(".chart-empty")).to_contain_text("No trades yet")
        assert visitor.page.locator(".chart-empty").evaluate(ON_TOP)
        hand.do("viewed", "ZZZQ")
        hand.do("trade", "ZZZQ", 5.0)
        expect_shown(visitor, "ZZZQ", "1m")
        expect(visitor.page.locator(".chart-empty")).to_have_text("")
        expect(visitor.page.locator(".legend-close b")).to_have_text("5.000")
        note = visitor.page.locator(".legend-note")
        expect(note).to_have_text(re.compile(r"^Collecting since \d\d:\d\d$"))


def test_a_chart_that_a_closed_market_leaves_empty_says_so(visit: Visit) -> None:
    """Of the seconds of Friday nothing is known on a Saturday, and what is traded then is none."""
    saturday_ms = MOMENTS["Saturday noon"]
    with (
        photon(None, saturday_ms, PHOTON_SYMBOLS="AAPL") as process,
        visit(process.http, at=saturday_ms) as visitor,
    ):
        visitor.expect_live("AAPL")
        expect_shown(visitor, "AAPL", "1m")
        visitor.page.get_by_label("1 second", exact=True).click()
        empty = visitor.page.locator(".chart-empty")
        expect(empty).to_contain_text("while the market is closed")
        assert empty.evaluate(ON_TOP)
