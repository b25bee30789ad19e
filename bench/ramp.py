"""Capacity: the tape goes faster until a server no longer keeps up.

Each step settles, then measures. A climb ends when less than 95 % arrives or the 99th percentile
exceeds a second. Peers without backpressure would otherwise fill the memory, so steps are short,
and a climb ends at ``_MAX_RSS_KIB`` too. In a full run every server climbs
twice, coarsely and then finely; the better climb counts, because noise only makes it slower.
"""

import math
import time
from dataclasses import dataclass, field

from bench import machine
from bench.rig import UNIVERSE, Rig
from bench.servers import Server, serve

SUSTAINED, BROKEN = 0.97, 0.95
QUICK_MS = 25.0
_SETTLE_S, _MEASURE_S = 0.25, 0.75
_FINE, _AGAIN, _MUCH_LOWER = 1.12, 0.85, 8
_MAX_STEPS, _MAX_FINE_STEPS = 9, 5
MAX_P99_MS = 1000.0
_MAX_RSS_KIB = 2 << 20
_COARSE, _COARSE_JOINING = (40e3, 1.5), (125e3, 2.0)
"""Where the first climb begins, in updates per second, and the factor from step to step."""
JOINING = {"photon", "bare-joined", "bun", "nats"}
"""Servers that join the frames that are waiting into one write."""
ONE_FRAME = {"photon-each", "bare"}
"""Servers that get one trade in each upstream frame, so that each write is one frame."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The number of clients, and the symbols that each wants."""

    clients: int = 500
    symbols: int = 10
    universe: int = 10

    @property
    def updates_a_trade(self) -> float:
        """The average number of clients that get one trade."""
        return self.clients * self.symbols / self.universe


