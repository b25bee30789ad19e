"""How far a tape is behind this machine's clock, and whose fault that is.

``Offset`` measures: a trade arrives some tenths of a second after its exchange's time, so the least
of what the trades of a few seconds took is the distance of the two clocks, and how long the tape is
held back. A trade with an odd time, or a report that came late, is in few such spans: of the spans
a middle one counts. ``judge`` says whose fault a distance is; a server's own clock, from
the ``Date`` of an answer, tells a delayed tape from a wrong clock here. Pure and synchronous;
called by ``FinnhubFeed`` on the event loop.

Bound: ``SPANS`` numbers of each of ``MARKETS`` exchanges.
"""

import statistics
from collections import deque

from photon_app.model import Fact, Trade

SPAN_S = 5.0
SPANS = 12
LEAST_SPANS = 3
"""Fewer prove nothing."""
KEPT_S = 600.0
"""A span that is older says nothing of now."""
MARKETS = 16

YEAR_2000_MS, YEAR_2100_MS = 946_684_800_000, 4_102_444_800_000

REPORTED_MS = 5_000
"""A distance of so much is told to people."""
DELAYED_MS = 60_000
"""A tape that is held back by so much is a delayed one."""
SETTLED_MS = 2_000
"""Less than that is no change of what was told."""


class Offset:
    """What trades tell of the distance, by exchange: a plan may delay one and not another."""

    def __init__(self) -> None:
        self._spans: dict[str, deque[list[float]]] = {}

    def clear(self) -> None:
        """The clock here was set: what was measured holds no more."""
        self._spans.clear()

    def arrived(self, symbol: str, time_ms: int, now_ms: int, now_s: float) -> bool:
        """A trade came. Whether it is the first one of a span.

        Args:
            symbol: whose.
            time_ms: the exchange's time of it.
            now_ms: this machine's.
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
        """By how many ms each exchange's tape is behind; negative where it is ahead. Without those
        of which too little came.
        """
        oldest = (now_s - KEPT_S) // SPAN_S
        recent = ([ms for begun, ms in spans if begun >= oldest] for spans in self._spans.values())
        return [_typical(sorted(each)) for each in recent if len(each) >= LEAST_SPANS]

    def guess(self, now_s: float) -> int:
        """The same of all together, from the little that came; 0 when nothing did. It can be too
        much, so that whoever waits for a tape waits too long rather than too short.
        """
        oldest = (now_s - KEPT_S) // SPAN_S
        least = [
            min((ms for begun, ms in spans if begun >= oldest), default=0)
            for spans in self._spans.values()
        ]
        return max(0, round(max(least, default=0)))


def _typical(spans: list[float]) -> int:
    """The middle one; of a tape that is behind the quarter, because in a quiet market some spans
    have nothing but reports that came late.
    """
    middle = statistics.median_low(spans)
    return round(middle if middle <= 0 else max(0, spans[len(spans) // 4]))


class Verdict(Fact, frozen=True):
    """What is to be made of the distance."""

    behind_ms: int = 0
    """How far the slowest tape is behind this machine's clock; negative when all are ahead."""
    ahead_ms: int = 0
    """How far a tape is ahead of it."""
    delay_ms: int | None = None
    """How long the tape is held back."""
    detail: str = ""
    """A sentence with what to do, when it is more than seconds."""

    def settled(self, before: "Verdict") -> "Verdict":
        """This one, or the one before where it says the same but for a small difference."""
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
    """What is known of the distance of one feed's tape, and what was made of it last."""

    def __init__(self) -> None:
        self._offset = Offset()
        self._guess_ms = 0
        self.verdict = Verdict()

    @property
    def distance(self) -> tuple[int, int]:
        """How far the tape is behind this machine's clock, and how far ahead; a guess at first."""
        if self.verdict == Verdict():
            return self._guess_ms, 0
        return self.verdict.behind_ms, self.verdict.ahead_ms

    def arrived(self, trade: Trade, now_ms: int, now_s: float) -> bool:
        """A trade came; see ``Offset.arrived``."""
        return self._offset.arrived(trade.symbol, trade.time_ms, now_ms, now_s)

    def clear(self) -> None:
        """This machine slept, or its clock was set: it is measured anew."""
        self._offset.clear()

    def set_back(self, back_ms: int) -> None:
        """This machine's clock was set back: the tape is ahead by so much more."""
        self._offset.clear()
        self.verdict = Verdict(
            behind_ms=self.verdict.behind_ms - back_ms,
            ahead_ms=self.verdict.ahead_ms + back_ms,
            delay_ms=self.verdict.delay_ms,
        )

    def look(self, now_s: float, fast_ms: int | None) -> None:
        """Judge anew, where there is something to judge by: a delay is not forgotten because the
        market is closed.
        """
        measured = self._offset.measured(now_s)
        wrong = fast_ms is not None and abs(fast_ms) >= REPORTED_MS
        if measured or wrong or (fast_ms is not None and self.verdict.delay_ms is None):
            self.verdict = judge(measured, fast_ms).settled(self.verdict)
        self._guess_ms = 0 if measured else self._offset.guess(now_s)


_SET_IT = "set it, for example with timedatectl set-ntp true"


def judge(measured: list[int], fast_ms: int | None) -> Verdict:
    """Say whose fault a distance is.

    Args:
        measured: what ``Offset.measured`` says.
        fast_ms: how fast this machine's clock is, by the ``Date`` of an answer; ``None`` when that
            is not known.
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
    """A time in words: seconds, and from two minutes on minutes."""
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
