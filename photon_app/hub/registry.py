"""Who wants what: clients, the groups of equal ones, and the topics they want.

Pure bookkeeping behind the hub, on the event loop: nothing here writes, flushes or knows a price.
Whoever changes a membership writes what is pending for that client first (see ``hub``). Every
symbol that any client wants has one ``Topic``; a symbol that nobody wants has none, so memory is
bounded by the clients' subscriptions.
"""

import uuid
from collections.abc import Iterator

from photon_app.hub.clients import Client
from photon_app.hub.sink import Sink


class Share:
    """One client's part in a ``Pace``."""

    __slots__ = ("from_s", "seq")

    def __init__(self, from_s: float, seq: int) -> None:
        self.from_s = from_s
        """When it may get the next price."""
        self.seq = seq
        """The last sequence sent to it, or ``OWED``."""


OWED = -2
"""Instead of a sequence: figures changed that the client has not been sent."""


class Pace:
    """One symbol at one interval, for all clients that want it so: one price for all of them."""

    __slots__ = ("due_s", "interval_s", "queued", "refigured", "shares", "symbol")

    def __init__(self, symbol: str, interval_s: float) -> None:
        self.symbol = symbol
        self.interval_s = interval_s
        self.due_s = 0.0
        """When the next price may leave."""
        self.queued = False
        """Whether a price waits for that time."""
        self.refigured = False
        """Whether figures changed that only the snapshot form carries."""
        self.shares: dict[Subscriber, Share] = {}


class Subscriber(Client):
    """One client of the event format, and what it wants."""

    __slots__ = ("beat", "every", "group", "id", "order", "paced")

    def __init__(self, sink: Sink, beat: int, address: str | None = None) -> None:
        super().__init__(sink, address)
        self.id = str(uuid.uuid4())
        self.beat = beat
        """On which turn of the heartbeat's round it is told."""
        self.every: frozenset[str] = frozenset()
        self.paced: dict[str, Pace] = {}
        self.order: dict[str, None] = {}
        self.group: Group | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """All subscriptions, in the order asked."""
        return tuple(self.order)

    @property
    def is_told_all(self) -> bool:
        """Whether it wants every trade of anything."""
        return bool(self.every)


class Group:
    """The clients that want every trade of the same set of symbols.

    A client whose wishes change between two flushes is alone in a group of its own until the next
    one: what was pending before it has been sent already, and must not come again.
    """

    __slots__ = ("members", "since", "symbols")

    def __init__(self, symbols: frozenset[str], since: int = 0) -> None:
        self.symbols = symbols
        self.since = since
        """How many of the pending updates its only member has; 0 in a group that is shared."""
        self.members: dict[Subscriber, Sink] = {}


class Topic:
    """Who wants one symbol. There is one for each symbol that any client wants."""

    __slots__ = ("groups", "paces", "waiting")

    def __init__(self) -> None:
        self.groups: dict[Group, None] = {}
        self.paces: dict[float, Pace] = {}
        """By interval in seconds."""
        self.waiting = False
        """Whether clients were told that there is no price yet."""

    def holders(self) -> Iterator[Subscriber]:
        """Every client of the symbol, once: it has it in one way only."""
        for group in self.groups:
            yield from group.members
        for pace in self.paces.values():
            yield from pace.shares


class Registry:
    """All memberships of the clients of one process."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self._groups: dict[frozenset[str], Group] = {}
        self._alone: dict[Subscriber, None] = {}

    def pace(self, client: Subscriber, symbol: str, interval_s: float, share: Share) -> None:
        """The client wants this symbol at a pace; it must not have it in any other way."""
        paces = self._topic(symbol).paces
        pace = paces.get(interval_s)
        if pace is None:
            pace = paces[interval_s] = Pace(symbol, interval_s)
        pace.shares[client] = share
        client.paced[symbol] = pace

    def unpace(self, client: Subscriber, symbol: str) -> None:
        """The client no longer wants this symbol at a pace, if it did."""
        pace = client.paced.pop(symbol, None)
        if pace is None:
            return
        del pace.shares[client]
        if not pace.shares:
            del self.topics[symbol].paces[pace.interval_s]
            self._prune(symbol)

    def regroup(self, client: Subscriber, symbols: frozenset[str], since: int = 0) -> None:
        """The client wants every trade of exactly these symbols.

        It moves to their group, and the one that it leaves empty is dissolved.

        Args:
            client: who.
            symbols: what it wants from now on.
            since: how many updates are pending that it has already; until ``reunite`` it is then
                alone in its group.
        """
        old = client.group
        if symbols == client.every and (old is None or old.since == since):
            return
        group = self._group(symbols, since) if symbols else None
        if group is not None:
            group.members[client] = client.sink
        client.group = group
        client.every = symbols if group is None else group.symbols
        if old is not None:
            del old.members[client]
            if not old.members:
                self._dissolve(old)  # last, so that a symbol in both keeps its topic
        if since:
            self._alone[client] = None

    def reunite(self) -> None:
        """After a flush nothing is pending: those who were alone join the others."""
        alone, self._alone = self._alone, {}
        for client in alone:
            self.regroup(client, client.every)

    def groups_of(self, symbols: set[str]) -> list[Group]:
        """Every group that wants at least one of these symbols, once."""
        topics = [self.topics[symbol] for symbol in symbols if symbol in self.topics]
        return list({group: None for topic in topics for group in topic.groups})

    def _group(self, symbols: frozenset[str], since: int) -> Group:
        group = None if since else self._groups.get(symbols)
        if group is None:
            group = Group(symbols, since)
            for symbol in symbols:
                self._topic(symbol).groups[group] = None
            if not since:
                self._groups[symbols] = group
        return group

    def _dissolve(self, group: Group) -> None:
        if not group.since:
            del self._groups[group.symbols]
        for symbol in group.symbols:
            del self.topics[symbol].groups[group]
            self._prune(symbol)

    def _topic(self, symbol: str) -> Topic:
        topic = self.topics.get(symbol)
        if topic is None:
            topic = self.topics[symbol] = Topic()
        return topic

    def _prune(self, symbol: str) -> None:
        """Forget a symbol that nobody wants any more."""
        topic = self.topics[symbol]
        if not topic.groups and not topic.paces:
            del self.topics[symbol]
