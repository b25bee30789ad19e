"""The small lines of the watchlist: the day so far of each symbol."""

import re

from playwright.sync_api import expect

from photon_app.listings import bundled
from photon_app.settings import DEFAULT_SYMBOLS
from photon_app.ui.theme import DARK, LIGHT, Palette
from tests.fakes.dates import MOMENTS
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit
from tests.page.visitor import WIDE, Visitor

COLORS = """(symbol) => {
  const canvas = document.querySelector(`tr[data-quote="${symbol}"] canvas.spark`);
  const copy = new OffscreenCanvas(canvas.width || 1, canvas.height || 1);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  const colors = new Map();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue;
    const hex = [0, 1, 2].map((part) => data[at + part].toString(16).padStart(2, "0")).join("");
    colors.set(`#${hex}`, (colors.get(`#${hex}`) ?? 0) + 1);
  }
  return Object.fromEntries(colors);
}"""
"""How many of a line's pixels are wholly of which colour."""

LINE = f"Object.values(({COLORS})(symbol)).some((count) => count > 30)"
"""Whether there is more of a line than the dot of a newest price."""

RUNS = """([symbol, color]) => {
  const canvas = document.querySelector(`tr[data-quote="${symbol}"] canvas.spark`);
  const { width, height } = canvas;
  if (!width) return 0;
  const copy = new OffscreenCanvas(width, height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const rows = new Set();
  for (let at = 0; at < data.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
    const near = wanted.every((value, part) => Math.abs(data[at + part] - value) < 24);
    if (x > width * 0.6 && near && data[at + 3] > 64) rows.add(y);
  }
  return rows.size;
}"""
"""In how many rows of pixels the right part of a line of one colour runs."""

DRAWN = f"""([symbol, colors]) => {{
  const found = ({COLORS})(symbol);
  return colors.some((color) => found[color] > 2);
}}"""


def expect_drawn(visitor: Visitor, palette: Palette, *, alternative: bool = False) -> None:
    """Wait until every line has a colour of up, down or neither."""
    pair = (
        [palette.up_alternative, palette.down_alternative]
        if alternative
        else [palette.up, palette.down]
    )
    for symbol in DEFAULT_SYMBOLS:
        visitor.page.wait_for_function(DRAWN, arg=[symbol, [*pair, palette.muted]])


def test_every_symbols_day_is_drawn(visitor: Visitor) -> None:
    """In the colour of its change, again when theme or pair is another."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect_drawn(visitor, DARK)
    visitor.page.emulate_media(color_scheme="light")
    expect_drawn(visitor, LIGHT)
    visitor.page.get_by_role("button", name="Appearance").click()
    visitor.page.get_by_role("radio", name="Blue, orange", exact=True).click()
    expect_drawn(visitor, LIGHT, alternative=True)


def test_a_line_is_as_sharp_as_the_screen(visit: Visit, server: Process) -> None:
    """It has as many pixels as the screen has in its place."""
    visitor = visit(server.http, device_scale_factor=3)
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect_drawn(visitor, DARK)
    line = visitor.row("AAPL").locator("canvas.spark")
    size = line.evaluate("(c) => [c.width / c.clientWidth, c.height / c.clientHeight]")
    assert size == [3, 3]


def test_a_row_that_comes_back_has_its_line_again(visitor: Visitor) -> None:
    """Each time it is asked for once: the day, and its bars."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    visitor.page.wait_for_function(f"(symbol) => {LINE}", arg="NFLX")
    visitor.row("NFLX").hover()
    visitor.page.get_by_label("Remove NFLX").click()
    expect(visitor.row("NFLX")).to_have_count(0)
    visitor.row("AAPL").click()
    with visitor.page.expect_response(lambda r: "symbol=NFLX&timeframe=5m" in r.url):
        visitor.add("NFLX")
    visitor.page.wait_for_function(f"(symbol) => {LINE}", arg="NFLX")
    bars = [url for url in visitor.requests if "/api/bars?symbol=NFLX" in url]
    asked = [url for url in bars if "timeframe=1m" not in url]
    assert [url.split("timeframe=")[1].split("&")[0] for url in asked] == ["1d", "5m"] * 2


def test_a_symbol_that_is_new_to_the_server_has_its_day_soon(visitor: Visitor) -> None:
    """The first answer comes before its day was looked up; the line is asked for again."""
    visitor.expect_live("AAPL")
    visitor.add("KO")
    expect(visitor.row("KO").locator("canvas.spark")).to_be_visible()
    visitor.page.wait_for_function(f"(symbol) => {LINE}", arg="KO")


def test_a_line_that_is_asked_for_on_a_weekend_is_that_of_the_last_session(visit: Visit) -> None:
    """What is traded meanwhile is none of it, and its colour is that of the change."""
    saturday_ms = MOMENTS["Saturday noon"]
    names = ("BAC$L", "ACAQ+", "^GSPC", "IC MARKETS:1", "KO", "7203.T")
    with (
        photon(None, saturday_ms, PHOTON_SYMBOLS="AAPL") as process,
        visit(process.http, at=saturday_ms) as visitor,
    ):
        visitor.expect_live("AAPL")
        for name in names:
            (visitor.add if name in bundled() else visitor.add_as_typed)(name)
            visitor.expect_live(name)
        for name in names:
            change = visitor.row(name).locator(".change")
            expect(change).to_have_attribute("data-direction", re.compile("up|down"))
            visitor.page.wait_for_function(
                f"(args) => args[1].some((color) => ({RUNS})([args[0], color]) > 3)",
                arg=[name, [DARK.up, DARK.down]],
            )


def test_columns_fall_away_in_their_order(visitor: Visitor) -> None:
    """With less room first the volume, which the right side has, then age, range and line."""
    visitor.expect_live("AAPL")
    order = ("c-volume", "c-age", "c-range", "c-spark")
    gone: list[str] = []
    for width in range(1900, 820, -40):
        visitor.page.set_viewport_size({"width": width, "height": WIDE["height"]})
        for name in order:
            if name not in gone and not visitor.row("AAPL").locator(f".{name}").is_visible():
                gone.append(name)
    assert tuple(gone) == order
