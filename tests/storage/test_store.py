"""The store as the event loop sees it, on both databases."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from photon_app.calendar.timeframes import DAY_MS, NEVER_MS
from photon_app.errors import StorageError
from photon_app.market.merge import merge, merge_all
from photon_app.model import Bar
from photon_app.storage.address import Address, parse
from photon_app.storage.archive import open_archive
from photon_app.storage.database import Database, SeriesInfo
from photon_app.storage.store import Store
from tests.fakes.time import WallSet
from tests.fakes.waiting import wait_until
from tests.storage.material import (
    MINUTE_MS,
    NOON_MS,
    SOURCE,
    Owner,
    bar,
    bars,
    on_disk,
    run,
    storing,
    until,
    written,
)


async def everything(store: Store, symbol: str = "A", source: str | None = None) -> list[Bar]:
    return await store.read(symbol, 0, NEVER_MS, 10_000, newest=True, source=source)


def test_what_is_put_can_be_read(address: Address) -> None:
    """The oldest or the newest of a range, merged, and what there is at all."""

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars(range(10)))
            store.put("B", bars([3]))
            await written(store)
            from_ms, to_ms = bar(2).time_ms, bar(8).time_ms
            assert await store.read("A", from_ms, to_ms, 2, newest=False) == bars([2, 3])
            assert await store.read("A", from_ms, to_ms, 2, newest=True) == bars([6, 7])
            spans = [(NOON_MS + n * MINUTE_MS, NOON_MS + (n + 5) * MINUTE_MS) for n in (0, 5, 10)]
            assert await store.read_spans("A", spans) == [
                merge_all(bars(range(n, n + 5)), bar(n).time_ms) for n in (0, 5)
            ]
            assert await store.read_spans("A", []) == []
            assert await store.first_ms("A") == bar(0).time_ms
            assert await store.newest_ms("A") == bar(9).time_ms
            assert await store.first_ms("C") is None
            assert await store.read("A", 0, NEVER_MS, 10, newest=True, source="finnhub") == []
            assert (await store.series())[1] == SeriesInfo(
                source=SOURCE, symbol="B", first_ms=bar(3).time_ms, last_ms=bar(3).time_ms, bars=1
            )
            assert store.health.written == 11 and store.health.database == address.shown

    run(scenario())


def test_the_newest_days_of_many_are_one_question(address: Address) -> None:
    """Each from its own minutes, and the close before; nothing of what is not stored."""

    def windows(symbol: str, newest_ms: int) -> tuple[tuple[int, int], tuple[int, int]]:
        from_ms = newest_ms - (4 if symbol == "A" else 1) * MINUTE_MS
        return (from_ms, newest_ms + 1), (0, from_ms)

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars(range(10)))
            store.put("B", bars([3]))
            await written(store)
            found = await store.newest_days(["A", "C", "B"], windows, 3, lambda *made: made)
            assert found == {"A": (bars([7, 8, 9]), bar(4).close), "B": (bars([3]), None)}
            assert await store.newest_days([], windows, 3, lambda *made: made) == {}

    run(scenario())


def test_the_extremes_of_a_range_are_those_of_its_minutes(address: Address) -> None:
    """None without a minute, or when the oldest one is too young."""

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars(range(10)))
            await written(store)
            from_ms, to_ms, first_ms = bar(2).time_ms, bar(6).time_ms, bar(0).time_ms
            low, high = (
                min(b.low for b in bars(range(2, 6))),
                max(b.high for b in bars(range(2, 6))),
            )
            assert await store.extremes("A", from_ms, to_ms, since_ms=first_ms) == (low, high)
            assert await store.extremes("A", from_ms, to_ms, since_ms=first_ms - 1) is None
            assert await store.extremes("A", 0, first_ms, since_ms=first_ms) is None
            assert await store.extremes("B", 0, to_ms, since_ms=first_ms) is None

    run(scenario())


def test_the_last_bars_are_written_as_it_closes(address: Address) -> None:
    """And no thread of it goes on."""

    async def scenario() -> None:
        async with storing(address) as store:
            await everything(store)
            store.put("A", bars(range(3)))
        assert not store.health.pending
        with pytest.raises(StorageError, match="closed"):
            await everything(store)

    run(scenario())
    assert on_disk(address) == bars(range(3))
    assert not [t for t in threading.enumerate() if t.name.startswith("photon storage")]


def test_a_minute_cut_in_two_by_a_restart_becomes_one(address: Address) -> None:
    """Also when its second half was put before the first could be read."""
    half = bar(5, 12.0, open_ms=bar(5).time_ms + 40_000, close_ms=bar(5).time_ms + 59_999)

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars([4, 5]))
        owner = Owner()
        async with storing(address, owner, opened=False, since_ms=bar(5).time_ms) as store:
            store.put("A", [half])
            await written(store)
            assert owner.resumed == [{"A": [bar(5)]}]

    run(scenario())
    assert on_disk(address) == [bar(4), merge(bar(5), half)]


def test_what_is_replaced_is_gone_at_once_and_for_good(address: Address) -> None:
    """Although disk has it for a moment more; others keep theirs."""

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars(range(5)))
            await written(store)
            store.replace()
            assert await everything(store) == []
            assert await store.first_ms("A") is None
            store.put("A", [bar(7)])
            await written(store)
            assert await everything(store) == [bar(7)]

    with open_archive(address) as archive:
        archive.write("finnhub", "A", bars(range(3)))
    run(scenario())
    assert on_disk(address) == [bar(7)]
    assert on_disk(address, "finnhub") == bars(range(3))


def test_a_source_that_is_replaced_before_it_is_opened_is_not_continued(
    address: Address,
) -> None:
    """A replay starts again."""

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars(range(5)))
        owner = Owner()
        async with storing(address, owner, opened=False) as store:
            store.replace()
            store.put("A", [bar(0, 12.0)])
            await written(store)
        assert owner.resumed == [{}]

    run(scenario())
    assert on_disk(address) == [bar(0, 12.0)]


def test_bars_grow_old(address: Address) -> None:
    """By the wall clock, and by whole days: that of yesterday is kept for a retention of one."""
    noons = bars(day * 1440 + minute for day in range(5) for minute in (0, 5))

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", noons)
        now_ms = bar(4 * 1440 + 3).time_ms
        async with storing(address, retention_days=1, time=WallSet(lambda: now_ms)) as store:

            async def swept() -> bool:
                return len(await everything(store)) <= 4

            await wait_until(swept)

    run(scenario())
    assert on_disk(address) == noons[6:]


@pytest.mark.parametrize(
    ("retention_days", "ahead_days", "force_day", "kept"),
    [
        (730, 3 * 365, None, "all"),
        (730, -20_000, None, "all"),
        (3, 0, None, "all"),
        (3, 0, 10, "from 10"),
        (3, 0, 30, "from 26"),
        (3, 3 * 365, 10, "from 10"),
        (24, 0, None, "from 5"),
    ],
)
def test_no_more_than_a_week_grows_old_at_once_unless_it_is_asked_for(
    address: Address, retention_days: int, ahead_days: int, force_day: int | None, kept: str
) -> None:
    """Not by a clock that is years off, nor by a retention that became short; the log says how to
    ask for it, and what is forced ends at its date whatever the clock says.
    """
    noons = bars(day * 1440 for day in range(30))
    now_ms = bar(29 * 1440 + 3).time_ms + ahead_days * DAY_MS
    force_ms = 0 if force_day is None else bar(force_day * 1440 - 300).time_ms

    async def scenario() -> None:
        async with storing(
            address,
            retention_days=retention_days,
            retention_force_ms=force_ms,
            time=WallSet(lambda: now_ms),
        ) as store:
            await written(store)
            await until(lambda: store._writer is not None and store._writer._sweep_s > 0)
            await until(lambda: store._writer is not None and not store._writer._sweeping)
            kept_why = store.health.retention
        stays = 0 if kept == "all" else int(kept.split()[1])
        assert on_disk(address) == noons[stays:]
        refused = ahead_days >= 0 and stays not in {5, 26}
        assert ("PHOTON_RETENTION_FORCE=" in kept_why) == refused

    with open_archive(address) as archive:
        archive.write(SOURCE, "A", noons)
        archive.write("replay:x", "A", bars(range(3)))
    run(scenario())
    assert len(on_disk(address, "replay:x")) == 3


def test_an_archive_may_be_used_beside_a_running_store(address: Address) -> None:
    """It reads all, and writes what the store does not."""

    async def scenario() -> None:
        async with storing(address) as store:
            store.put("A", bars([1]))
            await written(store)

            def beside() -> None:
                with open_archive(address) as archive:
                    for writes in (
                        lambda: archive.claim(SOURCE),
                        lambda: archive.write(SOURCE, "A", iter(bars([2, 3]))),
                        lambda: archive.replace(SOURCE),
                    ):
                        with pytest.raises(StorageError, match="another Photon writes here"):
                            writes()
                    archive.write("replay:x", "B", bars(range(3)))
                    assert list(archive.rows(SOURCE, "A")) == bars([1])
                    assert list(archive.rows("replay:x", "B", bar(1).time_ms)) == bars([1, 2])
                    assert [s.bars for s in archive.series()] == [3, 1]

            await asyncio.to_thread(beside)
            store.put("A", bars([4]))
            await written(store)
            assert await everything(store) == bars([1, 4])
            assert await everything(store, "B", "replay:x") == bars(range(3))

    run(scenario())


def test_an_archive_reads_more_than_a_page(address: Address) -> None:
    """Bit by bit, and in order."""
    many = bars(range(10_001))
    with open_archive(address) as archive:
        assert archive.write("s", "A", many) == len(many)
        assert list(archive.rows("s", "A")) == many


def test_bars_move_from_one_database_to_another(
    sqlite_address: Address, postgres_address: Address
) -> None:
    """And may do so twice, as the documents say."""
    with open_archive(sqlite_address) as old:
        old.write("finnhub", "A", bars(range(10), 10 / 3))
        old.write("replay:x", "B", bars(range(5)))
        for _ in range(2):
            with open_archive(postgres_address) as new:
                for series in old.series():
                    new.write(series.source, series.symbol, old.rows(series.source, series.symbol))
    assert on_disk(postgres_address, "finnhub") == bars(range(10), 10 / 3)
    assert on_disk(postgres_address, "replay:x", "B") == bars(range(5))


def test_a_newer_database_is_refused_with_a_sentence(address: Address) -> None:
    """By the store, again and again, and by the archive."""

    def make_newer() -> None:
        database = Database(address)
        database.open()
        with database._open.begin():
            database._open.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
        database.close()

    async def scenario() -> None:
        async with storing(address, opened=False) as store:
            await until(lambda: store.health.failures > 1)
            assert not await store.opened(0)
            assert (store.health.state, store.health.reason) == ("failing", "error")
            assert "version 0999: get a newer Photon" in store.health.detail

    make_newer()
    with pytest.raises(StorageError, match="version 0999"):
        open_archive(address)
    run(scenario())


def test_what_its_owner_cannot_continue_does_not_end_the_writing(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log."""

    class Failing(Owner):
        """An owner that cannot take anything."""

        def resume(self, stored: object) -> None:
            raise ZeroDivisionError(stored)

    async def scenario() -> None:
        async with storing(address, Failing()) as store:
            store.put("A", bars([1]))
            await written(store)

    run(scenario())
    assert on_disk(address) == bars([1])
    assert "could not be continued" in caplog.text


