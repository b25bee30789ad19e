"""Paced clients: the newest price at most once per interval, encoded once for all of them.

Called by the hub only, on the event loop. A trade of a symbol costs one entry here, however many
paced clients there are. When a ``Pace`` is due, its price is encoded once and written to every
client that shares it, and to those of the symbol's other paces that are due at the same time. The
first price after a quiet time is sent at once.

A client that joins a pace between two of its prices has just had a snapshot. It skips a price that
comes before its own interval is over, and is in step with the others from the next price on. This
happens once: then the newest price reaches it at most two intervals after the snapshot.

Bounds: one entry for each symbol that moved, and one for each pace that waits; a symbol has at most
one pace for each of ``STEPS_MS``. Paces that lost all clients before they were due are removed when
they outnumber the others.
"""

import heapq
import itertools
import math
from bisect import bisect_left

from photon_app.hub import messages
from photon_app.hub.frames import Frames, frame
from photon_app.hub.registry import SNAPSHOT_DUE, Pace, Registry, Share, Subscriber
from photon_app.hub.status import MarketState, Status
from photon_app.model import Quote, Trade

STEPS_MS = (50, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000)
"""The intervals on offer: each symbol has at most one pace for each of them."""
_SLACK_S = 1e-4
"""Timers may fire a little early."""
_SWEEP_ABOVE = 64


def stepped_s(interval_ms: int) -> float:
    """The interval that a client gets, in seconds: the first step that is not shorter than the
    requested interval, or else the longest step; 0 stays 0.
    """
    if interval_ms <= 0:
        return 0.0
    return STEPS_MS[min(bisect_left(STEPS_MS, interval_ms), len(STEPS_MS) - 1)] / 1000


