"""What a tab of the page may say; all else is refused, and nothing raises."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.page_protocol import (
    MAX_EVENT_BYTES,
    MAX_REPORT_CHARS,
    Packet,
    Refusal,
    Rule,
    Rules,
    read,
    token_of,
)

STORAGE = msgspec.defstruct("Storage", [("vars", dict[str, str | None] | None, None)])
MOVE = msgspec.defstruct(
    "Move", [("step", Annotated[int, msgspec.Meta(ge=-9, le=9)])], forbid_unknown_fields=True
)
REPORT = msgspec.defstruct("Report", [("info", str)], forbid_unknown_fields=True)
RULES = Rules(
    events={
        "hydrate": Rule(STORAGE, "storage"),
        "move": Rule(MOVE),
        "report": Rule(REPORT, "report"),
    },
    stored=frozenset({"list"}),
)


def event(name: str, payload: object = None, **more: Any) -> str:
    event = {"name": name, "payload": {} if payload is None else payload, **more}
    return "42/_event," + json.dumps(["event", event])


def connect(**boot: Any) -> str:
    return "40/_event," + json.dumps(boot)


HYDRATE = {"name": "hydrate", "payload": {"vars": {"list": "AAPL"}}}
BOOT = connect(event=HYDRATE, state_schema="95d0b9")


def passed(said: Packet | Refusal) -> Any:
    """What Reflex would read."""
    assert isinstance(said, Packet), said
    return json.loads(said.text.partition(",")[2])


def refused(said: Packet | Refusal) -> str:
    assert isinstance(said, Refusal), said
    assert said.sentence
    return said.reason


def test_all_that_a_page_says_passes() -> None:
    assert passed(read(BOOT, RULES, connected=False))["event"]["payload"] == {
        "vars": {"list": "AAPL"}
    }
    moved = read(event("move", {"step": 1}, router_data={"pathname": "/"}), RULES, connected=True)
    assert passed(moved)[1]["payload"] == {"step": 1}
    assert passed(moved)[1]["router_data"]["pathname"] == "/"
    for text in ("3", "1", "41/_event,"):
        assert isinstance(read(text, RULES, connected=True), Packet)


FOUL = {
    "nothing": "",
    "engine ping": "2probe",
    "engine upgrade": "5",
    "engine noop": "6",
    "base64": "bAAAA",
    "pong with more": "3x",
    "no socket packet": "4",
    "acknowledgement": "43/_event,1[]",
    "connect error": "44/_event,{}",
    "binary event": '451-/_event,["event",{"_placeholder":true,"num":0}]',
    "binary acknowledgement": "461-/_event,[]",
    "another namespace": '42/admin,["event",{}]',
    "no namespace": '42["event",{}]',
    "disconnect of another": "41/admin,",
    "an acknowledgement asked for": '42/_event,7["event",{}]',
    "connected twice": BOOT,
    "no JSON": "42/_event,nonsense",
    "no list": "42/_event,{}",
    "three parts": '42/_event,["event",{},{}]',
    "deep": "42/_event,[" * 1 + "[" * 20_000,
    "deep and closed": '42/_event,["event",' + "[" * 5_000 + "]" * 5_000 + "]",
    "no name": '42/_event,["event",{"payload":{}}]',
    "a route of another shape": event("move", {"step": 1}, router_data={"query": {"a": {"b": 1}}}),
    "a lone surrogate": '42/_event,["event",{"name":"\ud800"}]',
    "NaN": '42/_event,["event",NaN]',
}


@pytest.mark.parametrize("text", FOUL.values(), ids=FOUL)
def test_what_breaks_the_protocol_is_named_so(text: str) -> None:
    assert refused(read(text, RULES, connected=True)) == "protocol"


UNCONNECTED = {
    "an event": event("move", {"step": 1}),
    "no storage": connect(),
    "another event": connect(event={"name": "move", "payload": {"step": 1}}),
    "a schema that is none": connect(event=HYDRATE, state_schema="\u001b[2J"),
}


@pytest.mark.parametrize("text", UNCONNECTED.values(), ids=UNCONNECTED)
def test_a_tab_begins_with_its_storage(text: str) -> None:
    assert refused(read(text, RULES, connected=False)) == "protocol"


LEFT_OUT = {
    "an unknown event": (event("evil", {"step": 1}), "unknown"),
    "a setter": (event("setvar", {"var_name": "x", "value": 1}), "unknown"),
    "another name": ('42/_event,["evil",{}]', "unknown"),
    "no argument": (event("move"), "arguments"),
    "one more": (event("move", {"step": 1, "more": 1}), "arguments"),
    "another type": (event("move", {"step": "1"}), "arguments"),
    "out of range": (event("move", {"step": 10**30}), "arguments"),
    "no object": (event("move", [1]), "arguments"),
    "deep": (
        '42/_event,["event",{"name":"move","payload":{"step":' + "[" * 900 + "]" * 900 + "}}]",
        "arguments",
    ),
    "too long": (event("move", {"step": 1}, more="x" * MAX_EVENT_BYTES), "too_big"),
    "storage of another type": (event("hydrate", {"vars": {"list": [1]}}), "arguments"),
    "too long an address": (
        event("hydrate", {}, router_data={"pathname": "/" * 20_000}),
        "too_big",
    ),
}


@pytest.mark.parametrize(("text", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_an_event_that_the_page_does_not_have_is_left_out_by_name(text: str, reason: str) -> None:
    assert refused(read(text, RULES, connected=True)) == reason


def test_what_is_not_known_is_not_passed_on() -> None:
    """Neither storage of other names, nor fields of an event, nor parts of an address."""
    brought = {"vars": {"list": "AAPL", "evil": "x"}}
    said = event("hydrate", brought, token="mine", router_data={"pathname": "/", "evil": "x"})
    text = json.dumps(passed(read(said, RULES, connected=True)))
    assert "AAPL" in text
    assert "evil" not in text
    assert "mine" not in text


def test_the_last_of_two_keys_is_what_was_checked_and_what_is_passed_on() -> None:
    text = '42/_event,["event",{"name":"evil","name":"move","payload":{"step":1}}]'
    assert passed(read(text, RULES, connected=True))[1]["name"] == "move"


@pytest.mark.parametrize(
    "text",
    [
        event("report", {"info": "x" * 10_000}),
        '42/_event,["client_error",{"message":"' + "x" * 10_000 + '"}]',
    ],
)
def test_reports_are_cut(text: str) -> None:
    said = read(text, RULES, connected=True)
    assert isinstance(said, Packet)
    assert said.kind == "report"
    assert len(said.text) < MAX_REPORT_CHARS + 200


def test_what_brings_more_costs_more() -> None:
    def units(text: str, *, connected: bool) -> int:
        said = read(text, RULES, connected=connected)
        assert isinstance(said, Packet)
        return said.units

    assert units(event("move", {"step": 1}), connected=True) == 1
    assert units(BOOT, connected=False) > 1
    large = connect(event={"name": "hydrate", "payload": {"vars": {"list": "A" * 60_000}}})
    assert units(large, connected=False) > 50


@given(st.text(max_size=200), st.booleans())
def test_nothing_raises(text: str, connected: bool) -> None:
    for said in (text, "4" + text, "42/_event," + text, "40/_event," + text):
        read(said, RULES, connected=connected)


@pytest.mark.parametrize(
    ("query", "token"),
    [
        (b"EIO=4&transport=websocket&token=2ee20f91-a4ba-44c1-b9b7-b60f2d20de56", True),
        (b"token=a&EIO=4&transport=websocket&t=x", True),
        (b"EIO=4&transport=websocket", False),
        (b"EIO=4&transport=websocket&token=", False),
        (b"EIO=4&transport=websocket&token=a&token=b", False),
        (b"EIO=4&transport=websocket&token=%1b%5b31m%0aFAKE", False),
        (b"EIO=4&transport=websocket&token=" + b"a" * 65, False),
        (b"EIO=3&transport=websocket&token=a", False),
        (b"EIO=4&transport=polling&token=a", False),
        (b"EIO=4&transport=websocket&token=a&sid=b", False),
        (b"EIO=4&transport=websocket&token=a&j=0", False),
        (b"&".join([b"EIO=4&transport=websocket&token=a", *[b"x=1"] * 100]), False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_a_handshake_is_the_page_s_or_none(query: bytes, token: bool) -> None:
    assert (token_of(query) is not None) is token
