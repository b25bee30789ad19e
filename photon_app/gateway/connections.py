"""The TCP connections that speak HTTP: how many, by address, and which to close at a limit.

They are counted from accept on, before a byte is read: the number of open files of a process is
limited, and ten thousand silent connections would use them all. At a limit the new connection is
accepted and another is closed: the oldest that has made no request, of the address that has most of
those; then the one that has been idle longest between two requests; then the one whose answer has
been unread for longest. Only if all others are active is the new connection refused. So a client
that sends its request at once is served, even beside an abusive one of its own address.

Bytes that peers have not read are counted too, in total and by address: at a limit the connection
that has read nothing for longest is closed. Upgraded sockets are counted in the total only:
``admission`` limits them by address.

One for each server; on the event loop only, synchronous, without a clock. Memory: an entry for each
connection, and one for each address that has any.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, cast, get_args

EXTENSION = "photon.http"
"""In the ``extensions`` of a request's scope: its ``Peer``."""
SPARE = 256
"""Connections in addition to the sockets of ``PHOTON_MAX_CONNECTIONS``."""
MOST_SILENT = 1_024
"""Connections that have made no request: a client sends its head right after the TCP handshake."""
MOST_UNREAD_BYTES = 64 * 1024 * 1024
MOST_UNREAD_OF_ADDRESS = 24 * 1024 * 1024
"""Of answers in this process: the transport buffers of 180 peers, or 16 of the longest answers."""

Ended = Literal["full", "rate", "head", "body", "malformed", "crowded", "late", "unread"]
"""Why a connection or a request was refused (up to ``malformed``), or a connection was closed."""


class Connection(Protocol):
    """A connection, as far as this module needs it."""

    address: str | None

    def cut(self) -> None:
        """End at once, with whatever is queued."""


class Peer(Protocol):
    """What the application may know of a request's connection, if the server provides it."""

    @property
    def gone(self) -> bool:
        """Whether the client is gone and cannot read the answer."""

    @property
    def server_connections(self) -> "Connections":
        """All connections of the server."""


def free_transport(transport: object) -> None:
    """Free a transport whose connection is lost. In Python 3.11 its read callback refers back to
    it, so each transport would wait for a full garbage collection, and 3,000 of them block
    everything for 40 ms. From 3.12 on ``close`` does this (CPython gh-100348).
    """
    if hasattr(transport, "_read_ready_cb"):
        transport._read_ready_cb = None  # noqa: SLF001 - it has no public name


def direct_send(transport: object) -> Callable[[bytes], int] | None:
    """The ``send`` of a transport's own socket, if it has one: a transport with TLS has none. It
    saves what ``transport.write`` adds to it, 8 % of a write. Only for while the transport has
    nothing to write itself.
    """
    sock = getattr(transport, "_sock", None)
    return None if sock is None else cast("Callable[[bytes], int]", sock.send)


def peer_of(scope: Mapping[str, Any]) -> Peer | None:
    """The peer of a request; ``None`` on a server that does not provide it."""
    return cast("Peer | None", scope.get("extensions", {}).get(EXTENSION))


