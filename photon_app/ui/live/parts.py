"""The live parts of the page as Reflex components.

Each wraps one React component of the JavaScript beside this file, which subscribes to Photon's own
``/ws`` through one ``photon-client.js`` per tab. Pages use them like any other component. They send
no events, except that ``ListKeeper`` and ``SymbolSearch`` call handlers. They can
be rendered on the server, where they show dashes. ``shown``, ``rows`` and ``ready`` are facts of
the page itself, as Reflex variables: which symbol is selected, which rows there are.
"""

# mypy: disable-error-code="type-arg, valid-type"
# Reflex reads an event's arguments from a call inside the annotation.

from pathlib import Path
from typing import Any

import reflex as rx
from reflex.vars import VarData
from reflex_base.utils.imports import ImportVar

CHART_PACKAGES = ["lightweight-charts@5.2.1"]

_FILES = {
    path.name: rx.asset(path.name, shared=True).importable_path
    for path in sorted(Path(__file__).parent.glob("*.js*"))
}
"""Where the page's build finds each file beside this one. Not its address, which has a version: by
that it would be another module than the one that the files beside it import."""


def _page_var(name: str, hook: str, kind: Any) -> Any:
    """A fact of the page as a variable; ``hook`` is the React hook that follows it."""
    data = VarData(
        imports={_FILES["rows.jsx"]: [ImportVar(tag=hook)]},
        hooks={f"const {name} = {hook}();": None},
    )
    return rx.Var(_js_expr=name, _var_type=kind, _var_data=data).guess_type()


shown = _page_var("shown", "useShown", str)
"""The selected symbol; empty when the list is."""
rows = _page_var("rows", "useRows", list[str])
"""The symbols of the list as they are shown: sorted and filtered."""
symbols = _page_var("symbols", "useSymbols", list[str])
"""The symbols of the list, in its own order."""
ready = _page_var("ready", "useReady", bool)
"""Whether the list is known."""


class _QuotePart(rx.Component):
    """A part that shows one symbol."""

    library = _FILES["quotes.jsx"]

    symbol: rx.Var[str]
    every: rx.Var[bool]
    """Whether it moves with every trade, as the selected symbol; else four times a second."""


class LivePrice(_QuotePart):
    """The last price, tinted for a moment when it moves."""

    tag = "LivePrice"


class LiveChange(_QuotePart):
    """The change since the previous close, with arrow and sign."""

    tag = "LiveChange"

    inline: rx.Var[bool]
    """On one line, instead of the percentage above the absolute change."""


class LiveSinceClose(_QuotePart):
    """How far a price has moved since the regular session ended; empty while that runs."""

    tag = "LiveSinceClose"


class DayRange(_QuotePart):
    """A short bar from the day's low to its high, with the price marked on it."""

    tag = "DayRange"


class YearRange(_QuotePart):
    """A short bar from the lowest to the highest of 52 weeks, with the price marked on it."""

    tag = "YearRange"


class LiveVolume(_QuotePart):
    """The day's volume, compact."""

    tag = "LiveVolume"


class LiveVwap(_QuotePart):
    """The day's average price by volume."""

    tag = "LiveVwap"


class LiveAge(_QuotePart):
    """How old the price is on the market clock."""

    tag = "LiveAge"


class SymbolTag(_QuotePart):
    """What is special about a price; marks the nearest ``data-quote`` with its state."""

    tag = "SymbolTag"

    explain: rx.Var[bool]
    """Whether the reason is written out beside the tag."""


class Sparkline(rx.Component):
    """The day so far as a small line on its session's clock, with the previous close."""

    library = _FILES["spark.jsx"]
    tag = "Sparkline"

    symbol: rx.Var[str]


class PriceChart(rx.Component):
    """The bars of one symbol as a chart, with its toolbar: ranges, intervals, indicators.

    Its choices are the visitor's (``choices.js``). The browser loads the chart library once the
    page is shown.
    """

    library = _FILES["chart.jsx"]
    tag = "PriceChart"
    lib_dependencies: list[str] = CHART_PACKAGES

    symbol: rx.Var[str]


class Tape(rx.Component):
    """The latest trades of one symbol, with its pause and its smallest size."""

    library = _FILES["tape.jsx"]
    tag = "Tape"

    symbol: rx.Var[str]


class RailTabs(rx.Component):
    """The tabs *Trades*, *Day* and *About*; the first only where it has no panel of its own."""

    library = _FILES["rail.jsx"]
    tag = "RailTabs"


class Figures(rx.Component):
    """Writes the figures that its children name in ``data-figure`` and ``data-span``."""

    library = _FILES["rail.jsx"]
    tag = "Figures"

    symbol: rx.Var[str]
    pane: rx.Var[str]
    """``day`` or ``about``: what has to be loaded for its figures; without it nothing."""


