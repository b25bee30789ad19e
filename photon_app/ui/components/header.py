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
from photon_app.ui.state import Dashboard


def header(at: str = "") -> rx.Component:
    """The whole header; ``at`` is the page that it stands on, where it has a link to it."""
    return rx.el.header(
        rx.el.div(
            rx.el.h1(mark(), "Photon", class_name="logo"),
            connection_badge(),
            session_clock(),
            class_name="header-start",
        ),
        add_box(),
        toolbar(
            rx.el.a(
                "Market",
                href="/market",
                class_name="link",
                reload_document=True,
                custom_attrs={"aria-current": "page"} if at == "market" else {},
            ),
            appearance(),
            help_dialog(),
            label="Page",
            class_name="header-end",
        ),
        class_name="header",
    )


def trouble() -> rx.Component:
    """The strip under the header that says what is wrong; nothing while nothing is."""
    return rx.el.section(feed_trouble(), class_name="strip", aria_label="Trouble")


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
    """The box that finds and adds symbols; on a phone it is at the bottom, within reach of the
    thumb, and fills the screen while it is used.
    """
    return symbol_search(
        symbols=symbols,
        names=Dashboard.names,
        limit=Dashboard.limit,
        reply=Dashboard.reply,
        on_find=Dashboard.find_symbols,
        on_take=Dashboard.take_as_typed,
    )


def theme_key() -> rx.Component:
    """What the key ``d`` presses: dark or light. Not seen; ``appearance`` has the choice."""
    return rx.el.button(
        type="button",
        tab_index=-1,
        aria_hidden="true",
        class_name="unseen",
        on_click=rx.toggle_color_mode,
        custom_attrs={"data-key": "d"},
    )


def appearance() -> rx.Component:
    """The choice of theme, of the colours of up and down, and of the zone of all times."""
    return popover(
        icon("contrast"),
        choice_group("Theme", THEME, {"system": "System", "dark": "Dark", "light": "Light"}),
        choice_group(
            "Up and down", "pair", {"green-red": "Green, red", "blue-orange": "Blue, orange"}
        ),
        choice_group("Times", "zone", {"exchange": "Exchange", "local": "Local", "utc": "UTC"}),
        name="appearance",
        label="Appearance",
        class_name="appearance",
    )
