"""What a server knows at its start of what an earlier one saw."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from photon_app.calendar.loader import CalendarLoader
from photon_app.model import Seed
from photon_app.settings import Secret
from tests.fakes.dates import at, new_york
from tests.fakes.loader import shipped
from tests.fakes.server import HandFeed, Serving, serving
from tests.fakes.waiting import wait_until

STOCK, COIN, PAIR = "AAPL", "BINANCE:BTCUSDT", "OANDA:EUR_USD"
THURSDAY = new_york(2026, 11, 19, 15, 59, 50)
FRIDAY = new_york(2026, 11, 20, 15, 59, 50)
SUNDAY = new_york(2026, 11, 22, 12)


class Live(HandFeed):
    """A line to a market."""

    source = "finnhub"

    def __init__(self) -> None:
        super().__init__("live")


def started(feed: Live, path: Path) -> Any:
    """A server whose bars are in a file."""
    return serving(
        feed,
        loader=CalendarLoader(shipped),
        feed="finnhub",
        finnhub_api_key=Secret("x"),
        symbols=(STOCK, COIN, PAIR),
        database_url=Secret(f"sqlite:///{path}"),
    )


async def quotes(server: Serving) -> dict[str, dict[str, Any]]:
    """All quotes by symbol, once what is stored was looked up."""
    await wait_until(lambda: not server.live.history.unread)
    async with httpx.AsyncClient(base_url=server.http) as http:
        asked = {"symbols": f"{STOCK},{COIN},{PAIR}"}
        answer = (await http.get("/api/quotes", params=asked)).json()
    return {quote["symbol"]: quote for quote in answer["quotes"]}


async def trade(path: Path, moment_ms: int, *trades: tuple[str, float, float]) -> None:
    """A server that is there for some trades."""
    with at(moment_ms):
        feed = Live()
        async with started(feed, path) as server:
            await quotes(server)
            for each in trades:
                feed.trade(*each)
            server.live.history.flush()


async def a_week(path: Path) -> None:
    """Thursday and Friday until their closes, the others on Saturday too."""
    await trade(path, THURSDAY, (STOCK, 95, 10), (COIN, 900, 1), (PAIR, 1.1, 0))
    await trade(path, FRIDAY, (STOCK, 99, 500), (STOCK, 102, 300), (STOCK, 100, 200))
    await trade(path, FRIDAY + 3_000_000, (STOCK, 104, 7), (PAIR, 1.2, 0), (COIN, 950, 1))
    await trade(path, SUNDAY - 86_400_000, (COIN, 1000, 2), (COIN, 1010, 1))


def test_a_restart_on_a_sunday_shows_fridays_day(tmp_path: Path) -> None:
    """Its price, marked as old, its figures, and the change against Thursday's close."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        await a_week(path)
        with at(SUNDAY):
            feed = Live()
            async with started(feed, path) as server:
                known = await quotes(server)
                stock = known[STOCK]
                assert (stock["price"], stock["state"]) == (104, "stale")
                assert (stock["open"], stock["high"], stock["low"]) == (99, 104, 99)
                assert stock["day_volume"] == 1007
                assert (stock["prev_close"], stock["change"]) == (95, 9)
                coin = known[COIN]
                assert (coin["price"], coin["prev_close"], coin["day_volume"]) == (1010, 950, 3)
                assert known[PAIR]["price"] == 1.2

    asyncio.run(scenario())


def test_what_is_sent_is_not_new_until_something_newer_comes(tmp_path: Path) -> None:
    """Then the state is live, the day another, and Friday's regular close the previous one."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        await a_week(path)
        with at(new_york(2026, 11, 23, 4, 0, 5)):
            feed = Live()
            async with started(feed, path) as server:
                assert (await quotes(server))[STOCK]["state"] == "stale"
                feed.trade(STOCK, 110, 3)
                stock = (await quotes(server))[STOCK]
                assert (stock["price"], stock["state"]) == (110, "live")
                assert (stock["prev_close"], stock["change"]) == (100, 10)
                assert (stock["open"], stock["day_volume"]) == (110, 3)

    asyncio.run(scenario())


def test_what_upstream_says_goes_before_what_was_stored(tmp_path: Path) -> None:
    """The official close of the day before, whichever comes first."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        await a_week(path)
        with at(SUNDAY):
            feed = Live()
            async with started(feed, path) as server:
                await quotes(server)
                assert feed.market is not None
                told = Seed(
                    symbol=STOCK, price=100.25, prev_close=95.5, open=98.5, high=105, low=98,
                    time_ms=new_york(2026, 11, 20, 16),
                )  # fmt: skip
                feed.market.seed(told)
                stock = (await quotes(server))[STOCK]
                assert (stock["prev_close"], stock["open"], stock["high"]) == (95.5, 98.5, 105)
                assert stock["price"] == 104

    asyncio.run(scenario())


@pytest.mark.parametrize("days", [1, 3, 30])
def test_an_old_database_gives_its_last_day(tmp_path: Path, days: int) -> None:
    """However long ago: it is shown, and says by its state that it is old."""

    async def scenario() -> None:
        path = tmp_path / "photon.db"
        await a_week(path)
        with at(SUNDAY + days * 86_400_000):
            async with started(Live(), path) as server:
                stock = (await quotes(server))[STOCK]
                assert (stock["price"], stock["day_volume"], stock["state"]) == (104, 1007, "stale")

    asyncio.run(scenario())
