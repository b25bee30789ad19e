"""The bars channel of ``/ws``: running bars, closed ones, corrections.

A part of the hub with the same clients and sinks; on the event loop only. The clients that want
bars of the same symbol and timeframe share a ``BarSubscription``. ``PER_S`` times a second each of
these is checked for changed bars. A changed bar is encoded once, and each client is written to
once: at most ``PER_S`` messages a second for one bar, however busy the tape is. A subscription is
removed with its last client.

A bar is sent as running until it is final (``market.bars``), then once as final, and again as
corrected if a late trade changes it. A congested client is not written to. The channel remembers
which of its subscriptions changed, and sends their newest bars when it has drained. With very many
subscriptions a round takes longer than a quarter of a second. It is then cut into slices of
``SLICE_S``, with as much time for other work between them.

Bounds: for each subscription, the bars that were sent and are not final yet; and at most ``MOST``
new bars per round. A replay as fast as possible makes more than that between two rounds, and only
the newest are sent.
"""

import logging
from collections.abc import Iterable
from typing import NamedTuple

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.hours import Hours
from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import span_at, spans
from photon_app.hub import messages
from photon_app.hub.clients import Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames, frame
from photon_app.hub.registry import Subscriber
from photon_app.market.bars import LATE_MS, Bars
from photon_app.model import TIMEFRAMES, Bar, Timeframe

PER_S = 4
MOST = 60
MOST_LATE = LATE_MS // 1000
"""A trade that is not too late to count can correct no more bars than this."""
SLICE_S = 0.002
_BEFORE_ALL = Span(-1, 0)
log = logging.getLogger(__name__)


class Key(NamedTuple):
    """What a client subscribes to."""

    symbol: str
    timeframe: Timeframe


class BarSubscription:
    """The bars of one symbol and timeframe, and their subscribers."""

    __slots__ = ("changes", "clients", "late", "newest", "running", "sent_ms")

    def __init__(self, changes: int, sent_ms: int) -> None:
        self.clients: dict[Subscriber, None] = {}
        self.changes = changes
        """The symbol's change count (``Bars.changes``) when the bars were last sent."""
        self.sent_ms = sent_ms
        """Every bar that ends by then was sent as final, or is older than this subscription."""
        self.running: dict[Span, Bar] = {}
        """The bars that were sent and are not final yet, as they were sent."""
        self.newest: tuple[Span, Bar | None] = (_BEFORE_ALL, None)
        """The bar of the newest trade, as it was sent."""
        self.late: dict[Span, None] = {}
        """The bars that a late trade may have changed."""

    def record(self, span: Span, bar: Bar, *, final: bool) -> None:
        """Remember a bar that is sent."""
        if final:
            self.running.pop(span, None)
        else:
            self.running[span] = bar
        if span >= self.newest[0]:
            self.newest = span, bar


