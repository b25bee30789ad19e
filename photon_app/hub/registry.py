"""Who wants what: clients, the groups of equal ones, and the topics they want.

Pure bookkeeping behind the hub, on the event loop: nothing here writes, flushes or knows a price.
Whoever changes a membership flushes first (see ``hub``). Every symbol that any client wants has one
``Topic``; a symbol that nobody wants has none, so memory is bounded by the clients' subscriptions.
"""

import uuid

from photon_app.hub.sink import Sink


class Pace:
    """One symbol of one client that wants at most one price in ``interval_s``."""

    __slots__ = ("due_s", "interval_s", "refigured", "seq")

    def __init__(self, interval_s: float, due_s: float, seq: int) -> None:
        self.interval_s = interval_s
        self.due_s = due_s
        self.seq = seq
        """The last sequence sent."""
        self.refigured = False
        """Whether figures changed that only the snapshot form carries."""


class Subscriber:
    """One client's registration: its sink and what it wants."""

    __slots__ = ("every", "group", "id", "order", "paced", "sink")

    def __init__(self, sink: Sink) -> None:
        self.id = str(uuid.uuid4())
        self.sink = sink
        self.every: frozenset[str] = frozenset()
        self.paced: dict[str, Pace] = {}
        self.order: dict[str, None] = {}
        self.group: Group | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """All subscriptions, in the order asked."""
        return tuple(self.order)


class Group:
    """The clients that want every trade of the same set of symbols."""

    __slots__ = ("members", "symbols")

    def __init__(self, symbols: frozenset[str]) -> None:
        self.symbols = symbols
        self.members: dict[Subscriber, None] = {}


class Topic:
    """Who wants one symbol. There is one for each symbol that any client wants."""

    __slots__ = ("groups", "paced", "waiting")

    def __init__(self) -> None:
        self.groups: dict[Group, None] = {}
        self.paced: dict[Subscriber, Pace] = {}
        self.waiting = False
        """Whether clients were told that there is no price yet."""


class Registry:
    """All clients of one process and their memberships."""

    def __init__(self) -> None:
        self.clients: dict[Subscriber, None] = {}
        self.topics: dict[str, Topic] = {}
        self._groups: dict[frozenset[str], Group] = {}

    def pace(self, client: Subscriber, symbol: str, pace: Pace) -> None:
        """The client wants this symbol at a pace; it must not have it in any other way."""
        client.paced[symbol] = pace
        self._topic(symbol).paced[client] = pace

    def unpace(self, client: Subscriber, symbol: str) -> None:
        """The client no longer wants this symbol at a pace, if it did."""
        if client.paced.pop(symbol, None) is not None:
            del self.topics[symbol].paced[client]
            self._prune(symbol)

    def regroup(self, client: Subscriber, symbols: frozenset[str]) -> None:
        """The client wants every trade of exactly these symbols: it moves to their group, and the
        group that it leaves empty is dissolved.
        """
        if symbols == client.every:
            return
        old, client.every = client.group, symbols
        client.group = self._group(symbols) if symbols else None
        if client.group is not None:
            client.group.members[client] = None
        if old is not None:
            del old.members[client]
            if not old.members:
                self._dissolve(old)  # last, so that a symbol in both keeps its topic

    def groups_of(self, symbols: set[str]) -> list[Group]:
        """Every group that wants at least one of these symbols, once."""
        topics = [self.topics[symbol] for symbol in symbols if symbol in self.topics]
        return list({group: None for topic in topics for group in topic.groups})

    def _group(self, symbols: frozenset[str]) -> Group:
        group = self._groups.get(symbols)
        if group is None:
            group = self._groups[symbols] = Group(symbols)
            for symbol in symbols:
                self._topic(symbol).groups[group] = None
        return group

    def _dissolve(self, group: Group) -> None:
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
        if not topic.groups and not topic.paced:
            del self.topics[symbol]
