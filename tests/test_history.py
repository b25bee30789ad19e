"""Bars in memory and on disk as one."""

import asyncio
import gc
import itertools
import random
import tracemalloc
from collections.abc import Sequence
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app import upstream
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.timeframes import MINUTE_MS, span_at
from photon_app.errors import StorageError
from photon_app.feed.simulated.past import Hours, SimulatedPast
from photon_app.history.followed import KEPT, KEPT_AFTER_MS
from photon_app.history.history import History
from photon_app.history.invented import Invented
from photon_app.market.bars import DROPPED_KEPT, Bars
from photon_app.market.merge import merge_all
from photon_app.model import TIMEFRAMES, Bar, Recollection, Timeframe, Trade
from photon_app.settings import Settings
from photon_app.storage import address
from photon_app.storage.store import Store
from tests.fakes.book import as_counted
from tests.fakes.time import HandClock

NOW_MS = 1_795_194_000_000
"""2026-11-20 12:00 in New York."""
CALENDAR = Calendar()
SYMBOL = "A"
FOREVER_MS = 1 << 62


def minute(time_ms: int, price: float = 10, **more: object) -> Bar:
    """A bar of one trade."""
    bar = Bar(
        time_ms=time_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1,
        turnover=price,
        count=1,
        open_ms=time_ms,
        close_ms=time_ms,
    )
    return msgspec.structs.replace(bar, **more)


class Counted(SimulatedPast):
    """A past that counts the days whose bars are requested."""

    def __init__(self, past: SimulatedPast) -> None:
        self.__dict__.update(past.__dict__)
        self.days = self.bars = 0

    def day(self, symbol: str, day: Hours) -> Bar:
        """A whole trading day."""
        self.days += 1
        return super().day(symbol, day)

    def of_day(
        self,
        symbol: str,
        timeframe: Timeframe,
        day: Hours,
        from_ms: int = 0,
        to_ms: int = FOREVER_MS,
    ) -> list[Bar]:
        """Its bars."""
        bars = super().of_day(symbol, timeframe, day, from_ms, to_ms)
        self.days += 1
        self.bars += len(bars)
        return bars


class Disk:
    """A store that is a list; broken when the test says so."""

    def __init__(self, rows: Sequence[Bar] = ()) -> None:
        self.rows = list(rows)
        self.broken = False
        self.put_by: list[tuple[str, list[Bar]]] = []
        self.replaced = 0

    async def opened(self, _: float) -> bool:
        """Whether it is not broken."""
        return not self.broken

    def put(self, symbol: str, bars: Sequence[Bar]) -> None:
        """Keep what was put."""
        self.put_by.append((symbol, list(bars)))

    def replace(self) -> None:
        """Forget it."""
        self.replaced += 1

    async def read(
        self, _: str, from_ms: int, to_ms: int, limit: int, *, newest: bool
    ) -> list[Bar]:
        """Rows of a window."""
        self._check()
        rows = [row for row in self.rows if from_ms <= row.time_ms < to_ms]
        return rows[-limit:] if newest else rows[:limit]

    async def read_spans(self, _: str, spans: Sequence[tuple[int, int]]) -> list[Bar]:
        """Merged rows."""
        self._check()
        return [
            bar
            for start, end in spans
            if (bar := merge_all([r for r in self.rows if start <= r.time_ms < end], start))
        ]

    async def newest_ms(self, _: str) -> int | None:
        """The newest row's time."""
        self._check()
        return self.rows[-1].time_ms if self.rows else None

    async def first_ms(self, _: str) -> int | None:
        """The oldest row's time."""
        self._check()
        return self.rows[0].time_ms if self.rows else None

    def _check(self) -> None:
        if self.broken:
            raise StorageError("broken")


def history(disk: Disk | None, memory: Bars) -> History:
    """A history at noon."""
    return History(memory, disk, calendars=CALENDAR, clock=HandClock(NOW_MS))  # type: ignore[arg-type]