class Connections:
    """The HTTP connections of one server.

    Args:
        most: sockets that may be open at once, including upgraded ones. One address may have half
            of them speaking HTTP.
    """

    def __init__(self, most: int) -> None:
        self.ended: dict[Ended, int] = dict.fromkeys(get_args(Ended), 0)
        self.unread_bytes = 0
        """Bytes of answers that peers have not read."""
        self._most = most
        self._share = max(1, most // 2)
        self._most_silent = min(MOST_SILENT, self._share)
        self._all = _Queues()
        self._silent = _Queues()
        self._idle = _Queues()
        self._blocked = _Queues()
        self._unread: dict[Connection, int] = {}
        self._unread_of: dict[str | None, int] = {}

    @property
    def speaking(self) -> int:
        """How many connections speak HTTP."""
        return len(self._all)

    def arrived(self, connection: Connection, open_sockets: int) -> bool:
        """A connection was accepted; returns whether it may stay.

        Args:
            connection: the new connection.
            open_sockets: how many are open including it, upgraded ones too.
        """
        if self._all.of(connection.address) >= self._share:
            room = self._make_room([self._silent, self._idle, self._blocked], connection.address)
        elif open_sockets > self._most:
            room = self._make_room([self._silent, self._idle, self._blocked])
        else:
            room = len(self._silent) < self._most_silent or self._make_room([self._silent])
        if not room:
            self.ended["full"] += 1
            return False
        self._all.add(connection)
        self._silent.add(connection)
        return True

    def requested(self, connection: Connection) -> None:
        """The connection has made a request."""
        self._silent.discard(connection)
        self._idle.discard(connection)

    def idle(self, connection: Connection) -> None:
        """The connection's request is answered; it may make another."""
        if connection in self._all:
            self._idle.add(connection)

    def left(self, connection: Connection) -> None:
        """The connection is closed, or no longer speaks HTTP."""
        self.requested(connection)
        self.unblocked(connection)
        self.set_unread(connection, 0)
        self._all.discard(connection)

    def blocked(self, connection: Connection) -> None:
        """The peer does not read."""
        if connection in self._all:
            self._blocked.add(connection)

    def unblocked(self, connection: Connection) -> None:
        """The peer reads again."""
        self._blocked.discard(connection)

    def set_unread(self, connection: Connection, unread_bytes: int) -> None:
        """Set how many bytes of its answers the peer has not read. If the sum over all connections
        is above a limit, those that have read nothing for longest are closed.
        """
        if connection not in self._all:
            return
        more = unread_bytes - self._unread.pop(connection, 0)
        if unread_bytes:
            self._unread[connection] = unread_bytes
        self.unread_bytes += more
        of_address = self._unread_of.pop(connection.address, 0) + more
        if of_address:
            self._unread_of[connection.address] = of_address
        if more > 0:
            self._cut_unread(connection.address)

    def _cut_unread(self, address: str | None) -> None:
        while self._unread_of.get(address, 0) > MOST_UNREAD_OF_ADDRESS:
            if not self._end("unread", self._blocked.oldest(address)):
                break
        while self.unread_bytes > MOST_UNREAD_BYTES:
            if not self._end("unread", self._blocked.oldest(*self._blocked.longest())):
                break

    def _make_room(self, queues: "list[_Queues]", *address: str | None) -> bool:
        """Close one connection of the first queue that has any: of this address, or of the address
        that has most in that queue. Returns whether there was one.
        """
        return any(
            self._end("crowded", queue.oldest(*(address or queue.longest()))) for queue in queues
        )

    def _end(self, why: Ended, connection: Connection | None) -> bool:
        if connection is None:
            return False
        self.ended[why] += 1
        self.left(connection)
        connection.cut()
        return True


class _Queues:
    """Connections in order of arrival, by address."""

    def __init__(self) -> None:
        self._by_address: dict[str | None, dict[Connection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._by_address.get(connection.address, ())

    def of(self, address: str | None) -> int:
        """How many connections an address has."""
        return len(self._by_address.get(address, ()))

    def add(self, connection: Connection) -> None:
        """Append a connection, unless it is in the queue already."""
        queue = self._by_address.setdefault(connection.address, {})
        if connection not in queue:
            queue[connection] = None
            self._count += 1

    def discard(self, connection: Connection) -> None:
        """Remove a connection, if it is in the queue."""
        queue = self._by_address.get(connection.address)
        if queue is None or connection not in queue:
            return
        del queue[connection]
        self._count -= 1
        if not queue:
            del self._by_address[connection.address]

    def oldest(self, *address: str | None) -> Connection | None:
        """The connection of an address that came first."""
        queues = (self._by_address.get(key, {}) for key in address)
        return next((connection for queue in queues for connection in queue), None)

    def longest(self) -> list[str | None]:
        """The address that has most connections, in a list; an empty list if there are none."""
        if not self._by_address:
            return []
        return [max(self._by_address, key=lambda address: len(self._by_address[address]))]
