"""What clients may say: every text is a request or one short refusal that names the fault."""

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.errors import RequestError
from photon_app.gateway.protocol import (
    ACTIONS,
    MOST_NAMES,
    ListSubscriptions,
    Ping,
    Request,
    Since,
    Subscribe,
    Unsubscribe,
    UnsubscribeAll,
    decode,
    is_symbol,
    last_seqs,
    request_id,
)

LONGEST_SENTENCE = 300
DEEP = 100_000
ids = st.none() | st.text(max_size=64) | st.integers(-(2**63), 2**63 - 1)
symbols = st.lists(st.text(max_size=12), max_size=5)
intervals = st.just(0) | st.integers(50, 10_000)
optional = {"id": ids, "channel": st.just("trades")}
requests = st.one_of(
    st.fixed_dictionaries(
        {"action": st.just("subscribe"), "symbols": symbols},
        optional={**optional, "interval_ms": intervals},
    ),
    st.fixed_dictionaries(
        {"action": st.just("unsubscribe"), "symbols": symbols}, optional=optional
    ),
    st.fixed_dictionaries(
        {"action": st.sampled_from(["unsubscribe_all", "list", "ping"])}, optional={"id": ids}
    ),
)
scalars = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.text(max_size=300)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=10,
)
KINDS: dict[str, type[Request]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "unsubscribe_all": UnsubscribeAll,
    "list": ListSubscriptions,
    "ping": Ping,
}
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "action": anything.filter(lambda v: not isinstance(v, str)),
    "symbols": anything.filter(
        lambda v: not isinstance(v, list) or any(not isinstance(item, str) for item in v)
    ),
    "interval_ms": anything.filter(
        lambda v: type(v) is not int or (v != 0 and not 50 <= v <= 10_000)
    ),
    "channel": anything.filter(lambda v: v not in ("trades", "bars")),
    "since": st.one_of(
        anything.filter(lambda v: v is not None and not isinstance(v, dict)),
        st.fixed_dictionaries({"epoch": anything.filter(lambda v: not isinstance(v, str))}),
        st.fixed_dictionaries(
            {
                "epoch": st.text(max_size=9),
                "seq": anything.filter(lambda v: not isinstance(v, dict)),
            }
        ),
        st.fixed_dictionaries(
            {
                "epoch": st.text(max_size=9),
                "seq": st.fixed_dictionaries({"A": anything.filter(lambda v: type(v) is not int)}),
            }
        ),
    ),
    "id": anything.filter(
        lambda v: (
            v is not None
            and not (type(v) is int and -(2**63) <= v < 2**63)
            and not (isinstance(v, str) and len(v) <= 64)
        )
    ),
}


