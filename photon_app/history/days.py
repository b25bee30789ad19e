"""A symbol's newest trading day: what disk has of it, and what it came to so far.

Functions without a state of their own, called by ``History`` on the event loop. The first three ask
disk and wait for it; a question costs as much as one window of minutes. The others are pure.
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
"""A session was seen to its end when there is a minute from its last three."""
LONGER: tuple[Timeframe, ...] = ("5m", "15m", "1h", "1d")
"""Bars that have more than one minute."""


async def last_prices(
    store: Store, symbol: str, now_ms: int, calendar: Calendar
) -> tuple[float | None, float | None]:
    """The price that disk has last of the newest trading day, if that day still runs or was seen to
    its end; and the close of the day before, if it was seen. Neither when disk does not answer.
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
        store: what to ask.
        symbol: whose.
        from_ms: when the day begins, or earlier.
        to_ms: where the minutes end.
        calendar: the exchange's days.
        or_last: whether the last day that disk has is meant where it has nothing of the newest.

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
    """The last price of the regular session before that of some minutes.

    Raises:
        StorageError: the database does not answer.
    """
    if not stored:
        return None
    day = market_day(symbol, stored[-1].time_ms, calendar)
    before = market_day_before(symbol, day, calendar)
    bars = await store.read(symbol, before.start_ms, before.close_ms, 1, newest=True)
    return bars[-1].close if bars else None


def made_up(past: SimulatedPast, symbol: str, begun: Begun, known: AbstractSet[int]) -> list[Bar]:
    """What is made up of the day in which a simulator began a symbol, in as few bars as there are,
    or in minutes where some are known.
    """
    if not known:
        return past.so_far(symbol, *begun)
    return [bar for bar in past.running(symbol, *begun) if bar.time_ms not in known]


def running_at(
    symbol: str, time_ms: int, bars: Sequence[Bar], calendar: Calendar
) -> dict[Timeframe, tuple[Span, Bar]]:
    """The longer bars that some shorter ones make, of the spans that run at a time."""
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
    """What the day of the last of some minutes came to so far; ``None`` without minutes.

    Args:
        symbol: whose.
        minutes: the oldest first.
        now_ms: the market's time.
        calendar: the exchange's days.
        prev_close: see ``Recollection``.
        as_price: see there.
    """
    if not minutes:
        return None
    day = market_day(symbol, minutes[-1].time_ms, calendar)
    of_day = [bar for bar in minutes if bar.time_ms >= day.start_ms]
    # Minutes of a closed market are none of the day's, unless there are no others.
    whole = merge_all([bar for bar in of_day if bar.time_ms < day.done_ms] or of_day, 0)
    if whole is None:
        return None
    over = [bar for bar in minutes if day.start_ms <= bar.time_ms < day.close_ms]
    close = over[-1].close if over and now_ms >= day.close_ms else None
    return Recollection(day=whole, close=close, prev_close=prev_close, as_price=as_price)


def _last_since(bars: Sequence[Bar], time_ms: int) -> float | None:
    """The last price of bars, if the last of them is not older than a time."""
    return bars[-1].close if bars and bars[-1].time_ms >= time_ms else None
