"""The prints channel: every trade as upstream sent it, for clients of Finnhub's own protocol.

Called on the event loop only; synchronous, so it waits for no client. ``Hub`` sends what is true
now; this channel repeats what was traded. Each trade of a subscribed symbol is sent exactly once
and in upstream's order, including late trades, equal trades and those of volume 0, whatever the
book did with them. There are no snapshots and no acknowledgements: Finnhub's protocol has none.

Trades wait for the next flush (``Flusher``). Clients with the same subscriptions form a group,
whose bytes are made once. Without subscriptions a batch costs one check of an empty dict.

Slow clients: trades have no sequence number, so a client could not notice a gap, and conflated
trades would have wrong volumes. So everything is queued for a congested client, up to a bound (see
``print_clients``). Beyond that, or when it stays congested (``hub.clients``), it is closed: a lost
connection is the only kind of gap that its protocol can express.

It has no timer of its own: ``Flusher`` decides when to flush, and ``Clients`` calls ``tick`` once a
second for pings. It never reads a socket, and does not decide what is wanted upstream.
"""

import logging
from collections.abc import Sequence

from photon_app.hub import finnhub_messages as messages
from photon_app.hub.channels.print_clients import Group, PrintsClient
from photon_app.hub.clients import Channel, Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import (
    FLOWING,
    Change,
    FeedStatus,
    MarketFact,
    Rejected,
    StatusChanged,
    Trade,
)

log = logging.getLogger(__name__)

PING_TICKS = 60
"""Finnhub pings about once a minute; its clients give a connection up after more than two."""
MOST_PENDING = 1024
"""Pending trades at which the channel is flushed without waiting for the timer: about 90 KB."""
FRAME_TRADES = 500
"""The most trades in one message: about 40 KB, which every client accepts."""