class BarsChannel:
    """All bar subscriptions, and what was sent for each."""

    def __init__(
        self,
        bars: Bars,
        hours: Hours,
        clients: Clients,
        *,
        flusher: Flusher,
    ) -> None:
        """Make a channel without clients.

        Args:
            bars: the bars in memory.
            hours: the exchange's days as far as they are known.
            clients: the table of all connected clients.
            flusher: decides when this is flushed.
        """
        self._bars = bars
        self._hours = hours
        self._clients = clients
        self._flusher = flusher
        self._subscriptions: dict[Key, BarSubscription] = {}
        self._wanted: dict[Subscriber, dict[Key, None]] = {}
        self._missed: dict[Subscriber, dict[Key, None]] = {}
        self._due_keys: list[Key] = []
        self._begun_s = 0.0

    def __len__(self) -> int:
        return len(self._subscriptions)

    def of(self, client: Subscriber) -> dict[Timeframe, list[str]]:
        """A client's symbols by timeframe, in the order of subscription."""
        wanted = self._wanted.get(client, {})
        found: dict[Timeframe, list[str]] = {}
        for timeframe in TIMEFRAMES:
            symbols = [key.symbol for key in wanted if key.timeframe == timeframe]
            if symbols:
                found[timeframe] = symbols
        return found

    def has(self, client: Subscriber, key: Key) -> bool:
        """Whether a client is subscribed to these bars."""
        return key in self._wanted.get(client, ())

    def count(self, client: Subscriber) -> int:
        """How many subscriptions a client has."""
        return len(self._wanted.get(client, ()))

    def clients_of(self, symbol: str) -> list[Subscriber]:
        """The clients with bars of a symbol; each once per timeframe that it has."""
        keys = (Key(symbol, timeframe) for timeframe in TIMEFRAMES)
        subscriptions = [self._subscriptions[key] for key in keys if key in self._subscriptions]
        return [client for shared in subscriptions for client in shared.clients]

    def subscribe(self, client: Subscriber, keys: Iterable[Key]) -> None:
        """Send a client these bars from now on; those that it has already change nothing."""
        self._take_corrections()  # first: the new client gets the corrected bars anyway
        for key in keys:
            shared = self._subscriptions.get(key)
            if shared is None:
                shared = self._subscriptions[key] = self._begin(key)
            shared.clients[client] = None
            self._wanted.setdefault(client, {})[key] = None
        if self._subscriptions:
            self._flusher.at(self, self._flusher.now_s() + 1 / PER_S)

    def newest(self, keys: Iterable[Key]) -> Frames:
        """The newest bar of each key, for a client that just subscribed."""
        return Frames.of(*(text for key in keys for text in self._newest(key)))

    def unsubscribe(self, client: Subscriber, keys: Iterable[Key]) -> list[Key]:
        """Stop sending a client these bars; returns those that it had."""
        wanted = self._wanted.get(client, {})
        gone = [key for key in keys if key in wanted]
        for key in gone:
            del wanted[key]
            self._missed.get(client, {}).pop(key, None)
            shared = self._subscriptions[key]
            del shared.clients[client]
            if not shared.clients:
                del self._subscriptions[key]
        if not wanted:
            self._wanted.pop(client, None)
            self._missed.pop(client, None)
        return gone

    def leave(self, client: Subscriber) -> list[Key]:
        """Remove a client that is gone; returns what it had."""
        return self.unsubscribe(client, list(self._wanted.get(client, ())))

    def missed_by(self, client: Subscriber) -> list[bytes]:
        """The newest bars of what changed while a client was congested, and clear that record."""
        return [text for key in self._missed.pop(client, ()) for text in self._newest(key)]

    def reset(self) -> None:
        """The market starts a new epoch: bars that were sent are no longer valid."""
        self._bars.take_corrections()
        for key, shared in self._subscriptions.items():
            fresh = self._subscriptions[key] = self._begin(key)
            fresh.clients = shared.clients
        self._missed.clear()

    # Inside

    def _begin(self, key: Key) -> BarSubscription:
        """A new subscription; its first client gets the newest bar by ``newest``."""
        shared = BarSubscription(self._bars.changes(key.symbol), self._bars.final_ms)
        calendar = self._hours.calendar
        newest_ms = self._bars.newest_ms(key.symbol)
        first_ms = shared.sent_ms if newest_ms is None else min(shared.sent_ms, newest_ms)
        for span in self._due(key, shared, calendar, since_ms=first_ms):
            bar = self._bar(key, span, calendar)
            shared.newest = span, bar
            if bar is not None and span.end_ms > shared.sent_ms:
                shared.running[span] = bar
        return shared

    def _take_corrections(self) -> None:
        """Note which bars late trades may have changed or added."""
        for symbol, time_ms in self._bars.take_corrections():
            self._correct(symbol, time_ms)

    def _correct(self, symbol: str, time_ms: int) -> None:
        for timeframe in TIMEFRAMES:
            shared = self._subscriptions.get(Key(symbol, timeframe))
            if shared is not None:
                span = span_at(timeframe, symbol, time_ms, self._hours.calendar)
                if len(shared.late) < MOST_LATE:
                    shared.late[span] = None

    def flush(self) -> None:
        """Check every subscription, in slices of ``SLICE_S``, so that prices leave between."""
        if not self._subscriptions:
            return
        self._take_corrections()
        now_s = self._flusher.now_s()
        if not self._due_keys:
            self._begun_s = now_s
            self._due_keys = list(self._subscriptions)
        final_ms, calendar = self._bars.final_ms, self._hours.calendar
        frames: dict[Subscriber, list[bytes]] = {}
        while self._due_keys:  # at least one per slice, however long it took
            key = self._due_keys.pop()
            if (shared := self._subscriptions.get(key)) is not None:
                self._deliver(
                    key, shared, self._messages_due(key, shared, final_ms, calendar), frames
                )
            if self._flusher.now_s() - now_s >= SLICE_S:
                break
        next_s = self._flusher.now_s() + SLICE_S if self._due_keys else self._begun_s + 1 / PER_S
        self._flusher.at(self, next_s)
        for client, those in frames.items():  # one write per client, however many bars it gets
            self._clients.guard(client, client.sink.send, Frames(those))

    def _deliver(
        self,
        key: Key,
        shared: BarSubscription,
        texts: list[bytes],
        frames: dict[Subscriber, list[bytes]],
    ) -> None:
        """Add the messages to those of each subscriber, or note that it missed them."""
        if not texts:
            return
        framed = [frame(text) for text in texts]
        for client in shared.clients:
            if client.sink.congested:
                self._missed.setdefault(client, {})[key] = None
            else:
                frames.setdefault(client, []).extend(framed)

    def _messages_due(
        self, key: Key, shared: BarSubscription, final_ms: int, calendar: Calendar
    ) -> list[bytes]:
        """The messages to send for a subscription now; remembers them as sent."""
        changes = self._bars.changes(key.symbol)
        over = any(span.end_ms <= final_ms for span in shared.running)
        if changes == shared.changes and not over:
            return []
        texts = []
        late, shared.late = shared.late, {}
        sent = {shared.newest[0]: shared.newest[1], **shared.running}
        for span in dict.fromkeys([*late, *self._due(key, shared, calendar)]):
            bar = self._bar(key, span, calendar)
            known = sent.get(span)
            closed = span.end_ms <= shared.sent_ms and span not in shared.running
            final = span.end_ms <= final_ms
            if bar is None or (bar == known and (closed or not final)):
                continue
            corrected = closed and (span in late or known is not None)
            texts.append(messages.bar(*key, bar, final=final, corrected=corrected))
            shared.record(span, bar, final=final)
        shared.changes = changes
        shared.sent_ms = max(shared.sent_ms, final_ms)
        return texts

    def _due(
        self, key: Key, shared: BarSubscription, calendar: Calendar, *, since_ms: int = -1
    ) -> list[Span]:
        """The spans whose bars may have to be sent: those that were sent and are not final, and
        those from the newest that was sent to that of the newest trade.
        """
        newest_ms = self._bars.newest_ms(key.symbol)
        if newest_ms is None:
            return []
        last = span_at(key.timeframe, key.symbol, newest_ms, calendar)
        most_ms = MOST * (last.end_ms - last.start_ms)
        first_ms = max(shared.newest[0].start_ms, since_ms, last.start_ms - most_ms)
        recent = spans(key.timeframe, key.symbol, first_ms, last.end_ms, calendar)
        return sorted({*shared.running, *recent})

    def _bar(self, key: Key, span: Span, calendar: Calendar) -> Bar | None:
        _, bar = self._bars.bar_at(*key, span.start_ms, calendar)
        return bar

    def _newest(self, key: Key) -> list[bytes]:
        newest_ms = self._bars.newest_ms(key.symbol)
        if newest_ms is None:
            return []
        span, bar = self._bars.bar_at(*key, newest_ms, self._hours.calendar)
        if bar is None:
            return []
        final = span.end_ms <= self._bars.final_ms
        return [messages.bar(*key, bar, final=final, corrected=False)]
