"""What one database keeps: the same laws on SQLite and on PostgreSQL."""

import contextlib
import datetime as dt
import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import Span, day_of
from photon_app.calendar.timeframes import span_at
from photon_app.market.merge import by_span, merge_all
from photon_app.model import Bar, Timeframe
from photon_app.storage import migrations, statements, versions
from photon_app.storage.address import Address
from photon_app.storage.database import Database, bars_of, listed
from photon_app.storage.faults import UnusableError
from photon_app.storage.tables import metadata
from tests.storage.material import (
    MINUTE_MS,
    NOON_MS,
    bar,
    bars,
    minutes,
    sources,
    stored,
    write,
)
from tests.storage.test_tables import any_bars

DAY = 1440
"""Minutes."""
few = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def spans_of(database: Database, source: str, spans: Sequence[tuple[int, int]]) -> list[Bar]:
    """Merged in the database."""
    statement = statements.merged(database.dialect)
    given = statements.spans_of(database.dialect, source, "A", spans)
    return database.read(lambda c: bars_of(c.execute(statement, given)))


# Rows


@few
@given(some=st.lists(any_bars(), unique_by=lambda one: one.time_ms, max_size=8))
def test_every_bar_comes_back_exactly(database: Database, some: list[Bar]) -> None:
    """To the last bit."""
    source = next(sources)
    write(database, source, "A", some)
    assert stored(database, source) == sorted(some, key=lambda one: one.time_ms)


def test_a_minute_is_replaced_as_a_whole(database: Database) -> None:
    """Of several in one batch, the last one counts."""
    write(database, "s", "A", [bar(0), bar(1)])
    write(database, "s", "A", [bar(1, 12.0, incomplete=True), bar(1, 13.0, firm=False)])
    assert stored(database, "s") == [bar(0), bar(1, 13.0, firm=False)]


def test_sources_and_symbols_do_not_mix(database: Database) -> None:
    """Invented and real prices least of all."""
    rows = [("A", bar(0, 1.0)), ("B", bar(0, 2.0))]
    database.write("simulated", rows, replaces=False)
    database.write("finnhub", [("A", bar(0, 3.0))], replaces=False)
    assert stored(database, "simulated", "A") == [bar(0, 1.0)]
    assert stored(database, "simulated", "B") == [bar(0, 2.0)]
    assert stored(database, "finnhub", "A") == [bar(0, 3.0)]
    assert stored(database, "finnhub", "B") == []


def test_to_replace_forgets_one_source_in_the_transaction_that_writes(database: Database) -> None:
    """The others keep theirs, and what was forgotten is deleted bit by bit."""
    write(database, "replay:x", "A", bars(range(10)))
    write(database, "replay:x", "B", bars(range(3)))
    write(database, "finnhub", "A", bars([0]))
    database.write("replay:x", [("A", bar(5, 12.0))], replaces=True)
    assert stored(database, "replay:x", "A") == [bar(5, 12.0)]
    assert stored(database, "replay:x", "B") == []
    assert stored(database, "finnhub", "A") == bars([0])
    assert [(s.source, s.symbol, s.bars) for s in database.read(listed)] == [
        ("finnhub", "A", 1),
        ("replay:x", "A", 1),
    ]
    while database.sweep(None, 4):
        pass
    count = sa.text("SELECT (SELECT count(*) FROM bars), (SELECT count(*) FROM series)")
    assert tuple(database.read(lambda c: c.execute(count).one())) == (2, 2)


def test_a_listing_says_what_there_is(database: Database) -> None:
    """First and last minute, and how many."""
    write(database, "finnhub", "B", bars([7, 3]))
    assert [tuple(getattr(s, f) for f in s.__struct_fields__) for s in database.read(listed)] == [
        ("finnhub", "B", bar(3).time_ms, bar(7).time_ms, 2)
    ]


# Windows and spans


