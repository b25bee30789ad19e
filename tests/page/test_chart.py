"""The chart of the selected symbol: choices, live bars, the past, its picture and its look."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from photon_app.model import TIMEFRAMES
from photon_app.settings import DEFAULT_SYMBOLS
from photon_app.ui.theme import DARK, LIGHT
from tests.fakes.dates import MOMENTS, OPEN_MS, new_york
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.test_theme import choose, rgb
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


FRAMES = """() => new Promise((resolve) => {
  const text = (selector) => document.querySelector(selector).textContent;
  const seen = [];
  const look = () => {
    seen.push([text(".legend-close b"), text(".price-big .price-text > span")]);
    if (seen.length < 120) requestAnimationFrame(look); else resolve(seen);
  };
  requestAnimationFrame(look);
})"""
"""The chart's close and the price beside the symbol, as they stand in each of 120 frames."""


def expect_color(visitor: Visitor, color: str, least: int = 20) -> None:
    """Wait until a colour is on the chart."""
    visitor.page.wait_for_function(f"({PIXELS})('{color}') >= {least}")


def bars(visitor: Visitor) -> int:
    """How many bars the chart holds."""
    return int(visitor.page.locator(".chart").get_attribute("data-bars") or 0)


RESTING = """() => new Promise((resolve) => {
  let before = "", same = 0;
  const look = () => {
    const now = document.querySelector(".chart").dataset.from;
    same = now === before ? same + 1 : 0;
    before = now;
    if (now && same >= 10) resolve(Number(now)); else requestAnimationFrame(look);
  };
  look();
})"""
"""When the first bar in view begins, once the view rests."""


def frame(visitor: Visitor, name: str) -> Locator:
    """The toolbar's button of a range or an interval."""
    return visitor.page.locator(".chart-bar").get_by_role("button", name=name, exact=True)


def choose_style(visitor: Visitor, name: str) -> None:
    """Choose how bars are drawn."""
    visitor.page.get_by_role("button", name=re.compile("^Style")).click()
    visitor.page.get_by_role("radio", name=name, exact=True).check()
    visitor.page.keyboard.press("Escape")