class _Run:
    """The trades of one flush: each encoded at most once with and once without conditions, each set
    of symbols joined once.
    """

    def __init__(self, trades: Sequence[Trade]) -> None:
        self._trades = trades
        self._places: dict[str, list[int]] = {}
        for place, trade in enumerate(trades):
            self._places.setdefault(trade.symbol, []).append(place)
        self._prints: dict[bool, list[bytes]] = {}
        self._texts: dict[tuple[frozenset[str], bool], list[bytes]] = {}

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that were traded."""
        return frozenset(self._places)

    def texts(self, symbols: frozenset[str], *, conditions: bool) -> list[bytes]:
        """The messages for a client with these symbols, in the order of the tape."""
        key = (self.symbols & symbols, conditions)
        if key not in self._texts:
            prints = self._chosen(*key)
            starts = range(0, len(prints), FRAME_TRADES)
            self._texts[key] = [messages.trades(prints[at : at + FRAME_TRADES]) for at in starts]
        return self._texts[key]

    def _chosen(self, symbols: frozenset[str], conditions: bool) -> list[bytes]:  # noqa: FBT001
        prints = self._prints.get(conditions)
        if prints is None:
            encode = messages.encode_print
            prints = [encode(trade, conditions=conditions) for trade in self._trades]
            self._prints[conditions] = prints
        if len(symbols) == len(self._places):
            return prints
        places = sorted(place for symbol in symbols for place in self._places[symbol])
        return [prints[place] for place in places]


class PrintsChannel(Channel[PrintsClient]):
    """All clients of Finnhub's protocol."""

    def __init__(self, clients: Clients, *, flusher: Flusher) -> None:
        """Make a channel without clients.

        Args:
            clients: the table of all connected clients.
            flusher: decides when this is flushed.
        """
        super().__init__(clients)
        self._flusher = flusher
        self._groups: dict[tuple[frozenset[str], bool], Group] = {}
        self._topics: dict[str, dict[Group, None]] = {}
        self._pending: list[Trade] = []
        self._beat = 0
        self._flowing = True

    def __len__(self) -> int:
        return self._clients.count(self)

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that have subscribers."""
        return frozenset(self._topics)

    # What the market says

    def hear(self, fact: MarketFact) -> None:
        """Take one fact: prints, a refused symbol, or whether prices can arrive."""
        match fact:
            case Change():
                if self._topics:
                    self.trades(fact.prints)
            case StatusChanged():
                self.set_feed(fact.status)
            case Rejected():
                self.reject(fact.symbol, None if fact.why is None else messages.TOO_MANY_SYMBOLS)
            case _:
                pass

    def trades(self, batch: Sequence[Trade]) -> None:
        """The trades of one upstream frame; a polled price is a trade of volume 0."""
        topics = self._topics
        if not topics:
            return
        self._pending += [trade for trade in batch if trade.symbol in topics]
        if len(self._pending) >= MOST_PENDING:
            self.flush()
        elif self._pending:
            self._flusher.soon(self)

    def reject(self, symbol: str, why: str | None = None) -> None:
        """A symbol cannot be served: its subscribers are sent Finnhub's error, and lose it.

        Args:
            symbol: which.
            why: the text of Finnhub's error; ``None`` means that the symbol is invalid.
        """
        if symbol not in self._topics:
            return
        self.flush()
        error = Frames.of(messages.invalid_symbol(symbol) if why is None else messages.error(why))
        for group in list(self._topics[symbol]):
            for client in list(group.members):
                self._clients.guard(client, client.sink.send, error)
                self.unsubscribe(client, symbol)

    def set_feed(self, status: FeedStatus) -> None:
        """The feed's state changed. While no prices can arrive no client is pinged: silence is the
        only way to say so in Finnhub's protocol, and its clients give a silent connection up.
        """
        self._flowing = status.state in FLOWING

    # What the client side calls

    def join(
        self, sink: Sink, *, conditions: bool = True, address: str | None = None
    ) -> PrintsClient:
        """Register a client without subscriptions.

        Args:
            sink: where its frames go.
            conditions: whether its trades have their conditions.
            address: its address, if known.
        """
        client = PrintsClient(sink, self._beat, conditions=conditions, address=address)
        sink.catch_up_with(lambda: self._caught_up(client))
        self._clients.join(client, self, lambda: Frames(()))
        return client

    def left(self, client: PrintsClient) -> None:
        """See ``Channel``."""
        self.flush()
        client.take_backlog()
        if client.symbols:
            self._regroup(client, frozenset())

    def shutdown_frames(self) -> Frames:
        """See ``Channel``; Finnhub's protocol has no message for a shutdown."""
        self.flush()
        return Frames(())

    def subscribe(self, client: PrintsClient, symbol: str) -> None:
        """Add a symbol that the caller has held for this client, and that it does not have yet."""
        assert symbol not in client.symbols, "a symbol is held once"
        self.flush()
        self._regroup(client, client.symbols | {symbol})

    def unsubscribe(self, client: PrintsClient, symbol: str) -> None:
        """Remove a symbol and its hold; one that the client does not have is skipped."""
        self.flush()
        if symbol in client.symbols:
            self._regroup(client, client.symbols - {symbol})
            self._clients.release(client, symbol)

    # Time

    def flush(self) -> None:
        """Write what is pending. Safe to call at any time."""
        self._flusher.begin(self)
        if not self._pending:
            return
        self._flusher.write(self)
        pending, self._pending = self._pending, []
        run = _Run(pending)
        groups = {group: None for s in run.symbols for group in self._topics.get(s, ())}
        for group in groups:
            frames = group.frames(run.texts(group.symbols, conditions=group.conditions))
            for client in list(group.members):
                self._write(client, frames)
        self._flusher.written(self)

    def tick(self) -> None:
        """Once a second: ping a sixtieth of the clients."""
        self._beat = (self._beat + 1) % PING_TICKS
        if not self._flowing:
            return
        ping = Frames.of(messages.PING)
        for client in self._clients.of(self):
            if client.beat == self._beat and not client.sink.congested:
                self._clients.guard(client, client.sink.send, ping)

    # Inside

    def _write(self, client: PrintsClient, frames: Frames) -> None:
        sink = client.sink
        try:
            if sink.put is not None:
                sink.write_now(frames.joined)
            elif not sink.congested:
                sink.send(frames)
            elif not client.queue(frames):
                self._clients.dismiss(client, client.slow)
        except Exception as fault:  # noqa: BLE001 - any fault costs this client only
            self._clients.failed(client, fault)

    def _caught_up(self, client: PrintsClient) -> Frames:
        self._clients.wake()
        return client.take_backlog()

    def _regroup(self, client: PrintsClient, symbols: frozenset[str]) -> None:
        """Move a client to the group of these symbols. The caller has flushed the whole channel:
        between two upstream batches only the first change of a client has anything to flush.
        """
        old = client.group
        if old is not None:
            del old.members[client]
            client.recent = old.recent.copy()
            if not old.members:
                self._dissolve(old)
        client.group = self._group(symbols, conditions=client.conditions) if symbols else None
        if client.group is not None:
            client.group.members[client] = None
            client.group.recent.merge(client.recent)

    def _group(self, symbols: frozenset[str], *, conditions: bool) -> Group:
        group = self._groups.get((symbols, conditions))
        if group is None:
            group = self._groups[symbols, conditions] = Group(symbols, conditions=conditions)
            for symbol in symbols:
                self._topics.setdefault(symbol, {})[group] = None
        return group

    def _dissolve(self, group: Group) -> None:
        del self._groups[group.symbols, group.conditions]
        for symbol in group.symbols:
            topic = self._topics[symbol]
            del topic[group]
            if not topic:
                del self._topics[symbol]
