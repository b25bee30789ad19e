"""All connected clients, of every channel: one table, and the rules that are the same for all.

- The holds of a client (``hub.demand``) are counted here and nowhere else. All of them are released
  when it leaves, for whatever reason.
- A client that stays congested for ``slow_s`` seconds is closed, and counted.
- A fault of ours while one client is written to closes that client, and no other.
- When the server shuts down, every client is notified and closed.

Called on the event loop only; everything but ``drained`` is synchronous. A channel keeps its own
state (a client's subscriptions, how it is written to), and is notified by ``left`` when a client is
gone. ``runtime`` calls ``tick`` once a second. Bound: one entry for each client, and one for each
symbol that it holds.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

from photon_app import disconnect
from photon_app.disconnect import Disconnect
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink

log = logging.getLogger(__name__)


class Holder(Protocol):
    """Where holds on symbols are counted: the part of ``Demand`` that is used here."""

    def hold(self, symbol: str, address: str | None = None) -> bool:
        """Add a holder; false when there is no room."""
        ...

    def release(self, symbol: str, address: str | None = None) -> None:
        """Remove a holder."""
        ...

    def spelled(self, text: str) -> None:
        """Note how a client spelled a symbol that it wants."""
        ...


class Client:
    """One connected client: its sink, its address and its holds. Channels add fields of theirs."""

    __slots__ = ("address", "channel", "gone", "held", "sink")
    slow: Disconnect = disconnect.SLOW
    """Close code and reason for a client that stays congested."""

    def __init__(self, sink: Sink, address: str | None = None) -> None:
        self.sink = sink
        self.address = address
        """Its address, if known."""
        self.channel: Channel[Any] | None = None
        """The channel that it joined."""
        self.held: dict[str, int] = {}
        """The number of its holds on each symbol."""
        self.gone = False
        """Whether it left or was dismissed: it gets nothing more, and holds nothing."""

    @property
    def wants_every_trade(self) -> bool:
        """Whether it must get every trade of a symbol: a replay at full speed waits for it."""
        return False


ClientType = TypeVar("ClientType", bound=Client)
Written = TypeVar("Written", Frames, bytes)


class Channel(Generic[ClientType]):
    """One way of delivering prices, and its clients.

    Args:
        clients: the table of all connected clients.
    """

    def __init__(self, clients: "Clients") -> None:
        self._clients = clients

    def left(self, client: ClientType) -> None:
        """Remove a client that left or was dismissed."""
        raise NotImplementedError

    def shutdown_frames(self) -> Frames:
        """The server shuts down: write what is pending. The frames returned go to every client of
        the channel after that.
        """
        return Frames(())

    def tick(self) -> None:
        """A second has passed."""

    def spelled(self, text: str) -> None:
        """Note how a client spelled a symbol that it wants; to be called before ``hold``."""
        self._clients.spelled(text)

    def hold(self, client: ClientType, symbol: str) -> bool:
        """Add a hold of this client on a symbol; false when there is no room."""
        return self._clients.hold(client, symbol)

    def leave(self, client: ClientType) -> None:
        """Remove a client that is gone. Safe to call again."""
        self._clients.leave(client)


class Clients:
    """The table of all clients.

    Args:
        demand: where holds on symbols are counted.
        slow_s: how long a client may stay congested.
    """

    def __init__(self, demand: Holder, slow_s: float) -> None:
        self._demand = demand
        self._slow_s = slow_s
        self._of: dict[Channel[Any], dict[Client, None]] = {}
        self._waiters: set[asyncio.Event] = set()
        self.closed_as_slow = 0
        """How many clients were closed with 4008 since the start."""

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[Client]:
        """All clients, as a copy: clients may leave during the iteration."""
        return iter([client for clients in self._of.values() for client in clients])

    def of(self, channel: Channel[ClientType]) -> list[ClientType]:
        """The clients of one channel, as a copy: clients may leave during the iteration."""
        return cast("list[ClientType]", list(self._of.get(channel, ())))

    def count(self, channel: Channel[Any]) -> int:
        """How many clients a channel has."""
        return len(self._of.get(channel, ()))

    @property
    def congested(self) -> int:
        """How many clients are congested."""
        return sum(client.sink.congested for client in self)

    def join(
        self, client: ClientType, channel: Channel[ClientType], greet: Callable[[], Frames]
    ) -> None:
        """Add a client to a channel, and greet it. The greeting is made after the client was added:
        if it takes holds and then fails, the client is closed, and its holds are released.
        """
        client.channel = channel
        self._of.setdefault(channel, {})[client] = None
        try:
            client.sink.send(greet())
        except Exception as fault:  # noqa: BLE001 - any fault costs this client only
            self.failed(client, fault)

    def leave(self, client: Client) -> None:
        """Remove a client that is gone, and release its holds. Safe to call again."""
        if client.gone:
            return
        client.gone = True
        if client.channel is not None:
            del self._of[client.channel][client]
            client.channel.left(client)
        held, client.held = client.held, {}
        for symbol, count in held.items():
            for _ in range(count):
                self._demand.release(symbol, client.address)
        self.wake()

    def spelled(self, text: str) -> None:
        """Note how a client spelled a symbol that it wants; to be called before ``hold``."""
        self._demand.spelled(text)

    def hold(self, client: Client, symbol: str) -> bool:
        """Add a hold of this client on a symbol; false when there is no room."""
        if client.gone or not self._demand.hold(symbol, client.address):
            return False
        client.held[symbol] = client.held.get(symbol, 0) + 1
        return True

    def release(self, client: Client, symbol: str) -> None:
        """Release one hold of a client on a symbol; a client that is gone has none left."""
        if client.gone:
            return
        count = client.held.pop(symbol)
        if count > 1:
            client.held[symbol] = count - 1
        self._demand.release(symbol, client.address)

    def dismiss(self, client: Client, way: Disconnect) -> None:
        """Remove a client, and close its connection with this code and reason."""
        if client.gone:
            return
        self.closed_as_slow += way.code == disconnect.SLOW_CLIENT
        self.leave(client)
        client.sink.close(*way)

    def guard(self, client: Client, write: Callable[[Written], None], frames: Written) -> None:
        """Write to one client; a fault of ours closes that client, and affects no other."""
        try:
            write(frames)
        except Exception as fault:  # noqa: BLE001 - any fault costs this client only
            self.failed(client, fault)

    def failed(self, client: Client, fault: Exception) -> None:
        """Close a client, because a write to it raised."""
        log.error("a write to one client failed by a fault of ours; it is closed", exc_info=fault)
        self.dismiss(client, disconnect.FAULT)

    def shutdown(self) -> None:
        """Notify every client that the server shuts down, and close it."""
        for channel in list(self._of):
            shutdown_frames = channel.shutdown_frames()
            for client in self.of(channel):
                self.guard(client, client.sink.send, shutdown_frames)
                self.dismiss(client, disconnect.SHUTDOWN)

    async def drained(self) -> None:
        """Return once no client is congested that must get every trade.

        A feed that waits for this before each frame never makes such a client fall behind for good:
        only a write can congest a client, and pending updates are written before each frame.
        """
        while any(one.sink.congested and one.wants_every_trade for one in self):
            event = asyncio.Event()
            self._waiters.add(event)
            try:
                await event.wait()
            finally:
                self._waiters.discard(event)

    def wake(self) -> None:
        """A client drained, left or changed its subscriptions: tasks in ``drained`` check again."""
        for event in self._waiters:
            event.set()

    def tick(self) -> None:
        """Once a second: tick every channel, which may end that a client is held (``Sink.hold``);
        then close clients that stayed congested too long.
        """
        for channel in list(self._of):
            channel.tick()
        for client in self:
            if client.sink.congested and client.sink.congested_for_s() >= self._slow_s:
                self.dismiss(client, client.slow)
