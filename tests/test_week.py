"""Weeks of market time, played in seconds and judged by a computation that knows nothing of Photon.

A real server with a database and with clients on real sockets lives through a week and a day of a
seeded tape (``tests.week.prints``), on a clock that leaps (``tests.week.stage``), and is restarted
on the way. What it says of sessions, days and bars must be what ``tests.week.judge`` makes of the
same prints.
"""

import asyncio
import bisect
import contextlib
import gc
import json
import math
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from photon_app import clock
from photon_app.calendar.loader import CalendarLoader
from photon_app.market.sales import MOST_OF_SYMBOL
from photon_app.model import Trade
from photon_app.settings import Secret
from tests.fakes.dates import OPEN_MS, new_york
from tests.fakes.loader import shipped
from tests.fakes.server import HandFeed, Serving, serving
from tests.fakes.time import settle
from tests.fakes.waiting import wait_until
from tests.reference.prints import Print
from tests.week.hours import DAY, HOUR, STOCK, SYMBOLS, TIMEFRAMES, Hours
from tests.week.judge import GRACE_MS, Judge
from tests.week.prints import tape
from tests.week.received import fold, prices_of, sessions_of
from tests.week.stage import LeapingLoop, Received, client

SOON_MS = 1_100
"""Milliseconds from a change until every client was notified."""
HEAD_MS = 19_000
"""How long before its market's time a process is started."""
PAUSE_MS = 120_000
"""How long no process runs during a restart."""
MOST_BLOCKS = 1_000
"""A day adds some 200, for its bars and dates; its trades, of which there are some 600, none."""
Figures = dict[str, Any]


class Line(HandFeed):
    """A live line whose prints come when they come."""

    source = "finnhub"

    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__("live")
        self.clock = loop  # type: ignore[assignment]

    def give(self, prints: list[Print]) -> None:
        """One frame."""
        assert self.market is not None
        self.market.trades(
            [Trade(p.symbol, p.price, p.volume, p.time_ms, p.conditions) for p in prints]
        )


class Process:
    """One process's life, as its clients saw it."""

    def __init__(self, line: Line, server: Serving, http: httpx.AsyncClient) -> None:
        self.line = line
        self.server = server
        self.http = http
        self.every = self.calm = self.bars = Received()

    async def quotes(self) -> dict[str, Figures]:
        """What it says of every symbol."""
        answer = await self.http.get("/api/quotes", params={"symbols": ",".join(SYMBOLS)})
        return {quote["symbol"]: quote for quote in answer.json()["quotes"]}

    async def history(self, symbol: str, timeframe: str) -> list[Figures]:
        """All its bars."""
        params = {"symbol": symbol, "timeframe": timeframe, "limit": "10000"}
        answer = (await self.http.get("/api/bars", params=params)).json()
        assert "partial" not in answer
        return list(answer["bars"])


@contextlib.asynccontextmanager
async def process(loop: LeapingLoop, path: Path) -> AsyncIterator[Process]:
    """A Photon with its clients; time flows while it starts and stops."""
    line = Line(loop)
    started = serving(
        line,
        loader=CalendarLoader(shipped),
        feed="finnhub",
        finnhub_api_key=Secret("x"),
        symbols=SYMBOLS,
        database_url=Secret(f"sqlite:///{path}"),
    )
    async with (
        started as server,
        httpx.AsyncClient(base_url=server.http) as http,
        contextlib.AsyncExitStack() as stack,
    ):
        await wait_until(lambda: not server.live.history.unread)
        fill_time_and_sales(server, loop.now_ms())
        made = Process(line, server, http)
        wanted = {"symbols": SYMBOLS}
        bars = [{**wanted, "channel": "bars", "timeframe": each} for each in TIMEFRAMES]
        asked: list[list[dict[str, Any]]] = [[wanted], [{**wanted, "interval_ms": 1000}], bars]
        made.every, made.calm, made.bars = [
            await stack.enter_async_context(client(loop, server.ws, *each)) for each in asked
        ]
        await settle()
        with loop.standing():
            yield made


