"""The market's current time and session, as clients are sent them.

Synchronous, on the event loop; pure except that the current session is cached until it ends.
"""

from typing import Protocol

import msgspec

from photon_app.calendar.calendar import Calendar, CalendarSource, Phase
from photon_app.model import Clock, MarketSession


class MarketView(msgspec.Struct, frozen=True):
    """The market's time and session, as ``status`` shows them."""

    session: MarketSession
    until_ms: int
    following: MarketSession
    now_ms: int
    rate: float


class Hours(Protocol):
    """The market's hours, for code that reports them."""

    @property
    def calendar(self) -> Calendar:
        """The exchange's days that are known now."""
        ...

    def view(self) -> MarketView:
        """The current time and session."""
        ...


class MarketHours:
    """``Hours`` by a feed's clock. The session is looked up only when it may have changed.

    Args:
        clock: the market's clock.
        days: the source of the exchange's days.
    """

    def __init__(self, clock: Clock, days: CalendarSource) -> None:
        self._clock = clock
        self._days = days
        self._looked_up: Calendar | None = None
        self._looked_up_ms = 0
        self._phase = Phase("closed", 0, "closed")

    @property
    def calendar(self) -> Calendar:
        """The exchange's days that are known now."""
        return self._days.calendar

    def view(self) -> MarketView:
        """The current time and session."""
        now_ms, calendar = self._clock.now_ms(), self._days.calendar
        known = self._looked_up_ms <= now_ms < self._phase.until_ms
        if not known or calendar is not self._looked_up:
            self._phase = calendar.phase_at(now_ms)
            self._looked_up, self._looked_up_ms = calendar, now_ms
        phase = self._phase
        return MarketView(phase.session, phase.until_ms, phase.following, now_ms, self._clock.rate)