@dataclass(frozen=True, kw_only=True)
class Step:
    """The measurement at one rate."""

    offered: float
    delivered: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    server_cores: float
    load_cores: float
    taken_cores: float
    """Cores that the host and other processes used meanwhile."""
    rss_kib: int
    lost: int
    behind: bool
    """Whether the tape itself could not keep the rate."""

    @property
    def share(self) -> float:
        """The share of the offered updates that arrived."""
        return self.delivered / self.offered if self.offered else 0.0

    @property
    def per_core(self) -> float:
        """Updates per second for each core that the server used."""
        return self.delivered / self.server_cores

    @property
    def sustained(self) -> bool:
        """Whether the server kept up."""
        return self.share >= SUSTAINED and self.p99_ms <= MAX_P99_MS and not self.behind

    @property
    def over(self) -> bool:
        """Whether a faster step is pointless."""
        late = self.p99_ms > MAX_P99_MS or self.rss_kib > _MAX_RSS_KIB
        return self.share < BROKEN or late or self.lost > 0 or self.behind


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The capacity of one server, with all measured steps."""

    name: str
    shape: Shape
    climbs: list[list[Step]]
    rss_kib_a_client: float
    note: str = ""

    @property
    def bests(self) -> list[Step]:
        """The fastest sustained step of each climb."""
        return [best for climb in self.climbs if (best := fastest(climb)) is not None]

    @property
    def best(self) -> Step | None:
        """The fastest sustained step."""
        return max(self.bests, key=lambda step: step.delivered, default=None)

    @property
    def quick(self) -> Step | None:
        """The fastest sustained step with a 99th percentile of at most 25 ms."""
        steps = [step for climb in self.climbs for step in climb if step.p99_ms <= QUICK_MS]
        return fastest(steps)

    @property
    def steps(self) -> list[Step]:
        """All steps, from slow to fast."""
        return sorted((s for climb in self.climbs for s in climb), key=lambda s: s.offered)


@dataclass
class Ramp:
    """The climbs of one running server."""

    rig: Rig
    server: Server
    shape: Shape
    symbols: list[str] = field(default_factory=list)

    def climbs(self, count: int) -> list[list[Step]]:
        """One coarse climb, and finer ones from a little below its best step."""
        first, factor = _COARSE_JOINING if self.server.name in JOINING else _COARSE
        done = [self.climb(first, factor, _MAX_STEPS)]
        if fastest(done[0]) is None:  # a slower machine than this was written on
            done = [self.climb(first / _MUCH_LOWER, factor, _MAX_STEPS)]
        while len(done) < count:
            best = fastest(done[0]) or done[0][0]
            done.append(self.climb(best.offered * _AGAIN, _FINE, _MAX_FINE_STEPS))
        return done

    def climb(self, first: float, factor: float, most: int) -> list[Step]:
        """Go faster until it breaks."""
        steps: list[Step] = []
        rate = first
        while len(steps) < most and not (steps and steps[-1].over):
            steps.append(self._step(rate))
            rate *= factor
        self.rig.drain()
        return steps

    def _step(self, updates_per_s: float) -> Step:
        trades_per_s = updates_per_s / self.shape.updates_a_trade
        batch = 1 if self.server.name in ONE_FRAME else None
        self.rig.play(self.symbols, trades_per_s, batch)
        time.sleep(_SETTLE_S)
        return measured(self.rig, self.server, updates_per_s, trades_per_s, _MEASURE_S)


def measured(
    rig: Rig, server: Server, updates_per_s: float, trades_per_s: float, seconds: float
) -> Step:
    """One rate, which is playing, for some seconds."""
    meter = rig.meter(server)
    got = rig.measure(seconds)
    p50, p99, p999 = got["latency_ms"] or [math.inf] * 3
    return Step(
        offered=updates_per_s,
        delivered=got["updates_per_s"],
        p50_ms=p50,
        p99_ms=p99,
        p999_ms=p999,
        server_cores=meter.cores(),
        load_cores=got["cores"],
        taken_cores=meter.taken(),
        rss_kib=machine.rss_kib(server.pid),
        lost=got["lost"],
        behind=got["trades_per_s"] < SUSTAINED * trades_per_s,
    )


def fastest(steps: list[Step]) -> Step | None:
    """The fastest sustained step below the first that was not, or ``None``."""
    return max((s for s in steps if s.sustained), key=lambda s: s.delivered, default=None)


def capacity(rig: Rig, name: str, shape: Shape, climbs: int = 2) -> Capacity:
    """Start a server, connect everybody, and climb.

    Raises:
        UnavailableError: it cannot be run here.
    """
    symbols = UNIVERSE[: shape.universe]
    with serve(name, rig.ports, symbols) as server:
        before = machine.rss_kib(server.pid)
        rig.connect(server, shape.clients, symbols, shape.symbols)
        each = (machine.rss_kib(server.pid) - before) / shape.clients
        try:
            done = Ramp(rig, server, shape, symbols).climbs(climbs)
        finally:
            rig.stop()
            rig.load.ask("close")
        return Capacity(name=name, shape=shape, climbs=done, rss_kib_a_client=each)


def fixed(
    rig: Rig,
    name: str,
    shape: Shape,
    rate: float,
    seconds: float,
    *,
    stalled: int = 0,
    **settings: object,
) -> Step:
    """One rate of trades for some seconds, beside clients that stop reading; settings are Photon's.

    Raises:
        UnavailableError: it cannot be run here.
    """
    symbols = UNIVERSE[: shape.universe]
    with serve(name, rig.ports, symbols, **settings) as server:
        try:
            rig.connect(server, shape.clients, symbols, shape.symbols)
            if stalled:
                rig.connect(server, stalled, symbols, shape.symbols, stallable=stalled)
                rig.load.ask("stall")
            rig.play(symbols, rate, 1 if name in ONE_FRAME else None)
            time.sleep(1)
            return measured(rig, server, rate * shape.updates_a_trade, rate, seconds)
        finally:
            rig.stop()
            rig.load.ask("close")
