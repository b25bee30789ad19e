"""The page's icons: small drawings in a box of 16, in the colour of the text beside them."""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import reflex as rx

PATHS = {
    "close": "M4 4l8 8M12 4l-8 8",
    "contrast": "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
    "help": "M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.9-1.1 1.7M8 12.5v.01",
    "more": "M3 8h.01M8 8h.01M13 8h.01",
}


def icon(name: str) -> rx.Component:
    """An icon, by its name in ``PATHS``; readers of the screen do not hear of it."""
    return rx.el.svg(
        rx.el.path(d=PATHS[name]),
        view_box="0 0 16 16",
        aria_hidden="true",
        class_name=f"glyph glyph-{name}",
    )


def mark() -> rx.Component:
    """Photon's mark."""
    return rx.el.svg(
        rx.el.circle(cx="12", cy="12", r="3.4"),
        rx.el.path(d="M1.5 14.5c1.6-6.4 3.9-7 6-2.5M22.5 9.5c-1.6 6.4-3.9 7-6 2.5"),
        width="22",
        height="22",
        view_box="0 0 24 24",
        class_name="mark",
        aria_hidden="true",
    )
