"""Which events the page's app has, as the gateway gets them."""

import msgspec
import pytest
from reflex_base.utils.format import format_event_handler

from photon_app.ui import events
from photon_app.ui.state import Dashboard

HEARD = {one.name: one for one in events.accepted()}


def arguments(name: str) -> type[msgspec.Struct]:
    return HEARD[format_event_handler(Dashboard.event_handlers[name])].arguments


def test_a_page_may_call_every_handler_but_the_generic_setter_and_what_runs_in_the_background() -> (
    None
):
    names = {name.rpartition(".")[2] for name in HEARD if ".photon_app" in name}
    assert names == set(Dashboard.event_handlers) - {"setvar", "learn_names", "ask_upstream"}
    assert not any(name.endswith((".setvar", ".hydrate", "set_is_hydrated")) for name in HEARD)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("find_symbols", {"typed": "ibm, coca cola"}),
        ("take_as_typed", {"typed": "XYZZ"}),
        ("want_names", {"symbols": ["AAPL"]}),
    ],
)
def test_what_the_page_sends_is_of_these_types(name: str, payload: dict[str, object]) -> None:
    text = msgspec.json.encode(payload)
    assert msgspec.json.encode(msgspec.json.decode(text, type=arguments(name))) == text


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("want_names", {"symbols": "AAPL"}),
        ("want_names", {}),
        ("want_names", {"symbols": [], "more": 1}),
        ("find_symbols", {"typed": {"deep": {}}}),
    ],
)
def test_what_it_does_not_send_is_not(name: str, payload: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(payload), type=arguments(name))


def test_of_what_a_browser_stores_the_list_alone_is_sent() -> None:
    names = {name.rpartition(".")[2] for name in events.stored()}
    assert names == {"stored_rx_state_"}
