"""The rules of one ``/finnhub`` client: what each of its messages does, and when it is closed.

Synchronous, without I/O: ``receive`` takes one message of Finnhub's protocol and answers errors
through the client's sink. It answers nothing else: Finnhub acknowledges nothing. One bad message
never ends a healthy connection; five in a row, or exceeding the rate, do, as on ``/ws``.

Finnhub's wording is used where it is known: too many symbols, an invalid symbol, a stream that is
not available. Its answer to a malformed message is not known; that wording is Photon's, in
Finnhub's shape.
"""

from typing import Any

import msgspec

from photon_app import disconnect, foreign
from photon_app.clock import SYSTEM, Time
from photon_app.errors import RequestError
from photon_app.gateway.limits import MessageBudget
from photon_app.gateway.protocol import is_symbol
from photon_app.gateway.session import BAD_MESSAGES_IN_A_ROW
from photon_app.hub import finnhub_messages as messages
from photon_app.hub.channels.prints import PrintsChannel
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.hub.stalls import Stalls
from photon_app.model import parse_symbol

NO_ACCESS = "You don't have access to this resource."
"""What Finnhub says if the plan does not include a stream."""
PAID = frozenset({"subscribe-news", "unsubscribe-news", "subscribe-pr", "unsubscribe-pr"})
"""Streams of Finnhub's paid plans: recognised, but not served."""
_EXPECTED = 'expected {"type":"subscribe","symbol":"AAPL"}, unsubscribe or ping'
_SHOWN = 40


class _Command(msgspec.Struct, frozen=True):
    type: str
    symbol: Any = None

    @property
    def names_one(self) -> bool:
        """Whether the command names a symbol."""
        return self.type in {"subscribe", "unsubscribe"} and is_symbol(self.symbol)


_decode = msgspec.json.Decoder(_Command).decode


class FinnhubSession:
    """One client of Finnhub's protocol."""

    def __init__(
        self,
        prints: PrintsChannel,
        sink: Sink,
        *,
        conditions: bool,
        max_symbols: int,
        messages_per_s: float,
        time: Time = SYSTEM,
        stalls: Stalls | None = None,
        address: str | None = None,
    ) -> None:
        """Register the client.

        Args:
            prints: the channel of its trades.
            sink: its outbox.
            conditions: whether its trades carry their conditions.
            max_symbols: the most symbols that it may follow.
            messages_per_s: the rate of its messages, with a burst of twice that. In addition it may
                subscribe and unsubscribe all of its symbols at once, since a message carries one.
            time: of this process.
            stalls: for how long this process stalled.
            address: key of the client's address, if known.
        """
        self._prints = prints
        self._sink = sink
        self._max_symbols = max_symbols
        self._now_s = time.monotonic
        self._budget = MessageBudget(messages_per_s, max_symbols, time.monotonic(), stalls)
        self._bad_in_a_row = 0
        self._client = prints.join(sink, conditions=conditions, address=address)

    def receive(self, text: str, waited_s: float = 0.0) -> None:
        """Handle one message. Never raises for what a client sends.

        Args:
            text: the message.
            waited_s: how long it waited in this process, in seconds.
        """
        self.waited(waited_s)
        try:
            command = _decode(text)
        except (ValueError, RecursionError):
            command = None
        if not self._budget.take(self._now_s(), int(command is not None and command.names_one)):
            self._say("Too many messages: slow down and reconnect")
            self._sink.close(*disconnect.TOO_MANY_MESSAGES)
        elif command is None:
            self._refuse(f"Invalid message: {_EXPECTED}")
        else:
            self._handle(command)

    def waited(self, seconds: float) -> None:
        """The client was not read for this long: what it sent meanwhile counts as sent then."""
        self._budget.waited(self._now_s(), seconds)

    def end(self) -> None:
        """The connection is over."""
        self._prints.leave(self._client)

    def _handle(self, command: _Command) -> None:
        if command.type in PAID:
            self._say(NO_ACCESS)
        elif command.type not in {"subscribe", "unsubscribe", "ping"}:
            self._refuse(f"Unknown type {foreign.printable(command.type, _SHOWN)}: {_EXPECTED}")
            return
        elif command.type != "ping" and not self._change_symbols(command):
            return
        self._bad_in_a_row = 0

    def _change_symbols(self, command: _Command) -> bool:
        """Add or remove a symbol; returns false if the message names none."""
        if not isinstance(command.symbol, str):
            self._refuse(f"Invalid message: {_EXPECTED}")
            return False
        try:
            symbol = parse_symbol(command.symbol)
        except RequestError:
            self._send(messages.invalid_symbol(foreign.printable(command.symbol, _SHOWN)))
            return True
        if command.type == "unsubscribe":
            self._prints.unsubscribe(self._client, symbol)
        elif symbol not in self._client.symbols:
            self._prints.spelled(command.symbol)
            self._follow(symbol)
        return True

    def _follow(self, symbol: str) -> None:
        full = len(self._client.symbols) >= self._max_symbols
        if full or not self._prints.hold(self._client, symbol):
            self._say(messages.TOO_MANY_SYMBOLS)
        else:
            self._prints.subscribe(self._client, symbol)

    def _refuse(self, words: str) -> None:
        self._say(words)
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= BAD_MESSAGES_IN_A_ROW:
            self._sink.close(*disconnect.BAD_MESSAGES)

    def _say(self, words: str) -> None:
        self._send(messages.error(words))

    def _send(self, payload: bytes) -> None:
        self._sink.send(Frames.of(payload))
