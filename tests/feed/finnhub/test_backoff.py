"""The delays before each attempt to reach Finnhub."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.backoff import LONGEST_S, PROVEN_S, Backoff
from photon_app.model import FailureReason

seeds = st.integers(0, 2**32)
ordinary = st.sampled_from(["network", "stall", "server"])
endings = st.sampled_from(["network", "stall", "server", "kick"])


def make(seed: int = 1) -> Backoff:
    """A fresh backoff."""
    return Backoff(random.Random(seed))


@given(seeds, ordinary)
def test_the_nth_delay_lies_between_half_and_all_of_2_to_the_n(
    seed: int, reason: FailureReason
) -> None:
    """With d = 2·2ⁿ seconds, at most 60: from [d/2, d], however many attempts it takes."""
    backoff = make(seed)
    for attempt in range(100):
        longest = min(2.0 * 2**attempt, 60.0)
        assert longest / 2 <= backoff.delay(reason) <= longest


def test_many_clients_do_not_return_together() -> None:
    """Different random numbers give different delays."""
    assert len({make(seed).delay("network") for seed in range(20)}) == 20


@given(seeds, st.floats(0, PROVEN_S, exclude_max=True))
def test_a_line_that_was_opened_but_not_proven_resets_nothing(seed: int, lived_s: float) -> None:
    """The trap: being let in, and dropped, for ever, at full speed."""
    backoff = make(seed)
    delays = [backoff.delay("network", lived_s) for _ in range(10)]
    assert min(delays[5:]) >= 30.0


@given(seeds, endings, st.integers(0, 12), st.floats(PROVEN_S, 1e6))
def test_a_proven_line_is_retried_within_5_s_whatever_ended_it(
    seed: int, ending: FailureReason, failures: int, lived_s: float
) -> None:
    """Even after many failures before it, and even when it ended with a kick."""
    backoff = make(seed)
    for _ in range(failures):
        backoff.delay("network")
    assert 0 < backoff.delay(ending, lived_s) <= 5


@given(seeds, st.floats(PROVEN_S, 1e6))
def test_only_the_first_drop_of_a_proven_line_is_retried_soon(seed: int, lived_s: float) -> None:
    """The next failure continues with n = 1."""
    backoff = make(seed)
    backoff.delay("network", lived_s)
    assert 2.0 <= backoff.delay("network") <= 4.0


@given(seeds, st.sampled_from(["throttle", "kick"]), st.integers(0, 20))
def test_a_429_and_a_kick_are_followed_by_a_minute_of_quiet(
    seed: int, reason: FailureReason, failures: int
) -> None:
    """At least, and not much more than two."""
    backoff = make(seed)
    for _ in range(failures):
        backoff.delay("network")
    assert 60 <= backoff.delay(reason) <= 120


@pytest.mark.parametrize("failures", [0, 1, 10])
def test_a_refused_key_is_tried_again_after_15_minutes(failures: int) -> None:
    """Trying sooner does not mend it."""
    backoff = make()
    for _ in range(failures):
        backoff.delay("network")
    assert backoff.delay("auth") == 900


@given(seeds, st.sampled_from(["throttle", "server"]), st.floats(0, 1e9))
def test_what_the_server_asks_for_is_followed_when_it_is_longer(
    seed: int, reason: FailureReason, retry_after_s: float
) -> None:
    """But never for more than 15 minutes, and never sooner than the policy says."""
    own = make(seed).delay(reason)
    assert make(seed).delay(reason, 0.0, retry_after_s) == max(own, min(retry_after_s, LONGEST_S))
