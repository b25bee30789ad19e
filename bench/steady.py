"""A normal load for minutes: nothing is lost, every client has the last price, memory does not
grow, and clients that stop reading are closed without an effect on the others.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import machine
from bench.findings import Finding
from bench.rig import UNIVERSE, Rig
from bench.servers import Server, serve
from bench.worker import Answer
from photon_app.disconnect import SLOW_CLIENT

CLIENTS, STALLED, RATE = 200, 20, 1000.0
SYMBOLS = UNIVERSE[:10]
_CHECKED = 5
_SETTLE_S, _LAST_S, _REST_S = 2.0, 1.5, 0.7
_GONE_WITHIN_S = 20.0
_READ_AGAIN = 10
_BESIDE_S = 8.0
"""How long the others are measured before and after the stalled clients."""


@dataclass(frozen=True)
class Phase:
    """One stretch of the run."""

    tally: Answer
    cores: float
    taken: float
    rss_kib: list[int]
    """Once a second."""

    @property
    def p99_ms(self) -> float:
        """The 99th percentile."""
        return float(self.tally["latency_ms"][1])


def run(rig: Rig, seconds: float, rounds: int = 1) -> Iterator[Finding]:
    """The whole scenario: ``seconds`` without stalled clients, then ``rounds`` times with stalled
    clients until they are gone.
    """
    with serve("photon", rig.ports, SYMBOLS) as server:
        try:
            rig.connect(server, CLIENTS, SYMBOLS, checked=_CHECKED)
            rig.play(SYMBOLS, RATE)
            time.sleep(_SETTLE_S)
            alone = _phase(rig, server, seconds)
            yield from _alone(alone, seconds)
            yield from _truth(rig)
            yield from _stalled(rig, server, rounds)
        finally:
            rig.stop()
            rig.load.ask("close")


def _phase(rig: Rig, server: Server, seconds: float) -> Phase:
    meter, rss = rig.meter(server), []
    rig.begin()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(min(1.0, max(0.0, until - time.monotonic())))
        rss.append(machine.rss_kib(server.pid))
    return Phase(rig.tally(), meter.cores(), meter.taken(), rss)


def _alone(phase: Phase, seconds: float) -> Iterator[Finding]:
    setup = f"{CLIENTS} clients × {len(SYMBOLS)} symbols, {RATE:,.0f} trades/s for {seconds:.0f} s"
    got, due = phase.tally["updates_per_s"], RATE * CLIENTS
    yield Finding(f"{setup}: delivered", f"{got:,.0f} updates/s", f"{due:,.0f}", got >= 0.99 * due)
    p50, p99, p999 = phase.tally["latency_ms"]
    latency = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, p99.9 {p999:.1f} ms"
    taken = f"{phase.taken:.2f} cores taken by others"
    yield Finding("… trade to client", f"{latency} ({taken})", "p99 ≤ 60 ms", p99 <= 60)
    yield Finding("… server", f"{phase.cores:.2f} cores", "< 1", phase.cores < 1)
    lost = phase.tally["lost"]
    yield Finding("… connections lost", str(lost), "0", lost == 0)
    warm_s = 60 if seconds > 90 else int(seconds / 3)
    growth = phase.rss_kib[-1] / phase.rss_kib[warm_s] - 1
    figure = f"{growth:+.1%}, from {phase.rss_kib[warm_s] / 1024:.1f} MiB"
    yield Finding(f"… memory after second {warm_s}", figure, "≤ +5 %", growth <= 0.05)


def _truth(rig: Rig) -> Iterator[Finding]:
    """Stop the tape, and compare the last price that each client has with the tape's."""
    rig.load.ask("record")
    time.sleep(_LAST_S)
    prices = rig.stop()["prices"]
    time.sleep(_REST_S)
    answer = rig.load.ask("last_prices", prices={symbol: prices[symbol] for symbol in SYMBOLS})
    figure = f"{answer['good']} of {answer['clients']} clients"
    yield Finding(
        "… last price of every symbol is the feed's", figure, "all", answer["good"] == CLIENTS
    )
    checks = rig.load.ask("checks")
    seen = f"in {checks['updates']:,} updates of {checks['clients']} clients"
    figure = f"{checks['gaps']} and {checks['snapshots']} {seen}"
    what = "… updates missing or doubled, and replaced by snapshots"
    yield Finding(what, figure, "0 and 0", checks["gaps"] == checks["snapshots"] == 0)


