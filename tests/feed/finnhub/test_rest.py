"""Finnhub over REST: on a virtual clock, and over a real port."""

import asyncio
import contextlib
import email.utils
import json
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.feed.finnhub.backoff import REFUSED_KEY_S
from photon_app.feed.finnhub.budget import PER_MINUTE, PER_SECOND
from photon_app.feed.finnhub.poll_schedule import VERDICT_S
from photon_app.feed.finnhub.rest import (
    MAX_ANSWER_BYTES,
    QUOTES,
    FinnhubRest,
)
from photon_app.feed.finnhub.rest_wire import Failed, Unknown
from photon_app.model import Listing, Seed
from photon_app.settings import Secret
from tests.fakes.time import VirtualTime, settle

CANARY = "c4n4ry&key=%2F"
GZIP = {"Content-Encoding": "gzip"}
ZEROS = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
T = TypeVar("T")

Answer = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def figures(price: float = 10.0) -> dict[str, float]:
    """A day's, as Finnhub tells them."""
    return {"c": price, "h": 11, "l": 9, "o": 9.5, "pc": 9.8, "t": 1_699_999_999}


class Upstream:
    """Finnhub, answering as the test says, and the client that asks it."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.asked: list[tuple[float, httpx.Request]] = []
        self.answer: Answer = lambda _: httpx.Response(200, json=figures())
        self.rest = FinnhubRest(
            "http://finnhub.test/api/v1",
            Secret(CANARY),
            time=self.time,
            transport=httpx.MockTransport(self._handle),
            rng=random.Random(1),
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((self.time.monotonic(), request))
        answer = self.answer(request)
        whole = answer if isinstance(answer, httpx.Response) else await answer
        if not whole.is_stream_consumed:
            return whole
        stream = httpx.ByteStream(whole.content)  # not read yet, as over a network
        return httpx.Response(whole.status_code, headers=whole.headers, stream=stream)

    def says(self, status: int = 200, body: object = None, **more: Any) -> None:
        """Answer everything so."""
        if isinstance(body, bytes):
            self.answer = lambda _: httpx.Response(status, content=body, **more)
        else:
            self.answer = lambda _: httpx.Response(status, json=body, **more)

    async def passing(self, asking: Coroutine[Any, Any, T]) -> T:
        """The result, passing as much time as it takes."""
        task = asyncio.create_task(asking)
        while not task.done():
            await settle()
            if not task.done() and self.time._waiting():
                await self.time.advance_to_sleeper()
        return task.result()


def play(scenario: Callable[[Upstream], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario with a client that is closed after it."""

    async def run() -> None:
        upstream = Upstream()
        try:
            async with asyncio.timeout(20):
                await scenario(upstream)
        finally:
            await upstream.rest.aclose()

    asyncio.run(run())


def test_the_key_is_in_the_header_and_never_in_the_address() -> None:
    """On each of the three questions."""

    async def scenario(upstream: Upstream) -> None:
        await upstream.rest.quote("IC MARKETS:1")
        await upstream.rest.search("a&token=b")
        await upstream.rest.profile("AAPL")
        for _, request in upstream.asked:
            assert request.headers["X-Finnhub-Token"] == CANARY
            assert CANARY not in str(request.url)
            assert "c4n4ry" not in str(request.url)
        urls = [request.url for _, request in upstream.asked]
        assert [url.path for url in urls] == [
            "/api/v1/quote",
            "/api/v1/search",
            "/api/v1/stock/profile2",
        ]
        assert [dict(url.params) for url in urls] == [
            {"symbol": "IC MARKETS:1"},
            {"q": "a&token=b"},
            {"symbol": "AAPL"},
        ]

    play(scenario)


def test_a_quote_is_remembered_for_a_minute() -> None:
    """A polling one is sent again, and remembered for the others."""

    async def scenario(upstream: Upstream) -> None:
        first = await upstream.rest.quote("AAPL")
        assert isinstance(first, Seed)
        assert first.price == 10.0
        upstream.says(body=figures(12.0))
        assert await upstream.rest.quote("AAPL") == first
        polled = await upstream.rest.quote("AAPL", polling=True)
        assert isinstance(polled, Seed)
        assert polled.price == 12.0
        assert await upstream.rest.quote("AAPL") == polled
        await upstream.time.advance(61)
        upstream.says(body=figures(13.0))
        assert await upstream.rest.quote("AAPL") != polled
        counters = upstream.rest.counters
        assert (counters.requests, counters.cached, counters.failed) == (3, 2, 0)

    play(scenario)


