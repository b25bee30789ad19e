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
    assert names == set(Dashboard.event_handlers) - {"setvar", "learn_names"}
    assert not any(name.endswith((".setvar", ".hydrate", "set_is_hydrated")) for name in HEARD)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("add_symbol", {"form": {"__reflex_form_data__": [["add-symbol", "ibm"], ["x", "ibm"]]}}),
        ("add_symbol", {"form": {"add-symbol": "ibm"}}),
        ("kept", {"ids": ["ef19d3f9756a4b338385dbfc9ad5dfdb"]}),
        ("move", {"step": -1}),
        ("select", {"symbol": "AAPL"}),
        ("clear_notice", {}),
    ],
)
def test_what_the_page_sends_is_of_these_types(name: str, payload: dict[str, object]) -> None:
    text = msgspec.json.encode(payload)
    assert msgspec.json.encode(msgspec.json.decode(text, type=arguments(name))) == text


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("move", {"step": "1"}),
        ("move", {"step": 10**30}),
        ("move", {}),
        ("move", {"step": 1, "more": 1}),
        ("select", {"symbol": ["AAPL"]}),
        ("kept", {"ids": "ab"}),
        ("clear_notice", {"self": 1}),
        ("add_symbol", {"form": {"add-symbol": {"deep": {}}}}),
    ],
)
def test_what_it_does_not_send_is_not(name: str, payload: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(payload), type=arguments(name))


def test_the_names_of_stored_choices_are_those_of_the_browser() -> None:
    names = {name.rpartition(".")[2] for name in events.stored()}
    assert names == {
        f"{name}_rx_state_" for name in ("stored", "chosen", "timeframe", "style_of_chart")
    }
