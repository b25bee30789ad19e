"""``bench/RESULTS.md``: the results, the machine, and the command that measured them."""

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import machine, plot, rates
from bench.crowd import Crowd
from bench.ramp import QUICK_MS, Capacity, Step
from bench.results import Results
from bench.servers import NPM_PACKAGES

RESULTS = Path(__file__).with_name("RESULTS.md")
PLOT = Path(__file__).with_name("fanout.svg")
_HOW = """\
Every server is a process of its own on one core; the tape that prints the trades and the process
that reads for all clients share the other. Latency runs from the stamp that a trade gets as it
leaves the tape to the read that brings it to the client. A server climbs: the tape goes faster,
about a second a step, until less than 95 % arrives. What counts is the fastest step of which at
least 97 % arrived; in a full run all climb twice, and the better climb counts. Updates/s/core are
what was delivered for each second of the server's own processor time. "Taken" are the cores that
the host and other processes had meanwhile: with more than a few hundredths of a core a figure is
worth little. The fastest rates of `photon` and `bare-joined` are bounded by what the one reading
process can read: where a server used less than a core, its figure a core is a quotient, not a rate
that was reached. Writes of one frame bring the reading process to nine tenths of its core at
130,000 and more a second.

Most of the distance to the peers comes from joining the frames of a flush, which of them only
`bun` and `nats` do in their own ways; `bare-joined` shows how much that alone is worth. Photon's
flushes follow what they cost: they take about a third of a core, and come at least every 20 ms. So
its latency is bought with processor time up to there, and near its highest rates the 99th
percentile is 20 ms and what one flush takes.

`photon` is Photon as shipped; `photon-each` has `PHOTON_FLUSH_MS=1`, and gets one trade in an
upstream frame, so that each write holds one frame, which is what the others do. `bare` is an
asyncio protocol that writes ready frames, and `bare-joined` the same with the frames of 20 ms
joined: bounds, not servers. `bun` publishes each trade to the topic of its symbol
(`server.publish`); what was published in one turn of its loop, which is what one read of the tape
brought, goes to each client at the end of the turn, in writes of at most 32 messages. So it waits
for no timer, and joins what the tape sends at once. The peers get texts that are ready to send,
one line a trade; Photon decodes Finnhub's frames, keeps the book, and encodes.

At equal rates every server plays the same updates, from slow to fast until one is too much for it.
"Delivered" counts all updates of a rate until shortly after its end. In a full run a rate is
measured three times, and the quickest counts, for every server.
"""


def write(results: Results) -> None:
    """Write the table and the plot."""
    plot.draw(results, PLOT)
    RESULTS.write_text("\n".join(_lines(results)).rstrip() + "\n")
    print(f"written: {RESULTS} and {PLOT}")


def _lines(results: Results) -> Iterable[str]:
    took = dt.timedelta(seconds=round(results.seconds))
    yield from ("# Measurements", "")
    yield from (f"`{results.command}`, {dt.datetime.now(dt.UTC):%Y-%m-%d}, took {took}.", "")
    yield from (f"- {name}: {value}" for name, value in machine.describe())
    yield f"- npm packages: {', '.join(NPM_PACKAGES)}"
    yield from (
        "",
        "## Against the bars",
        "",
        "| what | figure | bar | holds |",
        "|---|---|---|---|",
    )
    for one in results.findings:
        yield f"| {one.what} | {one.figure} | {one.bar} | {one.verdict} |"
    yield from ("", "## Fan-out", "", _HOW)
    yield from ("![Latency against throughput, and growth](fanout.svg)", "")
    yield from tables(results)


def tables(results: Results) -> Iterable[str]:
    """The tables of the fan-out."""
    yield from rates.tables(results.rates)
    yield from _capacities("500 clients, the same 10 symbols", results.equal)
    yield from _capacities("500 clients, random 10 of 50 symbols each", results.different)
    yield from _growth(results.crowds)
    yield from (f"- {name} was left out: {reason}" for name, reason in results.skipped.items())
    yield from (f"- {fault}" for fault in results.faults)


def _capacities(title: str, capacities: Sequence[Capacity]) -> Iterable[str]:
    if not capacities:
        return
    own = next((one.best for one in capacities if one.name == "photon"), None)
    yield from (f"### {title}", "")
    yield (
        "| server | updates/s | p50 / p99 / p99.9 ms | cores | updates/s/core | Photon's × "
        f"| fastest with p99 ≤ {QUICK_MS:.0f} ms (a core) | KiB a client | climbs (taken) |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|---|"
    for one in capacities:
        yield _capacity(one, own)
    yield ""


def _capacity(one: Capacity, own: Step | None) -> str:
    best, quick = one.best, one.quick
    climbs = ", ".join(f"{s.delivered:,.0f} ({s.taken_cores:.2f})" for s in one.bests)
    if best is None:
        return f"| {one.name} | none sustained | | | | | | {one.rss_kib_a_client:.1f} | |"
    ratio = f"{own.per_core / best.per_core:.1f}" if own is not None else ""
    fast = f"{quick.delivered:,.0f} ({quick.per_core:,.0f})" if quick is not None else "none"
    return (
        f"| {one.name} | {best.delivered:,.0f} | {best.p50_ms:.1f} / {best.p99_ms:.1f} / "
        f"{best.p999_ms:.1f} | {best.server_cores:.2f} | {best.per_core:,.0f} | {ratio} | {fast} "
        f"| {one.rss_kib_a_client:.1f} | {climbs} |"
    )


def _growth(crowds: Sequence[Crowd]) -> Iterable[str]:
    if not crowds:
        return
    yield from ("### Growth: connected clients, one trade a second to each", "")
    yield (
        "| server | clients | connected in s | KiB each | cores, idle | p50 / p99 ms | delivered "
        "| lost |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for one in crowds:
        p50, p99, _ = one.latency_ms
        yield (
            f"| {one.name} | {one.clients:,} | {one.connect_s:.1f} | {one.rss_kib_a_client:.1f} "
            f"| {one.idle_cores:.3f} | {p50:.1f} / {p99:.1f} | {one.delivered:.1%} | {one.lost} |"
        )
    yield from ("", "Photon's clients connect at 400 a second, so that none waits.", "")
