"""What somebody does on the page, and what everything on it is called: no other file has selectors.

Controls are found by role and name, as people with a screen reader find them. Of the page's own
marks only those are used that other programs may rely on too: ``data-quote``, ``data-selected`` and
the chart's ``data-shown``.
"""

import contextlib
import json
import re
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.hand import Hand
from tests.page.visitor import Visitor
from tests.walk.sizes import Size

PRICE = re.compile(r"\d\.\d\d")
LOST = re.compile("reconnecting|connection (is )?lost", re.IGNORECASE)
FIND = re.compile("^(add|search|find)", re.IGNORECASE)
MORE = re.compile("^(more|menu)", re.IGNORECASE)
INTERVALS = ("1s", "5m", "15m", "1h", "1d", "1m")
RANGES = ("5D", "1M", "YTD", "1Y", "Max", "1D")

HELD = """(() => {
  const Real = WebSocket;
  const held = () => Object.assign(new EventTarget(), { readyState: 0, send() {}, close() {} });
  const isHeld = (url) => new URL(url, location).pathname === "/ws";
  globalThis.WebSocket = new Proxy(Real, {
    construct: (_, [url, ...more]) => (isHeld(url) ? held() : new Real(url, ...more)),
  });
})()"""
"""Runs before the page: its connection to ``/ws`` is made, and nothing comes of it."""


def stored(*symbols: str) -> str:
    """Runs before the page: the visitor's list is this one."""
    text = json.dumps({"v": 1, "symbols": symbols})
    return f"localStorage.setItem('photon.watchlist', {json.dumps(text)})"


@dataclass
class Guest:
    """Somebody on the page."""

    visitor: Visitor
    process: Process
    """The Photon of it."""
    size: Size
    later: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """What is ended when the guest has gone."""

    @property
    def page(self) -> Page:
        """The browser's page."""
        return self.visitor.page

    @property
    def feed(self) -> Hand:
        """The Photon of it, where its feed is played by hand."""
        assert isinstance(self.process, Hand)
        return self.process

    @property
    def rows(self) -> Locator:
        """All rows of the list."""
        return self.page.locator("main [data-quote]:not(section)")

    @property
    def field(self) -> Locator:
        """Where a symbol is typed."""
        return self.page.get_by_role("combobox").first

    @property
    def options(self) -> Locator:
        """What is suggested."""
        return self.page.get_by_role("listbox", name="Suggestions").get_by_role("option")

    def row(self, symbol: str) -> Locator:
        """One row of the list."""
        return self.page.locator(f'main [data-quote="{symbol}"]:not(section)')

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by its name, whole and in any case."""
        pattern = (
            re.compile(f"^{re.escape(name)}$", re.IGNORECASE) if isinstance(name, str) else name
        )
        return self.page.get_by_role("button", name=pattern)

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button, or what the menu has in its place where there is no room for it."""
        shown = self.button(name).filter(visible=True)
        if shown.count() == 0 and self.size.phone:
            self.button(MORE).filter(visible=True).first.click()
            item = self.page.get_by_role("menuitem", name=name)
            shown = shown.or_(item).filter(visible=True)
        shown.first.click()

    def see_prices(self, *symbols: str) -> None:
        """Wait until rows have prices; the default ones, if none are named."""
        for symbol in symbols or DEFAULT_SYMBOLS:
            expect(self.row(symbol)).to_contain_text(PRICE)

    def see_chart(self, shown: str = "") -> None:
        """Wait until the chart shows a symbol, or a symbol and an interval."""
        if not self.size.phone:
            expect(self.page.locator(f'.chart[data-shown^="{shown}"]').first).to_be_visible()

    def select(self, symbol: str) -> None:
        """Choose a row."""
        self.row(symbol).get_by_text(symbol, exact=True).first.click()
        expect(self.row(symbol)).to_have_attribute("data-selected", "true")

    def open_search(self) -> None:
        """Begin to look for a symbol."""
        if self.field.is_visible():
            self.field.click()
        else:
            self.button(re.compile("^(add|search|find)", re.IGNORECASE)).filter(
                visible=True
            ).first.click()
        expect(self.field).to_be_focused()

    def look_for(self, typed: str) -> None:
        """Type, and wait until something is suggested."""
        self.open_search()
        self.page.keyboard.type(typed, delay=10)
        expect(self.options.first).to_be_visible()

    def open_symbol(self, symbol: str) -> None:
        """On a phone: a tap on a row opens the symbol's own page."""
        self.row(symbol).get_by_text(symbol, exact=True).first.tap()
        self.page.wait_for_url(f"**/s/{symbol}*")
        expect(self.page.get_by_role("heading", name=symbol).first).to_be_visible()

    def kill_server(self) -> None:
        """End the server without a word, and wait until the page says so."""
        self.process.kill()
        expect(self.page.get_by_text(LOST).filter(visible=True).first).to_be_visible()
        self.visitor.forgive("")  # what browsers write about a server that is not there

    def start_server(self) -> None:
        """Start it again, and wait until a price moves."""
        before = self.row("AAPL").inner_text()
        self.later.enter_context(photon(None, OPEN_MS, PORT=self.process.port))
        expect(self.page.get_by_text(LOST).filter(visible=True)).to_have_count(0)
        expect(self.row("AAPL")).not_to_have_text(before, use_inner_text=True)
        self.visitor.forgive("")

    def tool(self, text: str) -> Locator:
        """A button of the page by the text that it shows; aloud it may be called otherwise."""
        return self.page.locator("main button").filter(has_text=re.compile(f"^{text}$")).first

    def intervals(self) -> None:
        """Press each interval of the chart."""
        for interval in INTERVALS:
            self.tool(interval).click()
            self.see_chart(f"AAPL {interval}")

    def ranges(self) -> None:
        """Press each range of the chart."""
        for name in RANGES:
            self.tool(name).click()
            expect(self.tool(name)).to_have_attribute("aria-pressed", "true")

    def sort(self, column: str) -> None:
        """Press a column's title."""
        title = self.page.get_by_role("columnheader", name=re.compile(f"^{column}", re.IGNORECASE))
        title.get_by_role("button").or_(title).first.click()
        expect(title).to_have_attribute("aria-sort", re.compile("ascending|descending"))

    def choose(self, name: str) -> None:
        """Choose a theme, a pair of colours, or a zone."""
        self.press("Appearance")
        self.page.get_by_role("radio", name=name, exact=True).click(force=True)  # or its label
        self.page.keyboard.press("Escape")
