"""One Photon, honest clients and an attack beside each other."""

import asyncio
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from tests.fakes.dates import OPEN_MS
from tests.fakes.process import ROOT, Process, photon
from tests.siege.row import Row, Seen

SYMBOL = "AAPL"
SETTINGS = {"PHOTON_SIM_INTERVAL_MS": 20, "PHOTON_SIM_SEED": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """What honest clients saw for some seconds, and what the server took."""

    pings: int
    unanswered: int
    p50_ms: float
    p99_ms: float
    prices: int
    late_ms: float
    """How late the latest price was."""
    gap_ms: float
    """The longest time without any price."""
    closed: list[str]
    """How honest clients were closed."""
    beat_ms: float
    """How late the honest clients themselves were at worst."""
    memory_mib: float
    """What the server holds at the end."""
    log_bytes: int
    """What it logged meanwhile."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row, played."""

    row: Row
    calm: Phase
    attacked: Phase
    after: Phase
    seconds: float
    seen: Seen


class Besieged:
    """A server with honest clients at it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._honest = _python("tests.siege.honest", str(process.port), SYMBOL)
        self._logged = 0

    def wait_ready(self) -> None:
        """Return when the honest have prices."""
        assert _line(self._honest) == "ready"
        self._logged = len(self.process.output)

    def close(self) -> None:
        """Send the honest home."""
        _end(self._honest)

    async def watch(self, seconds: float) -> Phase:
        """What the honest see for so long."""
        self._mark()
        await asyncio.sleep(seconds)
        return self._phase()

    async def play(self, row: Row, seconds: float, *, calm_s: float, after_s: float) -> Outcome:
        """Calm, attack, and after it."""
        calm = await self.watch(calm_s)
        before = len(self.process.output)
        attack = _python("tests.siege.attack", row.name, str(self.process.port))
        try:
            assert await asyncio.to_thread(_line, attack) == "begun"
            attacked = await self.watch(seconds)
            health = await self._health()
            assert attack.stdin is not None
            attack.stdin.close()
            counts = json.loads(await asyncio.to_thread(_line, attack))
        finally:
            _end(attack)
        output = self.process.output[before:]
        after = await self.watch(after_s)
        return Outcome(
            row=row,
            calm=calm,
            attacked=attacked,
            after=after,
            seconds=seconds,
            seen=Seen(counts=counts, health=health, output=output),
        )

    def _mark(self) -> dict[str, Any]:
        assert self._honest.stdin is not None
        self._honest.stdin.write("mark\n")
        self._honest.stdin.flush()
        seen: dict[str, Any] = json.loads(_line(self._honest))
        return seen

    def _phase(self) -> Phase:
        seen, logged = self._mark(), len(self.process.output)
        phase = Phase(
            **seen, memory_mib=self.process.rss_kib / 1024, log_bytes=logged - self._logged
        )
        self._logged = logged
        return phase

    async def _health(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            response = await client.get(f"{self.process.http}/health", timeout=30)
        health: dict[str, Any] = response.json()
        return health


@contextlib.contextmanager
def besieged(files: int | None = None, **settings: object) -> Iterator[Besieged]:
    """A server with honest clients, ended with the block."""
    with photon(files, OPEN_MS, **{**SETTINGS, **settings}) as process:
        beside = Besieged(process)
        try:
            beside.wait_ready()
            yield beside
        finally:
            beside.close()


@contextlib.contextmanager
def attacking(row: Row, port: int) -> Iterator[None]:
    """An attack on a server, for as long as the block lasts."""
    attack = _python("tests.siege.attack", row.name, str(port))
    try:
        assert _line(attack) == "begun"
        yield
    finally:
        _end(attack)


def _python(module: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(popen: "subprocess.Popen[str]") -> str:
    assert popen.stdout is not None
    return popen.stdout.readline().strip()


def _end(popen: "subprocess.Popen[str]") -> None:
    popen.kill()
    popen.wait()
    for pipe in (popen.stdin, popen.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
