"""The results of one run, and the bars of the fan-out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.crowd import Crowd
from bench.findings import Finding
from bench.ramp import QUICK_MS, Capacity, Step
from bench.rates import AtRates

PYTHON_AND_NODE = ("send_json", "starlette", "broadcast", "picows", "node_ws")
_ONE_MILLION = 1e6
_MOST_MS = {False: 25.0, True: 15.0}
"""The longest p99 at that rate, by whether the sets are different."""


@dataclass
class Results:
    """The results of a run so far."""

    command: str
    full: bool = False
    seconds: float = 0.0
    equal: list[Capacity] = field(default_factory=list)
    different: list[Capacity] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    rates: list[AtRates] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Servers that cannot be run on this machine, and why."""
    faults: list[str] = field(default_factory=list)
    """Measurements that failed because a server failed."""

    def capacity(self, name: str, *, different: bool = False) -> Capacity | None:
        """The capacity of a server, if it was measured."""
        measured = self.different if different else self.equal
        return next((one for one in measured if one.name == name), None)


def capacity_findings(results: Results) -> Iterator[Finding]:
    """The findings about capacity, for the servers that were measured."""
    yield from _alone(results)
    yield from _compared(results)


def _alone(results: Results) -> Iterator[Finding]:
    """Photon by itself: the fastest sustained step, and the fastest with low latency."""
    for what, bar, different in (
        ("500 clients of equal sets", 1e6, False),
        ("500 clients of random 10 of 50 symbols", 300e3, True),
    ):
        found = results.capacity("photon", different=different)
        if found is not None:
            yield _capacity(f"{what}, p99 ≤ {QUICK_MS:.0f} ms", found.quick, bar)
            yield _capacity("… as fast as it goes", found.best, bar)
            yield _at_a_million(found, _MOST_MS[different])


def _capacity(what: str, step: Step | None, bar: float) -> Finding:
    allowed = f"≥ {bar / 1e6:.1f} M updates/s/core"
    if step is None:
        return Finding(what, "not sustained at any rate", allowed, False)
    figure = (
        f"{step.delivered / 1e6:.2f} M updates/s with {step.server_cores:.2f} cores, so "
        f"{step.per_core / 1e6:.1f} M a core; p99 {step.p99_ms:.1f} ms"
    )
    return Finding(what, figure, allowed, step.per_core >= bar)


def _at_a_million(found: Capacity, most_ms: float) -> Finding:
    what, bar = "… at 1 M updates/s", f"p99 ≤ {most_ms:.0f} ms"
    at = [step for step in found.steps if step.offered == _ONE_MILLION and step.sustained]
    if not at:
        return Finding(what, "not sustained", bar, False)
    step = at[0]
    figure = f"p50 {step.p50_ms:.1f} ms, p99 {step.p99_ms:.1f} ms, {step.server_cores:.2f} cores"
    return Finding(what, figure, bar, step.p99_ms <= most_ms)


def _each(results: Results) -> Iterator[Finding]:
    """One frame per write, compared at the same rate: a write costs less at a higher rate."""
    own, bare = results.capacity("photon-each"), results.capacity("bare")
    if own is None or bare is None:
        return
    rates = [{s.offered: s for s in one.steps if s.sustained} for one in (own, bare)]
    common = rates[0].keys() & rates[1].keys()
    what = "one frame a write, against the bare asyncio server"
    if not common:
        yield Finding(what, "no rate that both sustained", "≥ 0.9 ×", False)
        return
    rate = max(common)
    mine, theirs = rates[0][rate].per_core, rates[1][rate].per_core
    ratio = mine / theirs
    figure = f"{ratio:.2f} × ({mine / 1e3:.0f} k to {theirs / 1e3:.0f} k a core)"
    yield Finding(f"{what} at {rate:,.0f} updates/s", figure, "≥ 0.9 ×", ratio >= 0.9)


def _compared(results: Results) -> Iterator[Finding]:
    """Photon against the other servers of the same run."""
    yield from _each(results)
    photon = results.capacity("photon")
    peers = [c for name in PYTHON_AND_NODE if (c := results.capacity(name)) is not None]
    nats = results.capacity("nats")
    if photon is not None and peers:
        best = max(peers, key=lambda one: one.best.per_core if one.best is not None else 0)
        what = f"against the best of the Python and Node peers ({best.name}), a core"
        yield _ratio(what, photon, best, 1.5)
    if photon is not None and nats is not None:
        yield _ratio("against NATS, a core", photon, nats, 1.0)
    bun = results.capacity("bun")
    if photon is not None and bun is not None:
        yield _ratio("against Bun, a core", photon, bun, 1.0)
    photon = results.capacity("photon", different=True)
    for name, peer in (("NATS", "nats"), ("Bun", "bun")):
        other = results.capacity(peer, different=True)
        if photon is not None and other is not None:
            yield _ratio(f"… against {name} with random sets", photon, other, 1.0)


def _ratio(what: str, photon: Capacity, peer: Capacity, bar: float) -> Finding:
    """Compare the fastest sustained steps and the fastest with low latency: both must hold."""
    pairs = ((photon.best, peer.best), (photon.quick, peer.quick))
    ratios = [
        (own.per_core / other.per_core if other is not None else math.inf) if own else 0.0
        for own, other in pairs
    ]
    figure = f"{ratios[0]:.1f} ×; {ratios[1]:.1f} × with p99 ≤ {QUICK_MS:.0f} ms"
    return Finding(what, figure, f"≥ {bar:.1f} ×", min(ratios) >= bar)
