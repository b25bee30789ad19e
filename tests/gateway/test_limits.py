"""How much may be asked: the buckets by themselves, and every limit of a client over a socket."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
import websockets.exceptions
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from photon_app import runtime
from photon_app.feed.awake import Awake
from photon_app.gateway.limits import FairBucket, MessageBudget, TokenBucket, message_bucket
from photon_app.hub.stalls import BEAT_S, FRESH_S, Stalls
from tests.fakes.exchange import FakeExchange
from tests.fakes.server import serving
from tests.fakes.time import HandTime
from tests.fakes.waiting import wait_until
from tests.gateway.test_websocket import both, client, closing, receive, subscribe, until

moments = st.lists(st.floats(0, 20), min_size=1, max_size=40)


@given(st.integers(1, 20), st.integers(1, 20), moments)
def test_no_window_gives_more_than_the_burst_and_the_rate(
    rate: int, burst: int, ats: list[float]
) -> None:
    """Whatever the order of the times: a clock that goes back refills nothing twice."""
    bucket = TokenBucket(rate, burst, 0.0)
    given_at: list[float] = []
    now = 0.0
    for at in ats:
        now = max(now, at)
        given_at += [now] * sum(bucket.take(at) for _ in range(3))
    for i, begin in enumerate(given_at):
        for j, end in enumerate(given_at[i:]):
            assert j + 1 <= burst + rate * (end - begin) + 1e-3


@given(st.integers(1, 50), st.floats(0, 1e6))
def test_a_full_bucket_is_full_again_after_burst_over_rate(rate: int, begin: float) -> None:
    """And says how long until the next token."""
    bucket = TokenBucket(rate, 2 * rate, begin)
    assert all(bucket.take(begin) for _ in range(2 * rate))
    assert not bucket.take(begin)
    assert bucket.take(begin + bucket.retry_after_s())
    assert all(bucket.take(begin + 3 + bucket.retry_after_s()) for _ in range(2 * rate))


@given(st.integers(1, 100), st.floats(0, 1e6), st.lists(st.floats(0, 0.09), max_size=200))
def test_a_client_that_spends_its_burst_and_keeps_to_the_rate_is_never_refused(
    rate: int, begin: float, delays: list[float]
) -> None:
    """Though the network brings each message late by a little, and unevenly."""
    bucket = message_bucket(rate, begin)
    late = begin + 0.09
    assert all(bucket.take(late) for _ in range(2 * rate))
    for n, delay in enumerate(delays, 1):
        assert bucket.take(begin + n / rate + delay)


@given(
    st.integers(1, 20),
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 8)), min_size=1, max_size=60),
)
def test_a_budget_gives_no_more_than_its_burst_its_reserve_and_the_rate(
    rate: int, symbols: int, asks: list[tuple[float, int]]
) -> None:
    """In any window, whatever the messages name: what is spilt is not given twice."""
    budget = MessageBudget(rate, symbols, 0.0)
    given_at: list[float] = []
    now = 0.0
    for pause, names in asks:
        now += pause
        given_at += [now] * sum(budget.take(now, names) for _ in range(9))
    for i, begin in enumerate(given_at):
        for j, end in enumerate(given_at[i:]):
            assert j + 1 <= 2.1 * rate + 2 * symbols + rate * (end - begin) + 1e-3


@given(st.integers(1, 50), st.integers(1, 200), st.integers(1, 300))
def test_a_message_that_names_nothing_has_no_share_in_the_reserve(
    rate: int, symbols: int, named: int
) -> None:
    """Whatever is left of it: two seconds of pings pass at once, as ever."""
    budget = MessageBudget(rate, symbols, 0.0)
    budget.take(0.0, min(named, symbols))
    passed = 0
    while budget.take(0.0):
        passed += 1
    assert passed == int(2.1 * rate)


def test_a_reserve_that_was_used_is_there_again_after_a_while() -> None:
    """Once the other bucket is full, at the rate."""
    budget = MessageBudget(10, 50, 0.0)
    assert all(budget.take(0.0, 10) for _ in range(10))
    assert sum(budget.take(0.0, 1) for _ in range(50)) == 21
    assert sum(budget.take(2.1 + 3, 1) for _ in range(80)) == 30 + 21
    assert sum(budget.take(2.1 + 3 + 2.1 + 10 + 1, 1) for _ in range(300)) == 100 + 21


def test_what_was_sent_while_the_server_stood_still_is_not_charged_at_once() -> None:
    """Half a minute of honest messages passes when it wakes; what is above the rate does not."""
    time = HandTime(100.0)
    stalls = Stalls(time)
    budget = MessageBudget(20, 100, time.at_s, stalls)
    newcomer = MessageBudget(20, 100, time.at_s + 30, stalls)
    time.at_s += 30 + BEAT_S
    passed = 0
    while budget.take(time.at_s):
        passed += 1
    assert passed == 30 * 20 + 42
    stalls.beat()
    assert not budget.take(time.at_s)
    assert sum(newcomer.take(time.at_s) for _ in range(2000)) == 642
    late = MessageBudget(20, 100, time.at_s, stalls)
    assert sum(late.take(time.at_s) for _ in range(2000)) == 42


def test_a_stall_of_long_ago_is_no_credit() -> None:
    """A flood that comes a minute later is cut as ever."""
    time = HandTime(100.0)
    stalls = Stalls(time)
    budget = MessageBudget(20, 100, time.at_s, stalls)
    time.at_s += 3600
    stalls.beat()
    for _ in range(round((FRESH_S + 1) / BEAT_S)):
        time.at_s += BEAT_S
        stalls.beat()
    assert sum(budget.take(time.at_s) for _ in range(2000)) == 42


@given(st.floats(0.1, 100), st.integers(1, 40))
def test_what_waits_because_its_client_is_not_read_is_not_charged_at_once(
    waited_s: float, rate: int
) -> None:
    """A client that was congested may have sent all that while; and not twice that."""
    budget = MessageBudget(rate, 1, 0.0)
    while budget.take(0.0, 1):
        pass
    budget.waited(waited_s, waited_s)
    passed = sum(budget.take(waited_s) for _ in range(5000))
    assert abs(passed - waited_s * rate) <= 1
    later = waited_s + 1000
    assert sum(budget.take(later) for _ in range(5000)) <= 2.1 * rate + 1


def test_a_lone_client_may_have_every_token() -> None:
    """Nobody is hurt by it."""
    bucket = FairBucket(10, 0.0)
    assert sum(bucket.take("a", 0.0) for _ in range(50)) == 10
    assert sum(bucket.take("a", n / 10) for n in range(1, 101)) == 100


def test_a_client_cannot_keep_the_bucket_empty_for_another() -> None:
    """One that asks a thousand times a second takes half; the other gets in a second later."""
    bucket = FairBucket(10, 0.0)
    got = {"flood": 0, "other": 0}
    for ms in range(10_000):
        got["flood"] += bucket.take("flood", ms / 1000)
        if ms % 1000 == 500:
            got["other"] += bucket.take("other", ms / 1000)
    assert got["other"] >= 9
    assert got["flood"] <= 10 + 10 * 5 + 5


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 0.5)), max_size=200),
)
def test_the_fair_bucket_keeps_to_the_rate_and_remembers_little(
    rate: int, asks: list[tuple[str, float]]
) -> None:
    """No more than a plain one; an entry for each client of one window."""
    bucket = FairBucket(rate, 0.0)
    now, taken = 0.0, 0
    for asker, pause in asks:
        now += pause
        taken += bucket.take(asker, now)
        assert sum(bucket._taken.values()) <= 2 * rate + 1
    assert taken <= rate + rate * now + 1e-3


def test_a_client_that_never_says_anything_is_never_closed() -> None:
    """No timer waits for a first message; a day of ticks goes by."""
    exchange = FakeExchange()
    exchange.settle()
    idle = exchange.loop.waiting
    _, outlet, _ = exchange.session()
    exchange.settle()
    assert exchange.loop.waiting == idle
    for _ in range(24 * 60):
        exchange.loop.advance(60)
        exchange.clients.tick()
    assert outlet.closed() is None


def timers() -> set[str]:
    """What the running loop will call later, by name."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return {str(handle._callback) for handle in scheduled if not handle.cancelled()}  # type: ignore[attr-defined]


