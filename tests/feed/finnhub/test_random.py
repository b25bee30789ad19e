"""Random moods of Finnhub, and the laws that hold under all of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.model import Trade
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.finnhub_script import (
    PING,
    Close,
    Cut,
    Frames,
    Freeze,
    HangUp,
    Refuse,
    Step,
    Subscribed,
    Times,
    Wait,
    after,
    trades,
)
from tests.fakes.market import FakeMarket
from tests.fakes.quotes import FakeQuotes
from tests.fakes.time import START_MS, VirtualTime
from tests.feed.finnhub.scripted import KEY, Longest

NAMES = "ABCDEF"
ALIVE = (Wait(50), Frames(PING))

frames = st.sampled_from(
    [
        PING,
        "rubbish",
        b"\xff",
        '{"type":"error","msg":"Invalid symbol A"}',
        '{"type":"error","msg":"Subscribing to too many symbols"}',
        '{"type":"news"}',
    ]
)
moments = st.integers(START_MS, START_MS + 10_000)
prints = st.builds(lambda s, t: trades((s, t - START_MS + 1, t)), st.sampled_from(NAMES), moments)
ordinary: st.SearchStrategy[Step] = st.one_of(
    st.builds(Frames, frames | prints),
    st.builds(Wait, st.floats(0, 100)),
    st.builds(lambda n: Times(n, ALIVE), st.integers(0, 4)),
    st.just(Subscribed(1)),
)
endings: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        Close, st.sampled_from([1000, 1001, 1008, 1011, 1012, 4001]), st.just(""), st.booleans()
    ),
    st.builds(Cut, st.booleans()),
    st.just(Freeze()),
)
opened = st.builds(lambda steps, end: (*steps, end), st.lists(ordinary, max_size=4), endings)
refused = st.one_of(
    st.builds(lambda s: (Refuse(s),), st.sampled_from([200, 403, 429, 500, 503])),
    st.builds(lambda s: (Refuse(429, {"Retry-After": str(s)}),), st.integers(0, 120)),
    st.just((HangUp(),)),
)
wanted_sets = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2), min_size=1)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(opened | refused, max_size=5),
    st.lists(st.tuples(wanted_sets, st.floats(1, 200)), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sets(st.sampled_from(NAMES), max_size=2),
)
@example(
    [(Frames(trades(("B", 1.0, START_MS))), *ALIVE, Cut())],
    [({"A": 2, "B": 0, "C": 1}, 60.0)],
    6,
    4,
    {"B", "C"},
)
@example(
    [(Times(6, ALIVE), Frames(trades(("B", 1.0, START_MS + 300_000))), *ALIVE, Cut())],
    [({"A": 2, "B": 1, "C": 1}, 200.0), ({"A": 1}, 60.0), ({"A": 1, "B": 1}, 1.0)],
    2,
    6,
    {"B", "C"},
)
@example(
    [
        (Close(1000),),
        (Subscribed(1), Frames('{"type":"error","msg":"Invalid symbol A"}'), *ALIVE, Close(1000)),
    ],
    [({"A": 0, "B": 0}, 1.0)],
    1,
    2,
    set(),
)
def test_the_feed_outlives_every_mood(
    visits: list[tuple[Step, ...]],
    history: list[tuple[dict[str, int], float]],
    limit: int,
    cap: int,
    zeros: set[str],
) -> None:
    """Never two lines, never more than the limit, ten messages a second or nine attempts a minute;
    no key in a status; and once Finnhub is well again the line has what has a slot, everyone else
    is polled, and those for which REST has zeros are rejected and neither, unless they traded while
    they were wanted: then they are known, and rejected no more.
    """

    async def scenario() -> None:
        time, market = VirtualTime(), FakeMarket()
        quotes = FakeQuotes(time)
        quotes.unknown(*zeros)
        async with FakeFinnhub(script=after(visits), time=time, cap=cap) as fake:
            options: dict[str, Any] = {"time": time, "rng": Longest(), "rest": quotes}
            feed = FinnhubFeed(fake.url, KEY, limit, **options)
            running = asyncio.create_task(feed.run(market))
            wanted: dict[str, int] = {}
            traded: dict[str, int] = {}

            def trade(batch: Sequence[Trade]) -> None:
                for symbol in {trade.symbol for trade in batch} & wanted.keys():
                    traded.setdefault(symbol, len(market.log))

            market.on_trades = trade
            for wanted, seconds in history:
                feed.want(frozenset(wanted), wanted)
                await time.advance(seconds)
            await time.advance(700 * (len(visits) + 1))
            check_the_past(fake, market, limit)
            unknown = wanted.keys() & zeros - traded.keys()
            check_the_end(fake, feed, market, wanted.keys() - unknown, unknown)
            assert wanted.keys() - zeros <= market.seeds.keys()
            for symbol, since in traded.items():
                assert not rejected(market, symbol, since)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert running.cancelled()

    asyncio.run(scenario())


def check_the_past(fake: FakeFinnhub, market: FakeMarket, limit: int) -> None:
    """What must never have been."""
    assert fake.most_open <= 1
    times = [at_s for at_s, _ in fake.attempts]
    assert all(later - sooner > 60 for sooner, later in zip(times, times[8:], strict=False))
    for line in fake.connections:
        sent = line.command_times
        assert line.most_subscribed <= limit
        assert all(later - sooner >= 1 for sooner, later in zip(sent, sent[10:], strict=False))
    assert not any("canary" in status.detail for status in market.statuses)


def check_the_end(
    fake: FakeFinnhub,
    feed: FinnhubFeed,
    market: FakeMarket,
    known: set[str],
    unknown: set[str],
) -> None:
    """What must be in the end."""
    assert market.statuses[-1].state == "live"
    assert fake.connections[-1].subscribed == feed.subscribed
    assert feed.subscribed <= known
    polled = [set(entry[1:]) for entry in market.log if isinstance(entry, list)]
    assert known - feed.subscribed <= (polled[-1] if polled else set())
    assert all(rejected(market, symbol) for symbol in unknown)


def rejected(market: FakeMarket, symbol: str, since: int = 0) -> bool:
    """Whether a symbol was, from some entry of the log on."""
    return any(str(entry).startswith(f"rejected {symbol}:") for entry in market.log[since:])
