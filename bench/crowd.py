"""Many connected clients and one trade a second: how memory, idle cost, latency and the time to
connect grow with their number.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import machine
from bench.findings import Finding
from bench.rig import UNIVERSE, Rig
from bench.servers import Server, serve

_SYMBOLS = UNIVERSE[:1]
_IDLE_S = 4.0
_SECONDS = {100: 5.0, 1000: 6.0, 10_000: 12.0}


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """The figures of one server with a number of clients."""

    name: str
    clients: int
    connect_s: float
    accept_ms: list[float]
    """Median, 99 % and the largest."""
    rss_kib_a_client: float
    idle_cores: float
    latency_ms: list[float]
    """50, 99 and 99.9 %."""
    delivered: float
    """The share of the due updates that was delivered."""
    lost: int


def crowd(rig: Rig, name: str, clients: int) -> Crowd:
    """Connect the clients, wait, and play one trade a second to each of them.

    Raises:
        UnavailableError: the server cannot be run here.
    """
    with serve(name, rig.ports, _SYMBOLS) as server:
        try:
            return _measure(rig, server, clients)
        finally:
            rig.stop()
            rig.load.ask("close", timeout_s=30)


def _measure(rig: Rig, server: Server, clients: int) -> Crowd:
    before = machine.rss_kib(server.pid)
    connected = rig.connect(server, clients, _SYMBOLS)
    time.sleep(1)
    rss = (machine.rss_kib(server.pid) - before) / clients
    meter = rig.meter(server)
    time.sleep(_IDLE_S)
    idle_cores = meter.cores()
    begun_at = rig.stop()["sent"]
    rig.begin()
    rig.play(_SYMBOLS, 1.0, batch=1)
    time.sleep(_SECONDS.get(clients, 6.0) + 0.5)
    trades = rig.stop()["sent"] - begun_at
    time.sleep(0.7)
    got = rig.tally()
    return Crowd(
        name=server.name,
        clients=clients,
        connect_s=connected["seconds"],
        accept_ms=connected["accept_ms"],
        rss_kib_a_client=rss,
        idle_cores=idle_cores,
        latency_ms=got["latency_ms"],
        delivered=got["updates"] / (trades * clients),
        lost=got["lost"],
    )


def findings(crowds: list[Crowd]) -> Iterator[Finding]:
    """Photon's largest number of clients against the bars."""
    own = [one for one in crowds if one.name == "photon"]
    if not own:
        return
    most = max(own, key=lambda one: one.clients)
    setup = f"{most.clients:,} clients in one process"
    connect_s, p99 = most.connect_s, most.latency_ms[1]
    yield Finding(f"{setup}: all accepted", f"{connect_s:.1f} s", "≤ 60 s", connect_s <= 60)
    rss = most.rss_kib_a_client
    yield Finding("… memory", f"{rss:.1f} KiB each", "≤ 20 KiB", rss <= 20)
    figure = f"p50 {most.latency_ms[0]:.1f} ms, p99 {p99:.1f} ms, {most.delivered:.1%} delivered"
    holds = p99 <= 250 and most.delivered >= 0.999
    yield Finding("… one trade a second to each", figure, "p99 ≤ 250 ms", holds)
    yield Finding("… connections lost", str(most.lost), "0", most.lost == 0)
