"""The rules of one /ws client, without a socket."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.channels.paced import STEPS_MS, stepped_s
from photon_app.hub.form import EVENTS, Form
from tests.fakes.exchange import NOON_MS, FakeExchange
from tests.fakes.outlet import FakeOutlet, flat, prices


def ask(session: Any, outlet: FakeOutlet, **message: Any) -> list[dict[str, Any]]:
    outlet.take()
    session.receive(json.dumps(message))
    return outlet.take()


def test_a_client_is_greeted_with_connection_and_then_the_full_status() -> None:
    """In this order, before anything else."""
    exchange = FakeExchange()
    _, outlet, _ = exchange.session()
    greeting, status = outlet.take()
    assert greeting["type"] == "connection"
    assert (greeting["status"], greeting["feed"], greeting["protocol"]) == (
        "connected",
        "simulated",
        1,
    )
    assert len(greeting["client_id"]) == 36
    assert status["type"] == "status"
    assert status["epoch"] == greeting["epoch"] == exchange.hub.epoch
    assert (status["feed"], status["market"], status["symbols"]) == ("simulated", "regular", {})


def test_subscribe_answers_with_acknowledgement_then_snapshots_then_updates() -> None:
    """A symbol without a price says that it waits."""
    exchange = FakeExchange(defaults=("AAPL",))
    exchange.trade("AAPL", 150.25)
    session, outlet, _ = exchange.session()
    answer = ask(session, outlet, action="subscribe", symbols=["aapl", "NVDA"], id=7)
    assert answer[0] == {
        "type": "subscription",
        "status": "subscribed",
        "symbols": ["AAPL", "NVDA"],
        "rejected": [],
        "subscriptions": ["AAPL", "NVDA"],
        "id": 7,
    }
    assert (answer[1]["type"], answer[1]["snapshot"], answer[1]["seq"]) == ("price_update", True, 1)
    assert set(answer[1]["data"]) == {
        *("price", "volume", "timestamp", "prev_close", "close", "change", "change_percent"),
        *("open", "high", "low", "day_volume", "decimals", "day", "session", "state"),
    }
    assert answer[2]["symbols"] == {"NVDA": "waiting"}
    exchange.trade("AAPL", 150.5, volume=100)
    exchange.settle()
    assert outlet.take() == [
        {
            "type": "price_update",
            "symbol": "AAPL",
            "seq": 2,
            "data": {"price": 150.5, "volume": 100, "timestamp": NOON_MS},
        }
    ]


@pytest.mark.parametrize("form", [EVENTS, Form(batch=True)])
@pytest.mark.parametrize("returns", [False, True])
def test_a_subscription_is_answered_in_one_write(*, form: Form, returns: bool) -> None:
    """The acknowledgement, snapshots or missed updates, and the states that no snapshot has."""
    exchange = FakeExchange()
    exchange.client("A")
    exchange.trades([("A", 1, 1, NOON_MS), ("A", 2, 1, NOON_MS)])
    exchange.settle()
    session, outlet, _ = exchange.session(FakeOutlet(), form)
    outlet.take()
    writes = outlet.writes
    request: dict[str, Any] = {"action": "subscribe", "symbols": ["A", "B"]}
    if returns:
        request["since"] = {"epoch": exchange.hub.epoch, "seq": {"A": 1}}
    session.receive(json.dumps(request))
    assert outlet.writes == writes + 1
    acknowledgement, price, status = flat(outlet.take())
    assert acknowledgement["symbols"] == ["A", "B"]
    assert acknowledgement.get("recovered") == ({"A": True} if returns else None)
    assert price["seq"] == 2
    assert price.get("snapshot", False) is not returns
    assert status["symbols"] == ({"A": "live"} if returns else {}) | {"B": "waiting"}


def test_bad_symbols_are_rejected_one_by_one_with_code_and_reason() -> None:
    """The good ones are subscribed all the same."""
    session, outlet, _ = FakeExchange().session(max_symbols=2)
    symbols = ["A", "é", "", "x" * 33, " A", "B", "a", "C"]
    [answer, *_] = ask(session, outlet, action="subscribe", symbols=symbols)
    assert answer["symbols"] == ["A", "B"]
    assert [(r["symbol"], r["code"]) for r in answer["rejected"]] == [
        ("é", "bad_symbol"),
        ("", "bad_symbol"),
        ("x" * 33, "bad_symbol"),
        (" A", "bad_symbol"),
        ("C", "too_many_symbols"),
    ]
    assert all(r["message"] for r in answer["rejected"])


@pytest.mark.parametrize("symbol", ["AAPL", "BRK.B", "BINANCE:BTCUSDT", "IC MARKETS:1", "A/B^-_"])
def test_every_kind_of_symbol_is_accepted(symbol: str) -> None:
    """Also those with a space."""
    session, outlet, _ = FakeExchange().session()
    assert ask(session, outlet, action="subscribe", symbols=[symbol])[0]["symbols"] == [symbol]


def test_the_bound_of_the_process_is_said_by_symbol() -> None:
    """Nothing leaks when it is reached."""
    exchange = FakeExchange(limit=2)
    session, outlet, _ = exchange.session()
    answer = ask(session, outlet, action="subscribe", symbols=["A", "B", "C"])[0]
    assert [r["code"] for r in answer["rejected"]] == ["too_many_symbols"]
    session.end()
    exchange.loop.advance(31)
    exchange.demand.sweep()
    assert len(exchange.demand) == 0


def test_a_symbol_that_is_named_again_and_again_is_answered_once() -> None:
    """Else a small message could ask for a large answer."""
    session, outlet, _ = FakeExchange().session()
    for action in ("subscribe", "unsubscribe"):
        [answer, *_] = ask(session, outlet, action=action, symbols=["", "A", "A"] * 500)
        assert (len(answer["symbols"]), len(answer["rejected"])) == (1, 1)


def test_unsubscribe_list_and_unsubscribe_all_answer_with_what_is_left() -> None:
    """Unknown symbols are fine."""
    session, outlet, _ = FakeExchange().session()
    ask(session, outlet, action="subscribe", symbols=["A", "B", "C"])
    [gone] = ask(session, outlet, action="unsubscribe", symbols=["b", "ZZ"], id="x")
    assert (gone["status"], gone["symbols"], gone["subscriptions"], gone["id"]) == (
        "unsubscribed",
        ["B", "ZZ"],
        ["A", "C"],
        "x",
    )
    [listed] = ask(session, outlet, action="list")
    assert (listed["status"], listed["subscriptions"]) == ("listed", ["A", "C"])
    [empty] = ask(session, outlet, action="unsubscribe_all")
    assert (empty["status"], empty["symbols"], empty["subscriptions"]) == (
        "unsubscribed",
        ["A", "C"],
        [],
    )


def test_subscribing_again_changes_the_pace_and_gives_a_fresh_snapshot() -> None:
    """One hold a symbol, however often it is asked for."""
    exchange = FakeExchange()
    session, outlet, _ = exchange.session()
    ask(session, outlet, action="subscribe", symbols=["A"])
    exchange.trade("A", 1)
    exchange.settle()
    answer = ask(session, outlet, action="subscribe", symbols=["A"], interval_ms=1000)
    assert [m["type"] for m in answer] == ["subscription", "price_update"]
    exchange.trade("A", 2)
    exchange.settle()
    assert outlet.take() == []
    exchange.loop.advance(1)
    assert prices(outlet.take()) == [("A", 2, 2)]
    ask(session, outlet, action="unsubscribe_all")
    exchange.loop.advance(31)
    exchange.demand.sweep()
    assert len(exchange.demand) == 0


def test_ping_is_answered_with_pong() -> None:
    """With the id, where there is one."""
    session, outlet, _ = FakeExchange().session()
    assert ask(session, outlet, action="ping", id=0) == [
        {"type": "pong", "timestamp": NOON_MS, "id": 0}
    ]
    assert ask(session, outlet, action="ping") == [{"type": "pong", "timestamp": NOON_MS}]


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("{", "bad_json", ""),
        ("", "bad_json", ""),
        ("NaN", "bad_json", ""),
        ('{"action":"subscribe","symbols":["A"],"interval_ms":1e999}', "bad_json", ""),
        ("[]", "bad_message", "object"),
        ("{}", "bad_message", "action"),
        ('{"action":7}', "bad_message", "action"),
        ('{"action":"buy"}', "unknown_action", "buy"),
        ('{"action":"subscribe"}', "bad_message", "symbols"),
        ('{"action":"subscribe","symbols":"AAPL"}', "bad_message", "symbols"),
        ('{"action":"subscribe","symbols":[1]}', "bad_message", "symbols"),
        ('{"action":"subscribe","symbols":null}', "bad_message", "symbols"),
        ('{"action":"subscribe","symbols":[],"interval_ms":"fast"}', "bad_message", "interval_ms"),
        ('{"action":"subscribe","symbols":[],"interval_ms":49}', "bad_message", "interval_ms"),
        ('{"action":"subscribe","symbols":[],"interval_ms":10001}', "bad_message", "interval_ms"),
        ('{"action":"subscribe","symbols":[],"channel":"news"}', "bad_message", "channel"),
        ('{"action":"subscribe","symbols":[],"channel":"bars"}', "bad_message", "timeframe"),
        (
            '{"action":"subscribe","symbols":[],"channel":"bars","timeframe":"2m"}',
            "bad_message",
            "1s, 1m, 5m",
        ),
        ('{"action":"ping","id":{}}', "bad_message", "id"),
        ('{"action":"ping","id":"' + "x" * 65 + '"}', "bad_message", "id"),
        ("[" * 8000, "bad_json", ""),
        ('{"action":"ping","id":' + "9" * 5000 + "}", "bad_json", ""),
    ],
)
def test_a_bad_message_is_answered_by_name_and_the_connection_goes_on(
    text: str, code: str, names: str
) -> None:
    """One is never fatal."""
    session, outlet, _ = FakeExchange().session()
    outlet.take()
    session.receive(text)
    [answer] = outlet.take()
    assert (answer["type"], answer["code"]) == ("error", code)
    assert names in answer["message"]
    assert outlet.closed() is None


def test_the_id_of_a_bad_message_is_echoed() -> None:
    """So that a client knows which of its requests failed."""
    session, outlet, _ = FakeExchange().session()
    assert ask(session, outlet, action="buy", id="q1")[0]["id"] == "q1"
    assert ask(session, outlet, action="subscribe", id=2)[0]["id"] == 2


def test_five_bad_messages_in_a_row_end_the_connection_and_a_good_one_forgives() -> None:
    """With a policy violation: do not come back."""
    session, outlet, _ = FakeExchange().session()
    for _ in range(4):
        session.receive("?")
    session.receive('{"action":"ping"}')
    for _ in range(4):
        session.receive("?")
    assert outlet.closed() is None
    session.receive("?")
    assert (outlet.closed() or (0,))[0] == 1008


def test_asking_too_often_is_reported_and_closed() -> None:
    """The burst is twice the rate, and time refills it."""
    exchange = FakeExchange()
    session, outlet, _ = exchange.session(messages_per_s=2)
    for _ in range(4):
        session.receive('{"action":"ping"}')
    exchange.loop.advance(0.5)
    session.receive('{"action":"ping"}')
    assert outlet.closed() is None
    outlet.take()
    session.receive('{"action":"ping"}')
    [error] = outlet.take()
    assert (error["code"], error["retry_after_ms"] > 0) == ("rate_limited", True)
    assert (outlet.closed() or (0,))[0] == 4029


def test_what_waited_here_is_not_charged_at_once() -> None:
    """A client whose address had to wait, or that was not read, may have asked all that while."""
    exchange = FakeExchange()
    session, outlet, _ = exchange.session()
    for _ in range(42):
        session.receive('{"action":"ping"}')
    exchange.loop.advance(10)
    session.waited(4)
    session.receive('{"action":"ping"}', 6)
    for _ in range(190):
        session.receive('{"action":"ping"}')
    assert outlet.closed() is None


@st.composite
def splits(draw: st.DrawFn) -> tuple[int, list[list[str]]]:
    """A limit of symbols, and as many or fewer of them cut into messages, in any order."""
    limit = draw(st.integers(1, 130))
    names = [f"N{n}" for n in range(draw(st.integers(1, limit)))]
    cuts = sorted(draw(st.sets(st.integers(1, len(names)), max_size=len(names))) | {len(names)})
    ends = zip([0, *cuts], cuts, strict=False)
    return limit, draw(st.permutations([names[begin:end] for begin, end in ends]))


@given(splits(), st.integers(1, 40), st.sampled_from([{}, {"channel": "bars", "timeframe": "5m"}]))
def test_all_that_a_client_may_have_is_admitted_however_it_is_split(
    split: tuple[int, list[list[str]]], rate: int, channel: dict[str, str]
) -> None:
    """Right after connecting, at any rate of messages, in either channel; and let go again."""
    limit, parts = split
    exchange = FakeExchange(limit=500)
    session, outlet, _ = exchange.session(max_symbols=limit, messages_per_s=rate)
    for action in ("subscribe", "unsubscribe"):
        for part in parts:
            session.receive(json.dumps({"action": action, "symbols": part, **channel}))
    answers = [m for m in outlet.take() if m["type"] == "subscription"]
    assert [answer["symbols"] for answer in answers] == [*parts, *parts]
    assert [answer["rejected"] for answer in answers] == [[]] * len(answers)
    assert outlet.closed() is None


@pytest.mark.parametrize(
    "message",
    [
        {"action": "ping"},
        {"action": "list"},
        {"action": "subscribe", "symbols": []},
        {"action": "subscribe", "symbols": ["é"]},
        {"action": "subscribe", "symbols": ["é"] * 10},
        {"action": "unsubscribe", "symbols": [" "]},
        {"action": "unsubscribe_all"},
    ],
)
def test_a_flood_that_names_no_symbol_is_cut_at_the_rate_of_messages(message: object) -> None:
    """After the burst of twice the rate, whatever the number of symbols that one may have."""
    session, outlet, _ = FakeExchange(limit=500).session(messages_per_s=20)
    passed = -1
    while outlet.closed() is None:
        session.receive(json.dumps(message))
        passed += 1
    assert (passed, outlet.closed()) == (42, (4029, "too many messages"))


def test_a_flood_of_single_subscribes_is_cut_too() -> None:
    """After all that a client may have, twice, and the burst."""
    session, outlet, _ = FakeExchange(limit=500).session(messages_per_s=20, max_symbols=100)
    passed = -1
    while outlet.closed() is None:
        passed += 1
        session.receive(json.dumps({"action": "subscribe", "symbols": [f"N{passed}"]}))
    assert (passed, outlet.closed()) == (242, (4029, "too many messages"))


MANY = [f"N{n}" for n in range(2600)]
A_HUNDRED = MANY[:100]
BARS = {"channel": "bars", "timeframe": "1d"}


@pytest.mark.parametrize(
    ("messages", "most"),
    [
        ([{"action": "subscribe", "symbols": MANY}], 3),
        ([{"action": "unsubscribe", "symbols": MANY}], 3),
        ([{"action": "subscribe", "symbols": MANY, **BARS}], 2),
        ([{"action": "subscribe", "symbols": ["é"] * 2600}], 2),
        ([{"action": "subscribe", "symbols": ["AAPL"] * 2600}], 3),
        (
            [
                {"action": "subscribe", "symbols": A_HUNDRED},
                {"action": "unsubscribe", "symbols": A_HUNDRED},
            ],
            7,
        ),
        (
            [{"action": "subscribe", "symbols": A_HUNDRED}, {"action": "unsubscribe_all"}],
            7,
        ),
        (
            [
                {"action": "subscribe", "symbols": A_HUNDRED, **BARS},
                {"action": "unsubscribe", "symbols": A_HUNDRED, "channel": "bars"},
            ],
            4,
        ),
    ],
)
def test_a_message_costs_what_it_gives_to_do_and_refused_names_too(
    messages: list[dict[str, Any]], most: int
) -> None:
    """By its names, not as one: of those that are many few pass, and then the client goes."""
    session, outlet, _ = FakeExchange(limit=5000).session(messages_per_s=20, max_symbols=100)
    passed = -1
    for message in itertools.cycle(messages):
        if outlet.closed() is not None:
            break
        session.receive(json.dumps(message))
        passed += 1
    assert 1 <= passed <= most
    assert outlet.closed() == (4029, "too many messages")


def test_a_list_of_many_subscriptions_costs_more_than_a_small_message() -> None:
    """By what it tells: a client may have ten thousand."""
    session, outlet, _ = FakeExchange(limit=5000).session(max_symbols=1000)
    session.receive(json.dumps({"action": "subscribe", "symbols": MANY[:1000]}))
    passed = -1
    while outlet.closed() is None:
        session.receive('{"action":"list"}')
        passed += 1
    assert passed == 4


def test_of_what_is_refused_the_first_are_named_and_one_entry_stands_for_the_rest() -> None:
    """With its reason and how many they are, in the shape of the others."""
    session, outlet, _ = FakeExchange(limit=5000).session(max_symbols=100)
    [answer, *_] = ask(session, outlet, action="subscribe", symbols=MANY)
    assert answer["symbols"] == A_HUNDRED
    rejected = answer["rejected"]
    assert [r["symbol"] for r in rejected] == MANY[100:151]
    assert {r["code"] for r in rejected} == {"too_many_symbols"}
    assert all("PHOTON_MAX_SYMBOLS" in r["message"] for r in rejected)
    assert "2449 names behind it" in rejected[-1]["message"]
    assert "names behind it" not in rejected[-2]["message"]
    assert outlet.closed() is None


@pytest.mark.parametrize(
    "message",
    [
        {"action": "subscribe", "symbols": [f"é{n}" for n in range(300)]},
        {"action": "unsubscribe", "symbols": [f"é{n}" for n in range(300)]},
        {"action": "subscribe", "symbols": MANY[:300], **BARS},
        {"action": "unsubscribe", "symbols": MANY[:300], **BARS},
        {"action": "unsubscribe", "symbols": MANY[:300]},
    ],
)
def test_every_list_of_names_is_answered_in_bounds(message: dict[str, Any]) -> None:
    """In both channels and directions; nothing is left without a word."""
    session, outlet, _ = FakeExchange(limit=5000).session(max_symbols=100)
    [answer, *_] = ask(session, outlet, **message)
    assert len(answer["symbols"]) <= 200
    assert len(answer["rejected"]) <= 51
    answered = len(answer["symbols"]) + len(answer["rejected"])
    said = answer["rejected"][-1]["message"]
    assert f"refused with the {300 - answered} names behind it" in said


def test_a_list_is_admitted_in_one_pass() -> None:
    """Each name is looked at once, however many are held or were accepted before it."""
    looks: list[str] = []
    exchange = FakeExchange(limit=5000)
    hold = exchange.demand.hold

    def looked_at(symbol: str, address: str | None = None) -> bool:
        looks.append(symbol)
        return hold(symbol, address)

    exchange.demand.hold = looked_at  # type: ignore[method-assign]
    session, outlet, _ = exchange.session(max_symbols=1000)
    ask(session, outlet, action="subscribe", symbols=MANY[:600])
    ask(session, outlet, action="subscribe", symbols=MANY[300:1200])
    assert looks == MANY[:1000]


def test_a_refused_name_is_sent_back_printable() -> None:
    """A terminal that shows it must not obey it."""
    session, outlet, _ = FakeExchange().session()
    foreign = "A\x1b[2J\x9b\u202e" + "x" * 100
    [answer, *_] = ask(session, outlet, action="subscribe", symbols=[foreign, "é"])
    assert [r["symbol"] for r in answer["rejected"]] == ["A\ufffd[2J\ufffd\ufffd" + "x" * 57, "é"]
    assert all(r["message"].isprintable() for r in answer["rejected"])


def test_a_client_may_change_the_pace_of_all_that_it_has_once_a_second() -> None:
    """An honest one that asks for much now and then is not taken for a flood."""
    exchange = FakeExchange(limit=500)
    session, outlet, _ = exchange.session()
    for n in range(30):
        session.receive(
            json.dumps({"action": "subscribe", "symbols": A_HUNDRED, "interval_ms": 50 + n})
        )
        exchange.loop.advance(1)
    assert outlet.closed() is None


def test_an_interval_is_the_next_longer_step_and_a_symbol_has_a_pace_for_each_at_most() -> None:
    """Never faster than asked; 0 stays every trade."""
    exchange = FakeExchange(limit=500)
    for interval in range(50, 10_001, 7):
        session, _, _ = exchange.session()
        session.receive(
            json.dumps({"action": "subscribe", "symbols": ["A"], "interval_ms": interval})
        )
        pace = exchange.clients.of(exchange.hub)[-1].paced["A"]
        assert interval <= pace.interval_s * 1000 < 2 * interval
    clients = exchange.clients.of(exchange.hub)
    assert len({client.paced["A"] for client in clients}) <= len(STEPS_MS) == 16
    session.receive(json.dumps({"action": "subscribe", "symbols": ["A"]}))
    assert not clients[-1].paced
    assert clients[-1].every == {"A"}
    assert all(stepped_s(ms) == ms / 1000 for ms in STEPS_MS)


@given(
    st.one_of(
        st.text(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
        ).map(json.dumps),
        st.fixed_dictionaries(
            {},
            optional={
                name: st.one_of(
                    st.none(),
                    st.integers(),
                    st.text(max_size=5),
                    st.lists(st.text(max_size=5)),
                    st.sampled_from(["subscribe", "unsubscribe", "list", "ping", "bars"]),
                )
                for name in ("action", "symbols", "interval_ms", "channel", "id", "extra")
            },
        ).map(json.dumps),
    )
)
def test_no_text_whatever_raises_or_goes_unanswered(text: str) -> None:
    """Decoding is total."""
    session, outlet, _ = FakeExchange().session()
    outlet.take()
    session.receive(text)
    assert outlet.take()


def test_how_a_client_spells_a_symbol_is_passed_on() -> None:
    """Where it is not in capitals: upstream may know it so; clients never hear of it."""
    exchange = FakeExchange(defaults=("AAPL",))
    session, outlet, _ = exchange.session()
    answer = ask(session, outlet, action="subscribe", symbols=["GEMINI:btcusd", "NVDA", "<b>:x"])
    assert answer[0]["symbols"] == ["GEMINI:BTCUSD", "NVDA"]
    ask(
        session,
        outlet,
        action="subscribe",
        channel="bars",
        timeframe="1m",
        symbols=["ZB:btc_usdt"],
    )
    assert exchange.spellings == ["GEMINI:btcusd", "ZB:btc_usdt"]
