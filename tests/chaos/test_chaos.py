"""A short chaos run, so that the long one (``make chaos``) can always be played."""

import asyncio

from tests.chaos.play import play


def test_a_few_minutes_of_chaos_break_no_law() -> None:
    """One seed, some seconds of the wall; what broke is named."""
    judge = asyncio.run(play(seed=7, seconds=3, rate=30)).judge
    assert not judge.broken, {law: said for law, said in judge.complaints.items() if said}
