"""The hub: delivers every change to every client that wants it, in one synchronous run.

Called on the event loop only. A change is encoded and framed once, waits for the next flush, and
is then written to each client that is subscribed to its symbol. Clients with equal sets of symbols
and equal ``Form`` make a ``Group``, whose bytes are joined once. Nothing here awaits a client: a
slow one is conflated by its ``Sink``, is closed when it stays slow, and does not delay the others.

Flush: ``Flusher`` decides when. It has the one timer of all channels. Batches leave less often
than events: in a busy market once in its longest interval.

Order: the updates pending for a client are written before its subscriptions change and before any
answer, so that after a snapshot with ``seq`` n the client gets n+1 next. Other clients are not
flushed. Updates are sent in the order of the tape, across symbols too.

A client that comes back gets the updates that it missed, from the journal (``hub.resuming``).

Bounds: the pending frames are those of one flush, which happens early when there are many. The
memory of a client is bounded by its subscriptions. The hub never reads a socket, reads the book
only through ``quote``, and does not decide what is wanted upstream: ``Demand`` does, from the holds
of ``Subscriber``s.
"""

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from photon_app import disconnect
from photon_app.calendar.hours import Hours
from photon_app.calendar.session import market_of
from photon_app.errors import RequestError
from photon_app.hub import messages
from photon_app.hub.channels.bars import BarsChannel, Key
from photon_app.hub.channels.every import EveryTrade
from photon_app.hub.channels.paced import Pacing
from photon_app.hub.clients import Channel, Clients
from photon_app.hub.deflate import Deflater
from photon_app.hub.flusher import Flusher
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.frames import Frames, frame
from photon_app.hub.journal import Journal
from photon_app.hub.registry import Registry, Subscriber, Topic
from photon_app.hub.resuming import RELEASED_BYTES, Resuming
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
"""Ticks in one round of heartbeats: each tick serves a fifteenth of the clients."""
SESSIONS_A_TICK = 200
"""Symbols whose new session is sent per second."""
_NOTHING = Frames(())


