"""The subscriptions of all clients: groups of equal sets and forms, topics by symbol, shared paces.

Pure bookkeeping of the hub, on the event loop: nothing here writes, flushes or knows a price.
Before it changes a membership, the caller writes what is pending for that client (see ``hub``).
Every symbol with a subscriber has one ``Topic``, and a symbol without one has none, so memory is
bounded by the clients' subscriptions.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator

from photon_app.hub.clients import Client
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.sink import Sink


class Share:
    """The state of one client of a ``Pace``."""

    __slots__ = ("from_s", "seq")

    def __init__(self, from_s: float, seq: int) -> None:
        self.from_s = from_s
        """When it may get the next price, on the flusher's clock."""
        self.seq = seq
        """The last sequence sent to it, 0 before the first price, or ``SNAPSHOT_DUE``."""


SNAPSHOT_DUE = -2
"""In place of a sequence: figures changed that the client has not been sent."""


class Pace:
    """One symbol at one interval, shared by all clients of both: one encoded price for all."""

    __slots__ = ("due_s", "figures_changed", "interval_s", "queued", "shares", "symbol")

    def __init__(self, symbol: str, interval_s: float) -> None:
        self.symbol = symbol
        self.interval_s = interval_s
        self.due_s = 0.0
        """When the next price may be sent, on the flusher's clock."""
        self.queued = False
        """Whether a price waits for that time."""
        self.figures_changed = False
        """Whether figures changed that only the snapshot form has."""
        self.shares: dict[Subscriber, Share] = {}


class Cursor:
    """What a client that comes back has been sent of a symbol (``hub.resuming``)."""

    __slots__ = ("figures", "next")

    def __init__(self, next_seq: int, figures: int) -> None:
        self.next = next_seq
        """The ``seq`` of the next update that it gets."""
        self.figures = figures
        """How many changes of the symbol's figures it knows (``journal.Track``)."""


