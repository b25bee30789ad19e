"""The overview at ``/market``: ticker, movers, heat map and breadth of what is followed here."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.components.page import page, way_back
from photon_app.ui.live.parts import breadth, heat_map, market_note, movers, ticker

FEEDS = {"live": "", "simulated": "SIMULATED", "replay": "REPLAY"}
"""The words beside the number of symbols; prices that are live need none."""


def market() -> rx.Component:
    """The page."""
    return page(
        rx.el.main(
            _ticker(),
            rx.el.div(
                _movers("up", "Up most", "Nothing is up."),
                _movers("down", "Down most", "Nothing is down."),
                class_name="market-movers",
            ),
            rx.el.div(_heat(), _breadth(), class_name="market-map"),
            class_name="market",
        ),
        _footer(),
        at="market",
    )


def _ticker() -> rx.Component:
    return rx.el.div(
        way_back(),
        ticker(label="Ticker", pause="Pause the ticker"),
        class_name="ticker-bar",
    )


def _movers(way: str, title: str, empty: str) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(title),
            rx.el.span("since the previous close", class_name="count"),
            class_name="panel-head",
        ),
        movers(way=way, label=title, empty=empty),
        class_name="panel",
        aria_label=title,
    )


def _heat() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Heat map"),
            market_note(
                one="{n} symbol followed here, not the whole market",
                many="{n} symbols followed here, not the whole market",
                feeds=FEEDS,
                delayed="DELAYED {n} min",
                lost="The server does not answer: the last known figures",
            ),
            class_name="panel-head",
        ),
        heat_map(label="Heat map", empty="No symbol that is followed here has a price yet."),
        rx.el.p(
            rx.el.span("▼ −3 %"),
            *[
                rx.el.i(class_name=f"swatch heat-{abs(step)}", custom_attrs={"data-way": way})
                for step, way in _scale()
            ],
            rx.el.span("▲ +3 %"),
            rx.el.span("Area: √ of the value traded", class_name="heat-size"),
            rx.el.span(class_name="grow"),
            rx.el.span("Arrows move, Enter opens", class_name="heat-keys"),
            class_name="heat-legend",
        ),
        class_name="panel heat-panel",
        aria_label="Heat map",
    )


def _scale() -> list[tuple[int, str]]:
    return [(step, "flat" if step == 0 else "up" if step > 0 else "down") for step in range(-3, 4)]


def _breadth() -> rx.Component:
    return rx.el.section(
        breadth(
            title="Breadth",
            up="up",
            flat="unchanged",
            down="down",
            far="Moved more than 1 %",
            median="Median change",
        ),
        class_name="panel breadth-panel",
        aria_label="Breadth",
    )


def _footer() -> rx.Component:
    return rx.el.footer(
        rx.el.span("Updated every two seconds, from this Photon"),
        rx.el.span(class_name="grow"),
        rx.el.a("Developers", href="/developers", reload_document=True),
        rx.el.span("Not investment advice"),
        class_name="footer",
    )
