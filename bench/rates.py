"""Equal rates: what servers that deliver the same updates make of their delay, and for how much.

Capacity (``ramp``) says how far a server goes; this says what it is like on the way. The rates of a
server go up and end with the first that is too much for it. Where one is measured several times,
the one with the lowest 99th percentile counts, for every server, because noise only ever adds.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.findings import Finding
from bench.ramp import MAX_P99_MS, SUSTAINED, Shape, Step, measured
from bench.rig import UNIVERSE, Rig
from bench.servers import Server, serve

PEERS, PEERS_FULL = ("photon", "bun", "nats"), ("photon", "bun", "nats", "node_ws", "bare-joined")
RATES = (10e3, 100e3, 300e3, 1e6)
CLIENTS = (50, 500)
_BAR_RATES = {50: (50e3,), 500: (200e3, 1e6)}
"""Where Photon has bars to pass; a full run plays all of them."""
_REST_S = 0.3
_FEW = 50
_CLOSE_MS, _TIMES = 1.0, 2.0
_MOST_CORES = 0.4


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long is measured."""

    settle_s: float
    seconds: float
    windows: int


SHORT = Pace(settle_s=0.5, seconds=2.0, windows=1)
FULL = Pace(settle_s=1.0, seconds=3.0, windows=3)


@dataclass(frozen=True, kw_only=True)
class AtRate:
    """One server at one rate."""

    rate: float
    """Updates a second that were offered."""
    step: Step
    """The best window."""
    arrived: float
    """Share of all updates of this rate that were there soon after its end: beside a window's share
    it does not depend on where the window began, and shows what is lost or doubled.
    """

    @property
    def kept(self) -> bool:
        """Whether the server kept up."""
        return self.arrived >= SUSTAINED and self.step.p99_ms <= MAX_P99_MS and not self.step.behind


@dataclass(frozen=True, kw_only=True)
class AtRates:
    """One server with so many clients, at each rate."""

    name: str
    clients: int
    rates: list[AtRate]

    def at(self, rate: float) -> AtRate | None:
        """What was found at a rate, if the server got so far."""
        return next((one for one in self.rates if one.rate == rate), None)


def rates(clients: int, *, full: bool) -> list[float]:
    """The rates for so many clients, ascending; a full run has those of the bars too."""
    return sorted({*RATES, *(_BAR_RATES.get(clients, ()) if full else ())})


def at_rates(rig: Rig, name: str, clients: int, *, full: bool) -> AtRates:
    """Start a server, connect everybody to all symbols, and play each rate.

    Raises:
        UnavailableError: it cannot be run here.
    """
    shape = Shape(clients=clients)
    found: list[AtRate] = []
    with serve(name, rig.ports, UNIVERSE[: shape.universe]) as server:
        try:
            rig.connect(server, clients, UNIVERSE[: shape.universe])
            for rate in rates(clients, full=full):
                found.append(_at_rate(rig, server, shape, rate, FULL if full else SHORT))
                if not found[-1].kept:
                    break
        finally:
            rig.stop()
            rig.load.ask("close")
    return AtRates(name=name, clients=clients, rates=found)


def _at_rate(rig: Rig, server: Server, shape: Shape, rate: float, pace: Pace) -> AtRate:
    """Play one rate, and count all of it."""
    trades_per_s = rate / shape.updates_a_trade
    sent, got = rig.stop()["sent"], rig.tally()["ever"]
    rig.play(UNIVERSE[: shape.universe], trades_per_s)
    time.sleep(pace.settle_s)
    windows = [measured(rig, server, rate, trades_per_s, pace.seconds) for _ in range(pace.windows)]
    sent = rig.stop()["sent"] - sent
    time.sleep(_REST_S)
    got = rig.tally()["ever"] - got
    return AtRate(rate=rate, step=best(windows), arrived=got / (sent * shape.updates_a_trade))


def best(windows: Sequence[Step]) -> Step:
    """The quickest of those in which the server kept up, or of all if there was none."""
    kept = [step for step in windows if step.sustained]
    return min(kept or windows, key=lambda step: step.p99_ms)


def findings(found: Iterable[AtRates]) -> Iterator[Finding]:
    """Photon's delay against the bars, at those of their rates that were measured."""
    by_name = {(one.name, one.clients): one for one in found}
    for clients, at in _BAR_RATES.items():
        own = by_name.get(("photon", clients))
        if own is None:
            continue
        peers = {
            name: by_name[name, clients] for name in ("bun", "nats") if (name, clients) in by_name
        }
        played = {one.rate for server in (own, *peers.values()) for one in server.rates}
        for rate in at:
            if rate in played:
                yield _finding(own, peers, rate)


def _finding(own: AtRates, peers: dict[str, AtRates], rate: float) -> Finding:
    what = f"{own.clients} clients of equal sets at {rate / 1e3:,.0f} k updates/s"
    few = own.clients <= _FEW
    bar = "p99 ≤ Bun's + 1 ms" if few else "p99 ≤ 2 × Bun's and ≤ NATS's, ≤ 0.4 cores"
    found = own.at(rate)
    if found is None or not found.kept:
        return Finding(what, "not sustained", bar, False)
    step = found.step
    others = {
        name: at.step for name, one in peers.items() if (at := one.at(rate)) is not None and at.kept
    }
    figure = _short(step) + "".join(f"; {name} {_short(at)}" for name, at in others.items())
    if "bun" not in peers or not (few or "nats" in peers):
        return Finding(what, figure, bar)  # nothing to compare with
    p99_ms = {name: others[name].p99_ms if name in others else math.inf for name in peers}
    if few:
        return Finding(what, figure, bar, step.p99_ms <= p99_ms["bun"] + _CLOSE_MS)
    quick = step.p99_ms <= min(_TIMES * p99_ms["bun"], p99_ms["nats"])
    return Finding(what, figure, bar, quick and step.server_cores <= _MOST_CORES)


def _short(step: Step) -> str:
    return f"p99 {step.p99_ms:.1f} ms with {step.server_cores:.2f} cores"


def tables(found: Sequence[AtRates]) -> Iterator[str]:
    """One table for each number of clients: servers side by side at each rate."""
    for clients in dict.fromkeys(one.clients for one in found):
        of_these = [one for one in found if one.clients == clients]
        yield from (f"### Equal rates: {clients} clients, the same 10 symbols", "")
        yield (
            "| updates/s | server | p50 / p99 / p99.9 ms | delivered | cores | load's cores "
            "| taken |"
        )
        yield "|--:|---|--:|--:|--:|--:|--:|"
        for rate in sorted({at.rate for one in of_these for at in one.rates}):
            for one in of_these:
                yield _row(one.name, rate, one.at(rate))
        yield ""


def _row(name: str, rate: float, at: AtRate | None) -> str:
    if at is None:
        return f"| {rate:,.0f} | {name} | not reached | | | | |"
    step = at.step
    return (
        f"| {rate:,.0f} | {name} | {step.p50_ms:.1f} / {step.p99_ms:.1f} / {step.p999_ms:.1f} "
        f"| {at.arrived:.1%} | {step.server_cores:.2f} | {step.load_cores:.2f} "
        f"| {step.taken_cores:.2f} |"
    )
