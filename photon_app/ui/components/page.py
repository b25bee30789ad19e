"""What the pages beside the dashboard have in common: its header above, and the way back to it."""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import reflex as rx

from photon_app.ui.components.header import header, theme_key, trouble
from photon_app.ui.components.watchlist import list_facts
from photon_app.ui.live.parts import page_head, shortcuts


def page(*content: rx.Component, at: str = "") -> rx.Component:
    """The header, and below it what the page is about.

    Args:
        content: the rest of the page.
        at: which of the header's links leads here.
    """
    return rx.el.div(
        list_facts(),
        page_head(),
        header(at),
        trouble(),
        *content,
        shortcuts(lists=False),
        theme_key(),
        class_name="photon page",
    )


def way_back() -> rx.Component:
    """The link to the dashboard, which is loaded whole (``ui.pages``)."""
    return rx.el.a("← Watchlist", href="/", reload_document=True, class_name="back")
