"""The selected symbol: price and change, its chart, and the rail."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.components.rail import rail
from photon_app.ui.live.parts import (
    live_change,
    live_price,
    live_since_close,
    price_chart,
    symbol_tag,
)
from photon_app.ui.state import Dashboard


def detail_panel() -> rx.Component:
    """The panel on the right."""
    return rx.el.section(
        rx.cond(Dashboard.selected != "", _quote(), _nothing()),
        class_name="panel detail-panel",
        aria_label="Selected symbol",
        custom_attrs={"data-quote": Dashboard.selected},
    )


def _quote() -> rx.Component:
    symbol = rx.cond(Dashboard.ready, Dashboard.selected, "")
    return rx.fragment(
        rx.el.div(
            rx.el.div(
                rx.el.h2(
                    rx.cond(Dashboard.ready, Dashboard.selected, "—"), class_name="detail-symbol"
                ),
                rx.el.span(
                    rx.cond(Dashboard.ready, Dashboard.selected_name, ""), class_name="detail-name"
                ),
                class_name="detail-title",
            ),
            rx.el.div(
                live_price(symbol=symbol, class_name="price-big"),
                live_change(symbol=symbol, inline=True),
                class_name="detail-price",
            ),
            rx.el.button(
                rx.icon("trash-2", size=16),
                type="button",
                class_name="icon detail-remove",
                aria_label="Remove this symbol",
                on_click=Dashboard.remove(Dashboard.selected),
            ),
            class_name="detail-head",
        ),
        rx.el.div(
            symbol_tag(symbol=symbol, explain=True),
            live_since_close(symbol=symbol),
            class_name="detail-tag",
        ),
        price_chart(
            symbol=symbol,
            timeframe=Dashboard.chart_timeframe,
            look=Dashboard.chart_style,
            on_timeframe=Dashboard.choose_timeframe,
            on_look=Dashboard.choose_style,
        ),
        rail(symbol=symbol, name=rx.cond(Dashboard.ready, Dashboard.selected_name, "")),
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.p("Nothing selected.", class_name="empty-title"),
        rx.el.p("A symbol of the list is shown here with its day and its latest trades."),
        class_name="empty",
    )
