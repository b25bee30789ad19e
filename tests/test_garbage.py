"""Full collections are rare, and garbage is bounded all the same."""

import asyncio
import gc
import math
import weakref

import pytest

from photon_app import garbage
from photon_app.garbage import EVERY_S, GROWN_BYTES, Garbage


class Machine:
    """The clock and the memory that a collector sees, and how often it collected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.bytes = GROWN_BYTES
        self.full = 0
        monkeypatch.setattr("photon_app.clock.monotonic", lambda: self.now_s)
        monkeypatch.setattr(garbage, "resident_bytes", lambda: self.bytes)
        monkeypatch.setattr("gc.collect", self._collect)

    def _collect(self) -> int:
        self.full += 1
        return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine at its start."""
    return Machine(monkeypatch)


def test_a_full_collection_comes_once_in_a_while(machine: Machine) -> None:
    """However often it is looked."""
    collector = Garbage()
    for _ in range(10 * int(EVERY_S)):
        machine.now_s += 1
        collector.tick()
    assert machine.full == 10


def test_memory_that_grew_is_looked_through_at_once(machine: Machine) -> None:
    """And again only when it has grown by as much once more."""
    collector = Garbage()
    machine.bytes += GROWN_BYTES - 1
    collector.tick()
    assert machine.full == 0
    machine.bytes += 1
    collector.tick()
    collector.tick()
    assert machine.full == 1


def test_python_makes_no_full_collection_meanwhile() -> None:
    """What lives in a circle waits for ours; afterwards Python has its own thresholds again."""
    before = gc.get_threshold()

    async def look() -> None:
        running = asyncio.create_task(Garbage().run())
        await asyncio.sleep(0)
        full = gc.get_stats()[2]["collections"]
        kept: list[list[int]] = [[] for _ in range(math.prod(before) * 3)]
        assert kept
        assert gc.get_stats()[2]["collections"] == full
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(look())
    assert gc.get_threshold() == before


def test_what_is_in_a_circle_is_freed() -> None:
    """Ours is a whole collection."""

    class Node:
        def __init__(self) -> None:
            self.me = self

    gone = weakref.ref(Node())
    collector = Garbage()
    collector._at_s -= EVERY_S
    collector.tick()
    assert gone() is None


def test_the_memory_of_this_process_is_known() -> None:
    """In bytes, and more than an interpreter takes."""
    assert garbage.resident_bytes() > 8 * 2**20
