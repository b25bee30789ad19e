"""Where prices and names come from, as the settings ask for it: a feed, a reference, one end.

Owns the choice and what hangs together with it: a Finnhub feed and the reference share one key and
so one ``FinnhubRest``. Called once by whoever runs a process, which closes what it got.
"""

import dataclasses
import random
from collections.abc import Awaitable, Callable

from photon_app.feed.finnhub import FinnhubFeed
from photon_app.feed.finnhub_rest import FinnhubRest
from photon_app.feed.intake import Tap
from photon_app.feed.protocol import Feed, SystemTime
from photon_app.feed.reference import FinnhubReference
from photon_app.feed.replay import ReplayFeed
from photon_app.feed.simulated import Past, SimulatedFeed, round_to_tick
from photon_app.feed.simulated_past import past_day
from photon_app.listings import BundledReference
from photon_app.market import session
from photon_app.market.calendar import Calendar, Phase
from photon_app.model import Bar, MarketSession, Reference
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
    aclose: Callable[[], Awaitable[None]] = _nothing
    """Call it when the feed has ended."""


def of(
    settings: Settings, *, calendar: Callable[[], Calendar] = Calendar, tap: Tap | None = None
) -> Upstream:
    """What the settings ask for. Needs a running event loop.

    Args:
        settings: of this process.
        calendar: the exchange's days as they are known.
        tap: is given each frame of upstream as it comes; a replay has none. Who records wants the
            line and nothing else: no REST call is made then.

    Raises:
        RecordingError: the file to replay is not a recording.
    """
    if settings.feed == "replay":
        return Upstream(feed=_replay(settings))
    if settings.feed == "finnhub":
        return _finnhub(settings, calendar, tap)
    feed = SimulatedFeed(
        interval_ms=settings.sim_interval_ms,
        seed=settings.sim_seed,
        start_prices=settings.start_prices,
        tap=tap,
        past=_past(calendar),
    )
    return Upstream(feed=feed)


class _Phases:
    """The session at times that go on: a day has four, and 1,440 minutes."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._phase = Phase("closed", 0, "closed")

    def session_at(self, time_ms: int) -> MarketSession:
        if time_ms >= self._phase.until_ms:
            self._phase = self._calendar.phase_at(time_ms)
        return self._phase.session


def _past(calendar: Callable[[], Calendar]) -> Past:
    """What makes up a simulated symbol's day before it was wanted."""

    def make(
        symbol: str, rng: random.Random, now_ms: int, price: float, prev_close: float
    ) -> list[Bar]:
        stock = session.venue_of(symbol) == "us"
        known = _Phases(calendar())
        return past_day(
            rng,
            now_ms=now_ms,
            day_start_ms=session.day_of(symbol, now_ms).start_ms,
            price=price,
            prev_close=prev_close,
            session_at=known.session_at if stock else lambda _: None,
            round_to_tick=round_to_tick,
        )

    return make


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
    rest = FinnhubRest(settings.finnhub_api_url, key)

    def open_now(symbol: str) -> bool:
        return session.trades_at(session.venue_of(symbol), now_ms(), calendar())

    feed = FinnhubFeed(
        settings.finnhub_ws_url,
        key,
        limit=settings.symbol_limit,
        rest=rest if tap is None else None,
        open_now=open_now,
        day_of=lambda symbol: session.day_of(symbol, now_ms()),
        linger_s=settings.linger_s,
        tap=tap,
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
        aclose=rest.aclose,
    )
