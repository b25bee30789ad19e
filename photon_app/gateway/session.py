"""The rules of one ``/ws`` client: what each of its messages does, and when it is closed.

Synchronous, without I/O: ``receive`` takes one message and answers through the client's sink; the
WebSocket around it only moves texts. One bad message never ends a healthy connection; five in a
row, or exceeding the rate, do.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from photon_app import disconnect
from photon_app.clock import SYSTEM, Time
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
from photon_app.hub.channels.bars import Key
from photon_app.hub.channels.paced import stepped_s
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.frames import Frames
from photon_app.hub.hub import Hub
from photon_app.hub.messages import Rejection
from photon_app.hub.registry import Subscriber
from photon_app.hub.sink import Sink
from photon_app.hub.stalls import Stalls
from photon_app.model import TIMEFRAMES, Timeframe, parse_symbol

log = logging.getLogger(__name__)

BAD_MESSAGES_IN_A_ROW = 5
MOST_REFUSED = 50
"""How many names of one message are refused individually."""
LONGEST_NAME = 64
"""How many characters of a refused name are sent back."""


class Session:
    """One client of the event or the batch format."""

    def __init__(
        self,
        hub: Hub,
        sink: Sink,
        *,
        max_symbols: int,
        messages_per_s: float,
        time: Time = SYSTEM,
        stalls: Stalls | None = None,
        address: str | None = None,
        form: Form = EVENTS,
    ) -> None:
        """Register the client and greet it.

        Args:
            hub: where it subscribes.
            sink: its outbox.
            max_symbols: the most subscriptions it may have.
            messages_per_s: the rate of its messages, with a burst of twice that, plus a reserve
                for its symbols (``limits.MessageBudget``).
            time: of this process.
            stalls: for how long this process stalled.
            address: key of the client's address, if known.
            form: how its messages look.
        """
        self._hub = hub
        self._sink = sink
        self._max_symbols = max_symbols
        self._now_s = time.monotonic
        self._wall_ms = time.now_ms
        self._budget = MessageBudget(messages_per_s, max_symbols, time.monotonic(), stalls)
        self._bad_in_a_row = 0
        self._client: Subscriber = hub.join(sink, address, form)

    def receive(self, text: str, waited_s: float = 0.0) -> None:
        """Handle one message. Never raises for what a client sends.

        Args:
            text: the message.
            waited_s: how long it waited in this process, in seconds.
        """
        self.waited(waited_s)
        try:
            request = protocol.decode(text)
        except RequestError as problem:
            if self._within_budget():
                self._refuse(problem, protocol.request_id(text))
            return
        if self._within_budget(*self._cost(request)):
            self._execute(request)

    def waited(self, seconds: float) -> None:
        """The client was not read for this long: what it sent meanwhile counts as sent then."""
        self._budget.waited(self._now_s(), seconds)

    def end(self) -> None:
        """The connection is over."""
        self._hub.leave(self._client)

    def _cost(self, request: Request) -> tuple[int, float]:
        """The cost of a message: ``protocol.cost``, or by how many subscriptions it affects."""
        match request:
            case ListSubscriptions():
                return 0, max(1.0, self._count() / protocol.LISTED_PER_TOKEN)
            case UnsubscribeAll():
                had = self._count()
                return had, max(1.0, had / protocol.NAMES_PER_TOKEN)
            case _:
                return protocol.cost(request, self._max_symbols)

    def _count(self) -> int:
        """How many subscriptions the client has, in both channels."""
        return len(self._client.order) + self._hub.bars.count(self._client)

    def _within_budget(self, symbols: int = 0, cost: float = 1.0) -> bool:
        """Whether a message of this cost is within the budget; if not, the client is closed."""
        if self._budget.take(self._now_s(), symbols, cost):
            return True
        problem = RequestError(
            "rate_limited",
            "too many messages, or too much in them (PHOTON_MESSAGES_PER_S): slow down and "
            "reconnect",
        )
        retry_after_ms = round(self._budget.retry_after_s() * 1000) + 1
        self._send(messages.error(problem, None, retry_after_ms))
        self._sink.close(*disconnect.TOO_MANY_MESSAGES)
        return False

    def _execute(self, request: Request) -> None:
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
        had = self._client.order
        room = self._max_symbols - len(had)
        accepted, rejected = self._admitted(request.symbols, had.__contains__, room, "symbols")
        named = self._last_seqs(request)
        same_epoch = request.since is not None and request.since.epoch == self._hub.epoch
        since = named if same_epoch else None
        interval_s = stepped_s(request.interval_ms)
        found = self._hub.subscribe(self._client, accepted, interval_s, since)
        told = messages.subscription(
            "subscribed",
            accepted,
            rejected,
            self._client.symbols,
            request.id,
            recovered=None if named is None else {symbol: symbol in found for symbol in named},
        )
        self._hub.welcome(self._client, accepted, found, before=Frames.of(told))

    def _last_seqs(self, request: Subscribe) -> dict[str, int] | None:
        """What a client that comes back had last; ``None`` for any other."""
        since = request.since
        return None if since is None else protocol.last_seqs(since, self._max_symbols)

    def _unsubscribe(self, request: Unsubscribe) -> None:
        accepted, rejected = self._sorted(request.symbols, parse_symbol)
        self._hub.unsubscribe(self._client, accepted)
        self._acknowledge("unsubscribed", accepted, rejected, request.id)

    def _subscribe_bars(self, request: Subscribe, timeframe: Timeframe) -> None:
        bars = self._hub.bars
        symbols, rejected = self._admitted(
            request.symbols,
            lambda symbol: bars.has(self._client, Key(symbol, timeframe)),
            self._max_symbols - bars.count(self._client),
            "symbols of bars",
        )
        keys = [Key(symbol, timeframe) for symbol in symbols]
        bars.subscribe(self._client, keys)
        named = self._last_seqs(request)
        recovered = None if named is None else dict.fromkeys(named, False)
        self._acknowledge_bars(
            "subscribed", symbols, rejected, request.id, timeframe, recovered=recovered
        )
        self._hub.welcome_bars(self._client, keys)

    def _unsubscribe_bars(self, request: Unsubscribe) -> None:
        symbols, rejected = self._sorted(request.symbols, parse_symbol)
        timeframes = TIMEFRAMES if request.timeframe is None else (request.timeframe,)
        keys = [Key(symbol, timeframe) for symbol in symbols for timeframe in timeframes]
        self._hub.unsubscribe_bars(self._client, keys)
        self._acknowledge_bars("unsubscribed", symbols, rejected, request.id, request.timeframe)

    def _admitted(
        self, texts: list[str], has: Callable[[str], bool], room: int, what: str
    ) -> tuple[list[str], list[Rejection]]:
        """The symbols among some names that the client may have, and what is refused. Takes a hold
        on each symbol that it does not have yet.

        Args:
            texts: the names that the client sent.
            has: whether it has a symbol already.
            room: how many more it may have.
            what: what is limited, in a word or two.
        """
        fresh: set[str] = set()

        def admit(text: str) -> str:
            symbol = parse_symbol(text)
            if symbol not in fresh and not has(symbol):
                if len(fresh) >= room:
                    raise RequestError(
                        "too_many_symbols",
                        f"one connection may have {self._max_symbols} {what} "
                        "(PHOTON_MAX_SYMBOLS): unsubscribe some first",
                    )
                self._hub.spelled(text)
                self._hold(symbol)
                fresh.add(symbol)
            else:
                self._hub.spelled(text)
            return symbol

        return self._sorted(texts, admit)

    def _sorted(
        self, texts: list[str], take: Callable[[str], str]
    ) -> tuple[list[str], list[Rejection]]:
        """The symbols among some names, each once, and what is refused: the first ones
        individually, and one entry for all the rest.
        """
        names = list(dict.fromkeys(texts))
        most = protocol.most_names(self._max_symbols)
        taken: dict[str, None] = {}
        rejected: list[Rejection] = []
        for place, text in enumerate(names[:most]):
            try:
                taken[take(text)] = None
            except RequestError as problem:
                if len(rejected) == MOST_REFUSED:
                    rejected.append(_rest(names[place:], problem))
                    break
                rejected.append(Rejection(_named(text), problem.code, problem.message))
        else:
            if len(names) > most:
                reason = f"of one message {most} names are looked at (twice PHOTON_MAX_SYMBOLS)"
                rejected.append(_rest(names[most:], RequestError("too_many_symbols", reason)))
        return list(taken), rejected

    def _keys(self) -> list[Key]:
        """The client's subscriptions in the bars channel."""
        had = self._hub.bars.of(self._client)
        return [Key(symbol, timeframe) for timeframe, those in had.items() for symbol in those]

    def _hold(self, symbol: str) -> None:
        if not self._hub.hold(self._client, symbol):
            raise RequestError(
                "too_many_symbols",
                "this server follows as many symbols as it may (PHOTON_MAX_SYMBOLS_TOTAL), and "
                "your address has its share of them: try later",
            )

    def _acknowledge_bars(
        self,
        status: Literal["subscribed", "unsubscribed"],
        symbols: Iterable[str],
        rejected: list[Rejection],
        request_id: str | int | None,
        timeframe: Timeframe | None,
        *,
        recovered: Mapping[str, bool] | None = None,
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
                recovered=recovered,
            )
        )

    def _acknowledge(
        self,
        status: Literal["unsubscribed", "listed"],
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
            self._sink.close(*disconnect.BAD_MESSAGES)

    def _send(self, payload: bytes) -> None:
        self._hub.answer(self._client, Frames.of(payload))


def _rest(names: list[str], problem: RequestError) -> Rejection:
    """One entry for names that are refused together without checking each: that of the first."""
    message = problem.message
    if len(names) > 1:
        message = f"refused with the {len(names) - 1} names behind it: {message}"
    return Rejection(_named(names[0]), problem.code, message)


def _named(text: str) -> str:
    """A name as a client wrote it, printable and cut."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:LONGEST_NAME])
