"""The delays before each attempt to reach Finnhub."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.backoff import PROVEN_S, Backoff, Trouble

seeds = st.integers(0, 2**32)
endings = st.sampled_from([Trouble.LOST, Trouble.KICKED])


def make(seed: int = 1) -> Backoff:
    """A fresh backoff."""
    return Backoff(random.Random(seed))


@given(seeds)
def test_the_nth_delay_lies_between_half_and_all_of_2_to_the_n(seed: int) -> None:
    """With d = 2·2ⁿ seconds, at most 60: from [d/2, d], however many attempts it takes."""
    backoff = make(seed)
    for attempt in range(100):
        longest = min(2.0 * 2**attempt, 60.0)
        assert longest / 2 <= backoff.delay(Trouble.LOST) <= longest


def test_many_clients_do_not_return_together() -> None:
    """Different random numbers give different delays."""
    assert len({make(seed).delay(Trouble.LOST) for seed in range(20)}) == 20


@given(seeds, st.floats(0, PROVEN_S, exclude_max=True))
def test_a_line_that_was_opened_but_not_proven_resets_nothing(seed: int, lived_s: float) -> None:
    """The trap: being let in, and dropped, for ever, at full speed."""
    backoff = make(seed)
    delays = [backoff.delay(Trouble.LOST, lived_s) for _ in range(10)]
    assert min(delays[5:]) >= 30.0


@given(seeds, endings, st.integers(0, 12), st.floats(PROVEN_S, 1e6))
def test_a_proven_line_is_retried_within_5_s_whatever_ended_it(
    seed: int, ending: Trouble, failures: int, lived_s: float
) -> None:
    """Even after many failures before it, and even when it ended with a kick."""
    backoff = make(seed)
    for _ in range(failures):
        backoff.delay(Trouble.LOST)
    assert 0 < backoff.delay(ending, lived_s) <= 5


@given(seeds, st.floats(PROVEN_S, 1e6))
def test_only_the_first_drop_of_a_proven_line_is_retried_soon(seed: int, lived_s: float) -> None:
    """The next failure goes on with n = 1."""
    backoff = make(seed)
    backoff.delay(Trouble.LOST, lived_s)
    assert 2.0 <= backoff.delay(Trouble.LOST) <= 4.0


@given(seeds, st.sampled_from([Trouble.THROTTLED, Trouble.KICKED]), st.integers(0, 20))
def test_a_429_and_a_kick_are_followed_by_a_minute_of_quiet(
    seed: int, trouble: Trouble, failures: int
) -> None:
    """At least, and not much more than two."""
    backoff = make(seed)
    for _ in range(failures):
        backoff.delay(Trouble.LOST)
    assert 60 <= backoff.delay(trouble) <= 120


@pytest.mark.parametrize("failures", [0, 1, 10])
def test_a_refused_key_is_tried_again_after_15_minutes(failures: int) -> None:
    """Trying sooner does not mend it."""
    backoff = make()
    for _ in range(failures):
        backoff.delay(Trouble.LOST)
    assert backoff.delay(Trouble.UNAUTHORIZED) == 900
