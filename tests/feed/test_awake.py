"""Time that goes on while the machine sleeps."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.awake import LEAP_S, SLICE_S, Awake
from tests.fakes.time import VirtualTime


@given(st.lists(st.tuples(st.floats(0, 3600), st.sampled_from([-3600, -20, 0, 1, 20, 28_800]))))
def test_what_passed_is_counted_and_what_was_set_back_is_not(
    moves: list[tuple[float, int]],
) -> None:
    """Sleep and waking alike; time never steps back."""
    time = VirtualTime()
    awake = Awake(time)
    passed_s = slept_s = set_back_s = 0.0
    for seconds, leap_s in moves:
        before_s = awake.monotonic()
        time.jump(seconds)
        time.doze(leap_s)
        passed_s += seconds
        slept_s += leap_s if leap_s >= LEAP_S else 0
        set_back_s -= leap_s if leap_s <= -LEAP_S else 0
        assert awake.monotonic() >= before_s
    assert abs(awake.monotonic() - passed_s - slept_s) < 0.01 * (len(moves) + 1)
    assert abs(awake.slept_s - slept_s) < 0.01 * (len(moves) + 1)
    assert abs(awake.set_back_ms / 1000 - set_back_s) < 0.01 * (len(moves) + 1)


def test_a_clock_that_is_corrected_little_by_little_is_no_sleep() -> None:
    """Half a second a minute, for a day."""
    time = VirtualTime()
    awake = Awake(time)
    for _ in range(1440):
        time.jump(60)
        time.doze(0.5)
        awake.monotonic()
    assert (awake.slept_s, awake.set_back_ms) == (0, 0)


def test_a_process_that_is_delayed_between_two_readings_did_not_sleep() -> None:
    """Nor one that is delayed in the middle of a reading."""

    class HeldUp(VirtualTime):
        """For a minute, when it is asked the time for the third time."""

        asked = 0

        def now_ms(self) -> int:
            self.asked += 1
            if self.asked == 3:
                self.jump(60)
            return super().now_ms()

    awake = Awake(HeldUp())
    for _ in range(10):
        awake.monotonic()
    assert (awake.slept_s, awake.set_back_ms) == (0, 0)


def test_who_waits_is_woken_soon_after_the_machine_is() -> None:
    """Not when the monotonic clock has come so far."""

    async def scenario() -> None:
        time = VirtualTime()
        awake = Awake(time)
        waiting = asyncio.create_task(awake.sleep(900))
        await time.advance(10)
        time.doze(3600)
        assert not waiting.done()
        await time.advance(SLICE_S)
        assert waiting.done()

    asyncio.run(scenario())


def test_a_wait_takes_its_time() -> None:
    """To the millisecond, in slices or not."""

    async def scenario() -> None:
        time = VirtualTime()
        for seconds in (0.11, SLICE_S, 3.3, 150.0):
            began_s = time.monotonic()
            waiting = asyncio.create_task(Awake(time).sleep(seconds))
            await time.advance(seconds - 0.01)
            assert not waiting.done()
            await time.advance(0.011)
            assert waiting.done()
            assert time.monotonic() - began_s < seconds + 0.01

    asyncio.run(scenario())
