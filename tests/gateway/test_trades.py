"""``GET /api/trades``, over a real port."""

import asyncio
import contextlib
import csv
import io
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from photon_app.gateway import trades
from photon_app.gateway.slots import Slots
from photon_app.model import Seed, Trade
from tests.fakes.server import HandFeed as Feed
from tests.fakes.server import Serving, with_server

NOON_MS = 1_700_240_400_000  # 2023-11-17 12:00 in New York, a Friday


def play(feed: Feed, *prints: tuple[Any, ...]) -> None:
    """Prints of AAPL: ms after noon, price, volume, conditions."""
    assert feed.market is not None
    for at_ms, price, volume, *conditions in prints:
        feed.market.trades([Trade("AAPL", price, volume, NOON_MS + at_ms, tuple(conditions))])


def test_trades_come_oldest_first_with_what_became_of_each() -> None:
    """As they were reported: also the late one and the one that did not count."""

    async def check(server: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (5, 100, 10, "1", "12"), (2, 99, 1, "30", "??"), (6, 150, 7))
        body = (await client.get("/api/trades", params={"symbol": "aapl"})).json()
        trades = body.pop("trades")
        epoch = server.live.market.epoch
        assert body == {"symbol": "AAPL", "source": "simulated", "epoch": epoch, "seq": 1}
        assert trades == [
            {
                "time": NOON_MS + 2,
                "price": 99,
                "volume": 1,
                "conditions": ["Sold out of sequence", "??"],
                "counted": True,
                "why": "range only",
            },
            {
                "time": NOON_MS + 5,
                "price": 100,
                "volume": 10,
                "conditions": ["Regular", "Odd lot"],
                "counted": True,
                "why": "",
            },
            {
                "time": NOON_MS + 6,
                "price": 150,
                "volume": 7,
                "conditions": [],
                "counted": False,
                "why": "held",
            },
        ]

    with_server(check)


def test_what_is_held_counts_once_it_is_confirmed() -> None:
    """In the next answer, whose ``seq`` is that of the print which confirmed it."""

    async def check(_: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (0, 100, 1), (1, 150, 1), (2, 151, 1))
        body = (await client.get("/api/trades?symbol=AAPL")).json()
        told = [(one["price"], one["counted"], one["why"]) for one in body["trades"]]
        assert told == [(100, True, ""), (150, True, "confirmed"), (151, True, "")]
        assert body["seq"] == 2

    with_server(check)


def test_a_range_and_a_limit_have_the_newest_of_it() -> None:
    """Times may be ms or ISO; the end is exclusive; without a limit there are 200."""

    async def check(_: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, *((at, 100, 1) for at in range(1100)))

        async def times(**query: Any) -> list[int]:
            answer = await client.get("/api/trades", params={"symbol": "AAPL", **query})
            return [one["time"] - NOON_MS for one in answer.json()["trades"]]

        assert await times() == [*range(900, 1100)]
        assert await times(limit=1000) == [*range(100, 1100)]
        assert await times(limit=2) == [1098, 1099]
        assert await times(**{"from": NOON_MS + 500, "to": NOON_MS + 503}) == [500, 501, 502]
        assert await times(**{"from": "2023-11-17T17:00:01.098Z"}) == [1098, 1099]
        assert await times(to=NOON_MS + 500, limit=1) == [499]

    with_server(check)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "symbol: '' is not a symbol"),
        ("symbol=A&limit=0", "limit: expected a whole number from 1 to 1000, got '0'"),
        ("symbol=A&limit=1001", "limit: expected a whole number from 1 to 1000, got '1001'"),
        ("symbol=A&from=yesterday", "from: expected UNIX milliseconds such as"),
        ("symbol=A&to=-1", "to: expected UNIX milliseconds such as"),
        ("symbol=A&format=xml", "format: expected one of json, csv, got 'xml'"),
    ],
)
def test_a_wrong_parameter_is_refused_in_a_sentence(query: str, reason: str) -> None:
    """As for bars."""

    async def check(_: Serving, __: Feed, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/api/trades?{query}")
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]

    with_server(check)


