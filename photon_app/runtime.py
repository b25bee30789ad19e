"""What one process runs (feed, book, hub), and the order in which it starts and stops.

``running`` is the only entry point: an async context manager that owns every background task. It
starts the book and the hub, installs the services, then starts the feed. On exit it notifies the
clients, stops the feed and removes the services. A failed start raises its exception through
``running``, so the server stops.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import math
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sized
from typing import Any

from photon_app import clock, foreign, logs, services, upstream
from photon_app.calendar import session
from photon_app.calendar.hours import MarketHours
from photon_app.calendar.loader import CalendarLoader
from photon_app.calendar.timeframes import MINUTE_MS, NEVER_MS
from photon_app.calendar.venues import US, exchange_of
from photon_app.errors import RequestError
from photon_app.feed.awake import Awake
from photon_app.feed.protocol import Feed, WallClock
from photon_app.feed.simulated.feed import SimulatedFeed
from photon_app.garbage import Garbage
from photon_app.heap import Heap
from photon_app.history.history import History
from photon_app.hub.channels.arrays import ArraysChannel
from photon_app.hub.channels.prints import PrintsChannel
from photon_app.hub.clients import Clients
from photon_app.hub.demand import Demand, DemandListener
from photon_app.hub.flusher import Flusher
from photon_app.hub.hub import BEATS, Hub
from photon_app.hub.journal import Journal
from photon_app.hub.stalls import BEAT_S, Stalls
from photon_app.market.bars import LATE_MS, Bars
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.market.sales import Sales
from photon_app.market.silence import Silence
from photon_app.model import FeedSink, FeedStatus
from photon_app.services import Services
from photon_app.settings import DEFAULT_SYMBOLS, Settings
from photon_app.storage import address
from photon_app.storage.store import Store
from photon_app.upstream import Upstream

log = logging.getLogger(__name__)

failed: list[str] = []
"""Names of the tasks of this process that failed through a bug. The process then ends with exit
code 1."""

HEARTBEAT_S = 15.0
"""Time between two heartbeats to one client, which show that its connection works. The hub spreads
the heartbeats of all clients over this time."""
TICK_S = 1.0
RESTART_S = 60.0
"""Pause before a feed that failed through a bug is started again. It is as long as after a kick,
because a bug that repeats must not open upstream connections faster than that."""
OPENING_S = 5.0
"""Longest time that the start waits for the database. Prices flow without it, and bars wait in
memory."""
MANY_SYMBOLS, PAUSE_PER_SYMBOL_S = 500, 20e-6
"""Passing the wanted symbols to the feed costs some 2 µs per symbol. With more symbols than
``MANY_SYMBOLS``, the next update waits ``PAUSE_PER_SYMBOL_S`` for each: 40 ms with 2,000."""
SPARED = (
    "{} made room for a symbol of another address: this server follows as many as it may "
    "(PHOTON_MAX_SYMBOLS_TOTAL), and yours has the most"
)


@contextlib.contextmanager
def logged(
    settings: Settings, write: logs.Write | None = None, *, prints: bool = False
) -> Iterator[None]:
    """Own the log of the process while a block runs, and keep every secret of the settings out of
    it.

    Args:
        settings: the log level, and the secrets that must not appear.
        write: see ``logs.owned``.
        prints: see ``logs.owned``.

    Raises:
        SettingsError: the database address is invalid.
    """
    key = settings.finnhub_api_key
    of_key = () if key is None else foreign.forms(key.reveal())
    secrets = sorted({*of_key, *address.of(settings).secrets}, key=len, reverse=True)
    ours = logging.getLogger("photon_app")
    before = ours.level
    ours.setLevel(settings.log_level.upper())
    try:
        with logs.owned(write, secrets, prints=prints):
            yield
    finally:
        ours.setLevel(before)


def assemble(
    settings: Settings, source: Upstream, days: CalendarLoader, heap: Heap
) -> "tuple[Services, _DemandRelay]":
    """Make and connect the objects of one process, not yet running. Needs a running event loop."""
    feed = source.feed
    loop = asyncio.get_running_loop()
    market = _market(settings, source, days)
    store = _store(settings, feed)
    default_symbols = settings.symbols or feed.symbols or DEFAULT_SYMBOLS
    history = History(
        market.bars,
        store,
        calendars=days,
        clock=feed.clock,
        past=source.past,
        book=None if settings.feed == "replay" else market,
        always=frozenset(default_symbols),
        replays=settings.feed == "replay",
    )
    journal = Journal()
    sales = Sales(
        loop,
        capacity=settings.max_symbols_total,
        book=market.book if settings.feed == "replay" else None,
    )
    relay = _DemandRelay(
        source,
        market,
        history,
        heap,
        loop,
        journal=journal,
        sales=sales,
        defaults=default_symbols,
        limit=settings.max_symbols_total,
        linger_s=settings.linger_s,
    )
    demand = relay.demand
    hours = MarketHours(feed.clock, days)
    clients = Clients(demand, settings.slow_s)
    flusher = Flusher(loop, settings.flush_ms / 1000)
    hub = Hub(market, hours, clients=clients, flusher=flusher, journal=journal)
    prints = PrintsChannel(clients, flusher=flusher)
    arrays = ArraysChannel(market, clients, flusher=flusher)
    for listener in (history, hub, prints, arrays):
        market.listen(listener)
    market.keep_prints(sales)
    market.wait_for(clients)
    live = Services(
        settings=settings,
        market=market,
        clients=clients,
        hub=hub,
        arrays=arrays,
        prints=prints,
        demand=demand,
        history=history,
        sales=sales,
        store=store,
        hours=hours,
        time=clock.SYSTEM,
        stalls=Stalls(Awake()),
        started_s=clock.monotonic(),
        default_symbols=default_symbols,
        feed=feed,
        reference=source.reference,
        rest_requests=source.rest_requests,
    )
    return live, relay


def _market(settings: Settings, source: Upstream, days: CalendarLoader) -> Market:
    """An empty market with the rules of its source."""
    feed, replaying = source.feed, settings.feed == "replay"
    days_of = session.market_day if source.past is None else session.hours_day
    book = Book(
        lambda symbol, time_ms: days_of(symbol, time_ms, days.calendar),
        clock=None if replaying else feed.clock,
        admit_all=replaying,
        capacity=settings.max_symbols_total,
    )
    bars = Bars(
        clock=feed.clock,
        follow_all=replaying,
        gaps=settings.feed == "finnhub",
        capacity=settings.max_symbols_total,
    )
    status = FeedStatus(source=feed.source, state="connecting", since_ms=clock.now_ms())
    return Market(book, bars, status, Silence(WallClock(), days))


def _store(settings: Settings, feed: Feed) -> Store | None:
    """The store that keeps a feed's bars on disk, if the settings ask for one. A replay starts from
    scratch: no bar of its previous pass is used.
    """
    where = address.of(settings)
    if not where.stores:
        return None
    now_ms = feed.clock.now_ms()
    return Store(
        where,
        source=feed.source,
        since_ms=now_ms - LATE_MS - MINUTE_MS if settings.feed != "replay" else NEVER_MS,
        retention_days=settings.retention_days,
        retention_force_ms=_midnight_ms(settings.retention_force),
    )


def _midnight_ms(date: dt.date | None) -> int:
    """The start of a date in UTC, in UNIX ms; 0 for ``None``."""
    if date is None:
        return 0
    return round(dt.datetime.combine(date, dt.time(), dt.UTC).timestamp() * 1000)


@contextlib.asynccontextmanager
async def _keeping(live: Services) -> AsyncIterator[None]:
    """Keep bars on disk while the block runs. The start continues without the database when it
    cannot be opened at once or takes too long. The end waits until the last changes are written.
    """
    store = live.store
    if store is None:
        yield
        return
    store.start(live.history)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENING_S):
                while store.health.state == "opening":
                    await store.opened(0.02)
        yield
    finally:
        await live.history.finish()
        await store.aclose()


async def _resume(feed: SimulatedFeed, history: History, symbols: Iterable[str]) -> None:
    """Continue a simulation from the prices where the last one ended, so that its chart has no gap.
    A symbol whose price is fixed by a seed or a setting starts from that instead.
    """
    found: dict[str, tuple[float | None, float | None]] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OPENING_S):
            for symbol in symbols:
                found[symbol] = await history.last_prices(symbol)
    feed.resume(
        {symbol: last for symbol, (last, _) in found.items() if last is not None},
        {symbol: close for symbol, (last, close) in found.items() if close is not None},
    )


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    source: Upstream | None = None,
    loader: CalendarLoader | None = None,
    *,
    sockets: Sized = (),
) -> AsyncIterator[Services]:
    """Run everything while the block runs.

    Args:
        settings: of this process.
        source: where prices and names come from; by default what the settings ask for.
        loader: the exchange's days; by default they are computed in a process of their own.
        sockets: all that are open, and those whose handshake waits.

    Raises:
        RecordingError: the file to replay is not a recording.
    """
    days = loader or CalendarLoader()
    if source is None:
        source = upstream.of(settings, calendars=days)
    feed = source.feed
    heap = Heap()
    live, relay = assemble(settings, source, days, heap)
    feed.want(live.demand.wanted)
    async with _keeping(live):
        if isinstance(feed, SimulatedFeed) and settings.sim_seed is None:
            await _resume(feed, live.history, live.demand.wanted - settings.start_prices.keys())
        services.install(live)
        tasks: dict[str, Coroutine[Any, Any, None]] = {
            "feed": keep_running(feed, live.market),
            "history": live.history.run(),
            "calendar loader": days.run(feed.clock, lambda: _exchanges(live.demand.wanted)),
            "tick": _every(TICK_S, _ticker(live, relay, heap)),
            "garbage": Garbage(sockets=sockets).run(),
            "beat": _every(BEAT_S, live.stalls.beat),
            "heartbeat": _every(HEARTBEAT_S / BEATS, lambda: live.hub.heartbeat(clock.now_ms())),
        }
        try:
            async with _owning(tasks):
                try:
                    yield live
                finally:
                    live.clients.shutdown()
        finally:
            await source.aclose()
            services.remove(live)


@contextlib.asynccontextmanager
async def _owning(coroutines: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines as tasks while the block runs. None fails silently: a bug is logged and ends
    the process, because a restart is better than running half alive.
    """
    tasks = [asyncio.create_task(work, name=f"photon {name}") for name, work in coroutines.items()]
    for task in tasks:
        task.add_done_callback(_ended)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(_ended)
            task.cancel()
        for task, end in zip(
            tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True
        ):
            if isinstance(end, Exception) and task.get_name() not in failed:
                log.error("%s failed while it was stopped", task.get_name(), exc_info=end)