@dataclass(frozen=True)
class Stall:
    """One round of clients that connect and stop reading."""

    gone_s: float | None
    codes: list[int]
    """The close codes of those that read again."""
    before_ms: float
    during_ms: float
    after_ms: float
    """The 99th percentile of the other clients: before, with the stalled clients, and after."""
    taken: float
    """Cores that unrelated processes used, in the worst of the three stretches."""
    lost: int

    @property
    def ratio(self) -> float:
        """The latency of the others with stalled clients, relative to the mean of the other two."""
        return self.during_ms / ((self.before_ms + self.after_ms) / 2)

    def __str__(self) -> str:
        stretches = f"{self.before_ms:.1f}, {self.during_ms:.1f}, {self.after_ms:.1f} ms"
        return f"{self.ratio:.2f} × ({stretches}; {self.taken:.2f} taken)"


def _stalled(rig: Rig, server: Server, rounds: int) -> Iterator[Finding]:
    """Twenty more clients connect and stop reading."""
    rig.play(SYMBOLS, RATE)
    stalls = [_stall(rig, server) for _ in range(rounds)]
    slowest = max((s.gone_s if s.gone_s is not None else math.inf) for s in stalls)
    holds = slowest <= _GONE_WITHIN_S
    yield Finding(f"{STALLED} more stop reading: gone", f"after {slowest:.1f} s", "≤ 20 s", holds)
    coded, all_of_them = sum(s.codes.count(SLOW_CLIENT) for s in stalls), rounds * _READ_AGAIN
    figure = f"{coded} of {all_of_them}"
    yield Finding("… those that read again see 4008", figure, "all", coded == all_of_them)
    stalls.sort(key=lambda stall: stall.ratio)
    middle = stalls[len(stalls) // 2]
    what = "… p99 of the others against before and after"
    figure = "; ".join(map(str, [middle, *(s for s in stalls if s is not middle)]))
    yield Finding(what, figure, "≤ 1.2 ×", middle.ratio <= 1.2)
    lost = sum(s.lost for s in stalls)
    yield Finding("… others lost", str(lost), "0", lost == 0)


def _stall(rig: Rig, server: Server) -> Stall:
    before = _phase(rig, server, _BESIDE_S)
    rig.connect(server, STALLED, SYMBOLS, stallable=STALLED)
    time.sleep(_SETTLE_S)
    meter = rig.meter(server)
    rig.begin()
    rig.load.ask("stall")
    gone_s = _until_gone(server)
    during_ms = float(rig.tally()["latency_ms"][1])  # before old prices are read again
    taken = meter.taken()
    answer = rig.load.ask("resume", clients=_READ_AGAIN, seconds=4.0)
    lost = rig.tally()["lost"] - STALLED
    after = _phase(rig, server, _BESIDE_S)
    return Stall(
        gone_s=gone_s,
        codes=answer["codes"],
        before_ms=before.p99_ms,
        during_ms=during_ms,
        after_ms=after.p99_ms,
        taken=max(before.taken, taken, after.taken),
        lost=max(lost, 0),
    )


def _until_gone(server: Server) -> float | None:
    """Seconds until only those that read are left."""
    begun = time.monotonic()
    while time.monotonic() - begun < 2 * _GONE_WITHIN_S:
        if server.health()["clients"] <= CLIENTS:
            return time.monotonic() - begun
        time.sleep(0.1)
    return None