class Pacing:
    """The prices that wait for paced clients.

    Args:
        registry: which clients share which pace.
        market: the newest prices.
        status: makes snapshots.
    """

    def __init__(self, registry: Registry, market: MarketState, status: Status) -> None:
        self._registry = registry
        self._quote = market.quote
        self._status = status
        self._moved: dict[str, bool] = {}
        self._queue: list[tuple[float, int, Pace]] = []
        self._number = itertools.count()
        self._sweep_above = _SWEEP_ABOVE

    def __bool__(self) -> bool:
        return bool(self._moved)

    @property
    def next_s(self) -> float:
        """When the next waiting price is due; infinite if none waits."""
        return self._queue[0][0] if self._queue else math.inf

    def is_due(self, now_s: float) -> bool:
        """Whether ``due`` has anything to do."""
        return bool(self._moved) or self.next_s <= now_s + _SLACK_S

    def move(self, symbol: str) -> None:
        """A symbol has a new price."""
        self._moved.setdefault(symbol, False)

    def figures_changed(self, symbol: str) -> None:
        """A symbol has new figures without a new price."""
        self._moved[symbol] = True

    def clear(self) -> None:
        """A new epoch: forget the waiting prices. Every first price is sent at once again."""
        self._moved.clear()
        for _, _, pace in self._queue:
            pace.queued = False
        self._queue.clear()
        for topic in self._registry.topics.values():
            for pace in topic.paces.values():
                pace.figures_changed = False
                pace.due_s = 0.0
                for client in pace.shares:
                    pace.shares[client] = Share(0.0, 0)

    def share(self, symbol: str, interval_s: float, now_s: float) -> Share:
        """The share of a new client. It gets a first price at once, or, after a snapshot, the next
        price when its interval is over. The caller must send that snapshot.
        """
        quote = self._quote(symbol)
        return Share(0.0, 0) if quote is None else Share(now_s + interval_s, quote.seq)

    def first_prices(self, client: Subscriber) -> set[str]:
        """The client's symbols that have a price by now, of which it has had none."""
        return {
            symbol
            for symbol, pace in client.paced.items()
            if pace.shares[client].seq == 0 and self._quote(symbol) is not None
        }

    def caught_up(self, client: Subscriber, symbols: set[str], now_s: float) -> None:
        """Note that the client was just sent snapshots of these symbols."""
        for symbol in symbols & client.paced.keys():
            pace = client.paced[symbol]
            pace.shares[client] = self.share(symbol, pace.interval_s, now_s)

    def due(self, now_s: float) -> list[tuple[Subscriber, Frames]]:
        """The prices that are due now, for each client that gets any; they count as sent."""
        self._queue_moved()
        outgoing: dict[Subscriber, list[bytes]] = {}
        forms: dict[str, _Forms] = {}
        while self._queue and self._queue[0][0] <= now_s + _SLACK_S:
            self._fire(heapq.heappop(self._queue)[2], now_s, outgoing, forms)
        made: dict[tuple[bytes, ...], Frames] = {}
        return [
            (client, made.setdefault(key, Frames(key)))
            for client, key in ((client, tuple(each)) for client, each in outgoing.items())
        ]

    def _queue_moved(self) -> None:
        moved, self._moved = self._moved, {}
        for symbol, figures_changed in moved.items():
            topic = self._registry.topics.get(symbol)
            for pace in topic.paces.values() if topic is not None else ():
                pace.figures_changed |= figures_changed
                self._enqueue(pace)

    def _enqueue(self, pace: Pace) -> None:
        if pace.queued:
            return
        pace.queued = True
        heapq.heappush(self._queue, (pace.due_s, next(self._number), pace))
        if len(self._queue) > self._sweep_above:
            self._queue = [entry for entry in self._queue if entry[2].shares]
            heapq.heapify(self._queue)
            self._sweep_above = max(_SWEEP_ABOVE, 2 * len(self._queue))

    def _fire(
        self,
        pace: Pace,
        now_s: float,
        outgoing: dict[Subscriber, list[bytes]],
        made: dict[str, "_Forms"],
    ) -> None:
        """Collect the newest price of one pace for every client that shares it."""
        pace.queued = False
        quote = self._quote(pace.symbol)
        if quote is None or not pace.shares:
            return
        forms = made.get(pace.symbol)
        if forms is None:
            forms = made[pace.symbol] = _Forms(quote, self._status)
        figures_changed, pace.figures_changed = pace.figures_changed, False
        sat_out = False
        for client, share in pace.shares.items():
            if not figures_changed and share.seq == quote.seq:
                continue
            if share.from_s > now_s + _SLACK_S:
                sat_out = True
                share.seq = SNAPSHOT_DUE if figures_changed else share.seq
            elif client.sink.missed is not None:
                client.sink.missed.symbols.add(pace.symbol)
            else:
                outgoing.setdefault(client, []).append(forms.after(share.seq, figures_changed))
                share.seq = quote.seq
        pace.due_s = now_s + pace.interval_s
        if sat_out:
            self._enqueue(pace)


class _Forms:
    """One quote in both forms, each encoded when it is first needed."""

    __slots__ = ("_long", "_quote", "_short", "_status", "_told")

    def __init__(self, quote: Quote, status: Status) -> None:
        self._quote = quote
        self._status = status
        self._told = status.state(quote.symbol) == ("polled" if quote.polled else "live")
        """Whether the short form says the state: else a price that waited would undo a status."""
        self._short: bytes | None = None
        self._long: bytes | None = None

    def after(self, seq: int, figures_changed: bool) -> bytes:  # noqa: FBT001
        """The short form if this is the very next price after ``seq`` and its symbol's state is
        what that form says, else the snapshot form.
        """
        quote = self._quote
        if figures_changed or seq + 1 != quote.seq or not self._told:
            if self._long is None:
                self._long = self._status.snapshot(quote)
            return self._long
        if self._short is None:
            self._short = frame(_short_form(quote))
        return self._short


def _short_form(quote: Quote) -> bytes:
    if quote.polled:
        return messages.polled_update(quote)
    trade = Trade(quote.symbol, quote.price, quote.volume, quote.time_ms)
    return messages.price_update(trade, quote.seq)