def _ended(task: asyncio.Task[None]) -> None:
    """Handle a task that ended before it was cancelled. Only a feed may, when its recording is
    over.
    """
    if task.cancelled() or (fault := task.exception()) is None:
        return
    failed.append(task.get_name())
    log.critical(
        "%s failed by a fault of Photon's own; the process ends", task.get_name(), exc_info=fault
    )
    end_process()


def end_process() -> None:
    """End the process as an operator would, with SIGTERM."""
    signal.raise_signal(signal.SIGTERM)


def _exchanges(symbols: Iterable[str]) -> frozenset[str]:
    """The codes of exchanges outside the US on which symbols are listed."""
    listed = {exchange_of(symbol) for symbol in symbols} - {None, US}
    return frozenset(one.code for one in listed if one is not None and one.code is not None)


class _DemandRelay(DemandListener):
    """Owns the demand and passes its changes on. The book, the bars and the journal add and drop a
    symbol at once. The feed gets the whole set of wanted symbols: once for all changes in one
    iteration of the event loop, or after a pause when there are many symbols. When only the viewers
    or their addresses changed, the feed is updated once a second.
    """

    def __init__(
        self,
        source: Upstream,
        market: Market,
        history: History,
        heap: Heap,
        loop: asyncio.AbstractEventLoop,
        *,
        journal: Journal,
        sales: Sales,
        defaults: Iterable[str],
        limit: int,
        linger_s: float,
    ) -> None:
        self._source = source
        self._feed = source.feed
        self._market = market
        self._history = history
        self._journal = journal
        self._sales = sales
        self._heap = heap
        self._loop = loop
        self._dropped: set[str] = set()
        self._scheduled = False
        self._due_s = -math.inf
        self._seen_changes = 0
        # Last, because it calls ``added`` for each default at once.
        self.demand = Demand(defaults, limit=limit, linger_s=linger_s, listener=self)

    def added(self, symbol: str) -> None:
        """See ``DemandListener``."""
        self._market.book.admit(symbol)
        self._history.follow(symbol)
        self._sales.follow(symbol)
        self.viewed()

    def dropped(self, symbol: str) -> None:
        """See ``DemandListener``."""
        self._market.book.drop(symbol)
        self._history.drop(symbol)
        self._journal.drop(symbol)
        self._sales.drop(symbol)
        self._heap.dropped()
        self._dropped.add(symbol)
        self.viewed()

    def spelled(self, text: str) -> None:
        """See ``DemandListener``."""
        self._source.spelled(text)

    def evicted(self, symbol: str) -> None:
        """See ``DemandListener``."""
        self._market.reject(symbol, RequestError("too_many_symbols", SPARED.format(symbol)))

    def refresh(self) -> None:
        """Update the feed when viewers have come or gone since the last update."""
        if self.demand.changes != self._seen_changes:
            self.viewed()

    def viewed(self) -> None:
        """See ``DemandListener``."""
        if self._scheduled:
            return
        self._scheduled = True
        wait_s = self._due_s - self._loop.time()
        if wait_s > 0:
            self._loop.call_later(wait_s, self._update_feed)
        else:
            self._loop.call_soon(self._update_feed)

    def _update_feed(self) -> None:
        self._scheduled = False
        dropped, self._dropped = self._dropped, set()
        self._seen_changes = self.demand.changes
        wanted, viewers, crowd = self.demand.wanted, self.demand.viewers, self.demand.crowd
        if not dropped.isdisjoint(wanted):  # dropped and wanted again: the feed must see both
            self._feed.want(wanted - dropped, viewers, crowd)
        self._feed.want(wanted, viewers, crowd)
        if len(wanted) > MANY_SYMBOLS:
            self._due_s = self._loop.time() + PAUSE_PER_SYMBOL_S * len(wanted)


