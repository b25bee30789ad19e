"""Clients that come back at once, as ``photon-client.js`` does.

Refused or cut off, each waits for twice as long as before, from a quarter of a second up to five,
less a random part of up to a half.

A process of its own, ``python -m bench.load.returning PORT CLIENTS SYMBOL,…``, at the lowest
priority: it delays neither the server nor those who measure. A client is back when it has read a
snapshot of each symbol. It begins when it reads a line, and prints one of JSON at the end.
"""

import heapq
import itertools
import json
import os
import random
import select
import socket
import sys
import time

from bench.load import wire
from bench.load.client import CLIENTS_PER_ADDRESS, connect

FIRST_S, MOST_S = 0.25, 5.0
GIVE_UP_S = 120.0
_FIRST_ADDRESS = 40
"""Behind those of the clients that stay."""
_AT_ONCE = 20
"""Connects until the answers are looked at: a client's head comes right behind its connect."""
_SNAPSHOT = b'"snapshot":true'


class Returning:
    """One client."""

    __slots__ = ("attempts", "began_s", "n", "opened", "said", "seen", "sock")

    def __init__(self, n: int) -> None:
        self.n = n
        self.attempts = 0
        self.began_s = 0.0
        self.sock: socket.socket | None = None
        self.opened = self.said = False
        self.seen = b""

    def pause_s(self) -> float:
        """Until the next attempt."""
        ceiling_s = min(MOST_S, FIRST_S * 2 ** min(self.attempts, 8))
        self.attempts += 1
        return float(ceiling_s * random.uniform(0.5, 1.0))


class Crowd:
    """All of them."""

    def __init__(self, port: int, clients: int, symbols: list[str]) -> None:
        self._port = port
        self._greeting = wire.upgrade("/ws", port)
        self._hello = wire.subscribe("events", symbols)
        self._symbols = len(symbols)
        self._epoll = select.epoll()
        self._open: dict[int, Returning] = {}
        self._order = itertools.count()
        self._due: list[tuple[float, int, Returning]] = []
        self._begun_s = time.monotonic()
        self._left = clients
        self.back_s: list[float] = []
        self.refused = 0
        self.lost = 0
        for n in range(clients):
            self._later(Returning(n))

    def run(self) -> dict[str, object]:
        """Until all are back; returns when they were, in seconds since they were cut off."""
        while self._left and time.monotonic() < self._begun_s + GIVE_UP_S:
            now_s = time.monotonic()
            for _ in range(_AT_ONCE):
                if self._due and self._due[0][0] <= now_s:
                    self._begin(heapq.heappop(self._due)[2])
            wait_s = self._due[0][0] - now_s if self._due else 0.1
            for descriptor, _ in self._epoll.poll(max(0.0, min(wait_s, 0.1))):
                self._turn(self._open[descriptor])
        whens = sorted(self.back_s)
        part = [round(whens[int(q * (len(whens) - 1))], 1) for q in (0.5, 0.9, 1.0) if whens]
        return {"back": len(whens), "at_s": part, "refused": self.refused, "lost": self.lost}

    def _later(self, client: Returning) -> None:
        due_s = time.monotonic() + client.pause_s()
        heapq.heappush(self._due, (due_s, next(self._order), client))

    def _begin(self, client: Returning) -> None:
        client.opened = client.said = False
        client.seen = b""
        client.sock = connect(self._port, _FIRST_ADDRESS + client.n // CLIENTS_PER_ADDRESS)
        self._open[client.sock.fileno()] = client
        self._epoll.register(client.sock.fileno(), select.EPOLLOUT)

    def _turn(self, client: Returning) -> None:
        assert client.sock is not None
        try:
            if not client.said:
                client.sock.send(self._greeting)
                client.said = True
                self._epoll.modify(client.sock.fileno(), select.EPOLLIN)
                return
            data = client.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._failed(client)
        elif client.opened or b" 101 " in data[:20]:
            self._read(client, data)
        else:
            self.refused += 1
            self._failed(client)

    def _read(self, client: Returning, data: bytes) -> None:
        assert client.sock is not None
        if not client.opened:
            client.opened = True
            client.sock.send(self._hello)
        client.seen += data
        if client.seen.count(_SNAPSHOT) >= self._symbols:
            client.seen = b""
            self.back_s.append(time.monotonic() - self._begun_s)
            self._left -= 1
            self._epoll.unregister(client.sock.fileno())

    def _failed(self, client: Returning) -> None:
        assert client.sock is not None
        self.lost += 1
        descriptor = client.sock.fileno()
        self._epoll.unregister(descriptor)
        del self._open[descriptor]
        client.sock.close()
        self._later(client)


def main() -> None:
    """Wait for a line, come back, say how it went, and stay until the input ends."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    port, clients, symbols = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(Crowd(port, clients, symbols).run()), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
