"""The live parts of the page as Reflex components.

Each wraps one React component of the JavaScript beside this file, which subscribes to Photon's own
``/ws`` through one ``photon-client.js`` per tab. Pages use them like any other component. They have
no state and send no events, except that ``Shortcuts``, ``ListKeeper`` and ``PriceChart`` call
handlers and ``SymbolSearch`` submits a form. They can be rendered on the server, where they show
dashes.
"""

# mypy: disable-error-code="type-arg, valid-type"
# Reflex reads an event's arguments from a call inside the annotation.

from typing import Any

import reflex as rx

CHART_PACKAGES = ["lightweight-charts@5.2.1"]

_shared = [
    rx.asset(name, shared=True)
    for name in (
        "photon-client.js",
        "format.js",
        "hooks.js",
        "choices.js",
        "title.js",
        "words.js",
        "suggest.js",
        "look.js",
        "series.js",
        "legend.js",
        "chart-feed.js",
        "picture.js",
        "picture-file.js",
        "sparks.js",
        "tapes.js",
        "lists.js",
        "days.js",
    )
]
_quotes = rx.asset("quotes.jsx", shared=True)
_status = rx.asset("status.jsx", shared=True)
_tape = rx.asset("tape.jsx", shared=True)
_chart = rx.asset("chart.jsx", shared=True)
_spark = rx.asset("spark.jsx", shared=True)
_keys = rx.asset("keys.jsx", shared=True)
_search = rx.asset("search.jsx", shared=True)
_connection = rx.asset("connection.jsx", shared=True)
_keeper = rx.asset("keeper.jsx", shared=True)
_overlays = rx.asset("overlays.jsx", shared=True)
_page_head = rx.asset("page-head.jsx", shared=True)


class _QuotePart(rx.Component):
    """A part that shows one symbol."""

    library = f"$/public{_quotes}"

    symbol: rx.Var[str]


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


class LiveVolume(_QuotePart):
    """The day's volume, compact."""

    tag = "LiveVolume"


class LiveAge(_QuotePart):
    """How old the price is on the market clock."""

    tag = "LiveAge"


class LiveFigure(_QuotePart):
    """One day figure."""

    tag = "LiveFigure"

    figure: rx.Var[str]
    """``open``, ``high``, ``low``, ``prevClose``, ``volume``, ``age``, ``session`` or ``day``: the
    date of these figures where it is not today's, else the word *Session*.
    """


class SymbolTag(_QuotePart):
    """What is special about a price; marks the nearest ``data-quote`` with its state."""

    tag = "SymbolTag"

    explain: rx.Var[bool]
    """Whether the reason is written out beside the tag."""


class Sparkline(rx.Component):
    """The day so far as a small line chart, with the previous close; drawn while it is in view."""

    library = f"$/public{_spark}"
    tag = "Sparkline"

    symbol: rx.Var[str]


class PriceChart(rx.Component):
    """The bars of one symbol as a chart, with the choice of timeframe and style.

    The browser loads the chart library once the page is shown.
    """

    library = f"$/public{_chart}"
    tag = "PriceChart"
    lib_dependencies: list[str] = CHART_PACKAGES

    symbol: rx.Var[str]
    timeframe: rx.Var[str]
    look: rx.Var[str]
    """``candles``, ``area`` or ``line``."""
    on_timeframe: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_look: rx.EventHandler[rx.event.passthrough_event_spec(str)]


class Tape(rx.Component):
    """The latest trades of one symbol: those that the server keeps, and each one since."""

    library = f"$/public{_tape}"
    tag = "Tape"

    symbol: rx.Var[str]
    symbols: rx.Var[list[str]]
    """The symbols whose trades are remembered, so that each has its tape when it is selected."""


class FeedBadge(rx.Component):
    """The state of the connection and the feed."""

    library = f"$/public{_status}"
    tag = "FeedBadge"


class FeedTrouble(rx.Component):
    """What is wrong with the connection or the feed, in a sentence; empty while nothing is."""

    library = f"$/public{_status}"
    tag = "FeedTrouble"


class ConnectionPanel(rx.Component):
    """The state of the connection and its failures; requests ``/health`` while it is shown."""

    library = f"$/public{_connection}"
    tag = "ConnectionPanel"


class SymbolSearch(rx.Component):
    """Suggestions for the ``combobox`` field among its children; submits the form around it."""

    library = f"$/public{_search}"
    tag = "SymbolSearch"

    list_id: rx.Var[str]
    """The id in the field's ``aria-controls``."""
    symbols: rx.Var[list[str]]
    """The symbols that are in the list already."""


class SessionClock(rx.Component):
    """The exchange's session, what comes next, and its clock."""

    library = f"$/public{_status}"
    tag = "SessionClock"


class DayTitle(rx.Component):
    """*Today*, or the date of the day that most of the list shows."""

    library = f"$/public{_status}"
    tag = "DayTitle"

    symbols: rx.Var[list[str]]


class ConnectionFoot(rx.Component):
    """Connection, data age, latency and source."""

    library = f"$/public{_status}"
    tag = "ConnectionFoot"

    symbols: rx.Var[list[str]]
    """The symbols whose newest price determines the data age."""


class Shortcuts(rx.Component):
    """The page's keyboard shortcuts; renders nothing."""

    library = f"$/public{_keys}"
    tag = "Shortcuts"

    selected: rx.Var[str]
    on_move: rx.EventHandler[rx.event.passthrough_event_spec(int)]
    on_remove: rx.EventHandler[rx.event.no_args_event_spec]


class ListKeeper(rx.Component):
    """Applies the visitor's edits to the watchlist in the browser's storage; renders nothing."""

    library = f"$/public{_keeper}"
    tag = "ListKeeper"

    edits: rx.Var[list[Any]]
    on_kept: rx.EventHandler[rx.event.passthrough_event_spec(list[str])]


class WhileOpen(rx.Component):
    """Its children, while the popover around it is open."""

    library = f"$/public{_overlays}"
    tag = "WhileOpen"


class ChoiceGroup(rx.Component):
    """Radio buttons for one choice of ``choices.js``."""

    library = f"$/public{_overlays}"
    tag = "ChoiceGroup"

    choice: rx.Var[str]
    title: rx.Var[str]
    values: rx.Var[list[str]]
    names: rx.Var[list[str]]
    """What is shown for each value."""


class ThemeGroup(rx.Component):
    """Radio buttons for the theme, which is Reflex's colour mode."""

    library = f"$/public{_overlays}"
    tag = "ThemeGroup"

    title: rx.Var[str]
    values: rx.Var[list[str]]
    names: rx.Var[list[str]]


class PageHead(rx.Component):
    """The tab's title with the selected symbol's price, and the pair of colours."""

    library = f"$/public{_page_head}"
    tag = "PageHead"

    symbol: rx.Var[str]


live_price = LivePrice.create
live_change = LiveChange.create
live_since_close = LiveSinceClose.create
day_range = DayRange.create
live_volume = LiveVolume.create
live_age = LiveAge.create
live_figure = LiveFigure.create
symbol_tag = SymbolTag.create
sparkline = Sparkline.create
price_chart = PriceChart.create
tape = Tape.create
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
