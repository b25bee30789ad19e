"""A whole server while its database is locked, overwritten, stopped: prices flow throughout."""

import asyncio
import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from photon_app.model import Bar
from photon_app.settings import Secret
from photon_app.storage import address
from photon_app.storage.archive import Archive
from photon_app.storage.database import Database
from tests.fakes.server import HandFeed, Serving, serving
from tests.fakes.waiting import wait_until
from tests.storage.server import Postgres

FOREVER_MS = 1 << 60
PATIENCE_S = 30


class Watched:
    """A server, its feed, and a client that must get every price."""

    def __init__(self, server: Serving, feed: HandFeed, ws: ClientConnection) -> None:
        self.server = server
        self._feed = feed
        self._ws = ws
        self._price = 100.0
        self._http = httpx.AsyncClient(base_url=server.http)

    async def price(self) -> None:
        """A trade, and the update of it."""
        self._price += 0.25
        self._feed.trade("AAPL", self._price)
        async with asyncio.timeout(5):
            while True:
                message = json.loads(await self._ws.recv())
                if message.get("data", {}).get("price") == self._price:
                    return

    async def until(self, state: str, reason: str = "") -> dict[str, Any]:
        """Let prices flow until storage is in a state; returns ``/health``."""
        health: dict[str, Any] = {}

        async def there() -> bool:
            await self.price()
            health.update((await self._http.get("/health")).json())
            storage = health["storage"]
            return (storage["state"], storage["reason"]) == (state, reason)

        await wait_until(there, PATIENCE_S)
        return health

    async def written(self) -> None:
        """Let prices flow until the newest minute is on disk."""
        health = await self.until("ok")
        before = health["storage"]["written"]
        async with asyncio.timeout(PATIENCE_S):
            while (await self.until("ok"))["storage"]["written"] == before:
                pass

    async def close(self) -> list[Bar]:
        """No more questions; what memory has."""
        await self._http.aclose()
        return self.server.live.history.memory.between("AAPL", "1m")


def watched(url: str, scenario: Callable[[Watched], Awaitable[None]]) -> None:
    """Play a scenario; afterwards the database has what memory had, and nothing else."""

    async def run() -> list[Bar]:
        feed = HandFeed()
        async with serving(feed, database_url=Secret(url)) as server, connect(server.ws) as ws:
            await ws.send('{"action":"subscribe","symbols":["AAPL"]}')
            those = Watched(server, feed, ws)
            await those.written()
            await scenario(those)
            await those.written()
            return await those.close()

    kept = asyncio.run(run())
    with Archive(address.parse(url)) as archive:
        assert list(archive.rows("simulated", "AAPL")) == kept


def overwrite(path: Path) -> None:
    """As another process would: in this one it would drop SQLite's locks."""
    garbage = b"no database at all\n" * 5_000
    subprocess.run(["dd", f"of={path}", "status=none"], input=garbage, check=True)


def set_aside(path: Path) -> bool:
    """Whether a damaged file was."""
    return any(path.parent.glob("photon.db.corrupt-*"))


def test_a_locked_and_then_overwritten_file_holds_up_no_price(tmp_path: Path) -> None:
    """Health says what it is, degraded, and what memory has is on disk in the end."""
    path = tmp_path / "photon.db"

    async def scenario(those: Watched) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            health = await those.until("failing", "locked")
            assert health["status"] == "degraded"
            assert health["storage"]["pending"] > 0
            other.execute("ROLLBACK")
        await those.written()
        await asyncio.to_thread(overwrite, path)

        async def noticed() -> bool:
            await those.price()
            return bool(set_aside(path))

        await wait_until(noticed, PATIENCE_S)

    watched(f"sqlite:///{path}", scenario)


def test_what_another_photon_writes_is_written_when_that_one_has_ended(tmp_path: Path) -> None:
    """Meanwhile prices flow, and health says why it is degraded."""
    url = f"sqlite:///{tmp_path / 'photon.db'}"

    async def run() -> list[Bar]:
        feed = HandFeed()
        with contextlib.closing(Database(address.parse(url))) as first:
            first.open()
            first.claim(feed.source)
            async with serving(feed, database_url=Secret(url)) as server, connect(server.ws) as ws:
                await ws.send('{"action":"subscribe","symbols":["AAPL"]}')
                second = Watched(server, feed, ws)
                health = await second.until("failing", "held")
                assert health["status"] == "degraded"
                assert "another Photon writes here" in health["storage"]["detail"]
                assert await server.live.history.bars("AAPL", "1m")
                first.close()
                await second.written()
                return await second.close()

    kept = asyncio.run(run())
    assert kept
    with Archive(address.parse(url)) as archive:
        assert list(archive.rows("simulated", "AAPL")) == kept


def test_a_stopped_postgres_holds_up_no_price(postgres_server: Postgres) -> None:
    """It is caught up with when it is back."""
    postgres_server.empty()

    async def scenario(those: Watched) -> None:
        await asyncio.to_thread(postgres_server.stop)
        try:
            health = await those.until("failing", "gone")
            assert health["status"] == "degraded"
        finally:
            await asyncio.to_thread(postgres_server.start)

    watched(postgres_server.url, scenario)
