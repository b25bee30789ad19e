"""How long the process stood still, on a clock that stands where it is put."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.sink import Sink
from photon_app.hub.stalls import BEAT_S, FRESH_S, MOST_S, Stalls
from tests.fakes.outlet import FakeOutlet
from tests.fakes.time import HandTime


class Clock:
    """A clock, and stalls that are measured on it."""

    def __init__(self) -> None:
        self.time = HandTime(100.0)
        self.stalls = Stalls(self.time)

    def run(self, seconds: float) -> None:
        """Time in which it beats."""
        for _ in range(round(seconds / BEAT_S)):
            self.time.at_s += BEAT_S
            self.stalls.beat()

    def stand(self, seconds: float) -> None:
        """Time in which nothing runs; the first caller that asks finds out."""
        self.time.at_s += seconds + BEAT_S


def test_a_stall_is_seen_by_the_first_caller_and_counted_once() -> None:
    """Before the next beat, and not again at it."""
    clock = Clock()
    clock.run(10)
    assert clock.stalls.total_s == 0
    clock.stand(30)
    assert clock.stalls.total_s == 30
    clock.run(10)
    assert clock.stalls.total_s == 30
    assert clock.stalls.fresh_s(0) == 30
    assert clock.stalls.fresh_s(30) == 0


def test_a_beat_that_is_a_little_late_is_no_stall() -> None:
    """A busy second is within every budget."""
    clock = Clock()
    for _ in range(20):
        clock.stand(0.9)
        clock.stalls.beat()
    assert clock.stalls.total_s == 0


def test_what_may_be_forgiven_is_bounded_and_ends() -> None:
    """A night of sleep is no night of messages."""
    clock = Clock()
    clock.stand(8 * 3600)
    assert clock.stalls.fresh_s(0) == MOST_S
    clock.run(FRESH_S + 1)
    assert clock.stalls.fresh_s(0) == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 40)), max_size=30))
def test_awake_time_never_steps_back_and_leaves_stalls_out(
    steps: list[tuple[bool, float]],
) -> None:
    """Whatever runs and stands still after each other."""
    clock = Clock()
    began_s = last_s = clock.stalls.awake_s()
    ran_s = 0.0
    for runs, seconds in steps:
        before_s = clock.time.at_s
        if runs or seconds < 1.1:
            clock.run(seconds)
            ran_s += clock.time.at_s - before_s
        else:
            clock.stand(seconds)
            ran_s += BEAT_S
        now_s = clock.stalls.awake_s()
        assert now_s >= last_s
        last_s = now_s
    assert abs(last_s - began_s - ran_s) < 1e-6


def test_a_client_is_not_slow_for_the_time_that_the_server_stood_still() -> None:
    """It could not have drained then: no byte was sent to it."""
    clock = Clock()
    sink = Sink(FakeOutlet(), clock.stalls)
    sink.congest()
    clock.run(2)
    clock.stand(30)
    assert 2 <= sink.congested_for_s() <= 2 + BEAT_S
    clock.run(8)
    assert sink.congested_for_s() >= 10
