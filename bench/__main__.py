"""``python -m bench [--full]``: run every measurement, print it, write ``bench/RESULTS.md``."""

import sys

from bench import fanout, fold, report
from bench.findings import Finding
from bench.results import Results


def main() -> None:
    """Measure and write."""
    fanout.end_children_on_signals()
    full = "--full" in sys.argv[1:]
    speed = fold.run()
    what = "decode and apply, frames of 4 trades, 50 symbols, one core, best of 7 rounds"
    folded = Finding(what, f"{speed:,.0f} trades/s", "≥ 200,000", speed >= 200_000)
    print(folded, flush=True)
    results: Results = fanout.everything("make bench" + " FULL=1" * full, full=full)
    results.findings.insert(0, folded)
    report.write(results)


if __name__ == "__main__":
    main()
