"""When a Photon is tried again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.commands.tail import retry
from photon_app.commands.tail.retry import Ending, Retry

LOST = Ending(reason="the connection broke")


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_delays_double_to_their_cap_with_jitter(seed: int, attempts: int) -> None:
    """From half of each to the whole."""
    delays = Retry(random.Random(seed))
    for n in range(attempts):
        longest = min(0.25 * 2**n, 5)
        assert longest / 2 <= delays.delay(LOST) <= longest


def test_only_a_connection_that_lasted_restarts_the_delays() -> None:
    """Opening one proves nothing."""
    delays = Retry(random.Random(1))
    for _ in range(8):
        delays.delay(Ending(reason="", lasted_s=4.9))
    assert delays.delay(LOST) > 2
    assert delays.delay(Ending(reason="", lasted_s=5)) <= 0.25


@given(st.integers(0, 2**32), st.floats(1, 60_000))
def test_a_server_that_asks_for_a_pause_gets_it_once_or_twice(seed: int, asked_ms: float) -> None:
    """Its time times a random 1 to 2; the one after is an ordinary delay."""
    delays = Retry(random.Random(seed))
    delays.wait_at_least(asked_ms)
    delays.wait_at_least(None)
    assert asked_ms / 1000 <= delays.delay(LOST) <= max(asked_ms / 500, 0.25)
    assert delays.delay(LOST) <= 0.5


def test_an_absurd_pause_is_bounded() -> None:
    delays = Retry(random.Random(1))
    delays.wait_at_least(1e300)
    assert delays.delay(LOST) == retry.LONGEST_S


@pytest.mark.parametrize(
    ("status", "headers", "least_s"),
    [
        (429, {"Retry-After": "7"}, 7),
        (503, {}, retry.BUSY_S),
        (503, {"Retry-After": "soon"}, retry.BUSY_S),
        (503, {"Retry-After": "9" * 30}, retry.LONGEST_S),
        (429, {"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10),
        (401, {}, retry.REFUSED_S),
        (403, {}, retry.REFUSED_S),
        (404, {}, retry.REFUSED_S),
        (500, {}, 0),
        (200, {}, 0),
    ],
)
def test_an_answer_sets_the_least_pause(
    status: int, headers: dict[str, str], least_s: float
) -> None:
    """And is never the end: the server's operator may repair it."""
    ending = retry.answered(status, headers, b"", 1_700_000_000_000)
    assert ending.least_s == least_s
    assert not ending.final
    assert str(status) in ending.reason


def test_a_refusal_is_in_the_servers_words() -> None:
    """Those of a page of HTML are not for people."""
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    assert (
        retry.answered(403, plain, b"this\norigin").reason == "refused with HTTP 403: this origin"
    )
    assert retry.answered(403, {"Content-Type": "text/html"}, b"<p>").reason == (
        "refused with HTTP 403"
    )


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1009, 1011, 1012, 4008, 4029])
def test_a_closed_connection_is_tried_again(code: int) -> None:
    assert not retry.closed(code, "").final


def test_1008_is_the_end_and_says_why() -> None:
    ending = retry.closed(1008, "five bad\x1bmessages")
    assert ending.final
    assert ending.reason == r"the server closed the connection (1008: five bad\x1bmessages)"
