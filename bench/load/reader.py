"""The loop that reads for all clients: one ``epoll``, one buffer, no parsing of messages.

Updates are counted by their marks. The latency of a read's updates is measured from the stamps of
the first and the last to the moment after the read (see ``latency``). The loop never waits for a
single client, and answers pings while it reads. Single-threaded.
"""

import select
import time
from collections.abc import Iterable
from typing import NamedTuple

from bench.load.client import CARRY_BYTES, STAMP_DIGITS, STAMP_MARK, Check, Client, connect
from bench.load.latency import Latencies
from bench.load.wire import PING, upgrade
from bench.tape import STAMP_MODULO_US, stamp_us

_BUFFER_BYTES = 256 * 1024
_PING = bytes((0x80 | PING, 4))
"""The start of a ping of four random bytes, which is what uvicorn and websockets send. In ASCII
texts of less than 35,076 bytes the two bytes occur nowhere else.
"""
_PING_BYTE = _PING[0]
_MARK_BYTES = len(STAMP_MARK)
STDIN = 0


class Target(NamedTuple):
    """The address that clients connect to."""

    port: int
    path: str


class Reader:
    """All clients, and what they received together."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._epoll.register(STDIN, select.EPOLLIN)
        self._buffer = bytearray(CARRY_BYTES + _BUFFER_BYTES)
        self._into = memoryview(self._buffer)[CARRY_BYTES:]
        self._woken = False
        self.clients: dict[int, Client] = {}
        self.ended: list[Client] = []
        self.accept_s: list[float] = []
        self.refused: list[str] = []
        self.latencies = Latencies()
        self.reads = 0
        self.recorded: dict[int, bytearray] | None = None

    def open(self, target: Target, source: int, hello: bytes, check: Check | None) -> Client:
        """Start connecting one client."""
        sock = connect(target.port, source)
        greeting = upgrade(target.path, target.port)
        client = Client(sock, greeting, hello, time.monotonic())
        client.check = check
        self.clients[sock.fileno()] = client
        self._epoll.register(sock.fileno(), select.EPOLLOUT)
        return client

    def run(self, until_s: float) -> None:
        """Read until a time."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._poll(left_s)

    def run_until_woken(self) -> None:
        """Read until a command arrives."""
        self._woken = False
        while not self._woken:
            self._poll(None)

    def stall(self, clients: Iterable[Client]) -> None:
        """Stop reading these clients."""
        for client in clients:
            client.stalled = True
            self._epoll.modify(client.sock.fileno(), 0)

    def resume(self, clients: Iterable[Client]) -> None:
        """Read these clients again, if they are still connected."""
        for client in clients:
            client.stalled = False
            if not client.ended:
                self._epoll.modify(client.sock.fileno(), select.EPOLLIN)

    def end(self, client: Client, why: str) -> None:
        """Close a client's socket."""
        descriptor = client.sock.fileno()
        self._epoll.unregister(descriptor)
        del self.clients[descriptor]
        client.sock.close()
        client.ended = why
        self.ended.append(client)

    def _poll(self, timeout_s: float | None) -> None:
        for descriptor, events in self._epoll.poll(timeout_s):
            client = self.clients.get(descriptor)
            if client is None:
                self._woken = self._woken or descriptor == STDIN
            elif client.open and not client.stalled:
                self._read(descriptor, client)
            elif client.stalled:
                self.end(client, "reset" if events & select.EPOLLERR else "hung up")
            else:
                self._shake(descriptor, client)

    def _read(self, descriptor: int, client: Client) -> None:
        """One read of an open client: the hot path."""
        try:
            size = client.sock.recv_into(self._into)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(client, type(error).__name__)
            return
        if size == 0:
            self.end(client, "closed")
            return
        self._count(descriptor, client, size)

    def _count(self, descriptor: int, client: Client, size: int) -> None:
        """Count the updates in the buffer, from the carried bytes on."""
        buffer, end = self._buffer, CARRY_BYTES + size
        buffer[:CARRY_BYTES] = client.carry
        client.carry = buffer[size:end]
        self.reads += 1
        last_mark = end - STAMP_DIGITS
        first = buffer.find(STAMP_MARK, 0, last_mark)
        if first >= 0:
            self._time(first + _MARK_BYTES, last_mark)
        if buffer.find(_PING_BYTE, 0, end) >= 0:
            self._pong(client, end)
        if client.check is not None:
            client.check.feed(bytes(buffer[CARRY_BYTES:end]))
        if self.recorded is not None:
            self.recorded.setdefault(descriptor, bytearray()).extend(buffer[CARRY_BYTES:end])

    def _time(self, first: int, last_mark: int) -> None:
        """Count the updates of a read, and their latencies."""
        buffer, now_us = self._buffer, stamp_us()
        oldest_us = (now_us - int(buffer[first : first + STAMP_DIGITS])) % STAMP_MODULO_US
        updates = 1 + buffer.count(STAMP_MARK, first, last_mark)
        if updates == 1:
            self.latencies.add(oldest_us, oldest_us, 1)
            return
        last = buffer.rfind(STAMP_MARK, first, last_mark) + _MARK_BYTES
        newest_us = (now_us - int(buffer[last : last + STAMP_DIGITS])) % STAMP_MODULO_US
        self.latencies.add(newest_us, oldest_us, updates)

    def _pong(self, client: Client, end: int) -> None:
        begin = self._buffer.find(_PING, 0, end - 4)
        if begin >= 0 and begin + 6 > CARRY_BYTES:
            client.pong(bytes(self._buffer[begin + 2 : begin + 6]))

    def _shake(self, descriptor: int, client: Client) -> None:
        try:
            if client.greeting:
                client.greet()
                self._epoll.modify(descriptor, select.EPOLLIN)
                return
            data = client.sock.recv(65536)
            rest = client.shake(data)
        except BlockingIOError:
            return
        except OSError as error:
            self.refused.append(str(error))
            self.end(client, "refused")
            return
        if client.open:
            self.accept_s.append(time.monotonic() - client.begun_s)
        elif not data:
            self.refused.append("closed during the handshake")
            self.end(client, "refused")
        if rest:
            self._into[: len(rest)] = rest
            self._count(descriptor, client, len(rest))
