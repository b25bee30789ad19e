"""The exchange's hours as clients are sent them, over a real port."""

import asyncio
import datetime as dt
import json

import httpx
from websockets.asyncio.client import connect

from photon_app.calendar.calendar import NEW_YORK, Calendar, Table, ordinary_day
from photon_app.calendar.loader import CalendarLoader
from photon_app.market.silence import SILENT_MS, Silence
from tests.fakes.loader import weekdays
from tests.fakes.server import HandFeed, serving
from tests.fakes.time import HandClock

FRIDAY = dt.date(2026, 11, 27)


def at(*fields: int) -> int:
    return round(dt.datetime(*fields, tzinfo=NEW_YORK).timestamp() * 1000)  # type: ignore[arg-type, misc]


class Stopped:
    """A market clock that stands."""

    rate = 0.0

    def __init__(self, time_ms: int) -> None:
        self._time_ms = time_ms

    def now_ms(self) -> int:
        """Always the same."""
        return self._time_ms


def test_clients_are_notified_when_the_days_become_known() -> None:
    """The session is regular before and after, and ends two hours later."""
    known = asyncio.Event()

    async def fetch(first: dt.date, last: dt.date) -> Table:
        await known.wait()
        table = await weekdays(first, last)
        late = ordinary_day(FRIDAY)._replace(close_ms=at(2026, 11, 27, 15))
        days = tuple(late if day.date == FRIDAY else day for day in table.days)
        return Table(first=first, last=last, days=days)

    async def scenario() -> None:
        feed = HandFeed()
        feed.clock = Stopped(at(2026, 11, 27, 12))  # type: ignore[assignment]
        async with (
            serving(feed, loader=CalendarLoader(fetch)) as server,
            connect(server.ws) as client,
            asyncio.timeout(10),
            httpx.AsyncClient(base_url=server.http) as http,
        ):
            ends = []
            while at(2026, 11, 27, 15) not in ends:
                message = json.loads(await client.recv())
                if message["type"] == "status":
                    assert message["market"] == "regular"
                    ends.append(message["market_until"])
                    known.set()
            assert ends[0] == at(2026, 11, 27, 13)
            health = (await http.get("/health")).json()
            assert health["market"]["known_until"] == "2027-12-12"

    asyncio.run(scenario())


def test_health_is_degraded_while_a_market_is_silent() -> None:
    """And says how long ago the last trade was."""

    async def scenario() -> None:
        feed = HandFeed("live")
        async with serving(feed) as server, httpx.AsyncClient(base_url=server.http) as http:
            feed.trade("AAPL", 1)
            health = (await http.get("/health")).json()
            assert health["status"] == "healthy"
            assert 0 <= health["feed"]["last_trade_age_ms"] < 5000
            server.live.market.silence.reason = "No trade of US stocks"
            assert (await http.get("/health")).json()["status"] == "degraded"

    asyncio.run(scenario())


def test_the_feeds_status_says_what_is_silent() -> None:
    """For as long as it is, and never over what the feed says itself."""

    async def scenario() -> None:
        feed = HandFeed("live")
        clock = HandClock(at(2026, 11, 20, 12))
        silence = Silence(clock, Calendar())
        async with serving(feed) as server:
            live = server.live
            live.market.silence = silence

            def detail() -> str:
                live.market.look(live.feed.subscribed)
                return live.hub.feed.detail

            def later() -> str:
                for _ in range(0, SILENT_MS, 10_000):  # a leap would be a clock that was set
                    clock.at_ms += 10_000
                    detail()
                return detail()

            assert detail() == ""
            assert later().startswith("No trade of US stocks for more than 120 s")
            feed.say("reconnecting", "Failed to connect to Finnhub: gone")
            assert detail() == "Failed to connect to Finnhub: gone"
            feed.say("live", "Half of it is here")
            assert detail() == "Half of it is here"
            feed.say("live")
            assert later().startswith("No trade of US stocks")
            silence.heard([])
            assert detail() != ""
            feed.trade("AAPL", 1)
            assert detail() == ""
            assert later().startswith("No trade of US stocks")
            clock.at_ms = at(2026, 11, 20, 16)
            assert detail() == ""

    asyncio.run(scenario())
