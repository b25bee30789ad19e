"""How far a tape is behind this machine's clock, and which of the two is wrong.

``Offset`` measures. A trade arrives some tenths of a second after its exchange's time, so the
smallest delay among the trades of a few seconds is the offset between the two clocks plus the time
for which the tape is delayed. A trade with an odd time, or a report that came late, affects few
such spans, so a middle one of the spans is used. ``judge`` decides the cause of an offset; a
server's own clock, from the ``Date`` of an answer, distinguishes a delayed tape from a wrong clock
here. Pure and synchronous; called by ``FinnhubFeed`` on the event loop.

Bound: ``SPANS`` numbers for each of ``MARKETS`` exchanges.
"""

import statistics
from collections import deque

from photon_app.model import Fact, Trade

SPAN_S = 5.0
SPANS = 12
LEAST_SPANS = 3
"""Fewer spans prove nothing."""
KEPT_S = 600.0
"""An older span says nothing about the present."""
MARKETS = 16

YEAR_2000_MS, YEAR_2100_MS = 946_684_800_000, 4_102_444_800_000

REPORTED_MS = 5_000
"""Smallest offset that is reported to people."""
DELAYED_MS = 60_000
"""A tape that is this far behind counts as delayed."""
SETTLED_MS = 2_000
"""A smaller change does not replace what was reported."""


class Offset:
    """The offset by exchange, measured from trades, because a plan may delay one exchange and not
    another.
    """

    def __init__(self) -> None:
        self._spans: dict[str, deque[list[float]]] = {}

    def clear(self) -> None:
        """Forget all measurements, because the clock here was set."""
        self._spans.clear()

    def arrived(self, symbol: str, time_ms: int, now_ms: int, now_s: float) -> bool:
        """Record the arrival of a trade; returns whether it is the first one of a span.

        Args:
            symbol: of the trade.
            time_ms: its time at the exchange.
            now_ms: this machine's time.
            now_s: a clock that is never set.
        """
        if not YEAR_2000_MS <= time_ms < YEAR_2100_MS:
            return False
        exchange, colon, _ = symbol.partition(":")
        spans = self._spans.get(exchange if colon else "")
        if spans is None:
            if len(self._spans) >= MARKETS:
                return False
            spans = self._spans[exchange if colon else ""] = deque(maxlen=SPANS)
        begun_s, behind_ms = now_s // SPAN_S, now_ms - time_ms
        if not spans or spans[-1][0] != begun_s:
            spans.append([begun_s, behind_ms])
            return True
        spans[-1][1] = min(behind_ms, spans[-1][1])
        return False

    def measured(self, now_s: float) -> list[int]:
        """How far each exchange's tape is behind, in ms; negative where it is ahead. Exchanges with
        too few spans are left out.
        """
        oldest = (now_s - KEPT_S) // SPAN_S
        recent = ([ms for begun, ms in spans if begun >= oldest] for spans in self._spans.values())
        return [_typical(sorted(each)) for each in recent if len(each) >= LEAST_SPANS]

    def guess(self, now_s: float) -> int:
        """An estimate for all exchanges together from what little arrived; 0 when nothing did. It
        can be too large, so that a caller that waits for the tape waits too long rather than too
        short.
        """
        oldest = (now_s - KEPT_S) // SPAN_S
        least = [
            min((ms for begun, ms in spans if begun >= oldest), default=0)
            for spans in self._spans.values()
        ]
        return max(0, round(max(least, default=0)))


