"""The one timer of all channels: it decides when each is flushed.

A channel that has updates asks for its next flush. ``soon`` means at once if its last flush began
at least one interval ago, and otherwise as soon as it did; ``at`` means at a given time. So a lone
price is not delayed, a busy market is sent in batches, and an idle one costs nothing.

A channel that can write a part of what waits need not wait for the whole interval. It has a credit
of time, which grows by the cost of one flush in each interval, up to that cost: it is flushed
``soon`` when the credit pays for the least part that is worth it, writes for as long as the credit
lasts, and leaves the rest for the next flush. So at a print not all clients wait because there is
no time for all, and none is left for more than an interval. A flush that is due by the interval, or
that must write everything, ends with no credit and no debt.

The interval follows the cost: it is the time that recent flushes took, divided by ``SHARE``. So
flushes take at most that share of a core until the interval reaches its maximum, ``flush_s``: with
five clients a price waits for a millisecond at most, and with five thousand for ``flush_s``. The
cost is a moving average for each channel, on the loop's clock. Channels share one core, so the
costs of all that were flushed within the last ``flush_s`` add up.

Called on the event loop only. A channel may ask again while it is flushed: then the event loop runs
first. Bound: a few numbers per channel, and one timer of the event loop.
"""

import logging
import math
from typing import Protocol

from photon_app.hub.loop import Loop, Timer

log = logging.getLogger(__name__)

TIMER_LATE_S = 0.0005
"""How late a timer is on average: epoll counts in whole milliseconds, and asyncio rounds up."""
SHARE = 0.35
"""The part of one core that flushes may take while the interval is between its bounds."""
LEAST_S = 0.001
"""The shortest interval: a timer of the event loop cannot be more exact."""
SMOOTHING = 0.25
"""The weight of the newest flush in the average cost."""
RETRY_S = 1.0
"""After this time a channel is flushed again whose flush failed by a fault of ours."""
_LEAST_MEASURED = 0.05
"""The least part of a flush from which the cost of a whole one is concluded."""
_SAME_S = 1e-6
"""Times that differ by less are equal: sums of floats are not exact."""


class Flushed(Protocol):
    """A channel, as it is flushed."""

    def flush(self) -> None:
        """Write what is due."""
        ...


