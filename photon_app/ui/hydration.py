"""Delays events until the state of a tab has been loaded from the browser's storage.

Reflex drops a tab's state an hour after its last event. The next event then finds a new state
without a watchlist, whose answer would take the names of the visitor's symbols from the page. So
each event of a page passes through here first: until the state was hydrated with the browser's
storage, the event is deferred, the page is asked to send its storage, and the event is handled
after that. ``ui/pages.py`` adds this to the app. It defers at most ``MOST`` events of a tab.
"""

# ruff: noqa: SLF001
# A state's variables without an underscore are sent to the page, and its functions are handlers.

from typing import Any, Final

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import (
    BaseState,
    OnLoadInternalState,
    State,
    StateUpdate,
    UpdateVarsInternalState,
)
from reflex_base.event import Event, EventHandler
from reflex_base.event.context import EventContext
from reflex_base.utils.format import format_event_handler

from photon_app.ui.state import Dashboard

MOST: Final = 16
"""Events of a tab that wait for its storage; later ones are dropped."""
MOST_CHARS: Final = 5_000
"""The longest event that is deferred, in characters."""
NO_KEY: Final = "photon.none"
"""Nothing is stored under this key: asking a page to remove it makes it send its whole storage."""


def _name(handler: EventHandler) -> str:
    return format_event_handler(handler)


HYDRATES: Final = _name(State.event_handlers["hydrate_and_load"])
"""The event that carries the browser's storage."""
BROUGHT_ANYWAY: Final = frozenset(
    {
        _name(UpdateVarsInternalState.event_handlers["update_vars_internal"]),
        _name(OnLoadInternalState.event_handlers["on_load_internal"]),
    }
)
"""Events that need not be repeated: the storage that is sent is newer, and loads the page too."""


class StorageFirst(Middleware):
    """Defers a page's events until its state has the browser's storage."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Let an event pass (``None``), or defer it and ask the page for its storage."""
        del app
        dashboard = await state.get_state(Dashboard)
        if event.name == HYDRATES:
            deferred, dashboard._deferred = dashboard._deferred, []
            dashboard._has_storage = True
            await EventContext.get().enqueue(*deferred)
            return None
        if dashboard._has_storage:
            return None
        asked, dashboard._asked = dashboard._asked, True
        if (
            event.name not in BROUGHT_ANYWAY
            and len(dashboard._deferred) < MOST
            and _length(event) <= MOST_CHARS
        ):
            dashboard._deferred = [*dashboard._deferred, event]
        return StateUpdate() if asked else StateUpdate(events=_ask())


def _ask() -> list[Event]:
    """Reflex's page sends all its storage whenever it is asked to remove something from it."""
    return Event.from_event_type(rx.remove_local_storage(NO_KEY))


def _length(event: Event) -> int:
    payload: Any = event.payload
    return len(repr(payload))