def memory_of(rows: Sequence[Bar]) -> Bars:
    """Memory that has these minutes."""
    bars = Bars(clock=HandClock(NOW_MS), follow_all=True, gaps=False)
    for row in rows:
        bars.fold(as_counted(Trade(SYMBOL, row.open, 1, row.time_ms)))
    return bars


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(TIMEFRAMES[1:]),
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(0, 9_000)),
    st.one_of(st.none(), st.integers(-9_000, 100)),
)
def test_memory_and_disk_answer_as_one_list_would(
    seed: int, timeframe: Timeframe, limit: int, back: int | None, ahead: int | None
) -> None:
    """Wherever the seam between them is, whichever way is asked."""
    rng = random.Random(seed)
    at = NOW_MS - 8_000 * MINUTE_MS
    rows = []
    while at <= NOW_MS:
        rows.append(minute(at, rng.randrange(90, 110)))
        at += MINUTE_MS * rng.choice((1, 1, 2, 7, 60, 600, 1_500))
    seam = rng.randrange(len(rows) + 1)
    asked = history(Disk(rows[:seam]), memory_of(rows[seam:]))
    from_ms = None if back is None else NOW_MS - back * MINUTE_MS
    to_ms = None if ahead is None else NOW_MS + ahead * MINUTE_MS
    past = asyncio.run(asked.bars(SYMBOL, timeframe, from_ms=from_ms, to_ms=to_ms, limit=limit))
    assert list(past.bars) == expected(rows, timeframe, from_ms, to_ms, limit)
    assert past.since_ms == rows[0].time_ms
    assert not past.partial


def expected(
    rows: Sequence[Bar], timeframe: Timeframe, from_ms: int | None, to_ms: int | None, limit: int
) -> list[Bar]:
    """The answer, from one list."""
    spans: dict[int, list[Bar]] = {}
    for row in rows:
        start, _ = span_at(timeframe, SYMBOL, row.time_ms, CALENDAR)
        spans.setdefault(start, []).append(row)
    top_ms = min(FOREVER_MS if to_ms is None else to_ms, NOW_MS + MINUTE_MS)
    bars = [
        bar
        for start, those in spans.items()
        if (from_ms or 0) <= start < top_ms and (bar := merge_all(those, start))
    ]
    return bars[-limit:] if from_ms is None else bars[:limit]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("ahead_ms", [90_000, 40 * MINUTE_MS, 26 * 60 * MINUTE_MS])
def test_a_tape_that_is_ahead_of_the_clock_loses_no_bar(
    timeframe: Timeframe, ahead_ms: int
) -> None:
    """This machine's clock is slow then, and what is traded now is in the answer all the same."""
    memory = memory_of([minute(NOW_MS + ahead_ms - back * MINUTE_MS, 10 + back) for back in (1, 0)])
    past = asyncio.run(history(None, memory).bars(SYMBOL, timeframe, limit=2))
    assert past.bars[-1].close == 10
    assert sum(bar.count for bar in past.bars) == 2


def test_a_disk_that_does_not_answer_leaves_what_memory_has() -> None:
    """And the answer says so."""
    disk = Disk([minute(NOW_MS - 5 * MINUTE_MS)])
    disk.broken = True
    past = asyncio.run(history(disk, memory_of([minute(NOW_MS)])).bars(SYMBOL, "1m"))
    assert [bar.time_ms for bar in past.bars] == [NOW_MS]
    assert past.partial


def test_without_a_disk_memory_is_all_there_is() -> None:
    """Nothing is missing then."""
    past = asyncio.run(history(None, memory_of([minute(NOW_MS)])).bars(SYMBOL, "1h"))
    assert (len(past.bars), past.partial) == (1, False)


def test_seconds_are_of_memory_only() -> None:
    """With their own begin."""
    past = asyncio.run(
        history(Disk([minute(0)]), memory_of([minute(NOW_MS + 7)])).bars(SYMBOL, "1s")
    )
    assert (past.since_ms, [bar.time_ms for bar in past.bars]) == (NOW_MS, [NOW_MS])


