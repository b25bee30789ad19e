"""Clients that come and go: random subscriptions, short lives, half of them ended by RST."""

import heapq
import itertools
import random
import time
from typing import Any

from bench.load import wire
from bench.load.client import CLIENTS_PER_ADDRESS, Client
from bench.load.reader import Reader, Target

NAMES = [f"C{n}" for n in range(200)]
"""Symbols that no other client wants."""
_LIVES_S = (0.1, 4.0)
_GOODBYE_S = 3.0


class Churn:
    """One run of connects and ends."""

    def __init__(self, reader: Reader, target: Target) -> None:
        self._reader = reader
        self._target = target
        self._rng = random.Random(11)
        self._ends: list[tuple[float, int, Client]] = []
        self._count = itertools.count()
        self._before = set(reader.clients)
        self._resets = 0

    def run(self, connects: int, pace: float) -> dict[str, Any]:
        """Connect clients, ``pace`` a second; return when all are gone."""
        reader, begun = self._reader, time.monotonic()
        reader.accept_s, refused = [], len(reader.refused)
        for n in range(connects):
            self._run_until(begun + n / pace)
            self._open(n)
        while self._ends:
            self._run_until(self._ends[0][0])
        reader.run(time.monotonic() + _GOODBYE_S)
        left = [reader.clients[d] for d in set(reader.clients) - self._before]
        for client in left:
            reader.end(client, "no answer")
        return {
            "connected": len(reader.accept_s),
            "refused": len(reader.refused) - refused,
            "resets": self._resets,
            "unanswered": len(left),
            "seconds": time.monotonic() - begun,
        }

    def _run_until(self, until_s: float) -> None:
        """Read until a time, and end the clients that are due."""
        while self._ends and self._ends[0][0] <= until_s:
            due_s, n, client = heapq.heappop(self._ends)
            self._reader.run(due_s)
            if not client.ended:
                self._end(n, client)
        self._reader.run(until_s)

    def _open(self, n: int) -> None:
        symbols = self._rng.sample(NAMES, self._rng.randint(1, 10))
        hello = wire.subscribe("events", symbols)
        client = self._reader.open(self._target, n % 50 + CLIENTS_PER_ADDRESS, hello, None)
        life_s = self._rng.uniform(*_LIVES_S)
        heapq.heappush(self._ends, (time.monotonic() + life_s, next(self._count), client))

    def _end(self, n: int, client: Client) -> None:
        if n % 2:
            client.say_goodbye()
            return
        client.reset()
        self._reader.end(client, "reset by us")
        self._resets += 1