@both
def test_a_silent_connection_has_no_timer_but_the_servers_ping(ws: str) -> None:
    """Silent clients are legal."""

    async def scenario() -> None:
        async with serving(ws=ws) as server:
            before = timers()
            async with connect(server.ws, ping_interval=None) as connection:
                await receive(connection)
                await receive(connection)
                names = [name for name in timers() - before if "_set_result_unless" not in name]
                assert len(names) == 1
                assert "send_keepalive_ping" in names[0]

    asyncio.run(scenario())


@both
def test_more_symbols_than_a_connection_may_have_are_refused_by_name(ws: str) -> None:
    """The others are taken; room that is made can be used."""

    async def scenario() -> None:
        async with serving(ws=ws, max_symbols=2) as server, client(server) as connection:
            answer = await subscribe(connection, "AAPL", "NVDA", "IBM")
            assert answer["symbols"] == ["AAPL", "NVDA"]
            [rejection] = answer["rejected"]
            assert (rejection["symbol"], rejection["code"]) == ("IBM", "too_many_symbols")
            assert "one connection may have 2 symbols" in rejection["message"]
            await connection.send(json.dumps({"action": "unsubscribe", "symbols": ["AAPL"]}))
            await until(connection, "subscription")
            assert (await subscribe(connection, "IBM"))["rejected"] == []

    asyncio.run(scenario())