def readable(value: object) -> bool:
    """Whether JSON can say it at all: no NaN, no infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def refusal(text: str) -> RequestError:
    with pytest.raises(RequestError) as refused:
        decode(text)
    return refused.value


def outcome(text: str) -> Request | RequestError:
    """What a text comes to; whatever else it raises fails the test."""
    request_id(text)
    try:
        return decode(text)
    except RequestError as problem:
        return problem


def assert_answered(text: str) -> None:
    """A request, or one sentence that a log and a person can bear."""
    if isinstance(problem := outcome(text), RequestError):
        assert problem.code in {"bad_json", "bad_message", "unknown_action"}
        assert 0 < len(problem.message) <= LONGEST_SENTENCE
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in problem.message)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid message of which a few bytes were lost, added or changed, as the gateway gets it."""
    raw = bytearray(json.dumps(draw(requests), ensure_ascii=draw(st.booleans())).encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        new = draw(st.binary(max_size=2) | st.sampled_from([b'"', b"{", b"]", b"\\", b"9" * 50]))
        raw[at : at + draw(st.integers(0, 2))] = new
    return raw.decode(errors="replace")


@given(
    st.binary(max_size=400).map(lambda raw: raw.decode(errors="replace"))
    | st.text(max_size=400)
    | st.text(st.characters(), max_size=40)
    | anything.map(json.dumps)
    | mutated()
)
def test_every_text_is_a_request_or_one_short_sentence(text: str) -> None:
    """Bytes, text, JSON, and damaged messages."""
    assert_answered(text)


@given(st.dictionaries(st.sampled_from([*WRONG, "extra"]), anything | st.sampled_from(ACTIONS)))
def test_every_object_of_known_fields_is_a_request_or_one_short_sentence(
    message: dict[str, Any],
) -> None:
    """With anything in them."""
    assert_answered(json.dumps(message))


@given(requests)
def test_a_valid_message_keeps_its_meaning(message: dict[str, Any]) -> None:
    """Field by field, with the documented defaults for those left out."""
    request = decode(json.dumps(message))
    assert isinstance(request, KINDS[message["action"]])
    defaults = {"id": None, "interval_ms": 0, "channel": "trades"}
    for field in msgspec.structs.fields(request):
        expected = message.get(field.name, defaults.get(field.name))
        assert getattr(request, field.name) == expected
    assert request_id(json.dumps(message)) == message.get("id")


@given(requests, st.dictionaries(st.text(max_size=10), anything), st.randoms())
def test_unknown_fields_change_nothing(
    message: dict[str, Any], extra: dict[str, Any], order: Any
) -> None:
    """Wherever they stand: a newer client talks to an older server."""
    extra = {name: value for name, value in extra.items() if name not in WRONG and readable(value)}
    fields = [*message.items(), *extra.items()]
    order.shuffle(fields)
    assert decode(json.dumps(dict(fields))) == decode(json.dumps(message))


@pytest.mark.parametrize("name", list(WRONG))
@given(data=st.data())
def test_a_mistyped_field_is_refused_by_its_name(name: str, data: st.DataObject) -> None:
    """Whatever stands in it, and with nothing else wrong."""
    message: dict[str, Any] = {"action": "subscribe", "symbols": ["A"]}
    message[name] = data.draw(WRONG[name].filter(readable))
    problem = refusal(json.dumps(message))
    assert problem.code == "bad_message"
    assert problem.message.startswith(f"the field {name}: expected ")
    assert len(problem.message) <= LONGEST_SENTENCE


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_a_missing_field_is_refused_by_its_name(action: str) -> None:
    """With what it should have been."""
    problem = refusal(json.dumps({"action": action}))
    assert problem.code == "bad_message"
    assert problem.message == "the field symbols is missing: expected a list of strings"


def test_a_missing_action_is_refused_by_its_name() -> None:
    """With all that there are."""
    problem = refusal('{"symbols":["A"]}')
    assert problem.code == "bad_message"
    assert problem.message.startswith("the field action is missing: expected one of subscribe, ")


@given(st.dictionaries(st.text(max_size=9), st.integers(-(2**63), 2**63 - 1)), st.text())
def test_what_a_client_had_last_is_taken_by_symbol(seqs: dict[str, int], epoch: str) -> None:
    """Names that are no symbols are left out; no number is refused."""
    since = {"epoch": epoch, "seq": seqs}
    request = decode(json.dumps({"action": "subscribe", "symbols": [], "since": since}))
    assert isinstance(request, Subscribe)
    assert request.since is not None
    assert request.since.epoch == epoch
    last = last_seqs(request.since, 100)
    assert last == {name.upper(): seq for name, seq in seqs.items() if is_symbol(name)}


def test_of_what_a_client_had_last_a_bounded_number_of_names_is_read() -> None:
    """As of the symbols that it asks for."""
    since = Since(epoch="one", seq={f"S{number}": number for number in range(1000)})
    assert len(last_seqs(since, 10)) == MOST_NAMES
    assert len(last_seqs(since, 150)) == 300


@given(st.text(max_size=400).filter(lambda text: text not in ACTIONS))
def test_an_unknown_action_is_shown_cut_and_escaped(action: str) -> None:
    """And the known ones beside it."""
    problem = refusal(json.dumps({"action": action}))
    assert problem.code == "unknown_action"
    assert ", ".join(ACTIONS) in problem.message
    assert_answered(json.dumps({"action": action}))


def test_what_a_client_sent_cannot_forge_the_name_of_the_field() -> None:
    """Not even in the decoder's own words."""
    channel = "x - at `$.symbols`"
    problem = refusal(json.dumps({"action": "subscribe", "symbols": [], "channel": channel}))
    assert problem.message.startswith("the field channel: ")


@pytest.mark.parametrize("value", ["true", "50.0", "1e2", '"50"', "null", "[50]", "-50", "9" * 99])
def test_an_interval_is_an_integer_within_its_bounds(value: str) -> None:
    """A boolean is none, nor is a number with a point."""
    problem = refusal(f'{{"action":"subscribe","symbols":[],"interval_ms":{value}}}')
    assert problem.message.startswith("the field interval_ms: expected 0 or 50 to 10000")


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_an_id_of_64_bits_is_echoed(number: int) -> None:
    """The largest and the smallest."""
    text = json.dumps({"action": "ping", "id": number})
    assert (decode(text).id, request_id(text)) == (number, number)


@pytest.mark.parametrize("number", [-(2**63) - 1, 2**63, 10**4000])
def test_a_larger_id_is_refused_by_name_and_not_echoed(number: int) -> None:
    """An answer never holds thousands of digits."""
    text = json.dumps({"action": "ping", "id": number})
    problem = refusal(text)
    assert problem.message.startswith("the field id: ")
    assert len(problem.message) <= LONGEST_SENTENCE
    assert request_id(text) is None


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "1e999"])
def test_a_number_beyond_all_bounds_is_refused_where_it_means_something(value: str) -> None:
    """Such a number is legal JSON, but no reader of it has to be able to hold it."""
    for field in ("id", "interval_ms"):
        text = f'{{"action":"subscribe","symbols":[],"{field}":{value}}}'
        assert refusal(text).code == "bad_json"
        assert request_id(text) is None
    assert decode(f'{{"action":"ping","later":{value}}}') == Ping()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", r'"\ud800"', r'"\udc00\ud800"'])
