"""The states of the page, each a function that leads to it and a line of the table.

A step begins on a page that was just opened for the first time, and ends in its state. One that
``awaits`` something may fail: the walk then says what the page does not have yet. When the page has
it, the word goes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import expect

from tests.walk.hand import HELD, Guest, stored
from tests.walk.servers import HUNDRED, Kind
from tests.walk.sizes import Size

Where = Literal["everywhere", "phone", "desk"]


@dataclass(frozen=True)
class Step:
    """One state."""

    name: str
    lead: Callable[[Guest], None]
    where: Where = "everywhere"
    server: Kind = "open"
    path: str = ""
    """The address that is opened, on that server."""
    before: str = ""
    """A script that runs before the page's own."""
    awaits: str = ""
    """What the page does not have yet."""
    document: bool = False
    """Whether it is a page to read, whose fields and examples are stops of the Tab key."""
    short: bool = False
    """Whether it is part of ``make test``."""

    def on(self, size: Size) -> bool:
        """Whether the page has this state on a screen."""
        return self.where == "everywhere" or (self.where == "phone") == size.phone


def live(guest: Guest) -> None:
    """Prices, and a chart of the first symbol."""
    guest.see_prices()
    guest.see_chart("AAPL")


def empty(guest: Guest) -> None:
    """No symbol in the list."""
    expect(guest.page.locator("main")).to_contain_text(
        re.compile("no symbols|start", re.IGNORECASE)
    )
    expect(guest.rows).to_have_count(0)


def loading(guest: Guest) -> None:
    """The page stands, and nothing has come yet."""
    expect(guest.row("AAPL")).to_be_visible()


def another(guest: Guest) -> None:
    """Another symbol than the first is selected."""
    live(guest)
    guest.select("NVDA")
    guest.see_chart("NVDA")


def search(guest: Guest) -> None:
    """Something is typed, and companies are suggested."""
    live(guest)
    guest.look_for("app")


def suggested(guest: Guest) -> None:
    """One of the suggestions was chosen."""
    live(guest)
    guest.look_for("oracl")
    guest.options.first.click()
    guest.see_prices("ORCL")


def as_typed(guest: Guest) -> None:
    """Nothing is known by the text, and it can be added as it is."""
    live(guest)
    guest.look_for("zzqx")
    expect(guest.options.last).to_contain_text(re.compile("as typed", re.IGNORECASE))


def helped(guest: Guest) -> None:
    """The help is open."""
    live(guest)
    guest.press("Help")
    expect(guest.page.get_by_role("dialog").filter(visible=True)).to_contain_text("SIMULATED")


def appearance(guest: Guest) -> None:
    """The choice of theme and colours is open."""
    live(guest)
    guest.press("Appearance")
    expect(guest.page.get_by_role("radio", name="Dark", exact=True)).to_be_visible()


def feed(guest: Guest) -> None:
    """The panel about the feed is open."""
    live(guest)
    guest.press("About the feed")
    expect(guest.page.get_by_text("Failures since the start")).to_be_visible()


def zone(guest: Guest) -> None:
    """All times are UTC."""
    live(guest)
    guest.choose("UTC")
    if not guest.size.phone:
        expect(guest.page.locator("header")).to_contain_text("UTC")


def list_menu(guest: Guest) -> None:
    """What can be done with a list is open."""
    live(guest)
    guest.press("List menu")
    expect(guest.page.get_by_role("dialog", name="List")).to_contain_text("52 weeks")


def intervals(guest: Guest) -> None:
    """Each interval of the chart was pressed."""
    live(guest)
    guest.intervals()


def ranges(guest: Guest) -> None:
    """Each range of the chart was pressed."""
    live(guest)
    guest.ranges()


def compare(guest: Guest) -> None:
    """A second symbol is in the chart."""
    live(guest)
    guest.press(re.compile("^compare", re.IGNORECASE))
    guest.page.get_by_label("Symbol to compare with").fill("MSFT")
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_label("Compare no more with MSFT")).to_be_visible()


def indicators(guest: Guest) -> None:
    """The choice of averages is open."""
    live(guest)
    guest.press(re.compile("^indicators", re.IGNORECASE))
    expect(guest.page.get_by_text("VWAP").filter(visible=True).first).to_be_visible()


def full_screen(guest: Guest) -> None:
    """The chart is alone."""
    live(guest)
    guest.press(re.compile("^full.?screen", re.IGNORECASE))
    guest.page.wait_for_function("document.fullscreenElement !== null")


def about(guest: Guest) -> None:
    """What is known about the symbol, beside its chart or under it."""
    live(guest)
    for name in ("Day", "About"):
        guest.page.get_by_role("tab", name=name, exact=True).click()
        tab = guest.page.get_by_role("tab", name=name, exact=True)
        expect(tab).to_have_attribute("aria-selected", "true")


def sorted_rows(guest: Guest) -> None:
    """By the change of the day."""
    live(guest)
    guest.sort("Change")


def removed(guest: Guest) -> None:
    """A row was removed, and can be had back."""
    live(guest)
    guest.row("TSLA").hover()
    guest.page.get_by_label("Remove TSLA", exact=True).click()
    expect(guest.row("TSLA")).to_have_count(0)
    expect(guest.button("Undo")).to_be_visible()


