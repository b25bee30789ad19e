"""What every feed does with a frame."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub_wire import Malformed, Ping, Trades, encode_trades
from photon_app.feed.intake import KEPT_CHARS, KEPT_FRAMES, REPEAT_S, SLICE_TRADES, Intake
from photon_app.model import Trade
from photon_app.settings import Secret
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime

TRADE = Trade(symbol="AAPL", price=1.0, volume=1, time_ms=START_MS)


def test_every_kind_of_frame_is_counted() -> None:
    """And stamped with the wall clock."""
    time = VirtualTime()
    intake = Intake("test", time)
    assert intake.last_message_ms is None
    for frame in ['{"type":"ping"}', '{"type":"news"}', '{"type":"error","msg":"x"}', "rubbish"]:
        intake.read(frame)
    intake.read('{"type":"trade","data":[1,2]}')
    counters = intake.counters
    assert (counters.frames, counters.unknown, counters.errors) == (5, 1, 1)
    assert (counters.malformed, counters.skipped) == (1, 2)
    assert intake.last_message_ms == START_MS


def test_a_flood_of_rubbish_is_one_log_line_in_ten_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next line tells how many there were."""
    time = VirtualTime()
    intake = Intake("test", time)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            intake.read("rubbish")
        assert len(caplog.records) == 1
        time.jump(10)
        intake.read("rubbish")
    assert len(caplog.records) == 2
    assert "999 more" in caplog.records[1].getMessage()
    assert intake.counters.warnings_dropped == 999
    assert intake.counters.malformed == 1001


