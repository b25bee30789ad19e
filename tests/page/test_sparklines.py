"""The small lines of the watchlist: the day so far of each symbol."""

import re
from typing import Any

from playwright.sync_api import Locator, expect

from photon_app.listings import bundled
from photon_app.settings import DEFAULT_SYMBOLS
from photon_app.ui.theme import DARK, LIGHT
from tests.fakes.dates import MOMENTS
from tests.fakes.process import photon
from tests.page.conftest import Visit
from tests.page.visitor import WIDE, Visitor

DRAWN = re.compile(r"^M[\d.]+,[\d.]+L")


def line(visitor: Visitor, symbol: str) -> Locator:
    return visitor.row(symbol).locator(".spark-line")


def expect_drawn(visitor: Visitor, *symbols: str) -> None:
    """Wait until each has a line of at least two points."""
    for symbol in symbols:
        expect(line(visitor, symbol)).to_have_attribute("d", DRAWN)


def rgb(color: str) -> str:
    """A token as the browser writes it."""
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


def asked(visitor: Visitor) -> list[str]:
    return [url for url in visitor.requests if "/api/sparklines" in url]


def test_every_symbols_day_is_drawn_and_asked_for_at_once(visitor: Visitor) -> None:
    """One request for all rows that are in view, none while they are looked at again."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect_drawn(visitor, *DEFAULT_SYMBOLS)  # the server knows their days now
    visitor.requests.clear()
    visitor.page.reload()
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect_drawn(visitor, *DEFAULT_SYMBOLS)
    visitor.page.mouse.wheel(0, 300)
    visitor.row("AAPL").click()
    visitor.expect_selected("AAPL")
    assert len(asked(visitor)) == 1
    assert all(symbol in asked(visitor)[0] for symbol in DEFAULT_SYMBOLS)


def test_a_line_has_the_colour_of_its_change(visitor: Visitor) -> None:
    """In each theme, without being drawn again."""
    visitor.expect_live("AAPL")
    expect_drawn(visitor, "AAPL")
    spark = visitor.row("AAPL").locator(".spark")
    expect(spark).to_have_attribute("data-direction", re.compile("up|down"))
    for scheme, palette in (("dark", DARK), ("light", LIGHT)):
        visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        either = "|".join(re.escape(rgb(color)) for color in (palette.up, palette.down))
        expect(spark).to_have_css("color", re.compile(either))


def test_a_lines_width_is_the_days_clock(visitor: Visitor) -> None:
    """It ends where the newest price is between the begin and the end of the sessions."""
    visitor.expect_live("AAPL")
    expect_drawn(visitor, "AAPL")
    answer: Any = visitor.page.request.get("/api/sparklines?symbols=AAPL").json()
    day = answer["sparklines"][0]
    share = (day["points"][-1][0] - day["from"]) / (day["to"] - day["from"])
    assert 0.05 < share < 0.95
    path = line(visitor, "AAPL").get_attribute("d") or ""
    last = float(path.split("L")[-1].split(",")[0])
    step = 100 * day["step_ms"] / (day["to"] - day["from"])
    assert abs(last - 100 * share) <= step + 0.1


def test_a_row_that_comes_back_has_its_line_again(visitor: Visitor) -> None:
    """Without asking, as long as it was not away for long."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    expect_drawn(visitor, *DEFAULT_SYMBOLS)
    visitor.requests.clear()
    visitor.row("NFLX").hover()
    visitor.page.get_by_label("Remove NFLX").click()
    expect(visitor.row("NFLX")).to_have_count(0)
    visitor.add("NFLX")
    expect_drawn(visitor, "NFLX")
    assert not asked(visitor)


def test_a_symbol_that_is_new_to_the_server_has_its_day_soon(visitor: Visitor) -> None:
    """The first answer may come before its day was looked up; the line is asked for again."""
    visitor.expect_live("AAPL")
    visitor.add("KO")
    expect_drawn(visitor, "KO")


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
            expect_drawn(visitor, name)
            direction = change.get_attribute("data-direction") or ""
            expect(visitor.row(name).locator(".spark")).to_have_attribute(
                "data-direction", re.compile("up|down") if name == "IC MARKETS:1" else direction
            )


def test_only_the_line_falls_away_where_the_list_is_narrow(visitor: Visitor) -> None:
    """Price, change and age stay at every width of a desk; the line is there wherever it fits."""
    visitor.expect_live("AAPL")
    for width in range(1900, 820, -40):
        visitor.page.set_viewport_size({"width": width, "height": WIDE["height"]})
        for name in ("c-symbol", "c-last", "c-change", "c-age"):
            expect(visitor.row("AAPL").locator(f".{name}")).to_be_in_viewport(ratio=0.99)
        expect(visitor.row("AAPL").locator(".c-spark")).to_be_visible(visible=width >= 1100)