def followed(*, gaps: bool = False) -> Bars:
    """Memory of a symbol that is followed."""
    bars = Bars(clock=HandClock(NOW_MS), gaps=gaps)
    bars.flowing(flows=True)
    return bars


async def one_round(asked: History) -> None:
    """One round of its task."""
    asked.flush()
    await asked._fill()


def test_what_changed_is_passed_to_disk_each_round() -> None:
    """And nothing else."""
    disk = Disk()
    asked = history(disk, followed())
    asked.follow(SYMBOL)
    asked.memory.fold(as_counted(Trade(SYMBOL, 10, 1, NOW_MS)))
    asyncio.run(one_round(asked))
    asyncio.run(one_round(asked))
    assert [(symbol, len(bars)) for symbol, bars in disk.put_by] == [(SYMBOL, 1)]


def test_a_symbol_that_is_followed_gets_its_day_from_disk() -> None:
    """So that the running day is whole; yesterday stays where it is."""
    day = [minute(NOW_MS - minutes * MINUTE_MS) for minutes in (800, 60, 1)]
    asked = history(Disk(day), followed())
    asked.follow(SYMBOL)
    asyncio.run(one_round(asked))
    assert asked.memory.first_ms(SYMBOL) == day[1].time_ms
    _, bar = asked.memory.bar_at(SYMBOL, "1d", NOW_MS, CALENDAR)
    assert bar is not None
    assert bar.count == 2


def test_the_day_is_looked_up_when_the_disk_is_there_again() -> None:
    """A database that is late costs nothing."""
    disk = Disk([minute(NOW_MS - MINUTE_MS)])
    disk.broken = True
    asked = history(disk, followed())
    asked.follow(SYMBOL)
    asyncio.run(one_round(asked))
    disk.broken = False
    asyncio.run(one_round(asked))
    assert asked.memory.first_ms(SYMBOL) == NOW_MS - MINUTE_MS


class Recalled:
    """Takes in days that were looked up."""

    def __init__(self) -> None:
        self.days: list[Recollection] = []

    def recall(self, symbol: str, what: Recollection) -> None:
        """Keep one."""
        assert symbol
        self.days.append(what)


def simulated(
    disk: Disk | None, memory: Bars, past: SimulatedPast, **more: Any
) -> tuple[History, list[Recollection]]:
    """A simulator's history at noon, and the days that it gave the book."""
    book = Recalled()
    asked = History(
        memory,
        disk,  # type: ignore[arg-type]
        calendars=CALENDAR,
        clock=HandClock(NOW_MS),
        past=past,
        book=book,
        **more,
    )
    return asked, book.days


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("price", [None, 55.5])
def test_what_a_feed_makes_up_stands_where_nothing_is_known(
    known: bool, late: bool, price: float | None
) -> None:
    """Whether it began before or after disk was asked: in answers, in the running bars of memory
    and in the day that the book gets; never in the place of a minute that an earlier process left.
    """
    past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
    begun = NOW_MS, price or past.price(SYMBOL, NOW_MS)
    disk = Disk([minute(NOW_MS - 3 * MINUTE_MS, 5000)] if known else [])
    asked, days = simulated(disk, followed(), past, always={SYMBOL})
    asked.follow(SYMBOL)
    if late:
        asyncio.run(one_round(asked))
    asked.began(SYMBOL, *begun)
    asyncio.run(one_round(asked))
    made = {bar.time_ms: bar for bar in past.running(SYMBOL, *begun)}
    minutes = [bar for bar in made.values() if not (known and bar.time_ms == disk.rows[0].time_ms)]
    minutes = sorted([*minutes, *disk.rows], key=lambda bar: bar.time_ms)
    answer = asyncio.run(asked.bars(SYMBOL, "1m", from_ms=min(made)))
    assert list(answer.bars) == minutes[:500]
    assert answer.bars[-1].close == begun[1] or known
    for timeframe in ("5m", "15m", "1h", "1d"):
        span, bar = asked.memory.bar_at(SYMBOL, timeframe, NOW_MS, CALENDAR)
        whole = merge_all([m for m in minutes if span.start_ms <= m.time_ms], span.start_ms)
        assert figures(bar) == figures(whole), timeframe
        answer = asyncio.run(asked.bars(SYMBOL, timeframe, from_ms=span.start_ms))
        assert [figures(bar) for bar in answer.bars] == [figures(whole)][: whole is not None]
    assert figures(days[-1].day) == figures(merge_all(minutes, 0))
    assert disk.put_by == []


