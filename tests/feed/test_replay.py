"""A recording as the market: its pace, its clock, its passes."""

import asyncio
import logging
from pathlib import Path

import pytest

from photon_app.errors import RecordingError
from photon_app.feed.recording import Recording
from photon_app.feed.replay import ReplayClock, ReplayFeed
from tests.fakes.market import FakeMarket
from tests.fakes.time import VirtualTime, settle
from tests.feed.recordings import DAY, START_MS, frame, ladder, line, needs_recordings, write


def play_once(path: Path, speed: float = 0) -> tuple[ReplayFeed, FakeMarket]:
    """Play to the end on real time."""
    feed = ReplayFeed(path, speed, loop=False)
    market = FakeMarket()
    asyncio.run(feed.run(market))
    return feed, market


def test_a_file_that_is_no_recording_is_refused_at_once(tmp_path: Path) -> None:
    """At the start of the process, by name."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    with pytest.raises(RecordingError, match=r"notes\.txt line 1"):
        ReplayFeed(path)


def test_the_feed_is_named_after_its_file(tmp_path: Path) -> None:
    """Without the folder, and it suggests the recording's symbols."""
    feed = ReplayFeed(ladder(tmp_path / "day.jsonl", 3))
    assert (feed.source, feed.symbols) == ("replay:day.jsonl", ("IBM",))


def test_a_pass_begins_with_a_new_epoch_and_then_its_status(tmp_path: Path) -> None:
    """Before its first trade."""
    _, market = play_once(ladder(tmp_path / "r", 2))
    assert market.log[0] == "epoch"
    assert market.log[1] == market.statuses[0]
    assert (market.statuses[0].source, market.statuses[0].state) == ("replay:r", "replay")


@needs_recordings
def test_at_full_speed_everything_is_delivered_in_order() -> None:
    """All 26,154 trades of the real day, and then the feed returns and stays as it is."""
    feed, market = play_once(DAY)
    times = [trade.time_ms for trade in market.all_trades]
    assert len(times) == feed.counters.trades == 26_154
    assert feed.counters.frames == 7_414
    assert feed.clock.now_ms() == 1381156199407
    assert len(market.statuses) == 1


def test_everything_is_delivered_whatever_is_wanted(tmp_path: Path) -> None:
    """Wishes do not filter a recording."""
    path = write(tmp_path / "r", [line(1, frame("A", 1)), line(2, frame("B", 2))])
    feed = ReplayFeed(path, 0, loop=False)
    feed.want(frozenset({"C"}))
    market = FakeMarket()
    asyncio.run(feed.run(market))
    assert [trade.symbol for trade in market.all_trades] == ["A", "B"]
    assert feed.held == {"C"}


@pytest.mark.parametrize(("speed", "expected_s"), [(1, 9.0), (10, 0.9), (0.5, 18.0)])
def test_the_pace_is_the_recordings_times_the_speed(
    tmp_path: Path, speed: float, expected_s: float
) -> None:
    """Ten frames a second apart."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = ReplayFeed(ladder(tmp_path / "r", 10), speed, loop=False, time=time)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        await time.advance(expected_s - 0.001)
        assert len(market.all_trades) == 9
        await time.advance(0.002)
        assert len(market.all_trades) == 10
        await task

    asyncio.run(scenario())


@pytest.mark.parametrize("speed", [0, 1, 7.3, 100])
def test_a_frame_is_delivered_at_exactly_its_time_of_the_clock(
    tmp_path: Path, speed: float
) -> None:
    """When a trade arrives, the market's clock shows when it arrived then."""
    path = ladder(tmp_path / "r", 50, step_ms=777)

    async def scenario() -> None:
        time = VirtualTime()
        feed = ReplayFeed(path, speed, loop=False, time=time)
        market = FakeMarket()
        shown: list[int] = []
        market.on_trades = lambda _: shown.append(feed.clock.now_ms())
        task = asyncio.create_task(feed.run(market))
        await time.advance(60)
        await task
        assert shown == [read.at for read in Recording(path).lines()]

    asyncio.run(scenario())


def test_the_clock_runs_between_frames_and_waits_at_the_next() -> None:
    """It never shows a time whose frame has not come, and stays at the last."""
    time = VirtualTime()
    clock = ReplayClock(1_000, 10, time)
    assert (clock.now_ms(), clock.rate) == (1_000, 10)
    assert clock.aim(2_000) == pytest.approx(0.1)
    time.jump(0.05)
    assert clock.now_ms() == 1_500
    time.jump(0.25)
    assert clock.now_ms() == 2_000
    clock.reach()
    time.jump(100)
    assert clock.now_ms() == 2_000


