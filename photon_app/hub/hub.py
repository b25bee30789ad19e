"""The hub: hands every change to every client that wants it, in one synchronous run.

Called on the event loop only. A change is encoded and framed once (``publish``), waits for the
next flush, and is then written to each client whose symbols it belongs to. Clients with equal
sets of symbols form a ``Group``, whose bytes are joined once. Nothing here awaits anybody: a slow
client is conflated by its ``Sink`` and closed when it stays slow, and costs the others nothing.

Flush: at once when the last one is at least ``flush_s`` ago, else when it will be. An idle market
therefore costs nothing, and a lone trade is not held back.

Order: membership changes only between flushes, so a client that is told ``seq`` n in a snapshot
gets n+1 next. Updates leave in the order of the tape, across symbols too.

Bounds: pending frames are those of one flush; a client's memory is its subscriptions. It never
reads a socket, never looks at the book except through ``quote``, and never decides what is wanted
upstream: that is ``Demand``, told by ``Subscriber``s coming and going.
"""

import asyncio
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from photon_app.hub import messages
from photon_app.hub.demand import Demand
from photon_app.hub.frames import Frames, frame
from photon_app.hub.messages import MarketView
from photon_app.hub.registry import Pace, Registry, Subscriber
from photon_app.hub.sink import SLOW_CLIENT, Sink
from photon_app.model import FLOWING, FeedStatus, Quote, SymbolState, Trade


class Timer(Protocol):
    """A pending call that can be taken back."""

    def cancel(self) -> None:
        """Take the call back."""


class Loop(Protocol):
    """What the hub needs of an event loop."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back after so many seconds."""
        ...


