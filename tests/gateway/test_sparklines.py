"""``GET /api/sparklines``, over a real port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from photon_app import upstream
from photon_app.calendar.loader import CalendarLoader
from photon_app.errors import BusyError, StorageError
from photon_app.gateway import bars
from photon_app.gateway.slots import Slots
from photon_app.history import lines as history_lines
from photon_app.model import Trade
from photon_app.settings import Secret, Settings
from tests.fakes.dates import MOMENTS, at, new_york, utc
from tests.fakes.loader import shipped
from tests.fakes.server import HandFeed, Serving, serving, with_server
from tests.fakes.waiting import wait_until

STEP_MS = 300_000
FIELDS = {
    *("symbol", "day", "from", "to", "step_ms", "points", "prev_close", "vwap"),
    *("high_52w", "low_52w"),
}
FOLLOWED = (
    *("AAPL", "WMT", "BRK.A", "BINANCE:BTCUSDT", "BINANCE:PEPEUSDT", "OANDA:EUR_USD"),
    *("SAP.DE", "7203.T", "TINY"),
)
NOBODYS = ("KO", "BINANCE:ETHUSDT")
PATH = "/api/sparklines"


class Live(HandFeed):
    """A line to a market."""

    source = "finnhub"

    def __init__(self) -> None:
        super().__init__("live")


async def lines(client: httpx.AsyncClient, *symbols: str) -> dict[str, dict[str, Any]]:
    """The lines of some symbols."""
    answer = await client.get(PATH, params={"symbols": ",".join(symbols)})
    return {line["symbol"]: line for line in answer.json()["sparklines"]}


@contextlib.asynccontextmanager
async def stored(path: Path, *symbols: str) -> AsyncIterator[tuple[Serving, Live]]:
    """A server of a live feed whose bars are in a file."""
    feed = Live()
    given: dict[str, Any] = {"feed": "finnhub", "finnhub_api_key": Secret("x")}
    given |= {"symbols": symbols, "database_url": Secret(f"sqlite:///{path}")}
    async with serving(feed, loader=CalendarLoader(shipped), **given) as server:
        await wait_until(lambda: not server.live.history.unread)
        yield server, feed


@pytest.mark.parametrize("moment", sorted(MOMENTS))
def test_a_line_is_the_bars_of_the_day(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every hour of every kind of day, of symbols that are followed and of others: the closes of
    five minutes since the day began, between the start and the end of its sessions.
    """
    monkeypatch.setattr(history_lines, "YEARS_S", 60.0)

    async def scenario() -> None:
        given: dict[str, Any] = {"symbols": FOLLOWED, "feed": "simulated", "database_url": None}
        given["start_prices"] = {"TINY": 1e-9}
        given["sim_interval_ms"] = 10_000  # so that little is traded between two answers
        source = upstream.of(Settings(**given))
        async with (
            serving(source, loader=CalendarLoader(shipped), **given) as server,
            httpx.AsyncClient(base_url=server.http, timeout=60) as client,
        ):
            await wait_until(lambda: all(map(server.live.book.quote, FOLLOWED)))
            found = await lines(client, *FOLLOWED, *NOBODYS)
            for symbol, line in found.items():
                asked: dict[str, Any] = {"symbol": symbol, "timeframe": "1d", "limit": 1}
                (day,) = (await client.get("/api/bars", params=asked)).json()["bars"]
                asked = {"symbol": symbol, "timeframe": "5m", "from": day["time"], "limit": 300}
                five = (await client.get("/api/bars", params=asked)).json()["bars"]
                assert line["day"] == day["time"], symbol
                expected = [[bar["time"], bar["close"]] for bar in five]
                assert line["points"][:-2] == expected[:-2], symbol
                assert abs(len(line["points"]) - len(expected)) <= 1
                assert line["vwap"] == pytest.approx(day["vwap"], rel=1e-3)
                times = [time for time, _ in line["points"]]
                assert line["from"] <= times[0] < times[-1] + STEP_MS <= line["to"]
                low, high = line["low_52w"], line["high_52w"]
                assert low <= min(p for _, p in line["points"]) < high
                quote = server.live.book.quote(symbol)
                if quote is not None:
                    assert (line["day"], line["prev_close"]) == (quote.day_ms, quote.prev_close)
                assert line["prev_close"] is not None

    with at(MOMENTS[moment]):
        asyncio.run(scenario())


