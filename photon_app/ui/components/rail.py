"""What stands beside or below the chart: the day's figures and the latest trades."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.live import parts

FIGURES = (
    ("open", "Open"),
    ("high", "High"),
    ("low", "Low"),
    ("prevClose", "Prev close"),
    ("volume", "Volume"),
)


def rail() -> rx.Component:
    """The whole rail."""
    symbol = parts.shown
    return rx.el.div(
        rx.el.dl(
            *[
                rx.el.div(
                    rx.el.dt(title), rx.el.dd(parts.live_figure(symbol=symbol, figure=figure))
                )
                for figure, title in FIGURES
            ],
            rx.el.div(
                rx.el.dt(parts.live_figure(symbol=symbol, figure="day")),
                rx.el.dd(parts.live_figure(symbol=symbol, figure="session")),
            ),
            class_name="figures",
        ),
        rx.el.div(
            parts.tape(symbol=symbol, symbols=parts.symbols),
            class_name="tape-box",
            tab_index=0,
            role="region",
            aria_label="Latest trades",
        ),
        class_name="panel rail",
    )