def test_an_unknown_symbol_is_asked_for_once_in_minutes() -> None:
    """Junk, in whatever order, cannot eat the budget; a polling call asks again, to confirm."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(body=ZEROS)
        for _ in range(50):
            assert await upstream.rest.quote("JUNK") == Unknown(symbol="JUNK")
        assert len(upstream.asked) == 1
        await upstream.time.advance(VERDICT_S + 1)
        await upstream.rest.quote("JUNK")
        assert len(upstream.asked) == 2
        for _ in range(3):
            answer = await upstream.passing(upstream.rest.quote("JUNK", polling=True))
            assert answer == Unknown(symbol="JUNK")
        assert len(upstream.asked) == 5

    play(scenario)


def test_what_is_remembered_has_a_bound() -> None:
    """The longest unused is forgotten."""

    async def scenario(upstream: Upstream) -> None:
        memory = upstream.rest._quotes
        for number in range(QUOTES + 10):
            memory.keep(number, number, 1e9)
        assert len(memory) == QUOTES

    play(scenario)


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, b""), (200, b'{"error":"API limit reached. Please try again later."}')],
)
def test_the_limit_pauses_everything_until_the_next_minute(status: int, body: bytes) -> None:
    """Whichever status it comes with."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(status, body)
        failed = await upstream.rest.quote("AAPL")
        assert isinstance(failed, Failed)
        assert failed.reason == "throttle"
        left_s = 60 - upstream.time.now_ms() / 1000 % 60
        assert upstream.rest.paused_s == pytest.approx(left_s)
        upstream.says(body=figures())
        await upstream.time.advance(left_s - 1)
        for asking in (upstream.rest.profile("A"), upstream.rest.search("b")):
            paused = await asking
            assert isinstance(paused, Failed)
            assert 0 < paused.retry_s <= 1.001
        assert len(upstream.asked) == 1
        await upstream.time.advance(1)
        assert isinstance(await upstream.rest.quote("AAPL"), Seed)
        assert upstream.rest.counters.throttled == 3

    play(scenario)


@pytest.mark.parametrize(("header", "pause_s"), [("7", 7), ("0", 1), ("999999", 900)])
def test_retry_after_is_obeyed_within_reason(header: str, pause_s: float) -> None:
    """At least a second, at most 15 minutes."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(429, headers={"Retry-After": header})
        await upstream.rest.quote("AAPL")
        assert upstream.rest.paused_s == pause_s

    play(scenario)


def test_a_refused_key_pauses_everything_for_15_minutes() -> None:
    """Asking sooner does not mend it."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(401, {"error": "Invalid API key."})
        failed = await upstream.rest.quote("AAPL")
        assert isinstance(failed, Failed)
        assert failed.reason == "auth"
        assert upstream.rest.paused_s == REFUSED_KEY_S
        await upstream.time.advance(REFUSED_KEY_S - 1)
        again = await upstream.rest.quote("AAPL")
        assert isinstance(again, Failed)
        assert again.reason == "auth"
        assert len(upstream.asked) == 1

    play(scenario)