@pytest.mark.parametrize(
    ("symbol", "begins_ms", "ends_ms"),
    [
        ("AAPL", new_york(2026, 11, 25, 4), new_york(2026, 11, 25, 20)),
        ("BINANCE:BTCUSDT", utc(2026, 11, 25), utc(2026, 11, 26)),
        ("OANDA:EUR_USD", new_york(2026, 11, 24, 17), new_york(2026, 11, 25, 17)),
        ("SAP.DE", utc(2026, 11, 25, 8), utc(2026, 11, 25, 16, 30)),
        ("NO:BODY", utc(2026, 11, 25), utc(2026, 11, 26)),
    ],
)
def test_a_line_is_on_the_clock_of_its_sessions(symbol: str, begins_ms: int, ends_ms: int) -> None:
    """A stock's with pre- and post-market, others' as they trade."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade(symbol, 10)
        line = (await lines(client, symbol))[symbol]
        assert (line["from"], line["to"]) == (begins_ms, ends_ms)
        assert [price for _, price in line["points"]] == [10]

    with_server(check, symbols=(symbol,))


def test_a_short_day_ends_early() -> None:
    """As the exchange's calendar says."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, loader=CalendarLoader(shipped)) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            feed.trade("AAPL", 10)
            line = (await lines(client, "AAPL"))["AAPL"]
            assert line["from"] == new_york(2026, 11, 27, 4)
            assert line["to"] == new_york(2026, 11, 27, 17)

    with at(new_york(2026, 11, 27, 12)):
        asyncio.run(scenario())


def test_figures_are_of_the_trades_of_the_day() -> None:
    """The average by volume, the last price in each five minutes, and the seeded close."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        assert feed.market is not None
        feed.seed("AAPL", 99)
        now_ms = feed.clock.now_ms()
        begin = now_ms - now_ms % STEP_MS - 3 * STEP_MS
        offsets = ((0, 100, 1), (60_000, 102, 3), (STEP_MS - 1, 101, 0), (2 * STEP_MS, 104, 4))
        feed.market.trades([Trade("AAPL", p, v, begin + at) for at, p, v in offsets])
        line = (await lines(client, "AAPL"))["AAPL"]
        assert line["points"] == [[begin, 101], [begin + 2 * STEP_MS, 104]]
        assert (line["vwap"], line["prev_close"]) == ((100 + 306 + 416) / 8, 99)
        assert (line["step_ms"], line["high_52w"], line["low_52w"]) == (STEP_MS, None, None)

    with_server(check)


def test_every_symbol_is_answered_once_and_in_order() -> None:
    """One without a bar with nulls; asking does not make it wanted."""

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 10)
        answer = await client.get(f"{PATH}?symbols=zzz, AAPL,ZZZ,,nvda")
        body = answer.json()
        assert [line["symbol"] for line in body["sparklines"]] == ["ZZZ", "AAPL", "NVDA"]
        assert body["source"] == "simulated"
        assert "partial" not in body
        for line in body["sparklines"]:
            assert set(line) == FIELDS
        unknown = {"symbol": "ZZZ", "step_ms": STEP_MS, "points": []}
        assert body["sparklines"][0] == dict.fromkeys(FIELDS) | unknown
        assert "ZZZ" not in server.live.demand.wanted

    with_server(check)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "symbols: expected 1 to 100 symbols with commas between them, such as AAPL,NVDA"),
        ("symbols=,%20,", "symbols: expected 1 to 100 symbols with commas between them"),
        ("symbols=" + ",".join(f"S{n}" for n in range(101)), "symbols: expected 1 to 100 symbols"),
        ("symbols=AAPL,%C3%A9", "symbols: 'é' is not a symbol"),
        ("symbols=AAPL,<b>", "symbols: '<b>' is not a symbol"),
        ("symbols=AAPL%0AKO", "symbols: 'AAPL\\nKO' is not a symbol"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(query: str, reason: str) -> None:
    """That names the parameter, what was given, and what is allowed."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"{PATH}?{query}")
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]
        assert answer.json()["detail"].isprintable()

    with_server(check)


def test_a_hundred_symbols_are_answered() -> None:
    """No more."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        names = [f"S{n}" for n in range(100)]
        assert list(await lines(client, *names)) == names

    with_server(check)


def test_what_is_on_disk_is_read_in_one_question(tmp_path: Path) -> None:
    """The newest day that there is of each symbol, and the close before it; nobody follows them."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        for day in (23, 24):
            with at(new_york(2026, 11, day, 15, 59, 50)):
                async with stored(path, "KO", "PEP") as (server, feed):
                    feed.trades([("KO", 60.0 + day, 10), ("PEP", 140.0, 5), ("KO", 61.0 + day, 10)])
                    server.live.history.flush()
        async with stored(path, "AAPL") as (server, _):
            store, asked = server.live.store, 0
            assert store is not None
            ask = store._ask

            async def counting(*arguments: Any) -> Any:
                nonlocal asked
                asked += 1
                return await ask(*arguments)

            store._ask = counting  # type: ignore[method-assign, assignment]
            async with httpx.AsyncClient(base_url=server.http) as client:
                found = await lines(client, "KO", "ZZZ", "PEP")
            at_ms = new_york(2026, 11, 24, 15, 55)
            assert found["KO"]["points"] == [[at_ms, 85]]
            assert (found["KO"]["prev_close"], found["KO"]["vwap"]) == (84, 84.5)
            assert found["KO"]["day"] == new_york(2026, 11, 24)
            assert (found["PEP"]["points"], found["PEP"]["prev_close"]) == ([[at_ms, 140]], 140)
            assert found["ZZZ"]["points"] == []
            assert asked == 3  # and one for the range of each of the two

    asyncio.run(scenario())


