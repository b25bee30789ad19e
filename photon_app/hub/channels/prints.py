"""The tape: every trade as upstream told it, for clients of Finnhub's own protocol.

Called on the event loop only and synchronous: it waits for nobody. Where
``Hub`` tells what is true now, the tape repeats what was traded: each trade of a followed symbol
goes out exactly once and in the order of upstream, late ones, equal ones and those of volume 0
included, whatever the book made of it. There is no snapshot and no acknowledgement: Finnhub has
none.

Trades wait for the next flush (``Flusher``).
Followers with equal wishes form a group, whose bytes are made once. Without followers a batch costs
one look at an empty dict.

Slow followers: trades carry no number, so nobody could see a hole in the tape, and a conflated one
has wrong volumes. A congested follower is therefore owed everything, up to a bound (see
``followers``); then, or when it stays slow (``clients``), it is closed, which is the one kind of
gap that its protocol can tell.

It has no timer: ``Flusher`` says when to flush, and ``Clients`` once a second when to ping. It
never reads a socket and never decides what is wanted upstream.
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
"""Finnhub pings about once a minute, and its clients give a line up after more than two."""
MOST_PENDING = 1024
"""Trades that are flushed without waiting for the time: about 90 KB."""
FRAME_TRADES = 500
"""Most trades of one message: about 40 KB, which every client takes."""


class _Run:
    """The trades of one flush; each encoded once in each way, each set of symbols joined once."""

    def __init__(self, trades: Sequence[Trade]) -> None:
        self._trades = trades
        self._places: dict[str, list[int]] = {}
        for place, trade in enumerate(trades):
            self._places.setdefault(trade.symbol, []).append(place)
        self._prints: dict[bool, list[bytes]] = {}
        self._texts: dict[tuple[frozenset[str], bool], list[bytes]] = {}

    @property
    def symbols(self) -> frozenset[str]:
        """What was traded."""
        return frozenset(self._places)

    def texts(self, symbols: frozenset[str], *, conditions: bool) -> list[bytes]:
        """The messages for somebody who follows these symbols, in the order of the tape."""
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
    """Every client of the raw trades."""

    def __init__(self, clients: Clients, *, flusher: Flusher) -> None:
        """Make a tape that nobody follows.

        Args:
            clients: the table of all that are connected.
            flusher: says when this is flushed.
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
        """What is followed."""
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
        """The trades of one upstream frame; a price that was asked for is one of volume 0."""
        topics = self._topics
        if not topics:
            return
        self._pending += [trade for trade in batch if trade.symbol in topics]
        if len(self._pending) >= MOST_PENDING:
            self.flush()
        elif self._pending:
            self._flusher.soon(self)

    def reject(self, symbol: str, why: str | None = None) -> None:
        """Nobody can have this symbol: its followers are told in Finnhub's words, and lose it.

        Args:
            symbol: which.
            why: an error of Finnhub's; without one, that the symbol is invalid.
        """
        if symbol not in self._topics:
            return
        self.flush()
        told = Frames.of(messages.invalid_symbol(symbol) if why is None else messages.error(why))
        for group in list(self._topics[symbol]):
            for follower in list(group.members):
                self._clients.guard(follower, follower.sink.send, told)
                self.unfollow(follower, symbol)

    def set_feed(self, status: FeedStatus) -> None:
        """The feed's state changed. While no prices can arrive nobody is pinged: Finnhub's protocol
        has only silence to say so, and its clients give a silent line up.
        """
        self._flowing = status.state in FLOWING

    # What the client side calls

    def join(
        self, sink: Sink, *, conditions: bool = True, address: str | None = None
    ) -> PrintsClient:
        """Register a client that follows nothing yet.

        Args:
            sink: its outbox.
            conditions: whether its trades carry their conditions.
            address: whose it is, as far as that is known.
        """
        follower = PrintsClient(sink, self._beat, conditions=conditions, address=address)
        sink.catch_up_with(lambda: self._caught_up(follower))
        self._clients.join(follower, self, Frames(()))
        return follower

    def left(self, client: PrintsClient) -> None:
        """See ``Channel``."""
        self.flush()
        client.take_owed()
        if client.symbols:
            self._regroup(client, frozenset())

    def last_words(self) -> Frames:
        """See ``Channel``; Finnhub's protocol has none."""
        self.flush()
        return Frames(())

    def follow(self, follower: PrintsClient, symbol: str) -> None:
        """Add a symbol that the caller holds for this follower; it must not follow it already."""
        assert symbol not in follower.symbols, "a symbol is held once"
        self.flush()
        self._regroup(follower, follower.symbols | {symbol})

    def unfollow(self, follower: PrintsClient, symbol: str) -> None:
        """Remove a symbol; one that is not followed is passed over."""
        self.flush()
        if symbol in follower.symbols:
            self._regroup(follower, follower.symbols - {symbol})
            self._clients.release(follower, symbol)

    # Time

    def flush(self) -> None:
        """Write what is pending. Safe to call at any time."""
        self._flusher.begin(self)
        if not self._pending:
            return
        self._flusher.written(self)
        pending, self._pending = self._pending, []
        run = _Run(pending)
        groups = {group: None for s in run.symbols for group in self._topics.get(s, ())}
        for group in groups:
            frames = group.frames(run.texts(group.symbols, conditions=group.conditions))
            for follower in list(group.members):
                self._write(follower, frames)

    def tick(self) -> None:
        """Once a second: ping a sixtieth of the followers."""
        self._beat = (self._beat + 1) % PING_TICKS
        if not self._flowing:
            return
        ping = Frames.of(messages.PING)
        for follower in self._clients.of(self):
            if follower.beat == self._beat and not follower.sink.congested:
                self._clients.guard(follower, follower.sink.send, ping)

    # Inside

    def _write(self, follower: PrintsClient, frames: Frames) -> None:
        sink = follower.sink
        try:
            if sink.put is not None:
                sink.put(frames.joined)
            elif not sink.congested:
                sink.send(frames)
            elif not follower.owe(frames):
                self._clients.dismiss(follower, follower.slow)
        except Exception as fault:  # noqa: BLE001 - whatever it is
            self._clients.failed(follower, fault)

    def _caught_up(self, follower: PrintsClient) -> Frames:
        self._clients.wake()
        return follower.take_owed()

    def _regroup(self, follower: PrintsClient, symbols: frozenset[str]) -> None:
        """Move a follower to the group of these symbols. What is pending was flushed for everybody
        before: between two batches of upstream only the first change has anything to flush.
        """
        old = follower.group
        if old is not None:
            del old.members[follower]
            follower.recent = old.recent.copy()
            if not old.members:
                self._dissolve(old)
        follower.group = self._group(symbols, conditions=follower.conditions) if symbols else None
        if follower.group is not None:
            follower.group.members[follower] = None
            follower.group.recent.learn(follower.recent)

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
