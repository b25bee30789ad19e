"""Programs that were written for Finnhub, by others, run against Photon with another address.

``dangdatastream``, ``finnhub-python``, ``websocket-client`` and npm's ``ws`` are used as they are;
nothing but the address is changed. The last of such programs is Photon itself.
"""

import asyncio
import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import finnhub
import httpx
import pytest
import websocket
from dangdatastream.source.realtime import (
    FinnhubPoller,
    FinnhubRealtimeManager,
    QuoteSnapshot,
    poller,
    ws_client,
)
from websockets.asyncio.client import connect

from photon_app import launcher
from photon_app.feed import finnhub_wire
from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.recording.file import Recording
from photon_app.feed.recording.replay import ReplayFeed
from photon_app.hub.channels import print_clients
from photon_app.model import FeedSink, Quote, Trade
from photon_app.services import Services
from photon_app.settings import Secret
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.process import ROOT, photon
from tests.fakes.server import HandFeed, Serving, serving
from tests.fakes.waiting import wait_until
from tests.feed.recordings import DAY, PREMARKET, needs_recordings

HERE = Path(__file__).parent
NODE = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
NPM_WS = ROOT / ".web" / "node_modules" / "ws"
"""The page's own client brings it along."""
CANARY = "canary-key-0123456789"
NOON_MS = 1_795_194_000_000


def print_(symbol: str, price: float, *conditions: str) -> Trade:
    return Trade(symbol, price, 100, NOON_MS, conditions)


def say(feed: HandFeed, *batch: Trade) -> None:
    assert feed.market is not None
    feed.market.trades(batch)


def test_dangdatastream_follows_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket client, with its module's one address changed."""

    async def scenario() -> None:
        feed = HandFeed()
        seen: list[QuoteSnapshot] = []
        async with serving(feed) as server:
            monkeypatch.setattr(ws_client, "WS_URL", server.finnhub)
            monkeypatch.setattr(poller, "FINNHUB_QUOTE_URL", f"{server.http}/api/v1/quote")
            manager = FinnhubRealtimeManager(api_key=CANARY)
            manager.subscribe("aapl", seen.append)
            manager.subscribe("NVDA", seen.append)
            await manager.start()
            try:
                await wait_until(lambda: server.live.prints.symbols == {"AAPL", "NVDA"})
                say(feed, print_("AAPL", 150.25, "1"), print_("IBM", 7), print_("NVDA", 178))
                say(feed, print_("AAPL", 150.25, "1"))
                await wait_until(lambda: len(seen) == 3)
            finally:
                await manager.stop()
        assert [(snap.symbol, snap.price, snap.timestamp) for snap in seen] == [
            ("AAPL", 150.25, NOON_MS),
            ("NVDA", 178, NOON_MS),
            ("AAPL", 150.25, NOON_MS),
        ]

    asyncio.run(scenario())


def test_dangdatastream_polls_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its polling client, likewise."""

    async def scenario() -> None:
        feed = HandFeed()
        seen: list[QuoteSnapshot] = []
        async with serving(feed) as server:
            monkeypatch.setattr(poller, "FINNHUB_QUOTE_URL", f"{server.http}/api/v1/quote")
            feed.trade("AAPL", 150)
            feed.seed("AAPL", 147.5)
            polling = FinnhubPoller(api_key=CANARY)
            polling.subscribe("AAPL", seen.append)
            await polling.start()
            try:
                await wait_until(lambda: bool(seen))
            finally:
                await polling.stop()
        snap = seen[0]
        assert (snap.price, snap.prev_close, snap.change) == (150, 147.5, 2.5)

    asyncio.run(scenario())


def test_finnhub_python_asks_for_quotes_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finnhub's own package, with its class's one address changed."""

    def ask(address: str) -> tuple[Any, Any, Any]:
        monkeypatch.setattr(finnhub.Client, "API_URL", f"{address}/api/v1")
        with finnhub.Client(api_key=CANARY) as client:
            with pytest.raises(finnhub.FinnhubAPIException) as refused:
                client.stock_candles("AAPL", "D", 1, 2)
            return client.quote("AAPL"), client.symbol_lookup("apple"), refused.value

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed) as server:
            feed.trade("AAPL", 150)
            feed.seed("AAPL", 147.5)
            quote, found, refused = await asyncio.to_thread(ask, server.http)
        assert set(quote) == {"c", "d", "dp", "h", "l", "o", "pc", "t"}
        assert (quote["c"], quote["d"], quote["pc"]) == (150, 2.5, 147.5)
        assert set(found) == {"count", "result"}
        assert found["count"] == len(found["result"])
        assert "AAPL" in {one["symbol"] for one in found["result"]}
        assert (refused.status_code, "quote and" in refused.message) == (404, True)

    asyncio.run(scenario())


