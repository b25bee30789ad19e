"""The hub: hands every change to every client that wants it, in one synchronous run.

Called on the event loop only. A change is encoded and framed once (``publish``), waits for the
next flush, and is then written to each client whose symbols it belongs to. Clients with equal
sets of symbols form a ``Group``, whose bytes are joined once. Nothing here awaits anybody: a slow
client is conflated by its ``Sink`` and closed when it stays slow, and costs the others nothing.

Flush: when ``Flusher`` says, which has the one timer of all channels.

Order: before a client's wishes change, and before any answer, it is written what is pending for it;
so after ``seq`` n in a snapshot it gets n+1 next. That costs nobody else anything. Updates leave in
the order of the tape, across symbols too.

Bounds: pending frames are those of one flush, which comes early when there are many; a client's
memory is its subscriptions. It never reads a socket, never looks at the book except through
``quote``, and never decides what is wanted upstream: that is ``Demand``, told by ``Subscriber``s
coming and going.
"""

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Mapping

from photon_app import disconnect
from photon_app.calendar.hours import Hours
from photon_app.calendar.session import market_of
from photon_app.errors import RequestError
from photon_app.hub import messages
from photon_app.hub.channels.bars import BarsChannel, Key
from photon_app.hub.channels.outboxes import Outboxes
from photon_app.hub.channels.paced import Pacing
from photon_app.hub.clients import Channel, Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames, frame
from photon_app.hub.registry import Registry, Subscriber, Topic
from photon_app.hub.sink import Missed, Sink
from photon_app.hub.status import MarketState, Status
from photon_app.model import (
    FLOWING,
    TIMEFRAMES,
    Change,
    Counted,
    EpochBegan,
    FeedStatus,
    MarketFact,
    MarketSession,
    Rejected,
    SourcesChanged,
    StatusChanged,
    SymbolState,
)

log = logging.getLogger(__name__)

BEATS = 15
"""Turns in one round of heartbeats: a fifteenth of the clients each."""
SESSIONS_A_TICK = 200
"""Symbols whose new session is told in one second."""


