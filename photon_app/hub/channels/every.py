"""Clients that want every trade: writes what waits for their groups.

Called by the hub only, on the event loop. An update goes to the outbox of each group that wants its
symbol. Groups of the event format are written at each flush of the hub, as many as there is time
for: those that are left are the first of the next flush. Groups of the batch format are written
less often, so that batches are fuller: in a busy market once in the flusher's longest interval.

Order: what is pending for a client is written (``settle``) before its subscriptions change and
before any answer, so that after a snapshot with ``seq`` n it gets n+1 next. Other clients are not
flushed for that. A fault with one client or group affects no other.

Bounds: those of ``Outboxes``.
"""

import math
from collections import deque
from typing import NamedTuple

from photon_app.hub.channels.outboxes import MOST_FRAMES, Outboxes
from photon_app.hub.clients import Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.registry import Group, Registry, Subscriber, Takers, Topic
from photon_app.hub.sink import Sink

_NOBODY: tuple[Takers, Takers] = {}, {}
LEAST_PART = 0.25
"""The least part of a whole flush that is worth to be written by itself."""
LEFT_TIME = 1.5
"""Groups that were left before may take so much more of the time, for which later flushes have
less: nobody is left twice because one flush took a little longer than another."""
Moved = tuple[set[str], ...]
"""The symbols that had moved before some flushes, shared by all groups that they left."""
Broken = tuple[Subscriber, Exception]
"""A client, and the fault of ours with which a write to it ended."""


class Left(NamedTuple):
    """What a group waits for that was left by flushes."""

    since_s: float
    """When the first of them was, on the flusher's clock."""
    moved: Moved
    """The symbols that had moved before each of them."""


_NOT_LEFT = Left(math.inf, ())


