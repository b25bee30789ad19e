"""The gateway on a real port, with a feed that a test plays by hand.

``async with serving(feed) as server`` runs uvicorn in this event loop, and ``with_server`` does it
for a test that asks over HTTP. To try another server or setting, pass ``ws=`` (uvicorn's own
protocol, to see the gateway without the wire extension) or settings by name.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx
import uvicorn

from photon_app import ROOT, launcher, runtime, services
from photon_app.calendar.loader import CalendarLoader
from photon_app.clock import SYSTEM, WORK, Time, WorkClock
from photon_app.feed.protocol import Counters, Feed, WallClock
from photon_app.gateway.admission import Admission
from photon_app.gateway.cors import Cors
from photon_app.gateway.finnhub_socket import FinnhubEdge
from photon_app.gateway.http import NegotiatedRoot, create_api
from photon_app.gateway.origin import OriginGuard, OriginRule
from photon_app.gateway.questions import Questions
from photon_app.gateway.websocket import WebSocketEdge
from photon_app.model import Crowd, FeedSink, FeedState, FeedStatus, Seed, Trade
from photon_app.services import Services
from photon_app.settings import Settings
from photon_app.upstream import Upstream
from tests.fakes.loader import weekdays
from tests.fakes.waiting import wait_until

WIRE = "photon_app.gateway.wire:PhotonWebSocketProtocol"
HTTP = "photon_app.gateway.handshake:PhotonHTTPProtocol"
PLAIN = "websockets-sansio"
CLIENT_JS = ROOT / "photon_app" / "ui" / "live" / "photon-client.js"


class HandFeed:
    """A feed whose trades are given by the test."""

    source = "simulated"
    symbols: tuple[str, ...] = ()

    def __init__(self, state: FeedState = "simulated") -> None:
        self.clock = WallClock(SYSTEM)
        self.counters = Counters()
        self.subscribed: frozenset[str] = frozenset()
        self.viewers: Mapping[str, int] = {}
        self.crowd = Crowd()
        self.last_message_ms: int | None = None
        self.market: FeedSink | None = None
        self._state: FeedState = state
        self._running = asyncio.Event()

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Remember the set, and who looks."""
        self.subscribed = symbols
        self.viewers = viewers or {}
        self.crowd = crowd or Crowd()

    async def run(self, market: FeedSink) -> None:
        """Say that all is well, and wait."""
        self.market = market
        self.say(self._state)
        self._running.set()
        await asyncio.Event().wait()

    def say(self, state: FeedState, detail: str = "") -> None:
        """Change the feed's state."""
        assert self.market is not None
        now = self.clock.now_ms()
        self.market.status(FeedStatus(source=self.source, state=state, since_ms=now, detail=detail))

    def trade(self, symbol: str, price: float, volume: float = 100) -> None:
        """One trade, now."""
        self.trades([(symbol, price, volume)])

    def trades(self, batch: list[tuple[str, float, float]]) -> None:
        """One frame of trades, now."""
        assert self.market is not None
        now = self.clock.now_ms()
        self.last_message_ms = now
        self.market.trades([Trade(symbol=s, price=p, volume=v, time_ms=now) for s, p, v in batch])

    def seed(self, symbol: str, prev_close: float) -> None:
        """A previous close."""
        assert self.market is not None
        self.market.seed(Seed(symbol=symbol, prev_close=prev_close))

    async def ready(self) -> None:
        """Return when the feed runs."""
        await self._running.wait()


class Serving:
    """One running server."""

    def __init__(
        self, port: int, live: Services, server: uvicorn.Server, context: contextvars.Context
    ) -> None:
        self.port = port
        self.live = live
        self.server = server
        self._context = context

    @property
    def ws(self) -> str:
        """The address of ``/ws``."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def finnhub(self) -> str:
        """The address of Finnhub's protocol, without a token."""
        return f"ws://127.0.0.1:{self.port}/finnhub"

    @property
    def http(self) -> str:
        """The address of everything else."""
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def having(self, live: Services) -> Iterator[None]:
        """Other services in place of its own, until the block ends."""
        self._context.run(services.install, live)
        try:
            yield
        finally:
            self._context.run(services.remove, live)

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """No services, as while it starts or stops, until the block ends."""
        self._context.run(services.remove, self.live)
        try:
            yield
        finally:
            self._context.run(services.install, self.live)


@contextlib.asynccontextmanager
async def serving(
    feed: Feed | Upstream | None = None,
    /,  # so that there may be a setting of that name
    *,
    ws: str | type[asyncio.Protocol] = WIRE,
    http: str | type[asyncio.Protocol] | None = None,
    ping_s: float = launcher.PING_S,
    frontend: str | None = None,
    time: Time = SYSTEM,
    work: WorkClock = WORK,
    loader: CalendarLoader | None = None,
    **settings: Any,
) -> AsyncIterator[Serving]:
    """Serve until the block ends, then shut down as the launcher does.

    Without ``http``, Photon's HTTP protocol stands before Photon's WebSocket protocol, and
    uvicorn's before uvicorn's. ``time`` and ``work`` are admission's. Without ``loader`` every
    weekday is an ordinary day of the exchange, and no process computes them. Without
    ``database_url`` nothing is stored.
    """
    loaded = Settings(**{"symbols": ("AAPL", "NVDA"), "database_url": None, **settings})
    source = feed if isinstance(feed, Upstream) else Upstream(feed=feed or HandFeed())
    given = source.feed
    days = loader or CalendarLoader(weekdays)
    async with contextlib.AsyncExitStack() as stack:
        sock = stack.enter_context(launcher.bind("127.0.0.1", 0))
        live = await stack.enter_async_context(runtime.running(loaded, source, days))
        if isinstance(given, HandFeed):
            await given.ready()
        admission = Admission.of(loaded, time, work)
        questions = Questions.of(loaded, time)
        inner = Cors(NegotiatedRoot(create_api(CLIENT_JS, admission, None, questions), frontend))
        edges = FinnhubEdge(WebSocketEdge(inner, admission), admission)
        app = OriginGuard(edges, OriginRule.of(loaded))
        config = uvicorn.Config(
            app,
            http=http or (HTTP if ws == WIRE else "h11"),
            ws=ws,
            ws_ping_interval=ping_s,
            ws_ping_timeout=ping_s,
            lifespan="off",
            log_level="error",
            log_config=None,  # so that what uvicorn logs reaches the root, and with it the tests
            ws_per_message_deflate=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        config.load()
        context = services.isolated_context()
        context.run(services.install, live)
        serving_task = asyncio.create_task(server._serve([sock]), context=context)
        await wait_until(lambda: server.started)
        try:
            yield Serving(sock.getsockname()[1], live, server, context)
        finally:
            server.should_exit = True
            await serving_task


Check = Callable[[Serving, HandFeed, httpx.AsyncClient], Awaitable[None]]
"""What a test does with a server, the feed behind it, and a client before it."""


def with_server(check: Check, **settings: Any) -> None:
    """Serve with these settings until a test is done with it."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, **settings) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            await check(server, feed, client)

    asyncio.run(scenario())
