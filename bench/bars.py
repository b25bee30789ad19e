"""Bars: folding, what keeping them costs, how long a chart takes with years stored.

``python -m bench.bars [--rows N] [--seconds N] [--database URL]`` prints every figure. Each is
measured on what a process runs (``market.bars``, ``storage.store``, ``history``, and over a socket
``GET /api/bars``). Rows are made up; they go into a folder that is removed afterwards, or into the
database named.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator

import httpx
import msgspec

from bench.findings import Finding
from photon_app.calendar.calendar import Calendar
from photon_app.calendar.timeframes import MINUTE_MS
from photon_app.clock import SYSTEM
from photon_app.feed.protocol import WallClock
from photon_app.history.history import History
from photon_app.market.bars import Bars
from photon_app.market.conditions import REGULAR
from photon_app.model import TIMEFRAMES, Bar, Trade
from photon_app.settings import Secret
from photon_app.storage import address
from photon_app.storage.archive import Archive
from photon_app.storage.store import Store
from tests.fakes.server import HandFeed, serving
from tests.fakes.time import HandClock

SYMBOLS = tuple(f"S{n}" for n in range(50))
DAY_MS = 86_400_000
MINUTES_A_DAY = 400
"""The minutes of a US stock's regular session, and a few more."""
YEAR = 250 * MINUTES_A_DAY
NOW_MS = time.time_ns() // 60_000_000_000 * 60_000
FOLDED = 400_000


def main() -> None:
    """Run the measurements and print the findings."""
    parser = argparse.ArgumentParser(prog="python -m bench.bars", description=__doc__)
    parser.add_argument("--rows", type=int, default=len(SYMBOLS) * YEAR, help="stored minutes")
    parser.add_argument("--seconds", type=float, default=20, help="of keeping a busy feed")
    parser.add_argument("--database", help="another than a new SQLite file")
    given = parser.parse_args()
    for finding in run(given.rows, given.seconds, given.database):
        print(finding, flush=True)


def run(rows: int, seconds: float, database: str | None = None) -> Iterator[Finding]:
    """Run every measurement."""
    speed = folding(per_second=20)
    yield Finding(
        "bars: seconds and minutes of 50 symbols of 20 trades/s each, one core, best of 5",
        f"{speed:,.0f} trades/s",
        "≥ 500,000",
        speed >= 500_000,
    )
    with tempfile.TemporaryDirectory() as folder:
        url = database or f"sqlite:///{folder}/photon.db"
        share, loop_share = asyncio.run(keeping(url, seconds))
        yield Finding(
            "keeping the bars of 50 symbols at 1,000 trades/s, beside folding them",
            f"{share:.1%} of a core, {loop_share:.2%} on the event loop",
            "≤ 5 %",
            share <= 0.05,
        )
    with tempfile.TemporaryDirectory() as folder:
        url = database or f"sqlite:///{folder}/photon.db"
        yield from stored(url, rows)


def folding(per_second: int, rounds: int = 5) -> float:
    """Trades folded per second, the best of some rounds."""
    rng = random.Random(1)
    time_ms, tape = NOW_MS, []
    for number in range(FOLDED):
        time_ms = NOW_MS + number * 1000 // (per_second * len(SYMBOLS))
        price = round(100 + rng.random(), 2)
        tape.append(Trade(rng.choice(SYMBOLS), price, rng.randrange(1, 500), time_ms, ("1",)))

    def once() -> float:
        bars = Bars(clock=HandClock(time_ms), follow_all=True)
        begun = time.perf_counter()
        for trade in tape:
            bars.fold(((trade, REGULAR, 0),))
        return FOLDED / (time.perf_counter() - begun)

    return max(once() for _ in range(rounds))


async def keeping(url: str, seconds: float) -> tuple[float, float]:
    """The share of a core that keeping bars takes: in all (of the event loop's thread only its
    part), and on the event loop alone.
    """
    memory = Bars(clock=WallClock())
    store = _store(url)
    history = History(memory, store, calendars=Calendar(), clock=WallClock(SYSTEM))
    memory.flowing(flows=True)
    for symbol in SYMBOLS:
        history.follow(symbol)
    store.start(history)
    await store.opened(10)
    rng = random.Random(1)
    spent_s = loop_s = 0.0
    process_s, thread_s = time.process_time(), time.thread_time()
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        for _ in range(1000):
            memory.fold(
                ((Trade(rng.choice(SYMBOLS), 100 + rng.random(), 10, _now_ms()), REGULAR, 0),)
            )
        before = time.thread_time()
        history.flush()
        loop_s += time.thread_time() - before
        await asyncio.sleep(max(0.0, 1.0 - (time.perf_counter() - begun - passed)))
    spent_s = (time.process_time() - process_s) - (time.thread_time() - thread_s) + loop_s
    await store.aclose()
    return spent_s / seconds, loop_s / seconds


