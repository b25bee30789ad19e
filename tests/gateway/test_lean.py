"""The small event and queue behave as asyncio's."""

import asyncio

from photon_app.gateway.lean import Gate, Mailbox


def test_a_gate_is_open_until_it_is_shut_and_lets_all_pass_when_it_opens() -> None:
    """Also those that wait since before, and it may be shut again."""

    async def scenario() -> None:
        gate = Gate()
        assert gate.is_set()
        await gate.wait()
        gate.clear()
        gate.clear()
        waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        gate.set()
        assert await asyncio.gather(*waiting) == [True] * 3
        gate.clear()
        assert not gate.is_set()

    asyncio.run(scenario())


def test_a_mailbox_gives_each_item_once_and_in_order() -> None:
    """To readers that came before and after."""

    async def scenario() -> None:
        box: Mailbox[int] = Mailbox()
        early = [asyncio.create_task(box.get()) for _ in range(2)]
        await asyncio.sleep(0)
        for n in range(4):
            box.put_nowait(n)
        assert box.qsize() == 4
        assert await asyncio.gather(*early) == [0, 1]
        assert (await box.get(), await box.get()) == (2, 3)
        assert box.empty()

    asyncio.run(scenario())


def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    """Neither before an item comes nor in the turn in which it came."""

    async def scenario() -> None:
        box: Mailbox[str] = Mailbox()
        first, second, third = (asyncio.create_task(box.get()) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        box.put_nowait("a")
        second.cancel()
        assert await asyncio.wait_for(third, 1) == "a"
        assert (first.cancelled(), second.cancelled(), box._readers) == (True, True, [])

    asyncio.run(scenario())