def test_finnhubs_documented_python_client_runs() -> None:
    """``websocket-client`` in the shape of Finnhub's sample; it sends an Origin of its own."""
    heard: list[str] = []

    def on_open(ws: websocket.WebSocketApp) -> None:
        ws.send('{"type":"subscribe","symbol":"AAPL"}')
        ws.send('{"type":"subscribe","symbol":"IC MARKETS:1"}')

    def on_message(ws: websocket.WebSocketApp, text: str) -> None:
        heard.append(text)
        ws.close()

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed) as server:
            app = websocket.WebSocketApp(
                f"{server.finnhub}?token={CANARY}", on_open=on_open, on_message=on_message
            )
            running = asyncio.create_task(asyncio.to_thread(app.run_forever))
            await wait_until(lambda: server.live.prints.symbols == {"AAPL", "IC MARKETS:1"})
            say(feed, print_("AAPL", 150.25, "1", "12"))
            await asyncio.wait_for(running, 15)
        assert json.loads(heard[0]) == {
            "data": [{"c": ["1", "12"], "p": 150.25, "s": "AAPL", "t": NOON_MS, "v": 100}],
            "type": "trade",
        }

    asyncio.run(scenario())


def test_finnhubs_documented_javascript_client_runs() -> None:
    """With npm's ``ws``: three symbols, subscribed at once, unsubscribed after a trade of each."""
    assert NODE is not None, "node not found: pip install -r requirements.txt brings it"
    if not NPM_WS.is_dir():
        launcher.build()

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed) as server:
            address = f"{server.finnhub}?token={CANARY}"
            program = await asyncio.create_subprocess_exec(
                NODE, str(HERE / "finnhub_sample.cjs"), str(NPM_WS), address,
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            symbols = ("AAPL", "BINANCE:BTCUSDT", "IC MARKETS:1")
            await wait_until(lambda: server.live.prints.symbols == set(symbols), 20)
            for price, symbol in enumerate(symbols, 1):
                say(feed, print_(symbol, price, "1"))
            output, _ = await asyncio.wait_for(program.communicate(), 20)
            assert program.returncode == 0
            told = [json.loads(line) for line in output.splitlines()]
            assert [t["s"] for message in told for t in message["data"]] == list(symbols)
            await wait_until(lambda: server.live.prints.symbols == frozenset())

    asyncio.run(scenario())


def test_a_token_is_nowhere_in_what_photon_prints() -> None:
    """Taken or refused, in the query or in a header, with the most talkative log."""

    async def ask(port: int) -> None:
        address = f"127.0.0.1:{port}"
        async with connect(f"ws://{address}/finnhub?token={CANARY}") as client:
            await client.send('{"type":"subscribe","symbol":"AAPL"}')
            assert json.loads(await asyncio.wait_for(client.recv(), 10))["type"] == "trade"
        for query, origin in (("&conditions=2", None), ("", "http://evil.example")):
            with contextlib.suppress(Exception):
                async with connect(f"ws://{address}/finnhub?token={CANARY}{query}", origin=origin):  # type: ignore[arg-type]
                    pass
        async with httpx.AsyncClient(base_url=f"http://{address}/api/v1") as client:
            header = {"X-Finnhub-Token": CANARY}
            for path in ("quote?symbol=AAPL", "quote?symbol=IBM", "search?q=apple", "stock/peers"):
                answer = await client.get(f"/{path}&token={CANARY}", headers=header)
                assert CANARY not in answer.text

    with photon(PHOTON_FEED="simulated", LOG_LEVEL="debug") as process:
        asyncio.run(ask(process.port))
        process.stop()
    assert CANARY not in process.output


def book_of(live: Services, symbols: Mapping[str, Any]) -> dict[str, Quote | None]:
    return {symbol: live.book.quote(symbol) for symbol in symbols}


def trades_in(path: Path) -> dict[str, int]:
    """How many trades a recording has of each symbol."""
    counts: dict[str, int] = {}
    for line in Recording(path).lines():
        for trade in json.loads(line.frame).get("data", ()):
            counts[trade["s"]] = counts.get(trade["s"], 0) + 1
    return counts


MORE_OF_SOME = {"outliers_confirmed", "price_only", "polled"}
"""Counters that count a trade again, or none."""


def arrived(live: Services) -> int:
    """How many trades have reached the book, applied or not."""
    counts: dict[str, int] = dataclasses.asdict(live.book.counters)
    return sum(count for name, count in counts.items() if name not in MORE_OF_SOME)


async def direct(path: Path, counts: Mapping[str, int]) -> dict[str, Quote | None]:
    """The book after a replay in the same process."""
    feed = ReplayFeed(path, speed=0, loop=False)
    async with serving(feed, symbols=None) as server:
        await wait_until(lambda: arrived(server.live) >= sum(counts.values()), 60)
        return book_of(server.live, counts)


@contextlib.asynccontextmanager
async def photon_behind(url: str, symbols: tuple[str, ...]) -> AsyncIterator[Serving]:
    """A Photon whose upstream is at this address."""
    feed = FinnhubFeed(url, Secret("a-key"), pace_s=0.01)
    async with serving(feed, symbols=symbols) as server:
        yield server


class HeldReplay(ReplayFeed):
    """A replay that waits until it is released."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, speed=0, loop=False)
        self.go = asyncio.Event()

    async def run(self, market: FeedSink) -> None:
        """Wait first."""
        await self.go.wait()
        await super().run(market)


@needs_recordings
def test_a_replay_at_full_speed_waits_for_slow_readers_of_the_tape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each gets every trade of the file, with its conditions, in the order of the file, and is
    hardly ever owed anything.
    """
    monkeypatch.setattr(print_clients, "BACKLOG_BYTES", 32 * 1024)

    async def scenario() -> None:
        trades = [trade for line in Recording(DAY).lines() for trade in read(line.frame)]
        symbols = sorted({trade.symbol for trade in trades})
        feed = HeldReplay(DAY)
        async with (
            serving(feed, symbols=None) as server,
            connect(server.finnhub, max_queue=1, compression=None) as client,
        ):
            for symbol in symbols:
                await client.send(json.dumps({"type": "subscribe", "symbol": symbol}))
            await wait_until(lambda: server.live.prints.symbols == set(symbols))
            feed.go.set()
            heard: list[Trade] = []
            while len(heard) < len(trades):
                heard += read(await asyncio.wait_for(client.recv(), 10))
                await asyncio.sleep(0.002)
            assert heard == trades

    asyncio.run(scenario())


def read(frame: str | bytes) -> tuple[Trade, ...]:
    """The trades of one frame."""
    event = finnhub_wire.decode(frame)
    return event.batch if isinstance(event, finnhub_wire.Trades) else ()


@needs_recordings
@pytest.mark.parametrize("path", [DAY, PREMARKET], ids=["day", "premarket"])
def test_a_photon_chained_to_a_photon_has_the_same_book(path: Path) -> None:
    """As its upstream, which is fed by a fake Finnhub, and as a replay: to the last figure."""

    async def scenario() -> None:
        counts = trades_in(path)
        symbols = tuple(sorted(counts))
        expected = await direct(path, counts)
        async with (
            FakeFinnhub() as fake,
            photon_behind(fake.url, symbols) as first,
            photon_behind(first.finnhub, symbols) as second,
        ):
            await wait_until(lambda: first.live.prints.symbols == set(symbols))
            await fake.play(path, symbols)
            await wait_until(lambda: arrived(second.live) >= sum(counts.values()), 60)
            assert None not in expected.values()
            assert arrived(second.live) == sum(counts.values())
            assert book_of(first.live, counts) == expected
            assert book_of(second.live, counts) == expected
            feed = second.live.hub.feed
            assert (feed.state, feed.reconnects) == ("live", 0)

    asyncio.run(scenario())
