"""``GET /api/market``, over a real port."""

import asyncio
import json
from typing import Any

import httpx
from websockets.asyncio.client import connect

from photon_app.clock import SYSTEM
from photon_app.gateway import market
from tests.fakes.server import HandFeed, Serving, with_server
from tests.fakes.waiting import wait_until


def test_the_most_traded_come_first() -> None:
    """By what was turned over; with the figures of a quote, the name and the symbol's session."""

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.seed("AAPL", 100)
        feed.trades([("AAPL", 110, 10), ("BINANCE:BTCUSDT", 90_000, 1), ("ZZZ", 0.5, 10)])
        body = (await client.get("/api/market")).json()
        first, second, third = body["symbols"]
        assert [one["symbol"] for one in (first, second, third)] == [
            *("BINANCE:BTCUSDT", "AAPL", "ZZZ")
        ]
        quote = server.live.book.quote("AAPL")
        assert quote is not None
        assert second == {
            "symbol": "AAPL",
            "name": "Apple",
            "price": 110,
            "prev_close": 100,
            "change": 10,
            "change_percent": 10,
            "day_volume": 10,
            "turnover": 1_100,
            "day": quote.day_ms,
            "session": "regular",
            "state": "live",
            "decimals": 2,
        }
        assert (third["name"], third["prev_close"], third["decimals"]) == (None, None, 4)

    with_server(check, symbols=("AAPL", "BINANCE:BTCUSDT", "ZZZ", "NVDA"))


def test_invented_prices_are_said() -> None:
    """With the source, the state of the feed, the session of the exchange and its time."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.say("simulated", "Prices are invented")
        body = (await client.get("/api/market")).json()
        told = {name: body[name] for name in ("source", "feed", "detail", "delay_ms", "market")}
        assert told == {
            "source": "simulated",
            "feed": "simulated",
            "detail": "Prices are invented",
            "delay_ms": None,
            "market": "regular",
        }
        assert abs(body["time"] - SYSTEM.now_ms()) < 60_000
        assert (body["followed"], body["symbols"]) == (2, [])

    with_server(check)


def test_it_has_what_clients_hold_now() -> None:
    """Beside the default symbols; what nobody holds any more stays for as long as it lingers."""

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        async with connect(server.ws) as ws:
            await ws.send(json.dumps({"action": "subscribe", "symbols": ["KO"]}))
            await wait_until(lambda: "KO" in server.live.demand)
            feed.trade("KO", 70)
            body = (await client.get("/api/market")).json()
            assert [one["symbol"] for one in body["symbols"]] == ["KO"]
            assert body["followed"] == 3

    with_server(check)


def test_many_viewers_cost_one() -> None:
    """The answer is made once, however many ask at once; and anew a second later."""

    async def check(server: Serving, feed: HandFeed, _: httpx.AsyncClient) -> None:
        made = 0
        clock, overview = Hand(), market.Overview()
        live = server.live

        class Watched:
            """The services, with a clock in hand, and a count of the answers that are made."""

            time = clock

            def __getattr__(self, name: str) -> Any:
                nonlocal made
                made += name == "demand"
                return getattr(live, name)

        watched: Any = Watched()
        feed.trade("AAPL", 100)
        answers = await asyncio.gather(
            *(overview.answer(watched, compressed=n % 2 == 1) for n in range(20))
        )
        assert (made, len(set(answers))) == (1, 2)
        feed.trade("AAPL", 101)
        clock.now_s += 0.9
        assert await overview.answer(watched, compressed=False) == answers[0]
        clock.now_s += 0.2
        assert b'"price":101' in await overview.answer(watched, compressed=False)
        assert made == 2

    with_server(check)


class Hand:
    """A monotonic clock that the test moves."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


def test_at_most_five_hundred_are_sent() -> None:
    """The ones that are traded least are left out, and counted."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trades([(f"S{n}", 1.0 + n, 100) for n in range(600)])
        body = (await client.get("/api/market")).json()
        assert (len(body["symbols"]), body["followed"]) == (500, 600)
        assert body["symbols"][0]["symbol"] == "S599"
        assert body["symbols"][-1]["symbol"] == "S100"

    with_server(check, symbols=tuple(f"S{n}" for n in range(600)))


def test_the_documented_answer_is_the_one_that_is_given() -> None:
    """Field by field; and compressed once for all who accept that."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 10)
        answer = await client.get("/api/market")
        assert answer.headers["content-encoding"] == "gzip"
        plain = await client.get("/api/market", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert answer.json()["symbols"] == plain.json()["symbols"]
        body = answer.json()
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        assert set(body) == set(schemas["FollowedMarket"]["properties"])
        assert set(body["symbols"][0]) == set(schemas["FollowedSymbol"]["properties"])

    with_server(check)