class EveryTrade:
    """The updates that wait for clients which want every trade.

    Args:
        registry: which clients want the same.
        clients: the table of all connected clients.
        flusher: whose longest interval is that of batches.
    """

    def __init__(self, registry: Registry, clients: Clients, flusher: Flusher) -> None:
        self._registry = registry
        self._clients = clients
        self._interval_s = flusher.flush_s
        self._now_s = flusher.now_s
        self._outboxes = Outboxes(), Outboxes()
        """Of the event format and of the batch format (``Form.batch``)."""
        self._left: dict[Group, Left] = {}
        """Groups that the last flush has left, the oldest first."""
        self.batches_s = -math.inf
        """When batches may be written, on the flusher's clock."""

    def __bool__(self) -> bool:
        """Whether there were updates since the last flush, wanted or not, or it left any."""
        return bool(self._outboxes[False] or self._left)

    @property
    def left_s(self) -> float:
        """Since when the first of those groups waits that the last flush left; infinite if none."""
        return next(iter(self._left.values()), _NOT_LEFT).since_s

    @property
    def least_part(self) -> float:
        """The least part of a flush that can be written, or is worth it: a group, or more."""
        return max(LEAST_PART, self._registry.group_part)

    @property
    def symbols(self) -> set[str]:
        """The symbols with updates since the last flush."""
        return self._outboxes[False].symbols

    @property
    def full(self) -> bool:
        """Whether to write everything now, without waiting for the timer."""
        oldest = next(iter(self._left), None)
        if oldest is not None and len(oldest.outbox) >= MOST_FRAMES:
            return True
        return any(outboxes.full for outboxes in self._outboxes)

    @property
    def batches_wait(self) -> bool:
        """Whether there are updates for the next batches."""
        return bool(self._outboxes[True])

    def append(self, symbol: str, framed: bytes, topic: Topic | None) -> None:
        """Let an update wait for the next flush.

        Args:
            symbol: of which symbol.
            framed: the message.
            topic: the subscribers of the symbol, if it has any.
        """
        events, batches = self._outboxes
        every, batched = _NOBODY if topic is None else topic.groups
        events.append(symbol, framed, every)
        if batched:
            batches.append(symbol, framed, batched)

    def is_due(self, now_s: float) -> bool:
        """Whether a flush has anything to do."""
        return bool(self) or (self.batches_wait and self.batches_s <= now_s)

    def flush(self, for_s: float) -> float | None:
        """Write the events.

        Args:
            for_s: for how long they may be written. At least one group is.

        Returns:
            How much of the events was written: 1 if no group was left; ``None`` if there were only
            those that an earlier flush had left.
        """
        return self._flush(batch=False, for_s=for_s)

    def flush_batches(self, now_s: float, *, everything: bool) -> None:
        """Write batches if they are due, after the events.

        Args:
            now_s: the flusher's clock.
            everything: whether they are due in any case: what follows must come after them.
        """
        due = everything or self.batches_s <= now_s
        if due and (self.batches_wait or not self._registry.has_events):
            self._flush(batch=True)
            self.batches_s = now_s + self._interval_s

    def settle(self, client: Subscriber) -> None:
        """Write the updates that are pending for one client, and for no other.

        Each change of a client's subscriptions begins with this. If it flushed all clients instead,
        a thousand clients that reconnect at once would cost a thousand flushes.
        """
        group = client.group
        if group is None or not group.outbox:
            return
        moved = self._outboxes[client.form.batch].symbols
        wanted = _wanted(group, (moved, *self._left.get(group, _NOT_LEFT).moved))
        client.sink.offer(client.form.prices(Frames(group.outbox[:])), wanted)
        if group.alone:
            group.outbox.clear()
        else:
            self._registry.regroup(client, group.symbols, alone=True)

    def regroup(self, client: Subscriber, symbols: frozenset[str]) -> None:
        """Let a client, for which nothing is pending, have every trade of exactly these symbols."""
        alone = not self._registry.may_join(client, symbols)
        self._registry.regroup(client, symbols, alone=alone)

    # Inside

    def _flush(self, *, batch: bool, for_s: float = math.inf) -> float | None:
        """Write to the groups of a format that have updates, those that were left before first."""
        began_s, outboxes = self._now_s(), self._outboxes[batch].take()
        left = {} if batch else self._left
        first = [group for group in left if group.outbox and group.members]
        others = self._registry.groups_of(outboxes.symbols, batch=batch)
        groups = deque(dict.fromkeys([*first, *others]))
        written, broken = 0, list[Broken]()
        while groups and (
            for_s == math.inf
            or not written  # else the time for a half of the next group is estimated
            or (self._now_s() - began_s) * (1 + len(groups[0].members) / written / 2)
            <= (for_s * LEFT_TIME if groups[0] in left else for_s)
        ):
            group = groups.popleft()
            written += len(group.members)
            broken += self._write(group, outboxes, left.get(group))
        if groups:
            for group in self._registry.joinable(batch=batch):
                written += len(group.members)
                broken += self._write(group, outboxes, left.get(group))
        unwritten = 0
        if not batch:
            now = Left(began_s, ())
            self._left = {
                one: Left((was := left.get(one, now)).since_s, (*was.moved, outboxes.symbols))
                for one in groups
                if one.outbox
            }
            unwritten = sum(len(one.members) for one in self._left)
        self._registry.reunite(batch=batch)
        for client, why in broken:
            self._clients.failed(client, why)
        if left and not outboxes:
            return None
        return written / (written + unwritten) if unwritten else 1.0

    def _write(self, group: Group, outboxes: Outboxes, earlier: Left | None) -> list[Broken]:
        """Write to the clients of a group; returns those with which there was a fault of ours.

        Args:
            group: which.
            outboxes: what came since the last flush.
            earlier: what it waited for, if that one left the group.
        """
        frames = outboxes.taken_from(group, left=earlier is not None)
        deflater = group.form.deflater
        try:
            if group.form.batch:
                frames = frames.batched
            joined = frames.joined if deflater is None else frames.deflated(deflater)
        except Exception as fault:  # noqa: BLE001 - any fault costs this group only
            return [(client, fault) for client in group.members]
        broken: list[Broken] = []
        refused: list[Sink] = []
        waited = (earlier or _NOT_LEFT).moved
        size = len(joined)
        for sink in group.members.values():  # hot: the one call per client and flush
            try:
                if sink.put is None:
                    sink.offer(frames, _wanted(group, (outboxes.symbols, *waited)))
                elif (sent := sink.put(joined)) != size:  # as ``write_now``, without its call
                    sink.put_rest(joined[sent:])
            except OSError:
                refused.append(sink)
            except Exception as fault:  # noqa: BLE001 - any fault costs this client only
                broken += [(one, fault) for one, its in group.members.items() if its is sink]
        if refused:  # nothing was taken, or the connection is lost: the outlet finds out which
            for client in [one for one, its in group.members.items() if its in refused]:
                self._clients.guard(client, client.sink.put_rest, joined)
        return broken


def _wanted(group: Group, moved: Moved) -> set[str]:
    """The symbols of a group among those that moved."""
    return set[str]().union(*(group.symbols & each for each in moved))
