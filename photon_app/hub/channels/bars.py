"""The bars channel of ``/ws``: running bars, closed ones, corrections.

Beside the hub, for the same clients and sinks; on the event loop only. The clients that want bars
of a symbol and timeframe share a ``BarSubscription``. ``PER_S`` times a second each of these looks
whether its bars changed; what changed is encoded once, and each client written once: at most
``PER_S`` a second of one bar, whatever the tape does. It ends with its last client, and with it all
that is remembered.

A bar is told as running until it is final (``market.bars``), then once as final, and again, as
corrected, when a late trade changes it. A client that is congested is not written to: it is
remembered which of its subscriptions moved, and when it has drained it gets their newest bars. With
very many subscriptions a round takes longer than a quarter of a second: it is cut into slices of
``SLICE_S``, with as much time for others between them.

Bounds: of each subscription the bars that are not final yet and were told, at most ``MOST`` a
round: a replay as fast as possible passes over more between two rounds, and the newest are told.
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
"""No more bars than that can be corrected by what is not too late."""
SLICE_S = 0.002
_BEFORE_ALL = Span(-1, 0)
log = logging.getLogger(__name__)


class Key(NamedTuple):
    """What a client subscribes."""

    symbol: str
    timeframe: Timeframe


class BarSubscription:
    """The bars of one symbol and timeframe, and who wants them."""

    __slots__ = ("changes", "clients", "late", "newest", "running", "told_ms")

    def __init__(self, changes: int, told_ms: int) -> None:
        self.clients: dict[Subscriber, None] = {}
        self.changes = changes
        """How far the bars had changed when they were told."""
        self.told_ms = told_ms
        """Every bar that ends by then was told as final, or was there before anybody asked."""
        self.running: dict[Span, Bar] = {}
        """The bars that were told and are not final yet, as they were told."""
        self.newest: tuple[Span, Bar | None] = (_BEFORE_ALL, None)
        """The bar of the newest trade, as it was told."""
        self.late: dict[Span, None] = {}
        """The bars that a late trade may have changed."""

    def tell(self, span: Span, bar: Bar, *, final: bool) -> None:
        """Remember what is told."""
        if final:
            self.running.pop(span, None)
        else:
            self.running[span] = bar
        if span >= self.newest[0]:
            self.newest = span, bar


class BarsChannel:
    """Who wants bars, and what they are told."""

    def __init__(
        self,
        bars: Bars,
        hours: Hours,
        clients: Clients,
        *,
        flusher: Flusher,
    ) -> None:
        """Make one without clients.

        Args:
            bars: what there is to tell.
            hours: the exchange's days as they are known.
            clients: the table of all that are connected.
            flusher: says when this is flushed.
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
        """What a client has, by timeframe, in the order asked."""
        wanted = self._wanted.get(client, {})
        found: dict[Timeframe, list[str]] = {}
        for timeframe in TIMEFRAMES:
            symbols = [key.symbol for key in wanted if key.timeframe == timeframe]
            if symbols:
                found[timeframe] = symbols
        return found

    def has(self, client: Subscriber, key: Key) -> bool:
        """Whether a client wants these bars."""
        return key in self._wanted.get(client, ())

    def count(self, client: Subscriber) -> int:
        """How many subscriptions a client has."""
        return len(self._wanted.get(client, ()))

    def clients_of(self, symbol: str) -> list[Subscriber]:
        """Who wants bars of a symbol, of any timeframe; each as often as it has one."""
        keys = (Key(symbol, timeframe) for timeframe in TIMEFRAMES)
        subscriptions = [self._subscriptions[key] for key in keys if key in self._subscriptions]
        return [client for shared in subscriptions for client in shared.clients]

    def subscribe(self, client: Subscriber, keys: Iterable[Key]) -> None:
        """Tell a client of these bars from now on; those that it has already change nothing."""
        self._hear_corrections()  # before anybody comes who has the corrected bar already
        for key in keys:
            shared = self._subscriptions.get(key)
            if shared is None:
                shared = self._subscriptions[key] = self._begin(key)
            shared.clients[client] = None
            self._wanted.setdefault(client, {})[key] = None
        if self._subscriptions:
            self._flusher.at(self, self._flusher.now_s() + 1 / PER_S)

    def newest(self, keys: Iterable[Key]) -> Frames:
        """The newest bar of each, for a client that just subscribed."""
        return Frames.of(*(text for key in keys for text in self._newest(key)))

    def unsubscribe(self, client: Subscriber, keys: Iterable[Key]) -> list[Key]:
        """Tell a client no more of these; returns those that it had."""
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
        """The client is gone; returns what it had."""
        return self.unsubscribe(client, list(self._wanted.get(client, ())))

    def missed_by(self, client: Subscriber) -> list[bytes]:
        """The newest bars of what moved while a client was congested; forgets it."""
        return [text for key in self._missed.pop(client, ()) for text in self._newest(key)]

    def begin_anew(self) -> None:
        """The market starts anew: nothing that was told holds."""
        self._bars.take_corrections()
        for key, shared in self._subscriptions.items():
            fresh = self._subscriptions[key] = self._begin(key)
            fresh.clients = shared.clients
        self._missed.clear()

    # Inside

    def _begin(self, key: Key) -> BarSubscription:
        """A subscription whose first client is told the newest bar elsewhere."""
        shared = BarSubscription(self._bars.changes(key.symbol), self._bars.final_ms)
        calendar = self._hours.calendar
        newest_ms = self._bars.newest_ms(key.symbol)
        first_ms = shared.told_ms if newest_ms is None else min(shared.told_ms, newest_ms)
        for span in self._due(key, shared, calendar, since_ms=first_ms):
            bar = self._bar(key, span, calendar)
            shared.newest = span, bar
            if bar is not None and span.end_ms > shared.told_ms:
                shared.running[span] = bar
        return shared

    def _hear_corrections(self) -> None:
        """Bars that were told may have changed, or there may be one more."""
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
        """Look at every subscription, some milliseconds at a time, so that prices leave between."""
        if not self._subscriptions:
            return
        self._hear_corrections()
        now_s = self._flusher.now_s()
        if not self._due_keys:
            self._begun_s = now_s
            self._due_keys = list(self._subscriptions)
        final_ms, calendar = self._bars.final_ms, self._hours.calendar
        frames: dict[Subscriber, list[bytes]] = {}
        while self._due_keys:  # at least one a slice, however slow the clock says that it was
            key = self._due_keys.pop()
            if (shared := self._subscriptions.get(key)) is not None:
                self._tell(key, shared, self._news(key, shared, final_ms, calendar), frames)
            if self._flusher.now_s() - now_s >= SLICE_S:
                break
        next_s = self._flusher.now_s() + SLICE_S if self._due_keys else self._begun_s + 1 / PER_S
        self._flusher.at(self, next_s)
        for client, those in frames.items():  # one write per client, whatever it follows
            self._clients.guard(client, client.sink.send, Frames(those))

    def _tell(
        self,
        key: Key,
        shared: BarSubscription,
        texts: list[bytes],
        frames: dict[Subscriber, list[bytes]],
    ) -> None:
        """Add what is new to what each client is written, or note that it missed it."""
        if not texts:
            return
        framed = [frame(text) for text in texts]
        for client in shared.clients:
            if client.sink.congested:
                self._missed.setdefault(client, {})[key] = None
            else:
                frames.setdefault(client, []).extend(framed)

    def _news(
        self, key: Key, shared: BarSubscription, final_ms: int, calendar: Calendar
    ) -> list[bytes]:
        """What is to be told of a subscription now."""
        changes = self._bars.changes(key.symbol)
        over = any(span.end_ms <= final_ms for span in shared.running)
        if changes == shared.changes and not over:
            return []
        texts = []
        late, shared.late = shared.late, {}
        told = {shared.newest[0]: shared.newest[1], **shared.running}
        for span in dict.fromkeys([*late, *self._due(key, shared, calendar)]):
            bar = self._bar(key, span, calendar)
            known = told.get(span)
            closed = span.end_ms <= shared.told_ms and span not in shared.running
            final = span.end_ms <= final_ms
            if bar is None or (bar == known and (closed or not final)):
                continue
            corrected = closed and (span in late or known is not None)
            texts.append(messages.bar(*key, bar, final=final, corrected=corrected))
            shared.tell(span, bar, final=final)
        shared.changes = changes
        shared.told_ms = max(shared.told_ms, final_ms)
        return texts

    def _due(
        self, key: Key, shared: BarSubscription, calendar: Calendar, *, since_ms: int = -1
    ) -> list[Span]:
        """The spans that may have something to tell: those that were told and are not final, and
        those from the newest that was told to that of the newest trade.
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
