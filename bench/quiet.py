"""A quiet market: a lone trade is not delayed, and without trades there is almost no cost."""

import time
from collections.abc import Iterator

from bench.findings import Finding
from bench.rig import UNIVERSE, Rig
from bench.servers import serve

CLIENTS = 500
_RATE, _LONE_S, _IDLE_S = 5.0, 5.0, 10.0
_SYMBOLS = UNIVERSE[:1]


def run(rig: Rig) -> Iterator[Finding]:
    """One client, then many, then many and no trades."""
    with serve("photon", rig.ports, _SYMBOLS) as server:
        try:
            rig.connect(server, 1, _SYMBOLS)
            p50, p99 = _lone(rig)
            figure = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
            yield Finding(
                "a lone trade, 5 a second, to 1 client", figure, "p50 ≤ 0.5 ms", p50 <= 0.5
            )
            rig.connect(server, CLIENTS - 1, _SYMBOLS)
            p50, p99 = _lone(rig)
            figure = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
            what = f"… to each of {CLIENTS} clients"
            yield Finding(what, figure, "")  # one pass of writing to all and reading from all
            meter = rig.meter(server)
            time.sleep(_IDLE_S)
            cores = meter.cores()
            what = f"an idle market with {CLIENTS} clients, {_IDLE_S:.0f} s"
            yield Finding(what, f"{cores:.3f} cores", "≤ 0.02", cores <= 0.02)
        finally:
            rig.stop()
            rig.load.ask("close")


def _lone(rig: Rig) -> tuple[float, float]:
    rig.play(_SYMBOLS, _RATE, batch=1)
    time.sleep(1)
    p50, p99, _ = rig.measure(_LONE_S)["latency_ms"]
    rig.stop()
    return p50, p99
