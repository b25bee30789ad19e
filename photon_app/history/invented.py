"""The invented past of one symbol of a simulator, as bars of any timeframe.

Pure but for the caches of ``feed.simulated.past``. Made for one query, which calls it for a few
days per iteration of the event loop, or for two hours of minutes. It does not know which bars were
really traded: the query combines the two, and real bars take precedence.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, span_at
from photon_app.feed.simulated.past import Hours, SimulatedPast
from photon_app.market.merge import by_span
from photon_app.model import Bar, Timeframe

PART_MS = 2 * HOUR_MS


class Invented:
    """The invented past of one symbol until now.

    Args:
        past: invents it.
        symbol: which.
        now_ms: where it ends.
        calendar: the exchange's days as far as they are known.
        begun: when trades began, and at which price: the invented bars of that day lead there.
    """

    def __init__(
        self,
        past: SimulatedPast,
        symbol: str,
        now_ms: int,
        calendar: Calendar,
        begun: tuple[int, float] | None = None,
    ) -> None:
        self._past = past
        self._symbol = symbol
        self._now_ms = now_ms
        self._calendar = calendar
        self._begun = begun
        self.first_ms = past.first_ms(symbol, now_ms)
        """When the oldest bar begins."""
        self.begun_ms = 0 if begun is None else begun[0] - begun[0] % MINUTE_MS
        """The minute in which trades began; 0 if the symbol is not followed."""

    def minutes(self, from_ms: int, to_ms: int) -> list[Bar]:
        """The minutes that begin in a half-open range, the oldest first."""
        return [bar for _, bar in self.bars("1m", from_ms, to_ms)]

    def last_before(self, time_ms: int) -> list[int]:
        """A time within the newest invented minute before a time; empty when there is none."""
        if time_ms <= self.first_ms:
            return []
        day = self._past.hours_at(self._symbol, min(time_ms, self._now_ms) - 1)
        return [min(time_ms, self._now_ms, day.done_ms) - 1]

    def parts(self, from_ms: int, to_ms: int, *, newest: bool) -> Iterator[tuple[int, int]]:
        """A range in parts, the newest or the oldest first: each has at most ``PART_MS`` of the
        hours of one trading day.
        """
        from_ms, to_ms = max(from_ms, self.first_ms), min(to_ms, self._now_ms)
        while from_ms < to_ms:
            day = self._past.hours_at(self._symbol, to_ms - 1 if newest else from_ms)
            begin_ms, end_ms = max(from_ms, day.begins_ms), min(to_ms, day.ends_ms)
            if newest:
                begin_ms = max(begin_ms, min(end_ms, day.done_ms) - PART_MS)
            elif begin_ms + PART_MS < day.done_ms:
                end_ms = min(end_ms, begin_ms + PART_MS)
            yield begin_ms, end_ms
            if newest:
                to_ms = begin_ms
            else:
                from_ms = end_ms

    def bars(self, timeframe: Timeframe, from_ms: int, to_ms: int) -> list[tuple[Span, Bar]]:
        """The bars of a timeframe that begin in a half-open range, each with its span."""
        found: list[tuple[Span, Bar]] = []
        time_ms = max(from_ms, self.first_ms)
        # A bar of a day begins with its date, some hours before its first session.
        until_ms = min(to_ms + DAY_MS if timeframe == "1d" else to_ms, self._now_ms)
        while time_ms < until_ms:
            day = self._past.hours_at(self._symbol, time_ms)
            found += self._of(timeframe, day, from_ms, to_ms)
            time_ms = day.ends_ms
        return [(span, bar) for span, bar in found if from_ms <= span.start_ms < to_ms]

    def newest_day(self) -> Sequence[Bar]:
        """The newest day so far, in bars of five minutes."""
        ends_ms, price = self._end(self._past.hours_at(self._symbol, self._now_ms))
        return self._past.fives(self._symbol, ends_ms, price)

    def _of(
        self, timeframe: Timeframe, day: Hours, from_ms: int, to_ms: int
    ) -> Iterable[tuple[Span, Bar]]:
        """The bars of one trading day up to now: those that begin in a range, and maybe others."""

        def span_of(time_ms: int) -> Span:
            return span_at(timeframe, self._symbol, time_ms, self._calendar)

        ends_ms, price = self._end(day)
        if ends_ms < day.done_ms:
            if timeframe == "1d":
                return by_span(self._past.so_far(self._symbol, ends_ms, price), span_of)
            # The last span that begins in the range may end an hour after it.
            made = self._past.running(self._symbol, ends_ms, price, from_ms, to_ms + HOUR_MS)
            return by_span(made, span_of)
        if timeframe == "1d":
            span = span_of(day.start_ms)
            bar = self._past.day(self._symbol, day)
            return [(span, msgspec.structs.replace(bar, time_ms=span.start_ms))]
        bars = self._past.of_day(self._symbol, timeframe, day, from_ms, to_ms)
        return [(span_of(bar.time_ms), bar) for bar in bars]

    def _end(self, day: Hours) -> tuple[int, float]:
        """When a day's invented bars end, and the price that they lead to. The time is not before
        the end of the day if the whole day is invented.
        """
        if self._begun is not None and day.begins_ms <= self._begun[0] < day.done_ms:
            return self._begun
        if self._now_ms >= day.done_ms:
            return day.done_ms, 0.0
        return self._now_ms, self._past.price(self._symbol, self._now_ms)
