"""A first look at Photon, at every time that is known to break calendars."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from photon_app import clock, upstream
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.loader import CalendarLoader
from photon_app.calendar.session import day_of, market_day, market_day_before
from photon_app.settings import Settings
from tests.fakes.dates import MOMENTS, at, new_york, utc
from tests.fakes.loader import shipped
from tests.fakes.server import Serving, serving
from tests.fakes.waiting import wait_until

CALENDAR = Calendar()
LEAST = {"1m": 300, "5m": 100, "15m": 100, "1h": 60, "1d": 120}
TWO_YEARS_MS = 731 * 86_400_000
SYMBOLS = ("AAPL", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "7203.T")
UNFOLLOWED = "KO"
every_moment = pytest.mark.parametrize("moment_ms", MOMENTS.values(), ids=MOMENTS)

Rows = list[dict[str, Any]]


def tokyo(*fields: int) -> int:
    """A moment by the clocks of Tokyo, UNIX ms."""
    return utc(*fields) - 9 * 3_600_000


def simulated(**settings: Any) -> Any:
    """A server with invented prices, as a newcomer has it; nothing is stored."""
    given: dict[str, Any] = {
        "symbols": SYMBOLS,
        "feed": "simulated",
        "database_url": None,
        **settings,
    }
    source = upstream.of(Settings(**given))
    return serving(source, loader=CalendarLoader(shipped), **given)


async def look(server: Serving, symbol: str, timeframe: str, limit: int = 500) -> Rows:
    """Bars as the page asks for them."""
    async with httpx.AsyncClient(base_url=server.http, timeout=60) as http:
        asked = {"symbol": symbol, "timeframe": timeframe, "limit": str(limit)}
        rows: Rows = (await http.get("/api/bars", params=asked)).json()["bars"]
        return rows


async def snapshot(server: Serving, symbol: str) -> dict[str, Any]:
    """The figures of a symbol once it has a price."""
    async with connect(server.ws) as client, asyncio.timeout(10):
        await client.send(json.dumps({"action": "subscribe", "symbols": [symbol]}))
        while True:
            message = json.loads(await client.recv())
            if message.get("snapshot"):
                data: dict[str, Any] = message["data"]
                return data


async def filled(server: Serving) -> None:
    """Return when the newest day of every symbol is in memory, and each has a price."""
    live = server.live
    await wait_until(
        lambda: not live.history.unread and all(map(live.book.quote, live.demand.wanted))
    )


@every_moment
def test_a_first_look_is_full_at_every_moment(moment_ms: int) -> None:
    """Every timeframe of every kind of market, also of a symbol that nobody follows: enough bars,
    none twice, none too old, the newest of the last session or the one that runs, each marked.
    """

    async def scenario() -> None:
        async with simulated() as server:
            await filled(server)
            for symbol in (*SYMBOLS, UNFOLLOWED):
                day = market_day(symbol, moment_ms, CALENDAR)
                for timeframe, least in LEAST.items():
                    rows = await look(server, symbol, timeframe)
                    times = [row["time"] for row in rows]
                    assert len(rows) >= least, (symbol, timeframe)
                    assert times == sorted(set(times))
                    assert times[0] > moment_ms - TWO_YEARS_MS
                    begun = clock.now_ms() - day.start_ms >= 60_000
                    newest = day if begun else market_day_before(symbol, day, CALENDAR)
                    since_ms = day_of(symbol, newest.start_ms).start_ms
                    latest = market_day(symbol, clock.now_ms(), CALENDAR)  # it may turn meanwhile
                    assert since_ms <= times[-1] < max(newest.done_ms, latest.done_ms)
                    assert all(row.get("invented") for row in rows[:-3])

    with at(moment_ms):
        asyncio.run(scenario())


async def at_rest(server: Serving, symbol: str) -> tuple[Any, Any, dict[str, Any]]:
    """The last two days of a symbol and its figures, between two trades."""
    for _ in range(20):
        before, newest = (await look(server, symbol, "1d"))[-2:]
        data = await snapshot(server, symbol)
        if (await look(server, symbol, "1d", 1))[-1] == newest:
            return before, newest, data
    raise AssertionError(f"{symbol} is traded without a pause")


@every_moment
def test_the_day_on_the_page_is_the_bar_of_the_day(moment_ms: int) -> None:
    """Open, high, low and volume agree with the newest bar, the previous close with the bar before;
    on a weekend both are those of the last session.
    """

    async def scenario() -> None:
        async with simulated(sim_interval_ms=10_000) as server:
            await filled(server)
            for symbol in SYMBOLS:
                day = market_day(symbol, clock.now_ms(), CALENDAR)
                before, newest, data = await at_rest(server, symbol)
                if newest["time"] == day_of(symbol, day.start_ms).start_ms:
                    for figure in ("open", "high", "low"):
                        assert data[figure] == newest[figure], (symbol, figure)
                    assert data["day_volume"] == newest["volume"]
                    assert data["prev_close"] == before["close"]
                assert data["price"] > 0

    with at(moment_ms):
        asyncio.run(scenario())


@every_moment
def test_a_restart_changes_no_close(moment_ms: int) -> None:
    """Nor a bar of a day that is over: nothing is stored, and all follows from the date."""

    async def scenario() -> tuple[Rows, float]:
        async with simulated() as server:
            await filled(server)
            days = await look(server, "AAPL", "1d", 50)
            return days[:-1], (await snapshot(server, "AAPL"))["prev_close"]

    with at(moment_ms):
        first = asyncio.run(scenario())
        assert asyncio.run(scenario()) == first


@pytest.mark.parametrize("name", ["Saturday noon", "Thanksgiving", "Monday 03:59"])
def test_prices_move_when_the_market_is_closed_and_the_day_does_not(name: str) -> None:
    """The newcomer of a Sunday sees a tape; no bar is made of it, and the session is closed."""

    async def scenario() -> None:
        async with simulated(sim_interval_ms=20) as server:
            await filled(server)
            first, days = await snapshot(server, "AAPL"), await look(server, "AAPL", "1m", 10)
            async with connect(server.ws) as client, asyncio.timeout(20):
                await client.send(json.dumps({"action": "subscribe", "symbols": ["AAPL"]}))
                prices: set[float] = set()
                while len(prices) < 4:
                    message = json.loads(await client.recv())
                    if message["type"] == "price_update":
                        prices.add(message["data"]["price"])
            last = await snapshot(server, "AAPL")
            for figure in ("open", "high", "low", "day_volume", "prev_close"):
                assert last[figure] == first[figure]
            assert last["session"] == "closed"
            assert await look(server, "AAPL", "1m", 10) == days

    with at(MOMENTS[name]):
        asyncio.run(scenario())


def test_monday_begins_while_somebody_watches() -> None:
    """At 04:00 a day begins, against Friday's close, with one change of the session."""

    async def scenario() -> None:
        async with simulated(sim_interval_ms=20) as server, asyncio.timeout(20):
            await filled(server)
            friday = (await look(server, "AAPL", "1d", 1))[0]
            async with connect(server.ws) as client:
                await client.send(json.dumps({"action": "subscribe", "symbols": ["AAPL"]}))
                sessions: list[str] = []
                day: dict[str, Any] = {}
                while day.get("prev_close") != friday["close"]:
                    message = json.loads(await client.recv())
                    if message["type"] == "status":
                        sessions.append(message["market"])
                    if message.get("snapshot"):
                        day = message["data"]
                assert set(sessions) <= {"closed", "pre"}
                assert day["open"] == pytest.approx(day["price"], rel=0.01)
                assert day["day_volume"] < friday["volume"] / 100

    with at(new_york(2026, 11, 30, 3, 59, 58)):
        asyncio.run(scenario())


