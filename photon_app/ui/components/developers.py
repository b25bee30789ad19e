"""The page at ``/developers``: a live console, examples to copy, the protocol in tables.

Its facts are in ``ui/reference.py``, its moving parts in ``live/console.jsx``.
"""

# mypy: disable-error-code="no-any-return, operator"
# Reflex types its elements as Any, and a state's handlers as something not callable.

from collections.abc import Callable, Iterable, Sequence

import reflex as rx

from photon_app.ui.components.page import page, way_back
from photon_app.ui.live.parts import console, own_address, snippet
from photon_app.ui.reference import (
    CLOSE_CODES,
    ENDPOINTS,
    EXAMPLES,
    MESSAGES,
    Endpoint,
)

SYMBOLS = "AAPL, NVDA"
MESSAGE = '{"action":"ping"}'
FORMATS = (("events", "events"), ("batch", "batch"), ("array", "array"))
INTERVALS = (
    ("0", "every trade"),
    ("100", "100 ms"),
    ("250", "250 ms"),
    ("1000", "1 s"),
    ("5000", "5 s"),
)
WORDS = {
    "idle": "Not connected",
    "connecting": "Connecting",
    "open": "Connected",
    "subscribe": "Connect and subscribe",
    "again": "Subscribe",
    "left": "{n} more characters",
    "unknown": "a code that is not Photon's",
    "codes": {str(code): list(close) for code, close in CLOSE_CODES.items()},
}
"""What the console says; ``subscribe`` and ``again`` are on one button."""


def developers() -> rx.Component:
    """The page."""
    return page(
        rx.el.main(
            rx.el.p(way_back(), class_name="way-back"),
            rx.el.h2("Build on this Photon", class_name="developers-title"),
            _lead(),
            _section("Console", "A connection of its own to /ws, as a program has it", _console()),
            _section("Clients to copy", "Each runs as it is", _examples()),
            _section("You send", "JSON text, one object a message", _messages("client")),
            _section(
                "Photon sends", "Ignore types and fields that you do not know", _messages("server")
            ),
            _section("Addresses", "One answer each, most of them JSON", _endpoints()),
            _section("When it closes", "What each code means", _close_codes()),
            class_name="developers",
        ),
    )


def _lead() -> rx.Component:
    return rx.el.p(
        "Prices from ",
        own_address(),
        ", and from no other host. A client gets the newest price, and knows when it is not new.",
        class_name="lead",
    )


def _section(title: str, lead: str, *content: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.el.span(lead, class_name="count"), class_name="panel-head"),
        *content,
        class_name="panel",
        aria_label=title,
    )


def _console() -> rx.Component:
    return console(
        rx.el.form(
            _field("Symbols", rx.el.input, default_value=SYMBOLS, max_length=400),
            _field("Format", rx.el.select, *_options(FORMATS)),
            _field("Interval", rx.el.select, *_options(INTERVALS)),
            rx.el.button(
                WORDS["subscribe"],
                type="submit",
                class_name="main-button",
                custom_attrs={"data-part": "subscribe"},
            ),
            _button("Disconnect", "close", disabled=True),
            _field("Message", rx.el.input, default_value=MESSAGE, max_length=20_000),
            _button("Send", "send", disabled=True),
            class_name="console-form",
            auto_complete="off",
        ),
        rx.el.div(
            rx.el.output(
                WORDS["idle"], class_name="console-state", custom_attrs={"data-part": "state"}
            ),
            rx.el.dl(
                _figure("Frames", "count", "0"),
                _figure("Frames/s", "frames_s", "0.0"),
                _figure("Data", "bytes", "0 B"),
                _figure("Data/s", "bytes_s", "0 B"),
                class_name="console-figures",
            ),
            _button("Pause", "pause", aria_pressed="false"),
            _button("Clear", "clear"),
            class_name="console-bar",
        ),
        rx.el.div(
            rx.el.ol(custom_attrs={"data-part": "frames"}),
            class_name="console-frames",
            tab_index=0,
            role="region",
            aria_label="Frames, the newest first",
        ),
        words=WORDS,
    )


def _field(
    title: str, control: Callable[..., rx.Component], *options: rx.Component, **attributes: object
) -> rx.Component:
    name = title.lower()
    return rx.el.div(
        rx.el.label(title, html_for=f"console-{name}"),
        control(*options, id=f"console-{name}", name=name, **attributes),
        class_name=f"console-field console-{name}",
    )


def _options(values: Iterable[tuple[str, str]]) -> list[rx.Component]:
    return [rx.el.option(title, value=value) for value, title in values]


def _button(title: str, part: str, **attributes: object) -> rx.Component:
    return rx.el.button(
        title,
        type="button",
        class_name="plain-button",
        custom_attrs={"data-part": part},
        **attributes,
    )


def _figure(title: str, part: str, first: str) -> rx.Component:
    return rx.el.div(rx.el.dt(title), rx.el.dd(first, custom_attrs={"data-part": part}))


def _examples() -> rx.Component:
    return rx.el.div(
        *[
            rx.el.article(
                rx.el.h3(one.title),
                rx.el.p(one.before),
                snippet(code=one.code, name=one.title, verb="Copy", copied="Copied"),
                class_name="example",
            )
            for one in EXAMPLES
        ],
        class_name="examples",
    )


def _messages(sender: str) -> rx.Component:
    rows = [one for one in MESSAGES if one.sender == sender]
    if sender == "client":
        return _table(
            ("action", "Meaning", "Example"),
            [(_code(one.name), one.meaning, _code(one.example)) for one in rows],
        )
    return _table(("type", "When"), [(_code(one.name), one.meaning) for one in rows])


def _endpoints() -> rx.Component:
    return _table(("Path", "Answer"), [(_address(one), one.meaning) for one in ENDPOINTS])


def _address(one: Endpoint) -> rx.Component:
    if one.socket:
        return rx.fragment(_code(one.path), " WebSocket")
    href = f"{one.path}?{one.query}" if one.query else one.path
    return rx.el.a(_code(href), href=href, reload_document=True)


def _close_codes() -> rx.Component:
    rows = [(_code(str(code)), *close) for code, close in sorted(CLOSE_CODES.items())]
    return _table(("Code", "Meaning", "Then"), rows)


def _code(text: str) -> rx.Component:
    return rx.el.code(text)


def _table(heads: Sequence[str], rows: Iterable[Sequence[rx.Component | str]]) -> rx.Component:
    return rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(*[rx.el.th(head, scope="col") for head in heads])),
            rx.el.tbody(*[rx.el.tr(*[rx.el.td(cell) for cell in row]) for row in rows]),
            class_name="reference",
        ),
        class_name="reference-box",
    )
