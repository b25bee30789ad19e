"""The help dialog: keys, and what the badges and tags mean."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

from collections.abc import Iterable

import reflex as rx

from photon_app.ui import build
from photon_app.ui.components.icons import icon
from photon_app.ui.components.overlays import dialog

KEYS = (
    ("/", "Add a symbol"),
    ("↑ ↓ j k", "Select another row"),
    ("Alt ↑ ↓", "Move the selected row"),
    ("Enter", "Show the symbol, on a telephone"),
    ("Delete", "Remove the selected symbol"),
    ("Ctrl Z", "Put it back"),
    ("s", "Sort by another column"),
    ("1 – 6", "Interval of the chart"),
    ("f", "Chart on the whole screen"),
    ("0", "Chart back to the newest bar"),
    ("← →", "Bar by bar, with the chart in focus"),
    ("Space", "Pause the trades"),
    ("p", "Speak the price"),
    ("d", "Dark or light"),
    ("Esc", "Leave a field"),
    ("?", "This help"),
)

WORDS = (
    ("LIVE", "Prices stream from the feed."),
    ("SIMULATED", "Prices are invented: no feed key is set."),
    ("REPLAY", "A recording is played again, on its own clock."),
    ("DELAYED 15 min", "The feed's prices come late, by that much."),
    (
        "BEHIND 3 s",
        "This page, or its connection, cannot keep up: its prices are late by that much.",
    ),
    ("CONNECTING", "The connection is being made."),
    ("RECONNECTING", "The connection is lost; the prices shown are the last known ones."),
    ("DISCONNECTED", "The server ended the connection for good, and said why."),
    ("UNAUTHORIZED", "The feed refuses the server's key."),
    ("THROTTLED", "The feed asked the server to slow down; it waits before it tries again."),
    ("WAITING", "No price of this symbol has come yet."),
    ("POLLED", "No place on the live tape: this price is asked for every now and then."),
    ("STALE", "There is a price, but the connection behind it is lost."),
    ("REJECTED", "The feed does not know this symbol."),
    ("Today", "The day so far, with the previous close as a dotted line."),
    ("Fri, Nov 27", "A date where Today stands: the last day that was traded, with its figures."),
    ("●", "The last trade is less than 10 seconds old, on the market's clock."),
    ("○", "Less than a minute; an older one has its age in words."),
)


def help_dialog() -> rx.Component:
    """The button with a question mark and the dialog that it opens."""
    return dialog(
        icon("help"),
        _terms("keys", [(rx.el.kbd(key), text) for key, text in KEYS]),
        _terms("words", WORDS),
        rx.el.p(
            "Programs get the same prices: ",
            rx.el.a("Developers", href="/developers", reload_document=True),
            " has the protocol, a console and clients to copy.",
            class_name="credit",
        ),
        _credit(),
        name="help",
        title="Help",
        key="?",
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