def test_a_trade_dropped_for_its_name_is_counted_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In one printable line in ten seconds."""
    intake = Intake("test", VirtualTime())
    with caplog.at_level(logging.WARNING):
        for n in range(1, 51):
            intake.read(f'{{"type":"trade","data":[{{"s":"<x\\u001b>","p":{n},"t":1,"v":1}}]}}')
    assert (intake.counters.misnamed, intake.counters.skipped) == (50, 50)
    (line,) = [record.getMessage() for record in caplog.records]
    assert r"<x\x1b>" in line
    assert line.isprintable()


def test_secrets_are_scrubbed_from_what_upstream_says(caplog: pytest.LogCaptureFixture) -> None:
    """Finnhub could repeat the key in an error."""
    intake = Intake("test", VirtualTime(), Secret("SECRET"))
    with caplog.at_level(logging.WARNING):
        intake.read('{"type":"error","msg":"bad key SECRET"}')
    assert "bad key ***" in caplog.text


def test_a_very_long_frame_is_applied_in_slices_that_let_the_loop_run() -> None:
    """5,000 trades: three slices, and something else of the loop runs between them."""

    async def scenario() -> None:
        intake = Intake("test", VirtualTime())
        market = FakeMarket()
        turns: list[int] = []

        async def other() -> None:
            while True:
                turns.append(len(market.batches))
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        event = intake.read(encode_trades([TRADE] * (2 * SLICE_TRADES + 1000)))
        await intake.deliver(event, market)
        task.cancel()
        assert [len(batch) for batch in market.batches] == [SLICE_TRADES, SLICE_TRADES, 1000]
        assert {1, 2} <= set(turns)

    asyncio.run(scenario())


def test_a_frame_without_trades_is_not_delivered() -> None:
    """The market hears of trades only."""

    async def scenario() -> None:
        intake = Intake("test", VirtualTime())
        market = FakeMarket()
        for frame in ['{"type":"ping"}', '{"type":"trade","data":[]}', "rubbish"]:
            await intake.deliver(intake.read(frame), market)
        assert market.log == []

    asyncio.run(scenario())


def frame_of(n: int) -> str:
    return encode_trades([Trade(symbol="AAPL", price=1.0 + n, volume=1, time_ms=START_MS + n)])


def trades_in(intake: Intake, frame: str | bytes) -> int:
    event = intake.read(frame)
    assert isinstance(event, Trades)
    return len(event.batch)


def test_a_trade_frame_that_comes_again_is_dropped_whole_and_counted() -> None:
    """Finnhub was seen to deliver a frame three times; it is a sign of life all the same."""
    time = VirtualTime()
    intake = Intake("test", time)
    assert [trades_in(intake, frame_of(0)) for _ in range(3)] == [1, 0, 0]
    time.jump(9)
    assert trades_in(intake, frame_of(0)) == 0
    assert (intake.counters.frames, intake.counters.duplicates) == (4, 3)
    assert intake.last_message_ms == START_MS + 9_000


def test_equal_trades_are_kept_within_a_frame_and_in_frames_that_differ() -> None:
    """They are common and real. One more space makes a frame another one."""
    intake = Intake("test", VirtualTime())
    frames = [encode_trades([TRADE]), encode_trades([TRADE, TRADE]), encode_trades([TRADE]) + " "]
    assert [trades_in(intake, frame) for frame in frames] == [1, 2, 1]
    assert intake.counters.duplicates == 0


def test_a_frame_is_looked_for_among_the_newest_only() -> None:
    """Eight of them, and for ten seconds: then it is a frame like any other."""
    time = VirtualTime()
    intake = Intake("test", time)
    for n in range(KEPT_FRAMES + 1):
        assert trades_in(intake, frame_of(n)) == 1
    assert trades_in(intake, frame_of(0)) == 1
    assert trades_in(intake, frame_of(KEPT_FRAMES)) == 0
    time.jump(REPEAT_S + 0.001)
    assert trades_in(intake, frame_of(KEPT_FRAMES)) == 1
    assert trades_in(intake, frame_of(KEPT_FRAMES)) == 0


def test_a_frame_that_counts_again_is_the_newest_again() -> None:
    """It is pushed out as such."""
    time = VirtualTime()
    intake = Intake("test", time)
    assert [trades_in(intake, frame_of(n)) for n in range(KEPT_FRAMES)] == [1] * KEPT_FRAMES
    time.jump(REPEAT_S + 0.001)
    assert trades_in(intake, frame_of(0)) == 1
    assert trades_in(intake, frame_of(KEPT_FRAMES)) == 1
    assert trades_in(intake, frame_of(0)) == 0


def test_pings_and_rubbish_are_never_repetitions() -> None:
    """Nor do they push trade frames out."""
    intake = Intake("test", VirtualTime())
    assert trades_in(intake, frame_of(0)) == 1
    for _ in range(2 * KEPT_FRAMES):
        assert intake.read('{"type":"ping"}') == Ping()
        assert isinstance(intake.read("rubbish"), Malformed)
    assert intake.counters.duplicates == 0
    assert trades_in(intake, frame_of(0)) == 0


def test_a_recordings_next_pass_repeats_nothing() -> None:
    """It begins with the frames that the last one ended with, when it is short."""
    intake = Intake("test", VirtualTime())
    assert trades_in(intake, frame_of(0)) == 1
    intake.forget()
    assert trades_in(intake, frame_of(0)) == 1


@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_a_very_long_frame_is_known_by_its_digest(encode: Callable[[str], str | bytes]) -> None:
    """Eight of them would be a lot to keep."""
    intake = Intake("test", VirtualTime())
    frame = encode(encode_trades([TRADE] * 5_000))
    assert len(frame) > KEPT_CHARS
    assert [trades_in(intake, frame) for _ in range(3)] == [5_000, 0, 0]
    assert intake.read("\ud800" * (KEPT_CHARS + 1)) is not None


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=60))
def test_a_frame_counts_unless_it_is_among_the_last_that_did(
    deliveries: list[tuple[int, int]],
) -> None:
    """Against the whole history: which frame, and how many seconds after the one before."""
    time = VirtualTime()
    intake = Intake("test", time)
    history: list[tuple[int, float]] = []
    for n, pause_s in deliveries:
        time.jump(pause_s)
        now_s = time.monotonic()
        known = [at_s for m, at_s in history[-KEPT_FRAMES:] if m == n]
        repeated = bool(known) and now_s - known[-1] <= REPEAT_S
        assert trades_in(intake, frame_of(n)) == (not repeated)
        if not repeated:
            history = [(m, at_s) for m, at_s in history if m != n]
            history.append((n, now_s))