def test_none_stores_nothing_and_answers_all() -> None:
    """Without a thread."""

    async def scenario() -> None:
        async with storing(parse("none"), opened=False) as store:
            store.put("A", bars([1]))
            store.replace()
            assert not await store.opened(1)
            assert await everything(store) == []
            assert await store.read_spans("A", [(0, 1)]) == []
            assert await store.newest_ms("A") is None
            assert await store.series() == []
            assert store.health.state == "off" and not store.health.pending

    run(scenario())


def test_what_is_not_open_yet_cannot_be_read(tmp_path: Path) -> None:
    """Prices flow; queries fail."""

    async def scenario() -> None:
        address = parse(f"sqlite:///{tmp_path / 'none' / 'photon.db'}")
        async with storing(address, opened=False) as store:
            await until(lambda: store.health.state == "failing")
            assert store.health.reason == "gone"
            assert store.health.detail.endswith("photon.db does not exist: make it")
            with pytest.raises(StorageError, match="not open"):
                await everything(store)
            store.put("A", bars([1]))
            (tmp_path / "none").mkdir()
            await written(store)
            assert await everything(store) == bars([1])

    run(scenario())


def test_no_password_reaches_log_or_health(caplog: pytest.LogCaptureFixture) -> None:
    """When no server listens there."""

    async def scenario() -> None:
        address = parse("postgresql://me:S3cr3t@127.0.0.1:1/bars?connect_timeout=1")
        async with storing(address, opened=False) as store:
            store.put("A", bars([1]))
            await until(lambda: store.health.failures > 1)
            assert store.health.reason == "gone"
            assert "S3cr3t" not in repr(store.health)
            assert "://***@127.0.0.1" in store.health.database

    with caplog.at_level(logging.DEBUG):
        run(scenario())
    assert "1 bars could not be written" in caplog.text
    assert "S3cr3t" not in caplog.text
