"""``python -m tests.walk``: every state of the page, on every screen, in every look.

Pictures are left in ``walk/`` with an ``index.html`` to look at them. ``--only NAME …`` walks the
steps whose names hold one of these, ``--size WIDTHxHEIGHT …`` some of the screens, and ``--tour``
makes the pictures of ``docs/tour.md`` instead. The exit code is 1 if a law is broken.
"""

import argparse
import sys

from tests.walk import album, tour
from tests.walk.sizes import LOOKS, SIZES
from tests.walk.steps import STEPS
from tests.walk.walk import Walked, ground, walk


def main() -> int:
    """Walk; 1 if a law is broken."""
    options = _options()
    steps = [step for step in STEPS if _chosen(step.name, options.only)]
    sizes = [size for size in SIZES if _chosen(size.name, options.size)]
    with ground() as prepared:
        if options.tour:
            tour.make(prepared)
            return 0
        album.clear()
        walks = [
            _told(walk(prepared, step, size, LOOKS, album.taker(step, size)))
            for step in steps
            for size in sizes
            if step.on(size)
        ]
    album.bind()
    return _end(walks)


def _told(walked: Walked) -> Walked:
    """Say what came of a step, as soon as it is known."""
    print(walked, flush=True)
    for fault in walked.faults:
        print(f"    {fault}", flush=True)
    for fault in walked.later:
        print(f"    later: {fault}", flush=True)
    return walked


def _end(walks: list[Walked]) -> int:
    skipped = sorted({f"{one.step.name} ({one.skipped})" for one in walks if one.skipped})
    reached = {one.step.name for one in walks if one.step.awaits and not one.skipped}
    faults = sum(len(one.faults) for one in walks)
    if skipped:
        print(f"\nNot on the page yet: {'; '.join(skipped)}.")
    if reached:
        print(f"\nThere now, so that the table need not await them: {', '.join(sorted(reached))}.")
    print(f"\n{len(walks)} states, {faults} faults; pictures in {album.FOLDER}")
    return 1 if faults else 0


def _chosen(name: str, parts: list[str] | None) -> bool:
    return not parts or any(part in name for part in parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.walk")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="steps whose names hold this")
    parser.add_argument("--size", nargs="+", metavar="SIZE", help="screens, such as 1280x800")
    parser.add_argument("--tour", action="store_true", help="make the pictures of docs/tour.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