def figures(bar: Bar | None) -> tuple[float, ...] | None:
    """All but what it turned over, which is about the same."""
    if bar is None:
        return None
    return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count


@pytest.mark.parametrize("timeframe", ["1d", "1h", "15m", "5m", "1m"])
@pytest.mark.parametrize("symbol", ["AAPL", "BINANCE:BTCUSDT"])
def test_a_price_waits_for_a_few_made_up_days_and_not_for_years_of_them(
    symbol: str, timeframe: Timeframe
) -> None:
    """However many bars are requested; what is invented bit by bit is the same."""
    past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
    made = Counted(past)
    bars_now = Bars(clock=HandClock(NOW_MS), gaps=False)
    asked = History(bars_now, None, calendars=CALENDAR, clock=HandClock(NOW_MS), past=made)

    async def ask() -> tuple[list[Bar], int, int]:
        most_days, most_bars, loop = 0, 0, asyncio.get_running_loop()
        query = loop.create_task(asked.bars(symbol, timeframe, limit=10_000))
        while not query.done():
            made.days = made.bars = 0
            await asyncio.sleep(0)
            most_days, most_bars = max(most_days, made.days), max(most_bars, made.bars)
        return list((await query).bars), most_days, most_bars

    bars, most_days, most_bars = asyncio.run(ask())
    assert 0 < most_days <= 20
    assert most_bars <= 200
    whole = Invented(past, symbol, NOW_MS, CALENDAR).bars(timeframe, 0, NOW_MS)
    assert bars == [bar for _, bar in whole][-10_000:]


def test_the_last_minutes_of_an_earlier_process_are_incomplete() -> None:
    """All that ran when it ended: their rest was not seen."""
    asked = history(Disk(), followed(gaps=True))
    for symbol in ("A", "B"):
        asked.follow(symbol)
    asked.resume(
        {
            "A": [minute(NOW_MS - 2 * MINUTE_MS), minute(NOW_MS - MINUTE_MS)],
            "B": [minute(NOW_MS - 2 * MINUTE_MS)],
        }
    )
    flags = {s: [b.incomplete for b in asked.memory.between(s, "1m")] for s in ("A", "B")}
    assert flags == {"A": [False, True], "B": [False]}


def test_bars_of_days_to_come_are_no_past() -> None:
    """They were stored by a clock that was wrong; what is of now goes on all the same."""
    future = [minute(NOW_MS + days * 86_400_000, 7) for days in (2, 5_000)]
    disk = Disk([minute(NOW_MS - MINUTE_MS), *future])
    asked = history(disk, followed())
    asked.follow(SYMBOL)
    asked.resume({SYMBOL: future})
    asyncio.run(one_round(asked))
    for timeframe in TIMEFRAMES[1:]:
        bars = asyncio.run(asked.bars(SYMBOL, timeframe)).bars
        assert [bar.close for bar in bars] == [10]


def test_a_replay_that_begins_anew_replaces_its_bars() -> None:
    """In memory and on disk."""
    disk = Disk()
    asked = history(disk, memory_of([minute(NOW_MS)]))
    asked.begin_pass()
    assert (asked.memory.between(SYMBOL, "1m"), disk.replaced) == ([], 1)


