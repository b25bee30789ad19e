"""The rules of one ``/ws`` client: what each of its messages does, and when it has to go.

Synchronous, without I/O: ``receive`` takes one message and answers through the client's sink; the
WebSocket around it only moves texts. One bad message never ends a healthy connection; five in a
row, or asking too often, do.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from photon_app.errors import RequestError
from photon_app.gateway import protocol
from photon_app.gateway.limits import MessageBudget
from photon_app.gateway.protocol import (
    ListSubscriptions,
    Ping,
    Request,
    Subscribe,
    Unsubscribe,
    UnsubscribeAll,
)
from photon_app.hub import messages
from photon_app.hub.bar_channel import Key
from photon_app.hub.frames import Frames
from photon_app.hub.hub import Hub
from photon_app.hub.messages import Rejection
from photon_app.hub.registry import Subscriber
from photon_app.hub.sink import Sink
from photon_app.model import TIMEFRAMES, Timeframe, parse_symbol

log = logging.getLogger(__name__)

BAD_MESSAGES_IN_A_ROW = 5
POLICY_VIOLATION = 1008
RATE_LIMITED = 4029


class Session:
    """One client of the event format."""

    def __init__(
        self,
        hub: Hub,
        sink: Sink,
        *,
        max_symbols: int,
        messages_per_s: float,
        now_s: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        """Register the client and greet it.

        Args:
            hub: where it subscribes.
            sink: its outbox.
            max_symbols: the most subscriptions it may have.
            messages_per_s: how often it may ask, with a burst of twice that, and of its symbols
                (``limits.MessageBudget``).
            now_s: a monotonic clock.
            wall_ms: the wall clock, UNIX ms.
        """
        self._hub = hub
        self._sink = sink
        self._max_symbols = max_symbols
        self._now_s = now_s
        self._wall_ms = wall_ms
        self._budget = MessageBudget(messages_per_s, max_symbols, now_s())
        self._bad_in_a_row = 0
        self._client: Subscriber = hub.join(sink)

    def receive(self, text: str) -> None:
        """Handle one message. Never raises for what a client sends."""
        try:
            request = protocol.decode(text)
        except RequestError as problem:
            if self._may(0):
                self._refuse(problem, protocol.request_id(text))
            return
        if self._may(protocol.symbols_named(request)):
            self._obey(request)

    def end(self) -> None:
        """The connection is over."""
        self._hub.leave(self._client)

    def _may(self, symbols: int) -> bool:
        """Whether a message that names so many symbols is within the budget; if not, the client
        has to go.
        """
        if self._budget.take(self._now_s(), symbols):
            return True
        problem = RequestError("rate_limited", "too many messages: slow down and reconnect")
        retry_after_ms = round(self._budget.retry_after_s() * 1000) + 1
        self._send(messages.error(problem, None, retry_after_ms))
        self._sink.close(RATE_LIMITED, "too many messages")
        return False

    def _obey(self, request: Request) -> None:
        try:
            self._handle(request)
        except RequestError as problem:
            self._refuse(problem, request.id)
        except Exception:
            log.exception("a message of a client could not be handled")
            fault = RequestError("internal", "a fault of this server: nothing was done")
            self._send(messages.error(fault, request.id))
        else:
            self._bad_in_a_row = 0

    def _handle(self, request: Request) -> None:
        match request:
            case Subscribe(channel="bars", timeframe=timeframe) if timeframe is not None:
                self._subscribe_bars(request, timeframe)
            case Subscribe():
                self._subscribe(request)
            case Unsubscribe(channel="bars"):
                self._unsubscribe_bars(request)
            case Unsubscribe():
                self._unsubscribe(request)
            case UnsubscribeAll():
                self._hub.unsubscribe_bars(self._client, self._keys())
                gone = self._hub.unsubscribe(self._client, self._client.symbols)
                self._acknowledge("unsubscribed", gone, [], request.id)
            case ListSubscriptions():
                self._acknowledge("listed", self._client.symbols, [], request.id)
            case Ping():
                self._send(messages.pong(self._wall_ms(), request.id))

    def _subscribe(self, request: Subscribe) -> None:
        accepted: dict[str, None] = {}
        rejected: list[Rejection] = []
        for text in dict.fromkeys(request.symbols):
            try:
                symbol = parse_symbol(text)
                self._hub.spelled(text)
                self._admit(symbol, accepted)
                accepted[symbol] = None
            except RequestError as problem:
                rejected.append(Rejection(text[:64], problem.code, problem.message))
        self._hub.subscribe(self._client, accepted, request.interval_ms / 1000)
        self._acknowledge("subscribed", accepted, rejected, request.id)
        self._hub.welcome(self._client, accepted)

    def _unsubscribe(self, request: Unsubscribe) -> None:
        accepted, rejected = _parsed(request.symbols)
        self._hub.unsubscribe(self._client, accepted)
        self._acknowledge("unsubscribed", accepted, rejected, request.id)

    def _subscribe_bars(self, request: Subscribe, timeframe: Timeframe) -> None:
        keys: dict[Key, None] = {}
        parsed, rejected = _parsed(request.symbols)
        for text in request.symbols:
            self._hub.spelled(text)
        for symbol in parsed:
            key = Key(symbol, timeframe)
            try:
                self._admit_bars(key, keys)
                keys[key] = None
            except RequestError as problem:
                rejected.append(Rejection(symbol, problem.code, problem.message))
        self._hub.bars.subscribe(self._client, keys)
        symbols = [key.symbol for key in keys]
        self._acknowledge_bars("subscribed", symbols, rejected, request.id, timeframe)
        self._hub.bars.welcome(self._client, keys)

    def _unsubscribe_bars(self, request: Unsubscribe) -> None:
        symbols, rejected = _parsed(request.symbols)
        timeframes = TIMEFRAMES if request.timeframe is None else (request.timeframe,)
        keys = [Key(symbol, timeframe) for symbol in symbols for timeframe in timeframes]
        self._hub.unsubscribe_bars(self._client, keys)
        self._acknowledge_bars("unsubscribed", symbols, rejected, request.id, request.timeframe)

    def _keys(self) -> list[Key]:
        """What the client has in the bars channel."""
        had = self._hub.bars.of(self._client)
        return [Key(symbol, timeframe) for timeframe, those in had.items() for symbol in those]

    def _admit_bars(self, key: Key, accepted: Mapping[Key, None]) -> None:
        if self._hub.bars.has(self._client, key):
            return
        fresh = sum(not self._hub.bars.has(self._client, one) for one in accepted)
        if self._hub.bars.count(self._client) + fresh >= self._max_symbols:
            raise RequestError(
                "too_many_symbols",
                f"one connection may have {self._max_symbols} symbols of bars: unsubscribe some "
                "first",
            )
        self._hold(key.symbol)

    def _hold(self, symbol: str) -> None:
        if not self._hub.hold(symbol):
            raise RequestError(
                "too_many_symbols", "this server follows as many symbols as it may: try later"
            )

    def _admit(self, symbol: str, accepted: Iterable[str]) -> None:
        if symbol in self._client.order or symbol in accepted:
            return
        held = len(self._client.order) + sum(s not in self._client.order for s in accepted)
        if held >= self._max_symbols:
            raise RequestError(
                "too_many_symbols",
                f"one connection may have {self._max_symbols} symbols: unsubscribe some first",
            )
        self._hold(symbol)

    def _acknowledge_bars(
        self,
        status: Literal["subscribed", "unsubscribed"],
        symbols: Iterable[str],
        rejected: list[Rejection],
        request_id: str | int | None,
        timeframe: Timeframe | None,
    ) -> None:
        had = self._hub.bars.of(self._client)
        every = (
            had.get(timeframe, []) if timeframe else [s for those in had.values() for s in those]
        )
        self._send(
            messages.bars_subscription(
                status,
                list(symbols),
                rejected,
                list(dict.fromkeys(every)),
                request_id,
                timeframe=timeframe,
            )
        )

    def _acknowledge(
        self,
        status: Literal["subscribed", "unsubscribed", "listed"],
        symbols: Iterable[str],
        rejected: list[Rejection],
        request_id: str | int | None,
    ) -> None:
        bars = self._hub.bars.of(self._client) if status == "listed" else None
        self._send(
            messages.subscription(
                status, list(symbols), rejected, self._client.symbols, request_id, bars=bars
            )
        )

    def _refuse(self, problem: RequestError, request_id: str | int | None) -> None:
        self._send(messages.error(problem, request_id))
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= BAD_MESSAGES_IN_A_ROW:
            self._sink.close(POLICY_VIOLATION, "five bad messages in a row")

    def _send(self, payload: bytes) -> None:
        self._hub.answer(self._client, Frames.of(payload))


def _parsed(texts: Iterable[str]) -> tuple[list[str], list[Rejection]]:
    """The symbols among what a client sent, each once, and what is none."""
    symbols: dict[str, None] = {}
    rejected: list[Rejection] = []
    for text in dict.fromkeys(texts):
        try:
            symbols[parse_symbol(text)] = None
        except RequestError as problem:
            rejected.append(Rejection(text[:64], problem.code, problem.message))
    return list(symbols), rejected
