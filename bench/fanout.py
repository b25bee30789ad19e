"""Measures the fan-out: ``python -m bench.fanout``.

Without arguments it runs all scenarios in less than five minutes, with ``--full`` in less than
forty; it writes nothing without ``--write``. For a quick look::

    python -m bench.fanout --peer photon                      one server's capacity
    python -m bench.fanout --peer nats --sets different       random 10 of 50 symbols for each
    python -m bench.fanout --peer photon --rate 2000 --seconds 10 --stalled 20
    python -m bench.fanout --only quiet,rates                 single scenarios, see ``SCENARIOS``

Every server, tape and load process is a child that ends with the measurement, also on Ctrl-C.
"""

import argparse
import functools
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable

from bench import burst, churning, crowd, quiet, ramp, rates, report, resume, steady
from bench.findings import Finding
from bench.ramp import Capacity, Shape, Step
from bench.results import PYTHON_AND_NODE, Results, capacity_findings
from bench.rig import UNIVERSE, Rig, rig
from bench.servers import NAMES, UnavailableError
from bench.worker import WorkerError

_DIFFERENT = ("photon", "bun", "nats")
_BOUND = "bare-joined"
"""Shows the limit of joining frames; in a full run only."""
_ONE_FRAME = "photon-each"
"""Left out with different sets: the tape is so fast there that many frames fall into 1 ms."""
_CROWDS, _CROWDS_FULL = (100, 1000), (100, 1000, 10_000)
_STEADY_S, _STEADY_FULL_S = 20.0, 300.0
_CUT_S, _CUT_FULL_S, _CUT_CLIENTS = 20.0, 300.0, 200
_FAULTS = (AssertionError, OSError, WorkerError)
"""What a measurement raises if a server fails under load."""


class FanOut:
    """One run of the scenarios."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.scenarios: dict[str, Callable[[], None]] = {
            "quiet": self.quiet,
            "burst": self.burst,
            "steady": self.steady,
            "crowd": self.crowd,
            "churn": self.churn,
            "resume": self.resume,
            "rates": self.rates,
            "ramp": self.ramp,
        }

    def run(self, scenarios: Iterable[str]) -> Results:
        """Run these scenarios, in the order given."""
        begun = time.monotonic()
        for name in scenarios:
            self.scenarios[name]()
        self.results.seconds += time.monotonic() - begun
        return self.results

    def burst(self) -> None:
        """Ten times a busy market."""
        with rig() as one:
            self._found(burst.run(one))

    def quiet(self) -> None:
        """A quiet market."""
        with rig() as one:
            self._found(quiet.run(one))

    def steady(self) -> None:
        """A normal load, with and without clients that stop reading."""
        with rig() as one:
            full = self.results.full
            seconds, rounds = (_STEADY_FULL_S, 3) if full else (_STEADY_S, 1)
            self._found(steady.run(one, seconds, rounds))

    def crowd(self) -> None:
        """Growth with the number of clients; for every server in a full run."""
        everyone = ["photon", "bare", *PYTHON_AND_NODE, "bun", "nats"]
        for name in everyone if self.results.full else ["photon"]:
            for clients in _CROWDS_FULL if self.results.full else _CROWDS:
                with rig() as one:
                    self._try(name, functools.partial(self._crowd, one, clients))
        self._found(crowd.findings(self.results.crowds))

    def churn(self) -> None:
        """Clients that come and go."""
        with rig() as one:
            self._found(churning.run(one))

    def rates(self) -> None:
        """Delay and cost at equal rates."""
        for clients in rates.CLIENTS:
            for name in rates.PEERS_FULL if self.results.full else rates.PEERS:
                with rig() as one:
                    self._try(name, functools.partial(self._rates, one, clients))
        self._found(rates.findings(self.results.rates))

    def resume(self) -> None:
        """Clients that are cut at random, and come back."""
        seconds = _CUT_FULL_S if self.results.full else _CUT_S
        self._found(resume.run(seconds, _CUT_CLIENTS))

    def ramp(self) -> None:
        """Every server's capacity."""
        full, results = self.results.full, self.results
        self._ramp([name for name in NAMES if full or name != _BOUND], Shape(), results.equal)
        different = Shape(universe=len(UNIVERSE))
        others = [name for name in NAMES if name != _ONE_FRAME]
        self._ramp(others if full else _DIFFERENT, different, results.different)
        self._found(list(capacity_findings(results)))

    def _ramp(self, names: Iterable[str], shape: Shape, into: list[Capacity]) -> None:
        for name in names:
            self._try(name, lambda name: into.append(self.capacity(name, shape)))

    def capacity(self, name: str, shape: Shape) -> Capacity:
        """Measure one server's capacity and print it step by step."""
        print(f"{name}: {shape.clients} clients, {shape.symbols} of {shape.universe} symbols")
        with rig() as one:
            found = ramp.capacity(one, name, shape, climbs=2 if self.results.full else 1)
        for step in found.steps:
            print("  " + _summary(step))
        return found

    def _crowd(self, one: Rig, clients: int, name: str) -> None:
        got = crowd.crowd(one, name, clients)
        self.results.crowds.append(got)
        print(
            f"{name}, {clients:,} clients: connected in {got.connect_s:.1f} s, "
            f"{got.rss_kib_a_client:.1f} KiB each, idle {got.idle_cores:.3f} cores, "
            f"p50 {got.latency_ms[0]:.1f} ms, p99 {got.latency_ms[1]:.1f} ms",
            flush=True,
        )

    def _rates(self, one: Rig, clients: int, name: str) -> None:
        print(f"{name}: {clients} clients at equal rates")
        got = rates.at_rates(one, name, clients, full=self.results.full)
        self.results.rates.append(got)
        for at in got.rates:
            print(f"  {at.arrived:6.1%} arrived of {_summary(at.step).lstrip()}", flush=True)

    def _try(self, name: str, do: Callable[[str], None]) -> None:
        """Run a measurement of a server. A server that cannot be run here is skipped with one line
        of output. A failure is reported; if Photon fails, that is a finding.
        """
        try:
            if name not in self.results.skipped:
                do(name)
        except UnavailableError as reason:
            self.results.skipped[name] = str(reason)
            print(f"{name} is left out: {reason}", flush=True)
        except _FAULTS as reason:
            fault = Finding(f"{name} under load", f"failed: {reason}", "measured", False)
            self._found([fault] if name.startswith("photon") else [])
            self.results.faults.append(f"{name} failed once and was not measured there: {reason}")
            print(self.results.faults[-1], flush=True)

    def _found(self, findings: Iterable[Finding]) -> None:
        """Print and keep the findings of a scenario; its failure is a finding too."""
        try:
            for one in findings:
                self.results.findings.append(one)
                print(one, flush=True)
        except _FAULTS as reason:
            self._found([Finding("… the rest of it", f"broke off: {reason}", "measured", False)])


