"""The header: name, feed badge, session and clock, the box to add a symbol, and what opens more.
Trouble is a strip below it.
"""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.components.help import help_dialog
from photon_app.ui.components.icons import icon, mark
from photon_app.ui.components.overlays import THEME, choice_group, popover
from photon_app.ui.live.parts import (
    connection_panel,
    feed_badge,
    feed_trouble,
    session_clock,
    symbol_search,
    symbols,
    toolbar,
)
from photon_app.ui.state import ADD_FIELD, Dashboard

SUGGESTIONS = "suggestions"
_RELOAD = {"reloadDocument": True}
"""Pages are loaded whole: the page's address is not the router's (``live/address.js``)."""


def header() -> rx.Component:
    """The whole header."""
    return rx.el.header(
        rx.el.div(
            rx.el.h1(mark(), "Photon", class_name="logo"),
            connection_badge(),
            session_clock(),
            class_name="header-start",
        ),
        add_box(),
        toolbar(
            rx.el.a("Market", href="/market", class_name="link", custom_attrs=_RELOAD),
            appearance(),
            help_dialog(),
            label="Page",
            class_name="header-end",
        ),
        class_name="header",
    )


def trouble() -> rx.Component:
    """The strip under the header that says what is wrong; nothing while nothing is."""
    return rx.el.div(feed_trouble(), class_name="strip")


def connection_badge() -> rx.Component:
    """The feed's badge, which opens a panel with more about the connection."""
    return rx.el.span(
        feed_badge(),
        popover(
            None,
            connection_panel(),
            name="about-feed",
            label="About the feed",
            button_class="badge-button",
            class_name="connection-popover",
        ),
        class_name="badge-box",
    )


def add_box() -> rx.Component:
    """The field that adds symbols; on a phone it is at the bottom, within reach of the thumb."""
    return rx.el.form(
        rx.el.label("Add a symbol", html_for=ADD_FIELD, class_name="unseen"),
        rx.icon("search", size=14, aria_hidden="true"),
        symbol_search(
            rx.el.input(
                id=ADD_FIELD,
                name=ADD_FIELD,
                placeholder="Add a symbol or company",
                max_length=400,
                auto_complete="off",
                auto_capitalize="characters",
                spell_check=False,
                enter_key_hint="done",
                role="combobox",
                aria_autocomplete="list",
                aria_controls=SUGGESTIONS,
                aria_describedby="add-notice",
                on_blur=Dashboard.clear_notice,
            ),
            list_id=SUGGESTIONS,
            symbols=symbols,
        ),
        rx.el.kbd("/", aria_hidden="true"),
        rx.el.button("Add", type="submit", class_name="add-button"),
        rx.el.p(Dashboard.notice, id="add-notice", role="alert", class_name="notice"),
        on_submit=Dashboard.add_symbol,
        class_name="add-box",
    )


def appearance() -> rx.Component:
    """The choice of theme and of the colours of up and down."""
    return popover(
        icon("contrast"),
        choice_group("Theme", THEME, {"system": "System", "dark": "Dark", "light": "Light"}),
        choice_group(
            "Up and down", "pair", {"green-red": "Green, red", "blue-orange": "Blue, orange"}
        ),
        name="appearance",
        label="Appearance",
        class_name="appearance",
    )
