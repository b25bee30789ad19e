"""A recording as the market: its pace, its clock, its passes."""

import asyncio
import datetime as dt
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar import session
from photon_app.errors import RecordingError
from photon_app.feed.recording.file import Recording
from photon_app.feed.recording.replay import ReplayClock, ReplayFeed, source_of, start_ms
from photon_app.market.book import Book
from photon_app.model import Quote
from photon_app.settings import ReplayStart, load
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
    """Wanted symbols do not filter a recording."""
    path = write(tmp_path / "r", [line(1, frame("A", 1)), line(2, frame("B", 2))])
    feed = ReplayFeed(path, 0, loop=False)
    feed.want(frozenset({"C"}))
    market = FakeMarket()
    asyncio.run(feed.run(market))
    assert [trade.symbol for trade in market.all_trades] == ["A", "B"]
    assert feed.subscribed == {"C"}


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
        await market.until(lambda: "drained" in market.log)
        await settle()
        assert market.all_trades == []
        market.relieved.set()
        await task
        assert len(market.all_trades) == market.log.count("drained") == 5

    asyncio.run(scenario())


def test_a_paced_replay_never_waits_for_clients(tmp_path: Path) -> None:
    """The hub deals with a slow client, as on a live feed."""
    _, market = play_once(ladder(tmp_path / "r", 5, step_ms=1), speed=100)
    assert "drained" not in market.log


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
    """Status ``replay`` with file, line and reason, logged once and not in each pass; the next pass
    plays what there is.
    """
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
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "day line 3" in caplog.text


def test_what_is_passed_over_is_logged_once_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Zeros, counted; empty lines, returns and marks are nothing to speak of."""
    path = ladder(tmp_path / "day", 2)
    with path.open("a") as file:
        file.write("\n\ufeff\r\n" + "\0" * 99 + line(START_MS + 2000, frame("IBM", 3)) + "\0")

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
    assert len(market.all_trades) == 6
    assert {status.detail for status in market.statuses} == {""}
    assert [record.getMessage() for record in caplog.records] == [
        "day: left out were 2 lines filled with zeros"
    ]


def test_a_recording_without_a_trade_says_so(tmp_path: Path) -> None:
    """In its status, since nothing else will ever be seen of it."""
    path = write(tmp_path / "pings", [line(START_MS, '{"type":"ping"}')])
    _, market = play_once(path)
    assert market.statuses[-1].detail == "pings has no trade that can be played"


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


def moment(text: str) -> ReplayStart | None:
    """A start as the settings read it."""
    return load({"PHOTON_REPLAY_START": text}, dotenv=None).replay_start


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("0", 0),
        ("7200", 7200),
        ("+0.5", 0.5),
        ("09:45", 900),
        ("09:30:00.250", 0.25),
        ("09:29", 86_340),
        ("2013-10-07T13:45Z", 900),
        ("2013-10-07 09:45", 900),
        ("2013-10-07T15:45+02:00", 900),
        ("2013-10-01", 0),
    ],
)
def test_a_start_is_seconds_or_new_yorks_time_or_a_moment(
    tmp_path: Path, text: str, after_s: float
) -> None:
    """A time of day is the first from the first frame on; before it is at it."""
    begin_ms = round(dt.datetime(2013, 10, 7, 13, 30, tzinfo=dt.UTC).timestamp() * 1000)
    times = (begin_ms, begin_ms + 86_400_000)
    path = write(tmp_path / "r", [line(at, frame("IBM", 1, at)) for at in times])
    assert start_ms(Recording(path), moment(text)) == begin_ms + round(after_s * 1000)


def test_a_start_after_the_end_is_one_line_that_says_what_there_is(tmp_path: Path) -> None:
    """In New York's time."""
    path = ladder(tmp_path / "day", 61)
    with pytest.raises(RecordingError) as refused:
        ReplayFeed(path, start=61.0)
    assert str(refused.value) == (
        "day ends before the start: expected a start from 2013-10-07 09:25:00 New York to "
        "2013-10-07 09:26:00 New York, but PHOTON_REPLAY_START is 2013-10-07 09:26:01 New York"
    )
    assert ReplayFeed(path, start=60.0).clock.now_ms() == START_MS + 60_000


