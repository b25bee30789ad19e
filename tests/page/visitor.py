"""One visitor: a browser's profile with one page open, and what the page asked for and said."""

import re
import time
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.fakes.dates import OPEN_MS

WIDE = {"width": 1440, "height": 860}
PHONE = {"width": 360, "height": 780}


CLOCK = """(ahead) => {
  const System = Date;
  globalThis.Date = class extends System {
    constructor(...given) { given.length ? super(...given) : super(System.now() + ahead); }
    static now() { return System.now() + ahead; }
  };
}"""
"""Moves a browser's clock, which goes on from there."""
LEFT = re.compile(r"/_event/.*WebSocket is closed before the connection is established")
"""What a browser says of a page that is left while Reflex's socket is being opened."""
NO_WORKER = "Service Worker registration blocked by Playwright"


def clock_at(moment: int = OPEN_MS) -> str:
    """An init script after which a page's clock goes on from a moment, UNIX ms."""
    return f"({CLOCK})({moment - time.time_ns() // 1_000_000})"


class Visitor:
    """Opens Photon's page in a profile of its own and remembers everything that leaves it.

    Args:
        browser: the tests' one browser.
        url: the page.
        at: the moment of its clock when it comes, UNIX ms.
        init_script: runs in the page before its own scripts.
        options: of ``Browser.new_context``; a service worker is not registered unless allowed.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        at: int = OPEN_MS,
        init_script: str = "",
        **options: Any,
    ) -> None:
        defaults = {
            "viewport": WIDE,
            "locale": "en-US",
            "color_scheme": "dark",
            "base_url": url,
            "service_workers": "block",
        }
        self.url = url
        self.context = browser.new_context(**{**defaults, **options})
        self.context.set_default_timeout(20_000)
        self.complaints: list[str] = []
        """What went wrong, in the browser's words."""
        self.requests: list[str] = []
        self.sockets: list[str] = []
        self.context.add_init_script(clock_at(at))
        if init_script:
            self.context.add_init_script(init_script)
        self.page = self.tab()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave; a second time is fine."""
        self.context.close()

    def tab(self) -> Page:
        """One more page of the same profile."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.goto(self.url)
        return page

    @property
    def badge(self) -> Locator:
        """The words of the feed badge."""
        return self.page.locator(".badge").get_by_role("status")

    @property
    def rows(self) -> Locator:
        """The rows of the watchlist."""
        return self.page.locator("tr[data-quote]")

    @property
    def field(self) -> Locator:
        """Where a symbol is typed."""
        return self.page.get_by_label("Add a symbol", exact=True)

    @property
    def notice(self) -> Locator:
        """What became of the text in the field."""
        return self.page.locator("#add-notice")

    def row(self, symbol: str) -> Locator:
        """One symbol's row."""
        return self.page.locator(f'tr[data-quote="{symbol}"]')

    def price(self, symbol: str) -> Locator:
        """One symbol's last price."""
        return self.row(symbol).locator(".price-text > span")

    def symbols(self) -> list[str]:
        """The symbols of the watchlist, in order."""
        return self.rows.locator(".symbol").all_text_contents()

    def expect_symbols(self, *symbols: str) -> None:
        """Wait until the watchlist is this one."""
        expect(self.rows.locator(".symbol")).to_have_text(symbols)

    def sockets_to(self, path: str) -> list[str]:
        """The WebSockets opened to one path so far."""
        return [url for url in self.sockets if urlsplit(url).path.rstrip("/") == path]

    def add(self, typed: str) -> None:
        """Type into the field and press Enter."""
        self.field.fill(typed)
        self.field.press("Enter")

    def add_as_typed(self, typed: str) -> None:
        """Type a symbol that is in no listing, and choose to add it all the same."""
        self.field.fill(typed)
        self.page.get_by_role("option", name="as typed").click()

    def expect_live(self, *symbols: str) -> None:
        """Wait until these symbols show a price of a connection that is up."""
        for symbol in symbols:
            expect(self.row(symbol)).to_have_attribute("data-state", "live")
            expect(self.price(symbol)).to_have_text(re.compile(r"\d"))

    def expect_moving(self, symbol: str) -> None:
        """Wait until a price is another."""
        expect(self.price(symbol)).not_to_have_text(self.price(symbol).inner_text())

    def open(self, symbol: str) -> None:
        """On a telephone: from the list to a symbol, which has the whole screen."""
        self.row(symbol).click()
        expect(self.page.locator(".stage")).to_be_visible()
        expect(self.page.locator(".list-panel")).to_be_hidden()
        self.expect_selected(symbol)

    def back(self) -> None:
        """On a telephone: from a symbol back to the list."""
        self.page.get_by_role("button", name="List", exact=True).click()
        expect(self.page.locator(".list-panel")).to_be_visible()

    def expect_selected(self, symbol: str) -> None:
        """Wait until a symbol is the one that the right side shows."""
        expect(self.row(symbol)).to_have_attribute("data-selected", "true")
        expect(self.page.locator(".detail-symbol")).to_have_text(symbol)

    def expect_in_width(self, width: int) -> None:
        """The page fits a screen so wide: nothing to scroll sideways, header included."""
        self.page.set_viewport_size({"width": width, "height": PHONE["height"]})
        for element in ("html", ".header"):
            expect(self.page.locator(element)).to_have_js_property("scrollWidth", width)

    def forgive(self, pattern: str) -> None:
        """Forget the complaints that a test makes the browser utter."""
        self.complaints[:] = [text for text in self.complaints if not re.search(pattern, text)]

    def _console(self, message: ConsoleMessage) -> None:
        if LEFT.search(message.text):
            return
        if message.type in {"error", "warning"} and message.text != NO_WORKER:
            self.complaints.append(f"{message.type}: {message.text}")
