"""The panel of lists: tabs, a grid with a row for each symbol, its figures live."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

from typing import Any

import reflex as rx

from photon_app.ui.components import icons
from photon_app.ui.live import parts
from photon_app.ui.state import Dashboard

COLUMNS = (
    ("symbol", "Symbol"),
    ("spark", "Today"),
    ("last", "Last"),
    ("change", "Change"),
    ("range", "Range"),
    ("year", "52 weeks"),
    ("vwap", "VWAP"),
    ("volume", "Volume"),
    ("age", ""),
)
SKELETON_ROWS = 12
PILL = {"data-act": "pill"}
"""On a telephone the right of a row, which shows another figure when it is touched."""


def list_facts() -> rx.Component:
    """What the server knows of the lists, handed to the page; shows nothing. Each page has one."""
    return parts.list_keeper(
        ready=Dashboard.ready,
        defaults=Dashboard.defaults,
        limit=Dashboard.limit,
        names=Dashboard.names,
        on_unnamed=Dashboard.want_names,
    )


def watchlist_panel() -> rx.Component:
    """The whole panel."""
    return rx.el.section(
        rx.el.div(
            parts.list_tabs(),
            parts.new_list(),
            rx.el.span(class_name="grow"),
            parts.list_count(),
            _menu_button(),
            parts.list_menu(),
            class_name="list-head",
        ),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        *[
                            parts.column_title(_title(key, title), column=key)
                            for key, title in COLUMNS
                        ],
                        role="row",
                    ),
                    role="rowgroup",
                ),
                parts.list_body(
                    rx.cond(
                        parts.ready,
                        rx.foreach(parts.rows, _row),
                        rx.fragment(*[_skeleton(index) for index in range(SKELETON_ROWS)]),
                    )
                ),
                class_name="watchlist",
                role="grid",
                aria_label="Watchlist",
            ),
            rx.cond(parts.ready & (parts.symbols.length() == 0), _empty()),
            id="list",
            class_name="scroll",
        ),
        parts.undo_bar(),
        class_name="panel list-panel",
        aria_label="Watchlist",
    )


def _menu_button() -> rx.Component:
    return rx.el.button(
        icons.icon("more"),
        type="button",
        class_name="icon",
        aria_label="List menu",
        custom_attrs={"popoverTarget": "list-menu"},
    )


def _title(key: str, title: str) -> rx.Component | str:
    if key == "spark":
        return parts.day_title(symbols=parts.symbols)
    return rx.el.span("Age", class_name="unseen") if key == "age" else title


def _row(row: rx.Var[str]) -> rx.Component:
    symbol: Any = row
    return parts.list_row(
        _cell(
            "symbol",
            rx.el.i(class_name="grip", aria_hidden="true", custom_attrs={"data-act": "grip"}),
            rx.el.span(parts.symbol_name(symbol=symbol), class_name="symbol"),
            parts.symbol_tag(symbol=symbol),
            parts.company(symbol=symbol, name=Dashboard.names[symbol], class_name="name"),
            role="rowheader",
        ),
        _cell("spark", parts.sparkline(symbol=symbol)),
        _cell("last", parts.live_price(symbol=symbol), custom_attrs=PILL),
        _cell("change", parts.live_change(symbol=symbol), custom_attrs=PILL),
        _cell("range", parts.day_range(symbol=symbol)),
        _cell("year", parts.year_range(symbol=symbol)),
        _cell("vwap", parts.live_vwap(symbol=symbol)),
        _cell("volume", parts.live_volume(symbol=symbol), custom_attrs=PILL),
        _cell(
            "age",
            parts.live_age(symbol=symbol),
            rx.el.button(
                icons.icon("close"),
                type="button",
                class_name="remove",
                tab_index=-1,
                aria_label=f"Remove {symbol}",
                title="Remove",
                custom_attrs={"data-act": "remove"},
            ),
        ),
        key=symbol,
        symbol=symbol,
    )


def _cell(key: str, *children: rx.Component, **props: Any) -> rx.Component:
    return rx.el.td(*children, class_name=f"c-{key}", **{"role": "gridcell", **props})


def _skeleton(index: int) -> rx.Component:
    return rx.el.tr(
        *[rx.el.td(rx.el.i(), class_name=f"c-{key}") for key, _ in COLUMNS],
        key=f"skeleton-{index}",
        class_name="skeleton",
        aria_hidden="true",
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("No symbols yet.", class_name="empty-title"),
        rx.el.p(
            rx.el.span("Press ", rx.el.kbd("/"), " and type one", class_name="by-key"),
            rx.el.span("Find one below", class_name="by-touch"),
            ", such as AAPL, or begin with the default list.",
        ),
        parts.restore_button(),
        class_name="empty",
    )