def test_a_stored_minute_is_never_written_over_by_a_part_of_it() -> None:
    """A first trade may be of a minute that disk has: both are one bar, and what is stored after it
    stays in sight.
    """
    rows = [minute(NOW_MS - n * MINUTE_MS, 50) for n in (12, 10, 8)]
    disk = Disk(rows)
    asked = history(disk, followed())
    asked.follow(SYMBOL)
    asked.memory.fold(as_counted(Trade(SYMBOL, 40, 1, NOW_MS - 10 * MINUTE_MS + 5)))
    asyncio.run(one_round(asked))
    assert disk.put_by == []  # before disk was asked nothing is put
    asyncio.run(one_round(asked))
    [(_, put)] = disk.put_by
    assert {(bar.time_ms, bar.count, bar.low) for bar in put} >= {(rows[1].time_ms, 2, 40)}
    past = asyncio.run(asked.bars(SYMBOL, "1m"))
    assert [(bar.time_ms, bar.count) for bar in past.bars] == [
        (rows[0].time_ms, 1),
        (rows[1].time_ms, 2),
        (rows[2].time_ms, 1),
    ]


def test_a_new_file_is_given_what_memory_has() -> None:
    """When the old one was damaged."""
    disk = Disk()
    asked = history(disk, memory_of([minute(NOW_MS - MINUTE_MS), minute(NOW_MS)]))
    asked.restore()
    asyncio.run(asked._restore())
    assert [(symbol, len(bars)) for symbol, bars in disk.put_by] == [(SYMBOL, 2)]


def test_a_minute_goes_on_over_a_restart(tmp_path: Path) -> None:
    """With a real database: what the first process had and what the second saw are one bar."""

    async def process(price: float) -> list[Bar]:
        memory = followed(gaps=True)
        store = Store(
            address.parse(f"sqlite:///{tmp_path}/photon.db"),
            source="finnhub",
            since_ms=NOW_MS - 6 * MINUTE_MS,
            retention_days=0,
        )
        asked = History(memory, store, calendars=CALENDAR, clock=HandClock(NOW_MS))
        asked.follow(SYMBOL)
        store.start(asked)
        assert await store.opened(5)
        memory.fold(as_counted(Trade(SYMBOL, price, 2, NOW_MS + int(price))))
        await asked.finish()
        await store.aclose()
        return memory.between(SYMBOL, "1m")

    asyncio.run(process(10))
    [bar] = asyncio.run(process(20))
    assert (bar.open, bar.close, bar.volume, bar.count, bar.incomplete) == (10, 20, 4, 2, True)


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_prices_leave_between_the_answers_of_many(timeframe: Timeframe) -> None:
    """Each is assembled in an iteration of the event loop of its own."""
    rows = [minute(NOW_MS - number * MINUTE_MS) for number in range(30, 0, -1)]
    asked = history(None, memory_of(rows))
    iterations = 0

    async def count() -> None:
        nonlocal iterations
        while True:
            iterations += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        counting = asyncio.create_task(count())
        answers = await asyncio.gather(*(asked.bars(SYMBOL, timeframe) for _ in range(20)))
        counting.cancel()
        assert all(answer.bars for answer in answers)
        assert iterations >= 20

    asyncio.run(scenario())


async def play(asked: History, clock: HandClock, symbols: Sequence[str], minutes: int) -> None:
    """Let minutes pass; in each, every symbol is traded once and a round is done."""
    for _ in range(minutes):
        clock.at_ms += MINUTE_MS
        for symbol in symbols:
            asked.memory.fold(as_counted(Trade(symbol, 10, 1, clock.at_ms)))
        await one_round(asked)