def folded(market: FakeMarket) -> dict[str, Quote | None]:
    """What a book makes of what was delivered."""
    book = Book(session.day_of, admit_all=True)
    book.apply(market.all_trades)
    return {symbol: book.quote(symbol) for symbol in {t.symbol for t in market.all_trades}}


@given(
    steps=st.lists(st.integers(-2_000, 60_000), min_size=1, max_size=30),
    start=st.floats(0, 600),
    speed=st.sampled_from([0, 1, 100.0]),
)
def test_the_start_changes_when_and_not_what(steps: list[int], start: float, speed: float) -> None:
    """The same trades in the same order, and so the same book, wherever the pace begins."""

    async def played(path: Path, start: float | None) -> FakeMarket:
        time = VirtualTime()
        market = FakeMarket()
        feed = ReplayFeed(path, speed, loop=False, start=start, time=time)
        task = asyncio.create_task(feed.run(market))
        await time.advance(7_200)
        await task
        return market

    at, lines = START_MS, []
    for number, step in enumerate(steps):
        at += step
        lines.append(line(at, frame("IBM", 100 + number, at)))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "r", lines)
        whole = asyncio.run(played(path, None))
        try:
            late = asyncio.run(played(path, start))
        except RecordingError:
            return
    assert late.all_trades == whole.all_trades
    assert folded(late) == folded(whole)
    assert late.log.count("epoch") == 1


@needs_recordings
def test_a_replay_of_the_real_day_from_a_quarter_to_ten_ends_as_the_whole() -> None:
    """Through gzip, with every figure."""
    _, whole = play_once(DAY)
    feed = ReplayFeed(DAY, 0, loop=False, start=dt.time(9, 45))
    late = FakeMarket()
    asyncio.run(feed.run(late))
    assert folded(late) == folded(whole)


def test_what_comes_before_the_start_comes_at_once_and_then_the_pace_begins(
    tmp_path: Path,
) -> None:
    """In every pass; the market's clock begins at the start and waits there for it."""

    async def scenario() -> None:
        time = VirtualTime()
        feed = ReplayFeed(ladder(tmp_path / "r", 10), 1, start=4.5, time=time)
        market = FakeMarket()
        shown: list[int] = []
        market.on_trades = lambda _: shown.append(feed.clock.now_ms() - START_MS)
        task = asyncio.create_task(feed.run(market))
        for done in (0, 10):
            await time.advance(0)
            assert len(market.all_trades) == done + 5
            await time.advance(0.499)
            assert len(market.all_trades) == done + 5
            await time.advance(0.002)
            assert len(market.all_trades) == done + 6
            await time.advance(4)
            assert len(market.all_trades) == done + 10
            await time.advance(1 - 0.001)
        task.cancel()
        assert shown[:6] == [4_500, 5_000, 6_000, 7_000, 8_000, 9_000]
        assert shown[6:12] == shown[:6]
        assert market.log.count("past") == 3

    asyncio.run(scenario())


def test_what_comes_before_the_start_lets_the_server_live(tmp_path: Path) -> None:
    """It comes in slices, with iterations of the event loop between them."""

    async def scenario() -> int:
        feed = ReplayFeed(ladder(tmp_path / "r", 5_000), 1, loop=False, start=4_999.0)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        turns = 0
        while len(market.all_trades) < 5_000:
            await asyncio.sleep(0)
            turns += 1
        await task
        return turns

    assert asyncio.run(scenario()) > 5


def test_equal_frames_that_the_recording_has_far_apart_are_two(tmp_path: Path) -> None:
    """However fast it is played; a repetition within seconds of the recording is one."""
    text = frame("IBM", 1)
    path = write(tmp_path / "r", [line(at, text) for at in (0, 5_000, 60_000)])
    _, market = play_once(path)
    assert len(market.all_trades) == 2


def test_a_recordings_odd_name_is_shown_printable() -> None:
    """It is the source's, on every surface."""
    assert source_of(Path("a/b.jsonl.gz")) == "replay:b.jsonl.gz"
    assert source_of(Path("x\x1b[2J\x9b\u202e\n.gz")) == r"replay:x\x1b[2J\x9b\u202e\n.gz"
