"""``python -m tests.chaos``: play, judge, and say what came of it. Never takes three minutes."""

import argparse
import asyncio
import random
import sys

from tests.chaos.judge import LAWS
from tests.chaos.play import Verdict, play

LONGEST_S = 170.0
"""Seconds after which the run is ended, whatever it does."""


def main() -> int:
    """Run once; 1 when a law was broken."""
    options = _options()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"chaos with seed {seed}: {options.seconds:g} s of moods at {options.rate:g} times")
    verdict = asyncio.run(_bounded(seed, options))
    if verdict is None:
        print(f"BROKEN: it did not end within {LONGEST_S:g} s; --seed {seed}")
        return 1
    _tell(verdict)
    if verdict.judge.broken:
        print(f"\nagain with: python -m tests.chaos --seed {seed} --seconds {options.seconds:g}")
    return 1 if verdict.judge.broken else 0


async def _bounded(seed: int, options: argparse.Namespace) -> Verdict | None:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await play(seed, options.seconds, options.rate)
    except TimeoutError:
        return None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, help="of all that is played; drawn and printed if none")
    parser.add_argument("--seconds", type=float, default=110, help="of moods; health comes after")
    parser.add_argument("--rate", type=float, default=40, help="Finnhub's seconds per second")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 120 or not 1 <= options.rate <= 100:
        parser.error("--seconds is 1 to 120 and --rate 1 to 100, so that it ends in three minutes")
    return options


def _tell(verdict: Verdict) -> None:
    print("\n".join(verdict.story))
    for law, says in LAWS.items():
        count = verdict.judge.counts[law]
        print(f"{f'BROKEN {count} times' if count else 'holds':>16}  {law}: {says}")
        for complaint in verdict.judge.complaints[law]:
            print(f"{'':18}{complaint}")
    if verdict.judge.broken:
        print("\nthe last that Photon logged:\n  " + "\n  ".join(verdict.newest))


if __name__ == "__main__":
    sys.exit(main())
