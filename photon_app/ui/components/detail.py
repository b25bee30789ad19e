"""The selected symbol: a head of one line, and its chart."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.live import parts
from photon_app.ui.state import Dashboard


def stage() -> rx.Component:
    """The panel of the selected symbol."""
    return rx.el.section(
        rx.cond(
            parts.shown != "",
            rx.fragment(_head(), parts.price_chart(symbol=parts.shown)),
            _nothing(),
        ),
        class_name="panel stage",
        aria_label="Selected symbol",
        custom_attrs={"data-symbol": parts.shown},
    )


def _head() -> rx.Component:
    symbol = parts.shown
    return rx.el.div(
        rx.el.div(
            rx.el.h2(parts.symbol_name(symbol=symbol), class_name="detail-symbol"),
            parts.company(symbol=symbol, name=Dashboard.names[symbol], class_name="detail-name"),
            class_name="detail-title",
        ),
        parts.live_price(symbol=symbol, class_name="price-big", every=True),
        parts.live_change(symbol=symbol, every=True),
        rx.el.div(
            parts.symbol_tag(symbol=symbol, explain=True, every=True),
            parts.live_since_close(symbol=symbol, every=True),
            class_name="detail-more",
        ),
        rx.el.span(class_name="grow"),
        class_name="detail-head",
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.p("Nothing selected.", class_name="empty-title"),
        rx.el.p("A symbol of the list is shown here with its chart, its day and its trades."),
        class_name="empty",
    )
