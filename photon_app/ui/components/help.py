"""The help dialog: keys, and what the badges and tags mean."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

from collections.abc import Iterable

import reflex as rx

from photon_app.ui import build
from photon_app.ui.components.overlays import dialog, glyph

KEYS = (
    ("/", "Add a symbol"),
    ("↑ ↓", "Move the selection"),
    ("1 – 6", "Timeframe of the chart"),
    ("← →", "Bar by bar, with the chart in focus"),
    ("Delete", "Remove the selected symbol"),
    ("Esc", "Leave a field"),
    ("?", "This help"),
)

WORDS = (
    ("LIVE", "Prices stream from the feed."),
    ("SIMULATED", "Prices are invented: no feed key is set."),
    ("REPLAY", "A recording is played again, on its own clock."),
    ("RECONNECTING", "The connection is lost; the prices shown are the last known ones."),
    ("THROTTLED", "The feed asked the server to slow down; it waits before it tries again."),
    ("WAITING", "No price of this symbol has come yet."),
    ("POLLED", "No place on the live tape: this price is asked for every now and then."),
    ("STALE", "There is a price, but the connection behind it is lost."),
    ("REJECTED", "The feed does not know this symbol."),
    ("Today", "The day so far, with the previous close as a dotted line."),
    ("Fri, Nov 27", "A date where Today stands: the last day that was traded, with its figures."),
    ("Age", "The time since the last trade, on the market's clock."),
)


HELP = "M9.2 9a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.2-1.5 2.3M12 17.5v.01"
"""The drawing of a question mark."""


def help_dialog() -> rx.Component:
    """The button with a question mark and the dialog that it opens."""
    return dialog(
        glyph(HELP),
        _terms("keys", [(rx.el.kbd(key), text) for key, text in KEYS]),
        _terms("words", WORDS),
        _credit(),
        name="help",
        title="Help",
        class_name="help",
    )


def _credit() -> rx.Component:
    """The credit that the chart library's licence requires."""
    name, copyright_ = build.CHART_NOTICE.splitlines()
    owner, _, address = copyright_.rpartition(" ")
    return rx.el.p(
        f"Charts: {name}. {owner} ",
        rx.el.a("tradingview.com", href=address, target="_blank", rel="noopener"),
        ", under the ",
        rx.el.a("Apache License 2.0", href=f"/{build.CHART_LICENSES}", target="_blank"),
        ".",
        class_name="credit",
    )


def _terms(name: str, terms: Iterable[tuple[rx.Component | str, str]]) -> rx.Component:
    return rx.el.dl(
        *[rx.el.div(rx.el.dt(term), rx.el.dd(meaning)) for term, meaning in terms],
        class_name=f"terms {name}",
    )
