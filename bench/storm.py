"""``python -m bench.storm [CLIENTS] [HANDSHAKES_PER_S]``: a crowd comes back at once.

200 clients get 1,000 trades a second. Then as many more as are asked for (2,000) connect within a
quarter of a second, subscribe 10 quiet symbols and want their snapshots; refused, they try again as
``photon-client.js`` does. With a second number the limit is that constant; without, it follows the
load. Printed: when half, 90 % and all are back, the p99 of the 200 before and meanwhile, and the
server's cores and memory.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from bench import machine
from bench.rig import UNIVERSE, Rig, rig
from bench.servers import Server, serve

STEADY, RATE = 200, 1_000.0
BUSY, QUIET = UNIVERSE[:10], UNIVERSE[10:20]
CALM_S = 8.0


def storm(rig: Rig, server: Server, clients: int) -> str:
    """One storm; the line that tells of it."""
    rig.play(QUIET, 200.0)
    time.sleep(1)
    rig.connect(server, STEADY, BUSY)
    rig.play(BUSY, RATE)
    time.sleep(2)
    calm_ms = rig.measure(CALM_S)["latency_ms"]
    with _returning(server, clients) as crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        crowd.stdout.readline()  # it is loaded
        before_kib, before_s = machine.rss_kib(server.pid), machine.cpu_s(server.pid)
        rig.begin()
        meter = machine.Meter(server.pid, crowd.pid, rig.tape.pid, rig.load.pid, os.getpid())
        crowd.stdin.write("\n")
        crowd.stdin.flush()
        back = json.loads(crowd.stdout.readline())
        storm_ms, cores, taken = rig.tally()["latency_ms"], meter.cores(), meter.taken()
        each_ms = (machine.cpu_s(server.pid) - before_s) / clients * 1000
        each_kib = (machine.rss_kib(server.pid) - before_kib) / clients
    return (
        f"{back['back']:,} of {clients:,} back, half, 90 % and all within {back['at_s']} s, refused"
        f" {back['refused']:,} times; the {STEADY}: p50, p99 {calm_ms[0]:.1f}, {calm_ms[1]:.1f} ms "
        f"calm, {storm_ms[0]:.1f}, {storm_ms[1]:.1f} ms meanwhile "
        f"({storm_ms[1] / calm_ms[1]:.2f} ×); {cores:.2f} cores, {each_ms:.2f} ms of CPU, all in "
        f"all, and {each_kib:.1f} KiB each ({taken:.2f} cores taken by others)"
    )


@contextlib.contextmanager
def _returning(server: Server, clients: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.load.returning", str(server.port), str(clients)]
    with machine.on_core(machine.LOAD_CORE):
        crowd = subprocess.Popen(
            [*command, ",".join(QUIET)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        yield crowd
    finally:
        crowd.kill()
        crowd.communicate()


def main() -> None:
    """Measure once and print a line."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    settings = {"PHOTON_HANDSHAKES_PER_S": sys.argv[2]} if len(sys.argv) > 2 else {}
    with (
        rig() as loaded,
        serve(
            "photon",
            loaded.ports,
            UNIVERSE[:20],
            PHOTON_MAX_CONNECTIONS=clients + STEADY + 100,
            **settings,
        ) as server,
    ):
        print(storm(loaded, server, clients))


if __name__ == "__main__":
    main()
