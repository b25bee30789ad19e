"""A burst on the tape: how far prices lag behind it, and how soon they catch up."""

import time
from collections.abc import Iterator

from bench.findings import Finding
from bench.rig import UNIVERSE, Rig
from bench.servers import serve

CLIENTS, RATE, SECONDS, TRADES_A_FRAME = 20, 10_000.0, 10.0, 10
CALM = 200.0
_SETTLE_S, _RECOVER_S = 2.0, 1.0
SYMBOLS = UNIVERSE[:50]


def run(rig: Rig) -> Iterator[Finding]:
    """Ten seconds at ten times a busy market's rate, and the recovery after it."""
    with serve("photon", rig.ports, SYMBOLS) as server:
        try:
            rig.connect(server, CLIENTS, SYMBOLS)
            rig.play(SYMBOLS, CALM)
            time.sleep(_SETTLE_S)
            rig.play(SYMBOLS, RATE, TRADES_A_FRAME)
            meter = rig.meter(server)
            burst = rig.measure(SECONDS)
            cores = meter.cores()
            rig.play(SYMBOLS, CALM)
            time.sleep(_RECOVER_S)
            after = rig.measure(_SETTLE_S)
        finally:
            rig.stop()
            rig.load.ask("close")
    clients = f"{CLIENTS} clients × {len(SYMBOLS)} symbols"
    what = f"a burst of {RATE:,.0f} trades/s for {SECONDS:.0f} s, {clients}"
    got, due = burst["updates_per_s"], burst["trades_per_s"] * CLIENTS
    figure = f"{got:,.0f} updates/s of {due:,.0f}, {burst['skipped']} trades not printed"
    yield Finding(what, figure, "≥ 99 %", got >= 0.99 * due and not burst["skipped"])
    lag_ms = burst["latency_ms"][2]
    figure = f"p99.9 {lag_ms:.0f} ms, server {cores:.2f} cores"
    yield Finding("… lag behind the tape", figure, "≤ 2 s", lag_ms <= 2000)
    later_ms = after["latency_ms"][2]
    figure = f"p99.9 {later_ms:.0f} ms"
    yield Finding(f"… {_RECOVER_S:.0f} to 3 s after it", figure, "≤ 60 ms", later_ms <= 60)