@both
def test_more_symbols_than_the_process_follows_are_refused_to_the_last_client(ws: str) -> None:
    """Over two clients; both keep what they have, and a symbol that is followed is free for all."""

    async def scenario() -> None:
        options: dict[str, Any] = {"max_symbols_total": 4, "linger_s": 0}
        async with (
            serving(ws=ws, **options) as server,
            client(server) as one,
            client(server) as two,
        ):
            assert (await subscribe(one, "IBM"))["rejected"] == []
            answer = await subscribe(two, "AMD", "ORCL", "IBM", "AAPL")
            assert answer["symbols"] == ["AMD", "IBM", "AAPL"]
            [rejection] = answer["rejected"]
            assert (rejection["symbol"], rejection["code"]) == ("ORCL", "too_many_symbols")
            assert "this server follows as many symbols as it may" in rejection["message"]
            await two.send(json.dumps({"action": "unsubscribe", "symbols": ["AMD"]}))
            await until(two, "subscription")
            assert (await subscribe(two, "ORCL"))["rejected"] == []
            await one.send(json.dumps({"action": "list"}))
            assert (await until(one, "subscription"))["subscriptions"] == ["IBM"]

    asyncio.run(scenario())


def test_an_address_that_has_most_of_the_symbols_gives_some_to_another() -> None:
    """In whatever way it has them: the answer says which and why, and the other has its part."""

    async def scenario() -> None:
        async with serving(max_symbols_total=11) as server:
            mine: dict[str, Any] = {"local_addr": ("127.0.0.2", 0)}
            async with client(server, **mine) as events, client(server) as other:
                rude = [f"R{n}" for n in range(1, 7)]
                assert (await subscribe(events, *rude))["rejected"] == []
                async with (
                    connect(f"{server.ws}?format=array&symbols=R7", **mine) as array,
                    connect(server.finnhub, **mine) as tape,
                ):
                    await receive(array)
                    await tape.send(json.dumps({"type": "subscribe", "symbol": "R8"}))
                    await wait_until(lambda: "R8" in server.live.demand)
                    assert (await subscribe(events, "R9"))["rejected"] == []
                    answer = await subscribe(other, "H1", "H2", "H3", "H4", "H5")
                    assert answer["symbols"] == ["H1", "H2", "H3", "H4"]
                    assert "too many symbols" in (await receive(tape))["msg"]
                    error = await until(events, "error")
                    assert (error["code"], error["message"][:12]) == (
                        "too_many_symbols",
                        "R9 made room",
                    )
                    assert "PHOTON_MAX_SYMBOLS_TOTAL" in error["message"]
                    assert (await until(events, "status"))["symbols"] == {"R9": "rejected"}
                    assert (await subscribe(events, "R9"))["symbols"] == []
                    wanted = {"AAPL", "NVDA", *rude[:5], "H1", "H2", "H3", "H4"}
                    assert server.live.demand.wanted == wanted
                await events.send(json.dumps({"action": "list"}))
                listed = await until(events, "subscription")
                assert listed["subscriptions"] == rude[:5]

    asyncio.run(scenario())


