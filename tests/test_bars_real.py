"""Bars of real trades, whichever way they go: folded, replayed, imported, from Finnhub, and after
a kill.

What is expected is what the reference makes of the file, with nothing of Photon's.
"""

import asyncio
import csv
import datetime as dt
import functools
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import day_of
from photon_app.commands import exporter, importer
from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub_wire import Trades
from photon_app.feed.intake import Intake
from photon_app.feed.recording.file import Recording
from photon_app.feed.recording.replay import ReplayFeed
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.model import TIMEFRAMES, Bar
from photon_app.settings import Secret, Settings
from photon_app.storage import address
from photon_app.storage.archive import open_archive
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.process import Process, photon
from tests.fakes.server import Serving, serving
from tests.fakes.time import HandClock, VirtualTime
from tests.fakes.waiting import wait_for, wait_until
from tests.feed.recordings import DAY, PREMARKET, needs_recordings, prints_of
from tests.reference import bars as reference
from tests.reference.book import fold
from tests.storage.server import Postgres

pytestmark = needs_recordings

both_files = pytest.mark.parametrize("path", [DAY, PREMARKET], ids=["day", "premarket"])


class Figures(NamedTuple):
    """What the trades of one span come to."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    turnover: float


Computed = dict[str, dict[int, Figures]]
"""By symbol, and by where the span begins."""


@functools.cache
def computed(path: Path, timeframe: str = "1m") -> Computed:
    """The bars of a recording."""
    result: Computed = {}
    for symbol, known in fold(prints_of(path)).items():
        assert not known.series.too_late
        result[symbol] = {
            bar.time_ms: Figures(
                *(bar.open, bar.high, bar.low, bar.close),
                float(bar.volume),
                bar.trades,
                float(bar.turnover),
            )
            for bar in reference.bars(known.series.prints, timeframe)
        }
    return result


def of_bars(bars: Iterable[Bar]) -> dict[int, Figures]:
    """Photon's own bars."""
    return {
        bar.time_ms: Figures(
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count, bar.turnover
        )
        for bar in bars
    }


def of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[int, Figures]:
    """Bars as programs get them, in JSON or in CSV."""
    return {
        int(row["time"]): Figures(
            float(row["open"]),
            float(row["high"]),
            float(row["low"]),
            float(row["close"]),
            float(row["volume"]),
            int(row["count"]),
            float(row["vwap"]) * float(row["volume"]),
        )
        for row in rows
    }


def check(found: dict[int, Figures], expected: dict[int, Figures]) -> None:
    """The same spans in order, the same figures; of the turnover what rounding leaves."""
    assert list(found) == sorted(expected)
    assert {at: f[:-1] for at, f in found.items()} == {at: f[:-1] for at, f in expected.items()}
    for at, figures in found.items():
        assert figures.turnover == pytest.approx(expected[at].turnover, rel=1e-9)


def stored(url: str, source: str) -> dict[str, dict[int, Figures]]:
    """What a database has of a source."""
    with open_archive(address.parse(url)) as archive:
        symbols = [series.symbol for series in archive.series() if series.source == source]
        return {symbol: of_bars(archive.rows(source, symbol)) for symbol in symbols}


def check_stored(url: str, source: str, expected: Computed) -> None:
    found = stored(url, source)
    assert set(found) == set(expected)
    for symbol, bars in expected.items():
        check(found[symbol], bars)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of either kind; the server is not started for SQLite's sake."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'photon.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
    server.empty()
    return server.url


@both_files
def test_folded_bars_are_those_of_the_file(path: Path) -> None:
    """Of every timeframe."""
    bars = Bars(clock=HandClock(0), follow_all=True, gaps=False)
    book, intake = Book(day_of, admit_all=True), Intake("test", VirtualTime())
    for line in Recording(path).lines():
        event = intake.read(line.frame, line.at / 1000)
        if isinstance(event, Trades):
            bars.fold(book.apply(event.batch).counted)
    for symbol, expected in computed(path, "1s").items():
        check(of_bars(bars.between(symbol, "1s")), expected)
    for symbol, expected in computed(path).items():
        check(of_bars(bars.between(symbol, "1m")), expected)
    for timeframe in ("5m", "15m", "1h", "1d"):
        for symbol, expected in computed(path, timeframe).items():
            spans = [bars.bar_at(symbol, timeframe, at, Calendar())[1] for at in sorted(expected)]
            check(of_bars(bar for bar in spans if bar), expected)


