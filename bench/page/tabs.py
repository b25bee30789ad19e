"""What fifty tabs cost the server.

What a tab says on ``/ws`` is recorded from a real one, and fifty clients say the same and read.
They stand for whole tabs: a tab's other socket, Reflex's ``/_event``, is silent while prices move,
and the files and bars of a load are not counted.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

from playwright.sync_api import Browser
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench import machine
from bench.findings import Finding
from bench.page.stage import FIFTY, Stage, fed, simulated
from bench.page.traffic import Traffic, is_ping
from bench.page.visit import visit

TABS = 50
SECONDS = 10.0
WARM_S = 3.0
EACH_PER_S = 20
MOST_SHARE = 0.25
_OPENED_WITHIN_S = 30.0


def tabs(browser: Browser) -> list[Finding]:
    """With the ten symbols of a new user, and with fifty at 20 trades a second each."""
    with simulated() as stage:
        usual = _cost(browser, stage, "10 rows, the simulator")
    with fed(len(FIFTY) * EACH_PER_S) as stage:
        busy = _cost(browser, stage, f"50 rows, {EACH_PER_S} trades/s each")
    return [usual, busy]


def _cost(browser: Browser, stage: Stage, what: str) -> Finding:
    url, said = _recorded(browser, stage)
    alone = _share(stage)
    with _opened(url, said):
        time.sleep(WARM_S)
        share = _share(stage) - alone
    figure = f"{share:.1%} of a core ({alone:.1%} without any)"
    title = f"{TABS} tabs, {what}: the server"
    return Finding(title, figure, f"≤ {MOST_SHARE:.0%} of a core", share <= MOST_SHARE)


def _share(stage: Stage) -> float:
    meter = machine.Meter(stage.pid)
    time.sleep(SECONDS)
    return meter.cores()


def _recorded(browser: Browser, stage: Stage) -> tuple[str, list[str]]:
    """Where a tab connects, and what it says there in its first seconds."""
    traffic = Traffic()
    with visit(browser, stage, heard=traffic.listen) as seen:
        seen.wait_priced()
        stage.wait_wanted()
        seen.rest(WARM_S)
    url, said = traffic.frames_to("/ws")
    return url, [text for text in said if not is_ping(text)]


@contextlib.contextmanager
def _opened(url: str, said: list[str]) -> Iterator[None]:
    """Clients in a thread of their own, since Playwright holds this one."""
    loop = asyncio.new_event_loop()
    opened, ended = threading.Event(), asyncio.Event()
    running = 0

    async def client() -> None:
        nonlocal running
        async with connect(url, compression=None, max_queue=None) as socket:
            for text in said:
                await socket.send(text)
            running += 1
            if running == TABS:
                opened.set()
            with contextlib.suppress(ConnectionClosed):
                async for _ in socket:
                    pass

    async def clients() -> None:
        tasks = [asyncio.create_task(client()) for _ in range(TABS)]
        await ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(clients()))
    thread.start()
    try:
        assert opened.wait(_OPENED_WITHIN_S), f"not all of {TABS} tabs were let in"
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()
