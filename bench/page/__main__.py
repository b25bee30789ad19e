"""``python -m bench.page``: every bar of the page, measured in one run of some minutes.

``--only NAME …`` measures some of it, ``--soak MINUTES`` uses the page for longer, ``--json FILE``
keeps the findings, and ``--against FILE`` prints those of an earlier run beside them. The exit code
is 1 if a bar does not hold. The machine must have nothing else to do: the browser, the server and
the tape share it already.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

from bench import machine
from bench.findings import Finding
from bench.page import loading, pace, screen, soak, tabs
from bench.page.visit import chromium
from photon_app import ROOT

Measure = Callable[[Browser], list[Finding]]


def measures(minutes: float) -> dict[str, Measure]:
    """All there are, in the order in which they are made."""
    return {
        "fifty": pace.fifty,
        "ten": pace.ten,
        "weight": loading.weight,
        "times": loading.times,
        "rows": screen.rows,
        "stops": screen.stops,
        "shifts": screen.shifts,
        "scrolled": screen.scrolled,
        "tabs": tabs.tabs,
        "soak": lambda browser: soak.soak(browser, minutes),
    }


def main() -> int:
    """Measure and print; return the exit code."""
    options = _options()
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.1f}: the figures of a busy machine say little", flush=True)
    chosen = measures(options.soak)
    findings: list[Finding] = []
    with chromium() as browser:
        for name, measure in chosen.items():
            if options.only and name not in options.only:
                continue
            for finding in measure(browser):
                print(finding, flush=True)
                findings.append(finding)
        version = browser.version
    facts = {**dict(machine.describe()), "browser": version, "load average": f"{load:.1f}"}
    print("\n" + table(findings, earlier(options.against) if options.against else None))
    if options.json:
        keep(options.json, findings, facts)
    return 0 if all(finding.holds is not False for finding in findings) else 1


def keep(file: Path, findings: list[Finding], facts: dict[str, str]) -> None:
    """Write what was found, and on which machine."""
    kept = {
        "at": time.strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        **facts,
        "findings": [dataclasses.asdict(finding) for finding in findings],
    }
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def earlier(file: Path) -> list[Finding]:
    """The findings of an earlier run."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return [Finding(**finding) for finding in kept["findings"]]


def table(findings: list[Finding], before: list[Finding] | None = None) -> str:
    """What was found, as a table in Markdown; with a column of what an earlier run found.

    Findings of that run that this one has not are left out.
    """
    head = ["", *(["before"] if before is not None else []), "now", "bar", ""]
    was = {finding.what: finding.figure for finding in before or []}
    lines = [head, ["---"] * len(head)]
    for one in findings:
        middle = [was.get(one.what, "–")] if before is not None else []
        lines.append([one.what, *middle, one.figure, one.bar, one.verdict])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.page")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=measures(0))
    parser.add_argument(
        "--soak", type=float, default=soak.MINUTES, metavar="MINUTES", help="how long it is used"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the findings")
    parser.add_argument("--against", type=Path, metavar="FILE", help="findings of an earlier run")
    return parser.parse_args()


def _commit() -> str:
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
