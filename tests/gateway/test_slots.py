"""A fair limit on long answers in progress."""

import asyncio
from collections.abc import Awaitable, Callable

from photon_app.gateway.slots import Slots


class Kitchen:
    """Askers by name, whose answers are ready when the test says so."""

    def __init__(self, *bounds: int) -> None:
        self.slots = Slots(*bounds)
        self.served: list[str] = []
        self._ready: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def asks(self, *names: str) -> None:
        """Of the address that is a name's first letter."""
        for name in names:
            self._ready[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._ask(name))
        await settle()

    async def _ask(self, name: str) -> None:
        async with self.slots.take(name[0], int(name[2:] or 1)) as granted:
            self.served.append(name if granted else f"not {name}")
            if granted:
                await self._ready[name].wait()

    async def ready(self, *names: str) -> None:
        for name in names:
            self._ready[name].set()
            await settle()

    async def over(self) -> None:
        """All leave, and nothing is remembered."""
        for name in self.tasks:
            await self.ready(name)
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        assert not self.slots._in_progress
        assert not self.slots._queues


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def with_kitchen(check: Callable[[Kitchen], Awaitable[None]], *bounds: int) -> None:
    async def scenario() -> None:
        kitchen = Kitchen(*bounds)
        await check(kitchen)
        await kitchen.over()

    asyncio.run(scenario())


def test_so_many_are_served_at_once_and_of_one_address_not_all() -> None:
    async def check(kitchen: Kitchen) -> None:
        await kitchen.asks("a1", "a2", "a3", "b1", "c1")
        assert kitchen.served == ["a1", "a2", "b1"]
        await kitchen.ready("a1")
        assert kitchen.served[3:] == ["a3"]

    with_kitchen(check, 3, 2, 9)


def test_queues_take_turns() -> None:
    """Who comes later is not behind all that another has asked for."""

    async def check(kitchen: Kitchen) -> None:
        await kitchen.asks("a1", "a2", "a3", "a4", "b1", "c1")
        await kitchen.ready("a1", "a2", "b1", "c1")
        assert kitchen.served == ["a1", "a2", "b1", "c1", "a3"]

    with_kitchen(check, 1, 1, 9)


def test_a_queue_is_bounded() -> None:
    async def check(kitchen: Kitchen) -> None:
        await kitchen.asks("a1", "a2", "a3", "a4", "b1")
        assert kitchen.served == ["a1", "not a4"]

    with_kitchen(check, 1, 1, 2)


def test_who_goes_away_while_waiting_holds_nothing() -> None:
    """Also at the moment in which it gets its slot."""

    async def check(kitchen: Kitchen) -> None:
        await kitchen.asks("a1", "a2", "a3", "a4")
        kitchen.tasks["a2"].cancel()
        await settle()
        kitchen._ready["a1"].set()
        while not any(task.done() for name, task in kitchen.tasks.items() if name == "a1"):
            await asyncio.sleep(0)
        kitchen.tasks["a3"].cancel()
        await settle()
        assert kitchen.served == ["a1", "a4"]

    with_kitchen(check, 1, 1, 9)


def test_who_asks_for_much_is_not_overtaken_by_many_small_ones() -> None:
    """Nor do the small ones of its own address wait while it is served."""

    async def check(kitchen: Kitchen) -> None:
        await kitchen.asks("a1", "b1", "c1", "d14", "a2", "b2")
        assert kitchen.served == ["a1", "b1", "c1"]
        await kitchen.ready("a1")
        assert kitchen.served[3:] == ["d14"]
        await kitchen.ready("b1", "c1", "d14")
        assert kitchen.served[4:] == ["a2", "b2"]

    with_kitchen(check, 6, 4, 9)
