"""One timer says when each channel is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.flusher import RETRY_S, Flusher
from tests.fakes.loop import FakeLoop

FLUSH_S = 0.02


class Channel:
    """Notes when it is flushed; writes each time, unless it has nothing."""

    def __init__(self, flusher: Flusher, loop: FakeLoop) -> None:
        self.flusher = flusher
        self.loop = loop
        self.at_s: list[float] = []
        self.writes = True
        self.fails = False

    def flush(self) -> None:
        """As a channel does."""
        self.flusher.begin(self)
        self.at_s.append(self.loop.time() - FakeLoop.BEGIN_S)
        if self.fails:
            raise ZeroDivisionError
        if self.writes:
            self.flusher.written(self)


class World:
    """A flusher, and channels at it."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.flusher = Flusher(self.loop, FLUSH_S)

    def channel(self) -> Channel:
        """One more."""
        return Channel(self.flusher, self.loop)


def test_a_lone_price_leaves_at_once_and_the_next_waits() -> None:
    """However often it is asked for meanwhile."""
    world = World()
    channel = world.channel()
    world.flusher.soon(channel)
    assert channel.at_s == [0]
    for _ in range(5):
        world.loop.advance(0.001)
        world.flusher.soon(channel)
    world.loop.advance(1)
    assert channel.at_s == [0, pytest.approx(FLUSH_S, abs=0.001)]


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