@pytest.mark.parametrize(("query", "timeframe"), [("", None), ("", "1m"), ("?format=array", None)])
@both
def test_a_loop_of_single_subscribes_is_not_too_many_messages(
    ws: str, query: str, timeframe: str | None
) -> None:
    """As many as a client may have symbols, in either channel; an old client, which is sent arrays
    whatever it says, may say it too. Pings are cut as before.
    """

    async def scenario() -> None:
        bars = {} if timeframe is None else {"channel": "bars", "timeframe": timeframe}
        async with serving(ws=ws) as server, client(server, query) as connection:
            for n in range(100):
                message = {"action": "subscribe", "symbols": [f"N{n}"], **bars}
                await connection.send(json.dumps(message))
            if not query:
                answers = [await until(connection, "subscription") for _ in range(100)]
                assert [a["symbols"] for a in answers] == [[f"N{n}"] for n in range(100)]
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for _ in range(60):
                    await connection.send('{"action":"ping"}')
            assert await closing(connection) == (4029, "too many messages")

    asyncio.run(scenario())


@both
def test_too_many_messages_are_reported_and_end_with_4029(ws: str) -> None:
    """Another client is not concerned."""

    async def scenario() -> None:
        async with (
            serving(ws=ws, messages_per_s=1) as server,
            client(server) as hasty,
            client(server) as other,
        ):
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for _ in range(20):
                    await hasty.send('{"action":"ping"}')
            error = await until(hasty, "error")
            assert error["code"] == "rate_limited"
            assert error["retry_after_ms"] > 0
            assert "slow down" in error["message"]
            assert await closing(hasty) == (4029, "too many messages")
            await other.send('{"action":"ping"}')
            assert (await until(other, "pong"))["type"] == "pong"

    asyncio.run(scenario())


@pytest.mark.parametrize("query", ["", "?format=array"])
@both
def test_a_message_that_is_too_big_says_how_big_one_may_be(ws: str, query: str) -> None:
    """In both formats, with 1009."""

    async def scenario() -> None:
        async with serving(ws=ws) as server, client(server, query) as connection:
            await connection.send("x" * 20_000)
            code, reason = await closing(connection)
            assert (code, "16384" in reason) == (1009, True)

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/ws", "/ws?format=array", "/finnhub"])
@both
def test_a_server_that_stood_still_closes_nobody_for_what_was_sent_meanwhile(
    ws: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a minute of pings that are read at once, on every path; a flood goes as ever."""
    awake = Awake()
    monkeypatch.setattr(runtime, "Awake", lambda: awake)

    async def scenario() -> None:
        async with (
            serving(ws=ws) as server,
            connect(f"ws://127.0.0.1:{server.port}{path}", compression=None) as connection,
        ):
            awake.slept_s += 30
            for _ in range(600):
                await connection.send('{"action":"ping","type":"ping"}')
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        await connection.recv()
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                for _ in range(60):
                    await connection.send('{"action":"ping","type":"ping"}')
            assert (await closing(connection))[0] == 4029

    asyncio.run(scenario())
