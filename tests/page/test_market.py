"""The overview, as somebody sees and uses it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from photon_app.ui.theme import DARK, LIGHT, Palette
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.test_theme import rgb
from tests.page.visitor import PHONE, Visitor

NAMES = {"NVDA": "NVIDIA", "AAPL": "Apple", "BINANCE:BTCUSDT": "Bitcoin", "MSFT": "Microsoft"}
CHANGES = {
    "NVDA": (180.0, 1.97, 9e9),
    "AAPL": (284.0, -0.84, 6e9),
    "BINANCE:BTCUSDT": (92_490.82, 4.2, 3e9),
    "MSFT": (470.46, 0.0, 1e9),
    "AMD": (164.2, -3.48, 5e8),
    "KO": (71.0, 0.41, 1e8),
}
WIDTHS = (360, 768, 1280, 1920, 2560)


def listed(symbol: str, price: float | None, percent: float | None, value: float) -> dict[str, Any]:
    """One symbol as the server lists it."""
    return {
        "symbol": symbol,
        "name": NAMES.get(symbol, ""),
        "price": price,
        "prev_close": None,
        "change_percent": percent,
        "change": None,
        "day_volume": 1_000.0,
        "turnover": value,
        "day": None,
        "session": "regular",
        "state": "live",
        "decimals": 2,
    }


class Answers:
    """What the server answers about the market."""

    def __init__(self) -> None:
        self.symbols = [listed(symbol, *figures) for symbol, figures in CHANGES.items()]
        self.failing = False
        self.count = 0

    def give(self, route: Route) -> None:
        """One answer."""
        self.count += 1
        body = {"source": "simulated", "feed": "simulated", "delay_ms": None, "market": "regular"}
        answer = json.dumps({**body, "followed": len(self.symbols), "symbols": self.symbols})
        route.fulfill(status=503 if self.failing else 200, body="{}" if self.failing else answer)


@pytest.fixture
def answers() -> Answers:
    """A market that stands still, until a test moves it."""
    return Answers()


@pytest.fixture
def visitor(visit: Visit, server: Process, answers: Answers) -> Iterator[Visitor]:
    """Somebody on the overview."""
    with visit(server.http) as opened:
        open_overview(opened, answers)
        yield opened


def open_overview(visitor: Visitor, answers: Answers) -> None:
    """Go there, and wait for its figures."""
    visitor.context.route("**/api/market", answers.give)
    visitor.page.goto(f"{visitor.url}/market")
    expect(tiles(visitor.page)).to_have_count(len(CHANGES))


def tiles(page: Page) -> Locator:
    """Those of the heat map, the largest first."""
    return page.locator(".tile")


def focused(page: Page) -> str:
    """Where the focus is, in words."""
    text: str = page.evaluate("document.activeElement.innerText")
    return text.partition("\n")[0].strip()


def test_it_says_whose_symbols_these_are(visitor: Visitor) -> None:
    """How many, that they are not the market, and that prices are invented."""
    note = visitor.page.locator(".market-note")
    expect(note).to_contain_text("6 symbols followed here, not the whole market")
    expect(note).to_contain_text("SIMULATED")
    expect(visitor.badge).to_have_text("SIMULATED")


def test_every_tile_has_name_sign_and_number_and_leads_to_its_symbol(visitor: Visitor) -> None:
    """The most traded one is the first, and the largest."""
    expect(tiles(visitor.page)).to_have_text(
        [
            re.compile(r"NVDA\W+\+1\.97"),
            re.compile(r"AAPL\W+−0\.84"),
            re.compile(r"BTCUSDT\W+\+4\.20"),
            re.compile(r"MSFT\W+0\.00"),
            re.compile(r"AMD\W+−3\.48"),
            re.compile(r"KO\W+\+0\.41"),
        ]
    )
    hrefs = tiles(visitor.page).evaluate_all("(all) => all.map((one) => one.getAttribute('href'))")
    assert hrefs[:3] == ["/s/NVDA", "/s/AAPL", "/s/BINANCE%3ABTCUSDT"]
    boxes = [tile.bounding_box() for tile in tiles(visitor.page).all()]
    areas = [box["width"] * box["height"] for box in boxes if box]
    assert areas == sorted(areas, reverse=True)


def test_the_search_leads_to_what_was_chosen(visitor: Visitor) -> None:
    """Its key works here too, and the header says where one is."""
    link = visitor.page.get_by_role("link", name="Market")
    expect(link).to_have_attribute("aria-current", "page")
    visitor.page.keyboard.press("/")
    expect(visitor.field).to_be_focused()
    visitor.page.keyboard.type("oracle", delay=10)
    expect(visitor.page.get_by_role("option", name="ORCL")).to_be_visible()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/s/ORCL")
    visitor.expect_selected("ORCL")


def test_tiles_stay_where_they_are_while_their_figures_change(
    visitor: Visitor, answers: Answers
) -> None:
    """Although another symbol is traded more by now."""
    before = [tile.bounding_box() for tile in tiles(visitor.page).all()]
    answers.symbols = [listed(s, p, 1.5, v) for s, (p, _, v) in CHANGES.items() if s != "KO"]
    answers.symbols.append(listed("KO", 71.0, 1.5, 1e11))
    expect(tiles(visitor.page).first).to_contain_text("+1.50")
    assert [tile.bounding_box() for tile in tiles(visitor.page).all()] == before


def test_the_heat_map_is_one_stop_in_which_arrows_move(visitor: Visitor) -> None:
    """And Enter opens; the stop stays where the focus was."""
    page = visitor.page
    tiles(page).first.focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) in {"AAPL", "BTCUSDT"}
    for key, name in (("Home", "NVDA"), ("End", "KO"), ("PageUp", "AMD")):
        page.keyboard.press(key)
        assert focused(page) == name, key
    stops = tiles(page).evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length")
    assert stops == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "AMD"
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/AMD")
    visitor.forgive("404")


def test_the_overview_has_few_stops(visitor: Visitor) -> None:
    """Whatever the number of symbols: one for each group of links."""
    stops = visitor.page.locator("main :is(a, button, [tabindex]):not([tabindex='-1'])")
    expect(stops).to_have_count(6)


def test_movers_are_ordered_by_how_far_they_moved(visitor: Visitor) -> None:
    """Each in their direction, and what stands still in none."""
    for name, symbols in (("Up most", ["BTCUSDT", "NVDA", "KO"]), ("Down most", ["AMD", "AAPL"])):
        rows = visitor.page.get_by_role("list", name=name)
        expect(rows.locator(".mover-name b")).to_have_text(symbols)
    expect(visitor.page.get_by_role("list", name="Up most")).to_contain_text("92,490.82")


def test_breadth_counts_up_flat_and_down(visitor: Visitor) -> None:
    """In words and numbers beside the bar."""
    breadth = visitor.page.locator(".balance").first
    expect(breadth).to_contain_text(re.compile(r"3\s+up.*1\s+unchanged.*2\s+down"))


def motion(page: Page) -> str:
    """What the ticker's band does."""
    script = "(band) => { const { animationName, animationPlayState } = getComputedStyle(band);"
    script += " return animationName === 'none' ? 'none' : animationPlayState; }"
    state: str = page.locator(".ticker-band").evaluate(script)
    return state


