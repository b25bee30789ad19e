"""When a flush follows its cost, and when it does not: ``python -m bench.curve``.

Photon as shipped beside Photon with a fixed interval of 20 and of 1 ms, by turns, with different
numbers of clients and trades. Prints a table: latency from trade to client and CPU of the server.
"""

import argparse

from bench import fanout, ramp
from bench.ramp import Shape, Step
from bench.rig import rig

CLIENTS = (5, 50, 500, 2000)
TRADES_PER_S = (100.0, 1000.0, 5000.0)
VARIANTS = {
    "20 ms": ("photon-fixed", {"PHOTON_FLUSH_MS": 20}),
    "1 ms": ("photon-fixed", {"PHOTON_FLUSH_MS": 1}),
    "its cost": ("photon", {}),
}


def main() -> None:
    """Measure and print."""
    fanout.end_children_on_signals()
    parser = argparse.ArgumentParser(prog="bench.curve", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each cell")
    parser.add_argument("--clients", default=",".join(map(str, CLIENTS)))
    parser.add_argument("--rates", default=",".join(f"{rate:.0f}" for rate in TRADES_PER_S))
    asked = parser.parse_args()
    heads = [f"{name}: p50 / p99 ms, cores" for name in VARIANTS]
    print("| clients | trades/s | " + " | ".join(heads) + " |")
    print("|--:|--:|" + "---|" * len(heads), flush=True)
    for clients in map(int, asked.clients.split(",")):
        for rate in map(float, asked.rates.split(",")):
            cells = [_cell(name, clients, rate, asked.seconds) for name in VARIANTS]
            print(f"| {clients:,} | {rate:,.0f} | " + " | ".join(cells) + " |", flush=True)


def _cell(variant: str, clients: int, rate: float, seconds: float) -> str:
    name, settings = VARIANTS[variant]
    with rig() as one:
        step: Step = ramp.fixed(one, name, Shape(clients=clients), rate, seconds, **settings)
    short = "" if step.sustained else f", {step.share:.0%} delivered"
    return f"{step.p50_ms:.1f} / {step.p99_ms:.1f}, {step.server_cores:.2f}{short}"


if __name__ == "__main__":
    main()
