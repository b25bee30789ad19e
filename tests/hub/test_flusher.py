"""One timer says when each channel is written, by what writing costs."""

import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.flusher import LEAST_S, RETRY_S, SHARE, TIMER_LATE_S, Flusher
from tests.fakes.loop import FakeLoop, FakeTimer

FLUSH_S = 0.02
ASKED_EVERY_S = 0.0001


class CoarseLoop(FakeLoop):
    """Timers as epoll has them: in whole milliseconds, rounded up."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> FakeTimer:
        """Call then, or up to a millisecond later."""
        return super().call_later(math.ceil(delay * 1000 - 1e-6) / 1000, callback)


class Channel:
    """Notes when it is flushed. It writes each time, unless it has nothing, and that takes time."""

    def __init__(self, flusher: Flusher, loop: FakeLoop) -> None:
        self.again = 0
        """How often it asks for the next flush before one ends."""
        self.flusher = flusher
        self.loop = loop
        self.at_s: list[float] = []
        self.cost_s = 0.0
        self.writes = True
        self.fails = False

    def flush(self) -> None:
        """As a channel does."""
        self.flusher.begin(self)
        self.at_s.append(self.loop.time() - FakeLoop.BEGIN_S)
        if self.fails:
            raise ZeroDivisionError
        if self.writes:
            self.flusher.write(self)
            self.loop.spend(self.cost_s)
            self.flusher.written(self)
        if self.again:
            self.again -= 1
            self.flusher.soon(self)


class World:
    """A flusher, and channels at it."""

    def __init__(self, flush_s: float = FLUSH_S, loop: FakeLoop | None = None) -> None:
        self.loop = loop or FakeLoop()
        self.flusher = Flusher(self.loop, flush_s)

    def channel(self, cost_s: float = 0.0) -> Channel:
        """One more."""
        made = Channel(self.flusher, self.loop)
        made.cost_s = cost_s
        return made

    def busy(self, seconds: float, *channels: Channel) -> None:
        """A market in which every channel always has something new."""
        until_s = self.loop.time() + seconds
        while self.loop.time() < until_s:
            for channel in channels:
                self.flusher.soon(channel)
            self.loop.advance(ASKED_EVERY_S)


def share_of(channels: tuple[Channel, ...], begun_s: float, ended_s: float) -> float:
    """The part of a time that flushes took."""
    spent = sum(
        sum(begun_s <= at_s < ended_s for at_s in channel.at_s) * channel.cost_s
        for channel in channels
    )
    return spent / (ended_s - begun_s)


def intervals(channel: Channel) -> list[float]:
    """The times between flushes."""
    return [after - before for before, after in itertools.pairwise(channel.at_s)]


def test_a_lone_price_leaves_at_once_and_the_next_waits() -> None:
    """However often it is asked for meanwhile."""
    world = World()
    channel = world.channel(cost_s=0.004)
    world.flusher.soon(channel)
    assert channel.at_s == [0]
    for _ in range(5):
        world.flusher.soon(channel)
    world.loop.advance(1)
    assert channel.at_s == [0, pytest.approx(0.004 / SHARE, abs=0.001)]


def test_few_clients_get_prices_almost_at_once() -> None:
    """What costs next to nothing is written as often as timers can tell apart."""
    world = World()
    channel = world.channel(cost_s=0.00003)
    world.busy(1, channel)
    assert max(intervals(channel)) <= LEAST_S + 2 * ASKED_EVERY_S


@given(costs=st.lists(st.floats(0.00001, 0.1), min_size=1, max_size=3))
def test_flushes_take_their_share_and_never_wait_longer_than_the_setting(
    costs: list[float],
) -> None:
    """Of all channels together; only what costs more than its share of the longest interval takes
    more, as it did at a fixed one.
    """
    world = World(loop=CoarseLoop())
    channels = tuple(world.channel(cost_s) for cost_s in costs)
    world.busy(2, *channels)
    took = share_of(channels, 1, 2)
    fair = sum(costs) / FLUSH_S
    assert took <= max(SHARE, fair) * 1.5 + sum(costs)
    longest = max(max(intervals(channel)[1:]) for channel in channels)
    assert longest <= max(FLUSH_S, sum(costs)) + sum(costs) + 0.001 + 2 * ASKED_EVERY_S


@pytest.mark.parametrize(("before_s", "after_s"), [(0.00002, 0.003), (0.003, 0.00002)])
def test_the_interval_settles_when_the_load_steps(before_s: float, after_s: float) -> None:
    """Without swinging: from a few clients to five hundred, and back."""
    world = World()
    channel = world.channel(before_s)
    world.busy(1, channel)
    channel.cost_s = after_s
    world.busy(1, channel)
    due_s = min(FLUSH_S, max(LEAST_S, after_s / SHARE))
    stepped = [gap for at, gap in zip(channel.at_s, intervals(channel), strict=False) if at >= 1]
    assert all(gap <= max(before_s, after_s) / SHARE + 0.001 for gap in stepped)
    for gap in stepped[20:]:
        assert gap == pytest.approx(due_s, abs=TIMER_LATE_S + 3 * ASKED_EVERY_S)


def test_a_channel_that_rests_costs_the_others_nothing() -> None:
    """What it cost when it was written last does not count any more."""
    world = World()
    dear, cheap = world.channel(0.004), world.channel(0.00001)
    world.busy(0.5, dear, cheap)
    both = max(intervals(cheap)[3:])
    cheap.at_s.clear()
    world.busy(0.5, cheap)
    assert max(intervals(cheap)[-50:]) <= LEAST_S + 2 * ASKED_EVERY_S < both


def test_a_short_longest_interval_is_kept() -> None:
    """``PHOTON_FLUSH_MS=1`` is one flush a millisecond, whatever it costs."""
    world = World(0.001)
    channel = world.channel(0.0005)
    world.busy(0.2, channel)
    assert max(intervals(channel)) <= 0.001 + 2 * ASKED_EVERY_S


def test_channels_do_not_wait_for_each_other() -> None:
    """Each is at once when its own last flush is long ago."""
    world = World()
    first, second = world.channel(), world.channel()
    world.flusher.soon(first)
    world.flusher.soon(second)
    assert (len(first.at_s), len(second.at_s)) == (1, 1)


def test_what_had_nothing_to_write_makes_nobody_wait() -> None:
    """The next price after it leaves at once."""
    world = World()
    channel = world.channel()
    channel.writes = False
    world.flusher.soon(channel)
    channel.writes = True
    world.flusher.soon(channel)
    assert channel.at_s == [0, 0]


def test_a_channel_that_asks_while_it_is_flushed_lets_the_loop_run_first() -> None:
    """Though it took much less time than it had."""
    world = World()
    channel = world.channel(cost_s=0.01)
    world.busy(0.5, channel)
    world.loop.advance(1)
    channel.at_s.clear()
    channel.cost_s, channel.again = 0.0001, 50
    for _ in range(3):
        flushed = len(channel.at_s)
        world.flusher.soon(channel)
        assert len(channel.at_s) <= flushed + 1
    world.loop.advance(10)
    assert not channel.again


def test_what_is_never_written_in_parts_counts_as_it_is() -> None:
    """Only of what was written in part a whole one would have taken longer."""
    world = World(flush_s=1.0)
    channel = world.channel()
    for _ in range(50):
        world.loop.advance(0.5)
        world.flusher.write(channel)
        world.loop.spend(0.001)
        part_ended_s = world.loop.time()
        world.loop.spend(0.003)
        world.flusher.written(channel, part=0.25, part_ended_s=part_ended_s)
    interval_s = world.flusher.interval_s(world.loop.time())
    assert interval_s == pytest.approx((4 * 0.001 + 0.003) / SHARE)


def test_a_fault_of_one_channel_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, and the one with the fault is tried again a second later."""
    world = World()
    broken, sound = world.channel(), world.channel()
    broken.fails = True
    for channel in (broken, sound):
        world.flusher.at(channel, world.loop.time() + 1)
    world.loop.advance(1)
    assert (broken.at_s, sound.at_s) == ([1], [1])
    assert "ZeroDivisionError" in caplog.text
    broken.fails = False
    world.loop.advance(10)
    assert broken.at_s == [1, 1 + RETRY_S]


@given(asked=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 50))))
def test_each_is_flushed_at_the_earliest_time_that_it_asked_for(
    asked: list[tuple[int, int, int]],
) -> None:
    """Of those asked for since its last flush; and when nobody asks there is no timer."""
    world = World()
    channels = [world.channel() for _ in range(3)]
    due: list[list[float]] = [[], [], []]
    expected: list[list[float]] = [[], [], []]
    for number, wait_ms, pass_ms in asked:
        now = world.loop.time() - FakeLoop.BEGIN_S
        due[number].append(now + wait_ms / 1000)
        world.flusher.at(channels[number], world.loop.time() + wait_ms / 1000)
        world.loop.advance(pass_ms / 1000)
        for one in range(3):
            if due[one] and min(due[one]) <= now + pass_ms / 1000 + 1e-6:
                expected[one].append(min(due[one]))
                due[one] = []
    world.loop.advance(1)
    for one in range(3):
        expected[one] += [min(due[one])] if due[one] else []
        assert channels[one].at_s == pytest.approx(expected[one], abs=1e-5)
    before = [list(channel.at_s) for channel in channels]
    world.loop.advance(100)
    assert [channel.at_s for channel in channels] == before
