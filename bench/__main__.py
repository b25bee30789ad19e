"""``python -m bench [--full]``: run every measurement, print it, write ``bench/RESULTS.md``."""

import sys

from bench import bars, fanout, fold, report
from bench.findings import Finding
from bench.results import Results


def main() -> None:
    """Run the measurements and write the results."""
    fanout.end_children_on_signals()
    full = "--full" in sys.argv[1:]
    speed = fold.run()
    what = "decode and apply, frames of 4 trades, 50 symbols, one core, best of 7 rounds"
    folded = Finding(what, f"{speed:,.0f} trades/s", "≥ 300,000", speed >= 300_000)
    print(folded, flush=True)
    kept = []
    for found in bars.run(rows=5_000_000 if full else 500_000, seconds=20 if full else 5):
        print(found, flush=True)
        kept.append(found)
    results: Results = fanout.everything("make bench" + " FULL=1" * full, full=full)
    results.findings[:0] = [folded, *kept]
    report.write(results)


if __name__ == "__main__":
    main()
