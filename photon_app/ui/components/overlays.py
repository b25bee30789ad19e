"""What floats over the page: popovers, dialogs, and the choices in them.

They are the browser's own elements: it opens them on top of everything, closes them by Esc, by
their button or by a click elsewhere, and gives the focus back. Their looks stand in
``styles/popovers.css``.
"""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import reflex as rx

from photon_app.ui.components.icons import icon
from photon_app.ui.live.parts import choice_buttons, theme_buttons, while_open

THEME = "theme"


def popover(
    face: rx.Component | None,
    *content: rx.Component,
    name: str,
    label: str,
    button_class: str = "icon",
    class_name: str = "",
) -> rx.Component:
    """A button and the popover that it opens, whose content is there only while it is open.

    Args:
        face: what the button shows, without words: ``label`` is its name.
        content: what the popover holds.
        name: the popover's id on the page.
        label: the accessible name of both.
        button_class: the button's classes.
        class_name: the popover's classes, besides its own.
    """
    return rx.fragment(
        rx.el.button(
            *([] if face is None else [face]),
            type="button",
            aria_label=label,
            class_name=button_class,
            custom_attrs={"popoverTarget": name, "aria-haspopup": "dialog"},
        ),
        rx.el.div(
            while_open(*content),
            role="dialog",
            aria_label=label,
            tab_index=-1,
            class_name=f"popover {class_name}".strip(),
            custom_attrs={"id": name, "popover": "auto"},
        ),
    )


def dialog(
    face: rx.Component,
    *content: rx.Component,
    name: str,
    title: str,
    key: str = "",
    class_name: str = "",
) -> rx.Component:
    """A button and the modal dialog that it opens.

    Args:
        face: what the button shows, without words: ``title`` is its name.
        content: what the dialog holds under its title.
        name: the button's id on the page; the dialog's is this and ``-dialog``.
        title: the name of both, and the dialog's headline.
        key: the key that presses the button (``live/keys.jsx``).
        class_name: the dialog's classes, besides its own.
    """
    opened = f"{name}-dialog"
    return rx.fragment(
        rx.el.button(
            face,
            id=name,
            type="button",
            aria_label=title,
            class_name="icon",
            custom_attrs={
                "command": "show-modal",
                "commandfor": opened,
                "aria-haspopup": "dialog",
            }
            | ({"data-key": key} if key else {}),
        ),
        rx.el.dialog(
            rx.el.h2(title, class_name="dialog-title"),
            rx.el.button(
                icon("close"),
                type="button",
                aria_label="Close",
                class_name="icon close",
                custom_attrs={"command": "close", "commandfor": opened},
            ),
            *content,
            role="dialog",  # also for live/keys.jsx, which leaves keys in a dialog alone
            aria_label=title,
            class_name=f"dialog {class_name}".strip(),
            custom_attrs={"id": opened, "closedby": "any"},
        ),
    )


def choice_group(title: str, choice: str, offered: dict[str, str]) -> rx.Component:
    """Radio buttons for one choice of the visitor, which takes effect in the page at once.

    Args:
        title: what is chosen.
        choice: its name in ``live/choices.js``, or ``THEME``.
        offered: the values, each with what it is called.
    """
    shown = {"title": title, "values": list(offered), "names": list(offered.values())}
    return theme_buttons(**shown) if choice == THEME else choice_buttons(choice=choice, **shown)
