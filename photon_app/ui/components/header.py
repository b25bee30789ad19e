"""The header: name, feed badge, trouble, session, the box to add a symbol, appearance, help."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.components.help import help_dialog
from photon_app.ui.components.overlays import THEME, choice_group, glyph, popover
from photon_app.ui.live.parts import (
    connection_panel,
    feed_badge,
    feed_trouble,
    session_clock,
    symbol_search,
)
from photon_app.ui.state import ADD_FIELD, Dashboard

SUGGESTIONS = "suggestions"


def header() -> rx.Component:
    """The whole header."""
    return rx.el.header(
        rx.el.h1(mark(), "Photon", class_name="logo"),
        connection_badge(),
        session_clock(),
        feed_trouble(),
        rx.el.span(class_name="grow"),
        add_box(),
        appearance(),
        help_dialog(),
        class_name="header",
    )


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
            symbols=Dashboard.symbols,
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
        glyph("M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v10a5 5 0 0 0 0-10"),
        choice_group("Theme", THEME, {"system": "System", "dark": "Dark", "light": "Light"}),
        choice_group(
            "Up and down", "pair", {"green-red": "Green, red", "blue-orange": "Blue, orange"}
        ),
        name="appearance",
        label="Appearance",
        class_name="appearance",
    )


def mark() -> rx.Component:
    """Photon's mark."""
    return rx.el.svg(
        rx.el.circle(cx="12", cy="12", r="3.4"),
        rx.el.path(d="M1.5 14.5c1.6-6.4 3.9-7 6-2.5M22.5 9.5c-1.6 6.4-3.9 7-6 2.5"),
        width="22",
        height="22",
        view_box="0 0 24 24",
        class_name="mark",
        aria_hidden="true",
    )
