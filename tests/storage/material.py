"""Bars to store, and the means to watch a store at work."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from photon_app.calendar.timeframes import NEVER_MS
from photon_app.model import Bar
from photon_app.storage import statements
from photon_app.storage.address import Address
from photon_app.storage.database import Database, bars_of
from photon_app.storage.health import Pace
from photon_app.storage.store import Store
from tests.fakes.waiting import wait_until

MINUTE_MS = 60_000
NOON_MS = 1_795_194_000_000
QUICK = Pace(
    write_s=0.02, retry_s=0.02, retry_most_s=0.1, lock_s=0.05, read_s=5, close_s=5, sweep_s=3600
)
PATIENCE_S = 60.0
SOURCE = "simulated"
sources = (f"source {number}" for number in itertools.count())
"""A source for each example of a property, so that one database serves all."""


def bar(minute: int = 0, close: float = 10.5, **other: Any) -> Bar:
    """One minute, counted from noon."""
    time_ms = NOON_MS + minute * MINUTE_MS
    fields: dict[str, Any] = {
        "open": 10.25,
        "high": max(11.0, close),
        "low": min(9.75, close),
        "volume": 300.0,
        "turnover": 3100.5,
        "count": 3,
        "open_ms": time_ms + 17,
        "close_ms": time_ms + 59_998,
    }
    return Bar(time_ms=time_ms, close=close, **(fields | other))


def bars(minutes: Iterable[int], close: float = 10.5) -> list[Bar]:
    """One of each minute."""
    return [bar(minute, close) for minute in minutes]


eighths = st.integers(0, 80_000_000).map(lambda n: n / 8)
"""Figures whose sums are exact, in whatever order they are added."""


@st.composite
def minutes(draw: st.DrawFn) -> list[Bar]:
    """Some minutes of some hours, in order, each as the fold could have made it."""
    return [
        Bar(
            time_ms=NOON_MS + minute * MINUTE_MS,
            open=draw(eighths),
            high=draw(eighths),
            low=draw(eighths),
            close=draw(eighths),
            volume=draw(eighths),
            turnover=draw(eighths),
            count=draw(st.integers(0, 5000)),
            open_ms=NOON_MS + minute * MINUTE_MS + draw(st.integers(0, 30_000)),
            close_ms=NOON_MS + minute * MINUTE_MS + draw(st.integers(30_000, 59_999)),
            firm=draw(st.booleans()),
            incomplete=draw(st.booleans()),
        )
        for minute in sorted(draw(st.sets(st.integers(0, 200), max_size=30)))
    ]


def write(database: Database, source: str, symbol: str, written: Sequence[Bar]) -> None:
    """Put bars into a database."""
    database.write(source, [(symbol, one) for one in written], replaces=False)


def stored(database: Database, source: str = SOURCE, symbol: str = "A") -> list[Bar]:
    """Everything of a series."""
    statement = statements.window(source, symbol, -NEVER_MS, NEVER_MS, None, newest=False)
    return database.read(lambda c: bars_of(c.execute(statement)))


def on_disk(address: Address, source: str = SOURCE, symbol: str = "A") -> list[Bar]:
    """What a program finds that opens the database afterwards."""
    with contextlib.closing(Database(address)) as database:
        database.open()
        return stored(database, source, symbol)


class Owner:
    """The calls that the owner of a store got."""

    def __init__(self) -> None:
        self.resumed: list[Mapping[str, Sequence[Bar]]] = []
        self.resets = 0
        self.at_reset: Callable[[], None] = lambda: None

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """The database was opened."""
        self.resumed.append(stored)

    def restore(self) -> None:
        """Another one has replaced it."""
        self.resets += 1
        self.at_reset()


@contextlib.asynccontextmanager
async def storing(
    address: Address, owner: Owner | None = None, *, opened: bool = True, **other: Any
) -> AsyncIterator[Store]:
    """A store at work."""
    given: dict[str, Any] = {
        "source": SOURCE,
        "since_ms": 0,
        "retention_days": 0,
        "pace": QUICK,
    }
    store = Store(address, **(given | other))
    store.start(owner or Owner())
    try:
        if opened:
            assert await store.opened(PATIENCE_S), store.health
        yield store
    finally:
        await store.aclose()


async def until(true: Callable[[], object]) -> None:
    """Wait for what a thread or a server does."""
    await wait_until(true, PATIENCE_S)


async def written(store: Store) -> None:
    """Wait until nothing is pending."""
    await until(lambda: not store.health.pending and store.health.state == "ok")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run it, for a bounded time."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario

    asyncio.run(bounded())
