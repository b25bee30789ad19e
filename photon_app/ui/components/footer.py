"""The footer: connection, data age, latency, source, and what this is not."""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

import reflex as rx

from photon_app.ui.live.parts import connection_foot, symbols


def footer() -> rx.Component:
    """The whole footer."""
    return rx.el.footer(
        connection_foot(symbols=symbols),
        rx.el.span(class_name="grow"),
        rx.el.span("Not investment advice"),
        class_name="footer",
    )