def test_a_pause_holds_for_those_who_wait_for_their_turn() -> None:
    """They fail without asking."""

    async def scenario(upstream: Upstream) -> None:
        gate = asyncio.Event()

        async def refused(_: httpx.Request) -> httpx.Response:
            await gate.wait()
            return httpx.Response(401)

        upstream.answer = refused
        first = asyncio.create_task(upstream.rest.quote("AAPL"))
        await settle()
        upstream.says(body=figures())
        for number in range(PER_SECOND - 1):
            await upstream.rest.quote(f"S{number}")
        waiting = [asyncio.create_task(upstream.rest.quote(f"W{n}")) for n in range(3)]
        await settle()
        gate.set()
        await first
        await upstream.time.advance(2)
        for answer in await asyncio.gather(*waiting):
            assert isinstance(answer, Failed)
            assert answer.reason == "auth"
        assert len(upstream.asked) == PER_SECOND

    play(scenario)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Of two answers that were under way together."""

    async def scenario(upstream: Upstream) -> None:
        gate = asyncio.Event()

        async def throttled(_: httpx.Request) -> httpx.Response:
            await gate.wait()
            return httpx.Response(429)

        upstream.answer = throttled
        late = asyncio.create_task(upstream.rest.quote("AAPL"))
        await settle()
        upstream.says(401)
        await upstream.rest.quote("MSFT")
        gate.set()
        await late
        assert upstream.rest.paused_s == REFUSED_KEY_S

    play(scenario)


def test_what_the_plan_has_not_got_is_not_asked_again_for_an_hour() -> None:
    """Other symbols are."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(403, {"error": "You don't have access to this resource."})
        for _ in range(3):
            failed = await upstream.rest.quote("VOD.L")
            assert isinstance(failed, Failed)
            assert failed.reason == "plan"
        assert len(upstream.asked) == 1
        upstream.says(body=figures())
        assert isinstance(await upstream.rest.quote("AAPL"), Seed)

    play(scenario)


def test_trouble_is_tried_three_times_with_pauses() -> None:
    """A broken server, a broken line; the last word counts."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(503)
        failed = await upstream.passing(upstream.rest.quote("AAPL"))
        assert isinstance(failed, Failed)
        assert failed.reason == "server"
        assert len(upstream.asked) == 3
        first, second, third = (at for at, _ in upstream.asked)
        assert 0.5 <= second - first <= 1
        assert 1 <= third - second <= 2
        assert upstream.rest.counters.failed == 3

        def broken(request: httpx.Request) -> httpx.Response:
            if len(upstream.asked) < 5:
                raise httpx.ConnectError("no", request=request)
            return httpx.Response(200, json=figures())

        upstream.answer = broken
        assert isinstance(await upstream.passing(upstream.rest.quote("AAPL")), Seed)
        assert len(upstream.asked) == 5

    play(scenario)


def test_a_poll_is_tried_once() -> None:
    """Its next round is the next attempt."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(500)
        assert isinstance(await upstream.rest.quote("AAPL", polling=True), Failed)
        assert len(upstream.asked) == 1

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(302, headers={"Location": "http://evil.test/"}), "garbage"),
        (httpx.Response(200, content=b"<html>"), "garbage"),
        (httpx.Response(200, content=b'{"c":NaN,"t":1}'), "garbage"),
        (httpx.Response(200, content=b" " * (MAX_ANSWER_BYTES + 1)), "garbage"),
        (httpx.Response(200, headers=GZIP, stream=httpx.ByteStream(b'{"result":[]}')), "garbage"),
        (httpx.Response(404), "garbage"),
    ],
)
def test_an_answer_that_is_none_fails_and_is_not_repeated(
    answer: httpx.Response, reason: str
) -> None:
    """Elsewhere, no JSON, impossible, too long, compressed."""

    async def scenario(upstream: Upstream) -> None:
        upstream.answer = lambda _: answer
        failed = await upstream.rest.search("AAPL")
        assert isinstance(failed, Failed)
        assert failed.reason == reason
        assert [request.url.host for _, request in upstream.asked] == ["finnhub.test"]

    play(scenario)


