"""Laws of the lines of many symbols; ``tests/gateway/test_sparklines.py`` has them at a port."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from photon_app import upstream
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import market_day
from photon_app.feed.simulated.past import SimulatedPast
from photon_app.history import lines
from photon_app.history.followed import Begun, FollowedSymbols, Phase
from photon_app.history.lines import Line, Lines
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.market.bars import Bars
from photon_app.market.merge import BarBuilder
from photon_app.model import Bar, Trade
from photon_app.settings import Settings
from tests.fakes.book import as_counted
from tests.fakes.dates import OPEN_MS, new_york, utc
from tests.fakes.time import HandClock

MINUTE_MS = 60_000
CALENDAR = Calendar()


class Disk:
    """A store with a year of prices between 5 and 500; it counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def newest_days(self, symbols: Sequence[str], *_: Any) -> dict[str, Any]:
        """Nothing that is not in memory."""
        self.asked += [f"days of {len(symbols)}"]
        return {}

    async def extremes(self, symbol: str, *_: Any, **__: Any) -> tuple[float, float]:
        """The range of a year."""
        self.asked.append(symbol)
        return 5.0, 500.0


def lines_in(
    memory: Bars,
    followed: FollowedSymbols,
    clock: HandClock,
    *,
    disk: Disk | None = None,
    past: SimulatedPast | None = None,
) -> Lines:
    """Lines from these bars."""
    store: Any = disk
    return Lines(
        memory,
        store,
        calendars=CALENDAR,
        clock=clock,
        past=past,
        followed=followed,
        assembling=OneAtATime(),
        inventing=OneAtATime(),
    )


@pytest.mark.parametrize(
    ("symbol", "begun", "after"),
    [
        ("BINANCE:BTCUSDT", utc(2026, 12, 31, 15), utc(2027, 1, 1, 0, 0, 30)),
        ("BINANCE:BTCUSDT", utc(2026, 12, 31, 23, 59, 10), utc(2027, 1, 1)),
        ("AAPL", new_york(2026, 11, 25, 11), new_york(2026, 11, 27, 4, 0, 1)),
        ("AAPL", new_york(2026, 11, 25, 11), new_york(2026, 11, 26, 12)),
        ("7203.T", utc(2026, 11, 25, 3), utc(2026, 11, 26, 0, 0, 5)),
    ],
)
def test_a_day_that_is_over_is_whole_until_the_next_one_is_traded(
    symbol: str, begun: int, after: int
) -> None:
    """With what a simulator invented before its first trade of that day."""

    async def scenario() -> None:
        past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
        assert past is not None
        clock = HandClock(begun)
        memory, followed = Bars(clock=clock), FollowedSymbols(limited=False)
        memory.follow(symbol)
        followed.follow(symbol, begun, Phase.READ)
        one = followed.get(symbol)
        assert one is not None
        one.begun = Begun(begun, past.price(symbol, begun))
        memory.fold(as_counted(Trade(symbol, one.begun.price, 1, begun)))
        known = lines_in(memory, followed, clock, past=past)
        (before,), _ = await known.of([symbol])
        assert len(before.points) > 10
        clock.at_ms = after
        (line,), _ = await known.of([symbol])
        assert line == before

    asyncio.run(scenario())


