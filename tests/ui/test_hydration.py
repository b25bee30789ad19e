"""Nothing is decided on a state that has not the browser's storage."""

import asyncio
from typing import Any

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.state import StateUpdate
from reflex_base.event import Event
from reflex_base.event.context import EventContext
from reflex_base.utils.format import format_event_handler

from photon_app.ui import hydration
from photon_app.ui.hydration import MOST, MOST_CHARS, StorageFirst
from photon_app.ui.state import Dashboard

HANDLERS = sorted(set(Dashboard.event_handlers) - {"setvar"})
HYDRATES = Event(name=hydration.HYDRATES)


def event(name: str, **payload: Any) -> Event:
    """What the page asks of one handler."""
    return Event(name=format_event_handler(Dashboard.event_handlers[name]), payload=payload)


class Tab:
    """One tab's state behind the gate, and what was done of what it asked for."""

    def __init__(self) -> None:
        self.root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
        self.done: list[Event] = []

    async def _enqueue(self, token: str, *events: Event) -> None:
        del token
        self.done += events

    def ask(self, asked: Event, *, parent: str | None = None) -> StateUpdate | None:
        """What becomes of an event; None when it passes."""

        async def meet() -> StateUpdate | None:
            context = EventContext(
                token="tab",
                state_manager=StateManagerMemory(),  # type: ignore[abstract]
                enqueue_impl=self._enqueue,
                parent_txid=parent,
            )
            EventContext.set(context)
            return await StorageFirst().preprocess(None, self.root, asked)  # type: ignore[arg-type]

        return asyncio.run(meet())


def asks(update: StateUpdate | None) -> bool:
    """Whether the browser is asked for its storage."""
    assert update is not None
    return [asked.name for asked in update.events] == ["_remove_local_storage"]


@pytest.mark.parametrize("name", HANDLERS)
def test_whatever_is_asked_first_waits_for_the_storage_and_is_done_then(name: str) -> None:
    tab, asked = Tab(), event(name)
    assert asks(tab.ask(asked))
    assert tab.done == []
    assert tab.ask(HYDRATES) is None
    assert tab.done == [asked]
    assert tab.ask(asked) is None


def test_the_browser_is_asked_once_and_what_waits_keeps_its_order() -> None:
    tab = Tab()
    waiting = [
        event("want_names", symbols=["AAPL"]),
        event("take_as_typed", typed="a"),
        event("want_names", symbols=["a"]),
    ]
    assert [asks(tab.ask(asked)) for asked in waiting] == [True, False, False]
    tab.ask(HYDRATES)
    assert tab.done == waiting


def test_what_the_storage_brings_anyway_is_not_done_again() -> None:
    """Another tab's older text would overwrite the newer one that was just sent."""
    tab = Tab()
    for name in hydration.BROUGHT_ANYWAY:
        tab.ask(Event(name=name, payload={"vars": {}}))
    tab.ask(HYDRATES)
    assert tab.done == []


def test_what_a_handler_asks_for_waits_only_where_its_state_was_forgotten_meanwhile() -> None:
    tab = Tab()
    tab.ask(HYDRATES)
    assert tab.ask(event("learn_names", symbols=[]), parent="another") is None
    forgotten, asked = Tab(), event("learn_names", symbols=[])
    assert forgotten.ask(asked, parent="another") is not None
    forgotten.ask(HYDRATES)
    assert forgotten.done == [asked]


def test_what_waits_is_bounded_in_number_and_size() -> None:
    tab = Tab()
    tab.ask(event("find_symbols", typed="A" * MOST_CHARS))
    for _ in range(MOST + 1):
        tab.ask(event("want_names", symbols=["a"]))
    tab.ask(HYDRATES)
    assert len(tab.done) == MOST
    assert all(done.payload == {"symbols": ["a"]} for done in tab.done)


def test_reconnecting_asks_for_nothing_again() -> None:
    tab = Tab()
    for _ in range(2):
        assert tab.ask(HYDRATES) is None
        assert tab.ask(event("want_names", symbols=["a"])) is None
    assert tab.done == []
