"""Clients of the array format: all prices at once, then every second, in bytes that are shared.

On the event loop. A second has ten turns; a client belongs to the turn that was nearest before it
came, so its second message follows the first after 0.9 to 1 s and the load is spread. On each turn
every set of symbols is encoded once for all of that turn's clients. Without clients nothing is due.

Bound: a congested client is passed over, and nothing waits for it.
"""

from photon_app import disconnect
from photon_app.hub import messages
from photon_app.hub.clients import Channel, Client, Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.hub.status import MarketState
from photon_app.model import MarketFact, Rejected

TURNS = 10
ROUND_S = 1.0
_TURN_S = ROUND_S / TURNS


class ArrayClient(Client):
    """One client of the array format."""

    __slots__ = ("symbols",)
    slow = disconnect.SLOW_ARRAYS

    def __init__(self, sink: Sink, address: str | None = None) -> None:
        super().__init__(sink, address)
        self.symbols: tuple[str, ...] = ()
        """What it gets, in this order."""


class ArraysChannel(Channel[ArrayClient]):
    """Every array client of one process."""

    def __init__(self, market: MarketState, clients: Clients, *, flusher: Flusher) -> None:
        """Make a board without clients.

        Args:
            market: the newest prices.
            clients: the table of all that are connected.
            flusher: says when this is flushed.
        """
        self._quote = market.quote
        super().__init__(clients)
        self._flusher = flusher
        self._turns: list[dict[ArrayClient, None]] = [{} for _ in range(TURNS)]
        self._turn = 0
        self._due_s = 0.0

    def __len__(self) -> int:
        return self._clients.count(self)

    def join(self, sink: Sink, symbols: tuple[str, ...], address: str | None = None) -> ArrayClient:
        """Write all prices of these symbols now, and then every second.

        Args:
            sink: the client's outbox.
            symbols: what it gets, as far as there is room for each.
            address: whose it is, as far as that is known.
        """
        client = ArrayClient(sink, address)
        client.symbols = tuple(one for one in symbols if self._clients.hold(client, one))
        self._turns[self._turn][client] = None
        self._clients.join(client, self, self._frames(client.symbols))
        if not self._flusher.waits(self):
            self._due_s = self._flusher.now_s() + _TURN_S
            self._flusher.at(self, self._due_s)
        return client

    def left(self, client: ArrayClient) -> None:
        """See ``Channel``."""
        for turn in self._turns:
            turn.pop(client, None)

    def hear(self, fact: MarketFact) -> None:
        """Take one fact: of this format only a refusal for want of room concerns anybody now."""
        if isinstance(fact, Rejected) and fact.why is not None:
            self.reject(fact.symbol)

    def reject(self, symbol: str) -> None:
        """Nobody can have this symbol: it is left out from now on."""
        for turn in self._turns:
            for client in [one for one in turn if symbol in one.symbols]:
                client.symbols = tuple(other for other in client.symbols if other != symbol)
                self._clients.release(client, symbol)

    def flush(self) -> None:
        """The next turn: write to its clients."""
        self._turn = (self._turn + 1) % TURNS
        made: dict[tuple[str, ...], Frames] = {}
        for client in list(self._turns[self._turn]):
            if client.sink.congested:
                continue
            frames = made.get(client.symbols)
            if frames is None:
                frames = made[client.symbols] = self._frames(client.symbols)
            self._clients.guard(client, client.sink.send, frames)
        if len(self):  # with no burst after a pause
            self._due_s = max(self._due_s + _TURN_S, self._flusher.now_s())
            self._flusher.at(self, self._due_s)

    def _frames(self, symbols: tuple[str, ...]) -> Frames:
        quotes = [quote for symbol in symbols if (quote := self._quote(symbol)) is not None]
        return Frames.of(messages.array(quotes))
