"""What every feed does with a frame."""

import asyncio
import logging

import pytest

from photon_app.feed.finnhub_wire import encode_trades
from photon_app.feed.intake import SLICE_TRADES, Intake
from photon_app.model import Trade
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


def test_secrets_are_scrubbed_from_what_upstream_says(caplog: pytest.LogCaptureFixture) -> None:
    """Finnhub could repeat the key in an error."""
    intake = Intake("test", VirtualTime(), lambda text: text.replace("SECRET", "***"))
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