class Week:
    """A week and a day with a restart: its prints, its judge, and what was seen.

    Args:
        loop: whose time is moved.
        path: of the database.
        begin: when the market's week begins.
        stop: when the first process ends; another goes on ``PAUSE_MS`` later.
    """

    def __init__(self, loop: LeapingLoop, path: Path, begin: int, stop: int) -> None:
        self.loop = loop
        self.path = path
        self.spans = ((begin, stop), (stop + PAUSE_MS, begin + 8 * DAY))
        self.hours = Hours(begin)
        self.judge = Judge(self.hours)
        busy = (stop - 9_000, stop + PAUSE_MS + 15_000)
        self.prints = tape(self.hours, begin, begin + 8 * DAY, seed=begin, busy=busy)
        self.blocks: list[list[int]] = []
        """How many blocks of memory each process used at the end of each of its days."""

    async def play(self) -> None:
        """Both processes from start to end."""
        for begin, end in self.spans:
            with self.loop.standing():
                await self.loop.leap(begin - HEAD_MS)
            async with process(self.loop, self.path) as running:
                started = self.loop.now_ms()
                assert started < begin, "this machine is too slow"
                self.judge.start(started)
                seen = await self._live(running, begin, end)
                await self._judge(running, started, seen)
                self.judge.stop(self.loop.now_ms())

    async def _live(self, running: Process, begin: int, end: int) -> Received:
        """One process's market; what was right at each look at which nothing was on its way."""
        self.blocks.append([])
        prints = [p for p in self.prints if begin <= p.arrives_ms < end]
        looks, seen = self._looks(begin, end), Received()
        frames: dict[int, list[Print]] = {}
        for each in prints:
            frames.setdefault(each.arrives_ms, []).append(each)
        given = begin
        for moment in self._moments(begin, end, prints, looks):
            await self.loop.leap(moment)
            if moment in frames:
                given = moment
                running.line.give(frames[moment])
                for each in frames[moment]:
                    self.judge.hear(each)
            if moment in looks and self.judge.has_prices:
                must = {symbol: self.judge.quote(symbol) for symbol in SYMBOLS}
                agree(await running.quotes(), must, moment)
                if given + SOON_MS <= moment:
                    more = {s: figures | self.judge.when(s, moment) for s, figures in must.items()}
                    seen.write(moment, json.dumps(more))
            if (moment - begin) % DAY == 0:
                self.blocks[-1].append(await weighed(running))
        return seen

    def _looks(self, begin: int, end: int) -> set[int]:
        """When the day's figures are looked at."""
        turns = {t for s in SYMBOLS for t in self.hours.turns(s, begin, end)}
        around = {t + away for t in turns for away in (-500, SOON_MS, 70_000, 200_000)}
        return {t for t in {*range(begin + HOUR, end, HOUR), *around} if begin < t <= end}

    def _moments(self, begin: int, end: int, prints: list[Print], looks: set[int]) -> list[int]:
        """When anything happens: the rest of the time nothing does, and is leapt over."""
        moments = set(looks)
        for each in prints:
            moments |= {each.arrives_ms, each.arrives_ms + SOON_MS}
        for symbol, timeframe in ((s, t) for s in SYMBOLS for t in TIMEFRAMES):
            spans = {
                self.hours.span(symbol, timeframe, p.time_ms) for p in prints if p.symbol == symbol
            }
            moments |= {span[1] + GRACE_MS + 300 for span in spans}
        for at, _ in self.hours.changes(begin, end):
            moments |= {at, at + SOON_MS}
        return sorted(m for m in moments if begin <= m < end)

    async def _judge(self, running: Process, started: int, seen: Received) -> None:
        now = self.loop.now_ms()
        self._judge_counts((await running.http.get("/health")).json())
        for received in (running.every, running.calm, running.bars):
            self._judge_sessions(received, started, now)
        made = [(p.symbol, p.price, p.volume, p.time_ms) for p in self.judge.applied]
        assert prices_of(running.every) == made
        for received in (running.every, running.calm):
            follow(received, seen)
        bars = self.judge.all_bars()
        for symbol in SYMBOLS:
            for timeframe in TIMEFRAMES:
                known = await running.history(symbol, timeframe)
                must = self.judge.bars(symbol, timeframe)
                assert len(known) == len(must), (symbol, timeframe)
                for bar, right in zip(known, must, strict=True):
                    same_bar(bar, right, (symbol, timeframe))
                    assert bar.get("final", True) == (right["end"] + GRACE_MS <= now)
        self._judge_received_bars(running.bars, bars, started, now)

    def _judge_counts(self, health: Figures) -> None:
        counts = health["trades"] | {"too_late": health["bars"]["too_late"]}
        names = ("late", "volume_only", "outside", "earlier_day", "applied", "too_late")
        assert {n: counts[n] for n in names} == {n: self.judge.counts[n] for n in names}
        assert health["status"] == "healthy" and health["storage"]["dropped"] == 0
        assert all(self.judge.counts[name] for name in names), "the tape is too well behaved"
        refused = ("bad_price", "bad_volume", "bad_time", "unwanted", "outliers", "repeats")
        assert not any(counts[name] for name in refused)

    def _judge_sessions(self, received: Received, started: int, now: int) -> None:
        """One ``status`` for each session that began, at once, and no other."""
        (_, first), *rest = sessions_of(received)
        assert first == self.hours.session(STOCK, started)
        changes = self.hours.changes(started, now)
        assert [session for _, session in rest] == [session for _, session in changes]
        for (at, _), (begins, _) in zip(rest, changes, strict=True):
            assert begins <= at <= begins + SOON_MS

    def _judge_received_bars(
        self,
        received: Received,
        bars: Mapping[tuple[str, str, int], Figures],
        started: int,
        now: int,
    ) -> None:
        """Each bar was final once, in time, and its last message was right."""
        finals: Counter[object] = Counter()
        greeted: set[object] = set()
        newest: dict[object, Figures] = {}
        for at, message in received:
            if message["type"] != "bar":
                continue
            key = (message["symbol"], message["timeframe"], message["bar"]["time"])
            if at < started + HEAD_MS:
                greeted.add(key[:2])
            due = bars[key]["end"] + GRACE_MS
            assert message["final"] == (at >= due), (key, at)
            if bars[key]["end"] <= started:
                continue  # the newest, which a new subscriber is sent
            newest[key] = message["bar"]
            if message["final"] and not message.get("corrected"):
                finals[key] += 1
                assert at <= due + 300 or bars[key]["born"] > due, (key, at)
        resumed = len(self.judge.cuts) > 1
        assert greeted == ({key[:2] for key in bars} if resumed else set())
        for key, bar in bars.items():
            due = bar["end"] + GRACE_MS
            if started < bar["end"]:
                same_bar(newest[key], bar, key)
                if bar["born"] <= due:  # else it is a correction from the first
                    assert finals[key] == (due <= now), key


