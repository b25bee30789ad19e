"""A symbol's newest trading day: its minutes on disk, and its figures so far.

Functions without state, called by ``History`` on the event loop. The first three query disk and
wait for it; each query costs as much as one window of minutes. The others are pure.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import Span, market_day, market_day_before
from photon_app.calendar.timeframes import MINUTE_MS, span_at
from photon_app.errors import StorageError
from photon_app.feed.simulated.past import SimulatedPast
from photon_app.history.followed import Begun
from photon_app.market.bars import MOST_MINUTES
from photon_app.market.merge import merge_all
from photon_app.model import Bar, Recollection, Timeframe
from photon_app.storage.store import Store

SEEN_MS = 3 * MINUTE_MS
"""A session was recorded to its end if there is a bar in its last three minutes."""
LONGER: tuple[Timeframe, ...] = ("5m", "15m", "1h", "1d")
"""The timeframes of more than one minute."""


async def last_prices(
    store: Store, symbol: str, now_ms: int, calendar: Calendar
) -> tuple[float | None, float | None]:
    """The last price on disk of the newest trading day, if that day is not over or was recorded to
    its end; and the close of the day before, if its end was recorded. Both are ``None`` when disk
    does not answer.
    """
    day = market_day(symbol, now_ms, calendar)
    before = market_day_before(symbol, day, calendar)
    try:
        newest = await store.read(symbol, day.start_ms, now_ms, 1, newest=True)
        closing = await store.read(symbol, before.start_ms, before.close_ms, 1, newest=True)
    except StorageError:
        return None, None
    since_ms = day.start_ms if now_ms < day.done_ms else day.done_ms - SEEN_MS
    return _last_since(newest, since_ms), _last_since(closing, before.close_ms - SEEN_MS)


async def newest_day(
    store: Store, symbol: str, from_ms: int, to_ms: int, calendar: Calendar, *, or_last: bool
) -> Sequence[Bar]:
    """The minutes that disk has of a symbol's newest trading day.

    Args:
        store: the bars on disk.
        symbol: which.
        from_ms: when the day begins, or earlier.
        to_ms: where the minutes end.
        calendar: the exchange's days.
        or_last: whether to return the last day that disk has if it has nothing of the newest.

    Raises:
        StorageError: the database does not answer.
    """
    stored = await store.read(symbol, from_ms, to_ms, MOST_MINUTES + 1, newest=True)
    if stored or not or_last:
        return stored
    newest_ms = await store.newest_ms(symbol)
    if newest_ms is None:
        return ()
    day = market_day(symbol, newest_ms, calendar)
    return await store.read(symbol, day.start_ms, to_ms, MOST_MINUTES + 1, newest=True)


async def prev_close(
    store: Store, symbol: str, stored: Sequence[Bar], calendar: Calendar
) -> float | None:
    """The last price of the regular session before the day of these stored minutes.

    Raises:
        StorageError: the database does not answer.
    """
    if not stored:
        return None
    day = market_day(symbol, stored[-1].time_ms, calendar)
    before = market_day_before(symbol, day, calendar)
    bars = await store.read(symbol, before.start_ms, before.close_ms, 1, newest=True)
    return bars[-1].close if bars else None


def invented_bars(
    past: SimulatedPast, symbol: str, begun: Begun, known: AbstractSet[int]
) -> list[Bar]:
    """The invented bars of the day in which a simulator began a symbol: as few bars as possible, or
    minutes without the ``known`` ones if there are any.
    """
    if not known:
        return past.so_far(symbol, *begun)
    return [bar for bar in past.running(symbol, *begun) if bar.time_ms not in known]


def running_at(
    symbol: str, time_ms: int, bars: Sequence[Bar], calendar: Calendar
) -> dict[Timeframe, tuple[Span, Bar]]:
    """The longer bars that shorter ones make, for each timeframe the span that has a time."""
    found: dict[Timeframe, tuple[Span, Bar]] = {}
    for timeframe in LONGER:
        span = span_at(timeframe, symbol, time_ms, calendar)
        within = (bar for bar in bars if span.start_ms <= bar.time_ms < span.end_ms)
        if (bar := merge_all(within, span.start_ms)) is not None:
            found[timeframe] = span, bar
    return found


def recollect(
    symbol: str,
    minutes: Sequence[Bar],
    now_ms: int,
    calendar: Calendar,
    *,
    prev_close: float | None,
    as_price: bool,
) -> Recollection | None:
    """The figures so far of the day of the last of these minutes; ``None`` without minutes.

    Args:
        symbol: which.
        minutes: the oldest first.
        now_ms: the market's time.
        calendar: the exchange's days.
        prev_close: see ``Recollection``.
        as_price: see ``Recollection``.
    """
    if not minutes:
        return None
    day = market_day(symbol, minutes[-1].time_ms, calendar)
    of_day = [bar for bar in minutes if bar.time_ms >= day.start_ms]
    # Minutes of a closed market do not count for the day, unless there are no others.
    whole = merge_all([bar for bar in of_day if bar.time_ms < day.done_ms] or of_day, 0)
    if whole is None:
        return None
    over = [bar for bar in minutes if day.start_ms <= bar.time_ms < day.close_ms]
    close = over[-1].close if over and now_ms >= day.close_ms else None
    return Recollection(day=whole, close=close, prev_close=prev_close, as_price=as_price)


def _last_since(bars: Sequence[Bar], time_ms: int) -> float | None:
    """The last price of these bars, if the last of them begins at a time or later."""
    return bars[-1].close if bars and bars[-1].time_ms >= time_ms else None
