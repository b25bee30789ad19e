"""``GET /api/bars`` and the bars channel, over a real port."""

import asyncio
import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from photon_app.errors import BusyError
from photon_app.model import Trade
from photon_app.settings import Secret
from tests.fakes.server import HandFeed, Serving, with_server
from tests.fakes.waiting import wait_until

MINUTE_MS = 60_000


def play(feed: HandFeed, *trades: tuple[int, float]) -> int:
    """Trades of AAPL so many ms after the start of the last full hour but one; returns it."""
    assert feed.market is not None
    now_ms = feed.clock.now_ms()
    begin_ms = now_ms - now_ms % 3_600_000 - 3_600_000
    feed.market.trades([Trade("AAPL", price, 10, begin_ms + at) for at, price in trades])
    return begin_ms


def test_bars_come_oldest_first_with_their_figures() -> None:
    """And the source that they are of."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        begin = play(feed, (0, 10), (1, 12), (MINUTE_MS, 11))
        body = (await client.get("/api/bars", params={"symbol": "aapl"})).json()
        assert {k: body[k] for k in ("symbol", "timeframe", "source", "since")} == {
            "symbol": "AAPL",
            "timeframe": "1m",
            "source": "simulated",
            "since": begin,
        }
        first, second = body["bars"]
        assert first == {
            "time": begin,
            "open": 10,
            "high": 12,
            "low": 10,
            "close": 12,
            "volume": 20,
            "count": 2,
            "vwap": 11,
            "final": True,
        }
        assert second["time"] == begin + MINUTE_MS
        assert "partial" not in body
        assert "sessions" not in body

    with_server(check)


def test_the_running_bar_is_the_last_one_and_not_final() -> None:
    """A closed bar is."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 10)
        body = (await client.get("/api/bars?symbol=AAPL&timeframe=1d")).json()
        assert [bar["final"] for bar in body["bars"]] == [False]

    with_server(check)


def test_times_may_be_ms_or_iso_and_the_end_is_exclusive() -> None:
    """With an offset or without, which is UTC; a plus that came as a space is one."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        begin = play(feed, *((n * MINUTE_MS, 10) for n in range(4)))

        async def times(**query: Any) -> list[int]:
            answer = await client.get("/api/bars", params={"symbol": "AAPL", **query})
            return [(bar["time"] - begin) // MINUTE_MS for bar in answer.json()["bars"]]

        def iso(minutes: int, zone: str) -> str:
            moment = dt.datetime.fromtimestamp((begin + minutes * MINUTE_MS) / 1000, dt.UTC)
            return moment.replace(tzinfo=None).isoformat() + zone

        assert await times(**{"from": begin + MINUTE_MS, "to": begin + 3 * MINUTE_MS}) == [1, 2]
        assert await times(**{"from": iso(1, "Z"), "to": iso(3, "")}) == [1, 2]
        assert await times(**{"from": iso(1, " 00:00")}) == [1, 2, 3]
        assert await times(**{"from": begin, "limit": 2}) == [0, 1]
        assert await times(to=begin + 3 * MINUTE_MS, limit=2) == [1, 2]

    with_server(check)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "symbol: '' is not a symbol"),
        ("symbol=%C3%A9", "symbol: 'é' is not a symbol"),
        ("symbol=A&timeframe=2m", "timeframe: expected one of 1s, 1m, 5m, 15m, 1h, 1d, got '2m'"),
        ("symbol=A&limit=0", "limit: expected a whole number from 1 to 10000, got '0'"),
        ("symbol=A&limit=10001", "limit: expected a whole number from 1 to 10000"),
        ("symbol=A&limit=%D9%A3", "limit: expected a whole number"),
        ("symbol=A&from=yesterday", "from: expected UNIX milliseconds such as"),
        ("symbol=A&to=" + "9" * 30, "to: expected UNIX milliseconds such as"),
        ("symbol=A&to=-1", "to: expected UNIX milliseconds such as"),
        ("symbol=A&format=xml", "format: expected one of json, csv, got 'xml'"),
        ("symbol=A&sessions=2", "sessions: expected one of 0, 1, got '2'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(query: str, reason: str) -> None:
    """That names the parameter, what was given, and what is allowed."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/api/bars?{query}")
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]

    with_server(check)


def test_a_symbol_without_trades_has_no_bars() -> None:
    """Asking does not make it wanted."""

    async def check(server: Serving, _: HandFeed, client: httpx.AsyncClient) -> None:
        body = (await client.get("/api/bars?symbol=ZZZ&timeframe=1h&sessions=1")).json()
        assert (body["bars"], body["since"]) == ([], None)
        assert "ZZZ" not in server.live.demand.wanted

    with_server(check)


