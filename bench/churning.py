"""Clients that come and go by the thousand leave nothing behind."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import machine
from bench.findings import Finding
from bench.load.churn import NAMES
from bench.rig import UNIVERSE, Rig
from bench.servers import Server, serve
from bench.worker import Answer

CONNECTS, PACE = 3000, 50.0
_LINGER_S = 2
_DEFAULTS = UNIVERSE[:10]
_BACK_WITHIN_S = 20.0


@dataclass(frozen=True)
class State:
    """The resources that a process uses."""

    clients: int
    subscribed: int
    upstream: int
    descriptors: int
    rss_kib: int

    @classmethod
    def of(cls, server: Server) -> "State":
        """The current state of a server."""
        health = server.health()
        return cls(
            health["clients"],
            health["symbols"]["subscribed"],
            health["symbols"]["upstream"],
            machine.descriptors(server.pid),
            machine.rss_kib(server.pid),
        )

    def as_clean_as(self, other: "State") -> bool:
        """Whether the process uses no more than in the other state."""
        health = (self.clients, self.subscribed, self.upstream)
        same = health == (other.clients, other.subscribed, other.upstream)
        return same and self.descriptors <= other.descriptors


def run(rig: Rig, connects: int = CONNECTS) -> Iterator[Finding]:
    """Connect and close clients, then wait until the state is as before."""
    with serve("photon", rig.ports, _DEFAULTS, PHOTON_LINGER_S=_LINGER_S) as server:
        try:
            rig.connect(server, 1, _DEFAULTS)
            time.sleep(1)
            before = State.of(server)
            rig.play([*_DEFAULTS, *NAMES], 500)
            churned = _churn(rig, server, connects)
            after = _settle(server, before)
            _churn(rig, server, connects)
            again = _settle(server, before)
        finally:
            rig.stop()
            rig.load.ask("close")
    setup = f"{connects:,} clients come and go, {PACE:.0f}/s, {churned['resets']:,} of them by RST"
    connected = churned["connected"]
    yield Finding(f"{setup}: accepted", f"{connected:,}", f"{connects:,}", connected == connects)
    yield _back("… clients left", before.clients, after.clients)
    yield _back("… symbols that clients hold", before.subscribed, after.subscribed)
    yield _back("… file descriptors", before.descriptors, after.descriptors)
    yield _back("… symbols wanted upstream", before.upstream, after.upstream)
    sizes = " → ".join(f"{state.rss_kib / 1024:.1f}" for state in (before, after, again))
    yield Finding("… memory before, after, and after as many again", f"{sizes} MiB", "")


def _churn(rig: Rig, server: Server, connects: int) -> Answer:
    return rig.load.ask(
        "churn",
        timeout_s=connects / PACE + 30,
        port=server.port,
        path=server.path,
        connects=connects,
        pace=PACE,
    )


def _settle(server: Server, before: State) -> State:
    until = time.monotonic() + _BACK_WITHIN_S
    while not (after := State.of(server)).as_clean_as(before) and time.monotonic() < until:
        time.sleep(0.25)
    return after


def _back(what: str, before: int, after: int) -> Finding:
    return Finding(what, str(after), f"{before}, as before", after <= before)