class Hub:
    """Subscriptions and fan-out of one process."""

    def __init__(
        self,
        *,
        quote: Callable[[str], Quote | None],
        demand: Demand,
        market: Callable[[], MarketView],
        feed: FeedStatus,
        loop: Loop,
        flush_s: float = 0.02,
        slow_s: float = 10.0,
    ) -> None:
        """Make a hub without clients.

        Args:
            quote: the newest price of a symbol.
            demand: where holds on symbols are counted.
            market: the market's clock and session now.
            feed: the feed's first status.
            loop: clock and timer.
            flush_s: the shortest time between two flushes.
            slow_s: how long a client may stay congested before it is closed with 4008.
        """
        self._quote = quote
        self._demand = demand
        self._market = market
        self._loop = loop
        self._flush_s = flush_s
        self._slow_s = slow_s
        self.feed = feed
        self.epoch = uuid.uuid4().hex
        self._registry = Registry()
        self._arrived: dict[str, None] = {}
        self._pending: list[tuple[str, bytes]] = []
        self._late: dict[str, None] = {}
        self._paced_dirty: dict[tuple[Subscriber, str], Pace] = {}
        self._last_flush_s = -1.0
        self._timer: Timer | None = None
        self._paced_timer: Timer | None = None
        self._relief: set[asyncio.Event] = set()

    # What the feed side calls

    def publish(self, trade: Trade, seq: int) -> None:
        """A new last price; to be followed by ``changed`` at the end of the upstream frame."""
        symbol = trade.symbol
        topic = self._registry.topics.get(symbol)
        if topic is None:
            return
        if topic.groups:
            self._pending.append((symbol, frame(messages.price_update(trade, seq))))
        if topic.paced:
            for client, pace in topic.paced.items():
                self._paced_dirty[client, symbol] = pace
        if topic.waiting:
            topic.waiting = False
            self._arrived[symbol] = None
            if (quote := self._quote(symbol)) is not None and quote.prev_close is not None:
                self.refigure(symbol)  # a figure that no trade tells, and no snapshot has told

    def refigure(self, symbol: str) -> None:
        """Day figures changed without a new price."""
        topic = self._registry.topics.get(symbol)
        if topic is None:
            return
        if topic.groups:
            self._late[symbol] = None
        for client, pace in topic.paced.items():
            pace.refigured = True
            self._paced_dirty[client, symbol] = pace

    def changed(self) -> None:
        """The frame is applied: flush now, or when the time has come."""
        if self._timer is not None or not (self._pending or self._late or self._paced_dirty):
            return
        wait_s = self._last_flush_s + self._flush_s - self._loop.time()
        if wait_s <= 0:
            self.flush()
        else:
            self._timer = self._loop.call_later(wait_s, self.flush)

    def set_feed(self, status: FeedStatus) -> None:
        """The feed's state changed; everyone is told."""
        flowed = self.feed.state in FLOWING
        self.feed = status
        self.flush()
        if flowed == (status.state in FLOWING):
            self.tell_status()
        else:
            self.tell_status(lambda symbols: {s: self.state(s) for s in symbols})

    def new_epoch(self) -> None:
        """The market starts anew. Call it after the book forgot its prices."""
        self._cut()
        self._arrived.clear()
        self.epoch = uuid.uuid4().hex
        for topic in self._registry.topics.values():
            topic.waiting = True
        for client in self._registry.clients:
            client.sink.take_missed()
            for pace in client.paced.values():
                pace.seq = 0
        self.tell_status(lambda symbols: dict.fromkeys(symbols, "waiting"))

    def reject(self, symbol: str) -> None:
        """Upstream has no such symbol: clients are told, and it leaves their subscriptions."""
        self.flush()
        holders = [client for client in self._registry.clients if symbol in client.order]
        for client in holders:
            client.sink.send(self._status({symbol: "rejected"}))
            self.unsubscribe(client, [symbol])

    # What the client side calls

    @property
    def clients(self) -> int:
        """How many clients are registered."""
        return len(self._registry.clients)

    @property
    def subscribed(self) -> int:
        """How many distinct symbols clients hold."""
        return len(self._registry.topics)

    def join(self, sink: Sink) -> Subscriber:
        """Register a client and greet it: ``connection``, then the full ``status``."""
        client = Subscriber(sink)
        sink.catch_up_with(lambda: self._missed_by(client))
        self._registry.clients[client] = None
        sink.send(Frames.of(messages.connection(client.id, self.epoch, self.feed.state)))
        sink.send(self._status({}))
        return client

    def leave(self, client: Subscriber) -> None:
        """The client is gone; its holds are released."""
        self._registry.clients.pop(client, None)
        self.unsubscribe(client, client.symbols)
        self._wake()

    def hold(self, symbol: str) -> bool:
        """Want a symbol upstream; false when the process holds as many as it may."""
        return self._demand.hold(symbol)

    def subscribe(self, client: Subscriber, symbols: Iterable[str], interval_s: float) -> None:
        """Add symbols that the caller has ``hold`` for (once each, only the new ones), or change
        the pace of those that the client has already.
        """
        self.flush()
        symbols = list(symbols)
        every = set(client.every)
        for symbol in symbols:
            client.order[symbol] = None
            self._unpace(client, symbol)
            if interval_s > 0:
                every.discard(symbol)
                self._registry.pace(client, symbol, self._new_pace(symbol, interval_s))
            else:
                every.add(symbol)
        self._registry.regroup(client, frozenset(every))
        for symbol in symbols:
            self._registry.topics[symbol].waiting = self._quote(symbol) is None

    def unsubscribe(self, client: Subscriber, symbols: Iterable[str]) -> list[str]:
        """Remove symbols and their holds; those that the client has not are passed over.

        Returns:
            The symbols removed.
        """
        gone = [symbol for symbol in dict.fromkeys(symbols) if symbol in client.order]
        if not gone:
            return gone
        self.flush()
        for symbol in gone:
            del client.order[symbol]
            client.sink.forget(symbol)
            self._unpace(client, symbol)
            self._demand.release(symbol)
        self._registry.regroup(client, client.every.difference(gone))
        return gone

    def snapshots(self, symbols: Iterable[str]) -> Frames:
        """The snapshot form of each symbol with a known price."""
        quotes = [quote for symbol in symbols if (quote := self._quote(symbol)) is not None]
        return Frames([self._snapshot(quote) for quote in quotes])

    def welcome(self, client: Subscriber, symbols: Iterable[str]) -> None:
        """Snapshots of what was just subscribed, and the state of what has no price yet."""
        symbols = list(symbols)
        client.sink.send(self.snapshots(symbols))
        states = {s: self.state(s) for s in symbols if self._quote(s) is None}
        if states:
            client.sink.send(self._status(states))

    def state(self, symbol: str) -> SymbolState:
        """How far the price of a symbol can be trusted to be the newest."""
        return "waiting" if self._quote(symbol) is None else self._state_with_price()

    # Time

    def flush(self) -> None:
        """Write what is pending. Safe to call at any time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending or self._late:
            self._last_flush_s = self._loop.time()
            self._flush_groups()
        if self._paced_dirty:
            self._last_flush_s = self._loop.time()
            self._flush_paced()
        if self._arrived:
            arrived, self._arrived = self._arrived, {}
            self._tell_states({symbol: self.state(symbol) for symbol in arrived})

    def tick(self) -> None:
        """Once a second: close clients that have been slow for too long."""
        for client in list(self._registry.clients):
            if client.sink.congested_for_s() >= self._slow_s:
                client.sink.close(SLOW_CLIENT, "too slow: reconnect for a fresh snapshot")

    def heartbeat(self, wall_ms: int) -> None:
        """Tell every client that the line lives."""
        self.flush()
        frames = Frames.of(messages.heartbeat(wall_ms, self._market().now_ms))
        for client in self._registry.clients:
            if not client.sink.congested:
                client.sink.send(frames)

    def tell_status(
        self,
        states: Callable[[Iterable[str]], Mapping[str, SymbolState]] = lambda _: {},
    ) -> None:
        """Send ``status`` to everyone, with the given states of each client's own symbols; equal
        sets of symbols share their bytes.
        """
        made: dict[tuple[str, ...], Frames] = {}
        for client in self._registry.clients:
            frames = made.get(client.symbols)
            if frames is None:
                frames = made[client.symbols] = self._status(states(client.symbols))
            client.sink.send(frames)

    async def relief(self) -> None:
        """Return once no every-trade client is congested.

        Whoever calls this before each frame never makes such a client miss a trade: only a write
        can congest a client, and every write is preceded by a flush.
        """
        while any(client.sink.congested and client.every for client in self._registry.clients):
            event = asyncio.Event()
            self._relief.add(event)
            try:
                await event.wait()
            finally:
                self._relief.discard(event)

    def shutdown(self, code: int, reason: str, retry_after_ms: int) -> None:
        """Tell every client that the server goes, and close."""
        self._cut()
        frames = Frames.of(messages.shutdown(retry_after_ms))
        for client in list(self._registry.clients):
            client.sink.send(frames)
            client.sink.close(code, reason)

    # Inside

    def _cut(self) -> None:
        """Flush, and drop what paced clients still had coming."""
        self.flush()
        self._paced_dirty.clear()

    def _flush_groups(self) -> None:
        pending, self._pending = self._pending, []
        late, self._late = self._late, {}
        for symbol in late:
            if (quote := self._quote(symbol)) is not None:
                pending.append((symbol, self._snapshot(quote)))
        touched = {symbol for symbol, _ in pending}
        whole = Frames([framed for _, framed in pending])
        for group in self._registry.groups_of(touched):
            wanted = touched & group.symbols
            frames = (
                whole
                if len(wanted) == len(touched)
                else Frames([framed for symbol, framed in pending if symbol in wanted])
            )
            for client in group.members:
                client.sink.offer(frames, wanted)

    def _flush_paced(self) -> None:
        now_s = self._loop.time()
        next_s = math.inf
        for (client, symbol), pace in list(self._paced_dirty.items()):
            if pace.due_s > now_s:
                next_s = min(next_s, pace.due_s)
                continue
            del self._paced_dirty[client, symbol]
            pace.due_s = now_s + pace.interval_s
            self._offer_one(client, symbol, pace)
        if self._paced_timer is not None:
            self._paced_timer.cancel()
            self._paced_timer = None
        if next_s < math.inf:
            self._paced_timer = self._loop.call_later(next_s - now_s, self.flush)

    def _offer_one(self, client: Subscriber, symbol: str, pace: Pace) -> None:
        """The newest price to one paced client."""
        quote = self._quote(symbol)
        if quote is None:
            return
        if client.sink.congested:
            client.sink.miss(symbol)
            return
        if quote.seq == pace.seq + 1 and not pace.refigured:
            trade = Trade(
                symbol=symbol, price=quote.price, volume=quote.volume, time_ms=quote.time_ms
            )
            framed = frame(messages.price_update(trade, quote.seq))
        else:
            framed = self._snapshot(quote)
        pace.seq = quote.seq
        pace.refigured = False
        client.sink.send(Frames([framed]))

    def _missed_by(self, client: Subscriber) -> Frames:
        """The newest price of everything that a client missed, what is pending included: it is
        congested still, so the flush adds to what it missed.
        """
        self.flush()
        missed = client.sink.take_missed()
        for symbol in missed & client.paced.keys():
            client.paced[symbol].seq = quote.seq if (quote := self._quote(symbol)) else 0
        self._wake()
        return self.snapshots(s for s in client.order if s in missed)

    def _wake(self) -> None:
        for event in self._relief:
            event.set()

    def _tell_states(self, states: Mapping[str, SymbolState]) -> None:
        """Tell each client the states of its own symbols among these."""
        made: dict[tuple[str, ...], Frames] = {}
        for client in self._registry.clients:
            own = tuple(symbol for symbol in states if symbol in client.order)
            if own and own not in made:
                made[own] = self._status({symbol: states[symbol] for symbol in own})
            if own:
                client.sink.send(made[own])

    def _status(self, symbols: Mapping[str, SymbolState]) -> Frames:
        return Frames.of(messages.status(self.feed, self._market(), self.epoch, symbols))

    def _state_with_price(self) -> SymbolState:
        return "live" if self.feed.state in FLOWING else "stale"

    def _snapshot(self, quote: Quote) -> bytes:
        return frame(messages.snapshot(quote, self._market().session, self._state_with_price()))

    def _new_pace(self, symbol: str, interval_s: float) -> Pace:
        """A first price is due at once; after a snapshot, when the interval is over."""
        now_s, quote = self._loop.time(), self._quote(symbol)
        if quote is None:
            return Pace(interval_s, now_s, 0)
        return Pace(interval_s, now_s + interval_s, quote.seq)

    def _unpace(self, client: Subscriber, symbol: str) -> None:
        self._paced_dirty.pop((client, symbol), None)
        self._registry.unpace(client, symbol)