async def ask(server: Serving, path: Path) -> None:
    """Every timeframe of every symbol over ``GET /api/bars``."""
    async with httpx.AsyncClient(base_url=server.http) as client:
        for timeframe in TIMEFRAMES:
            for symbol, expected in computed(path, timeframe).items():
                asked = {"symbol": symbol, "timeframe": timeframe, "limit": "10000"}
                answer = (await client.get("/api/bars", params=asked)).json()
                check(of_rows(answer["bars"]), expected)


async def until_folded(server: Serving, path: Path) -> None:
    folded = server.live.history.memory.counters
    await wait_until(lambda: folded.folded >= len(prints_of(path)), 60)


@both_files
def test_replayed_bars_are_those_of_the_file(path: Path, tmp_path: Path) -> None:
    """Over HTTP while it is served, and on disk when it is over."""
    url = f"sqlite:///{tmp_path / 'photon.db'}"

    async def scenario() -> None:
        feed = ReplayFeed(path, speed=0, loop=False)
        settings: dict[str, Any] = {"symbols": None, "feed": "replay", "database_url": Secret(url)}
        async with serving(feed, **settings) as server:
            await until_folded(server, path)
            await ask(server, path)

    asyncio.run(scenario())
    check_stored(url, f"replay:{path.name}", computed(path))


@both_files
def test_bars_of_finnhubs_connection_are_those_of_the_file(path: Path, tmp_path: Path) -> None:
    """Served by a loopback Finnhub, through the real feed."""
    url = f"sqlite:///{tmp_path / 'photon.db'}"
    symbols = tuple(sorted(computed(path)))

    async def scenario() -> None:
        async with FakeFinnhub() as fake:
            feed = FinnhubFeed(fake.url, Secret("a-key"))
            settings: dict[str, Any] = {"feed": "finnhub", "database_url": Secret(url)}
            async with serving(feed, symbols=symbols, retention_days=0, **settings) as server:
                await fake.play(path, symbols)
                await until_folded(server, path)
                await ask(server, path)

    asyncio.run(scenario())
    check_stored(url, "finnhub", computed(path))


@both_files
def test_imported_and_exported_bars_are_those_of_the_file(path: Path, url: str) -> None:
    """Of every timeframe that is stored."""
    settings = Settings(database_url=Secret(url))
    assert importer.run(settings, path, out=io.StringIO()) == 0
    check_stored(url, f"replay:{path.name}", computed(path))
    for timeframe in exporter.STORED:
        for symbol, expected in computed(path, timeframe).items():
            out = io.BytesIO()
            exporter.run(
                settings,
                symbol=symbol,
                timeframe=timeframe,
                source=f"replay:{path.name}",
                out=out,
                days=lambda _from, _to: Calendar(),
            )
            rows = csv.DictReader(io.StringIO(out.getvalue().decode()))
            check(of_rows(rows), expected)


def newest_ms(process: Process) -> int:
    """The start of the newest minute that a server has."""
    asked = {"symbol": "BAC", "limit": "1"}
    bars = httpx.get(f"{process.http}/api/bars", params=asked).json()["bars"]
    return int(bars[0]["time"]) if bars else 0


def test_a_killed_replay_that_is_resumed_has_the_bars_of_the_file(url: str) -> None:
    """Real processes: killed in the middle, begun again where it was. What the kill leaves behind
    is right but for the minutes that ran.
    """
    expected, source = computed(DAY), f"replay:{DAY.name}"
    times = sorted(expected["BAC"])
    settings: dict[str, object] = {
        "PHOTON_FEED": f"replay:{DAY}",
        "PHOTON_REPLAY_LOOP": 0,
        "DATABASE_URL": url,
    }
    with photon(PHOTON_REPLAY_SPEED=200, **settings) as process:
        wait_for(lambda: newest_ms(process) >= times[20])
        process.kill()
    left = stored(url, source)
    reached_ms = max(at for bars in left.values() for at in bars)
    assert times[5] < reached_ms < times[-5]
    for symbol, bars in left.items():
        for at, figures in bars.items():
            assert figures[:-1] == expected[symbol][at][:-1] or at == max(bars)
    start = dt.datetime.fromtimestamp(reached_ms / 1000, dt.UTC).isoformat()
    with photon(PHOTON_REPLAY_SPEED=0, PHOTON_REPLAY_START=start, **settings) as process:
        wait_for(lambda: newest_ms(process) >= times[-1])
        assert process.stop() == 0
    check_stored(url, source, expected)