def test_csv_has_the_decimals_of_the_symbol_and_no_exponent() -> None:
    """And sums of volumes without noise, there and in JSON."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        assert feed.market is not None
        begin = play(feed, (0, 10))
        for symbol, price in (("OANDA:EUR_USD", 1.085), ("BINANCE:XUSDT", 1.2e-9)):
            feed.market.trades([Trade(symbol, price, v, begin + MINUTE_MS) for v in (0.1, 0.2)])
        for symbol, text in (("OANDA:EUR_USD", "1.08500"), ("BINANCE:XUSDT", "0.000000001200")):
            params = {"symbol": symbol, "format": "csv"}
            answer = await client.get("/api/bars", params=params)
            (row,) = csv.DictReader(io.StringIO(answer.text))
            assert (row["close"], row["vwap"], row["volume"]) == (text, text, "0.3")
            (bar,) = (await client.get("/api/bars", params={"symbol": symbol})).json()["bars"]
            assert (bar["volume"], bar["vwap"]) == (0.3, float(text))
            (quote,) = (await client.get("/api/quotes", params={"symbols": symbol})).json()[
                "quotes"
            ]
            assert (quote["day_volume"], quote["decimals"]) == (0.3, len(text) - 2)

    with_server(check, symbols=("AAPL", "OANDA:EUR_USD", "BINANCE:XUSDT"))


def test_csv_has_the_same_bars() -> None:
    """Under a line of names, for a spreadsheet; an empty field where there is no average."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        begin = play(feed, (0, 10))
        assert feed.market is not None
        feed.market.trades([Trade("AAPL", 11, 0, begin + MINUTE_MS)])
        answer = await client.get("/api/bars?symbol=AAPL&format=csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="AAPL-1m.csv"' in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["vwap"] for row in rows] == ["10.00", ""]
        assert [row["final"] for row in rows] == ["true", "true"]
        assert int(rows[0]["time"]) == begin

    with_server(check)


def test_sessions_are_sent_to_clients_that_ask() -> None:
    """Those of the exchange that the bars are of; none of what has no sessions."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        assert feed.market is not None
        noon = 1_700_240_400_000  # 2023-11-17 12:00 in New York, a Friday
        feed.market.trades([Trade("AAPL", 10, 1, noon)])
        body = (await client.get("/api/bars?symbol=AAPL&timeframe=1d&sessions=1")).json()
        assert [span["session"] for span in body["sessions"]] == ["pre", "regular", "post"]
        regular = body["sessions"][1]
        assert regular["from"] == noon - 150 * MINUTE_MS
        assert regular["to"] == noon + 240 * MINUTE_MS

    with_server(check)


def test_the_api_documents_bars_with_every_parameter() -> None:
    """In OpenAPI, with what is allowed."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]
        operation = paths["/api/bars"]["get"]
        named = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
        assert set(named) == {"symbol", "timeframe", "from", "to", "limit", "format", "sessions"}
        assert named["timeframe"]["enum"] == ["1s", "1m", "5m", "15m", "1h", "1d"]
        assert "text/csv" in operation["responses"]["200"]["content"]

    with_server(check)


def test_the_documented_answer_is_the_one_that_is_given() -> None:
    """Field by field: what is written and what is documented are two descriptions of one thing."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        assert feed.market is not None
        feed.market.trades([Trade("AAPL", 10, 1, 1_700_240_400_000)])
        body = (await client.get("/api/bars?symbol=AAPL&sessions=1")).json()
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        seldom = {"partial", "incomplete", "invented"}
        assert set(body) == set(schemas["Bars"]["properties"]) - seldom
        assert set(body["bars"][0]) == set(schemas["Bar"]["properties"]) - seldom
        assert set(body["sessions"][0]) == set(schemas["SessionSpan"]["properties"])

    with_server(check)


async def until(ws: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first message that is wanted."""
    async with asyncio.timeout(5):
        while True:
            message = json.loads(await ws.recv())
            if wanted(message):
                return dict(message)


def test_the_bars_channel_tells_running_bars_and_corrections() -> None:
    """Over a real socket, beside prices."""

    async def check(server: Serving, feed: HandFeed, _: httpx.AsyncClient) -> None:
        begin = play(feed, (0, 10), (2 * MINUTE_MS, 11))
        async with connect(server.ws) as ws:
            request = {
                "action": "subscribe",
                "channel": "bars",
                "timeframe": "1m",
                "symbols": ["AAPL"],
            }
            await ws.send(json.dumps(request))
            await until(ws, lambda m: m["type"] == "subscription" and m["channel"] == "bars")
            newest = await until(ws, lambda m: m["type"] == "bar")
            assert newest["bar"]["time"] == begin + 2 * MINUTE_MS
            play(feed, (1, 9))
            corrected = await until(ws, lambda m: m["type"] == "bar" and "corrected" in m)
            assert (corrected["bar"]["time"], corrected["bar"]["low"]) == (begin, 9)
            assert corrected["final"] is True
            feed.trade("AAPL", 12)
            running = await until(ws, lambda m: m["type"] == "bar" and not m["final"])
            assert running["bar"]["close"] == 12

    with_server(check)


def test_prices_flow_and_health_says_so_when_the_database_cannot_be_used(tmp_path: Any) -> None:
    """A folder that is not there stops nothing but the keeping."""

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        async with connect(server.ws) as ws:
            await ws.send('{"action":"subscribe","symbols":["AAPL"]}')
            feed.trade("AAPL", 10)
            await until(ws, lambda m: m["type"] == "price_update")
        health = (await client.get("/health")).json()
        assert (health["status"], health["storage"]["state"]) == ("degraded", "failing")
        assert (await client.get("/api/bars?symbol=AAPL")).json()["partial"] is True

    url = f"sqlite:///{tmp_path}/nowhere/photon.db"
    with_server(check, database_url=Secret(url))


def test_a_database_that_is_asked_too_much_says_when_to_ask_again() -> None:
    """That is no partial answer: nothing is wrong with the database."""

    class Busy:
        """A store with a full queue."""

        async def read(self, *_: object, **__: object) -> None:
            raise BusyError("too many questions are waiting for the database")

    async def check(server: Serving, _: HandFeed, client: httpx.AsyncClient) -> None:
        server.live.history._store = Busy()  # type: ignore[assignment]
        answer = await client.get("/api/bars?symbol=MSFT")
        server.live.history._store = None
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "too many questions" in answer.json()["detail"]

    with_server(check)


def test_a_long_answer_is_whole() -> None:
    """Though it is written a few bars at a time; the oldest come first."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        begin = play(feed, *((n * 1000, 10) for n in range(1_500)))
        body = (await client.get("/api/bars?symbol=AAPL&timeframe=1s&limit=1400")).json()
        assert [bar["time"] for bar in body["bars"]] == [
            begin + n * 1000 for n in range(100, 1_500)
        ]
        body = (await client.get("/api/bars?symbol=AAPL&timeframe=1s&from=0&limit=2")).json()
        assert [bar["time"] for bar in body["bars"]] == [begin, begin + 1000]

    with_server(check)


class Slow:
    """A store that answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = asyncio.Event()

    async def read(self, *_: object, **__: object) -> list[object]:
        self.asked += 1
        await self.may.wait()
        return []

    async def first_ms(self, _: str) -> None:
        return None


def test_questions_of_one_address_wait_for_each_other_and_not_for_those_who_left() -> None:
    """Another address is not behind them."""

    async def check(server: Serving, _: HandFeed, client: httpx.AsyncClient) -> None:
        store = Slow()
        server.live.history._store = store  # type: ignore[assignment]

        async def ask(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            url = "/api/bars?symbol=MSFT&limit=10000"
            return (await client.get(url, headers=headers)).status_code

        async with asyncio.timeout(10):
            first = [asyncio.create_task(ask("1.1.1.1")) for _ in range(2)]
            await wait_until(lambda: store.asked == 2)
            left = [asyncio.create_task(ask("1.1.1.1")) for _ in range(3)]
            await wait_until(lambda: client_count(server) == 5)
            other = asyncio.create_task(ask("2.2.2.2"))
            await wait_until(lambda: store.asked == 3)
            for task in left:
                task.cancel()
            await wait_until(lambda: client_count(server) == 3)
            store.may.set()
            assert await asyncio.gather(*first, other) == [200, 200, 200]
            assert await ask("1.1.1.1") == 200
        assert store.asked == 4
        server.live.history._store = None

    with_server(check, proxy_hops=1)


def client_count(server: Serving) -> int:
    """How many connections there are."""
    return len(server.server.server_state.connections)


def test_a_long_answer_takes_many_iterations_of_the_event_loop() -> None:
    """So prices leave in between; nothing of it is done in a thread, which would hold up the loop
    for longer.
    """

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        play(feed, *((n * 1000, 10) for n in range(3_000)))
        turns, one = 0, server.live.history.assembling.one

        def counted() -> Any:
            nonlocal turns
            turns += 1
            return one()

        server.live.history.assembling.one = counted  # type: ignore[method-assign]
        for shape in ("json", "csv"):
            turns = 0
            await client.get(f"/api/bars?symbol=AAPL&timeframe=1s&limit=3000&format={shape}")
            assert turns >= 3_000 / 200

    with_server(check)