class FeedBadge(rx.Component):
    """The state of the connection and the feed."""

    library = _FILES["status.jsx"]
    tag = "FeedBadge"


class FeedTrouble(rx.Component):
    """What is wrong with the connection or the feed, in a sentence; empty while nothing is."""

    library = _FILES["status.jsx"]
    tag = "FeedTrouble"


class ConnectionPanel(rx.Component):
    """The state of the connection and its failures; requests ``/health`` while it is shown."""

    library = _FILES["connection.jsx"]
    tag = "ConnectionPanel"


class SymbolSearch(rx.Component):
    """The box that finds and adds symbols, with its suggestions; on a phone a page of its own."""

    library = _FILES["search.jsx"]
    tag = "SymbolSearch"

    symbols: rx.Var[list[str]]
    """The symbols that are in the list already."""
    names: rx.Var[dict[str, str]]
    """Companies by symbol."""
    limit: rx.Var[int]
    """The most symbols of the list."""
    reply: rx.Var[Any]
    """What the text names that was sent last."""
    on_find: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    """A text whose symbols are to be found."""
    on_take: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    """A text whose entries are to be taken for symbols as they are."""


class SessionClock(rx.Component):
    """The exchange's session, what comes next, and its clock."""

    library = _FILES["status.jsx"]
    tag = "SessionClock"


class DayTitle(rx.Component):
    """*Today*, or the date of the day that most of the list shows."""

    library = _FILES["status.jsx"]
    tag = "DayTitle"

    symbols: rx.Var[list[str]]


class ConnectionFoot(rx.Component):
    """Connection, data age, latency and source."""

    library = _FILES["status.jsx"]
    tag = "ConnectionFoot"

    symbols: rx.Var[list[str]]
    """The symbols whose newest price determines the data age."""


class Shortcuts(rx.Component):
    """The page's keyboard shortcuts, and the region that speaks what they change."""

    library = _FILES["keys.jsx"]
    tag = "Shortcuts"

    lists: rx.Var[bool]
    """Whether the page has the lists, on which most keys act."""


class _ListPart(rx.Component):
    """A part of the lists."""

    library = _FILES["rows.jsx"]


class PageRoot(_ListPart):
    """The whole page: passes choices on to the style rules, and keeps the address."""

    tag = "PageRoot"


class ListKeeper(_ListPart):
    """Hands the server's part of the lists to the page; renders nothing."""

    tag = "ListKeeper"

    ready: rx.Var[bool]
    """Whether ``defaults`` and ``limit`` are those of this visitor's server."""
    defaults: rx.Var[list[str]]
    """The list of a new visitor."""
    limit: rx.Var[int]
    """The longest list."""
    names: rx.Var[dict[str, str]]
    """Companies by symbol."""
    on_unnamed: rx.EventHandler[rx.event.passthrough_event_spec(list[str])]
    """The page shows symbols without a name."""


class ListRow(_ListPart):
    """A row; an element in it with ``data-act`` acts on the symbol: ``remove`` or ``pill``."""

    tag = "ListRow"

    symbol: rx.Var[str]


class ListBody(_ListPart):
    """The rows of the list."""

    tag = "ListBody"


class ColumnTitle(_ListPart):
    """A title that sorts by its column."""

    tag = "ColumnTitle"

    column: rx.Var[str]


class ListTabs(_ListPart):
    """The lists as tabs."""

    tag = "ListTabs"


class NewList(_ListPart):
    """The button that makes a list."""

    tag = "NewList"


class ListCount(_ListPart):
    """How many symbols of how many are possible."""

    tag = "ListCount"


class UndoBar(_ListPart):
    """Puts back what was removed a moment ago."""

    tag = "UndoBar"


class SymbolName(_ListPart):
    """A symbol; the house before a colon is only read, not seen."""

    tag = "SymbolName"

    symbol: rx.Var[str]


class Company(_ListPart):
    """The house and the company of a symbol."""

    tag = "Company"

    symbol: rx.Var[str]
    name: rx.Var[str]


class RestoreButton(_ListPart):
    """Goes back to the list that a new visitor sees."""

    tag = "RestoreButton"


class PhoneDock(_ListPart):
    """The way back to the list and the neighbours in it, on a telephone."""

    tag = "PhoneDock"


class ListEdge(_ListPart):
    """The draggable edge between list and chart."""

    tag = "ListEdge"


class ListMenu(rx.Component):
    """The menu of the list: a ``popover`` with the id ``list-menu``."""

    library = _FILES["listmenu.jsx"]
    tag = "ListMenu"


class Toolbar(rx.Component):
    """Controls that are one stop of the Tab key; arrows move between them."""

    library = _FILES["roving.jsx"]
    tag = "Toolbar"

    label: rx.Var[str]


class WhileOpen(rx.Component):
    """Its children, while the popover around it is open."""

    library = _FILES["overlays.jsx"]
    tag = "WhileOpen"