@few
@given(
    some=minutes(),
    begin_length=st.tuples(st.integers(-10, 210), st.integers(-5, 100)),
    limit=st.integers(0, 20),
    newest=st.booleans(),
)
def test_a_window_is_that_of_a_list(
    database: Database, some: list[Bar], begin_length: tuple[int, int], limit: int, newest: bool
) -> None:
    """From inclusive, to exclusive, cut at either end."""
    source = next(sources)
    write(database, source, "A", some)
    begin, length = begin_length
    from_ms, to_ms = NOON_MS + begin * MINUTE_MS, NOON_MS + (begin + length) * MINUTE_MS
    inside = [one for one in some if from_ms <= one.time_ms < to_ms]
    expected = inside[::-1][:limit] if newest else inside[:limit]
    statement = statements.window(source, "A", from_ms, to_ms, limit, newest=newest)
    assert database.read(lambda c: bars_of(c.execute(statement))) == expected


@few
@given(
    some=minutes(),
    cuts=st.lists(st.integers(-5, 210), min_size=2, max_size=12, unique=True).map(sorted),
    gaps=st.sets(st.integers(0, 10), max_size=3),
)
def test_spans_are_what_merge_makes_of_their_minutes(
    database: Database, some: list[Bar], cuts: list[int], gaps: set[int]
) -> None:
    """With bars that are not firm, and spans without any."""
    source = next(sources)
    write(database, source, "A", some)
    write(database, source, "B", bars(range(100)))
    times = [NOON_MS + cut * MINUTE_MS for cut in cuts]
    spans = [span for number, span in enumerate(itertools.pairwise(times)) if number not in gaps]
    expected = [
        merged
        for start, end in spans
        if (merged := merge_all((b for b in some if start <= b.time_ms < end), start)) is not None
    ]
    assert spans_of(database, source, spans) == expected


def test_the_first_and_the_last_minute_are_known(database: Database) -> None:
    """Or that there is none."""
    write(database, "s", "A", bars([9, 4, 6]))

    def edge(symbol: str, *, newest: bool) -> int | None:
        statement = statements.edge("s", symbol, newest=newest)
        return database.read(lambda c: c.execute(statement).scalar())

    edges = [edge(symbol, newest=newest) for symbol in "AB" for newest in (False, True)]
    assert edges == [bar(4).time_ms, bar(9).time_ms, None, None]


def test_all_symbols_of_one_source_are_continued(database: Database) -> None:
    """From a time on."""
    write(database, "s", "A", bars(range(4)))
    write(database, "s", "B", bars([1, 3]))
    write(database, "other", "A", bars(range(4)))
    assert database.since("s", bar(2).time_ms) == {"A": bars([2, 3]), "B": bars([3])}


# Age


def test_old_days_are_deleted_a_few_at_a_time(database: Database) -> None:
    """Those of a replay are of any time, and stay."""
    days = [[day * DAY + minute for minute in range(4)] for day in range(10)]
    everything = bars(minute for day in days for minute in day)
    for source in ("finnhub", "simulated", "replay:old"):
        write(database, source, "A", everything)
    calls = 1
    while database.sweep(bar(7 * DAY + 2).time_ms, 10):
        calls += 1
    assert calls == 5
    assert stored(database, "finnhub") == everything[28:]
    assert stored(database, "simulated") == everything[28:]
    assert stored(database, "replay:old") == everything


SYMBOLS = ("AAPL", "OANDA:EUR_USD", "BINANCE:BTCUSDT", "SOMEWHERE:ELSE")
MOMENTS = tuple(
    round(dt.datetime(*date, 5, tzinfo=dt.UTC).timestamp() * 1000)
    for date in ((2026, 3, 8), (2026, 11, 1), (2024, 2, 29), (2025, 12, 31))
)
LONGER: tuple[Timeframe, ...] = ("5m", "15m", "1h", "1d")


