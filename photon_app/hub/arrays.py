"""Clients of the array format: all prices at once, then every second, in bytes that are shared.

On the event loop. A second has ten turns; a client belongs to the turn that was nearest before it
came, so its second message follows the first after 0.9 to 1 s and the load is spread. On each turn
every set of symbols is encoded once for all of that turn's clients. Without clients there is no
timer.

Bound: a congested client is passed over, and closed when it stays congested; nothing waits for it.
"""

from collections.abc import Callable

from photon_app import disconnect
from photon_app.hub import messages
from photon_app.hub.bulletin import MarketState
from photon_app.hub.frames import Frames
from photon_app.hub.loop import Loop, Timer
from photon_app.hub.sink import Sink
from photon_app.model import MarketFact, Rejected

TURNS = 10
ROUND_S = 1.0
_TURN_S = ROUND_S / TURNS


class ArrayBoard:
    """Every array client of one process."""

    def __init__(self, market: MarketState, *, loop: Loop, slow_s: float = 10.0) -> None:
        """Make a board without clients.

        Args:
            market: the newest prices.
            loop: clock and timer.
            slow_s: how long a client may stay congested before it is closed with 4008.
        """
        self._quote = market.quote
        self._loop = loop
        self._slow_s = slow_s
        self._turns: list[dict[Sink, tuple[str, ...]]] = [{} for _ in range(TURNS)]
        self._release: dict[Sink, Callable[[str], None]] = {}
        self._turn = 0
        self._due_s = 0.0
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return sum(map(len, self._turns))

    def join(
        self,
        sink: Sink,
        symbols: tuple[str, ...],
        release: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Write all prices of these symbols now, and then every second.

        Args:
            sink: the client's outbox.
            symbols: what it gets.
            release: called with a symbol that it gets no more, though it stays.
        """
        sink.send(self._frames(symbols))
        self._release[sink] = release
        self._turns[self._turn][sink] = symbols
        if self._timer is None:
            self._due_s = self._loop.time() + _TURN_S
            self._timer = self._loop.call_later(_TURN_S, self._next_turn)

    def leave(self, sink: Sink) -> None:
        """The client is gone."""
        self._release.pop(sink, None)
        for turn in self._turns:
            turn.pop(sink, None)

    def hear(self, fact: MarketFact) -> None:
        """Take one fact: of this format only a refusal for want of room concerns anybody now."""
        if isinstance(fact, Rejected) and fact.why is not None:
            self.reject(fact.symbol)

    async def relief(self) -> None:
        """At once: nobody here is told every price."""

    def reject(self, symbol: str) -> None:
        """Nobody can have this symbol: it is left out from now on."""
        for turn in self._turns:
            for sink in [one for one, symbols in turn.items() if symbol in symbols]:
                turn[sink] = tuple(other for other in turn[sink] if other != symbol)
                self._release[sink](symbol)

    def shutdown(self, code: int, reason: str) -> None:
        """Close every client."""
        for turn in self._turns:
            for sink in list(turn):
                sink.close(code, reason)

    def _next_turn(self) -> None:
        self._timer = None
        self._turn = (self._turn + 1) % TURNS
        made: dict[tuple[str, ...], Frames] = {}
        for sink, symbols in list(self._turns[self._turn].items()):
            if sink.congested:
                self._close_if_slow(sink)
                continue
            frames = made.get(symbols)
            if frames is None:
                frames = made[symbols] = self._frames(symbols)
            sink.send(frames)
        if len(self):
            now_s = self._loop.time()
            self._due_s = max(self._due_s + _TURN_S, now_s)  # no burst after a pause
            self._timer = self._loop.call_later(self._due_s - now_s, self._next_turn)

    def _close_if_slow(self, sink: Sink) -> None:
        if sink.congested_for_s() >= self._slow_s:
            sink.close(*disconnect.SLOW_ARRAY)

    def _frames(self, symbols: tuple[str, ...]) -> Frames:
        quotes = [quote for symbol in symbols if (quote := self._quote(symbol)) is not None]
        return Frames.of(messages.array(quotes))