class ChoiceGroup(rx.Component):
    """Radio buttons for one choice of ``choices.js``."""

    library = _FILES["overlays.jsx"]
    tag = "ChoiceGroup"

    choice: rx.Var[str]
    title: rx.Var[str]
    values: rx.Var[list[str]]
    names: rx.Var[list[str]]
    """What is shown for each value."""


class ThemeGroup(rx.Component):
    """Radio buttons for the theme, which is Reflex's colour mode."""

    library = _FILES["overlays.jsx"]
    tag = "ThemeGroup"

    title: rx.Var[str]
    values: rx.Var[list[str]]
    names: rx.Var[list[str]]


class PageHead(rx.Component):
    """The tab's title with the selected symbol's price, and the pair of colours."""

    library = _FILES["page-head.jsx"]
    tag = "PageHead"

    symbol: rx.Var[str]


class _MarketPart(rx.Component):
    """A part of the overview; all of them share one poll of ``/api/market``."""

    library = _FILES["market.jsx"]


class MarketNote(_MarketPart):
    """How many symbols are followed, the state of their feed, and whether the server answers."""

    tag = "MarketNote"

    one: rx.Var[str]
    many: rx.Var[str]
    """With ``{n}`` for the number, as in ``one``."""
    feeds: rx.Var[dict[str, str]]
    """The words for states of the feed; any other state is its own word, in capitals."""
    delayed: rx.Var[str]
    """For a live feed that is late, with ``{n}`` for the minutes."""
    lost: rx.Var[str]


class HeatMap(_MarketPart):
    """The symbols as tiles: their area by the value traded, their tint by the change."""

    tag = "HeatMap"

    label: rx.Var[str]
    empty: rx.Var[str]


class Breadth(_MarketPart):
    """How many symbols are up and down, and the change in the middle."""

    tag = "Breadth"

    title: rx.Var[str]
    up: rx.Var[str]
    flat: rx.Var[str]
    down: rx.Var[str]
    far: rx.Var[str]
    median: rx.Var[str]


class Movers(_MarketPart):
    """The symbols that moved the most in one direction."""

    tag = "Movers"

    way: rx.Var[str]
    """``up`` or ``down``."""
    label: rx.Var[str]
    empty: rx.Var[str]


class Ticker(_MarketPart):
    """The most traded symbols as a band that moves until it is paused."""

    tag = "Ticker"

    label: rx.Var[str]
    pause: rx.Var[str]


class Console(rx.Component):
    """Gives life to the console among its children, by ``data-part`` and by names of fields."""

    library = _FILES["console.jsx"]
    tag = "Console"

    words: rx.Var[dict[str, Any]]


class Snippet(rx.Component):
    """An example with this Photon's own address in it, and a button that copies it."""

    library = _FILES["console.jsx"]
    tag = "Snippet"

    code: rx.Var[str]
    name: rx.Var[str]
    verb: rx.Var[str]
    """What the button says before the name of the example."""
    copied: rx.Var[str]


class OwnAddress(rx.Component):
    """This Photon's own address."""

    library = _FILES["console.jsx"]
    tag = "OwnAddress"


live_price = LivePrice.create
live_change = LiveChange.create
live_since_close = LiveSinceClose.create
day_range = DayRange.create
year_range = YearRange.create
live_volume = LiveVolume.create
live_vwap = LiveVwap.create
live_age = LiveAge.create
symbol_tag = SymbolTag.create
sparkline = Sparkline.create
price_chart = PriceChart.create
tape = Tape.create
rail_tabs = RailTabs.create
figures = Figures.create
feed_badge = FeedBadge.create
feed_trouble = FeedTrouble.create
connection_panel = ConnectionPanel.create
symbol_search = SymbolSearch.create
session_clock = SessionClock.create
day_title = DayTitle.create
connection_foot = ConnectionFoot.create
shortcuts = Shortcuts.create
list_keeper = ListKeeper.create
while_open = WhileOpen.create
choice_buttons = ChoiceGroup.create
theme_buttons = ThemeGroup.create
page_head = PageHead.create
page_root = PageRoot.create
list_row = ListRow.create
list_body = ListBody.create
column_title = ColumnTitle.create
list_tabs = ListTabs.create
new_list = NewList.create
list_count = ListCount.create
undo_bar = UndoBar.create
symbol_name = SymbolName.create
company = Company.create
restore_button = RestoreButton.create
phone_dock = PhoneDock.create
list_edge = ListEdge.create
list_menu = ListMenu.create
toolbar = Toolbar.create
market_note = MarketNote.create
heat_map = HeatMap.create
breadth = Breadth.create
movers = Movers.create
ticker = Ticker.create
console = Console.create
snippet = Snippet.create
own_address = OwnAddress.create