def test_an_answer_that_does_not_come_fails_after_10_s() -> None:
    """Each time that it is tried."""

    async def scenario(upstream: Upstream) -> None:
        async def never(_: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        upstream.answer = never
        asking = asyncio.create_task(upstream.rest.quote("AAPL", polling=True))
        await upstream.time.advance(9.9)
        assert not asking.done()
        await upstream.time.advance(0.1)
        failed = await asking
        assert isinstance(failed, Failed)
        assert failed.reason == "network"

    play(scenario)


def test_equal_questions_under_way_are_asked_once() -> None:
    """And who gives up takes nothing from the others."""

    async def scenario(upstream: Upstream) -> None:
        gate = asyncio.Event()

        async def later(_: httpx.Request) -> httpx.Response:
            await gate.wait()
            return httpx.Response(200, json=figures())

        upstream.answer = later
        tasks = [asyncio.create_task(upstream.rest.quote("AAPL")) for _ in range(20)]
        await settle()
        tasks[0].cancel()
        await settle()
        gate.set()
        answers = await asyncio.gather(*tasks[1:])
        assert all(isinstance(answer, Seed) for answer in answers)
        assert tasks[0].cancelled()
        assert len(upstream.asked) == 1
        assert upstream.rest.counters.cached == 19

    play(scenario)


def test_searches_that_mean_the_same_are_one() -> None:
    """Whatever their case and spaces."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(body={"count": 1, "result": [{"symbol": "AAPL", "description": "APPLE"}]})
        found = await upstream.rest.search("Apple  inc")
        assert found == (Listing(symbol="AAPL", name="APPLE", type=""),)
        assert await upstream.rest.search(" apple INC ") == found
        assert len(upstream.asked) == 1

    play(scenario)


def test_a_typing_page_cannot_eat_the_budget() -> None:
    """Searches have a share; what is above it fails at once, and look-ups still get through."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(body={"count": 0, "result": []})
        answers = [await upstream.rest.search(f"word {n}") for n in range(100)]
        assert len(upstream.asked) == 20
        assert sum(answer == () for answer in answers) == 20
        refused = answers[-1]
        assert isinstance(refused, Failed)
        assert refused.reason == "busy"
        upstream.says(body=figures())
        assert isinstance(await upstream.rest.quote("AAPL"), Seed)

    play(scenario)


def test_too_many_callers_are_refused_at_once() -> None:
    """The queue has a bound."""

    async def scenario(upstream: Upstream) -> None:
        tasks = [asyncio.create_task(upstream.rest.quote(f"S{n}")) for n in range(200)]
        for _ in range(10):
            await settle()
        done = [task.result() for task in tasks if task.done()]
        refused = [one for one in done if isinstance(one, Failed) and one.reason == "busy"]
        assert len(upstream.asked) == 30
        assert len(tasks) - len(done) <= 32
        assert len(refused) >= 100
        assert upstream.rest.counters.throttled == len(refused)
        for task in tasks:
            task.cancel()

    play(scenario)


def test_a_poll_that_asks_nothing_takes_a_second() -> None:
    """A loop of polls never holds the event loop."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(401)
        await upstream.rest.quote("AAPL")
        polls = 0

        async def loop() -> None:
            nonlocal polls
            while True:
                await upstream.rest.quote("AAPL", polling=True)
                polls += 1

        task = asyncio.create_task(loop())
        await upstream.time.advance(10.5)
        assert polls == 10
        task.cancel()

    play(scenario)


def test_closing_ends_what_is_under_way_as_failed() -> None:
    """And what comes after it."""

    async def scenario(upstream: Upstream) -> None:
        async def never(_: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        upstream.answer = never
        asking = asyncio.create_task(upstream.rest.quote("AAPL"))
        await settle()
        await upstream.rest.aclose()
        for answer in (await asking, await upstream.rest.quote("MSFT")):
            assert isinstance(answer, Failed)
            assert answer.reason == "busy"
        assert len(upstream.asked) == 1

    play(scenario)


def ask(rest: FinnhubRest, kind: str, name: str) -> Coroutine[Any, Any, object]:
    """One of the questions."""
    if kind == "search":
        return rest.search(name)
    if kind == "profile":
        return rest.profile(name)
    return rest.quote(name, polling=kind == "poll")


calls = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0, 20)),
        st.sampled_from(["quote", "poll", "search", "profile"]),
        st.integers(1, 25),
        st.sampled_from([200, 200, 200, 429, 500]),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(calls)
def test_no_moving_minute_has_more_than_60_requests(
    plan: list[tuple[float, str, int, int]],
) -> None:
    """And no second more than 30, retries and pauses included."""

    async def scenario(upstream: Upstream) -> None:
        tasks = []
        for number, (gap_s, kind, count, status) in enumerate(plan):
            await upstream.time.advance(gap_s)
            upstream.says(status, figures())
            for one in range(count):
                asking = ask(upstream.rest, kind, f"N{number}.{one}")
                tasks.append(asyncio.create_task(asking))
        while not all(task.done() for task in tasks):
            await settle()
            if upstream.time._waiting():
                await upstream.time.advance_to_sleeper()
        at = [when for when, _ in upstream.asked]
        for start in at:
            assert sum(start <= when < start + 60 for when in at) <= PER_MINUTE
            assert sum(start <= when < start + 1 for when in at) <= PER_SECOND

    play(scenario)


class Port:
    """A server on a real port that answers every request alike.

    Args:
        status: the status line's end.
        body: what is answered.
    """

    def __init__(self, status: bytes, body: bytes = b"") -> None:
        self._answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
        self._tasks: list[asyncio.Task[None]] = []
        self.heads: list[bytes] = []
        self.connections = 0

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/v1"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self._answer)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("key", [CANARY, "line\nbreak", "ключ", "nul\0"])
def test_the_key_is_in_no_output(key: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is logged, and even when the key cannot be sent."""
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        port = Port(b"401 No")
        async with port as url:
            rest = FinnhubRest(url, Secret(key), time=VirtualTime())
            failed = await rest.quote("AAPL", polling=True)
            assert isinstance(failed, Failed)
            assert key not in repr(failed)
            await rest.aclose()
        assert all(key.encode() not in head.split(b"\r\n")[0] for head in port.heads)

    asyncio.run(scenario())
    assert key not in caplog.text
    assert not {record.name.split(".")[0] for record in caplog.records} & {"httpx", "httpcore"}


def test_it_speaks_over_a_real_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one kept connection, and through no proxy of the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def scenario() -> None:
        port = Port(b"200 OK", json.dumps(figures()).encode())
        async with port as url:
            rest = FinnhubRest(url, Secret(CANARY), time=VirtualTime())
            async with asyncio.timeout(20):
                for symbol in ("AAPL", "MSFT"):
                    assert isinstance(await rest.quote(symbol), Seed)
            await rest.aclose()
        assert port.connections == 1
        assert len(port.heads) == 2
        assert all(CANARY.encode() in head for head in port.heads)

    asyncio.run(scenario())


def date(ms: int) -> dict[str, str]:
    """A header."""
    return {"Date": email.utils.formatdate(ms / 1000, usegmt=True)}


@pytest.mark.parametrize("fast_ms", [-86_400_000, -90_000, 0, 90_000, 3_600_000])
def test_the_date_of_answers_tells_how_fast_this_clock_is(fast_ms: int) -> None:
    """To a second; one that cannot be read tells nothing; a clock that is set is measured again."""

    async def scenario(upstream: Upstream) -> None:
        upstream.says(body=figures(), headers={"Date": "yesterday"})
        await upstream.rest.quote("X")
        assert upstream.rest.fast_ms is None
        for symbol in "ABC":
            upstream.says(body=figures(), headers=date(upstream.time.now_ms() - fast_ms))
            await upstream.rest.quote(symbol)
        assert abs((upstream.rest.fast_ms or 0) - fast_ms) <= 1000
        for leap_s in (3600, -3600):
            upstream.time.doze(leap_s)
            assert not upstream.rest.fast_ms
            upstream.says(body=figures(), headers=date(upstream.time.now_ms()))
            await upstream.rest.quote(f"Y{leap_s + 3600}")
            assert upstream.rest._fast_ms

    play(scenario)


def test_a_price_of_now_is_none_of_the_future_where_this_clock_is_slow() -> None:
    """By the server's own clock."""

    async def scenario(upstream: Upstream) -> None:
        true_ms = upstream.time.now_ms() + 90_000
        upstream.says(body={**figures(), "t": true_ms // 1000}, headers=date(true_ms))
        seed = await upstream.rest.quote("A")
        assert isinstance(seed, Seed)
        assert seed.time_ms == true_ms // 1000 * 1000

    play(scenario)


def test_a_night_is_longer_than_a_minute() -> None:
    """What is remembered ages in sleep too."""

    async def scenario(upstream: Upstream) -> None:
        await upstream.rest.quote("A")
        upstream.time.doze(8 * 3600)
        await upstream.rest.quote("A")
        assert len(upstream.asked) == 2

    play(scenario)
