"""The rail: the day's figures, what is known about the symbol, and its trades.

Beside the chart it is two panels; under it a band with a tab for each part. It is one piece of the
page in both places, and ``styles/rail.css`` says which of its parts are shown. It fills the space
that it is given.
"""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import reflex as rx

from photon_app.ui.live.parts import figures, rail_tabs, tape

DAY = (
    ("open", "Open"),
    ("high", "High"),
    ("low", "Low"),
    ("prevClose", "Prev close"),
    ("vwap", "VWAP"),
    ("volume", "Volume"),
    ("trades", "Trades"),
    ("session", "Session"),
)
"""In rows of four or three; beside the chart the second three stand right of the first."""
SPANS = (
    ("Day range", "day", "low", "high"),
    ("52 weeks", "year", "low52", "high52"),
)
ABOUT = (
    ("kind", "Type"),
    ("last", "Last trade"),
    ("state", "Trades"),
    ("source", "Source"),
    ("digits", "Digits"),
    ("session", "Session"),
    ("began", "Day began"),
)


def rail(*, symbol: rx.Var[str] | str, name: rx.Var[str] | str) -> rx.Component:
    """The rail of one symbol.

    Args:
        symbol: whose figures and trades; empty before it is known.
        name: its company.
    """
    return rx.el.aside(
        rx.el.section(
            rx.el.div(
                rail_tabs(),
                figures(_figure("since", ""), symbol=symbol),
                class_name="rail-bar",
            ),
            _pane("day", figures(_day(), symbol=symbol, pane="day")),
            _pane("about", figures(_about(name), symbol=symbol, pane="about")),
            class_name="rail-upper",
            aria_label="Figures",
        ),
        _pane("trades", tape(symbol=symbol)),
        class_name="rail",
        aria_label="Details",
    )


def _pane(name: str, content: rx.Component) -> rx.Component:
    return rx.el.div(
        content,
        id=f"rail-{name}",
        role="tabpanel",
        aria_labelledby=f"rail-tab-{name}",
        class_name=f"rail-pane rail-{name}",
    )


def _day() -> rx.Component:
    return rx.el.dl(
        *[_line(title, _figure(figure)) for figure, title in DAY],
        *[_span(*span) for span in SPANS],
        class_name="figures",
    )


def _about(name: rx.Var[str] | str) -> rx.Component:
    return rx.el.dl(
        _line("Name", rx.el.span(name, class_name="figure words")),
        *[_line(title, _figure(figure)) for figure, title in ABOUT],
        class_name="figures facts",
    )


def _line(title: str, content: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.dt(title), rx.el.dd(content))


def _figure(figure: str, unknown: str = "—") -> rx.Component:
    """Where a figure is written."""
    return rx.el.span(unknown, class_name="figure", custom_attrs={"data-figure": figure})


def _span(title: str, span: str, low: str, high: str) -> rx.Component:
    """Two figures, and where the price stands between them."""
    return rx.el.div(
        rx.el.dt(title),
        rx.el.dd(
            _figure(low),
            rx.el.span(
                rx.el.i(hidden=True, custom_attrs={"data-span": span}),
                class_name="range",
                aria_hidden="true",
            ),
            _figure(high),
        ),
        class_name="figures-span",
    )
