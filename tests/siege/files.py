"""Attacks on what is under the server: its database and its disk.

The stand-in of each row makes the database that the server is given, and mends at its end whatever
the attack left; the attack finds out from ``/health`` where it is.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.fakes.waiting import wait_until
from tests.siege.row import Row, Seen, Target

WORKERS = 10
PAUSE_S = 0.2
LATE_S = 1.0
TIME_OUT_MS = 5_000
"""After so long the server gives a question for bars up."""
LOCKS = """
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX, 8, 120)
    sys.stdin.read()
"""
"""Takes every lock of SQLite's log, those of readers included."""


# The databases


@contextlib.asynccontextmanager
async def sqlite() -> AsyncIterator[Mapping[str, object]]:
    """A file in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="photon-siege-") as folder:
        yield {"DATABASE_URL": f"sqlite:///{folder}/photon.db"}


def small_disk(options: str) -> Callable[[], Any]:
    """A file on a small disk; nothing is stored where nothing can be mounted."""

    @contextlib.asynccontextmanager
    async def disk() -> AsyncIterator[Mapping[str, object]]:
        with tempfile.TemporaryDirectory(prefix="photon-siege-") as folder:
            mount = ["mount", "-t", "tmpfs", "-o", options, "photon-siege", folder]
            if not shutil.which("mount") or await asyncio.to_thread(_fails, mount):
                yield {"DATABASE_URL": "none"}
                return
            try:
                yield {"DATABASE_URL": f"sqlite:///{folder}/photon.db"}
            finally:
                await asyncio.to_thread(_fails, ["umount", "-l", folder])

    return disk


@contextlib.asynccontextmanager
async def postgresql() -> AsyncIterator[Mapping[str, object]]:
    """A real server."""
    from tests.storage.server import postgres  # noqa: PLC0415 - seldom needed, slow to load

    with postgres() as server:
        try:
            yield {"DATABASE_URL": server.url}
        finally:
            for pid in _processes(_folder_of(server.url)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def _fails(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


def _folder_of(url: str) -> Path:
    """Where a PostgreSQL keeps its files."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def _processes(folder: Path) -> Iterator[int]:
    """Those of a PostgreSQL, the one that makes the others first."""
    parent = int((folder / "postmaster.pid").read_text().split()[0])
    yield parent
    yield from map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())


# The attacks


async def _database(target: Target) -> str:
    """The address of the server's database, as it says."""
    storage: dict[str, Any] = {}
    async with httpx.AsyncClient() as client:

        async def opened() -> bool:
            health = (await client.get(f"http://127.0.0.1:{target.port}/health")).json()
            storage.update(health["storage"])
            return storage["state"] not in {"opening", "failing"}

        await wait_until(opened, 60)
    return str(storage["database"])


async def _questions(target: Target) -> None:
    """Ask for bars, many at a time, and count those that are answered late."""
    transport = httpx.AsyncHTTPTransport(local_address=target.address)
    url = f"http://127.0.0.1:{target.port}/api/bars?symbol=AAPL&timeframe=1m&limit=10"

    async def ask(client: httpx.AsyncClient) -> None:
        while True:
            asked = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):
                answer = await client.get(url, timeout=30)
                target.counts[str(answer.status_code)] += 1
                target.counts["partial"] += answer.status_code == 200 and "partial" in answer.json()
                target.counts["late"] += time.monotonic() - asked > LATE_S
            await asyncio.sleep(PAUSE_S)

    async def clock() -> None:
        while True:
            target.counts["ms"] += 100
            await asyncio.sleep(0.1)

    async with httpx.AsyncClient(transport=transport) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(clock())
        for _ in range(WORKERS):
            tasks.create_task(ask(client))


async def locked_out(target: Target) -> None:
    """Another program takes the locks of a database's readers, and everybody asks for bars."""
    path = urlsplit(await _database(target)).path[1:]
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOCKS, path, stdin=asyncio.subprocess.PIPE
    )
    try:
        await _questions(target)
    finally:
        other.kill()
        await asyncio.shield(other.wait())


