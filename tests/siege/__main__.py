"""``python -m tests.siege``: each attack beside honest clients, judged by the goal's numbers."""

import argparse
import sys

from tests.siege.besieged import Outcome
from tests.siege.field import Field, by_server
from tests.siege.rows import ROWS
from tests.siege.verdict import calm_gap_ms, calm_p99_ms, delays, faults

CALM_S = 0.8
AFTER_S = 0.3
SHARE = 0.35
"""Of the seconds that a row has, so that all of them together take less than four minutes."""


def main() -> int:
    """Play; 1 when a bound was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.siege")
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", help="rows whose names hold one of these"
    )
    parser.add_argument("--seconds", type=float, help="how long each attack takes")
    options = parser.parse_args()
    chosen = [
        row
        for row in ROWS.values()
        if not options.only or any(part in row.name for part in options.only)
    ]
    with Field() as field:
        outcomes = [
            field.play(row, options.seconds or SHARE * row.seconds, calm_s=CALM_S, after_s=AFTER_S)
            for row in by_server(chosen)
        ]
    return _tell(outcomes)


def _tell(outcomes: list[Outcome]) -> int:
    calm_ms, calm_gap = calm_p99_ms(outcomes), calm_gap_ms(outcomes)
    print(f"{'attack':48} {'p50':>6} {'p99':>6} {'late':>6} {'MiB':>5} {'log B/s':>8}   (calm p99)")
    broken = 0
    for outcome in outcomes:
        calm, attacked = outcome.calm, outcome.attacked
        print(
            f"{outcome.row.name:48} {attacked.p50_ms:6.1f} {attacked.p99_ms:6.1f} "
            f"{attacked.late_ms:6.0f} {attacked.memory_mib - calm.memory_mib:5.0f} "
            f"{attacked.log_bytes / outcome.seconds:8.0f}   ({calm.p99_ms:.1f})"
        )
        said = faults(outcome) + delays(outcome, calm_ms, calm_gap)
        broken += bool(said)
        for words in said:
            print(f"    BROKEN: {words}")
    print(f"{len(outcomes)} attacks, {broken} broken; calm p99 up to {calm_ms:.1f} ms")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
