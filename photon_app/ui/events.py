"""The events that the page's app accepts, with the types of their arguments.

Derived from the handlers themselves, so that a new one is included automatically.
``photon_app/photon_app.py`` passes them to the gateway, which lets nothing else through to Reflex.
Left out are Reflex's generic setter, background handlers (which only other handlers call), and
Reflex's other internals, which pages that each load as a document do not use.
"""

from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from reflex.state import (
    FrontendEventExceptionState,
    OnLoadInternalState,
    State,
    UpdateVarsInternalState,
)
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import EventHandler
from reflex_base.utils.format import format_event_handler

from photon_app.ui.state import Dashboard

_StoredTexts = Annotated[dict[str, str | None], msgspec.Meta(max_length=32)]
_PLAIN: Final[dict[Any, Any]] = {str: str, list[str]: list[str]}
"""What a browser may send for an argument of each type that handlers have."""


class Storage(msgspec.Struct, omit_defaults=True):
    """What a browser stores, as the page sends it on connect."""

    vars: _StoredTexts | None = None
    hashes: Annotated[list[str], msgspec.Meta(max_length=64)] | None = None


class Changed(msgspec.Struct):
    """What another tab of the browser stored."""

    vars: _StoredTexts


class Report(msgspec.Struct):
    """An error in a browser."""

    info: str
    component_stack: str


class AcceptedEvent(msgspec.Struct, frozen=True):
    """One event that the page may send."""

    name: str
    arguments: type[msgspec.Struct]
    kind: Literal["event", "storage", "report"] = "event"


def accepted() -> list[AcceptedEvent]:
    """All events that the page may send."""
    own = [
        AcceptedEvent(format_event_handler(handler), _arguments(name, handler))
        for name, handler in Dashboard.event_handlers.items()
        if name != "setvar" and not handler.is_background
    ]
    loads = OnLoadInternalState.event_handlers["on_load_internal"]
    return [
        *own,
        AcceptedEvent(_name(State, "hydrate_and_load"), Storage, "storage"),
        AcceptedEvent(_name(UpdateVarsInternalState, "update_vars_internal"), Changed, "storage"),
        AcceptedEvent(
            _name(FrontendEventExceptionState, "handle_frontend_exception"), Report, "report"
        ),
        AcceptedEvent(format_event_handler(loads), _arguments("on_load_internal", loads)),
    ]


def stored() -> frozenset[str]:
    """The names under which a page sends what its browser stores."""
    return frozenset(
        f"{Dashboard.get_full_name()}.{name}{FIELD_MARKER}"
        for name in Dashboard.base_vars
        if Dashboard._is_client_storage(name)  # noqa: SLF001 - Reflex uses the same test
    )


def _name(state: type[State], handler: str) -> str:
    return format_event_handler(state.event_handlers[handler])


def _arguments(name: str, handler: EventHandler) -> type[msgspec.Struct]:
    hints = {key: hint for key, hint in get_type_hints(handler.fn).items() if key != "return"}
    fields = [(key, _PLAIN[hint]) for key, hint in hints.items()]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True)