def test_a_restart_in_the_middle_of_a_day_leaves_no_gap(tmp_path: Path) -> None:
    """What an earlier process stored and what was traded since are one line, whether the day was
    looked up already or not.
    """

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        first, second = new_york(2026, 11, 25, 10, 1), new_york(2026, 11, 25, 11, 2)
        with at(first):
            async with stored(path, "KO") as (server, feed):
                feed.trade("KO", 70)
                server.live.history.flush()
        with at(second):
            async with stored(path, "AAPL", "KO") as (server, feed):
                feed.trade("KO", 71)
                expected = [[first - 60_000, 70], [second - 120_000, 71]]
                async with httpx.AsyncClient(base_url=server.http) as client:
                    assert (await lines(client, "KO"))["KO"]["points"] == expected
                    server.live.history.drop("KO")
                    server.live.history.follow("KO")
                    assert (await lines(client, "KO"))["KO"]["points"] == expected

    asyncio.run(scenario())


def test_the_range_of_a_year_is_given_when_there_is_a_year(tmp_path: Path) -> None:
    """Of the days before and of today; null while the history is shorter."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        for moment, price in (
            (new_york(2025, 11, 14, 12), 500.0),  # too old to be in the range
            (new_york(2026, 2, 2, 12), 80.0),
            (new_york(2026, 6, 2, 12), 20.0),
        ):
            with at(moment):
                async with stored(path, "KO") as (server, feed):
                    feed.trade("KO", price)
                    server.live.history.flush()
        async with stored(path, "KO", "AAPL") as (server, feed):
            feed.trades([("KO", 90.0, 1), ("AAPL", 100.0, 1)])
            async with httpx.AsyncClient(base_url=server.http) as client:
                for _ in range(2):  # asked for, then remembered
                    found = await lines(client, "KO", "AAPL")
                    assert (found["KO"]["low_52w"], found["KO"]["high_52w"]) == (20, 90)
                    assert found["AAPL"]["high_52w"] is None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("problem", "status"), [(BusyError("too many"), 503), (StorageError("silent"), 200)]
)
def test_trouble_with_the_database_is_reported(
    tmp_path: Path, problem: Exception, status: int
) -> None:
    """One that is busy is asked again later; one that is silent leaves what memory has."""

    async def scenario() -> None:
        async with stored(tmp_path / "photon.db", "AAPL") as (server, feed):
            feed.trade("AAPL", 10)
            store = server.live.store
            assert store is not None

            async def fails(*_: Any) -> Any:
                raise problem

            store._ask = fails  # type: ignore[method-assign, assignment]
            async with httpx.AsyncClient(base_url=server.http) as client:
                answer = await client.get(f"{PATH}?symbols=AAPL,KO")
                assert answer.status_code == status
                if status == 503:
                    assert answer.headers["retry-after"] == "1"
                else:
                    assert answer.json()["partial"] is True
                    points = [len(line["points"]) for line in answer.json()["sparklines"]]
                    assert points == [1, 0]

    asyncio.run(scenario())


def test_lines_share_the_limits_of_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred count as an answer of ten thousand bars; too many are refused with 429."""
    monkeypatch.setattr(bars, "slots", Slots(20_000, 10_000, 3))

    async def check(server: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        names = ",".join(f"S{n}" for n in range(100))
        urls = [f"{PATH}?symbols={names}", "/api/bars?symbol=A&limit=10000"] * 3
        async with server.live.history.assembling.one():
            asked = [asyncio.create_task(client.get(url)) for url in urls]
            (refused, *_), _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        statuses = sorted([(await one).status_code for one in asked])
        assert statuses == [200] * 4 + [429] * 2
        assert "of your address wait for their" in (await refused).json()["detail"]

    with_server(check)


def test_the_documented_answer_is_the_one_that_is_given() -> None:
    """Field by field."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 10)
        body = (await client.get(f"{PATH}?symbols=AAPL")).json()
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        assert set(body) == set(schemas["Sparklines"]["properties"]) - {"partial"}
        assert set(body["sparklines"][0]) == set(schemas["Sparkline"]["properties"]) == FIELDS

    with_server(check)