class Subscriber(Client):
    """One client of the event format, and its subscriptions."""

    __slots__ = (
        "beat",
        "cursors",
        "every",
        "form",
        "group",
        "id",
        "order",
        "paced",
        "resumed",
    )

    def __init__(
        self, sink: Sink, beat: int, address: str | None = None, form: Form = EVENTS
    ) -> None:
        super().__init__(sink, address)
        self.id = str(uuid.uuid4())
        self.form = form
        """How its messages look."""
        self.beat = beat
        """On which tick of a heartbeat round it gets one."""
        self.every: frozenset[str] = frozenset()
        self.paced: dict[str, Pace] = {}
        self.order: dict[str, None] = {}
        self.group: Group | None = None
        self.cursors: dict[str, Cursor] | None = None
        """While it is held: its place in the updates of each symbol."""
        self.resumed = 0
        """How many updates it had missed before it came back, and was sent."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """All subscribed symbols, in the order of subscription."""
        return tuple(self.order)

    @property
    def wants_every_trade(self) -> bool:
        """Whether it wants every trade of any symbol."""
        return bool(self.every)


MOST_MEMBERS = 64
"""Clients in one group: a flush may end between two groups, but not within one."""


class Group:
    """Clients that want every trade of the same set of symbols, in the same form.

    A client whose subscriptions change between two flushes is alone in a group of its own until one
    has written to the shared group: what waits there has been sent to the client, or is not for it.
    """

    __slots__ = ("alone", "form", "members", "outbox", "symbols")

    def __init__(self, symbols: frozenset[str], form: Form, *, alone: bool = False) -> None:
        self.symbols = symbols
        self.form = form
        self.alone = alone
        """Whether it is of one client, and nobody may join it."""
        self.members: dict[Subscriber, Sink] = {}
        self.outbox: list[bytes] = []
        """The updates that wait for the next flush."""

    @property
    def full(self) -> bool:
        """Whether nobody may join it: a flush writes to whole groups. Groups for which a message is
        made anew, as batches and compressed ones are, take every client that shares it.
        """
        made_anew = self.form.batch or self.form.deflater is not None
        return self.alone or (not made_anew and len(self.members) >= MOST_MEMBERS)


Takers = dict[Group, Callable[[bytes], None]]
"""Groups, each with what adds an update to its outbox."""


class Topic:
    """The subscribers of one symbol. There is one topic for each symbol that has any."""

    __slots__ = ("groups", "paces", "waiting")

    def __init__(self) -> None:
        self.groups: tuple[Takers, Takers] = {}, {}
        """Those of the event format, and those of the batch format (``Form.batch``)."""
        self.paces: dict[float, Pace] = {}
        """By interval in seconds."""
        self.waiting = True
        """Whether clients may have been sent the state ``waiting``: there was no price yet."""

    def holders(self) -> Iterator[Subscriber]:
        """Every client of the symbol, once: a client is in one group or in one pace, never both."""
        for groups in self.groups:
            for group in groups:
                yield from group.members
        for pace in self.paces.values():
            yield from pace.shares


class Cohort:
    """All clients that want every trade of the same symbols in the same form, in their groups,
    without those that are alone.
    """

    __slots__ = ("groups", "open")

    def __init__(self) -> None:
        self.groups: dict[Group, None] = {}
        self.open: dict[Group, None] = {}
        """Those that are not full."""


Cohorts = dict[tuple[frozenset[str], Form], Cohort]


class Registry:
    """All memberships of the clients of one process."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self._cohorts: tuple[Cohorts, Cohorts] = {}, {}
        """Of the event format, and of the batch format."""
        self._events = 0
        """How many clients of the event format want every trade of a symbol."""
        self._alone: tuple[dict[Subscriber, None], dict[Subscriber, None]] = {}, {}

    @property
    def has_events(self) -> bool:
        """Whether any client of the event format wants every trade of a symbol."""
        return bool(self._events)

    @property
    def group_part(self) -> float:
        """The largest part of those clients that a group may have."""
        return min(1.0, MOST_MEMBERS / max(1, self._events))

    def pace(self, client: Subscriber, symbol: str, interval_s: float, share: Share) -> None:
        """Add a client to the pace of a symbol and interval; it must not have the symbol yet."""
        paces = self._topic(symbol).paces
        pace = paces.get(interval_s)
        if pace is None:
            pace = paces[interval_s] = Pace(symbol, interval_s)
        pace.shares[client] = share
        client.paced[symbol] = pace

    def unpace(self, client: Subscriber, symbol: str) -> None:
        """Remove a client from its pace of a symbol, if it has one."""
        pace = client.paced.pop(symbol, None)
        if pace is None:
            return
        del pace.shares[client]
        if not pace.shares:
            del self.topics[symbol].paces[pace.interval_s]
            self._prune(symbol)

    def regroup(self, client: Subscriber, symbols: frozenset[str], *, alone: bool = False) -> None:
        """Let a client have every trade of exactly these symbols.

        It moves to a group of theirs. If its old group is empty then, that is dissolved.

        Args:
            client: which.
            symbols: the symbols whose every trade it wants from now on.
            alone: whether it is alone in its group until ``reunite``, since the group that it would
                join has updates pending.
        """
        old = client.group
        if symbols == client.every and (old is None or old.alone == alone):
            return
        group = self._group(symbols, client.form, alone=alone) if symbols else None
        if group is not None:
            group.members[client] = client.sink
            if group.full and not alone:
                self._cohorts[client.form.batch][symbols, client.form].open.pop(group, None)
        if not client.form.batch:
            self._events += (group is not None) - (old is not None)
        client.group = group
        client.every = symbols if group is None else group.symbols
        if old is not None:
            del old.members[client]
            if not old.members:
                self._dissolve(old)  # last, so that a symbol in both groups keeps its topic
            elif not old.alone:
                self._cohorts[old.form.batch][old.symbols, old.form].open[old] = None
        if alone:
            self._alone[client.form.batch][client] = None

    def reunite(self, *, batch: bool) -> None:
        """After a flush: clients of a format that were alone join the others, unless updates are
        still pending for them or for the group that they would join.
        """
        for client in list(self._alone[batch]):
            group = client.group
            if group is None or not group.alone:
                del self._alone[batch][client]
            elif not group.outbox and self.may_join(client, client.every):
                del self._alone[batch][client]
                self.regroup(client, client.every)

    def joinable(self, *, batch: bool) -> list[Group]:
        """Groups of one client with updates pending, which are all that keeps it from joining a
        group that has none: if they are written in the same flush, it can. Otherwise the two could
        take turns for good.
        """
        groups = [client.group for client in self._alone[batch]]
        return [
            group
            for group in groups
            if group is not None and group.alone and group.outbox and self._has_idle_peer(group)
        ]

    def may_join(self, client: Subscriber, symbols: frozenset[str]) -> bool:
        """Whether the group that the client would join with these symbols has nothing pending."""
        group = self._open_group(symbols, client.form)
        return group is None or not group.outbox

    def groups_of(self, symbols: Iterable[str], *, batch: bool) -> list[Group]:
        """The groups of a format whose outboxes have updates.

        Args:
            symbols: the symbols that have updates.
            batch: whether of the batch format.
        """
        cohorts = self._cohorts[batch]
        takers = [self.topics[symbol].groups[batch] for symbol in symbols if symbol in self.topics]
        if sum(map(len, takers)) < len(cohorts) + len(self._alone[batch]):
            groups = list({group: None for those in takers for group in those})
        else:
            own = [client.group for client in self._alone[batch]]
            alone = [group for group in own if group is not None and group.alone]
            groups = [group for cohort in cohorts.values() for group in cohort.groups] + alone
        return [group for group in groups if group.outbox]

    def _open_group(self, symbols: frozenset[str], form: Form) -> Group | None:
        """The group that a client of these symbols and this form would join, if there is one."""
        cohort = self._cohorts[form.batch].get((symbols, form))
        return None if cohort is None else next(iter(cohort.open), None)

    def _has_idle_peer(self, group: Group) -> bool:
        peer = self._open_group(group.symbols, group.form)
        return peer is not None and not peer.outbox

    def _group(self, symbols: frozenset[str], form: Form, *, alone: bool) -> Group:
        cohorts = self._cohorts[form.batch]
        if not alone and (group := self._open_group(symbols, form)) is not None:
            return group
        group = Group(symbols, form, alone=alone)
        for symbol in symbols:
            self._topic(symbol).groups[form.batch][group] = group.outbox.append
        if not alone:
            cohort = cohorts.setdefault((symbols, form), Cohort())
            cohort.groups[group] = cohort.open[group] = None
        return group

    def _dissolve(self, group: Group) -> None:
        if not group.alone:
            cohorts, key = self._cohorts[group.form.batch], (group.symbols, group.form)
            cohorts[key].groups.pop(group)
            cohorts[key].open.pop(group, None)
            if not cohorts[key].groups:
                del cohorts[key]
        for symbol in group.symbols:
            del self.topics[symbol].groups[group.form.batch][group]
            self._prune(symbol)

    def _topic(self, symbol: str) -> Topic:
        topic = self.topics.get(symbol)
        if topic is None:
            topic = self.topics[symbol] = Topic()
        return topic

    def _prune(self, symbol: str) -> None:
        """Remove the topic of a symbol if it has no subscribers left."""
        topic = self.topics[symbol]
        if not any(topic.groups) and not topic.paces:
            del self.topics[symbol]
