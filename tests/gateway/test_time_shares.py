"""How much of the time the messages of one address may take."""

import asyncio
import json
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from photon_app.gateway.time_shares import SHARE, SLACK_S, TimeShare, TimeShares
from tests.fakes.server import serving
from tests.fakes.time import HandTime


class Clock:
    """A clock that work moves, and a loop that sleeps on it."""

    def __init__(self) -> None:
        self.time = HandTime(50.0)
        self.shares = TimeShares(self.time)
        self.did: list[tuple[str, float]] = []

    def work(self, who: str, seconds: float, waited_s: float) -> None:
        self.did.append((who, waited_s))
        self.time.at_s += seconds


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.05)), min_size=1, max_size=50))
def test_a_client_that_waits_its_turn_gets_its_share_of_the_time_and_no_more(
    asks: list[tuple[float, float]],
) -> None:
    """In any stretch of time, but for what it may be ahead and its last message."""
    share, now_s, done = TimeShare(), 100.0, []
    for pause_s, work_s in asks:
        now_s += pause_s
        now_s += share.wait_s(now_s)
        share.spend(now_s, work_s)
        done.append((now_s, work_s))
    for first, (began_s, _) in enumerate(done):
        spent_s = 0.0
        for at_s, work_s in done[first:]:
            assert spent_s <= SHARE * (at_s - began_s + SLACK_S) + 0.05 + 1e-6
            spent_s += work_s


def test_an_address_that_is_alone_never_waits() -> None:
    """However much it asks for."""
    clock = Clock()

    async def scenario() -> None:
        for _ in range(3):
            clock.shares.enter("a")
        for _ in range(100):
            await clock.shares.run("a", lambda waited_s: clock.work("a", 1, waited_s))

    asyncio.run(scenario())
    assert clock.did == [("a", 0.0)] * 100


def test_beside_others_an_address_waits_and_the_others_do_not() -> None:
    """Its messages come in the order in which they came, with how long they waited."""

    async def scenario() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        shares = TimeShares()
        did: list[tuple[str, float]] = []
        for address in ("rude", "honest"):
            shares.enter(address)

        def work(who: str, address: str, waited_s: float) -> None:
            did.append((who, waited_s))
            shares._shares[address].spend(loop.time(), 0.02)  # as if it had taken that long

        rude = [
            asyncio.create_task(shares.run("rude", partial(work, f"rude {n}", "rude")))
            for n in range(5)
        ]
        await asyncio.sleep(0)
        await shares.run("honest", partial(work, "honest", "honest"))
        await asyncio.gather(*rude)
        return did

    did = asyncio.run(scenario())
    assert [who for who, _ in did] == ["rude 0", "honest", *(f"rude {n}" for n in range(1, 5))]
    waited = dict(did)
    assert waited["honest"] == waited["rude 0"] == 0
    assert waited["rude 4"] >= 3 * (0.02 / SHARE)


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.booleans()), max_size=40))
def test_an_address_without_sockets_has_no_entry(steps: list[tuple[str | None, bool]]) -> None:
    """Memory is bounded by what is open."""
    shares = TimeShares(HandTime())
    opened: list[str | None] = []

    async def scenario() -> None:
        for address, opens in steps:
            if opens:
                shares.enter(address)
                opened.append(address)
                await shares.run(address, lambda _: None)
            elif address in opened:
                shares.leave(address)
                opened.remove(address)
            assert len(shares) == len(set(opened))
            assert shares._shares.keys() <= set(opened)

    asyncio.run(scenario())


def test_clients_of_several_addresses_are_answered() -> None:
    """Over sockets."""

    async def scenario() -> None:
        async with (
            serving() as server,
            connect(server.ws, compression=None) as slowed,
            connect(server.ws, compression=None, local_addr=("127.0.0.2", 0)) as other,
        ):
            for n in range(30):
                await slowed.send(json.dumps({"action": "ping", "id": n}))
            for connection in (slowed, other):
                await connection.send('{"action":"ping","id":"last"}')
                async with asyncio.timeout(5):
                    while json.loads(await connection.recv()).get("id") != "last":
                        pass

    asyncio.run(scenario())
