"""A feed and a fake Finnhub that plays a script, on one clock that the test moves.

``history`` runs both for some time and returns what a bystander would have written down. The jitter
is always the longest, so that every moment is known.
"""

import asyncio
import dataclasses
import random
from typing import Any

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub_wire import Subscribe
from photon_app.model import FailureReason, FeedStatus
from photon_app.settings import Secret
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.finnhub_script import Script
from tests.fakes.market import FakeMarket
from tests.fakes.time import VirtualTime

KEY = Secret("canary/+key=%41")


class Longest(random.Random):
    """Jitter that never shortens a delay."""

    def uniform(self, a: float, b: float) -> float:
        """The longer of the two."""
        return max(a, b)


@dataclasses.dataclass(frozen=True)
class History:
    """What was seen from outside."""

    attempts: list[tuple[float, int]]
    """When each handshake came, rounded to 0.1 s, and how it was answered."""
    statuses: list[FeedStatus]
    subscribed: list[list[str]]
    """What each line was asked for, in order."""
    most_open: int
    fastest: int
    """Most messages on one line within any second."""
    market: FakeMarket
    feed: FinnhubFeed

    @property
    def times(self) -> list[float]:
        """When each handshake came."""
        return [at_s for at_s, _ in self.attempts]

    @property
    def states(self) -> list[str]:
        """The states in order, each once."""
        states = [status.state for status in self.statuses]
        return [s for n, s in enumerate(states) if n == 0 or s != states[n - 1]]

    @property
    def failures(self) -> dict[FailureReason, int]:
        """The counts by reason at the end."""
        return dict(self.statuses[-1].failures)

    @property
    def words(self) -> list[str]:
        """Why each attempt or line ended."""
        prefix = "Failed to connect to Finnhub: "
        return [
            status.detail.removeprefix(prefix).partition("; next attempt")[0]
            for status in self.statuses
            if status.retry_at_ms is not None
        ]


async def history(
    script: Script,
    seconds: float,
    wanted: frozenset[str] = frozenset({"A", "B"}),
    *,
    feed_options: dict[str, Any] | None = None,
    **fake_options: Any,
) -> History:
    """Play a script to a feed for so long."""
    time = VirtualTime()
    market = FakeMarket()
    async with FakeFinnhub(script=script, time=time, **fake_options) as fake:
        options = {"time": time, "rng": Longest(), **(feed_options or {})}
        feed = FinnhubFeed(fake.url, KEY, **options)
        feed.want(wanted)
        running = asyncio.create_task(feed.run(market))
        await time.advance(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled(), "the feed has failed"
        return History(
            attempts=[(round(at_s, 1), status) for at_s, status in fake.attempts],
            statuses=market.statuses,
            subscribed=[
                [c.symbol for c in line.commands if isinstance(c, Subscribe)]
                for line in fake.connections
            ],
            most_open=fake.most_open,
            fastest=max((_fastest(line.command_times) for line in fake.connections), default=0),
            market=market,
            feed=feed,
        )


def _fastest(times: list[float]) -> int:
    return max((sum(at <= t < at + 1 for t in times) for at in times), default=0)