def test_the_clock_does_not_go_back_within_a_pass() -> None:
    """A recorder's clock that was set back holds the market's clock still."""
    time = VirtualTime()
    clock = ReplayClock(1_000, 1, time)
    clock.aim(2_000)
    time.jump(1)
    clock.reach()
    assert clock.aim(1_500) == 0
    clock.reach()
    assert clock.now_ms() == 2_000


def test_lateness_is_made_up_but_a_stop_is_not() -> None:
    """0.4 s late: the next frame comes so much sooner. An hour late: the pace goes on from here."""
    time = VirtualTime()
    clock = ReplayClock(0, 1, time)
    clock.aim(1_000)
    time.jump(1.4)
    clock.reach()
    assert clock.aim(2_000) == pytest.approx(0.6)
    time.jump(3600)
    clock.reach()
    assert clock.aim(3_000) == pytest.approx(1.0)


def test_at_full_speed_each_frame_waits_for_relief(tmp_path: Path) -> None:
    """The replay waits while a client is behind, and the frame is delivered after."""

    async def scenario() -> None:
        feed = ReplayFeed(ladder(tmp_path / "r", 5), 0, loop=False)
        market = FakeMarket()
        market.relieved.clear()
        task = asyncio.create_task(feed.run(market))
        await market.until(lambda: "relief" in market.log)
        await settle()
        assert market.all_trades == []
        market.relieved.set()
        await task
        assert len(market.all_trades) == market.log.count("relief") == 5

    asyncio.run(scenario())


def test_a_paced_replay_never_waits_for_clients(tmp_path: Path) -> None:
    """The hub deals with a slow client, as on a live feed."""
    _, market = play_once(ladder(tmp_path / "r", 5, step_ms=1), speed=100)
    assert "relief" not in market.log


@needs_recordings
@pytest.mark.parametrize("speed", [0, 1_000_000])
def test_at_full_speed_the_server_lives(speed: float) -> None:
    """Another task of the loop has its turn again and again."""

    async def scenario() -> int:
        feed = ReplayFeed(DAY, speed, loop=False)
        task = asyncio.create_task(feed.run(FakeMarket()))
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(scenario()) > 10


def test_looping_starts_the_market_anew_after_a_pause(tmp_path: Path) -> None:
    """One second, so that the last figures can be seen and a fast loop does not spin."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = ReplayFeed(ladder(tmp_path / "r", 3), 0, loop=True, time=time)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        assert await time.advance_to_sleeper() == 1.0
        assert await time.advance_to_sleeper() == 1.0
        task.cancel()
        assert market.log.count("epoch") == 3
        assert [trade.price for trade in market.all_trades] == [1, 2, 3] * 3
        assert {status.since_ms for status in market.statuses} == {time.now_ms() - 2000}

    asyncio.run(scenario())


def test_each_pass_begins_at_the_recordings_beginning(tmp_path: Path) -> None:
    """The clock has gone back before the market hears of the new epoch."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = ReplayFeed(ladder(tmp_path / "r", 3), 0, loop=True, time=time)
        seen: list[int] = []

        class Watching(FakeMarket):
            def new_epoch(self) -> None:
                super().new_epoch()
                seen.append(feed.clock.now_ms())

        task = asyncio.create_task(feed.run(Watching()))
        await time.advance(2.5)
        task.cancel()
        assert seen == [START_MS] * 3

    asyncio.run(scenario())


def test_damage_on_the_way_is_said_and_the_loop_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Status ``replay`` with file, line and reason, logged; the next pass plays what there is."""
    path = ladder(tmp_path / "day", 2)
    with path.open("a") as file:
        file.write("damage\n" + line(START_MS, "late"))

    async def scenario() -> FakeMarket:
        time = VirtualTime()
        feed = ReplayFeed(path, 0, loop=True, time=time)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        await time.advance(1.5)
        task.cancel()
        return market

    with caplog.at_level(logging.WARNING):
        market = asyncio.run(scenario())
    assert len(market.all_trades) == 4
    assert market.statuses[0].detail == ""
    for status in market.statuses[1:]:
        assert status.state == "replay"
        assert status.detail.startswith("The replay stopped early: day line 3")
    assert "day line 3" in caplog.text


def test_a_file_removed_on_the_way_is_said_too(tmp_path: Path) -> None:
    """At the next pass, when it is opened again."""
    path = ladder(tmp_path / "day", 2)
    feed = ReplayFeed(path, 0, loop=False)
    path.unlink()
    market = FakeMarket()
    asyncio.run(feed.run(market))
    assert "it cannot be read" in market.statuses[-1].detail


def test_a_frame_that_is_no_message_is_counted_and_passed_over(tmp_path: Path) -> None:
    """It was recorded so; the replay goes on."""
    path = write(tmp_path / "r", [line(1, "rubbish"), line(2, frame("A", 1))])
    feed, market = play_once(path)
    assert (len(market.all_trades), feed.counters.malformed) == (1, 1)
