"""Photon with a feed that a test plays by hand: a process of its own, with a command on each line.

``with hand_fed() as hand`` starts it; ``hand.do("trade", "AAPL", 190.0)`` calls one of the feed's
methods and returns when it has been called. ``python -m tests.page.hand`` is the process. To
extend: a method of ``PageFeed`` with arguments that JSON can carry.
"""

import asyncio
import contextlib
import dataclasses
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from photon_app import clock, launcher, services, settings, upstream
from photon_app.listings import BundledReference
from photon_app.model import FailureReason, FeedSink, FeedState, FeedStatus, Seed, Trade
from photon_app.upstream import Upstream
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import ROOT, Process, environment
from tests.fakes.server import HandFeed
from tests.fakes.waiting import wait_until

DONE = "hand: done"


class PageReference(BundledReference):
    """The bundled list, and names that the test tells."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    async def name(self, symbol: str) -> str | None:
        """What the test gave, else the list's."""
        return self.given.get(symbol) or await super().name(symbol)


class PageFeed(HandFeed):
    """What a page can be shown."""

    async def run(self, market: FeedSink) -> None:
        """Obey until the process ends."""
        loop = asyncio.get_running_loop()
        self.market = market
        self.reference = PageReference()
        services.install(dataclasses.replace(services.current(), reference=self.reference))
        self.say("live")
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        await asyncio.Event().wait()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            asyncio.run_coroutine_threadsafe(self._obey(name, arguments), loop).result()

    async def _obey(self, name: str, arguments: list[Any]) -> None:
        outcome = getattr(self, name)(*arguments)
        if inspect.isawaitable(outcome):
            await outcome
        os.write(1, f"{DONE}\n".encode())  # past the log, which has what is printed

    async def viewed(self, symbol: str) -> None:
        """Return when somebody has a symbol: the page draws its row before the server knows, and
        what happens to a symbol that no client has is sent to none.
        """
        await wait_until(lambda: symbol in self.viewers, 60)

    def name(self, symbol: str, name: str) -> None:
        """What upstream says that a symbol stands for."""
        self.reference.given[symbol] = name

    def day(self, prices: dict[str, float], prev_close: float) -> None:
        """A day of a few trades for each symbol."""
        assert self.market is not None
        for symbol, price in prices.items():
            self.market.seed(Seed(symbol=symbol, prev_close=prev_close))
            for share in (1.0, 1.012, 0.993, 1.002):
                self.trade(symbol, round(price * share, 2))

    def polled(self, symbol: str, price: float) -> None:
        """A price that was asked for."""
        assert self.market is not None
        second = self.clock.now_ms() // 1000 * 1000
        self.market.seed(Seed(symbol=symbol, prev_close=price - 1, price=price, time_ms=second))

    def polling(self, *symbols: str) -> None:
        """The symbols that are asked for."""
        assert self.market is not None
        self.market.polling(frozenset(symbols))

    def reject(self, symbol: str) -> None:
        """Upstream does not know a symbol."""
        assert self.market is not None
        self.market.rejected(symbol, "Invalid symbol")

    def forget(self) -> None:
        """Lose the state of every tab, as Reflex does an hour after a tab's last event."""
        from photon_app.photon_app import app  # noqa: PLC0415 - only this process has one

        app.state_manager.states.clear()  # type: ignore[attr-defined]

    def earlier(self, symbol: str, price: float, hours: float) -> None:
        """A trade of so many hours ago."""
        assert self.market is not None
        time_ms = self.clock.now_ms() - round(hours * 3_600_000)
        self.market.trades([Trade(symbol, price, 100, time_ms)])

    def printed(self, symbol: str, price: float, ago_ms: int = 0, *conditions: str) -> None:
        """One print of a while ago."""
        assert self.market is not None
        time_ms = self.clock.now_ms() - ago_ms
        self.market.trades([Trade(symbol, price, 10, time_ms, conditions)])

    def sized(self, symbol: str, price: float, *volumes: float) -> None:
        """Trades of these sizes, one after the other."""
        now = self.clock.now_ms()
        assert self.market is not None
        self.market.trades([Trade(symbol, price, volume, now) for volume in volumes])

    def burst(self, symbol: str, *prices: float) -> None:
        """Trades in one frame."""
        now = self.clock.now_ms()
        assert self.market is not None
        self.market.trades([Trade(symbol, price, 10, now) for price in prices])

    def fail(
        self,
        state: FeedState,
        detail: str,
        retry_in_s: float,
        failures: dict[FailureReason, int],
    ) -> None:
        """The connection is lost."""
        assert self.market is not None
        now = self.clock.now_ms()
        self.market.status(
            FeedStatus(
                source="finnhub",
                state=state,
                since_ms=now,
                detail=detail,
                retry_at_ms=now + round(retry_in_s * 1000),
                failures=failures,
            )
        )


class Hand(Process):
    """The process, and what to tell it."""

    def do(self, name: str, *arguments: Any) -> None:
        """Call a method of the feed."""
        assert self.popen.stdin is not None
        before = self.output.count(DONE)
        self.popen.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.popen.stdin.flush()
        for _ in range(500):
            if self.output.count(DONE) > before:
                return
            threading.Event().wait(0.01)
        raise AssertionError(f"{name} was not done:\n{self.output}")


@contextlib.contextmanager
def hand_fed(at: int = OPEN_MS, /, **settings: object) -> Iterator[Hand]:
    """A running Photon whose feed is in the test's hand."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "tests.page.hand", str(at)],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process = Hand(popen)
    try:
        process.wait_ready()
        yield process
    finally:
        if popen.poll() is None:
            process.kill()
        process._reader.join(5)
        for stream in (popen.stdin, popen.stdout):
            assert stream is not None
            stream.close()


if __name__ == "__main__":
    clock.start_at(int(sys.argv[1]))
    upstream.of = lambda *_, **__: Upstream(feed=PageFeed("live"))
    sys.exit(launcher.serve(settings.load()))
