"""The arrays channel: clients of the array format get all prices at once, then every second.

On the event loop. A second has ten phases. A client belongs to the phase that was last written
before it joined, so its second message follows the first after 0.9 to 1 s, and the load is spread.
In each phase every distinct set of symbols is encoded once for all clients of the phase. Without
clients no timer runs.

Bound: a congested client is skipped, and nothing is queued for it.
"""

from photon_app import disconnect
from photon_app.hub import messages
from photon_app.hub.clients import Channel, Client, Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.hub.status import MarketState
from photon_app.model import MarketFact, Rejected

PHASES = 10
ROUND_S = 1.0
_PHASE_S = ROUND_S / PHASES


class ArrayClient(Client):
    """One client of the array format."""

    __slots__ = ("symbols",)
    slow = disconnect.SLOW_ARRAYS

    def __init__(self, sink: Sink, address: str | None = None) -> None:
        super().__init__(sink, address)
        self.symbols: tuple[str, ...] = ()
        """Its symbols, in the order in which it gets them."""


class ArraysChannel(Channel[ArrayClient]):
    """Every array client of one process."""

    def __init__(self, market: MarketState, clients: Clients, *, flusher: Flusher) -> None:
        """Make a channel without clients.

        Args:
            market: the newest prices.
            clients: the table of all connected clients.
            flusher: decides when this is flushed.
        """
        self._quote = market.quote
        super().__init__(clients)
        self._flusher = flusher
        self._phases: list[dict[ArrayClient, None]] = [{} for _ in range(PHASES)]
        self._phase = 0
        self._due_s = 0.0

    def __len__(self) -> int:
        return self._clients.count(self)

    def join(self, sink: Sink, symbols: tuple[str, ...], address: str | None = None) -> ArrayClient:
        """Register a client, and write it all prices of its symbols now and then every second.

        Args:
            sink: where its frames go.
            symbols: what it asks for; a symbol for which there is no room is left out.
            address: its address, if known.
        """
        client = ArrayClient(sink, address)
        self._clients.join(client, self, lambda: self._greeting(client, symbols))
        if not client.gone and not self._flusher.waits(self):
            self._due_s = self._flusher.now_s() + _PHASE_S
            self._flusher.at(self, self._due_s)
        return client

    def left(self, client: ArrayClient) -> None:
        """See ``Channel``."""
        for phase in self._phases:
            phase.pop(client, None)

    def hear(self, fact: MarketFact) -> None:
        """Take one fact: only a refusal for want of room matters to this format."""
        if isinstance(fact, Rejected) and fact.why is not None:
            self.reject(fact.symbol)

    def reject(self, symbol: str) -> None:
        """A symbol cannot be served: leave it out for every client from now on."""
        for phase in self._phases:
            for client in [one for one in phase if symbol in one.symbols]:
                client.symbols = tuple(other for other in client.symbols if other != symbol)
                self._clients.release(client, symbol)

    def flush(self) -> None:
        """Write to the clients of the next phase."""
        self._phase = (self._phase + 1) % PHASES
        made: dict[tuple[str, ...], Frames] = {}
        for client in list(self._phases[self._phase]):
            if client.sink.congested:
                continue
            try:
                frames = made.get(client.symbols)
                if frames is None:
                    frames = made[client.symbols] = self._frames(client.symbols)
                client.sink.send(frames)
            except Exception as fault:  # noqa: BLE001 - any fault costs this client only
                self._clients.failed(client, fault)
        if len(self):  # the maximum: no burst of phases after a pause
            self._due_s = max(self._due_s + _PHASE_S, self._flusher.now_s())
            self._flusher.at(self, self._due_s)

    def _greeting(self, client: ArrayClient, symbols: tuple[str, ...]) -> Frames:
        client.symbols = tuple(one for one in symbols if self._clients.hold(client, one))
        self._phases[self._phase][client] = None
        return self._frames(client.symbols)

    def _frames(self, symbols: tuple[str, ...]) -> Frames:
        quotes = [quote for symbol in symbols if (quote := self._quote(symbol)) is not None]
        return Frames.of(messages.array(quotes))
