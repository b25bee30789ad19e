"""The watchlist: a real table, one row per symbol, its figures live."""

# mypy: disable-error-code="attr-defined, no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

from typing import Any

import reflex as rx

from photon_app.ui.live.parts import (
    day_range,
    day_title,
    live_age,
    live_change,
    live_price,
    live_volume,
    sparkline,
    symbol_tag,
)
from photon_app.ui.state import Dashboard, Row

COLUMNS = (
    ("symbol", "Symbol"),
    ("spark", "Today"),
    ("last", "Last"),
    ("change", "Change"),
    ("range", "Day range"),
    ("volume", "Volume"),
    ("age", "Age"),
)
SKELETON_ROWS = 10


def watchlist_panel() -> rx.Component:
    """The panel with its head and table."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Watchlist"),
            rx.el.span(rx.cond(Dashboard.ready, Dashboard.summary, ""), class_name="count"),
            class_name="panel-head",
        ),
        rx.el.div(
            rx.el.table(
                rx.el.colgroup(
                    *[rx.el.col(class_name=f"c-{key}") for key, _ in COLUMNS],
                    rx.el.col(class_name="c-end"),
                ),
                rx.el.thead(
                    rx.el.tr(
                        *[_head(key, title) for key, title in COLUMNS], rx.el.td(class_name="c-end")
                    )
                ),
                rx.el.tbody(
                    rx.cond(
                        Dashboard.ready,
                        rx.foreach(Dashboard.rows, _row),
                        rx.fragment(*[_skeleton(index) for index in range(SKELETON_ROWS)]),
                    )
                ),
                class_name="watchlist",
                aria_label="Watchlist",
            ),
            rx.cond(Dashboard.ready & (Dashboard.rows.length() == 0), _empty()),
            class_name="scroll",
        ),
        class_name="panel list-panel",
        aria_label="Watchlist",
    )


def _head(key: str, title: str) -> rx.Component:
    shown = day_title(symbols=Dashboard.symbols) if key == "spark" else title
    return rx.el.th(shown, scope="col", class_name=f"c-{key}")


def _row(row: Row) -> rx.Component:
    chosen = row.symbol == Dashboard.selected
    symbol: Any = row.symbol  # a Reflex variable, despite its type
    return rx.el.tr(
        rx.el.th(
            rx.el.button(
                rx.el.span(
                    rx.el.span(row.symbol),
                    class_name=rx.cond(symbol.contains(":"), "symbol housed", "symbol"),
                ),
                symbol_tag(symbol=row.symbol),
                rx.el.span(row.name, class_name="name"),
                type="button",
                class_name="pick",
                aria_pressed=chosen,
                on_click=Dashboard.select(row.symbol).stop_propagation,
            ),
            scope="row",
            class_name="c-symbol",
        ),
        rx.el.td(sparkline(symbol=row.symbol), class_name="c-spark"),
        rx.el.td(live_price(symbol=row.symbol), class_name="c-last"),
        rx.el.td(live_change(symbol=row.symbol), class_name="c-change"),
        rx.el.td(day_range(symbol=row.symbol), class_name="c-range"),
        rx.el.td(live_volume(symbol=row.symbol), class_name="c-volume"),
        rx.el.td(live_age(symbol=row.symbol), class_name="c-age"),
        rx.el.td(
            rx.el.button(
                rx.icon("x", size=14),
                type="button",
                class_name="remove",
                aria_label=f"Remove {row.symbol}",
                title="Remove",
                on_click=Dashboard.remove(row.symbol).stop_propagation,
            ),
            class_name="c-end",
        ),
        key=row.symbol,
        custom_attrs={"data-quote": row.symbol, "data-selected": chosen},
        on_click=Dashboard.select(row.symbol),
    )


def _skeleton(index: int) -> rx.Component:
    return rx.el.tr(
        *[rx.el.td("—", class_name=f"c-{key}") for key, _ in COLUMNS],
        rx.el.td(class_name="c-end"),
        key=f"skeleton-{index}",
        class_name="skeleton",
        aria_hidden="true",
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("No symbols yet.", class_name="empty-title"),
        rx.el.p(
            "Press ", rx.el.kbd("/"), " and type one, such as AAPL, or begin with the default list."
        ),
        rx.el.button(
            "Use the default list",
            type="button",
            class_name="plain",
            on_click=Dashboard.restore_defaults,
        ),
        class_name="empty",
    )
