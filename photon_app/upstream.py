"""Where prices and names come from, as the settings ask for it: a feed, a reference, one end.

Owns the choice and what hangs together with it: a Finnhub feed and the reference share one key and
so one ``FinnhubRest``. Called once by whoever runs a process, which closes what it got.
"""

import dataclasses
import functools
from collections.abc import Awaitable, Callable

from photon_app.feed.finnhub import FinnhubFeed
from photon_app.feed.finnhub_rest import FinnhubRest
from photon_app.feed.intake import Tap
from photon_app.feed.protocol import Feed, SystemTime
from photon_app.feed.reference import FinnhubReference
from photon_app.feed.replay import ReplayFeed
from photon_app.feed.simulated import SimulatedFeed, known_price, round_to_tick
from photon_app.feed.simulated_past import Hour, Hours, SimulatedPast
from photon_app.feed.spelling import Spellings
from photon_app.listings import BundledReference
from photon_app.market import digits, session
from photon_app.market.calendar import Calendar
from photon_app.market.timeframes import spans
from photon_app.model import MarketSession, Reference
from photon_app.settings import Settings


async def _nothing() -> None:
    """There is nothing to close."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """What one process gets from outside."""

    feed: Feed
    reference: Reference = dataclasses.field(default_factory=BundledReference)
    asked: Callable[[], dict[str, int]] = dict
    """What was asked over REST since the start, by kind."""
    spelled: Callable[[str], None] = lambda _: None
    """Told a symbol as somebody wrote it, where not in capitals."""
    aclose: Callable[[], Awaitable[None]] = _nothing
    """Call it when the feed has ended."""
    past: SimulatedPast | None = None
    """What the feed makes up of the time before it; only a simulator does."""


def of(
    settings: Settings, *, calendar: Callable[[], Calendar] = Calendar, tap: Tap | None = None
) -> Upstream:
    """What the settings ask for. Needs a running event loop.

    Args:
        settings: of this process.
        calendar: the exchange's days as they are known.
        tap: is given each frame of upstream as it comes; a replay has none. A recorder wants the
            line and nothing else: no REST call is made then.

    Raises:
        RecordingError: the file to replay is not a recording.
    """
    if settings.feed == "replay":
        return Upstream(feed=_replay(settings))
    if settings.feed == "finnhub":
        return _finnhub(settings, calendar, tap)
    past = simulated_past(settings, calendar)
    feed = SimulatedFeed(
        interval_ms=settings.sim_interval_ms,
        seed=settings.sim_seed,
        start_prices=settings.start_prices,
        tap=tap,
        past=past,
        to_tick=to_tick,
    )
    return Upstream(feed=feed, past=past)


def to_tick(symbol: str, price: float) -> float:
    """The nearest price at which a symbol is traded by a simulator: of a cent for what costs one or
    more, else, and for rates of foreign exchange, with the decimals that it is shown with.
    """
    if price >= 1.0 and not digits.is_rate(symbol):
        return round_to_tick(price)
    decimals = digits.least(symbol, price)
    return max(round(price, decimals), round(10.0**-decimals, decimals))


def simulated_past(settings: Settings, calendar: Callable[[], Calendar]) -> SimulatedPast:
    """What a simulator makes up of the time before it. Without a seed it is the same in every
    process, whatever its prices do from now on.
    """
    alike: dict[str, str] = {}
    """One symbol of each market, whose hours are those of all."""

    def hours_at(symbol: str, time_ms: int) -> Hours:
        known = alike.setdefault(session.market_of(symbol), symbol)
        return _hours(known, session.market_day(known, time_ms, calendar()), calendar())

    return SimulatedPast(
        settings.sim_seed or 0,
        start_price=known_price,
        given=settings.start_prices,
        hours_at=hours_at,
        to_tick=to_tick,
    )


_LIVELY: dict[MarketSession, float] = {"pre": 0.25, "regular": 1.0, "post": 0.2, "closed": 0.05}


@functools.lru_cache(maxsize=2048)
def _hours(symbol: str, day: session.MarketDay, calendar: Calendar) -> Hours:
    """The hours of a trading day, each of one session."""
    stock = session.venue_of(symbol) == "us"
    opens_ms, closes_ms = session.hours_on(symbol, day) or (day.start_ms, day.done_ms)
    hours = []
    for span in spans("1h", symbol, opens_ms, closes_ms, calendar):
        lively = _LIVELY[calendar.phase_at(span.start_ms).session] if stock else 1.0
        begin_ms, end_ms = max(span.start_ms, opens_ms), min(span.end_ms, closes_ms)
        hours.append(Hour(begin_ms, end_ms, lively))
    close_ms = day.close_ms if stock else closes_ms
    return Hours(tuple(hours), close_ms, day.start_ms, day.end_ms)


def _replay(settings: Settings) -> ReplayFeed:
    assert settings.replay_path is not None, "settings give a replay its path"
    return ReplayFeed(
        settings.replay_path,
        speed=settings.replay_speed,
        loop=settings.replay_loop,
        start=settings.replay_start,
    )


def _finnhub(settings: Settings, calendar: Callable[[], Calendar], tap: Tap | None) -> Upstream:
    key = settings.finnhub_api_key
    assert key is not None, "settings give Finnhub its key"
    now_ms = SystemTime().now_ms
    spellings = Spellings()
    for text in settings.spellings:
        spellings.guess(text)
    rest = FinnhubRest(settings.finnhub_api_url, key, spellings=spellings)

    def open_now(symbol: str) -> bool:
        return session.trades_at(symbol, now_ms(), calendar())

    feed = FinnhubFeed(
        settings.finnhub_ws_url,
        key,
        limit=settings.symbol_limit,
        rest=rest if tap is None else None,
        open_now=open_now,
        market_of=session.market_of,
        day_of=lambda symbol: (
            session.day_of(symbol, now_ms()),
            session.market_day(symbol, now_ms(), calendar()),
        ),
        linger_s=settings.linger_s,
        tap=tap,
        spellings=spellings,
    )
    return Upstream(
        feed=feed,
        reference=FinnhubReference(rest, BundledReference()),
        asked=lambda: {
            "requests": rest.counters.requests,
            "throttled": rest.counters.throttled,
            "failed": rest.counters.failed,
            "cached": rest.counters.cached,
        },
        spelled=spellings.guess,
        aclose=rest.aclose,
    )
