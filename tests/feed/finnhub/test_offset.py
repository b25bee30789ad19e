"""How far a tape is behind, and whose fault that is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.offset import (
    DELAYED_MS,
    KEPT_S,
    LEAST_SPANS,
    MARKETS,
    REPORTED_MS,
    SPAN_S,
    SPANS,
    Offset,
    Verdict,
    judge,
)

NOW_MS = 1_795_185_000_000


def measured(
    behind_ms: int, seconds: int = 60, *, seed: int = 1, odd: float = 0.1, rate: int = 5
) -> list[int]:
    """What a tape is measured to be behind: each trade takes a while, a tenth of them is odd."""
    rng, offset = random.Random(seed), Offset()
    for n in range(seconds * rate):
        now_s = n / rate
        late_ms = rng.choice([rng.uniform(1e4, 1e7), -50_000]) if rng.random() < odd else 0
        took_ms = 100 + rng.expovariate(1 / 200)
        now_ms = NOW_MS + round(now_s * 1000)
        offset.arrived("A", round(now_ms - behind_ms - took_ms - max(late_ms, 0)), now_ms, now_s)
    return offset.measured(seconds)


@given(st.sampled_from([-3_600_000, -90_000, -7_000, 0, 90_000, 900_000, 2_400_000]), st.integers())
def test_the_distance_is_measured_to_a_second_whatever_came_late(behind_ms: int, seed: int) -> None:
    """From a minute of trades, of which a tenth is late by up to hours."""
    [found] = measured(behind_ms, seed=seed)
    assert 0 <= found - behind_ms < 1000


def test_one_trade_from_the_future_is_not_believed() -> None:
    """Nor are some, as long as most spans have none."""
    offset = Offset()
    for second in range(60):
        ahead_ms = 50_000 if second in {7, 31} else 0
        offset.arrived("A", NOW_MS + second * 1000 + ahead_ms, NOW_MS + second * 1000, second)
    assert offset.measured(60) == [0]


def test_a_quiet_market_with_late_reports_is_in_time() -> None:
    """Where half of the spans have nothing else."""
    offset = Offset()
    for span in range(12):
        late_ms = 200 if span % 3 == 0 else 9_000
        now_ms, now_s = NOW_MS + span * 5000, span * SPAN_S
        offset.arrived("A", now_ms - late_ms, now_ms, now_s)
    assert offset.measured(60) == [200]


def test_too_little_proves_nothing_and_is_a_guess_at_most() -> None:
    """A guess never says that the tape is ahead."""
    offset = Offset()
    assert (offset.measured(0), offset.guess(0)) == ([], 0)
    offset.arrived("A", NOW_MS - 90_000, NOW_MS, 0)
    assert (offset.measured(1), offset.guess(1)) == ([], 90_000)
    offset.arrived("A", NOW_MS + 90_000, NOW_MS, SPAN_S)
    assert (offset.measured(6), offset.guess(6)) == ([], 0)
    for span in range(LEAST_SPANS):
        offset.arrived("A", NOW_MS - 5, NOW_MS, 100 + span * SPAN_S)
    assert offset.measured(120) == [5]
    assert offset.measured(120 + KEPT_S + SPAN_S) == []
    offset.clear()
    assert offset.measured(120) == []


def test_exchanges_are_measured_apart_and_times_that_cannot_be_are_not() -> None:
    """A plan may delay one and not another; memory is bounded."""
    offset = Offset()
    for second in range(0, 300, 5):
        now_ms = NOW_MS + second * 1000
        offset.arrived("AAPL", now_ms - 900_000, now_ms, second)
        offset.arrived("BINANCE:BTCUSDT", now_ms - 150, now_ms, second)
        offset.arrived("Z:A", second, now_ms, second)
        for number in range(2 * MARKETS):
            offset.arrived(f"X{number}:A", now_ms, now_ms, second)
    assert offset.measured(300)[:2] == [900_000, 150]
    assert len(offset.measured(300)) == MARKETS
    assert max(len(spans) for spans in offset._spans.values()) == SPANS


@pytest.mark.parametrize(
    ("found", "fast_ms", "delay_ms", "words"),
    [
        ([150], 200, None, ""),
        ([150], None, None, ""),
        ([], None, None, ""),
        ([], 300, None, ""),
        ([], -90_000, None, "This machine's clock is 90 s slow: set it"),
        ([-90_000], -90_300, None, "This machine's clock is 90 s slow: set it"),
        ([-90_000], None, None, "This machine's clock is 90 s slow: set it"),
        ([90_000], 89_800, None, "This machine's clock is 90 s fast: set it"),
        ([3_600_000], 3_600_000, None, "This machine's clock is 60 min fast: set it"),
        ([90_000], None, 90_000, "Trades come 90 s late: the tape is delayed, or this machine's"),
        ([900_150], 100, 900_000, "Trades come 15 min late: the key's plan gives a delayed tape"),
        ([2_400_000], 0, 2_400_000, "Trades come 40 min late: the key's plan"),
        ([150, 900_000], 0, 900_000, "Trades come 15 min late"),
        ([810_000], -90_000, 900_000, "set-ntp true; Trades come 15 min late: the key's plan"),
        ([8_000], 0, None, "Trades come 8 s late: the line"),
        ([8_000], None, None, "Trades come 8 s late: the tape is delayed, or"),
        ([-90_000], 0, None, "Trades bear times 90 s ahead of Finnhub's own clock"),
    ],
)
def test_the_server_s_clock_tells_whose_fault_it_is(
    found: list[int], fast_ms: int | None, delay_ms: int | None, words: str
) -> None:
    """A delayed tape, a wrong clock here, or both; it is said with what to do."""
    verdict = judge(found, fast_ms)
    assert verdict.delay_ms == delay_ms
    assert words in verdict.detail
    assert bool(verdict.detail) is bool(words)
    assert verdict.ahead_ms == max(0, -min(found, default=min(fast_ms or 0, -0)))


@given(
    st.lists(st.integers(-10_000_000, 10_000_000), max_size=4),
    st.none() | st.integers(-10_000_000, 10_000_000),
)
def test_what_is_more_than_seconds_is_said_and_what_is_not_is_not(
    found: list[int], fast_ms: int | None
) -> None:
    """Whatever comes together; a delay is at least a minute."""
    verdict = judge(found, fast_ms)
    far = [ms for ms in (*found, fast_ms or 0) if abs(ms) >= 2 * REPORTED_MS]
    near = all(abs(ms) < REPORTED_MS // 2 for ms in (*found, fast_ms or 0))
    assert not far or verdict.detail
    assert not near or verdict == Verdict(behind_ms=verdict.behind_ms, ahead_ms=verdict.ahead_ms)
    assert verdict.delay_ms is None or verdict.delay_ms >= DELAYED_MS


def test_small_changes_are_no_news() -> None:
    """A status is not told again for a second; a new sentence is."""
    before = judge([900_000], 0)
    assert judge([901_000], 0).settled(before) is before
    assert judge([903_000], 0).settled(before) is not before
    assert judge([100], 0).settled(before).delay_ms is None
    assert judge([150], 0).settled(Verdict()) == Verdict()