class Hub(Channel[Subscriber]):
    """Subscriptions and fan-out of one process; a ``model.Listener``."""

    def __init__(
        self,
        market: MarketState,
        hours: Hours,
        *,
        clients: Clients,
        flusher: Flusher,
        journal: Journal | None = None,
    ) -> None:
        """Make a hub without clients. It must ``hear`` every fact from now on.

        Args:
            market: its current state; its prices and bars are read at any time.
            hours: the market's clock and session.
            clients: the table of all connected clients.
            flusher: decides when the hub is flushed.
            journal: where the newest updates are kept. Symbols that are not wanted any more must
                be dropped from it.
        """
        self._quote = market.quote
        self._status = Status(market, hours)
        super().__init__(clients)
        self._flusher = flusher
        self._registry = Registry()
        self._every = EveryTrade(self._registry, clients, flusher)
        self._pacing = Pacing(self._registry, market, self._status)
        self._journal = Journal() if journal is None else journal
        self._resuming = Resuming(
            self._journal,
            clients,
            market,
            self._status,
            flusher=flusher,
            settle=self._every.settle,
        )
        self._arrived: dict[str, None] = {}
        self.bars = BarsChannel(market.bars, hours, clients, flusher=flusher)
        """The bars channel; sessions read a client's bar subscriptions from it."""
        self.deflater = Deflater(flusher)
        """Compresses for the clients that negotiated it."""
        self._snapshots_due: dict[str, None] = {}
        self._sessions: dict[str, MarketSession | None] = {}
        self._session_changed: dict[str, None] = {}
        self._beat = 0

    # What the market says

    def hear(self, fact: MarketFact) -> None:
        """Take one fact; clients get it now or with the next flush."""
        match fact:
            case Change():
                if self._registry.topics or self._journal:
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
        """Put the updates into outboxes, and flush now or when the next flush is due."""
        if change.polled:
            self._publish_polled(change.polled)
        if change.moved:
            self._publish_moved(change.moved)
        else:
            self._publish(change.counted)
        for symbol in change.figures:
            self._figures_changed(symbol)
        self._flush_soon()

    def _publish(self, counted: Iterable[Counted]) -> None:
        """New last prices."""
        topics, tracks = self._registry.topics, self._journal.tracks
        every = self._every
        for trade, _, seq in counted:
            if not seq:
                continue
            symbol = trade.symbol
            track, topic = tracks.get(symbol), topics.get(symbol)
            if track is not None:
                framed = frame(messages.price_update(trade, seq))
                every.append(symbol, framed, topic)
                if seq == track.next:  # hot: as ``append``, without its call
                    track.frames.append(framed)
                    track.next = seq + 1
                else:
                    track.append(seq, framed)
            if topic is not None and (topic.paces or topic.waiting):
                self._moved(symbol, topic)

    def _publish_polled(self, symbol: str) -> None:
        """A new last price that came from polling."""
        track, quote = self._journal.tracks.get(symbol), self._quote(symbol)
        topic = self._registry.topics.get(symbol)
        if quote is None:
            return
        if track is not None:
            framed = frame(messages.polled_update(quote))
            self._every.append(symbol, framed, topic)
            track.append(quote.seq, framed)
        if topic is not None:
            self._moved(symbol, topic)

    def _publish_moved(self, symbols: Iterable[str]) -> None:
        """Symbols with many new prices at once, of which only the newest is sent."""
        for symbol in symbols:
            track, quote = self._journal.tracks.get(symbol), self._quote(symbol)
            if quote is None:
                continue
            if track is not None:
                track.cut(quote.seq)
                self._snapshots_due[symbol] = None
            if (topic := self._registry.topics.get(symbol)) is not None:
                self._moved(symbol, topic)

    def _figures_changed(self, symbol: str) -> None:
        """Day figures changed without a new price."""
        if symbol in self._journal.tracks:
            self._snapshots_due[symbol] = None
        topic = self._registry.topics.get(symbol)
        if topic is not None and topic.paces:
            self._pacing.figures_changed(symbol)

    def _flush_soon(self) -> None:
        every = self._every
        if every.full:
            self._flush(everything=True)
        elif every or self._snapshots_due or self._pacing:
            if self._registry.has_events or every.batches_s <= self._flusher.now_s():
                self._flusher.soon(self, least=every.least_part)
            else:
                self._flusher.at(self, every.batches_s)

    def _set_feed(self, status: FeedStatus) -> None:
        """The feed's state changed; every client is sent a status."""
        flowed = self.feed.state in FLOWING
        self._status.feed = status
        self._flush(everything=True)
        if flowed == (status.state in FLOWING):
            self.send_status()
        else:
            self.send_status(self._status.states)

    def _set_sources(self, polled: frozenset[str], stale: frozenset[str]) -> None:
        """Send a status to the clients of each symbol whose state changed."""
        moved = (polled ^ self._status.polled) | (stale ^ self._status.stale)
        before = self._status.states(sorted(moved))
        self._status.polled, self._status.stale = polled, stale
        changed = {s: now for s in before if (now := self._status.state(s)) != before[s]}
        if changed:
            self._flush(everything=True)
            self._send_states(changed)

    def _begin_epoch(self, epoch: str) -> None:
        """The market starts a new epoch; its book is cleared right after this call."""
        self._flush(everything=True)
        self._resuming.end_all()
        self._journal.new_epoch()
        self._pacing.clear()
        self._arrived.clear()
        self.bars.reset()
        self._status.epoch = epoch
        for topic in self._registry.topics.values():
            topic.waiting = True
        for client in self._clients.of(self):
            if client.sink.missed is not None:
                client.sink.missed.symbols.clear()
        self.send_status(lambda symbols: dict.fromkeys(symbols, "waiting"))

    def reject(self, symbol: str, why: RequestError | None = None) -> None:
        """A symbol cannot be served: its clients are notified, and it leaves their subscriptions.

        Args:
            symbol: which.
            why: the reason; ``None`` means that upstream has no such symbol.
        """
        topic = self._registry.topics.get(symbol)
        holders = dict.fromkeys(() if topic is None else topic.holders())
        holders.update(dict.fromkeys(self.bars.clients_of(symbol)))
        if not holders:
            return
        self._flush(everything=True)
        status = self._status.status({symbol: "rejected"})
        reason = None if why is None else Frames.of(messages.error(why, None))
        for client in holders:
            if reason is not None:
                self._clients.guard(client, client.sink.send_status, reason)
            self._clients.guard(client, client.sink.send_status, status)
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
        """The current epoch, as clients see it."""
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
        """How many distinct symbols clients are subscribed to."""
        return len(self._registry.topics)

    def join(self, sink: Sink, address: str | None = None, form: Form = EVENTS) -> Subscriber:
        """Register a client and greet it: ``connection``, then the full ``status``.

        Args:
            sink: where its frames go.
            address: its address (``gateway.address``), if known.
            form: how its messages look.
        """
        client = Subscriber(sink, self._beat, address, form)
        sink.catch_up_with(lambda: self._missed_by(client))
        self._clients.join(client, self, lambda: self._status.greeting(client.id))
        return client

    def left(self, client: Subscriber) -> None:
        """See ``Channel``."""
        self._resuming.left(client)
        self._remove(client, client.symbols)
        self.bars.leave(client)

    def shutdown_frames(self) -> Frames:
        """See ``Channel``."""
        self._flush(everything=True)
        return Frames.of(messages.shutdown(disconnect.RETRY_AFTER_MS))

    def subscribe(
        self,
        client: Subscriber,
        symbols: Iterable[str],
        interval_s: float,
        since: Mapping[str, int] | None = None,
    ) -> dict[str, int]:
        """Add symbols, or change the interval of those that the client has already. The caller has
        called ``hold`` once for each new symbol, and for no other.

        Args:
            client: which.
            symbols: what it wants.
            interval_s: 0 for every trade, else the newest price at most that often.
            since: if it comes back: the ``seq`` that it had last, by symbol, in this epoch.

        Returns:
            The symbols of which it can get what it missed, with those ``seq``s; for ``welcome``.
        """
        self._every.settle(client)
        if client.sink.missed is not None:  # the status of a new epoch must precede its answers
            client.sink.send(self._missed_status(client, client.sink.missed))
        symbols = list(symbols)
        now_s = self._flusher.now_s()
        every = set(client.every)
        recovered: dict[str, int] = {}
        if since and interval_s <= 0:
            recovered = self._resuming.recovered(client, symbols, since)
        for symbol in symbols:
            client.order[symbol] = None
            self._registry.unpace(client, symbol)
            if interval_s > 0:
                every.discard(symbol)
                share = self._pacing.share(symbol, interval_s, now_s)
                self._registry.pace(client, symbol, interval_s, share)
                self._journal.seen(symbol)
            else:
                every.add(symbol)
                quote = self._quote(symbol)
                self._journal.follow(symbol, 0 if quote is None else quote.seq, now_s)
        self._every.regroup(client, frozenset(every))
        for symbol in symbols:
            topic = self._registry.topics[symbol]
            topic.waiting = topic.waiting and self._quote(symbol) is None
        self._clients.wake()
        return recovered

    def unsubscribe(self, client: Subscriber, symbols: Iterable[str]) -> list[str]:
        """Remove symbols and their holds; symbols that the client does not have are skipped.

        Returns:
            The symbols removed.
        """
        gone = [symbol for symbol in dict.fromkeys(symbols) if symbol in client.order]
        if gone:
            self._every.settle(client)
            self._remove(client, gone)
        return gone

    def unsubscribe_bars(self, client: Subscriber, keys: Iterable[Key]) -> list[Key]:
        """Remove bars and their holds, as ``unsubscribe`` does; returns those removed."""
        gone = self.bars.unsubscribe(client, keys)
        for key in gone:
            self._clients.release(client, key.symbol)
        return gone

    def answer(self, client: Subscriber, frames: Frames) -> None:
        """Write an answer, after the updates that are pending for the client."""
        self._every.settle(client)
        client.sink.send(frames)

    def welcome(
        self,
        client: Subscriber,
        symbols: Iterable[str],
        recovered: Mapping[str, int] | None = None,
        *,
        before: Frames = _NOTHING,
    ) -> None:
        """Send snapshots of symbols just subscribed, or the missed updates of those ``recovered``,
        and then the states that no snapshot has: in one write, unless so much was missed that the
        client is held.

        Args:
            client: who subscribed.
            symbols: what it subscribed to.
            recovered: what ``subscribe`` returned.
            before: is written first: the acknowledgement.
        """
        self._every.settle(client)
        recovered = recovered or {}
        symbols = list(symbols)
        for symbol in symbols:
            client.sink.forget(symbol)
        each: Sequence[bytes] | None = None
        if recovered and not client.sink.congested:
            each = self._resuming.updates(symbols, recovered)
        rest = recovered if each is None else {}
        quotes = {one: self._quote(one) for one in symbols if one not in recovered}
        if each is None:
            each = [self._status.snapshot(quote) for quote in quotes.values() if quote]
        frames = [*before.each, *client.form.prices(Frames(each)).each]
        held = client.cursors is not None or bool(rest)
        if not held:  # else a status comes after all that it missed
            states = self._status.states(one for one in symbols if quotes.get(one) is None)
            frames += self._status.status(states).each if states else ()
        client.sink.send(Frames(frames))
        if held or (recovered and client.sink.unsent_bytes > RELEASED_BYTES):
            self._resuming.add(client, symbols, rest)

    def welcome_bars(self, client: Subscriber, keys: Iterable[Key]) -> None:
        """Send the newest bar of each new bar subscription."""
        frames = self.bars.newest(keys)
        if frames:
            self.answer(client, frames)

    # Time

    def flush(self) -> None:
        """Write what is due. Safe to call at any time."""
        self._flush(everything=bool(self._arrived))

    def _flush(self, *, everything: bool) -> None:
        """Write what is due, or everything that is pending: what follows must come after it."""
        self._flusher.begin(self)
        now_s = self._flusher.now_s()
        every = self._every
        due = every.is_due(now_s) or (everything and every.batches_wait)
        if due or self._snapshots_due or self._pacing.is_due(now_s):
            for_s = self._flusher.write(self, everything=everything, since_s=every.left_s)
            self._journal.note(every.symbols, now_s)
            self._add_snapshots()
            part = every.flush(for_s)
            part_ended_s = self._flusher.now_s()
            every.flush_batches(now_s, everything=everything)
            for client, frames in self._pacing.due(now_s):
                # after the updates of its other symbols, which may wait for the next batch
                self._clients.guard(
                    client, partial(self.answer, client), client.form.prices(frames)
                )
            self._flusher.written(self, for_s, part=part, part_ended_s=part_ended_s)
        self._await_next()
        if self._arrived:
            arrived, self._arrived = self._arrived, {}
            self._send_states(self._status.states(arrived))

    def tick(self) -> None:
        """Once a second: send the symbols whose session has changed, and drop what is too old."""
        topics, now_s = self._registry.topics, self._flusher.now_s()
        self._journal.tick({symbol for symbol, topic in topics.items() if any(topic.groups)}, now_s)
        self._resuming.tick()
        followed = {**dict.fromkeys(topics), **dict.fromkeys(self._journal.tracks)}
        before, self._sessions = self._sessions, self._status.sessions(followed)
        if self._sessions != before:
            for symbol in followed:
                market = market_of(symbol)
                if self._sessions[market] != before.get(market, self._sessions[market]):
                    self._session_changed[symbol] = None
        for symbol in list(itertools.islice(self._session_changed, SESSIONS_A_TICK)):
            del self._session_changed[symbol]
            self._figures_changed(symbol)
        self._flush_soon()

    def heartbeat(self, wall_ms: int) -> None:
        """The next of ``BEATS`` ticks: send a heartbeat to its share of the clients. A client gets
        one per round, the first a whole round after it joined.
        """
        self._beat = (self._beat + 1) % BEATS
        frames = self._status.heartbeat(wall_ms)
        for client in self._clients.of(self):
            if client.beat == self._beat and not client.sink.congested:
                self._clients.guard(client, partial(self.answer, client), frames)

    def send_status(
        self,
        states: Callable[[Iterable[str]], Mapping[str, SymbolState]] = lambda _: {},
    ) -> None:
        """Send ``status`` to every client, with the states of its own symbols; clients with equal
        sets of symbols share the bytes.
        """
        made: dict[tuple[str, ...], Frames] = {}
        for client in self._clients.of(self):
            symbols = client.symbols
            frames = made.get(symbols)
            if frames is None:
                frames = made[symbols] = self._status.status(states(symbols))
            self._clients.guard(client, client.sink.send_status, frames)

    # Inside

    def _moved(self, symbol: str, topic: Topic) -> None:
        """Note a symbol's new price for paced clients, and for those that wait for a first one."""
        if topic.paces:
            self._pacing.move(symbol)
        if topic.waiting:
            topic.waiting = False
            self._arrived[symbol] = None
            if (quote := self._quote(symbol)) is not None and quote.prev_close is not None:
                # A figure that is in no trade, and that no snapshot has carried yet.
                self._figures_changed(symbol)

    def _add_snapshots(self) -> None:
        """Put the snapshots that are due into outboxes."""
        for symbol in list(self._snapshots_due):  # a fault costs this symbol's, and no update
            del self._snapshots_due[symbol]
            if (quote := self._quote(symbol)) is not None:
                topic = self._registry.topics.get(symbol)
                self._every.append(symbol, self._status.snapshot(quote), topic)
                if (track := self._journal.tracks.get(symbol)) is not None:
                    track.figures_changed(quote.seq)

    def _remove(self, client: Subscriber, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            del client.order[symbol]
            client.sink.forget(symbol)
            if client.cursors is not None:
                client.cursors.pop(symbol, None)
            self._registry.unpace(client, symbol)
            self._clients.release(client, symbol)
        self._every.regroup(client, client.every.difference(symbols))
        self._clients.wake()

    def _await_next(self) -> None:
        """Ask for a flush when there is time for what this one left, or the next batches or paced
        prices are due; paced ones within one flush interval leave together.
        """
        if self._every.left_s < math.inf:
            self._flusher.soon(self, since_s=self._every.left_s)
        if self._every.batches_wait:
            self._flusher.at(self, self._every.batches_s)
        if self._pacing.next_s < math.inf:
            self._flusher.at(self, max(self._pacing.next_s, self._flusher.next_s(self)))

    def _missed_by(self, client: Subscriber) -> Frames:
        """The newest of everything that a client missed, pending updates included: it still counts
        as congested, so that ``settle`` adds them to what it missed.
        """
        self._every.settle(client)
        missed = client.sink.missed
        assert missed is not None, "asked while it is congested"
        missed.symbols |= self._pacing.first_prices(client)  # the status below says they are live
        status = self._missed_status(client, missed)
        newest = self._status.snapshots(s for s in client.order if s in missed.symbols)
        prices = client.form.prices(newest)
        self._pacing.caught_up(client, missed.symbols, self._flusher.now_s())
        self._clients.wake()
        return Frames([*status.each, *prices.each, *map(frame, self.bars.missed_by(client))])

    def _missed_status(self, client: Subscriber, missed: Missed) -> Frames:
        """The status of feed, epoch and symbols that a congested client was not sent."""
        if not missed.status:
            return Frames(())
        states: dict[str, SymbolState] = dict.fromkeys(missed.rejected, "rejected")
        states.update(self._status.states(client.order))
        missed.status = False
        missed.rejected.clear()
        return self._status.status(states)

    def _send_states(self, states: Mapping[str, SymbolState]) -> None:
        """Send each client the states of its own symbols among these."""
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
            self._clients.guard(client, client.sink.send_status, made[key])
