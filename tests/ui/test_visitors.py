"""The states of tabs that are gone."""

import asyncio

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken

from photon_app.ui.visitors import GONE_S, MOST_GONE, Visitors
from tests.fakes.loop import FakeLoop
from tests.fakes.waiting import wait_until


class Tabs:
    """States in memory, and who is connected."""

    def __init__(self) -> None:
        self.manager = StateManagerMemory()  # type: ignore[abstract]
        self.connected: set[str] = set()
        self.time = FakeLoop()
        self.visitors = Visitors(self.manager, lambda: self.connected, self.time)

    async def come(self, name: str) -> None:
        """A tab that was hydrated."""
        self.connected.add(name)
        async with self.manager.modify_state(self.token(name)):
            pass

    async def close(self) -> None:
        """End what the states need."""
        await self.manager.close()  # type: ignore[no-untyped-call]

    @staticmethod
    def token(name: str) -> BaseStateToken:
        """A tab's."""
        return BaseStateToken(ident=name, cls=rx.State)

    def names(self) -> list[str]:
        """Whose state is held."""
        return list(self.manager.states)


def test_a_state_outlives_its_tab_by_a_moment() -> None:
    """So that one that comes back at once finds it; one that is connected is never forgotten."""

    async def scenario() -> None:
        tabs = Tabs()
        await tabs.come("stays")
        await tabs.come("goes")
        tabs.connected.remove("goes")
        assert tabs.visitors.sweep() == 1
        tabs.time.advance(GONE_S / 2)
        assert tabs.visitors.sweep() == 1
        assert tabs.names() == ["stays", "goes"]
        tabs.time.advance(GONE_S / 2)
        assert tabs.visitors.sweep() == 0
        assert tabs.names() == ["stays"]
        await tabs.close()

    asyncio.run(scenario())


def test_one_that_came_back_is_gone_from_when_it_goes_again() -> None:
    async def scenario() -> None:
        tabs = Tabs()
        await tabs.come("a")
        for _ in range(3):
            tabs.connected.clear()
            tabs.visitors.sweep()
            tabs.time.advance(GONE_S - 1)
            tabs.connected.add("a")
            tabs.visitors.sweep()
        assert tabs.names() == ["a"]
        await tabs.close()

    asyncio.run(scenario())


def test_of_many_that_are_gone_the_longest_gone_go_first() -> None:
    async def scenario() -> None:
        tabs = Tabs()
        for number in range(MOST_GONE + 50):
            await tabs.come(str(number))
            tabs.connected.clear()
            tabs.visitors.sweep()
            assert len(tabs.names()) <= MOST_GONE
        assert tabs.names()[0] == "50"
        await tabs.close()

    asyncio.run(scenario())


def test_a_state_in_use_is_left_until_it_is_not() -> None:
    async def scenario() -> None:
        tabs = Tabs()
        await tabs.come("a")
        tabs.connected.clear()
        tabs.visitors.sweep()
        tabs.time.advance(GONE_S)
        async with tabs.manager.modify_state(tabs.token("a")):
            assert tabs.visitors.sweep() == 1
        assert tabs.visitors.sweep() == 0
        assert tabs.names() == []
        await tabs.close()

    asyncio.run(scenario())


def test_it_looks_by_itself_while_there_is_anything_to_forget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("photon_app.ui.visitors.SWEEP_S", 0.001)

    async def scenario() -> None:
        tabs = Tabs()
        await tabs.come("a")
        tabs.connected.clear()
        tabs.visitors.left()
        first = tabs.visitors._timer
        await wait_until(lambda: tabs.visitors._timer is not first)  # it has looked, in vain
        tabs.time.advance(GONE_S)
        await wait_until(lambda: not tabs.names() and tabs.visitors._timer is None, 5)
        await tabs.close()

    asyncio.run(scenario())
