"""``python -m bench.load``: takes commands as lines of JSON and answers each with one.

``open`` connects clients and answers when all are accepted; ``begin`` and ``tally`` count what they
receive; ``record`` keeps everything that every client reads, until ``last_prices`` compares it;
``stall`` stops reading the newest clients and ``resume`` reads them again; ``checks`` reports on
the clients that parse every message; ``churn`` connects and ends clients for a while; ``close``
ends all. Between commands it continues reading. It ends when its input does.
"""

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.load import wire
from bench.load.checks import Continuity, Ending, close_code, last_prices
from bench.load.churn import Churn
from bench.load.client import CLIENTS_PER_ADDRESS, Check, Client
from bench.load.latency import Latencies
from bench.load.reader import Reader, Target

Answer = dict[str, Any]


class Load:
    """The commands."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._checked: list[Continuity] = []
        self._stallable: list[Client] = []
        self._opened = 0
        self._begun = (0.0, 0.0, 0, 0)
        self._before = 0
        self.commands: dict[str, Callable[..., Answer]] = {
            "open": self.open,
            "begin": self.begin,
            "tally": self.tally,
            "record": self.record,
            "last_prices": self.last_prices,
            "stall": self.stall,
            "resume": self.resume,
            "checks": self.checks,
            "churn": self.churn,
            "close": self.close,
        }

    def serve(self) -> None:
        """Execute commands until the input ends."""
        while True:
            self._reader.run_until_woken()
            line = sys.stdin.buffer.readline()
            if not line:
                return
            command = json.loads(line)
            answer = self.commands[command.pop("do")](**command)
            print(json.dumps(answer), flush=True)

    def open(
        self,
        *,
        port: int,
        path: str,
        dialect: wire.Dialect,
        clients: int,
        pace: float,
        symbols: list[str],
        each: int,
        checked: int = 0,
        stallable: int = 0,
    ) -> Answer:
        """Connect ``clients`` at ``pace`` a second; each wants ``each`` of the symbols, all or a
        random set. The first ``checked`` parse every message, the last ``stallable`` may be
        stalled.
        """
        reader, rng, target = self._reader, random.Random(7), Target(port, path)
        begun = time.monotonic()
        reader.accept_s, refused = [], len(reader.refused)
        if stallable:
            self._stallable = []  # earlier ones have ended
        for n in range(clients):
            reader.run(begun + n / pace)
            wanted = symbols if each >= len(symbols) else rng.sample(symbols, each)
            hello = wire.subscribe(dialect, wanted) if wanted else b""
            client = reader.open(
                target, self._source(), hello, self._check(n, checked, clients - stallable)
            )
            if n >= clients - stallable:
                self._stallable.append(client)
        deadline = time.monotonic() + 20
        while len(reader.accept_s) + len(reader.refused) - refused < clients:
            reader.run(time.monotonic() + 0.002)
            if time.monotonic() > deadline:
                break
        return {
            "connected": len(reader.accept_s),
            "refused": reader.refused[refused:][:3],
            "seconds": time.monotonic() - begun,
            "accept_ms": _percentiles_ms(reader.accept_s),
        }

    def _source(self) -> int:
        self._opened += 1
        return (self._opened - 1) // CLIENTS_PER_ADDRESS

    def _check(self, n: int, checked: int, first_stallable: int) -> Check | None:
        if n >= first_stallable:
            return Ending()
        if n >= checked:
            return None
        self._checked.append(Continuity())
        return self._checked[-1]

    def begin(self) -> Answer:
        """Count from now on."""
        reader = self._reader
        self._before += reader.latencies.updates
        reader.latencies = Latencies()
        self._begun = (time.monotonic(), time.process_time(), reader.reads, len(reader.ended))
        return {}

    def tally(self) -> Answer:
        """What all clients received together since ``begin``; ``ever`` counts from the start."""
        reader = self._reader
        begun, cpu_s, reads, ended = self._begun
        wall_s = time.monotonic() - begun
        return {
            "updates": reader.latencies.updates,
            "ever": self._before + reader.latencies.updates,
            "updates_per_s": reader.latencies.updates / wall_s,
            "latency_ms": reader.latencies.percentiles_ms(0.5, 0.99, 0.999),
            "reads_per_s": (reader.reads - reads) / wall_s,
            "lost": len(reader.ended) - ended,
            "cores": (time.process_time() - cpu_s) / wall_s,
        }

    def record(self) -> Answer:
        """Keep everything from now on."""
        self._reader.recorded = {}
        return {}

    def last_prices(self, *, prices: dict[str, float]) -> Answer:
        """How many clients ended with exactly these prices; recording stops."""
        recorded, self._reader.recorded = self._reader.recorded or {}, None
        good = sum(
            last_prices(bytes(recorded.get(descriptor, b""))) == prices
            for descriptor, client in self._reader.clients.items()
            if not client.stalled
        )
        return {"good": good, "clients": len(self._reader.clients)}

    def stall(self) -> Answer:
        """Stop reading the stallable clients."""
        self._reader.stall(self._stallable)
        return {"stalled": len(self._stallable)}

    def resume(self, *, clients: int, seconds: float) -> Answer:
        """Read ``clients`` of the stalled clients again for some seconds, and report how all of the
        stalled ended.
        """
        self._reader.resume(self._stallable[:clients])
        self._reader.run(time.monotonic() + seconds)
        read, unread = self._stallable[:clients], self._stallable[clients:]
        return {
            "codes": [close_code(c.check.tail) for c in read if isinstance(c.check, Ending)],
            "ended": [client.ended for client in read],
            "unread": [client.ended for client in unread],
        }

    def checks(self) -> Answer:
        """The findings of the clients that parse every message."""
        return {
            "clients": len(self._checked),
            "updates": sum(check.updates for check in self._checked),
            "gaps": sum(check.gaps for check in self._checked),
            "snapshots": sum(check.snapshots for check in self._checked),
        }

    def churn(self, *, port: int, path: str, connects: int, pace: float) -> Answer:
        """Connect and end clients at a pace; answers when all are gone."""
        return Churn(self._reader, Target(port, path)).run(connects, pace)

    def close(self) -> Answer:
        """End every client."""
        for client in list(self._reader.clients.values()):
            self._reader.end(client, "done")
        self._opened = 0
        self._stallable = []
        self._checked = []
        return {}


def _percentiles_ms(seconds: list[float]) -> list[float]:
    """Median, 99 % and the largest."""
    ordered = sorted(seconds) or [0.0]
    last = len(ordered) - 1
    return [round(ordered[int(last * share)] * 1000, 2) for share in (0.5, 0.99, 1.0)]


if __name__ == "__main__":
    gc.disable()  # nothing here makes cycles
    Load().serve()
