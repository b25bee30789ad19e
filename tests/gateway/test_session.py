"""The rules of one /ws client, without a socket."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.exchange import NOON_MS, FakeExchange
from tests.fakes.outlet import FakeOutlet, prices


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


def test_asking_too_often_is_told_and_closed() -> None:
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
        {"action": "subscribe", "symbols": ["é", "AAPL"] * 101},
        {"action": "unsubscribe", "symbols": [" "]},
        {"action": "unsubscribe_all"},
    ],
)
def test_a_flood_that_names_no_symbol_or_too_many_is_cut_as_before(message: object) -> None:
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
    assert exchange.spelled == ["GEMINI:btcusd", "ZB:btc_usdt"]