def middle(visitor: Visitor) -> tuple[float, float]:
    """A spot of the chart among its bars."""
    box = visitor.page.locator(".chart-canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def oldest_in_view(visitor: Visitor) -> int:
    """When the first bar in view begins, UNIX ms."""
    return int(visitor.page.evaluate(RESTING))


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
        choose_style(viewer, style)
        expect_shown(viewer, "AAPL", "1m", style.lower())
        expect_color(viewer, DARK.text)


def test_what_was_chosen_is_kept_by_a_reload(viewer: Visitor) -> None:
    """And goes along to another symbol; what is stored wrongly is the default."""
    viewer.page.keyboard.press("3")
    choose_style(viewer, "Line")
    expect_shown(viewer, "AAPL", "5m", "line")
    viewer.row("NVDA").click()
    expect_shown(viewer, "NVDA", "5m", "line")
    viewer.page.reload()
    expect_shown(viewer, "NVDA", "5m", "line")
    viewer.page.evaluate("localStorage['photon.timeframe'] = localStorage['photon.chart'] = '2m'")
    viewer.page.goto(viewer.url)  # the address of before names the interval
    expect_shown(viewer, "NVDA", "1m")


def test_choices_take_effect_while_the_server_is_away(viewer: Visitor) -> None:
    """All of them stand in the page: a chart that has its bars is drawn in another way."""
    choose_style(viewer, "Line")  # a menu is loaded when it is opened first
    viewer.page.context.set_offline(True)
    choose_style(viewer, "Area")
    expect_shown(viewer, "AAPL", "1m", "area")
    frame(viewer, "log").click()
    expect(frame(viewer, "log")).to_have_attribute("aria-pressed", "true")
    frame(viewer, "15m").click()
    expect(viewer.page.locator('.chart-frames [aria-pressed="true"]')).to_have_text("15m")
    viewer.page.context.set_offline(False)
    expect_shown(viewer, "AAPL", "15m", "area")
    viewer.forgive("ERR_INTERNET_DISCONNECTED")


def test_the_close_is_the_price_in_every_frame(viewer: Visitor) -> None:
    """Each price is in the running bar before the frame in which the page writes it."""
    for timeframe in ("1m", "1d"):
        frame(viewer, timeframe).click()
        expect_shown(viewer, "AAPL", timeframe)
        frames = viewer.page.evaluate(FRAMES)
        assert len({price for _, price in frames}) > 1
        assert [pair for pair in frames if pair[0] != pair[1]] == []


def test_a_range_shows_its_span_with_a_fitting_interval(viewer: Visitor) -> None:
    """One day from the pre-market on, a year by the calendar, all there is; an interval ends it."""
    page = viewer.page
    frame(viewer, "1D").click()
    expect_shown(viewer, "AAPL", "5m")
    expect(page.locator('.chart-ranges [aria-pressed="true"]')).to_have_text("1D")
    opening = new_york(2026, 11, 25, 4)
    page.wait_for_function(f"document.querySelector('.chart').dataset.from == {opening}")
    frame(viewer, "1Y").click()
    expect_shown(viewer, "AAPL", "1d")
    page.wait_for_function(
        f"""() => {{
            const days = ({OPEN_MS} - document.querySelector('.chart').dataset.from) / 86400000;
            return days > 360 && days < 367;
        }}"""
    )
    frame(viewer, "Max").click()
    page.wait_for_function(
        f"({OPEN_MS} - document.querySelector('.chart').dataset.from) / 86400000 > 700"
    )
    frame(viewer, "1d").click()
    expect(page.locator('.chart-ranges [aria-pressed="true"]')).to_have_count(0)
    page.wait_for_function(
        f"({OPEN_MS} - document.querySelector('.chart').dataset.from) / 86400000 < 360"
    )


def test_the_toolbar_is_one_stop(viewer: Visitor) -> None:
    """Tab comes to it once, arrows lead through it, and it is left where it was entered."""
    page = viewer.page
    frame(viewer, "1D").focus()
    for key, name in (("ArrowRight", "5D"), ("End", "Full screen"), ("ArrowRight", "1D")):
        page.keyboard.press(key)
        expect(frame(viewer, name)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    expect(page.locator(".chart-reader")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(frame(viewer, "5D")).to_be_focused()


def test_indicators_are_drawn_and_have_their_values_in_the_legend(viewer: Visitor) -> None:
    """Each in its colour, as it is chosen; kept by a reload."""
    page, lines = viewer.page, viewer.page.locator(".legend-line")
    page.get_by_role("button", name="Indicators", exact=True).click()
    for name in ("VWAP", "MA 20", "MA 200"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.keyboard.press("Escape")
    figure = r"\d+\.\d\d"
    expected = [re.compile(f"{name} {figure}$") for name in ("VWAP", "MA 20", "MA 200")]
    expect(lines).to_have_text(expected)
    expect_color(viewer, DARK.study_1)
    page.reload()
    expect_shown(viewer, "AAPL", "1m")
    expect(lines).to_have_text(expected)
    page.get_by_role("button", name="Indicators", exact=True).click()
    page.get_by_role("checkbox", name="VWAP", exact=True).uncheck()
    expect(lines).to_have_count(2)


def test_other_symbols_are_compared_in_percent(viewer: Visitor) -> None:
    """By name or symbol, four at most; what is none is refused in a sentence."""
    page, lines = viewer.page, viewer.page.locator(".legend-line")
    page.get_by_role("button", name="Compare", exact=True).click()
    field = page.get_by_label("Symbol to compare with")
    for typed in ("microsoft", "NVDA"):
        field.fill(typed)
        field.press("Enter")
        expect(field).to_have_value("")
    percent = r"[+\u2212]?\d+\.\d\d\u00a0%$"
    expect(lines).to_have_text([re.compile(f"{name} {percent}") for name in ("MSFT", "NVDA")])
    expect_color(viewer, DARK.study_2)
    expect(frame(viewer, "log")).to_be_disabled()
    expect(frame(viewer, "%")).to_have_attribute("aria-pressed", "true")
    field.fill("MSFT")
    field.press("Enter")
    expect(page.locator(".chart-menu [role=status]")).to_contain_text("in the chart already")
    for typed in ("AMZN", "TSLA"):
        field.fill(typed)
        field.press("Enter")
    expect(field).to_be_disabled()
    page.get_by_role("button", name="Compare no more with NVDA").click()
    expect(lines).to_have_count(3)


def test_a_view_that_was_moved_leads_back(viewer: Visitor) -> None:
    """By its button, by a double click, by a key."""
    page, now = viewer.page, viewer.page.locator(".chart-now")
    expect(now).to_be_hidden()
    for way in ("button", "double click", "key"):
        drag_right(viewer)
        expect(now).to_be_visible()
        if way == "button":
            now.click()
        elif way == "key":
            page.keyboard.press("0")
        else:
            page.mouse.dblclick(*middle(viewer))
        expect(now).to_be_hidden()


def test_the_wheel_and_keys_zoom(viewer: Visitor) -> None:
    """Fewer bars are in view, then more."""
    page = viewer.page
    began = oldest_in_view(viewer)
    page.mouse.move(*middle(viewer))
    for _ in range(3):
        page.mouse.wheel(0, -300)
    page.wait_for_function(f"document.querySelector('.chart').dataset.from > {began}")
    page.locator(".chart-reader").focus()
    for _ in range(8):
        page.keyboard.press("-")
    page.wait_for_function(f"document.querySelector('.chart').dataset.from < {began}")
    for _ in range(40):  # older bars have come, so the view begins further back
        page.keyboard.press("+")
        if oldest_in_view(viewer) > began:
            break
    page.wait_for_function(f"document.querySelector('.chart').dataset.from > {began}")


def test_a_drag_with_shift_or_the_right_button_measures(viewer: Visitor) -> None:
    """The view stays; what was measured goes with the next press."""
    page, (x, y) = viewer.page, middle(viewer)
    began = oldest_in_view(viewer)
    for button in ("left", "right"):
        if button == "left":
            page.keyboard.down("Shift")
        page.mouse.move(x - 100, y)
        page.mouse.down(button=button)
        page.mouse.move(x, y - 60, steps=3)
        page.mouse.up(button=button)
        page.keyboard.up("Shift")
        measured = page.locator(".chart[data-measured]")
        expect(measured).to_have_attribute("data-measured", re.compile(r"\+.*%.* bars"))
        assert oldest_in_view(viewer) <= began + 60_000
        page.mouse.click(x, y)
        expect(measured).to_have_count(0)


def test_it_fills_the_screen_and_comes_back(viewer: Visitor) -> None:
    """By key or button; the symbol is named there."""
    page, symbol = viewer.page, viewer.page.locator(".legend-symbol")
    expect(symbol).to_be_hidden()
    page.keyboard.press("f")
    expect(symbol).to_have_text("AAPL")
    expect(symbol).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    expect(symbol).to_be_hidden()


def test_times_are_of_the_zone_that_is_chosen(viewer: Visitor) -> None:
    """The exchange's by default; the header's clock has the same."""
    time, header = viewer.page.locator(".legend-time"), viewer.page.locator(".session-clock")
    expect(time).to_have_text(re.compile(r" ET$"))
    expect(header).to_have_text(re.compile(r"^11:.*ET$"))
    choose(viewer, "UTC")
    expect(time).to_have_text(re.compile(r" UTC$"))
    expect(header).to_have_text(re.compile(r"^16:.*UTC$"))
    viewer.page.reload()
    expect(time).to_have_text(re.compile(r" UTC$"))


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
    credit = page.locator(".credit").filter(has_text="Charts")
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


def test_a_phone_has_its_ranges_in_one_strip(visit: Visit, server: Process) -> None:
    """From edge to edge, each as high as a finger and as wide as the others, with the chosen one
    lifted.
    """
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live("AAPL")
    visitor.open("AAPL")
    strip = visitor.page.get_by_role("group", name="Range")
    strip.get_by_role("button", name="1D").tap()
    boxes = [box for one in strip.get_by_role("button").all() if (box := one.bounding_box())]
    widths = [box["width"] for box in boxes]
    assert len(boxes) == 6
    assert max(widths) - min(widths) < 1
    assert all(box["height"] >= 44 for box in boxes)
    assert boxes[0]["x"] < 20
    assert boxes[-1]["x"] + boxes[-1]["width"] > PHONE["width"] - 20
    chosen = strip.get_by_role("button", pressed=True)
    expect(chosen).to_have_text("1D")
    expect(chosen).to_have_css("background-color", rgb(DARK.panel))
    expect(strip).to_have_css("background-color", rgb(DARK.raised))


def test_a_phone_has_a_chart_too(visit: Visit, server: Process) -> None:
    """As wide as the screen, with every choice in reach and nothing to scroll sideways."""
    options: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    visitor = visit(server.http, **options)
    visitor.row("AAPL").tap()
    expect_shown(visitor, "AAPL", "1m")
    frame(visitor, "1d").tap()
    expect_shown(visitor, "AAPL", "1d")
    box = visitor.page.locator(".chart-canvas").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, PHONE["width"])
    assert 280 <= box["height"] <= 360
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


def test_a_symbol_that_is_refused_says_so_in_the_chart(visit: Visit, hand: Hand) -> None:
    """Instead of an empty one."""
    with visit(hand.http) as visitor:
        visitor.expect_live("AAPL")
        visitor.add_as_typed("XXXQ")
        visitor.expect_selected("XXXQ")
        hand.do("viewed", "XXXQ")
        hand.do("reject", "XXXQ")
        expect(visitor.page.locator(".chart-empty")).to_have_text("XXXQ is not known to the feed")


def test_a_chart_that_a_closed_market_leaves_empty_says_so(visit: Visit) -> None:
    """Of the seconds of Friday nothing is known on a Saturday, and what is traded then is none."""
    saturday_ms = MOMENTS["Saturday noon"]
    with (
        photon(None, saturday_ms, PHOTON_SYMBOLS="AAPL") as process,
        visit(process.http, at=saturday_ms) as visitor,
    ):
        visitor.expect_live("AAPL")
        expect_shown(visitor, "AAPL", "1m")
        expect(visitor.page.locator(".legend-day")).to_have_text(re.compile(r"^Fri, .* · closed$"))
        frame(visitor, "1s").click()
        empty = visitor.page.locator(".chart-empty")
        expect(empty).to_contain_text("while the market is closed")
        assert empty.evaluate(ON_TOP)
