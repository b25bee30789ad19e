"""The selected symbol: price and change, its chart, its day's figures, the latest trades."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.live.parts import (
    live_change,
    live_figure,
    live_price,
    live_since_close,
    price_chart,
    symbol_tag,
    tape,
)
from photon_app.ui.state import Dashboard

FIGURES = (
    ("open", "Open"),
    ("high", "High"),
    ("low", "Low"),
    ("prevClose", "Prev close"),
    ("volume", "Volume"),
)


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
                live_price(symbol=symbol, class_name="price-big", every=True),
                live_change(symbol=symbol, inline=True, every=True),
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
            symbol_tag(symbol=symbol, explain=True, every=True),
            live_since_close(symbol=symbol, every=True),
            class_name="detail-tag",
        ),
        price_chart(
            symbol=symbol,
            timeframe=Dashboard.chart_timeframe,
            look=Dashboard.chart_style,
            on_timeframe=Dashboard.choose_timeframe,
            on_look=Dashboard.choose_style,
        ),
        rx.el.dl(
            *[
                rx.el.div(
                    rx.el.dt(title), rx.el.dd(live_figure(symbol=symbol, figure=figure, every=True))
                )
                for figure, title in FIGURES
            ],
            rx.el.div(
                rx.el.dt(live_figure(symbol=symbol, figure="day")),
                rx.el.dd(live_figure(symbol=symbol, figure="session")),
            ),
            class_name="figures",
        ),
        rx.el.div(
            rx.el.h3("Latest trades"),
            rx.el.span(
                "Last trade ", live_figure(symbol=symbol, figure="age"), " ago", class_name="count"
            ),
            class_name="panel-head tape-head",
        ),
        rx.el.div(
            tape(symbol=symbol, symbols=Dashboard.symbols),
            class_name="tape-box",
            tab_index=0,
            role="region",
            aria_label="Latest trades",
        ),
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.p("Nothing selected.", class_name="empty-title"),
        rx.el.p("A symbol of the list is shown here with its day and its latest trades."),
        class_name="empty",
    )