def test_a_symbol_that_is_not_followed_has_no_trades() -> None:
    """Asking does not make it wanted; a polled price is no trade."""

    async def check(server: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        assert feed.market is not None
        feed.trade("ZZZ", 10)
        feed.market.seed(Seed(symbol="AAPL", price=10, time_ms=NOON_MS))
        for symbol, seq in (("ZZZ", 0), ("AAPL", 1)):
            body = (await client.get("/api/trades", params={"symbol": symbol})).json()
            assert (body["trades"], body["seq"]) == ([], seq)
        assert "ZZZ" not in server.live.demand.wanted

    with_server(check)


def test_a_dropped_symbol_is_forgotten() -> None:
    """With its prints."""

    async def check(server: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        demand = server.live.demand
        for left in (1, 0, 1):
            if left:
                assert demand.hold("IBM")
                feed.trade("IBM", 10)
            else:
                demand.release("IBM", linger=False)
            trades = (await client.get("/api/trades?symbol=IBM")).json()["trades"]
            assert len(trades) == left

    with_server(check)


def test_csv_has_the_same_trades() -> None:
    """Under a line of names, prices with the decimals of the symbol, and no exponent."""

    async def check(_: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (0, 100, 0.1, "1", "24"), (1, 100.5, 2, "16"), (2, -1, 1e-7))
        answer = await client.get("/api/trades?symbol=AAPL&format=csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="AAPL-trades.csv"' in answer.headers["content-disposition"]
        assert answer.headers["cache-control"] == "no-store"
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["time", "price", "volume", "conditions", "counted", "why"],
            [str(NOON_MS), "100.00", "0.1", "Regular; Form T, extended hours", "true", ""],
            [str(NOON_MS + 1), "100.50", "2", "Market center official close", "false", "repeat"],
            [str(NOON_MS + 2), "-1.00", "0.0000001", "", "false", "bad price"],
        ]

    with_server(check)


def test_no_condition_is_a_formula_in_a_spreadsheet() -> None:
    """Codes are upstream's; JSON has them as they are."""
    codes = ("=1+1", "+1", "-1", "@A1", "a=b", 'say "no", please', "1")

    async def check(_: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (0, 100, 1, *codes))
        (trade,) = (await client.get("/api/trades?symbol=AAPL")).json()["trades"]
        assert trade["conditions"] == [*codes[:-1], "Regular"]
        answer = await client.get("/api/trades?symbol=AAPL&format=csv")
        (row,) = csv.DictReader(io.StringIO(answer.text))
        cells = row["conditions"].split("; ")
        assert cells == ["'=1+1", "'+1", "'-1", "'@A1", "a=b", 'say "no", please', "Regular"]

    with_server(check)


def test_a_long_csv_is_of_one_moment() -> None:
    """It is written in slices; what is traded in between is not in it, and nothing is lost."""

    async def check(server: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, *((at, 100, 1) for at in range(999)))
        assembling, pauses = server.live.history.assembling, itertools.count()
        one = assembling.one

        @contextlib.asynccontextmanager
        async def one_and_a_trade() -> AsyncIterator[None]:
            async with one():
                yield
            play(feed, (999 + next(pauses), 100, 1))

        assembling.one = one_and_a_trade  # type: ignore[method-assign]
        answer = await client.get("/api/trades?symbol=AAPL&format=csv&limit=1000")
        rows = csv.DictReader(io.StringIO(answer.text))
        assert [int(row["time"]) - NOON_MS for row in rows] == [*range(999)]
        assert next(pauses) == 6

    with_server(check)


def test_too_many_requests_of_one_address_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 429 and a sentence; those that wait are answered, and others still are."""
    monkeypatch.setattr(trades, "_slots", Slots(2000, 1000, 3))

    async def check(server: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (0, 100, 1))
        url = "/api/trades?symbol=AAPL&limit=1000"
        async with server.live.history.assembling.one():
            asked = [asyncio.create_task(client.get(url)) for _ in range(5)]
            (refused,), _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        statuses = sorted([(await one).status_code for one in asked])
        assert statuses == [200, 200, 200, 200, 429]
        answer = await refused
        assert answer.headers["retry-after"] == "1"
        assert answer.json() == {
            "detail": "3 questions of your address wait for their trades: wait too"
        }

    with_server(check)


def test_the_documented_answer_is_the_one_that_is_given() -> None:
    """Field by field, with every parameter."""

    async def check(_: Serving, feed: Feed, client: httpx.AsyncClient) -> None:
        play(feed, (0, 100, 1))
        body = (await client.get("/api/trades?symbol=AAPL")).json()
        document = (await client.get("/openapi.json")).json()
        schemas = document["components"]["schemas"]
        assert set(body) == set(schemas["Trades"]["properties"])
        assert set(body["trades"][0]) == set(schemas["Trade"]["properties"])
        operation = document["paths"]["/api/trades"]["get"]
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert names == {"symbol", "from", "to", "limit", "format"}

    with_server(check)
