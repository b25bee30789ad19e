"""The header: name, feed badge, trouble, session, the box to add a symbol, appearance, help."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx
from reflex.style import color_mode, set_color_mode

from photon_app.ui.components.help import help_dialog
from photon_app.ui.live.parts import (
    connection_panel,
    feed_badge,
    feed_trouble,
    session_clock,
    symbol_search,
)
from photon_app.ui.state import Dashboard


def header() -> rx.Component:
    """The whole header."""
    return rx.el.header(
        rx.el.h1(_mark(), "Photon", class_name="logo"),
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
        rx.popover.root(
            rx.popover.trigger(
                rx.el.button(type="button", aria_label="About the feed", class_name="badge-button")
            ),
            rx.popover.content(
                connection_panel(),
                align="start",
                side_offset=10,
                size="1",
                class_name="connection-popover",
            ),
        ),
        class_name="badge-box",
    )


def add_box() -> rx.Component:
    """The box that finds and adds symbols; on a phone it is at the bottom, within reach of the
    thumb, and fills the screen while it is used.
    """
    return symbol_search(
        symbols=Dashboard.symbols,
        names=Dashboard.names,
        limit=Dashboard.limit,
        reply=Dashboard.reply,
        on_find=Dashboard.find_symbols,
        on_take=Dashboard.take_as_typed,
        on_add=Dashboard.add_symbols,
    )


def appearance() -> rx.Component:
    """The choice of theme and of the colours of up and down."""
    return rx.popover.root(
        rx.popover.trigger(
            rx.el.button(
                rx.icon("contrast", size=16),
                type="button",
                aria_label="Appearance",
                class_name="icon",
            )
        ),
        rx.popover.content(
            _choice(
                "Theme",
                ("system", "dark", "light"),
                ("System", "Dark", "Light"),
                value=color_mode,
                on_change=set_color_mode,
            ),
            _choice(
                "Up and down",
                ("green-red", "blue-orange"),
                ("Green, red", "Blue, orange"),
                value=Dashboard.color_pair,
                on_change=Dashboard.choose_pair,
            ),
            align="end",
            side_offset=10,
            size="1",
            class_name="appearance",
        ),
    )


def _choice(
    title: str,
    values: tuple[str, ...],
    names: tuple[str, ...],
    *,
    value: rx.Var[str],
    on_change: object,
) -> rx.Component:
    return rx.el.div(
        rx.el.span(title, class_name="choice-title"),
        rx.segmented_control.root(
            *[
                rx.segmented_control.item(name, value=item)
                for item, name in zip(values, names, strict=True)
            ],
            value=value,
            on_change=on_change,
            size="1",
            aria_label=title,
        ),
        class_name="choice",
    )


def _mark() -> rx.Component:
    return rx.el.svg(
        rx.el.circle(cx="12", cy="12", r="3.4", fill="currentColor"),
        rx.el.path(
            d="M1.5 14.5c1.6-6.4 3.9-7 6-2.5M22.5 9.5c-1.6 6.4-3.9 7-6 2.5",
            stroke="currentColor",
            stroke_width="2",
            stroke_linecap="round",
        ),
        width="22",
        height="22",
        view_box="0 0 24 24",
        fill="none",
        aria_hidden="true",
    )