@few
@given(
    symbol=st.sampled_from(SYMBOLS),
    near=st.sampled_from(MOMENTS),
    steps=st.lists(st.integers(1, 700), min_size=1, max_size=40),
    edge_rows=st.tuples(st.integers(-10, 6000), st.integers(1, 20)),
)
def test_no_longer_bar_ever_shrinks_at_the_edge(
    address: Address, symbol: str, near: int, steps: list[int], edge_rows: tuple[int, int]
) -> None:
    """At no moment of a sweep, of no venue, with no clock change; and nothing that is younger than
    the edge goes.
    """
    times = [near + MINUTE_MS * at for at in itertools.accumulate(steps, initial=-2000)]
    some = [bar((time_ms - NOON_MS) // MINUTE_MS) for time_ms in times]
    edge, rows = edge_rows
    before_ms = near + edge * MINUTE_MS - 2000 * MINUTE_MS

    def longer(minutes: Sequence[Bar]) -> set[tuple[Timeframe, int, int]]:
        def of(timeframe: Timeframe) -> Iterator[tuple[Span, Bar]]:
            return by_span(minutes, lambda ms: span_at(timeframe, symbol, ms, Calendar()))

        return {(name, span.start_ms, one.count) for name in LONGER for span, one in of(name)}

    with contextlib.closing(Database(address)) as database:
        database.open()
        database.write("s", [], replaces=True)
        while database.sweep(None, 5000):
            pass
        write(database, "s", symbol, some)
        whole = longer(some)
        for _ in range(len(some) + 1):
            more = database.sweep(before_ms, rows)
            left = stored(database, "s", symbol)
            assert longer(left) <= whole
            assert {one for one in some if one.time_ms >= before_ms} <= set(left)
            if not more:
                break
        assert left == [one for one in some if one.time_ms >= day_of(symbol, before_ms).start_ms]


def test_without_an_age_nothing_is_deleted(database: Database) -> None:
    """However old it is."""
    write(database, "s", "A", [bar(-10_000_000)])
    assert not database.sweep(None, 10)
    assert stored(database, "s") == [bar(-10_000_000)]


# Versions


def test_the_migrations_make_the_tables_that_the_statements_use(database: Database) -> None:
    """And the newest one is the one that is known."""
    folder = migrations.__path__[0]
    script = ScriptDirectory(folder, version_locations=[folder])
    assert [found.revision for found in script.walk_revisions()] == list(versions.KNOWN[::-1])
    engine = database._engine
    assert engine is not None
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == versions.KNOWN[-1]
        differences = compare_metadata(context, metadata)
    assert differences == []


def test_a_newer_database_is_refused_and_left_as_it_is(database: Database) -> None:
    """With a sentence that says what to do."""
    write(database, "s", "A", bars([1]))
    with database._open.begin():
        database._open.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with contextlib.closing(Database(database.address)) as other:
        with pytest.raises(UnusableError, match="version 9999: get a newer Photon"):
            other.open()
        assert not other.is_open
    assert stored(database, "s") == bars([1])


def test_two_that_open_an_empty_database_at_once_both_do(address: Address) -> None:
    """And write into the same tables."""
    gate = threading.Barrier(2)
    failures: list[BaseException] = []

    def come(symbol: str) -> None:
        try:
            with contextlib.closing(Database(address)) as mine:
                gate.wait()
                mine.open()
                write(mine, f"s{symbol}", symbol, bars(range(5)))
        except BaseException as error:  # noqa: BLE001 - the test says which
            failures.append(error)

    threads = [threading.Thread(target=come, args=(symbol,)) for symbol in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with contextlib.closing(Database(address)) as database:
        database.open()
        assert stored(database, "sA", "A") == stored(database, "sB", "B") == bars(range(5))


def test_what_is_not_open_says_so(address: Address) -> None:
    """Instead of an answer."""
    nothing: Any = None
    with pytest.raises(UnusableError, match="not open"):
        Database(address).read(lambda _: nothing)
