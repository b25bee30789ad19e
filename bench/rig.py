"""The rig that loads a server: the tape and the load process, with the operations on both that
every measurement needs.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import machine
from bench.servers import Ports, Server
from bench.worker import Answer, Worker, worker

UNIVERSE = [f"S{n}" for n in range(50)]
BATCH_S = 0.005
"""Trades of this span share one upstream frame, as Finnhub's do when a market is busy."""
_SUBSCRIBED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Rig:
    """A running tape and a running load process."""

    tape: Worker
    load: Worker
    ports: Ports

    def connect(
        self,
        server: Server,
        clients: int,
        symbols: list[str],
        each: int | None = None,
        *,
        checked: int = 0,
        stallable: int = 0,
    ) -> Answer:
        """Open clients that want ``each`` of the symbols (all, if not given), and wait until
        Photon has them upstream too.

        Raises:
            AssertionError: not every client was accepted.
        """
        answer = self.load.ask(
            "open",
            timeout_s=clients / server.pace + 40,
            port=server.port,
            path=server.path,
            dialect=server.dialect,
            clients=clients,
            pace=server.pace,
            symbols=symbols,
            each=len(symbols) if each is None else each,
            checked=checked,
            stallable=stallable,
        )
        assert answer["connected"] == clients, f"{server.name}: not all were accepted: {answer}"
        if server.name.startswith("photon"):
            self._wait_subscribed(len(symbols))
        return answer

    def play(self, symbols: list[str], rate: float, batch: int | None = None) -> None:
        """Let the tape print ``rate`` trades a second."""
        batch = max(1, round(rate * BATCH_S)) if batch is None else batch
        self.tape.ask("play", symbols=symbols, rate=rate, batch=batch)

    def stop(self) -> Answer:
        """Stop the tape, and return its report."""
        return self.tape.ask("stop")

    def meter(self, server: Server) -> machine.Meter:
        """Measure the CPU that a server uses from now on."""
        return machine.Meter(server.pid, *server.helpers, self.tape.pid, self.load.pid, os.getpid())

    def begin(self) -> None:
        """Count what clients receive from now on."""
        self.load.ask("begin")

    def tally(self) -> Answer:
        """What clients received since ``begin``."""
        return self.load.ask("tally")

    def measure(self, seconds: float) -> Answer:
        """Count what clients receive, and add how many trades the tape printed meanwhile."""
        begun, before = time.monotonic(), self.tape.ask("report")
        self.begin()
        time.sleep(seconds)
        answer = self.tally()
        after = self.tape.ask("report")
        answer["trades_per_s"] = (after["sent"] - before["sent"]) / (time.monotonic() - begun)
        answer["skipped"] = after["skipped"] - before["skipped"]
        return answer

    def drain(self, within_s: float = 6.0) -> bool:
        """Wait until no client receives anything more; false if that takes too long."""
        self.stop()
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self.measure(0.3)["updates"] == 0:
                return True
        return False

    def _wait_subscribed(self, symbols: int) -> None:
        until = time.monotonic() + _SUBSCRIBED_WITHIN_S
        while self.tape.ask("report")["wanted"] < symbols:
            assert time.monotonic() < until, "Photon did not ask the tape for every symbol"
            time.sleep(0.05)


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """A tape and a load process, ended with the block."""
    with worker("bench.tape") as tape, worker("bench.load") as load:
        yield Rig(tape, load, Ports(**{k: int(v) for k, v in tape.answer(20).items()}))
