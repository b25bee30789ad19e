"""Everybody who is connected, whatever the channel: one table, and one rule for each.

- what a client holds (``hub.demand``) is counted here and nowhere else, and all of it is released
  when it leaves, for whatever reason;
- a client that stays congested for ``slow_s`` is closed, and counted;
- a fault of ours while one client is written costs that client, and no other;
- a server that goes says so to everyone.

Called on the event loop only; all but ``drained`` is synchronous. A channel keeps what is its own
(what a client wants, how it is written) and learns by ``left`` that a client is gone. ``runtime``
calls ``tick`` once a second. Bound: an entry for each client, and for each symbol that it holds.
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
    """Where holds on symbols are counted: ``Demand``, as far as it matters here."""

    def hold(self, symbol: str, address: str | None = None) -> bool:
        """One more holder; false when there is no room."""
        ...

    def release(self, symbol: str, address: str | None = None) -> None:
        """One holder less."""
        ...

    def spelled(self, text: str) -> None:
        """Somebody who wants a symbol wrote it so."""
        ...


class Client:
    """One connected client: its outbox, whose it is, and what it holds. A channel adds its own."""

    __slots__ = ("address", "channel", "gone", "held", "sink")
    slow: Disconnect = disconnect.SLOW
    """How one that stays congested is closed."""

    def __init__(self, sink: Sink, address: str | None = None) -> None:
        self.sink = sink
        self.address = address
        """Whose it is, as far as that is known."""
        self.channel: Channel[Any] | None = None
        """Where it joined."""
        self.held: dict[str, int] = {}
        """How often it holds each symbol."""
        self.gone = False
        """Whether it left, or was told to go: it gets nothing more, and holds nothing."""

    @property
    def is_told_all(self) -> bool:
        """Whether it may miss nothing, so that a replay at full speed waits for it."""
        return False


ClientType = TypeVar("ClientType", bound=Client)


class Channel(Generic[ClientType]):
    """What a kind of client is told.

    Args:
        clients: the table of all that are connected.
    """

    def __init__(self, clients: "Clients") -> None:
        self._clients = clients

    def left(self, client: ClientType) -> None:
        """A client is gone, or was told to go: forget it."""
        raise NotImplementedError

    def last_words(self) -> Frames:
        """The server goes: write what is pending; these are for everybody, behind that."""
        return Frames(())

    def tick(self) -> None:
        """A second has passed."""

    def spelled(self, text: str) -> None:
        """Somebody who wants a symbol wrote it so; to be called before ``hold``."""
        self._clients.spelled(text)

    def hold(self, client: ClientType, symbol: str) -> bool:
        """Want a symbol upstream, once more for this client; false when there is no room."""
        return self._clients.hold(client, symbol)

    def leave(self, client: ClientType) -> None:
        """A client is gone. Safe to call again."""
        self._clients.leave(client)


class Clients:
    """The table.

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
        """Everybody, also while some leave."""
        return iter([client for clients in self._of.values() for client in clients])

    def of(self, channel: Channel[ClientType]) -> list[ClientType]:
        """Those of one channel, also while some leave."""
        return cast("list[ClientType]", list(self._of.get(channel, ())))

    def count(self, channel: Channel[Any]) -> int:
        """How many a channel has."""
        return len(self._of.get(channel, ()))

    @property
    def congested(self) -> int:
        """How many clients are behind."""
        return sum(client.sink.congested for client in self)

    def join(self, client: ClientType, channel: Channel[ClientType], greeting: Frames) -> None:
        """A client has come, and is greeted."""
        client.channel = channel
        self._of.setdefault(channel, {})[client] = None
        self.guard(client, client.sink.send, greeting)

    def leave(self, client: Client) -> None:
        """A client is gone. What it holds is released. Safe to call again."""
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
        """Somebody who wants a symbol wrote it so; to be called before ``hold``."""
        self._demand.spelled(text)

    def hold(self, client: Client, symbol: str) -> bool:
        """Want a symbol upstream, once more for this client; false when there is no room."""
        if client.gone or not self._demand.hold(symbol, client.address):
            return False
        client.held[symbol] = client.held.get(symbol, 0) + 1
        return True

    def release(self, client: Client, symbol: str) -> None:
        """The client wants a symbol once less; of one that is gone nothing is held any more."""
        if client.gone:
            return
        count = client.held.pop(symbol)
        if count > 1:
            client.held[symbol] = count - 1
        self._demand.release(symbol, client.address)

    def dismiss(self, client: Client, way: Disconnect) -> None:
        """Close a client, which gets nothing more."""
        if client.gone:
            return
        self.closed_as_slow += way.code == disconnect.SLOW_CLIENT
        self.leave(client)
        client.sink.close(*way)

    def guard(self, client: Client, write: Callable[[Frames], None], frames: Frames) -> None:
        """Write to one client; a fault of ours closes it, and concerns no other."""
        try:
            write(frames)
        except Exception as fault:  # noqa: BLE001 - whatever it is
            self.failed(client, fault)

    def failed(self, client: Client, fault: Exception) -> None:
        """A write to one client raised: close that one."""
        log.error("a write to one client failed by a fault of ours; it is closed", exc_info=fault)
        self.dismiss(client, disconnect.FAULT)

    def shutdown(self) -> None:
        """Tell every client that the server goes, and close."""
        for channel in list(self._of):
            last_words = channel.last_words()
            for client in self.of(channel):
                self.guard(client, client.sink.send, last_words)
                self.dismiss(client, disconnect.SHUTDOWN)

    async def drained(self) -> None:
        """Return once no client is congested that may miss nothing.

        Whoever waits for this before each frame never makes such a client fall behind for good:
        only a write can congest a client, and what was pending is written before each.
        """
        while any(one.sink.congested and one.is_told_all for one in self):
            event = asyncio.Event()
            self._waiters.add(event)
            try:
                await event.wait()
            finally:
                self._waiters.discard(event)

    def wake(self) -> None:
        """Somebody drained, left, or wants something else: who waits looks again."""
        for event in self._waiters:
            event.set()

    def tick(self) -> None:
        """Once a second: close those that stay slow, and let the channels know."""
        for client in self:
            if client.sink.congested and client.sink.congested_for_s() >= self._slow_s:
                self.dismiss(client, client.slow)
        for channel in list(self._of):
            channel.tick()
