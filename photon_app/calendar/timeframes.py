"""Where the bars of a timeframe begin and end: aligned to the session of their symbol.

Pure functions of a symbol, a time and the exchange's calendar; nothing here reads a clock. All
spans are half-open, in UNIX ms, and the spans of one timeframe adjoin each other without a gap.

- ``1s`` to ``15m`` are counted from the full hour; every session begins there too, or a whole
  number of spans after it;
- ``1h`` of a US stock is counted from the start of its session (04:00, 09:30, 16:00 New York), so
  that no bar mixes two sessions: 09:00 to 09:30 is a short bar, and so is 15:30 to 16:00;
- ``1h`` of any other symbol is counted from the start of its day, which is a full hour except in
  zones whose offset is not a whole number of hours;
- ``1d`` is the symbol's trading day (``session.day_of``), with trades before and after the regular
  session, like the day figures of the book.
"""

import bisect
import datetime as dt
import functools
from collections.abc import Iterator

from photon_app.calendar.calendar import NEW_YORK, Calendar, new_york_date
from photon_app.calendar.session import Span, day_of, venue_of
from photon_app.model import Timeframe

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
"""24 hours: a trading day may be shorter or longer."""
NEVER_MS = 1 << 62
"""Later than every time."""
_FIXED_MS = {"1s": SECOND_MS, "1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS}


def span_at(timeframe: Timeframe, symbol: str, time_ms: int, calendar: Calendar) -> Span:
    """The span of the bar that contains a time."""
    fixed_ms = _FIXED_MS.get(timeframe)
    if fixed_ms is not None:
        start_ms = time_ms - time_ms % fixed_ms
        return Span(start_ms, start_ms + fixed_ms)
    if timeframe == "1d":
        return day_of(symbol, time_ms)
    if venue_of(symbol) != "us":
        day = day_of(symbol, time_ms)
        start_ms = time_ms - (time_ms - day.start_ms) % HOUR_MS
        return Span(start_ms, min(start_ms + HOUR_MS, day.end_ms))
    return _hour_of_session(time_ms, calendar)


def spans(
    timeframe: Timeframe, symbol: str, from_ms: int, to_ms: int, calendar: Calendar
) -> Iterator[Span]:
    """The spans that overlap a half-open range, in order."""
    time_ms = from_ms
    while time_ms < to_ms:
        span = span_at(timeframe, symbol, time_ms, calendar)
        yield span
        time_ms = span.end_ms


def _hour_of_session(time_ms: int, calendar: Calendar) -> Span:
    edges = _edges(new_york_date(time_ms), calendar)
    at = bisect.bisect_right(edges, time_ms)
    start_ms = edges[at - 1] + (time_ms - edges[at - 1]) // HOUR_MS * HOUR_MS
    return Span(start_ms, min(start_ms + HOUR_MS, edges[at]))


@functools.lru_cache(maxsize=4096)
def _edges(date: dt.date, calendar: Calendar) -> list[int]:
    """The times on a date from which hours are counted, and the next midnight."""
    midnights = (
        round(dt.datetime.combine(day, dt.time(), NEW_YORK).timestamp() * 1000)
        for day in (date, date + dt.timedelta(days=1))
    )
    day = calendar.day(date)
    return sorted({*midnights, *(day.edges_ms if day is not None else ())})