def test_a_day_that_is_traded_from_its_begin_is_not_invented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Inventing takes long; the day on which the trades of a symbol began is over."""

    async def scenario() -> None:
        known = lines_of(Disk(), "BINANCE:BTCUSDT")
        one = known._followed.get("BINANCE:BTCUSDT")
        assert one is not None
        one.begun = Begun(OPEN_MS - 86_400_000, 1)
        known._past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
        monkeypatch.delattr(lines, "Invented")
        (line,), _ = await known.of(["BINANCE:BTCUSDT"])
        assert line.points

    asyncio.run(scenario())


def lines_of(disk: Disk, *symbols: str) -> Lines:
    """Symbols that are followed, each with a trade of a minute ago."""
    clock = HandClock(OPEN_MS)
    memory = Bars(clock=clock)
    followed = FollowedSymbols(limited=False)
    for symbol in symbols:
        memory.follow(symbol)
        followed.follow(symbol, OPEN_MS, Phase.READ)
        memory.fold(as_counted(Trade(symbol, 10, 1, OPEN_MS - MINUTE_MS)))
    return lines_in(memory, followed, clock, disk=disk)


def test_what_is_in_memory_asks_nobody() -> None:
    """But for the range of the year: once for each symbol and day."""

    async def scenario() -> None:
        disk = Disk()
        known = lines_of(disk, "A", "B")
        for _ in range(3):
            found, partial = await known.of(["A", "B"])
            assert not partial
            assert [(one.low_52w, one.high_52w) for one in found] == [(5, 500)] * 2
        assert disk.asked == ["A", "B"]

    asyncio.run(scenario())


def test_all_others_are_one_question() -> None:
    """However many there are; what has no bar has no range."""

    async def scenario() -> None:
        disk = Disk()
        found, _ = await lines_of(disk, "A").of(["X", "A", "Y", "Z"])
        assert disk.asked == ["days of 3", "A"]
        assert [found[at] for at in (0, 2, 3)] == [Line()] * 3

    asyncio.run(scenario())


def test_an_answer_waits_only_so_long_for_years(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have none, until a later answer looks them up."""

    async def scenario() -> None:
        disk = Disk()
        known = lines_of(disk, "A")
        monkeypatch.setattr(lines, "YEARS_S", 0.0)
        (line,), _ = await known.of(["A"])
        assert (line.high_52w, disk.asked) == (None, [])
        monkeypatch.setattr(lines, "YEARS_S", 60.0)
        (line,), _ = await known.of(["A"])
        assert line.high_52w == 500
        monkeypatch.setattr(lines, "YEARS_S", 0.0)
        (line,), _ = await known.of(["A"])
        assert line.high_52w == 500

    asyncio.run(scenario())


def test_only_so_many_years_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was used longest ago is looked up again."""
    monkeypatch.setattr(lines, "YEARS_KEPT", 2)

    async def scenario() -> None:
        disk = Disk()
        known = lines_of(disk, "A", "B", "C")
        for symbol in "ABACB":
            await known.of([symbol])
        assert disk.asked == [*"ABCB"]

    asyncio.run(scenario())


def bar(time_ms: int, price: float) -> Bar:
    """A bar of one trade."""
    return Bar(
        time_ms=time_ms, open=price, high=price, low=price, close=price, volume=1,
        turnover=price, count=1, open_ms=time_ms, close_ms=time_ms,
    )  # fmt: skip


def test_a_line_is_of_the_sessions_of_its_day() -> None:
    """What was traded at night is left out, unless there is nothing else; no point is outside."""
    day = market_day("AAPL", OPEN_MS, CALENDAR)
    night, noon = bar(day.done_ms + 5 * MINUTE_MS, 2), bar(OPEN_MS, 1)
    before = bar(day.start_ms - 5 * MINUTE_MS, 3)
    line = lines._drawn("AAPL", day, [before, noon, night], 9)
    assert line.points == [(OPEN_MS, 1)]
    assert (line.from_ms, line.to_ms) == (day.start_ms, day.done_ms)
    assert (line.day_ms, line.prev_close, line.vwap) == (day.date_ms, 9, 1)
    alone = lines._drawn("AAPL", day, [night], None)
    assert alone.points == [(night.time_ms, 2)]
    assert alone.to_ms == night.time_ms + lines.STEP_MS
    assert lines._drawn("AAPL", day, [before], 9) == Line()


def test_the_five_minutes_in_which_trades_began_have_what_was_invented_before() -> None:
    """What was invented for minutes that were traded gives way."""
    begin = OPEN_MS - OPEN_MS % lines.STEP_MS

    def bar(at_ms: int, price: float, *, invented: bool) -> Bar:
        builder = BarBuilder(begin)
        builder.begin(begin, price, 1, begin + at_ms)
        return msgspec.structs.replace(builder.bar(), invented=invented)

    made, traded = bar(0, 8, invented=True), bar(MINUTE_MS, 10, invented=False)
    (whole,) = lines._filled([traded], [made])
    assert (whole.open, whole.close, whole.low, whole.volume) == (8, 10, 8, 2)
    late = bar(2 * MINUTE_MS, 8, invented=True)
    assert lines._filled([traded], [late]) == [traded]
    assert lines._filled([], [made]) == [made]