def test_the_ticker_stops_while_it_is_read(visitor: Visitor) -> None:
    """While it is pointed at or in focus, and by its button."""
    page = visitor.page
    pause = page.get_by_role("button", name="Pause the ticker")
    assert motion(page) == "running"
    page.locator(".ticker-view").hover()
    assert motion(page) == "paused"
    page.mouse.move(700, 500)
    assert motion(page) == "running"
    pause.focus()
    page.keyboard.press("Tab")
    assert motion(page) == "paused"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(pause).to_have_attribute("aria-pressed", "true")
    assert motion(page) == "paused"
    page.keyboard.press("Enter")
    assert motion(page) == "running"


def test_without_motion_the_ticker_stands_still(visitor: Visitor) -> None:
    """And shows each symbol once."""
    visitor.page.emulate_media(reduced_motion="reduce")
    assert motion(visitor.page) == "none"
    expect(visitor.page.locator(".ticker-band li:visible")).to_have_count(len(CHANGES))


def test_without_an_answer_the_last_figures_stay_and_it_says_so(
    visitor: Visitor, answers: Answers
) -> None:
    """Until there is one again."""
    answers.failing = True
    lost = visitor.page.locator(".market-lost")
    expect(lost).to_have_text("The server does not answer: the last known figures")
    expect(tiles(visitor.page)).to_have_count(len(CHANGES))
    answers.failing = False
    expect(lost).to_have_text("")
    visitor.forgive("503")


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_the_tint_of_a_tile_grows_with_its_change(visitor: Visitor, palette: Palette) -> None:
    """Between a tenth and the whole of it, and none for what stands still."""
    visitor.page.emulate_media(color_scheme="dark" if palette is DARK else "light")
    expect(visitor.page.locator("html")).to_have_css("background-color", rgb(palette.bg))
    grounds = tiles(visitor.page).evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(grounds)) == len(grounds)
    assert grounds[3] == rgb(palette.raised)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off(visitor: Visitor, width: int) -> None:
    """At any width: nothing to scroll sideways, and each tile's text is inside it."""
    visitor.expect_in_width(width)
    visitor.page.set_viewport_size({"width": width, "height": 900})
    for tile in tiles(visitor.page).all():
        inner, outer = tile.locator("span").first.bounding_box(), tile.bounding_box()
        assert inner
        assert outer
        assert inner["width"] <= outer["width"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 0.5


def test_a_phone_shows_the_movers_first(visit: Visit, server: Process, answers: Answers) -> None:
    """The heat map is below them."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    open_overview(visitor, answers)
    movers = visitor.page.locator(".market-movers").bounding_box()
    heat = visitor.page.locator(".heat-panel").bounding_box()
    assert movers
    assert heat
    assert movers["y"] + movers["height"] <= heat["y"]
    assert heat["width"] == PHONE["width"]


def test_the_page_of_prices_loads_nothing_of_it(visit: Visit, server: Process) -> None:
    """No script of the overview or of the developers' page comes before they are opened."""
    visitor = visit(server.http)
    visitor.expect_live("AAPL")
    visitor.page.wait_for_load_state("networkidle")
    scripts = [httpx.get(url).text for url in visitor.requests if url.endswith(".js")]
    assert scripts
    assert not any("/api/market" in script or "console-frames" in script for script in scripts)


def test_the_server_finds_nothing_wrong_with_what_these_pages_send(
    visit: Visit, server: Process, answers: Answers
) -> None:
    """Their events pass the rules of the page's socket."""
    before = httpx.get(f"{server.http}/health").json()["page_refused"]
    visitor = visit(server.http)
    open_overview(visitor, answers)
    visitor.page.goto(f"{visitor.url}/developers")
    expect(visitor.badge).to_have_text("SIMULATED")
    visitor.page.wait_for_load_state("networkidle")
    assert len(visitor.sockets_to("/_event")) == 3
    assert httpx.get(f"{server.http}/health").json()["page_refused"] == before
