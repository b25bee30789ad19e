"""Every mood of Finnhub that the policy names, as a script, with the history that it must have.

The jitter is always the longest, so that the delays are 2, 4, 8, 16, 32, 60, 60, … seconds, and 60
more after a kick or a 429.
"""

import asyncio
import dataclasses
import ssl
from typing import Any

import pytest

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub_wire import encode_trades
from photon_app.model import Trade
from tests.fakes.finnhub import CERTIFICATE, FakeFinnhub
from tests.fakes.finnhub_script import (
    PATIENT,
    PING,
    Close,
    Cut,
    Frames,
    Freeze,
    HangUp,
    Refuse,
    Script,
    Step,
    Subscribed,
    Wait,
    after,
    pinging,
    trades,
)
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime
from tests.feed.finnhub.scripted import KEY, Longest, history

IN_USE = " times in a row right after it opened: another program seems to use this key"


@dataclasses.dataclass(frozen=True)
class Row:
    """A script and what must come of it."""

    name: str
    script: Script
    seconds: float
    times: list[float]
    """When there must be an attempt, and at no other time."""
    failures: dict[str, int]
    state: str = "live"
    """How it ends."""
    words: str = ""
    """Begins the last reason that was given."""


ROWS = [
    Row("healthy", (PATIENT,), 3600, [0], {}),
    Row(
        "401",
        ((Refuse(401),),),
        2000,
        [0, 900, 1800],
        {"auth": 3},
        "unauthorized",
        "the API key was refused",
    ),
    Row(
        "401, then mended",
        after([(Refuse(401),)]),
        1000,
        [0, 900],
        {"auth": 1},
        words="the API key was refused",
    ),
    Row(
        "403",
        after([(Refuse(403),)] * 3),
        60,
        [0, 2, 6, 14],
        {"server": 3},
        words="the server forbids it (HTTP 403)",
    ),
    Row(
        "429",
        after([(Refuse(429),)] * 2),
        200,
        [0, 62, 126],
        {"throttle": 2},
        words="too many attempts (HTTP 429)",
    ),
    Row(
        "429 for ever",
        ((Refuse(429),),),
        500,
        [0, 62, 126, 194, 270, 362, 482],
        {"throttle": 7},
        "throttled",
    ),
    Row(
        "429 with a longer Retry-After",
        after([(Refuse(429, {"Retry-After": "200"}),)]),
        300,
        [0, 200],
        {"throttle": 1},
    ),
    Row(
        "429 with a shorter Retry-After",
        after([(Refuse(429, {"Retry-After": "1"}),)]),
        300,
        [0, 62],
        {"throttle": 1},
    ),
    Row(
        "429 with a date",
        after([(Refuse(429, {"Retry-After": "Tue, 14 Nov 2023 22:20:00 GMT"}),)]),
        900,
        [0, 400],
        {"throttle": 1},
    ),
    Row(
        "429 with a year",
        after([(Refuse(429, {"Retry-After": "31536000"}),)]),
        1000,
        [0, 900],
        {"throttle": 1},
    ),
    Row(
        "429 with rubbish",
        after([(Refuse(429, {"Retry-After": "soon"}),)]),
        100,
        [0, 62],
        {"throttle": 1},
    ),
    Row("200", after([(Refuse(200),)] * 2), 60, [0, 2, 6], {"server": 2}),
    Row(
        "500 for ever",
        ((Refuse(500),),),
        250,
        [0, 2, 6, 14, 30, 62, 122, 182, 242],
        {"server": 9},
        "reconnecting",
        "the server answered HTTP 500",
    ),
    Row("503", after([(Refuse(503),)]), 60, [0, 2], {"server": 1}),
    Row(
        "503 with Retry-After",
        after([(Refuse(503, {"Retry-After": "120"}),)]),
        200,
        [0, 120],
        {"server": 1},
    ),
    Row(
        "hung up in the handshake",
        after([(HangUp(),)] * 2),
        60,
        [0, 2, 6],
        {"server": 2},
        words="the server did not answer as a WebSocket",
    ),
    Row(
        "accept then 1000 for ever",
        ((Close(1000),),),
        140,
        [0, 2, 66, 134],
        {"network": 1, "kick": 3},
        "reconnecting",
        "the server closed the line (1000), 4" + IN_USE,
    ),
    Row(
        "accept then nothing for ever",
        ((Wait(1.5), Cut()),),
        70,
        [0, 3.5, 69],
        {"network": 1, "kick": 1},
        words="the line broke, 2" + IN_USE,
    ),
    Row(
        "accept then 1012 for ever",
        ((Close(1012),),),
        60,
        [0, 2, 6, 14, 30],
        {"server": 5},
        "reconnecting",
        "the server closed the line (1012)",
    ),
    Row(
        "accept, a trade, a drop, for ever",
        ((Subscribed(2), Frames(trades(("A", 1, START_MS))), Cut()),),
        70,
        [0, 2.1, 66.2],
        {"network": 1, "kick": 2},
        "reconnecting",
    ),
    Row(
        "kicked by a code",
        after([(Wait(2), Close(1008, "one connection per key"))]),
        120,
        [0, 64],
        {"kick": 1},
        words="the server closed the line (1008: one connection per key)",
    ),
    Row(
        "kicked by a private code",
        after([(Wait(2), Close(4001))]),
        120,
        [0, 64],
        {"kick": 1},
    ),
    Row(
        "kicked after it was proven",
        after([(pinging(120), Close(1008))]),
        200,
        [0, 122],
        {"kick": 1},
    ),
    Row(
        "one drop of a proven line",
        after([(pinging(600), Cut())]),
        1000,
        [0, 602],
        {"network": 1},
        words="the line broke",
    ),
    Row(
        "a proven line drops again and again",
        ((pinging(120), Cut()),),
        500,
        [0, 122, 244, 366, 488],
        {"network": 4},
    ),
    Row(
        "silence with TCP open",
        after([(Freeze(),)]),
        200,
        [0, 153],
        {"stall": 1},
        words="the line was silent for 150 s",
    ),
    Row(
        "silence after pings",
        after([(pinging(120), Freeze())]),
        300,
        [0, 273],
        {"stall": 1},
        words="the line was silent for 150 s",
    ),
    Row(
        "a ping after 149 s",
        ((Wait(149), Frames(PING), Wait(149), Frames(PING), *PATIENT),),
        600,
        [0],
        {},
    ),
    *(
        Row(
            f"{code} in the middle of a message",
            after([(pinging(60), Close(code, mid_message=True))]),
            100,
            [0, 62],
            {reason: 1},
            words=f"the server closed the line ({code})",
        )
        for code, reason in (
            (1000, "network"),
            (1001, "server"),
            (1011, "server"),
            (1012, "server"),
        )
    ),
    Row(
        "1006 in the middle of a message",
        after([(pinging(60), Cut(mid_message=True))]),
        100,
        [0, 62],
        {"network": 1},
        words="the line broke",
    ),
    Row(
        "a frame of 17 MiB",
        after([(pinging(60), Frames("x" * (17 * 2**20)))]),
        100,
        [0, 62],
        {"server": 1},
        words="the server broke the protocol (1009)",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_history_is_the_one_that_the_policy_demands(row: Row) -> None:
    """Attempts, reasons, end and words; never two connections; each is sent the whole set once."""
    seen = asyncio.run(history(row.script, row.seconds))
    assert seen.times == row.times
    assert seen.failures == row.failures
    assert seen.statuses[-1].state == row.state
    assert seen.words[-1:] == [] or seen.words[-1].startswith(row.words)
    assert seen.most_open <= 1
    assert seen.fastest <= 10
    for symbols in seen.subscribed:
        assert symbols in ([], ["A", "B"])
    if row.state == "live":
        assert seen.subscribed[-1] == ["A", "B"]
    for status in seen.statuses:
        assert "canary" not in status.detail


@pytest.mark.parametrize(
    "visit",
    [(Close(1000),), (Close(1011),), (Close(1008),), (Cut(),), (Wait(1), Cut()), (HangUp(),)],
    ids=str,
)
def test_being_let_in_and_dropped_for_a_minute_makes_at_most_8_attempts(
    visit: tuple[Step, ...],
) -> None:
    """With the shortest jitter too, which is half of the longest."""

    class Shortest(Longest):
        def uniform(self, a: float, b: float) -> float:
            return min(a, b)

    for rng in (Longest(), Shortest()):
        seen = asyncio.run(history((visit,), 60, feed_options={"rng": rng}))
        assert len(seen.attempts) <= 8


MOMENT = START_MS

FRAMES: dict[str, tuple[str | bytes, int]] = {
    "one trade": (trades(("A", 1, MOMENT)), 1),
    "mixed symbols": (trades(("A", 1, MOMENT), ("B", 2, MOMENT)), 2),
    "no conditions": ('{"data":[{"p":1,"s":"A","t":1700000000000,"v":1}],"type":"trade"}', 1),
    "null conditions": (
        '{"data":[{"c":null,"p":1,"s":"A","t":1700000000000,"v":0.5}],"type":"trade"}',
        1,
    ),
    "no volume": ('{"data":[{"p":1,"s":"A","t":1700000000000}],"type":"trade"}', 1),
    "no price": ('{"data":[{"s":"A","t":1700000000000,"v":1}],"type":"trade"}', 0),
    "NaN": ('{"data":[{"p":NaN,"s":"A","t":1700000000000,"v":1}],"type":"trade"}', 0),
    "a good one beside a bad one": (
        '{"data":[{"p":"x","s":"A"},{"p":1,"s":"B","t":1700000000000,"v":1}],"type":"trade"}',
        1,
    ),
    "late and out of order": (
        trades(("A", 1, MOMENT), ("A", 2, MOMENT - 5000), ("A", 3, MOMENT - 1), ("A", 1, MOMENT)),
        4,
    ),
    "no sensible price": (trades(("A", 0, MOMENT), ("A", -1, MOMENT), ("A", 1e300, MOMENT)), 3),
    "no sensible time": (trades(("A", 1, MOMENT // 1000), ("A", 1, 4_102_444_800_000)), 2),
    "a time beyond 64 bits": ('{"data":[{"p":1,"s":"A","t":1e30,"v":1}],"type":"trade"}', 0),
    "null data": ('{"data":null,"type":"trade"}', 0),
    "an object as data": ('{"data":{},"type":"trade"}', 0),
    "100,000 trades": (encode_trades([Trade("A", 1, 1, MOMENT)] * 100_000), 100_000),
    "an unknown type": ('{"type":"news","data":[]}', 0),
    "an error": ('{"type":"error","msg":"Something went wrong"}', 0),
    "5 MB": ('{"type":"trade","data":[]' + " " * 5_000_000 + "}", 0),
    "truncated": ('{"data":[{"p":1,"s":"A","t":17', 0),
    "binary": (b"\xff\x00\xfe", 0),
    "binary JSON": (trades(("A", 1, MOMENT)).encode(), 1),
}


@pytest.mark.parametrize("name", FRAMES)
def test_no_frame_ends_the_line_or_costs_the_next_one(name: str) -> None:
    """Whatever it is, the trade after it arrives on the same line. What a price or a time is worth
    is for the market to judge.
    """
    frame, count = FRAMES[name]
    last = trades(("B", 9, MOMENT + 1))
    script = ((Subscribed(2), Frames(frame, last)),)
    seen = asyncio.run(history(script, 1))
    delivered = seen.market.all_trades
    assert len(delivered) == count + 1
    assert delivered[-1].price == 9
    assert len(seen.attempts) == 1


def test_a_frame_that_comes_three_times_counts_once() -> None:
    """Finnhub was seen to do so; equal trades within a frame are real."""
    frame = trades(("A", 1, MOMENT), ("A", 1, MOMENT))
    seen = asyncio.run(history(((Subscribed(2), Frames(frame, frame, frame)),), 1))
    assert len(seen.market.all_trades) == 2


def test_two_programs_on_one_key_do_not_hammer_each_other() -> None:
    """Both are dropped whenever one comes: within ten minutes neither tries more than 20 times."""

    async def scenario() -> None:
        time = VirtualTime()
        async with FakeFinnhub(time=time, one_per_key=True) as fake:
            feeds = [FinnhubFeed(fake.url, KEY, time=time, rng=Longest()) for _ in range(2)]
            markets = [FakeMarket(), FakeMarket()]
            tasks = [
                asyncio.create_task(feed.run(market))
                for feed, market in zip(feeds, markets, strict=True)
            ]
            await time.advance(600)
            assert len(fake.attempts) <= 40
            assert any(
                "another program seems to use this key" in status.detail
                for market in markets
                for status in market.statuses
            )
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())


async def _first_failure(feed: FinnhubFeed, market: FakeMarket) -> str:
    running = asyncio.create_task(feed.run(market))
    await market.until(lambda: bool(market.statuses[-1].retry_at_ms if market.statuses else 0))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return market.statuses[-1].detail


@pytest.mark.parametrize("kind", ["nobody vouches for it", "no TLS at all", "no TLS, but asked"])
def test_a_server_that_is_not_who_it_should_be_is_not_given_the_key(kind: str) -> None:
    """A certificate that is not accepted, a plain server behind ``wss``, and the reverse."""

    async def scenario() -> None:
        async with FakeFinnhub(tls=kind != "no TLS at all", time=VirtualTime()) as fake:
            url = fake.url
            if kind == "no TLS at all":
                url = url.replace("ws:", "wss:")
            elif kind == "no TLS, but asked":
                url = url.replace("wss:", "ws:")
            detail = await _first_failure(FinnhubFeed(url, KEY, time=VirtualTime()), FakeMarket())
            assert detail.startswith("Failed to connect to Finnhub: ")
            assert ("its certificate was not accepted" in detail) == (
                kind == "nobody vouches for it"
            )
            assert fake.handshakes == []

    asyncio.run(scenario())


def test_a_line_over_tls_works() -> None:
    """Where the certificate is known."""

    async def scenario() -> None:
        time = VirtualTime()
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        async with FakeFinnhub(tls=True, time=time) as fake:
            feed = FinnhubFeed(fake.url, KEY, time=time, connect=_with(context))
            feed.want(frozenset({"A"}))
            market = FakeMarket()
            running = asyncio.create_task(feed.run(market))
            await fake.until_subscribed({"A"})
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())


def _with(context: ssl.SSLContext) -> Any:
    from websockets.asyncio.client import connect  # noqa: PLC0415

    def connecting(*args: Any, **options: Any) -> Any:
        return connect(*args, ssl=context, **options)

    return connecting