def test_a_price_that_is_set_is_the_price_at_every_moment() -> None:
    """``AAPL=189.5`` is where the simulator starts, with a past that leads there."""

    async def scenario() -> None:
        async with simulated(start_prices={"AAPL": 189.5}, sim_interval_ms=10_000) as server:
            await filled(server)
            assert (await snapshot(server, "AAPL"))["price"] == pytest.approx(189.5, rel=0.002)
            rows = await look(server, "AAPL", "1m", 3)
            assert rows[0]["close"] == pytest.approx(189.5, rel=0.05)

    for moment_ms in MOMENTS.values():
        with at(moment_ms):
            asyncio.run(scenario())


@pytest.mark.parametrize("hour", [2, 7, 12, 17, 23])
def test_a_night_in_tokyo_shows_its_last_session(hour: int) -> None:
    """Invented trades of the night begin no day there, and those of the evening add to none."""
    moment_ms = tokyo(2026, 11, 26, hour)

    async def scenario() -> None:
        async with simulated(sim_interval_ms=20) as server:
            await filled(server)
            first = await snapshot(server, "7203.T")
            quote = server.live.book.quote
            traded = quote("7203.T")
            await wait_until(lambda: quote("7203.T") != traded)
            data = await snapshot(server, "7203.T")
            running = 8 <= hour < 15
            assert data["day"] == tokyo(2026, 11, 26 if hour >= 8 else 25)
            assert data["session"] == ("regular" if running else "closed")
            assert (data["day_volume"] > first["day_volume"]) is running

    with at(moment_ms):
        asyncio.run(scenario())