class Hub(Channel[Subscriber]):
    """Subscriptions and fan-out of one process; a ``model.Listener``."""

    def __init__(
        self,
        market: MarketState,
        hours: Hours,
        *,
        clients: Clients,
        flusher: Flusher,
    ) -> None:
        """Make a hub without clients. It has to be told every fact from the next one on.

        Args:
            market: as it is now, and its prices and bars at any time.
            hours: the market's clock and session.
            clients: the table of all that are connected.
            flusher: says when this is flushed.
        """
        self._quote = market.quote
        self._status = Status(market, hours)
        super().__init__(clients)
        self._flusher = flusher
        self._registry = Registry()
        self._pacing = Pacing(self._registry, clients, market, self._status)
        self._arrived: dict[str, None] = {}
        self.bars = BarsChannel(market.bars, hours, clients, flusher=flusher)
        """The bars channel, for whoever asks what a client has there."""
        self._outboxes = Outboxes()
        self._late: dict[str, None] = {}
        self._sessions: dict[str, MarketSession | None] = {}
        self._another_session: dict[str, None] = {}
        self._beat = 0

    # What the market says

    def hear(self, fact: MarketFact) -> None:
        """Take one fact, and tell it when its time has come."""
        match fact:
            case Change():
                if self._registry.topics:
                    self._hear_change(fact)
            case StatusChanged():
                self._set_feed(fact.status)
            case SourcesChanged():
                self._set_sources(fact.polled, fact.stale)
            case Rejected():
                self.reject(fact.symbol, fact.why)
            case EpochBegan():
                self._begin_epoch(fact.epoch)
            case _:
                pass

    def _hear_change(self, change: Change) -> None:
        """Put what is new into outboxes, and flush now, or when the time has come."""
        if change.polled:
            self._publish_polled(change.polled)
        if change.moved:
            self._publish_moved(change.moved)
        else:
            self._publish(change.counted)
        for symbol in change.figures:
            self._refigure(symbol)
        self._flush_soon()

    def _publish(self, counted: Iterable[Counted]) -> None:
        """New last prices."""
        topics, outboxes = self._registry.topics, self._outboxes
        for trade, _, seq in counted:
            if not seq:
                continue
            symbol = trade.symbol
            topic = topics.get(symbol)
            if topic is None:
                continue
            if topic.groups:
                outboxes.append(symbol, frame(messages.price_update(trade, seq)))
            if topic.paces or topic.waiting:
                self._moved(symbol, topic)

    def _publish_polled(self, symbol: str) -> None:
        """A new last price that came from asking."""
        topic, quote = self._registry.topics.get(symbol), self._quote(symbol)
        if topic is None or quote is None:
            return
        if topic.groups:
            self._outboxes.append(symbol, frame(messages.polled_update(quote)))
        self._moved(symbol, topic)

    def _publish_moved(self, symbols: Iterable[str]) -> None:
        """Symbols that moved on by many prices, of which the newest alone is told."""
        for symbol in symbols:
            topic = self._registry.topics.get(symbol)
            if topic is None or self._quote(symbol) is None:
                continue
            if topic.groups:
                self._late[symbol] = None
            self._moved(symbol, topic)

    def _refigure(self, symbol: str) -> None:
        """Day figures changed without a new price."""
        topic = self._registry.topics.get(symbol)
        if topic is None:
            return
        if topic.groups:
            self._late[symbol] = None
        if topic.paces:
            self._pacing.refigure(symbol)

    def _flush_soon(self) -> None:
        if self._outboxes.full:
            self.flush()
        elif self._outboxes or self._late or self._pacing:
            self._flusher.soon(self)

    def _set_feed(self, status: FeedStatus) -> None:
        """The feed's state changed; everyone is told."""
        flowed = self.feed.state in FLOWING
        self._status.feed = status
        self.flush()
        if flowed == (status.state in FLOWING):
            self.tell_status()
        else:
            self.tell_status(self._status.states)

    def _set_sources(self, polled: frozenset[str], stale: frozenset[str]) -> None:
        """Who holds a symbol whose state changed is told."""
        moved = (polled ^ self._status.polled) | (stale ^ self._status.stale)
        before = self._status.states(sorted(moved))
        self._status.polled, self._status.stale = polled, stale
        changed = {s: now for s in before if (now := self._status.state(s)) != before[s]}
        if changed:
            self.flush()
            self._tell_states(changed)

    def _begin_epoch(self, epoch: str) -> None:
        """The market starts anew; its book forgets right behind this."""
        self.flush()
        self._pacing.clear()
        self._arrived.clear()
        self.bars.begin_anew()
        self._status.epoch = epoch
        for topic in self._registry.topics.values():
            topic.waiting = True
        for client in self._clients.of(self):
            if client.sink.missed is not None:
                client.sink.missed.symbols.clear()
        self.tell_status(lambda symbols: dict.fromkeys(symbols, "waiting"))

    def reject(self, symbol: str, why: RequestError | None = None) -> None:
        """Nobody can have this symbol: clients are told, and it leaves their subscriptions.

        Args:
            symbol: which.
            why: the reason; without one, that upstream has no such symbol.
        """
        topic = self._registry.topics.get(symbol)
        holders = dict.fromkeys(() if topic is None else topic.holders())
        holders.update(dict.fromkeys(self.bars.clients_of(symbol)))
        if not holders:
            return
        self.flush()
        told = self._status.status({symbol: "rejected"})
        reason = None if why is None else Frames.of(messages.error(why, None))
        for client in holders:
            if reason is not None:
                self._clients.guard(client, client.sink.tell, reason)
            self._clients.guard(client, client.sink.tell, told)
            if client.sink.missed is not None:
                client.sink.missed.rejected.add(symbol)
            self.unsubscribe(client, [symbol])
            self.unsubscribe_bars(client, [Key(symbol, timeframe) for timeframe in TIMEFRAMES])

    # What the client side calls

    @property
    def feed(self) -> FeedStatus:
        """The feed's newest status."""
        return self._status.feed

    @property
    def epoch(self) -> str:
        """What clients are told to tell one market from the next."""
        return self._status.epoch

    def state(self, symbol: str) -> SymbolState:
        """How far the price of a symbol can be trusted to be the newest."""
        return self._status.state(symbol)

    @property
    def clients(self) -> int:
        """How many clients are registered."""
        return self._clients.count(self)

    @property
    def subscribed(self) -> int:
        """How many distinct symbols clients hold."""
        return len(self._registry.topics)

    def join(self, sink: Sink, address: str | None = None) -> Subscriber:
        """Register a client and greet it: ``connection``, then the full ``status``.

        Args:
            sink: its outbox.
            address: whose it is (``gateway.address``), as far as that is known.
        """
        client = Subscriber(sink, self._beat, address)
        sink.catch_up_with(lambda: self._missed_by(client))
        self._clients.join(client, self, self._status.greeting(client.id))
        return client

    def left(self, client: Subscriber) -> None:
        """See ``Channel``."""
        self._remove(client, client.symbols)
        self.bars.leave(client)

    def last_words(self) -> Frames:
        """See ``Channel``."""
        self.flush()
        return Frames.of(messages.shutdown(disconnect.RETRY_AFTER_MS))

    def subscribe(self, client: Subscriber, symbols: Iterable[str], interval_s: float) -> None:
        """Add symbols that the caller has ``hold`` for (once each, only the new ones), or change
        the pace of those that the client has already.
        """
        self._settle(client)
        if client.sink.missed is not None:  # an answer of a new epoch must not come before it
            client.sink.send(self._missed_status(client, client.sink.missed))
        symbols = list(symbols)
        now_s = self._flusher.now_s()
        every = set(client.every)
        for symbol in symbols:
            client.order[symbol] = None
            self._registry.unpace(client, symbol)
            if interval_s > 0:
                every.discard(symbol)
                share = self._pacing.share(symbol, interval_s, now_s)
                self._registry.pace(client, symbol, interval_s, share)
            else:
                every.add(symbol)
        self._registry.regroup(client, frozenset(every), len(self._outboxes))
        for symbol in symbols:
            self._registry.topics[symbol].waiting = self._quote(symbol) is None
        self._clients.wake()

    def unsubscribe(self, client: Subscriber, symbols: Iterable[str]) -> list[str]:
        """Remove symbols and their holds; those that the client has not are passed over.

        Returns:
            The symbols removed.
        """
        gone = [symbol for symbol in dict.fromkeys(symbols) if symbol in client.order]
        if gone:
            self._settle(client)
            self._remove(client, gone)
        return gone

    def unsubscribe_bars(self, client: Subscriber, keys: Iterable[Key]) -> list[Key]:
        """Remove bars and their holds, as ``unsubscribe`` does; returns those removed."""
        gone = self.bars.unsubscribe(client, keys)
        for key in gone:
            self._clients.release(client, key.symbol)
        return gone

    def answer(self, client: Subscriber, frames: Frames) -> None:
        """Write an answer, behind what is pending for the client."""
        self._settle(client)
        client.sink.send(frames)

    def welcome(self, client: Subscriber, symbols: Iterable[str]) -> None:
        """Snapshots of what was just subscribed, and the state of what has no price yet."""
        symbols = list(symbols)
        for symbol in symbols:
            client.sink.forget(symbol)
        client.sink.send(self._status.snapshots(symbols))
        states = self._status.states(s for s in symbols if self._quote(s) is None)
        if states:
            client.sink.send(self._status.status(states))

    def welcome_bars(self, client: Subscriber, keys: Iterable[Key]) -> None:
        """The newest bar of what was just subscribed."""
        frames = self.bars.newest(keys)
        if frames:
            self.answer(client, frames)

    # Time

    def flush(self) -> None:
        """Write what is pending. Safe to call at any time."""
        self._flusher.begin(self)
        now_s = self._flusher.now_s()
        pending = bool(self._outboxes or self._late)
        if pending or self._pacing:
            self._flusher.written(self)
        if pending:
            self._flush_groups()
        if self._pacing.flush(now_s):
            self._flusher.written(self)
        self._await_pacing()
        if self._arrived:
            arrived, self._arrived = self._arrived, {}
            self._tell_states(self._status.states(arrived))

    def tick(self) -> None:
        """Once a second: tell the symbols whose session is another now."""
        before, self._sessions = self._sessions, self._status.sessions(self._registry.topics)
        if self._sessions != before:
            for symbol in self._registry.topics:
                market = market_of(symbol)
                if self._sessions[market] != before.get(market, self._sessions[market]):
                    self._another_session[symbol] = None
        for symbol in list(itertools.islice(self._another_session, SESSIONS_A_TICK)):
            del self._another_session[symbol]
            self._refigure(symbol)
        self._flush_soon()

    def heartbeat(self, wall_ms: int) -> None:
        """The next of ``BEATS`` turns: tell its clients that the line lives. A client is told once
        in a round, first a whole round after it came.
        """
        self.flush()
        self._beat = (self._beat + 1) % BEATS
        frames = self._status.heartbeat(wall_ms)
        for client in self._clients.of(self):
            if client.beat == self._beat and not client.sink.congested:
                self._clients.guard(client, client.sink.send, frames)

    def tell_status(
        self,
        states: Callable[[Iterable[str]], Mapping[str, SymbolState]] = lambda _: {},
    ) -> None:
        """Send ``status`` to everyone, with the given states of each client's own symbols; equal
        sets of symbols share their bytes.
        """
        made: dict[tuple[str, ...], Frames] = {}
        for client in self._clients.of(self):
            symbols = client.symbols
            frames = made.get(symbols)
            if frames is None:
                frames = made[symbols] = self._status.status(states(symbols))
            self._clients.guard(client, client.sink.tell, frames)

    # Inside

    def _moved(self, symbol: str, topic: Topic) -> None:
        """A symbol has a new price, for those who are not told by every price."""
        if topic.paces:
            self._pacing.move(symbol)
        if topic.waiting:
            topic.waiting = False
            self._arrived[symbol] = None
            if (quote := self._quote(symbol)) is not None and quote.prev_close is not None:
                self._refigure(symbol)  # a figure that no trade tells, and no snapshot has told

    def _flush_groups(self) -> None:
        outboxes, self._outboxes = self._outboxes, Outboxes()
        late, self._late = self._late, {}
        for symbol in late:
            if (quote := self._quote(symbol)) is not None:
                outboxes.append(symbol, self._status.snapshot(quote))
        moved = outboxes.symbols
        broken: list[tuple[Subscriber, Exception]] = []
        for group in self._registry.groups_of(moved):
            wanted = moved & group.symbols
            frames = outboxes.frames_of(wanted, group.since)
            joined = frames.joined
            for sink in group.members.values():  # once a client and flush: nothing else is called
                try:
                    if sink.put is not None:
                        sink.put(joined)
                    else:
                        sink.offer(frames, wanted)
                except Exception as fault:  # noqa: BLE001 - whatever it is
                    broken += [(one, fault) for one, its in group.members.items() if its is sink]
        self._registry.reunite()
        for client, why in broken:
            self._clients.failed(client, why)

    def _settle(self, client: Subscriber) -> None:
        """Write what is pending for one client, and for nobody else.

        Each change of what a client wants begins with this. A flush for everybody instead would let
        a thousand clients that come back at once cost a thousand flushes.
        """
        group, pending = client.group, len(self._outboxes)
        if group is None or group.since == pending:
            return
        wanted = self._outboxes.among(group.symbols)
        frames = self._outboxes.frames_of(wanted, group.since)
        if frames:
            client.sink.offer(frames, wanted)
            self._registry.regroup(client, group.symbols, pending)

    def _remove(self, client: Subscriber, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            del client.order[symbol]
            client.sink.forget(symbol)
            self._registry.unpace(client, symbol)
            self._clients.release(client, symbol)
        self._registry.regroup(client, client.every.difference(symbols), len(self._outboxes))
        self._clients.wake()

    def _await_pacing(self) -> None:
        """Come back when the next interval client is due; those of one flush interval together."""
        if self._pacing.next_s < math.inf:
            self._flusher.at(self, max(self._pacing.next_s, self._flusher.next_s(self)))

    def _missed_by(self, client: Subscriber) -> Frames:
        """The newest of everything that a client missed, what is pending included: it is congested
        still, so settling adds to what it missed.
        """
        self._settle(client)
        missed = client.sink.missed
        assert missed is not None, "asked while it is congested"
        missed.symbols |= self._pacing.first_prices(client)  # the status below calls them live
        told = self._missed_status(client, missed)
        prices = self._status.snapshots(s for s in client.order if s in missed.symbols)
        self._pacing.caught_up(client, missed.symbols, self._flusher.now_s())
        self._clients.wake()
        return Frames([*told.each, *prices.each, *map(frame, self.bars.missed_by(client))])

    def _missed_status(self, client: Subscriber, missed: Missed) -> Frames:
        """What a congested client was not told of feed, epoch and its symbols."""
        if not missed.status:
            return Frames(())
        states: dict[str, SymbolState] = dict.fromkeys(missed.rejected, "rejected")
        states.update(self._status.states(client.order))
        missed.status = False
        missed.rejected.clear()
        return self._status.status(states)

    def _tell_states(self, states: Mapping[str, SymbolState]) -> None:
        """Tell each client the states of its own symbols among these."""
        own: dict[Subscriber, list[str]] = {}
        for symbol in states:
            topic = self._registry.topics.get(symbol)
            for client in topic.holders() if topic is not None else ():
                own.setdefault(client, []).append(symbol)
        made: dict[tuple[str, ...], Frames] = {}
        for client, symbols in own.items():
            key = tuple(symbols)
            if key not in made:
                made[key] = self._status.status({symbol: states[symbol] for symbol in key})
            self._clients.guard(client, client.sink.tell, made[key])