def _typical(spans: list[float]) -> int:
    """The median of the sorted spans. When that is positive, the lower quartile, because in a quiet
    market some spans contain only reports that came late.
    """
    middle = statistics.median_low(spans)
    return round(middle if middle <= 0 else max(0, spans[len(spans) // 4]))


class Verdict(Fact, frozen=True):
    """The conclusion from an offset."""

    behind_ms: int = 0
    """How far the slowest tape is behind this machine's clock; negative when all are ahead."""
    ahead_ms: int = 0
    """How far a tape is ahead of this machine's clock."""
    delay_ms: int | None = None
    """How long the tape is delayed."""
    detail: str = ""
    """A sentence that says what to do, when the offset is more than seconds."""

    def settled(self, before: "Verdict") -> "Verdict":
        """This verdict, or the previous one when they differ only slightly."""
        moved_ms = max(
            abs(self.behind_ms - before.behind_ms),
            abs(self.ahead_ms - before.ahead_ms),
            abs((self.delay_ms or 0) - (before.delay_ms or 0)),
        )
        alike = (self.delay_ms is None) is (before.delay_ms is None)
        return (
            before
            if alike and moved_ms < SETTLED_MS and bool(self.detail) is bool(before.detail)
            else self
        )


class TapeClock:
    """The offset of one feed's tape as it is known, and the last verdict on it."""

    def __init__(self) -> None:
        self._offset = Offset()
        self._guess_ms = 0
        self.verdict = Verdict()

    @property
    def distance(self) -> tuple[int, int]:
        """How far the tape is behind this machine's clock and how far ahead, in ms; an estimate at
        first.
        """
        if self.verdict == Verdict():
            return self._guess_ms, 0
        return self.verdict.behind_ms, self.verdict.ahead_ms

    def arrived(self, trade: Trade, now_ms: int, now_s: float) -> bool:
        """Record the arrival of a trade; see ``Offset.arrived``."""
        return self._offset.arrived(trade.symbol, trade.time_ms, now_ms, now_s)

    def clear(self) -> None:
        """Measure again, because this machine slept or its clock was set."""
        self._offset.clear()

    def set_back(self, back_ms: int) -> None:
        """This machine's clock was set back, so the tape is ahead by that much more."""
        self._offset.clear()
        self.verdict = Verdict(
            behind_ms=self.verdict.behind_ms - back_ms,
            ahead_ms=self.verdict.ahead_ms + back_ms,
            delay_ms=self.verdict.delay_ms,
        )

    def look(self, now_s: float, fast_ms: int | None) -> None:
        """Judge again when there is anything to judge by: a delay is not forgotten because the
        market is closed.
        """
        measured = self._offset.measured(now_s)
        wrong = fast_ms is not None and abs(fast_ms) >= REPORTED_MS
        if measured or wrong or (fast_ms is not None and self.verdict.delay_ms is None):
            self.verdict = judge(measured, fast_ms).settled(self.verdict)
        self._guess_ms = 0 if measured else self._offset.guess(now_s)


_SET_IT = "set it, for example with timedatectl set-ntp true"


def judge(measured: list[int], fast_ms: int | None) -> Verdict:
    """Decide the cause of an offset.

    Args:
        measured: the result of ``Offset.measured``.
        fast_ms: how fast this machine's clock is, by the ``Date`` of an answer; ``None`` when
            unknown.
    """
    wrong = fast_ms is not None and abs(fast_ms) >= REPORTED_MS
    if not measured:
        known_ms = fast_ms if fast_ms is not None and wrong else 0
        return Verdict(
            behind_ms=known_ms, ahead_ms=max(0, -known_ms), detail=_clock(known_ms) if wrong else ""
        )
    behind_ms, ahead_ms = max(measured), max(0, -min(measured))
    own_ms = fast_ms if fast_ms is not None and wrong else 0
    if fast_ms is None and ahead_ms >= REPORTED_MS:
        own_ms = -ahead_ms  # no tape is ahead of its time
    late_ms = behind_ms - own_ms
    said = [_clock(own_ms)] if own_ms else []
    if late_ms >= REPORTED_MS:
        said.append(_late(late_ms, sure=fast_ms is not None or bool(own_ms)))
    elif not own_ms and ahead_ms >= REPORTED_MS:
        said.append(f"Trades bear times {span(ahead_ms)} ahead of Finnhub's own clock")
    return Verdict(
        behind_ms=behind_ms,
        ahead_ms=ahead_ms,
        delay_ms=_whole(late_ms) if late_ms >= DELAYED_MS else None,
        detail="; ".join(said),
    )


def span(ms: int) -> str:
    """A duration in words: seconds, from two minutes on minutes."""
    seconds = round(abs(ms) / 1000)
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def _whole(ms: int) -> int:
    return round(ms / 1000) * 1000


def _clock(fast_ms: int) -> str:
    return f"This machine's clock is {span(fast_ms)} {'fast' if fast_ms > 0 else 'slow'}: {_SET_IT}"


def _late(late_ms: int, *, sure: bool) -> str:
    come = f"Trades come {span(late_ms)} late"
    if not sure:
        return f"{come}: the tape is delayed, or this machine's clock is fast; {_SET_IT}"
    if late_ms >= DELAYED_MS:
        return f"{come}: the key's plan gives a delayed tape, ask Finnhub for one in real time"
    return f"{come}: the line to Finnhub, or this machine, does not keep up"