def stored(url: str, rows: int) -> Iterator[Finding]:
    """With years of bars on disk: the file's size, charts, and the API."""
    begun = time.perf_counter()
    each = rows // len(SYMBOLS)
    with Archive(address.parse(url)) as archive:
        for number, symbol in enumerate(SYMBOLS):
            archive.write("simulated", symbol, _minutes(symbol, each, number))
    filled_s = time.perf_counter() - begun
    yield Finding(
        f"{rows:,} minutes of 50 symbols written by import's way",
        f"{rows / filled_s:,.0f} rows/s",
        "",
    )
    path = address.parse(url).path
    if path is not None:
        size = path.stat().st_size
        yield Finding(
            "the file that holds them", f"{size / 1e6:,.0f} MB, {size / rows:.0f} bytes a bar", ""
        )
    yield from asyncio.run(_charts(url, each // MINUTES_A_DAY))


async def _charts(url: str, days: int) -> list[Finding]:
    found = []
    async with (
        serving(HandFeed(), symbols=SYMBOLS, database_url=Secret(url)) as server,
        httpx.AsyncClient(base_url=server.http, timeout=60) as client,
    ):
        await asyncio.sleep(1.5)
        for timeframe in TIMEFRAMES[1:]:
            times = [
                await _timed(client, symbol=symbol, timeframe=timeframe, limit=500)
                for symbol in SYMBOLS
            ]
            worst = max(times)
            found.append(
                Finding(
                    f"500 bars of {timeframe}, each of 50 symbols once, over HTTP",
                    f"p50 {statistics.median(times):.1f} ms, worst {worst:.1f} ms",
                    "≤ 200 ms",
                    worst <= 200,
                )
            )
        rng = random.Random(2)
        times = sorted(
            [
                await _timed(
                    client,
                    symbol=rng.choice(SYMBOLS),
                    timeframe="1m",
                    limit=1000,
                    to=NOW_MS - rng.randrange(max(1, days - 5)) * DAY_MS,
                )
                for _ in range(500)
            ]
        )
        p99 = times[int(len(times) * 0.99)]
        found.append(
            Finding(
                "1,000 bars of 1m of any symbol and time, 500 questions over HTTP",
                f"p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms",
                "p99 ≤ 50 ms",
                p99 <= 50,
            )
        )
    return found


async def _timed(client: httpx.AsyncClient, **query: object) -> float:
    """The time of one answer, in ms."""
    begun = time.perf_counter()
    answer = await client.get("/api/bars", params={k: str(v) for k, v in query.items()})
    assert answer.status_code == 200
    assert len(msgspec.json.decode(answer.content)["bars"]) > 0
    return (time.perf_counter() - begun) * 1000


def _minutes(symbol: str, count: int, seed: int) -> Iterator[Bar]:
    """Invented minutes of working days up to now, the oldest first."""
    del symbol
    rng = random.Random(seed)
    days = -(-count // MINUTES_A_DAY)
    price = 100.0
    left = count
    for day in range(days, 0, -1):
        begin_ms = NOW_MS - day * DAY_MS * 7 // 5 // MINUTE_MS * MINUTE_MS
        for at in range(min(MINUTES_A_DAY, left)):
            before, price = price, round(price * (1 + rng.gauss(0, 0.0005)), 2)
            volume = float(rng.randrange(1, 50_000))
            time_ms = begin_ms + at * MINUTE_MS
            yield Bar(
                time_ms=time_ms,
                open=before,
                high=max(before, price),
                low=min(before, price),
                close=price,
                volume=volume,
                turnover=volume * price,
                count=rng.randrange(1, 400),
                open_ms=time_ms + rng.randrange(2_000),
                close_ms=time_ms + 58_000 + rng.randrange(2_000),
            )
        left -= MINUTES_A_DAY


def _store(url: str) -> Store:
    return Store(address.parse(url), source="simulated", since_ms=NOW_MS, retention_days=0)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