def test_disk_grows_by_a_stated_rate_whatever_names_are_invented() -> None:
    """Of a simulator it has the symbols that are wanted for ever, and of the others those that were
    followed the longest; and of these all minutes since they were.
    """
    clock = HandClock(NOW_MS)
    past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
    memory = Bars(clock=clock, gaps=False)
    disk = Disk()
    asked = History(
        memory,
        disk,  # type: ignore[arg-type]
        calendars=CALENDAR,
        clock=clock,
        past=past,
        always={SYMBOL},
    )
    strangers = [f"S{number}" for number in range(KEPT + 30)]
    for symbol in (SYMBOL, *strangers):
        asked.follow(symbol)
    minutes = KEPT_AFTER_MS // MINUTE_MS

    async def scenario() -> None:
        await one_round(asked)
        await play(asked, clock, [SYMBOL, *strangers], minutes - 1)
        assert {symbol for symbol, _ in disk.put_by} == {SYMBOL}
        await play(asked, clock, [SYMBOL, *strangers], 2)
        assert {symbol for symbol, _ in disk.put_by} == {SYMBOL, *strangers[:KEPT]}
        rows = {bar.time_ms for symbol, bars in disk.put_by for bar in bars if symbol == "S0"}
        assert len(rows) > minutes
        disk.put_by.clear()
        for number in range(1_000):  # new ones all the time, none for long
            asked.follow(f"N{number}")
            memory.fold(as_counted(Trade(f"N{number}", 10, 1, clock.at_ms)))
            asked.drop(f"N{number}")
            asked.flush()
        asked.drop("S3")
        await play(asked, clock, [SYMBOL], 2)
        names = {symbol for symbol, bars in disk.put_by if bars}
        assert names <= {SYMBOL, *strangers[: KEPT + 1]}
        assert strangers[KEPT] in names  # the next in the row

    asyncio.run(scenario())


def test_what_was_let_go_is_forgotten_when_there_is_too_much_of_it() -> None:
    """The longest gone first; those that are followed stay, and so does what disk is to have."""
    disk = Disk()
    asked = history(disk, followed())
    asked.follow(SYMBOL)
    asyncio.run(one_round(asked))
    for number in range(3 * DROPPED_KEPT):
        asked.follow(f"N{number}")
        asked.memory.fold(as_counted(Trade(f"N{number}", 10, 1, NOW_MS)))
        asked.drop(f"N{number}")
        assert len(asked.memory.symbols) <= 1 + DROPPED_KEPT
    newest = [f"N{number}" for number in range(2 * DROPPED_KEPT, 3 * DROPPED_KEPT)]
    assert asked.memory.symbols == [SYMBOL, *newest]
    assert {symbol for symbol, bars in disk.put_by if bars} >= {f"N{n}" for n in range(100)}


def test_what_a_name_leaves_in_memory_is_small_and_goes_with_it() -> None:
    """A simulator's past is not kept: of ever new names that are looked at, and dropped."""
    past = upstream.simulated_past(Settings(sim_seed=1), CALENDAR)
    asked, days = simulated(None, followed(), past)
    invented = itertools.count()
    names: list[str] = []

    async def look() -> None:
        names[:] = [f"N{next(invented)}" for _ in range(150)]
        for symbol in names:
            asked.follow(symbol)
            asked.began(symbol, NOW_MS, past.price(symbol, NOW_MS))
            await asked.bars(symbol, "1m", limit=10)
            days.clear()
        await one_round(asked)

    def crowd() -> tuple[int, int]:
        asyncio.run(look())
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
        for symbol in names:
            asked.drop(symbol)
        for known in [one for one in gc.get_objects() if isinstance(one, _lru_cache_wrapper)]:
            if known.__module__.startswith(("photon_app.market", "photon_app.upstream")):
                known.cache_clear()  # markets of the last 4,096 names
        gc.collect()
        return grown, tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        for _ in range(3):  # what is remembered within bounds is full then
            _, first = crowd()
        crowds = [crowd() for _ in range(3)]
    finally:
        tracemalloc.stop()
    before = [first, *(left for _, left in crowds[:-1])]
    took = [grown - start for start, (grown, _) in zip(before, crowds, strict=True)]
    stayed = [left - start for start, (_, left) in zip(before, crowds, strict=True)]
    assert min(took) < 150 * 12_000
    assert min(stayed) < min(took) / 4, "what stays of names stays of every crowd"