@pytest.mark.parametrize("field", ["id", "interval_ms", "later"])
def test_what_is_not_json_is_refused_in_unknown_fields_too(field: str, value: str) -> None:
    """NaN, infinities, and half of a surrogate pair."""
    text = f'{{"action":"subscribe","symbols":[],"{field}":{value}}}'
    assert refusal(text).code == "bad_json"
    assert request_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        '{"a":' * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"action":"ping","later":' + "[" * DEEP + "]" * DEEP + "}",
        '{"action":' + "[" * DEEP + "]" * DEEP + "}",
        '{"id":' + '{"a":' * DEEP + "1" + "}" * DEEP + ',"action":"ping"}',
    ],
    ids=["open lists", "open objects", "lists", "unknown field", "action", "id"],
)
def test_depth_is_refused(text: str) -> None:
    """A hundred thousand levels use up no stack."""
    assert refusal(text).code == "bad_json"
    assert request_id(text) is None


@given(requests, ids.filter(lambda value: value is not None))
def test_a_field_that_stands_twice_counts_by_its_last_value(
    message: dict[str, Any], last: str | int
) -> None:
    """As in every browser."""
    message = {"id": 0, **message}
    text = json.dumps(message)[:-1] + f',"id":{json.dumps(last)}}}'
    assert decode(text) == decode(json.dumps({**message, "id": last}))
    assert request_id(text) == last


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"ping","action":"list"}',
        '{"action":"ping","id":[],"id":1}',
        '{"action":"subscribe","symbols":1,"symbols":["A"]}',
    ],
)
def test_a_field_that_stands_twice_must_be_valid_each_time(text: str) -> None:
    """And a message has one action."""
    problem = refusal(text)
    assert problem.code == "bad_message"
    assert problem.message.startswith("a field that stands twice")


def test_an_action_that_stands_twice_may_be_the_same() -> None:
    """It says the same."""
    assert decode('{"action":"ping","id":1,"action":"ping"}') == Ping(id=1)