async def keep_running(feed: Feed, market: FeedSink) -> None:
    """Run the feed until it ends by itself. The feed handles upstream failures. A bug is logged
    with its traceback and shown as reconnecting, and the feed is started again.
    """
    while True:
        try:
            await feed.run(market)
        except Exception:
            log.exception("the feed failed; it is started again in %g s", RESTART_S)
            market.status(
                FeedStatus(
                    source=feed.source,
                    state="reconnecting",
                    since_ms=clock.now_ms(),
                    detail="The feed failed by a fault of Photon's own; see the log.",
                    retry_at_ms=clock.now_ms() + round(RESTART_S * 1000),
                )
            )
            await asyncio.sleep(RESTART_S)
            market.new_epoch()
        else:
            return


async def _every(interval_s: float, do: Callable[[], None]) -> None:
    """Call a function periodically. A failure is logged and costs one round only: closing slow
    clients, releasing symbols and sending heartbeats all depend on these rounds.
    """
    while True:
        await asyncio.sleep(interval_s)
        try:
            do()
        except Exception:
            log.exception("a periodic task failed; it goes on")


def _ticker(live: Services, relay: _DemandRelay, heap: Heap) -> Callable[[], None]:
    def phase() -> tuple[str, int, str]:
        now = live.hours.view()
        return now.session, now.until_ms, now.following

    known = phase()

    def tick() -> None:
        nonlocal known
        logs.catch_up()
        live.demand.sweep()
        relay.refresh()
        heap.tick()
        live.clients.tick()
        live.market.look(live.feed.subscribed)
        now = phase()
        if now != known:
            known = now
            live.hub.send_status()

    return tick
