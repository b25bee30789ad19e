"""The TCP connections that speak HTTP: how many, whose, and which goes when there are too many.

Counted from accept on, before a byte was read: a process may have only so many files open, and ten
thousand connections that say nothing would take them all. At a bound the newcomer is let in and
another goes: the oldest that has made no request, of the address that has most of those; then the
one that rests longest between two requests; then the one that has left its answer unread for
longest. Only where all others are at work is the newcomer refused. So whoever asks at once is
served, also beside a rude one of its own address.

What peers have not read is counted too, in all and by address: at a bound the one that has taken
nothing for longest is cut off. Upgraded sockets are counted in all only: how many an address may
have is ``admission``'s affair.

One for each server; on the event loop only, synchronous, without a clock. Memory: an entry for each
connection, and one for each address that has any.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, cast, get_args

EXTENSION = "photon.http"
"""In the ``extensions`` of a request's scope: its ``Peer``."""
SPARE = 256
"""Connections beside the sockets of ``PHOTON_MAX_CONNECTIONS``."""
MOST_SILENT = 1_024
"""Connections that have made no request: a client's head comes right behind its handshake."""
MOST_UNREAD_BYTES = 64 * 1024 * 1024
MOST_UNREAD_OF_ADDRESS = 24 * 1024 * 1024
"""Of answers in this process: what 180 peers leave in their transports, or 16 of the longest."""

Ended = Literal["full", "rate", "head", "body", "malformed", "crowded", "late", "unread"]
"""Why a connection or a request was refused, up to ``malformed``, or a connection cut off."""


class Connection(Protocol):
    """One of them, as far as it matters here."""

    address: str | None

    def cut(self) -> None:
        """End at once, with whatever is queued."""


class Peer(Protocol):
    """What the application may know of a request's connection, where the server tells."""

    @property
    def gone(self) -> bool:
        """Whether nobody is there to take the answer."""

    @property
    def all(self) -> "Connections":
        """All of the server."""


def let_go(transport: object) -> None:
    """Free a transport whose connection is lost. That of Python 3.11 refers to itself by its
    callback for reading, so each would wait for a full garbage collection, and 3,000 of them hold
    everything up for 40 ms; from 3.12 on ``close`` does this (CPython gh-100348).
    """
    if hasattr(transport, "_read_ready_cb"):
        transport._read_ready_cb = None  # noqa: SLF001 - it has no public name


def peer_of(scope: Mapping[str, Any]) -> Peer | None:
    """Of a request; ``None`` on a server that does not tell."""
    return cast("Peer | None", scope.get("extensions", {}).get(EXTENSION))


class Connections:
    """Who is connected to one server.

    Args:
        most: sockets that may be open at once, upgraded ones too. One address may have half of
            them in HTTP.
    """

    def __init__(self, most: int) -> None:
        self.ended: dict[Ended, int] = dict.fromkeys(get_args(Ended), 0)
        self.unread_bytes = 0
        """What peers have not read."""
        self._most = most
        self._share = max(1, most // 2)
        self._most_silent = min(MOST_SILENT, self._share)
        self._all = _Lines()
        self._silent = _Lines()
        self._resting = _Lines()
        self._blocked = _Lines()
        self._unread: dict[Connection, int] = {}
        self._unread_of: dict[str | None, int] = {}

    @property
    def speaking(self) -> int:
        """How many speak HTTP."""
        return len(self._all)

    def arrived(self, one: Connection, open_sockets: int) -> bool:
        """A connection was accepted; whether it may stay.

        Args:
            one: the newcomer.
            open_sockets: how many are open with it, upgraded ones too.
        """
        if self._all.of(one.address) >= self._share:
            room = self._make_room([self._silent, self._resting, self._blocked], one.address)
        elif open_sockets > self._most:
            room = self._make_room([self._silent, self._resting, self._blocked])
        else:
            room = len(self._silent) < self._most_silent or self._make_room([self._silent])
        if not room:
            self.ended["full"] += 1
            return False
        self._all.add(one)
        self._silent.add(one)
        return True

    def asked(self, one: Connection) -> None:
        """It has made a request."""
        self._silent.discard(one)
        self._resting.discard(one)

    def rests(self, one: Connection) -> None:
        """Its request is answered; it may make another."""
        if one in self._all:
            self._resting.add(one)

    def left(self, one: Connection) -> None:
        """It is gone, or speaks HTTP no more."""
        self.asked(one)
        self.flows(one)
        self.owes(one, 0)
        self._all.discard(one)

    def blocked(self, one: Connection) -> None:
        """Its peer takes nothing."""
        if one in self._all:
            self._blocked.add(one)

    def flows(self, one: Connection) -> None:
        """Its peer reads again."""
        self._blocked.discard(one)

    def owes(self, one: Connection, unread_bytes: int) -> None:
        """So much of its answers is not with its peer. Where that is too much with what others owe,
        those go that have taken nothing for longest.
        """
        if one not in self._all:
            return
        more = unread_bytes - self._unread.pop(one, 0)
        if unread_bytes:
            self._unread[one] = unread_bytes
        self.unread_bytes += more
        of_address = self._unread_of.pop(one.address, 0) + more
        if of_address:
            self._unread_of[one.address] = of_address
        if more > 0:
            self._cut_unread(one.address)

    def _cut_unread(self, address: str | None) -> None:
        while self._unread_of.get(address, 0) > MOST_UNREAD_OF_ADDRESS:
            if not self._end("unread", self._blocked.oldest(address)):
                break
        while self.unread_bytes > MOST_UNREAD_BYTES:
            if not self._end("unread", self._blocked.oldest(*self._blocked.longest())):
                break

    def _make_room(self, lines: "list[_Lines]", *address: str | None) -> bool:
        """Whether one could go: of an address, or of the one that has most in the first line."""
        return any(
            self._end("crowded", line.oldest(*(address or line.longest()))) for line in lines
        )

    def _end(self, why: Ended, one: Connection | None) -> bool:
        if one is None:
            return False
        self.ended[why] += 1
        self.left(one)
        one.cut()
        return True


class _Lines:
    """Connections in the order in which they came, by address."""

    def __init__(self) -> None:
        self._by_address: dict[str | None, dict[Connection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, one: Connection) -> bool:
        return one in self._by_address.get(one.address, ())

    def of(self, address: str | None) -> int:
        """How many an address has."""
        return len(self._by_address.get(address, ()))

    def add(self, one: Connection) -> None:
        """Stand at the end, unless it stands here already."""
        line = self._by_address.setdefault(one.address, {})
        if one not in line:
            line[one] = None
            self._count += 1

    def discard(self, one: Connection) -> None:
        """Go, if it is here."""
        line = self._by_address.get(one.address)
        if line is None or one not in line:
            return
        del line[one]
        self._count -= 1
        if not line:
            del self._by_address[one.address]

    def oldest(self, *address: str | None) -> Connection | None:
        """Who of an address came first."""
        lines = (self._by_address.get(one, {}) for one in address)
        return next((one for line in lines for one in line), None)

    def longest(self) -> list[str | None]:
        """The address that has most, if any has one."""
        if not self._by_address:
            return []
        return [max(self._by_address, key=lambda address: len(self._by_address[address]))]