class Flusher:
    """When each channel is flushed.

    Args:
        loop: clock and timer.
        flush_s: the longest interval between two flushes of a channel that wants them ``soon``.
    """

    def __init__(self, loop: Loop, flush_s: float) -> None:
        self.flush_s = flush_s
        self._loop = loop
        self._due_s: dict[Flushed, float] = {}
        self._last_s: dict[Flushed, float] = {}
        self._cost_s: dict[Flushed, float] = {}
        self._credit: dict[Flushed, float] = {}
        """What each channel had left when its last flush ended, in seconds; a little below zero if
        that took longer than it should."""
        self._flushing: Flushed | None = None
        self._timer: Timer | None = None
        self._armed_s = math.inf

    def now_s(self) -> float:
        """The clock of all flush times: monotonic seconds."""
        return self._loop.time()

    def soon(self, channel: Flushed, *, least: float = 1.0, since_s: float = math.inf) -> None:
        """Flush a channel at once, or as soon as its last flush began one interval ago.

        Args:
            channel: which.
            least: the part of a flush for which there must be time, if it may be flushed earlier.
            since_s: since when something waits that an earlier flush has left: no longer than one
                interval.
        """
        due_s, now_s = self.next_s(channel, since_s), self._loop.time()
        now = due_s <= now_s or self._part(channel, now_s) >= least
        if now and channel is not self._flushing:
            self._flush(channel)
        else:
            self.at(channel, due_s - TIMER_LATE_S)

    def at(self, channel: Flushed, due_s: float) -> None:
        """Flush a channel at a time, unless it is flushed earlier."""
        if due_s >= self._due_s.get(channel, math.inf):
            return
        self._due_s[channel] = due_s
        if due_s < self._armed_s:
            self._arm(due_s)

    def waits(self, channel: Flushed) -> bool:
        """Whether a channel has asked for a flush that has not happened yet."""
        return channel in self._due_s

    def next_s(self, channel: Flushed, since_s: float = math.inf) -> float:
        """When a channel may be flushed again ``soon``; ``since_s`` as there."""
        last_s = self._last_s.get(channel)
        if last_s is None:
            return -math.inf
        interval_s = self.interval_s(last_s)
        return min(since_s, last_s - max(0.0, self._credit_part(channel)) * interval_s) + interval_s

    def interval_s(self, now_s: float) -> float:
        """The time between two flushes of a channel, by what flushes cost until now."""
        since_s = now_s - self.flush_s
        cost_s = sum(self._cost_s.get(one, 0) for one, at in self._last_s.items() if at >= since_s)
        return min(self.flush_s, max(LEAST_S, cost_s / SHARE))

    def begin(self, channel: Flushed) -> None:
        """A channel begins to be flushed, here or by another caller: forget what it asked for."""
        self._due_s.pop(channel, None)
        if not self._due_s and self._timer is not None:
            self._timer.cancel()
            self._timer, self._armed_s = None, math.inf

    def write(
        self, channel: Flushed, *, everything: bool = True, since_s: float = math.inf
    ) -> float:
        """A channel begins to write: the next flush that it wants ``soon`` has to wait.

        Args:
            channel: which.
            everything: whether it must write everything.
            since_s: as for ``soon``.

        Returns:
            For how long it may write, for ``written``; infinite if it writes everything.
        """
        now_s = self._loop.time()
        whole = everything or self.next_s(channel, since_s) <= now_s + TIMER_LATE_S + _SAME_S
        for_s = math.inf if whole else self._part(channel, now_s) * self._cost_s.get(channel, 0.0)
        self._last_s[channel], self._credit[channel] = now_s, 0.0
        return for_s

    def written(
        self,
        channel: Flushed,
        for_s: float = math.inf,
        *,
        part: float | None = 1.0,
        part_ended_s: float = math.inf,
    ) -> None:
        """A channel has written: what that took counts.

        Args:
            channel: which.
            for_s: what ``write`` returned.
            part: how much of a flush it was; ``None`` if it was the rest of earlier ones.
            part_ended_s: when that was written, if what came after it is never written in parts.
        """
        now_s = self._loop.time()
        spent_s = now_s - self._last_s[channel]
        if for_s < math.inf:
            self._credit[channel] = for_s - spent_s
        if part is not None:
            rest_s = max(0.0, now_s - part_ended_s)
            cost_s = (spent_s - rest_s) / max(part, _LEAST_MEASURED) + rest_s
            average_s = self._cost_s.get(channel, cost_s)
            self._cost_s[channel] = average_s + SMOOTHING * (cost_s - average_s)

    # Inside

    def _credit_part(self, channel: Flushed) -> float:
        """For which part of a flush the credit paid when the last one ended."""
        cost_s = self._cost_s.get(channel, 0.0)
        return min(1.0, self._credit[channel] / cost_s) if cost_s else 0.0

    def _part(self, channel: Flushed, now_s: float) -> float:
        """For which part of a flush the credit pays now."""
        last_s = self._last_s.get(channel)
        if last_s is None:
            return 1.0
        grown = (now_s - last_s + _SAME_S) / self.interval_s(last_s)
        return min(1.0, self._credit_part(channel) + grown)

    def _arm(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_s = due_s
        self._timer = self._loop.call_later(max(0.0, due_s - self._loop.time()), self._fire)

    def _fire(self) -> None:
        self._timer, self._armed_s = None, math.inf
        now_s = self._loop.time() + _SAME_S
        for channel in [one for one, due_s in self._due_s.items() if due_s <= now_s]:
            if self._due_s.pop(channel, None) is not None:
                self._flush(channel)
        due_s = min(self._due_s.values(), default=math.inf)
        if due_s < self._armed_s:
            self._arm(due_s)

    def _flush(self, channel: Flushed) -> None:
        """Flush a channel; a fault of ours affects no other channel, and the flush is retried."""
        outer, self._flushing = self._flushing, channel
        try:
            channel.flush()
        except Exception:
            log.exception("a channel could not be flushed; it is tried again in %g s", RETRY_S)
            self.at(channel, self._loop.time() + RETRY_S)
        finally:
            self._flushing = outer
