"""The goal's numbers: what an honest client may notice of an attack, and what it may cost."""

import math
from collections.abc import Sequence

from tests.siege.besieged import Outcome

MOST_P99_MS = 50.0
MOST_TIMES_CALM = 2.0
MOST_LATE_MS = 100.0


def calm_p99_ms(outcomes: Sequence[Outcome]) -> float:
    """What calm is on this machine, in this run: the highest p99 of its calm phases."""
    return max((outcome.calm.p99_ms for outcome in outcomes), default=math.inf)


def calm_gap_ms(outcomes: Sequence[Outcome]) -> float:
    """The longest time without a price in any calm phase: the simulator trades at random."""
    return max((outcome.calm.gap_ms for outcome in outcomes), default=math.inf)


def faults(outcome: Outcome) -> list[str]:
    """What is wrong whatever the machine: clients closed, pings lost, memory, log, and the row's
    own facts.
    """
    row, calm, attacked, after = outcome.row, outcome.calm, outcome.attacked, outcome.after
    said = []
    if attacked.closed or after.closed:
        said.append(f"honest clients were closed: {(attacked.closed + after.closed)[:3]}")
    if attacked.unanswered:
        said.append(f"{attacked.unanswered} pings were not answered")
    if not attacked.prices and not row.feeds_stop:
        said.append("no price came")
    grown = attacked.memory_mib - calm.memory_mib
    if grown > row.memory_mib:
        said.append(f"{grown:.0f} MiB more memory, of at most {row.memory_mib:.0f}")
    if attacked.log_bytes > row.log_per_s * outcome.seconds + 2_000:
        said.append(f"{attacked.log_bytes} bytes of log in {outcome.seconds:.0f} s")
    try:
        row.check(outcome.seen)
    except AssertionError as error:
        said.append(f"not so: {error}")
    return said


def delays(outcome: Outcome, calm_ms: float, calm_gap: float) -> list[str]:
    """What honest clients had to wait for too long. Says something of the machine as well."""
    attacked, said = outcome.attacked, []
    most_ms = min(MOST_P99_MS, MOST_TIMES_CALM * calm_ms)
    if attacked.p99_ms > most_ms:
        said.append(f"p99 {attacked.p99_ms:.1f} ms, of at most {most_ms:.1f}")
    if not outcome.row.feeds_stop:
        if attacked.late_ms > MOST_LATE_MS:
            said.append(f"a price was {attacked.late_ms:.0f} ms late")
        if attacked.gap_ms > calm_gap + MOST_LATE_MS:
            said.append(f"no price for {attacked.gap_ms:.0f} ms")
    return said