async def frozen(target: Target) -> None:
    """The database's server stands still, and everybody asks for bars."""
    folder = _folder_of(await _database(target))
    stopped: list[int] = []
    try:
        for pid in _processes(folder):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
        await _questions(target)
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def off_and_on(target: Target) -> None:
    """The database's server stands still again and again, for a moment each time."""
    folder = _folder_of(await _database(target))

    async def stutter() -> None:
        while True:
            stopped: list[int] = []
            try:
                for pid in _processes(folder):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.append(pid)
                await asyncio.sleep(0.3)
            finally:
                for pid in stopped:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stutter())
        tasks.create_task(_questions(target))


async def _on_disk(target: Target, fill: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
    address = await _database(target)
    if address == "none":
        await asyncio.Event().wait()
    folder = Path(urlsplit(address).path[1:]).parent
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fill(folder))
            tasks.create_task(_questions(target))
    finally:
        for ballast in folder.glob("ballast-*"):
            ballast.unlink()


async def no_room(target: Target) -> None:
    """The disk is full, and every byte that is let go is taken at once."""

    async def fill(folder: Path) -> None:
        with (folder / "ballast-0").open("wb", buffering=0) as file:
            while True:
                with contextlib.suppress(OSError):
                    while file.write(bytes(4096)):
                        target.counts["written"] += 1
                await asyncio.sleep(0.01)

    await _on_disk(target, fill)


async def no_inodes(target: Target) -> None:
    """No file can be made: the log of the database is taken away, as by a restart of its disk."""

    def take(folder: Path) -> None:
        with contextlib.suppress(OSError):
            for number in range(1000):
                (folder / f"ballast-{number}").touch()
                target.counts["written"] += 1
        for gone in folder.glob("photon.db*"):  # the server would make all of them again
            gone.rename(folder / f"ballast-{gone.name}")

    async def fill(folder: Path) -> None:
        while True:
            take(folder)
            await asyncio.sleep(0.05)

    await _on_disk(target, fill)


# What must hold


def _memory_answers(seen: Seen) -> None:
    """Clients that asked before the time-out waited for it, and none after; health says so."""
    counts = seen.counts
    if counts.get("ms", 0) < TIME_OUT_MS + 1_000:  # the short form ends before it
        return
    assert counts.get("late", 0) <= 2 * WORKERS, f"{counts['late']} answers were late"
    assert counts.get("partial", 0) > 5 * WORKERS, (
        f"only {counts.get('partial', 0)} answers are marked"
    )
    storage = seen.health["storage"]
    assert (storage["state"], storage["reason"]) == ("failing", "silent"), storage
    assert seen.health["status"] == "degraded", seen.health["status"]


def _answers(seen: Seen) -> None:
    """Every question has an answer in time."""
    assert not seen.counts.get("late"), f"{seen.counts['late']} answers were late"
    assert seen.counts["200"], "no answer"


def _full(seen: Seen) -> None:
    storage = seen.health["storage"]
    if storage["state"] == "off":
        return
    _answers(seen)
    assert storage["state"] in {"failing", "ok"}, storage
    if seen.counts.get("ms", 0) > 3_000:
        assert (storage["state"], storage["reason"]) == ("failing", "full"), storage


ROWS = (
    Row(
        name="a database whose readers are locked out",
        attack=locked_out,
        upstream=sqlite,
        seconds=8.0,
        check=_memory_answers,
    ),
    Row(
        name="a database's server that stands still",
        attack=frozen,
        upstream=postgresql,
        seconds=8.0,
        check=_memory_answers,
    ),
    Row(
        name="a database's server that stutters",
        attack=off_and_on,
        upstream=postgresql,
        check=_answers,
    ),
    Row(
        name="a disk that is full",
        attack=no_room,
        upstream=small_disk("size=1m"),
        seconds=6.0,
        check=_full,
    ),
    Row(
        name="a disk without inodes",
        attack=no_inodes,
        upstream=small_disk("size=8m,nr_inodes=24"),
        seconds=6.0,
        check=_full,
    ),
)