def trouble(guest: Guest) -> None:
    """The server is gone."""
    live(guest)
    guest.kill_server()


def usable(guest: Guest) -> None:
    """The server is gone, and what needs none works all the same."""
    trouble(guest)
    guest.select("MSFT")
    guest.sort("Change")
    guest.tool("5m").click()
    guest.choose("Light")
    expect(guest.page.locator("html")).to_have_class("light")
    guest.choose("System")  # else axe takes a light theme's text for that of forced colours
    expect(guest.row("MSFT")).to_contain_text(re.compile(r"\d\.\d\d"))


def back_again(guest: Guest) -> None:
    """The server was gone, and is there again."""
    trouble(guest)
    guest.start_server()


def closed(guest: Guest) -> None:
    """A Sunday."""
    expect(guest.page.locator("header")).to_contain_text(re.compile("closed", re.IGNORECASE))
    expect(guest.row("AAPL")).to_be_visible()


def rejected(guest: Guest) -> None:
    """A symbol that the feed does not know."""
    expect(guest.row("XXXQ")).to_be_visible()
    guest.feed.do("day", {"AAPL": 190.0}, 189.0)
    guest.feed.do("viewed", "XXXQ")
    guest.feed.do("reject", "XXXQ")
    expect(guest.row("XXXQ")).to_contain_text(re.compile("unknown|rejected", re.IGNORECASE))


def hundred(guest: Guest) -> None:
    """A long list, scrolled to its end."""
    guest.see_prices(HUNDRED[0])
    last = guest.row(HUNDRED[-1])
    last.scroll_into_view_if_needed()
    guest.see_prices(HUNDRED[-1])


def market(guest: Guest) -> None:
    """The overview of the market."""
    expect(guest.page.get_by_role("heading", name="Heat map")).to_be_visible()
    expect(guest.page.get_by_role("heading", name="Up most")).to_be_visible()


def developers(guest: Guest) -> None:
    """The protocol with its console."""
    expect(guest.page.get_by_role("heading", name="Console")).to_be_visible()
    expect(guest.page.locator("main")).to_contain_text("subscribe")


def nowhere(guest: Guest) -> None:
    """An address that leads nowhere."""
    expect(guest.page.locator("main")).to_contain_text("There is no page under this address")
    guest.visitor.forgive("404")


def shared(guest: Guest) -> None:
    """An address with a list of its own."""
    guest.see_prices("KO", "PEP")
    expect(guest.row("PEP")).to_have_attribute("data-selected", "true")


def symbol(guest: Guest) -> None:
    """A symbol's page on a phone."""
    guest.see_prices()
    guest.open_symbol("NVDA")


def symbol_left(guest: Guest) -> None:
    """Back from a symbol's page on a phone: at the place that was left."""
    guest.see_prices()
    guest.row("TSLA").evaluate("(row) => row.scrollIntoView({ block: 'center' })")
    before = guest.row("TSLA").bounding_box()
    guest.open_symbol("TSLA")
    guest.page.go_back()
    expect(guest.row("TSLA")).to_be_visible()
    assert guest.row("TSLA").bounding_box() == before


def phone_search(guest: Guest) -> None:
    """The search over the whole screen of a phone."""
    guest.see_prices()
    guest.look_for("nv")
    whole = {"x": 0, "y": 0, "width": guest.size.width, "height": guest.size.height}
    assert guest.page.get_by_role("search").bounding_box() == whole


STEPS = (
    Step("live", live, short=True),
    Step("empty list", empty, before=stored()),
    Step("loading", loading, before=HELD),
    Step("another selected", another, "desk"),
    Step("search open", search, short=True),
    Step("suggestion chosen", suggested),
    Step("added as typed", as_typed),
    Step("help open", helped, short=True),
    Step("appearance open", appearance, short=True),
    Step("feed panel open", feed),
    Step("another zone", zone),
    Step("list menu open", list_menu),
    Step("intervals", intervals, "desk"),
    Step("ranges", ranges, "desk"),
    Step("compare", compare, "desk"),
    Step("indicators", indicators, "desk"),
    Step("full screen", full_screen, "desk"),
    Step("about", about, "desk"),
    Step("sorted", sorted_rows, "desk"),
    Step("removed", removed, "desk"),
    Step("trouble", trouble, server="mortal", short=True),
    Step("trouble, used", usable, "desk", "mortal"),
    Step("reconnected", back_again, server="mortal"),
    Step("market closed", closed, server="closed"),
    Step("rejected symbol", rejected, server="by hand", before=stored("AAPL", "XXXQ")),
    Step("list of 100", hundred, server="hundred"),
    Step("market", market, path="/market"),
    Step("developers", developers, path="/developers", document=True),
    Step("nowhere", nowhere, path="/nowhere"),
    Step("shared list", shared, path="/?s=KO,PEP&sel=PEP"),
    Step("phone symbol", symbol, "phone"),
    Step("phone back", symbol_left, "phone"),
    Step("phone search", phone_search, "phone"),
)
