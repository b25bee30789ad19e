"""Full collections are rare, and garbage is bounded all the same."""

import asyncio
import gc
import math
import weakref

import pytest

from photon_app import garbage
from photon_app.garbage import EVERY_S, GROWN_BYTES, SOCKET_BYTES, Garbage
from tests.fakes.time import HandTime


class Machine:
    """The clock and the memory that a collector sees, and how often it collected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = HandTime()
        self.bytes = 4 * GROWN_BYTES
        self.full = 0
        self.cost_s = 0.0
        monkeypatch.setattr(garbage, "resident_bytes", lambda: self.bytes)
        monkeypatch.setattr("gc.collect", self._collect)

    def _collect(self) -> int:
        self.full += 1
        self.time.at_s += self.cost_s
        return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine at its start."""
    return Machine(monkeypatch)


def test_a_full_collection_comes_once_in_a_while(machine: Machine) -> None:
    """However often it is looked."""
    collector = Garbage(machine.time)
    for _ in range(10 * int(EVERY_S)):
        machine.time.at_s += 1
        collector.tick()
    assert machine.full == 10


@pytest.mark.parametrize(("cost_s", "every_s"), [(0.02, EVERY_S), (0.1, 100), (0.5, 500)])
def test_a_collection_that_takes_long_is_rarer(
    machine: Machine, cost_s: float, every_s: float
) -> None:
    """As with many clients, of which each waits for it; memory that grew comes first still."""
    machine.cost_s = cost_s
    collector = Garbage(machine.time)
    for _ in range(10 * int(every_s)):
        machine.time.at_s += 1
        collector.tick()
    assert machine.full in {9, 10, 11}
    machine.bytes += GROWN_BYTES
    collector.tick()
    assert machine.full in {10, 11, 12}


def test_memory_that_grew_is_looked_through_at_once(machine: Machine) -> None:
    """And again only when it has grown by as much once more."""
    collector = Garbage(machine.time)
    machine.bytes += GROWN_BYTES - 1
    collector.tick()
    assert machine.full == 0
    machine.bytes += 1
    collector.tick()
    collector.tick()
    assert machine.full == 1


def test_memory_of_sockets_is_no_garbage(machine: Machine) -> None:
    """Memory beside it counts as before, also what those that left have not freed."""
    sockets: list[int] = []
    collector = Garbage(machine.time, sockets)
    for _ in range(10):
        sockets += range(2_000)
        machine.bytes += 2_000 * SOCKET_BYTES
        collector.tick()
    machine.bytes += GROWN_BYTES - 1
    collector.tick()
    assert machine.full == 0
    machine.bytes += 1
    collector.tick()
    assert machine.full == 1
    sockets.clear()
    collector.tick()
    collector.tick()
    assert machine.full == 2


def test_memory_that_was_given_back_is_no_room_for_garbage(machine: Machine) -> None:
    """What may not grow by too much is the least memory that the process had."""
    collector = Garbage(machine.time)
    machine.bytes -= 2 * GROWN_BYTES
    collector.tick()
    machine.bytes += GROWN_BYTES
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


def test_a_collection_of_young_objects_visits_few() -> None:
    """However many come at once: each that was visited is old afterwards."""

    async def look() -> int:
        running = asyncio.create_task(Garbage().run())
        await asyncio.sleep(0)
        most, kept = 0, list[list[int]]()
        for _ in range(5_000):
            kept.append([])
            most = max(most, len(gc.get_objects(0)) + len(gc.get_objects(1)))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return most

    assert asyncio.run(look()) <= 1_000


def test_python_has_its_thresholds_again_whichever_of_two_ends_first() -> None:
    """As when a test runs two servers in one process."""
    before = gc.get_threshold()

    async def run() -> None:
        both = [asyncio.create_task(Garbage().run()) for _ in range(2)]
        await asyncio.sleep(0)
        for one in both:
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)

    asyncio.run(run())
    assert gc.get_threshold() == before


def test_what_is_in_a_circle_is_freed() -> None:
    """Ours is a whole collection."""

    class Node:
        def __init__(self) -> None:
            self.me = self

    gone = weakref.ref(Node())
    time = HandTime()
    collector = Garbage(time)
    time.at_s += EVERY_S
    collector.tick()
    assert gone() is None


def test_the_memory_of_this_process_is_known() -> None:
    """In bytes, and more than an interpreter takes."""
    assert garbage.resident_bytes() > 8 * 2**20
