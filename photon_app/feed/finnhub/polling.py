"""The thin shell that asks Finnhub's REST API for the symbols that the schedule chooses.

Owns two tasks of one group, one for each lane, so that seeds do not wait behind polls. Runs on the
event loop. It asks for one symbol at a time in a lane, and chooses it when the request may be sent,
so no symbol waits behind one whose addresses have had their share. A slow answer slows the polling
and nothing else. A failed call never rejects a symbol. The rate limit is kept in ``budget``.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Protocol

from photon_app.clock import Time
from photon_app.feed.finnhub.poll_schedule import LONGEST_S, PROBE_S, Lane, PollSchedule, doubled
from photon_app.feed.finnhub.rest_wire import Failed, Unknown
from photon_app.feed.finnhub.wakeup import Wakeup
from photon_app.model import FeedSink, Seed


class Quotes(Protocol):
    """A source for a symbol's day. Never raises; waits for its own budget."""

    @property
    def fast_ms(self) -> int | None:
        """How fast this machine's clock is by the source's clock; negative when it is slow,
        ``None`` when that is not known.
        """
        ...

    def wait_s(self, addresses: tuple[str, ...], *, polling: bool = False) -> float:
        """Seconds for which ``quote`` would wait for its turn if no other caller asks."""
        ...

    async def quote(
        self, symbol: str, *, polling: bool = False, addresses: tuple[str, ...] = ()
    ) -> Seed | Unknown | Failed:
        """A symbol's day and last price. Requests with ``polling`` leave room for others.

        Args:
            symbol: canonical.
            polling: whether it is asked for periodically.
            addresses: the addresses that want the answer, as far as they are known.
        """
        ...


class Poller:
    """Asks for one symbol at a time in each lane.

    Args:
        rest: the source.
        schedule: decides whose turn it is.
        time: the clock of the pauses.
        on_unknown: called with a symbol that does not exist, while it is wanted.
        on_change: called after an answer that may have changed which symbols are polled.
        on_answer: called with each answer, before it is evaluated.
    """

    def __init__(
        self,
        rest: Quotes,
        schedule: PollSchedule,
        time: Time,
        *,
        on_unknown: Callable[[str], None],
        on_change: Callable[[], None],
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._rest = rest
        self._schedule = schedule
        self._time = time
        self._on_unknown = on_unknown
        self._on_change = on_change
        self._on_answer = on_answer
        self._wakeups = {lane: Wakeup(time) for lane in Lane}

    def ring(self) -> None:
        """Wake the lanes, because the schedule has changed."""
        for wakeup in self._wakeups.values():
            wakeup.ring()

    async def run(self, market: FeedSink) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for lane in Lane:
                lanes.create_task(self._serve(lane, market))

    async def _serve(self, lane: Lane, market: FeedSink) -> None:
        failures, polling = 0, lane is Lane.POLL
        wait_s = functools.partial(self._rest.wait_s, polling=polling)
        while True:
            turn = self._schedule.next(lane, self._time.monotonic(), wait_s)
            if turn.symbol is None:
                await self._wakeups[lane].wait(turn.wait_s)
                continue
            answer = await self._rest.quote(turn.symbol, polling=polling, addresses=turn.addresses)
            failures = failures + 1 if isinstance(answer, Failed) else 0
            self._on_answer()
            self._take(turn.symbol, answer, market)
            await self._time.sleep(_pause_s(lane, answer, failures))

    def _take(self, symbol: str, answer: Seed | Unknown | Failed, market: FeedSink) -> None:
        now_s = self._time.monotonic()
        match answer:
            case Seed():
                if self._schedule.answered(answer, now_s):
                    market.seed(answer)
            case Unknown():
                if self._schedule.zeros(symbol, now_s):
                    self._on_unknown(symbol)
            case Failed():
                self._schedule.failed(symbol, answer, now_s)
        self._on_change()
        self._wakeups[Lane.POLL].ring()


def _pause_s(lane: Lane, answer: Seed | Unknown | Failed, failures: int) -> float:
    """How long a lane pauses after an answer: longer after failures, and as long as upstream
    asks.
    """
    if not isinstance(answer, Failed):
        return lane.value
    rest_s = min(doubled(2 * Lane.POLL.value, failures - 1), PROBE_S)
    return max(rest_s, min(answer.retry_s, LONGEST_S))