SCENARIOS = ("quiet", "burst", "steady", "resume", "crowd", "rates", "ramp")
SCENARIOS_FULL = ("quiet", "burst", "steady", "churn", "resume", "crowd", "rates", "ramp")


def everything(command: str, *, full: bool) -> Results:
    """The default run, or the full one."""
    results = Results(command, full=full)
    return FanOut(results).run(SCENARIOS_FULL if full else SCENARIOS)


def end_children_on_signals() -> None:
    """Let SIGTERM end a run the way Ctrl-C does, through the context managers that own the
    children, and let Ctrl-C do so in a background job too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _summary(step: Step) -> str:
    return (
        f"{step.offered:>12,.0f} offered, {step.share:6.1%} delivered, p50 {step.p50_ms:.1f} "
        f"p99 {step.p99_ms:.1f} p99.9 {step.p999_ms:.1f} ms, server {step.server_cores:.2f} "
        f"load {step.load_cores:.2f} taken {step.taken_cores:.2f} cores, "
        f"{step.per_core:,.0f} updates/s/core, {step.rss_kib / 1024:.0f} MiB"
        + ("" if step.sustained else "  (not sustained)")
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.fanout", description="Measure the fan-out.")
    parser.add_argument("--peer", choices=["all", *NAMES], default="all")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--symbols", type=int, default=10, help="that each client wants")
    parser.add_argument("--sets", choices=["equal", "different"], default="equal")
    parser.add_argument("--rate", type=float, help="trades a second, instead of a climb")
    parser.add_argument("--seconds", type=float, default=10.0, help="with --rate")
    parser.add_argument("--stalled", type=int, default=0, help="further clients; with --rate")
    parser.add_argument("--only", default="", help="comma list of " + ", ".join(SCENARIOS_FULL))
    parser.add_argument("--full", action="store_true", help="everything, up to 40 minutes")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    return parser.parse_args()


def main() -> None:
    """Run what the command line asks for."""
    end_children_on_signals()
    options = _arguments()
    command = shlex.join(["python", "-m", "bench.fanout", *sys.argv[1:]])
    results = Results(command, full=options.full)
    if options.peer != "all" or options.rate:
        _look(options, results)
        return
    scenarios = SCENARIOS_FULL if options.full else SCENARIOS
    FanOut(results).run(options.only.split(",") if options.only else scenarios)
    print("\n".join(report.tables(results)))
    if options.write:
        report.write(results)


def _look(options: argparse.Namespace, results: Results) -> None:
    """Measure one shape quickly."""
    universe = len(UNIVERSE) if options.sets == "different" else options.symbols
    shape = Shape(clients=options.clients, symbols=options.symbols, universe=universe)
    fan_out = FanOut(results)
    for name in NAMES if options.peer == "all" else [options.peer]:
        if not options.rate:
            fan_out.capacity(name, shape)
            continue
        with rig() as one:
            step = ramp.fixed(
                one, name, shape, options.rate, options.seconds, stalled=options.stalled
            )
        print(f"{name}: {_summary(step)}", flush=True)


if __name__ == "__main__":
    main()