def fill_time_and_sales(server: Serving, now_ms: int) -> None:
    """Bring the prints that are kept of each symbol to their bound, which a quiet tape reaches only
    after days. From then on each print that is kept replaces one.
    """
    sales = server.live.sales
    for symbol in SYMBOLS:
        sales.heard([Trade(symbol, 1, 1, now_ms) for _ in range(MOST_OF_SYMBOL)], ())
        assert len(sales.newest(symbol, MOST_OF_SYMBOL)) == MOST_OF_SYMBOL


async def weighed(running: Process) -> int:
    """How many blocks of memory are in use when nothing waits for the disk."""
    store = running.server.live.store
    assert store is not None
    store._wake.set()
    while store.health.pending:
        await asyncio.sleep(0)
    gc.collect()
    return sys.getallocatedblocks()


def agree(quotes: dict[str, Figures], must: dict[str, Figures], moment: int) -> None:
    """Every figure is what it must be."""
    for symbol, figures in must.items():
        assert not wrong(quotes[symbol], figures), (symbol, moment)


def follow(received: Received, seen: Received) -> None:
    """A client that folds its messages has the right figures at every check."""
    held: dict[str, Figures] = {}
    messages = [(at, m) for at, m in received if m["type"] == "price_update"]
    times = [at for at, _ in messages]
    place = 0
    for moment, must in seen:
        behind = bisect.bisect_right(times, moment)
        for _, message in messages[place:behind]:
            fold(held, message)
        place = behind
        expected = {s: {n: v for n, v in must[s].items() if n in held[s]} for s in must}
        agree(held, expected, moment)  # session and day are not known before the first snapshot


def same_bar(bar: Figures, must: Figures, what: object) -> None:
    """A bar as it was sent equals the judge's."""
    known = {"incomplete": False, **bar}
    known.pop("final", None)
    assert not wrong(known, {name: must[name] for name in known}), what


def wrong(known: Figures, must: Figures) -> dict[str, tuple[Any, Any]]:
    """Each figure that is another than it must be, with both."""
    return {
        name: (known[name], right)
        for name, right in must.items()
        if known[name] != right
        and not (
            isinstance(known[name], float)
            and isinstance(right, float)
            and math.isclose(known[name], right, rel_tol=1e-10)
        )
    }


WEEKS = {
    "the clocks go back": (new_york(2026, 10, 29, 10, 0, 25), new_york(2026, 11, 2, 11, 20, 34)),
    "Thanksgiving": (new_york(2026, 11, 24, 10, 0, 25), new_york(2026, 11, 29, 13)),
    "the clocks go forward": (new_york(2027, 3, 11, 10, 0, 25), new_york(2027, 3, 16, 18, 1, 30)),
}
"""When each begins, and when the process is restarted: in a session, on a Sunday, in an evening."""


@pytest.mark.parametrize("name", WEEKS)
def test_a_week_is_what_its_prints_make_it(name: str, tmp_path: Path) -> None:
    """Sessions, days, previous closes and bars, across a restart; and memory is flat."""
    begin, stop = WEEKS[name]
    loop = LeapingLoop(begin - DAY)
    week = Week(loop, tmp_path / "photon.db", begin, stop)
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(week.play())
    finally:
        clock.start_at(OPEN_MS)
    for blocks in week.blocks:
        grown = max(later - min(blocks[:at]) for at, later in enumerate(blocks[1:], 1))
        assert grown < MOST_BLOCKS, blocks
