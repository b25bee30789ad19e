"""Where prices and names come from, according to the settings: a feed, a reference, and one way to
close them.

Owns the choice and what depends on it: a Finnhub feed and its reference share one key and so one
``FinnhubRest``. Called once by the code that runs a process, which also closes the result.
"""

import dataclasses
import functools

import msgspec

from photon_app.calendar import session
from photon_app.calendar.calendar import Calendar, CalendarSource
from photon_app.calendar.timeframes import spans
from photon_app.clock import SYSTEM
from photon_app.feed.finnhub import poll_schedule
from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub.reference import FinnhubReference
from photon_app.feed.finnhub.rest import FinnhubRest
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.feed.intake import Tap
from photon_app.feed.protocol import Feed
from photon_app.feed.recording.replay import ReplayFeed
from photon_app.feed.simulated.feed import SimulatedFeed, round_to_tick
from photon_app.feed.simulated.past import Hour, Hours, SimulatedPast
from photon_app.feed.simulated.prices import known_price
from photon_app.listings import BundledReference
from photon_app.market import digits
from photon_app.model import MarketSession, Reference
from photon_app.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """The sources of one process."""

    feed: Feed
    reference: Reference = dataclasses.field(default_factory=BundledReference)
    rest: FinnhubRest | None = None
    """Finnhub's REST client; ``None`` for other sources."""
    spellings: Spellings | None = None
    """How upstream writes symbols that it may not write in capitals."""
    past: SimulatedPast | None = None
    """The invented history before the feed started; only a simulator has one."""

    def rest_requests(self) -> dict[str, int]:
        """REST requests since the start, by kind; empty for a source without REST."""
        return {} if self.rest is None else msgspec.structs.asdict(self.rest.counters)

    def spelled(self, text: str) -> None:
        """Note that a client wrote a symbol in this spelling, which is not all capitals."""
        if self.spellings is not None:
            self.spellings.guess(text)

    async def aclose(self) -> None:
        """Cancel the requests in flight; call it after the feed has ended."""
        if self.rest is not None:
            await self.rest.aclose()


_CALENDAR = Calendar()
"""The exchange's days without the process that computes them."""


def of(
    settings: Settings, *, calendars: CalendarSource = _CALENDAR, tap: Tap | None = None
) -> Upstream:
    """The sources that the settings ask for. Needs a running event loop.

    Args:
        settings: of this process.
        calendars: the exchange's days as they are known.
        tap: is given each upstream frame as it arrives; a replay has none. A recorder needs the
            connection only, so no REST call is made when there is a tap.

    Raises:
        RecordingError: the file to replay is not a recording.
    """
    if settings.feed == "replay":
        return Upstream(feed=_replay(settings))
    if settings.feed == "finnhub":
        return _finnhub(settings, calendars, tap)
    past = simulated_past(settings, calendars)
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
    """The nearest price at which a simulator trades a symbol: whole cents for a price of one or
    more; else, and for exchange rates, the number of decimals with which it is displayed.
    """
    if price >= 1.0 and not digits.is_rate(symbol):
        return round_to_tick(price)
    decimals = digits.least(symbol, price)
    return max(round(price, decimals), round(10.0**-decimals, decimals))


def simulated_past(settings: Settings, calendars: CalendarSource) -> SimulatedPast:
    """The history that a simulator invents for the time before it started. Without a seed it is the
    same in every process, whatever the simulated prices do from then on.
    """
    exchange = SimulatedExchange(calendars)
    return SimulatedPast(settings.sim_seed or 0, exchange, settings.start_prices)


class SimulatedExchange:
    """Where a simulator's symbols are traded: the hours and ticks of their real exchanges.

    Args:
        calendars: the exchange's days as they are known.
    """

    def __init__(self, calendars: CalendarSource) -> None:
        self._calendars = calendars
        self._alike: dict[str, str] = {}
        """One symbol of each market; its hours are those of every symbol of that market."""

    def start_price(self, symbol: str) -> float:
        """The price that a symbol is known for."""
        return known_price(symbol)

    def hours_at(self, symbol: str, time_ms: int) -> Hours:
        """The newest trading day of a symbol that has begun by the given time."""
        known = self._alike.setdefault(session.market_of(symbol), symbol)
        calendar = self._calendars.calendar
        return _hours(known, session.market_day(known, time_ms, calendar), calendar)

    def to_tick(self, symbol: str, price: float) -> float:
        """The nearest price at which a symbol is traded."""
        return to_tick(symbol, price)


_LIVELY: dict[MarketSession, float] = {"pre": 0.25, "regular": 1.0, "post": 0.2, "closed": 0.05}


@functools.lru_cache(maxsize=2048)
def _hours(symbol: str, day: session.MarketDay, calendar: Calendar) -> Hours:
    """The hours of a trading day, each within one session."""
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


class RealMarkets:
    """The markets of Finnhub's symbols, on the wall clock.

    Args:
        calendars: the exchange's days as they are known.
    """

    def __init__(self, calendars: CalendarSource) -> None:
        self._calendars = calendars
        self._now_ms = SYSTEM.now_ms

    def market_of(self, symbol: str) -> str:
        """The key of a symbol's market; all symbols of one market have the same days and hours."""
        return session.market_of(symbol)

    def hours_of(self, symbol: str) -> poll_schedule.Hours:
        """The day of a symbol's market, and whether it trades in regular hours now."""
        now_ms, calendar = self._now_ms(), self._calendars.calendar
        return poll_schedule.Hours(
            day=(session.day_of(symbol, now_ms), session.market_day(symbol, now_ms, calendar)),
            open=session.trades_at(symbol, now_ms, calendar),
        )


def _finnhub(settings: Settings, calendars: CalendarSource, tap: Tap | None) -> Upstream:
    key = settings.finnhub_api_key
    assert key is not None, "settings give Finnhub its key"
    spellings = Spellings()
    for text in settings.spellings:
        spellings.guess(text)
    rest = FinnhubRest(settings.finnhub_api_url, key, spellings=spellings)
    feed = FinnhubFeed(
        settings.finnhub_ws_url,
        key,
        limit=settings.symbol_limit,
        rest=rest if tap is None else None,
        markets=RealMarkets(calendars),
        linger_s=settings.linger_s,
        tap=tap,
        spellings=spellings,
    )
    reference = FinnhubReference(rest, BundledReference())
    return Upstream(feed=feed, reference=reference, rest=rest, spellings=spellings)
